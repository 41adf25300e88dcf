import os
import signal
import subprocess
import sys

import pytest
from helpers.liveness import alive, pids, wait_until

# A demo of one step, whose command says who it is and then sleeps.
PARENT = """
import sys
from pathlib import Path
from rich.console import Console
from doorlab import cli; from doorlab.parallel import lifeline
from doorlab.studies import demo

lifeline._COMMAND = lifeline._COMMAND.replace("from doorlab.cli", "from sleeping")
out = Path(sys.argv[1])
step = demo.Step("asleep", (str(out / "pid"),), out / "result")
cli.parse = lambda *_: None
demo.run = lambda _: demo.run_steps([step], out, 1, Console())
sys.exit(cli.main(["demo"]))
"""
CHILD = """
import os, sys, time

def main():
    with open(sys.argv[1], "w") as file:
        file.write(str(os.getpid()))
    time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_demo_subprocesses_end_with_parent(tmp_path, number):
    (tmp_path / "sleeping.py").write_text(CHILD)
    path = os.pathsep.join([str(tmp_path), *sys.path])
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    (child,) = pids([tmp_path / "pid"])
    parent.send_signal(number)
    _, said = parent.communicate(timeout=20)
    wait_until(lambda: not alive(child))
    if number == signal.SIGKILL:
        assert parent.returncode == -signal.SIGKILL
    else:
        assert (parent.returncode, said.count("\n")) == (130, 1)
        assert said.startswith("doorlab: error: interrupted")
