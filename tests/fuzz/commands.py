"""The commands of the fuzz test: what each one needs for a tiny run, and which options it has.

Paths are relative to a folder made by `runner.make_artifacts`:

    data/       a dataset of a few doors        images/   photographs of doors, one folder each
    vae/ np/    a run of pretrain and of train  bandit/   an evaluation of np
    probe/      probes of vae                   hub/      an export of data
    lerobot/    the same in LeRobot's format
"""

from __future__ import annotations

import dataclasses
import importlib
import typing
from types import ModuleType

from doorlab.cli import STAGES, command_module

_NETWORK = """
--architecture.encoder-channels 4 8 --architecture.decoder-channels 8 6 4 --architecture.features 16
--architecture.context-dim 6 --architecture.instance-dim 2 --architecture.interaction-dim 5
--architecture.hidden 16 --architecture.latent-samples 2
"""

# Command -> options of a tiny run: about a second, but for MANY_RUNS. OUT does not exist yet.
_COMMANDS = {
    "generate": """--out OUT --doors 4 --frames 2 --interactions 2 --videos 0 --image-size 32
        --shard-doors 2 --workers 1""",
    "import": "images --out OUT --frames 2 --image-size 32 --workers 1",
    "export": "data --out OUT",
    "info": "data",
    "pretrain": f"--model vae --data data --out OUT --steps 2 --batch-size 2 --frames 2 {_NETWORK}",
    "train": f"""--model np --data data --out OUT --steps 2 --num-labeled 0 --batch-size 2
    --process-batch-size 2
        --frames 2 --context 1 --targets 2 {_NETWORK}""",
    "probe": "--data data --models vae --out OUT --probe-doors 4",
    "diagnose": """--data data --models vae --out OUT --doors 2 --samples 2 --feature-doors 4
        --feature-steps 2""",
    "bandit": """--data data --models np --policies random np --out OUT --doors 2 --horizon 2
        --workers 1""",
    "plot": "regret --run . --out OUT",
    "report": "--run . --out OUT",
    "explore": "--run . --out OUT --doors 1",
    "represent": f"""--data data --models vae statistician --seeds 0 --steps 2 --probe-frames 1 2
        --probe-doors 4 --workers 1 --out OUT {_NETWORK}""",
    "study": f"""--data data --models np vae_np --method np --num-labeled 2 --tune-labels 2
        --seeds 0 --frames 2 --interactions 4 --pretrain-steps 2 --encoder-steps 2
        --finetune-steps 2 --process-steps 2 --horizon 2 --baselines random --workers 1 --out OUT
        {_NETWORK}""",
    "demo": "--out OUT",
    "bench": "--only frames --rounds 2",
}
MANY_RUNS = ("represent", "study", "demo", "bench")  # these take longer, if they begin at all
COMMANDS = {name: text.split() for name, text in _COMMANDS.items()}

_DATA = """generate --out data --doors 12 --frames 2 --interactions 4 --videos 1 --image-size 32
    --shard-doors 6 --test-fraction 0.25 --validation-fraction 0.25 --workers 1"""
_RUNS = {"pretrain": "vae", "train": "np", "bandit": "bandit", "probe": "probe"}
ARTIFACTS = [
    _DATA.split(),
    "export data --out hub".split(),  # noqa: SIM905
    "export data --format lerobot --video --out lerobot".split(),  # noqa: SIM905
    *([name, *_COMMANDS[name].replace("OUT", out).split()] for name, out in _RUNS.items()),
]


def config_of(command: str) -> type:
    """The Config dataclass of a command."""
    stage: ModuleType = importlib.import_module(command_module(command))
    return stage.Config


def options(config: type, prefix: str = "") -> dict[str, typing.Any]:
    """Option name -> type, with those of nested configs under their prefix; no positional ones."""
    found: dict[str, typing.Any] = {}
    hints = typing.get_type_hints(config)
    marked = typing.get_type_hints(config, include_extras=True)
    for field in dataclasses.fields(config):
        name = prefix + field.name.replace("_", "-")
        if "Positional" in str(marked[field.name]):
            continue
        if dataclasses.is_dataclass(hints[field.name]):
            found |= options(typing.cast(type, hints[field.name]), f"{name}.")
        else:
            found[f"--{name}"] = hints[field.name]
    return found


assert set(COMMANDS) <= set(STAGES)
