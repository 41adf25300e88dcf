"""Run the whole pipeline on a small preset: dataset, pretraining, reward models, bandit, report.

Each step is an ordinary `doorlab` command, which is printed when it starts, so that you can repeat
or modify it. Independent steps run in parallel, on one core each. Finished steps are skipped: to
continue an interrupted demo, call the same command again.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from rich.console import Console

from doorlab.data.manifest import Manifest
from doorlab.data.sources.simulation import GenerationConfig
from doorlab.errors import DoorlabError, ResultError, unknown_name
from doorlab.limits import Limits, NonNegativeInt, PositiveInt, Seed, check_limits
from doorlab.models.description import read_description
from doorlab.models.hub.locate import SHIPPED_MODELS, is_shipped, shipped_models
from doorlab.options import Option
from doorlab.parallel.lifeline import start_command, wait_for
from doorlab.run_layout import (
    DATASET_FILE,
    DATASET_FOLDER,
    DIAGNOSIS_FILE,
    EXPLORER_FILE,
    LOG_FOLDER,
    METRICS_FILE,
    PLOT_FILE,
    PROBES_FILE,
    REGRET_FILE,
    REPORT_FILE,
    TIMING_FILE,
)
from doorlab.sim import AUTO, SIMULATORS, resolve_simulator
from doorlab.stages.generate import PRESETS as GENERATE_PRESETS
from doorlab.storage.files import atomic_write_json, read_json
from doorlab.storage.folders import output_folder
from doorlab.storage.json_schema import Each, misfit
from doorlab.terminal.console import PlainConsole
from doorlab.terminal.text import print_note

_TIMES = {"seconds": Each(Limits(0))}  # of timing.json
# The encoder that takes longest comes first.
PRETRAINED = ("contrastive_statistician", "vae", "statistician")
REWARD_MODELS = {
    "contrastive_ssnp": "contrastive_statistician",
    "np": None,
    "vae_np": "vae",
    "statistician_np": "statistician",
    "contrastive_np": "contrastive_statistician",
}  # reward model -> pretrained encoder that it starts from
_FROZEN = ("vae_np", "statistician_np", "contrastive_np")


@dataclass(frozen=True)
class Config:
    """Size, output folder, seed and simulator of the demo."""

    preset: str = "tiny"
    """Preset of all steps: tiny (minutes), small (an afternoon on 2 cores), full (a GPU)."""
    out: Path = Path("runs/demo")
    """Folder of the run; an existing run is completed, never overwritten."""
    seed: Seed = 0
    """Seed of the dataset, the training and the policies."""
    seeds: PositiveInt = 3
    """Training seeds of each reward model, from --seed on. The first one trains the encoder; the
    others train further neural processes on it. Regrets have intervals over doors and seeds."""
    simulator: Annotated[str, Option(tuple(SIMULATORS))] = AUTO
    """Simulator of the doors: auto (the simulator of the dataset in --out; without a dataset,
    pybullet, or torch if PyBullet is not installed), pybullet, torch, or an import path
    MODULE:NAME."""
    workers: NonNegativeInt = 0
    """Number of commands that run in parallel; 0 for one per core, at most two."""

    def __post_init__(self) -> None:
        check_limits(self)


PRESETS = {name: Config(preset=name) for name in ("tiny", "small", "full")}


@dataclass(frozen=True)
class Step:
    """One command of the pipeline."""

    name: str
    args: tuple[str, ...]
    """Arguments of `doorlab`."""
    result: Path
    """File that exists once the command is finished."""
    after: tuple[str, ...] = ()
    """Names of the steps that must be finished before."""


class StepFailed(DoorlabError):
    """A command of the demo ended with an error."""


def run(config: Config) -> Path:
    """Runs the unfinished steps of the pipeline; returns the path of the report.

    Raises:
        ConfigError: if the preset or the simulator is unknown.
        DatasetError: if the dataset in the folder can't be read.
        ResultError: if another process writes into the folder.
        StepFailed: if a command fails.
    """
    if config.preset not in PRESETS:
        raise unknown_name("preset", config.preset, PRESETS)
    SIMULATORS.get_named(config.simulator)
    console, start = PlainConsole(), time.monotonic()
    jobs = config.workers or min(2, os.cpu_count() or 1)
    with output_folder(config.out):
        config = replace(config, simulator=simulator_of_run(config))
        run_steps(pipeline(config), config.out, jobs, console)
    report = config.out / "report" / REPORT_FILE
    print_regrets(config.out / "bandit" / REGRET_FILE, console)
    console.print(f"\nDone in {time.monotonic() - start:.0f} s. Open {report}", highlight=False)
    return report


def simulator_of_run(config: Config) -> str:
    """The name of the simulator; for auto, that of the dataset in --out, which a note names.

    PyBullet may have been installed or removed since the dataset was begun.

    Raises DatasetError if there is a dataset that can't be read.
    """
    data = config.out / DATASET_FOLDER
    if config.simulator != AUTO or not (data / DATASET_FILE).exists():
        return resolve_simulator(config.simulator)
    before = Manifest.read(data).config
    if not isinstance(before, GenerationConfig):  # `doorlab generate` refuses it
        return resolve_simulator(config.simulator)
    print_note(f"the demo continues with the simulator {before.simulator}, that of {data}")
    return before.simulator


def pipeline(config: Config) -> list[Step]:
    """The commands of the demo, in an order that satisfies their dependencies."""
    out, common = config.out, ("--preset", config.preset, "--seed", str(config.seed))
    data = out / DATASET_FOLDER
    steps = [
        Step(
            "generate",
            (
                *("generate", *common, "--simulator", config.simulator),
                *("--out", str(data), "--resume"),
            ),
            data / DATASET_FILE,
        )
    ]
    # The longest steps come first, so that all cores are busy until the end.
    for name in PRETRAINED:
        args = ("pretrain", *common, "--model", name, "--data", str(data))
        folder = out / "pretrain" / name
        command = (*args, "--out", str(folder), "--resume")
        steps.append(Step(name, command, folder / METRICS_FILE, ("generate",)))
    for name in REWARD_MODELS:
        steps += [_reward_model(config, name, number) for number in range(config.seeds)]
    return [*steps, *_evaluations(config)]


def _reward_model(config: Config, name: str, number: int) -> Step:
    """The command that trains a reward model with one of its seeds."""
    base, folder = REWARD_MODELS[name], reward_model_folder(config, name, number)
    args = ("train", "--preset", config.preset, "--seed", str(config.seed + number))
    args += ("--model", name, "--data", str(config.out / DATASET_FOLDER), "--out", str(folder))
    after = ("generate", base) if base else ("generate",)
    if base and (number == 0 or name in _FROZEN):
        args += ("--pretrained", str(config.out / "pretrain" / base))
    elif number:
        args += ("--encoder", str(reward_model_folder(config, name, 0)))
        after = (name,)
    step = name if number == 0 else f"{name}-{number}"
    return Step(step, (*args, "--resume"), folder / METRICS_FILE, after)


def reward_model_folder(config: Config, name: str, number: int) -> Path:
    """The run of a reward model. Runs of further seeds are not shown one by one in the report."""
    return config.out / (f"train/{name}" if number == 0 else f"seeds/{name}-{number}")


def _evaluations(config: Config) -> list[Step]:
    """The commands that evaluate the trained models, and those that show the results."""
    out, common = config.out, ("--preset", config.preset, "--seed", str(config.seed))
    data, report = out / DATASET_FOLDER, out / "report"
    pretrained = [out / "pretrain" / name for name in PRETRAINED]
    trained = [
        (name if number == 0 else f"{name}-{number}", reward_model_folder(config, name, number))
        for name in REWARD_MODELS
        for number in range(config.seeds)
    ]
    about = ("--data", str(data), "--models", *map(str, pretrained))
    return [
        Step(
            "bandit",
            (
                *("bandit", *common, "--data", str(data), "--out", str(out / "bandit")),
                *("--models", *(str(folder) for _, folder in trained)),
                *shipped_weights(config),
            ),
            out / "bandit" / REGRET_FILE,
            tuple(name for name, _ in trained),
        ),
        Step(
            "probe",
            ("probe", *about, "--out", str(out / "probe"), "--seed", str(config.seed)),
            out / "probe" / PROBES_FILE,
            PRETRAINED,
        ),
        Step(
            "diagnose",
            ("diagnose", *common, *about, "--out", str(out / "diagnose")),
            out / "diagnose" / DIAGNOSIS_FILE,
            PRETRAINED,
        ),
        Step(
            "plot",
            ("plot", "--run", str(out), "--seed", str(config.seed)),
            out / "plot" / PLOT_FILE,
            ("bandit", "probe"),
        ),
        Step(
            "explore",
            ("explore", "--run", str(out), "--out", str(report / EXPLORER_FILE)),
            report / EXPLORER_FILE,
            ("bandit", *PRETRAINED),
        ),
        Step(
            "report",
            ("report", "--run", str(out), "--out", str(report)),
            report / REPORT_FILE,
            ("plot", "diagnose", "explore"),
        ),
    ]


def shipped_weights(config: Config) -> list[str]:
    """Names of the shipped weights that the demo can evaluate: one name, or none.

    The weights must be for the prior and the image size of the demo's doors. Weights that were
    trained on doors of the demo's seed are left out: they may have seen its test doors. A folder of
    the same name takes precedence over shipped weights, so that they are left out then, too.
    """
    doors = GENERATE_PRESETS[config.preset]
    name = f"{doors.prior}/{SHIPPED_MODELS['reward']}"
    if not is_shipped(name):
        return []
    about = read_description(shipped_models()[name])
    key = (about.card or {}).get("training", {}).get("generation_key") or {}
    fits = about.image_size == doors.image_size and key.get("seed") != config.seed
    return [name] if fits else []


def run_steps(steps: Sequence[Step], out: Path, jobs: int, console: Console) -> None:
    """Runs all unfinished steps, at most `jobs` in parallel, in the order of their dependencies.

    Raises StepFailed if a command fails; the other running commands are then terminated.
    """
    (out / LOG_FOLDER).mkdir(parents=True, exist_ok=True)
    done = {step.name for step in steps if _finished(step)}
    for step in steps:
        if step.name in done:
            console.print(
                f"{step.name}: done before ({step.result})",
                style="dim", highlight=False,
            )  # fmt: skip
    waiting = [step for step in steps if step.name not in done]
    running: dict[str, tuple[Step, subprocess.Popen[bytes], float]] = {}
    try:
        while waiting or running:
            ready = [step for step in waiting if done.issuperset(step.after)]
            for step in ready[: jobs - len(running)]:
                waiting.remove(step)
                step = _replacing_parts(step)
                console.print(
                    f"$ doorlab {shlex.join(step.args)}",
                    style="bold", highlight=False, soft_wrap=True,
                )  # fmt: skip
                running[step.name] = (step, _start(step, out), time.monotonic())
            seconds = _collect(running, out, console)
            _note_times(out, seconds)
            done |= set(seconds)
            time.sleep(0.05)
    finally:
        for _, process, _ in running.values():  # Ctrl-C, or another step failed
            process.terminate()
        for _, process, _ in running.values():
            wait_for(process)
        now = time.monotonic()
        _note_times(out, {name: now - start for name, (_, _, start) in running.items()})


def _finished(step: Step) -> bool:
    # dataset.json exists from the first shard on. Calling generate on a finished dataset is cheap.
    if step.name == "generate" or not step.result.exists():
        return False
    try:
        return step.result.suffix != ".json" or bool(read_json(step.result))
    except ResultError:  # a damaged result is computed again
        return False


def _replacing_parts(step: Step) -> Step:
    """Adds --overwrite to a step that was interrupted and left files without a result."""
    folder = step.result.parent
    if "--resume" in step.args or not (folder.is_dir() and any(folder.iterdir())):
        return step
    return replace(step, args=(*step.args, "--overwrite"))


def _start(step: Step, out: Path) -> subprocess.Popen[bytes]:
    with open(out / LOG_FOLDER / f"{step.name}.log", "wb") as log:
        return start_command(step.args, log)


def _collect(
    running: dict[str, tuple[Step, subprocess.Popen[bytes], float]], out: Path, console: Console
) -> dict[str, float]:
    """Removes ended steps from `running`; returns their durations in seconds.

    Raises StepFailed if a step ended with an error.
    """
    ended = {name for name, (_, process, _) in running.items() if process.poll() is not None}
    seconds = {}
    for name in ended:
        step, process, start = running.pop(name)
        wait_for(process)
        log = out / LOG_FOLDER / f"{name}.log"
        if process.returncode != 0:
            tail = log.read_text(errors="replace").strip().splitlines()[-1:] or ["no output"]
            raise StepFailed(
                f"`doorlab {step.args[0]}` to succeed",
                f"exit status {process.returncode} ({tail[0]})",
                f"see {log}, fix the cause and run the demo again: it continues from here",
            )
        seconds[name] = time.monotonic() - start
        console.print(f"{name}: {seconds[name]:.0f} s", highlight=False)
    return seconds


def _note_times(out: Path, seconds: dict[str, float]) -> None:
    """Adds durations of steps to RUN/timing.json, which the report reads.

    The durations include those of interrupted steps.
    """
    path = out / TIMING_FILE
    if seconds:
        before = _times(path)
        total = {name: before.get(name, 0.0) + spent for name, spent in seconds.items()}
        atomic_write_json(path, {"seconds": before | total})


def _times(path: Path) -> dict[str, float]:
    """Step -> seconds in timing.json; empty if the file is missing or unreadable."""
    try:
        content = read_json(path)
    except ResultError:
        return {}
    return {} if misfit(content, _TIMES) else content["seconds"]


def print_regrets(path: Path, console: Console) -> None:
    """Prints the table of regrets at the end of the demo."""
    from doorlab.report.tables.policies import regret_table

    console.print(regret_table(path))
