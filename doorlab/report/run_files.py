"""What a run folder holds, as far as it holds it. A missing part is no error; no folder is.

    RUN/dataset/dataset.json, videos/*.mp4     doorlab generate
    RUN/pretrain/NAME/, RUN/train/NAME/        doorlab pretrain, train: model.json, metrics.json
    RUN/probe/probes.json                      doorlab probe
    RUN/diagnose/diagnosis.json                doorlab diagnose
    RUN/bandit/regret.json                     doorlab bandit
    RUN/study/claims.json, *.json, *.png       doorlab study; or in RUN itself
    RUN/plot/plot.json, *.png                  doorlab plot
    RUN/timing.json                            doorlab demo: seconds of every command
    RUN/report/index.html                      doorlab report

Nothing here knows how to make a part: it only says which command does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from doorlab.errors import ResultError
from doorlab.files import read_json
from doorlab.report.study import BANDIT_FILE, CLAIMS_FILE, REWARD_FILE
from doorlab.text_paths import as_text

RUN_PARTS = ("pretrain", "train")

# What a stage's result must hold for the report to read it.
_NEEDED = {
    "generate": ("config",),
    "probe": ("probes",),
    "diagnose": ("diagnosis", "reference"),
    "bandit": ("doors", "interactions", "policies"),
    "plot": ("figures",),
}
_STUDY = {
    CLAIMS_FILE: ("claims", "ours", "doors", "seeds"),
    REWARD_FILE: ("models",),
    BANDIT_FILE: ("policies",),
}


@dataclass(frozen=True)
class ModelRun:
    """One trained model's files; an empty dict stands for one that is missing or damaged."""

    name: str
    stage: str
    path: Path
    model: dict[str, Any]
    metrics: dict[str, Any]


@dataclass(frozen=True)
class RunFiles:
    """A run folder. Every result is a dict, empty where `missing` says why.

    Attributes:
        study: name of a result file of `doorlab study` -> its contents; empty if there is none.
        missing: part ("bandit") -> one sentence on what is wrong and how to mend it.
    """

    path: Path
    dataset: dict[str, Any]
    videos: tuple[Path, ...]
    models: tuple[ModelRun, ...]
    probes: dict[str, Any]
    diagnosis: dict[str, Any]
    regret: dict[str, Any]
    plots: dict[str, Any]
    timing: dict[str, Any]
    pictures: dict[str, Path]
    study: dict[str, Any] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def read(path: str | Path) -> RunFiles:
        """Everything that the report can use. Raises ResultError when there is no such folder."""
        path = Path(path)
        require_run(path)
        missing: dict[str, str] = {}

        def part(name: str, stage: str) -> dict[str, Any]:
            try:
                return _read_part(path / name, stage)
            except ResultError as error:
                got = f" ({error.got})" if (path / name).exists() else ""
                missing[stage] = f"No {name} that can be read{got}: `doorlab {stage}` makes it."
                return {}

        return RunFiles(
            path=path,
            dataset=part("dataset/dataset.json", "generate"),
            videos=tuple(sorted((path / "dataset" / "videos").glob("*.mp4"))),
            models=tuple(_model(stage, run) for stage, run in model_runs(path)),
            probes=part("probe/probes.json", "probe"),
            diagnosis=part("diagnose/diagnosis.json", "diagnose"),
            regret=part("bandit/regret.json", "bandit"),
            plots=part("plot/plot.json", "plot"),
            timing=_or_empty(path / "timing.json"),
            pictures={file.stem: file for file in sorted((path / "plot").glob("*.png"))},
            study=_read_study(path),
            missing=missing,
        )


def require_run(path: Path) -> None:
    """Raises ResultError when `path` is not a folder."""
    if not path.is_dir():
        got = "a file" if path.exists() else "nothing there"
        raise ResultError(
            f"the folder of a run at {path}", got, "make one with `doorlab demo --out`"
        )


def model_runs(path: Path) -> list[tuple[str, Path]]:
    """(stage, folder) of every trained model below a run folder."""
    return [
        (stage, folder)
        for stage in RUN_PARTS
        for folder in sorted((path / stage).glob("*"))
        if (folder / "model.json").is_file()
    ]


def _read_part(file: Path, stage: str) -> dict[str, Any]:
    result = read_json(file)
    absent = [key for key in _NEEDED[stage] if key not in result]
    if absent:
        raise ResultError(f"a result of `doorlab {stage}`", f"none of its {absent[0]}", "redo it")
    return result


def study_folder(path: Path) -> Path:
    """Where a run has its study: below it, or it is one."""
    return path / "study" if (path / "study" / CLAIMS_FILE).is_file() else path


def _read_study(path: Path) -> dict[str, Any]:
    found = {name: _or_empty(study_folder(path) / name) for name in _STUDY}
    whole = all(key in found[name] for name, keys in _STUDY.items() for key in keys)
    return found if whole else {}


def _model(stage: str, path: Path) -> ModelRun:
    return ModelRun(
        as_text(path.name),
        stage,
        path,
        _or_empty(path / "model.json"),
        _or_empty(path / "metrics.json"),
    )


def _or_empty(file: Path) -> dict[str, Any]:
    try:
        return read_json(file)
    except ResultError:
        return {}
