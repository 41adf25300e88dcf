import io

import pytest

from doorlab.cli import STAGES, command_module, parse
from doorlab.data import GenerationConfig
from doorlab.data.manifest import Manifest
from doorlab.errors import ConfigError
from doorlab.models.hub import locate
from doorlab.sim import simulator
from doorlab.storage.files import atomic_write_json, read_json
from doorlab.studies import demo
from doorlab.studies.demo import REWARD_MODELS, Config, Step, StepFailed, pipeline, run_steps
from doorlab.terminal.console import PlainConsole


def quiet_console():
    return PlainConsole(file=io.StringIO(), width=200)


def test_demo_commands_parse_in_order_of_dependencies(tmp_path):
    import importlib

    steps = pipeline(Config(out=tmp_path))
    before: set[str] = set()
    for step in steps:
        assert set(step.after) <= before
        before.add(step.name)
        stage, args = step.args[0], step.args[1:]
        assert stage in STAGES
        parse(importlib.import_module(command_module(stage)), stage, args)
    assert {step.result.parent.parent for step in steps[1:]} <= {
        tmp_path, tmp_path / "pretrain", tmp_path / "train", tmp_path / "seeds"
    }  # fmt: skip


def test_demo_trains_further_seeds_on_the_encoder_of_the_first(tmp_path):
    steps = {step.name: step for step in pipeline(Config(out=tmp_path, seed=7, seeds=3))}
    first, third = (steps[name].args for name in ("contrastive_ssnp", "contrastive_ssnp-2"))
    encoder = tmp_path / "pretrain/contrastive_statistician"
    assert first[first.index("--pretrained") + 1] == str(encoder)
    assert third[third.index("--encoder") + 1] == str(tmp_path / "train/contrastive_ssnp")
    assert third[third.index("--seed") + 1] == "9"
    assert "contrastive_ssnp" in steps["contrastive_ssnp-2"].after
    frozen = steps["vae_np-1"].args
    assert frozen[frozen.index("--pretrained") + 1] == str(tmp_path / "pretrain/vae")
    opened = steps["bandit"].args
    runs = [arg for arg in opened if arg.startswith(str(tmp_path / "train"))]
    runs += [arg for arg in opened if arg.startswith(str(tmp_path / "seeds"))]
    assert len(runs) == 3 * 5
    assert {"contrastive_ssnp", "contrastive_ssnp-1", "contrastive_ssnp-2"} <= set(
        steps["bandit"].after
    )


def test_run_steps_runs_each_step_once_in_order(tmp_path):
    done = tmp_path / "done"
    done.touch()
    steps = [
        Step("first", ("--version",), done),
        Step("second", ("--version",), tmp_path / "b", ("first",)),
        Step("third", ("--version",), tmp_path / "c", ("second",)),
    ]
    console = quiet_console()
    run_steps(steps, tmp_path, 2, console)
    said = console.file.getvalue()
    assert "first: done before" in said
    assert said.index("second:") < said.index("third:")
    assert sorted(p.name for p in (tmp_path / "logs").iterdir()) == ["second.log", "third.log"]
    assert (tmp_path / "logs" / "third.log").read_text().startswith("doorlab ")


def test_run_steps_repeats_step_with_damaged_result(tmp_path):
    result = tmp_path / "bandit" / "regret.json"
    result.parent.mkdir()
    for content, words in (("{", "--version --overwrite"), ('{"a": 1}', "done before")):
        result.write_text(content)
        console = quiet_console()
        run_steps([Step("bandit", ("--version",), result)], tmp_path, 1, console)
        assert words in console.file.getvalue()


def test_run_steps_replaces_files_of_stopped_step(tmp_path):
    """The folder of a step is missing, is empty, or holds a file without the result."""
    step = Step("bandit", ("--version",), tmp_path / "bandit" / "regret.json")
    commands = []
    for prepare in (lambda: None, step.result.parent.mkdir, (tmp_path / "bandit/x.npz").touch):
        prepare()
        console = quiet_console()
        run_steps([step], tmp_path, 1, console)
        commands.append(console.file.getvalue().splitlines()[0])
    assert commands == ["$ doorlab --version"] * 2 + ["$ doorlab --version --overwrite"]


def test_run_steps_sums_times_of_repeated_step(tmp_path):
    atomic_write_json(tmp_path / "timing.json", {"seconds": {"a": 100.0, "b": 7.0}})
    run_steps([Step("a", ("--version",), tmp_path / "a")], tmp_path, 1, quiet_console())
    seconds = read_json(tmp_path / "timing.json")["seconds"]
    assert 100.0 < seconds["a"] < 200.0
    assert seconds["b"] == 7.0


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"seconds": 3}', '{"seconds": {"b": "x"}}', '{"seconds": null}']
)
def test_run_steps_ignores_unreadable_times(tmp_path, content):
    (tmp_path / "timing.json").write_text(content)
    run_steps([Step("a", ("--version",), tmp_path / "a")], tmp_path, 1, quiet_console())
    assert read_json(tmp_path / "timing.json")["seconds"].keys() == {"a"}


def test_run_steps_accepts_any_folder_name(tmp_path):
    out = tmp_path / "runs [tiny] [" / "]"
    done = out / "done"
    steps = [Step("a", ("--version",), done), Step("b", ("--version", str(out)), done)]
    out.mkdir(parents=True)
    done.touch()
    console = quiet_console()
    run_steps(steps, out, 1, console)
    assert console.file.getvalue().count("runs [tiny] [/]") == 2


def test_run_steps_stops_after_failure_and_names_log(tmp_path):
    steps = [
        Step("bad", ("nonsense",), tmp_path / "a"),
        Step("never", ("--version",), tmp_path / "b", ("bad",)),
    ]
    with pytest.raises(StepFailed, match=r"exit status 2 .*nonsense.*bad\.log"):
        run_steps(steps, tmp_path, 2, quiet_console())
    assert not (tmp_path / "logs" / "never.log").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"preset": "huge"}, "preset"),
        ({"workers": -1}, "--workers as a whole number of 0 or more"),
        ({"simulator": "tourch"}, "Did you mean 'torch'"),
    ],
)
def test_demo_rejects_invalid_settings(changes, message):
    with pytest.raises(ConfigError, match=message):
        demo.run(Config(**changes))


@pytest.fixture
def simulators_of_steps(monkeypatch):
    """Runs the demo without its steps; returns the simulator of its command `generate`."""
    found = []

    def note(steps, *others):
        args = steps[0].args
        found.append(args[args.index("--simulator") + 1])

    monkeypatch.setattr(demo, "run_steps", note)
    monkeypatch.setattr(demo, "print_regrets", lambda *others: None)

    def run(config):
        demo.run(config)
        return found[-1]

    return run


@pytest.mark.parametrize("installed", [True, False])
def test_demo_continues_with_simulator_of_its_dataset(
    simulators_of_steps, tmp_path, monkeypatch, capsys, installed
):
    """A demo begun without PyBullet uses torch after its installation, and the reverse."""
    monkeypatch.setattr(simulator, "_has_pybullet", lambda: installed)
    config = Config(out=tmp_path)
    fresh = simulators_of_steps(config)
    assert fresh == ("pybullet" if installed else "torch")
    assert "continues" not in capsys.readouterr().err
    before = {"pybullet": "torch", "torch": "pybullet"}[fresh]
    doors = GenerationConfig(doors=4, simulator=before)
    (tmp_path / "dataset").mkdir()
    Manifest(doors, "any").write(tmp_path / "dataset")  # begun, without a part
    assert simulators_of_steps(config) == before
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"the demo continues with the simulator {before}, that of {tmp_path}" in said
    # An explicit name has precedence; `doorlab generate` then refuses the dataset.
    assert simulators_of_steps(Config(out=tmp_path, simulator=fresh)) == fresh


def models_of_bandit(config) -> tuple[str, ...]:
    (step,) = (step for step in pipeline(config) if step.name == "bandit")
    return step.args[step.args.index("--models") + 1 :]


def test_demo_evaluates_shipped_weights_that_fit_its_doors(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trained = len(REWARD_MODELS) * Config().seeds
    assert models_of_bandit(Config())[trained:] == ("narrow/ssnp",)
    assert models_of_bandit(Config(seed=1000))[trained:] == ()  # doors of their training
    assert models_of_bandit(Config(preset="full"))[trained:] == ()  # larger frames
    (tmp_path / "narrow" / "ssnp").mkdir(parents=True)  # a folder takes precedence
    assert models_of_bandit(Config())[trained:] == ()


def test_demo_runs_without_shipped_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(locate, "_shipped_root", lambda: tmp_path / "none")
    assert len(models_of_bandit(Config())) == len(REWARD_MODELS) * Config().seeds
