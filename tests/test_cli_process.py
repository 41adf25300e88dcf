"""The command line as a process: signals at awkward moments, streams that are closed or full."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from doorlab import cli
from doorlab.cli import main


def run(code, *args, **options):
    return subprocess.run(
        [sys.executable, "-c", code, *args],
        stderr=subprocess.PIPE, text=True, check=False, **options,
    )  # fmt: skip


def test_command_line_reports_interrupted_import(monkeypatch, capsys):
    """Extension modules turn KeyboardInterrupt into ImportError."""

    def interrupted(name):
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt as stop:
            raise ImportError("SystemError: <built-in function> returned a result") from stop

    monkeypatch.setattr(cli.importlib, "import_module", interrupted)
    for stage, words in (
        ("probe", "no result was written"),
        ("study", "run the same command again to continue"),
    ):
        assert main([stage]) == 130
        assert capsys.readouterr().err == f"doorlab: error: interrupted: {words}\n"


def test_command_line_propagates_unexpected_errors(monkeypatch):
    def broken(name):
        raise ImportError("no such thing")

    monkeypatch.setattr(cli.importlib, "import_module", broken)
    with pytest.raises(ImportError, match="no such thing"):
        main(["info"])


def test_second_ctrl_c_at_exit_prints_no_traceback():
    done = run(
        "import atexit, os, signal, sys\n"
        "from doorlab.cli import main\n"
        "atexit.register(os.kill, os.getpid(), signal.SIGINT)\n"
        "sys.exit(main())",
        "nonsense",
        stdout=subprocess.DEVNULL,
    )
    assert done.returncode == -signal.SIGINT
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_command_line_reports_full_disk_of_output_in_one_line():
    with open("/dev/full", "w") as full:
        done = run("import sys; from doorlab.cli import main; sys.exit(main())", "-h", stdout=full)
    assert done.returncode == 1
    assert done.stderr.startswith("doorlab: error: Expected free space, but got a full disk. ")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_generate_command_continues_with_full_disk_for_log(tmp_path):
    code = "import sys; from doorlab.cli import main; sys.exit(main())"
    args = ["--doors", "2", "--frames", "1", "--interactions", "1", "--image-size", "16"]
    args += ["--videos", "0", "--workers", "1", "--out", str(tmp_path / "doors")]
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-c", code, "generate", *args]
        assert subprocess.run(command, stderr=full, check=False).returncode == 0
    assert main(["info", str(tmp_path / "doors"), "--verify"]) == 0


def test_command_line_ignores_closed_pipe():
    reader, writer = os.pipe()
    os.close(reader)
    done = run("import sys; from doorlab.cli import main; sys.exit(main())", "-h", stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize("closed", [(1,), (0, 1, 2)])
def test_generate_command_works_with_closed_standard_streams(closed, tmp_path):
    """C libraries would write to files that take the number of a closed stream."""
    args = ["--doors", "2", "--frames", "1", "--interactions", "1", "--image-size", "16"]
    code = (
        "import os, sys\n"
        f"for fd in {closed}: os.close(fd)\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'doorlab', *sys.argv[1:]])"
    )
    args = [*args, "--videos", "0", "--workers", "1", "--out", str(tmp_path / "doors")]
    done = run(code, "generate", *args, stdout=subprocess.PIPE)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "doors" / "dataset.json").exists()
