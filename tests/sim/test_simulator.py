import subprocess
import sys

import pytest

from doorlab.errors import ConfigError
from doorlab.sim import make_simulator, resolve_simulator


def test_make_simulator_suggests_known_name():
    with pytest.raises(ConfigError, match="Did you mean 'pybullet'"):
        make_simulator("bullet")


def test_close_is_idempotent():
    simulator = make_simulator("pybullet")
    simulator.close()
    simulator.close()


def test_make_simulator_names_missing_pybullet():
    pytest.importorskip("torch")
    code = (
        "import sys; sys.modules['pybullet'] = None\n"
        "import doorlab.sim, doorlab.stages.train, doorlab.stages.bandit, doorlab_envs\n"
        "try: doorlab.sim.make_simulator('pybullet')\n"
        "except doorlab.errors.SimulatorError as error: print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "Expected pybullet to be installed" in run.stdout


def test_auto_is_installed_pybullet(capsys):
    pytest.importorskip("pybullet")
    simulator = make_simulator()
    simulator.close()
    assert (resolve_simulator("auto"), simulator.name) == ("pybullet", "pybullet")
    assert capsys.readouterr().err == ""


def test_auto_is_torch_without_pybullet_and_says_so_once():
    code = (
        "import sys; sys.modules['pybullet'] = None\n"
        "from doorlab.sim import make_simulator, resolve_simulator\n"
        "print(resolve_simulator('auto'), make_simulator().name, make_simulator('torch').name)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout == "torch torch torch\n"
    assert run.stderr == "doorlab: the simulator is torch, because PyBullet is not installed\n"


def test_auto_ignores_folder_named_pybullet(tmp_path, monkeypatch):
    (tmp_path / "pybullet").mkdir()
    monkeypatch.delitem(sys.modules, "pybullet", raising=False)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert resolve_simulator("auto") == "torch"


def test_resolve_simulator_keeps_other_names():
    assert resolve_simulator("panda") == "panda"
    assert resolve_simulator("barn_doors:BarnSimulator") == "barn_doors:BarnSimulator"


def test_engine_prints_nothing():
    code = "from doorlab.sim import make_simulator; make_simulator('pybullet').close()"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("", "")


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module barn_simulators on the Python path."""
    (tmp_path / "barn_simulators.py").write_text(
        "from helpers.fake_simulator import FakeSimulator\n"
        "NUMBER = 3\n"
        "def of_doors(doors): ...\n"
        "class Renderer:\n"
        "    name = renderer = 'barn'\n"
        "    def render(self): ...\n"
    )
    (tmp_path / "barn_broken.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for name in ("barn_simulators", "barn_broken"):
        sys.modules.pop(name, None)


def test_make_simulator_imports_factory(module):
    assert make_simulator("barn_simulators:FakeSimulator").renderer == "fake"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("barn:X", "a module barn for the simulator barn:X, but got none"),
        ("barn_simulators:X", "X in the module barn_simulators"),
        ("barn_simulators:NUMBER", "without arguments that returns a Simulator .* the type int"),
        ("barn_simulators:of_doors", "without arguments .*, but got .* the type function"),
        ("barn_simulators:Renderer", "the type Renderer without interact, close. Complete"),
        ("barn_broken:X", r"can be imported, .*, but got ZeroDivisionError \(division by zero\)"),
    ],
)
def test_make_simulator_rejects_invalid_import_path_in_one_sentence(module, name, message):
    with pytest.raises(ConfigError, match=message) as caught:
        make_simulator(name)
    assert "\n" not in str(caught.value)
