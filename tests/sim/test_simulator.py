import subprocess
import sys

import pytest

from doorlab.errors import ConfigError
from doorlab.sim import make_simulator


def test_unknown_simulator():
    with pytest.raises(ConfigError, match="did you mean 'pybullet'"):
        make_simulator("bullet")


def test_closing_twice_is_harmless():
    simulator = make_simulator()
    simulator.close()
    simulator.close()


def test_without_pybullet_the_library_imports_and_simulation_says_why():
    code = (
        "import sys; sys.modules['pybullet'] = None\n"
        "import doorlab.sim, doorlab.stages.train, doorlab.stages.bandit, doorlab_envs\n"
        "try: doorlab.sim.make_simulator()\n"
        "except doorlab.errors.SimulatorError as error: print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "expected pybullet to be installed" in run.stdout


def test_the_engine_is_silent():
    code = "from doorlab.sim import make_simulator; make_simulator().close()"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("", "")
