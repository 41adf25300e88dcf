"""Random trials: odd option values, damaged files, odd environment variables.

A trial is drawn from a `random.Random` alone: the same seed gives the same trials.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from commands import COMMANDS, MANY_RUNS, config_of, options

INTEGERS = ["-1", "0", "1", "2", "3", "5", "64", "-9223372036854775809", "18446744073709551616"]
# Numbers that ask for years of work are not faults: they are left to the longer fuzz's time limit.
REALS = ["nan", "inf", "-inf", "-1", "0", "0.5", "1", "2", "1e308", "-1e-320", "1e-400"]
WORDS = [
    "", " ", "abc", "1.5", "None", "true", "[red]", "[/red]", "\x1b]0;title\x07", "a\nb", "ü",
    "\udcfc",
    "-", "--", "a" * 300, "../..", "%s", "{}", "$HOME", "*",
]  # fmt: skip
PATHS = [
    "", ".", "..", "data", "data/dataset.json", "vae", "np", "images", "hub", "lerobot", "nowhere",
    "/dev/null", "/proc/nowhere", "/", "//", "data/../data", "./data//", "x" * 300, "a\nb",
    "\udcfc", "~", "bandit",
]  # fmt: skip
VARIABLES = {
    "MPLBACKEND": ["module://matplotlib_inline.backend_inline", "Qt4Agg", "", "\n"],
    "MPLCONFIGDIR": ["/proc/nowhere", "/dev/null", ""],
    "LC_ALL": ["C", "POSIX", "de_DE.UTF-8", "tlh_XX", ""],
    "LANG": ["C", "en_US.ISO-8859-1"],
    "PYTHONIOENCODING": ["ascii", "latin-1", "utf-16", "ascii:strict"],
    "PYTHONUTF8": ["0", "1"],
    "COLUMNS": ["0", "1", "9", "-5", "x", "100000"],
    "LINES": ["0", "x"],
    "TERM": ["dumb", "", "unknown", "xterm-256color"],
    "NO_COLOR": ["1", ""],
    "FORCE_COLOR": ["1"],
    "HOME": ["/nowhere", "", "/dev/null"],
    "TMPDIR": ["/nowhere", "/proc", ""],
    "TORCHINDUCTOR_CACHE_DIR": ["/proc/nowhere"],
    "OMP_NUM_THREADS": ["1", "2"],
    "SLURM_JOB_NAME": ["train", "bash"],
    "SLURM_NTASKS": ["1", "4", "x"],
    "SLURM_JOB_ID": ["7"],
    "SLURM_PROCID": ["0", "3"],
    "SLURM_LOCALID": ["0"],
    "MASTER_ADDR": ["10.255.255.1", "nowhere", ""],
    "MASTER_PORT": ["0", "x", "99999"],
    "RANK": ["0", "5", "x"],
    "WORLD_SIZE": ["1", "4", "x"],
    "LOCAL_RANK": ["0", "x"],
    "TORCHELASTIC_RUN_ID": ["1"],
    "TORCH_LOGS": ["x", "+dynamo", ""],
    "JAXTYPING_DISABLE": ["x", "1"],
    "OMPI_COMM_WORLD_SIZE": ["4"],
    "CUDA_VISIBLE_DEVICES": ["", "0", "-1", "x"],
    "DISPLAY": [":99", ""],
    "PYOPENGL_PLATFORM": ["egl"],
    "QT_QPA_PLATFORM": ["offscreen", "x"],
    "TQDM_DISABLE": ["1"],
    "RAY_ADDRESS": ["127.0.0.1:1", "x"],
    "TZ": ["Mars/Phobos", ""],
    "http_proxy": ["x"],
}


@dataclass
class Trial:
    """One run of the command line.

    Attributes:
        arguments: of `doorlab`, with OUT for a new folder.
        damage: changes the artifacts in a folder before the run.
        environment: variables to set.
        note: what was changed, for the report of a failure.
    """

    arguments: list[str]
    damage: Callable[[Path], None] | None = None
    environment: dict[str, str] = field(default_factory=dict)
    note: str = ""


def draw_option_trial(rng: random.Random) -> Trial:
    """A command with one to three options replaced by odd values."""
    command = rng.choice(list(COMMANDS))
    known = options(config_of(command))
    arguments = [command, *COMMANDS[command]]
    for name in rng.sample(sorted(known), min(len(known), rng.choice([1, 1, 2, 3]))):
        arguments += _option(rng, name, known[name])
    return Trial(arguments, note="options")


def _option(rng: random.Random, name: str, kind: typing.Any) -> list[str]:
    if kind is bool:
        return [rng.choice([name, f"--no-{name[2:]}"])]
    if "Path" in str(kind):
        return [name, rng.choice(PATHS)]
    if typing.get_origin(kind) is typing.Literal and rng.random() < 0.7:
        return [name, rng.choice(typing.get_args(kind))]
    count = rng.choice([0, 1, 1, 2, 3]) if "tuple" in str(kind) else 1
    pool = INTEGERS if "int" in str(kind) else REALS if "float" in str(kind) else WORDS
    pool = rng.choice([pool, pool, pool, WORDS])
    return [name, *(rng.choice(pool) for _ in range(count))]


def draw_damage_trial(rng: random.Random) -> Trial:
    """A command that reads files, one of which is damaged."""
    command = rng.choice([c for c in COMMANDS if c not in ("generate", *MANY_RUNS)])
    arguments = [command, *COMMANDS[command]]
    if command == "import" and rng.random() < 0.5:
        arguments[1] = rng.choice(["hub", "lerobot"])
    if command == "info" and rng.random() < 0.5:
        arguments.append("--verify")
    if command in ("pretrain", "train") and rng.random() < 0.3:
        arguments[arguments.index("OUT")] = {"pretrain": "vae", "train": "np"}[command]
        arguments.append("--resume")
    where = {"pretrain": "data", "export": "data", "info": "data", "plot": "", "report": ""}
    folder = where.get(command) if command in where else rng.choice(_inputs(arguments))
    seed = rng.randrange(2**32)
    trial = Trial(arguments)

    def damage(root: Path) -> None:
        trial.note = damage_one_file(root / (folder or ""), random.Random(seed))

    trial.damage = damage
    return trial


def _inputs(arguments: list[str]) -> list[str]:
    known = ("data", "vae", "np", "images", "hub", "lerobot", "bandit")
    return [a for a in arguments if a in known] or ["data"]


def draw_environment_trial(rng: random.Random) -> Trial:
    """A command under one to three odd environment variables."""
    command = rng.choice([c for c in COMMANDS if c not in MANY_RUNS])
    names = rng.sample(sorted(VARIABLES), rng.choice([1, 2, 3]))
    environment = {name: rng.choice(VARIABLES[name]) for name in names}
    return Trial([command, *COMMANDS[command]], environment=environment, note=f"{environment}")


def damage_one_file(folder: Path, rng: random.Random) -> str:
    """Damages one file below a folder, in one of the ways of `DAMAGES`; returns what was done."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
    path = rng.choice(files)
    choices = [*DAMAGES, *([_edit_json] * 6 if path.suffix == ".json" else [])]
    damage = rng.choice(choices)
    damage(path, rng)
    return f"{damage.__name__} of {path.relative_to(folder)}"


def _flip(path: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(rng.choice([1, 1, 4, 64])):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def _truncate(path: Path, rng: random.Random) -> None:
    path.write_bytes(path.read_bytes()[: rng.randrange(path.stat().st_size)])


def _empty(path: Path, rng: random.Random) -> None:
    path.write_bytes(b"")


def _garbage(path: Path, rng: random.Random) -> None:
    path.write_bytes(rng.randbytes(rng.choice([1, 100, 5000])))


def _nested(path: Path, rng: random.Random) -> None:
    path.write_text("[" * 100_000)


def _remove(path: Path, rng: random.Random) -> None:
    path.unlink()


def _make_folder(path: Path, rng: random.Random) -> None:
    path.unlink()
    path.mkdir()


def _link_nowhere(path: Path, rng: random.Random) -> None:
    path.unlink()
    path.symlink_to("/nowhere/at/all")


def _link_elsewhere(path: Path, rng: random.Random) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


def _remove_parent(path: Path, rng: random.Random) -> None:
    shutil.rmtree(path.parent)
    if rng.random() < 0.5:
        path.parent.write_bytes(b"x")


def _make_pipe(path: Path, rng: random.Random) -> None:
    path.unlink()
    os.mkfifo(path)


def _edit_json(path: Path, rng: random.Random) -> None:
    """Replaces, removes or adds one value somewhere inside."""
    value = json.loads(path.read_text())
    places: list[tuple[typing.Any, typing.Any]] = []

    def collect(item: typing.Any) -> None:
        keys = (
            item if isinstance(item, dict) else range(len(item)) if isinstance(item, list) else []
        )
        for key in keys:
            places.append((item, key))
            collect(item[key])

    collect(value)
    if not places:
        return
    item, key = rng.choice(places)
    odd: list[typing.Any] = [
        None, True, -1, 0, 10**30, 1.5, float("nan"), float("inf"), "x", "", [], {}, [None],
        {"x": 1},
        "../../../etc", [[1]], "2099-01-01", "\x1b[31m",
    ]  # fmt: skip
    if rng.random() < 0.25:
        del item[key]
    else:
        item[key] = rng.choice(odd)
    path.write_text(json.dumps(value))


DAMAGES: list[Callable[[Path, random.Random], None]] = [
    _flip, _flip, _truncate, _empty, _garbage, _nested, _remove, _make_folder, _link_nowhere,
    _link_elsewhere, _remove_parent,
]  # fmt: skip
