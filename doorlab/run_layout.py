"""Names of the files and folders of runs, and the search for the parts of runs.

A folder is a part itself or holds parts as direct subfolders, as the folder of `doorlab demo` does:

    dataset.json                       doorlab generate, import
    model.json, metrics.json           doorlab pretrain, train; below pretrain/ and train/, too
    probes.json, diagnosis.json,       doorlab probe, diagnose, bandit
    regret.json
    claims.json, representation.json   doorlab study, represent
    plot.json, *.png                   doorlab plot
    timing.json                        doorlab demo: seconds of every command
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from doorlab.errors import ConfigError, ResultError
from doorlab.storage.files import read_json
from doorlab.storage.store_urls import run_folder

# A dataset; a dataset that `doorlab export` wrote for a hub; a model that it wrote as ONNX files.
DATASET_FILE, EXPORT_FILE, ONNX_FILE = "dataset.json", "doorlab.json", "onnx.json"

# A run of `doorlab pretrain` or `doorlab train`.
MODEL_FILE, WEIGHTS_FILE = "model.json", "weights.safetensors"
# A model that `doorlab export` wrote for a model hub.
HUB_MODEL_FILE, HUB_WEIGHTS_FILE, CARD_FILE = "config.json", "model.safetensors", "README.md"
FAMILIARITY_FILE, CHECKPOINT_FILE = "familiarity.safetensors", "checkpoint.safetensors"
LATENT_DENSITY_FILE = "latent_density.safetensors"
METRICS_FILE, TENSORBOARD_FOLDER = "metrics.json", "tensorboard"
LOGGER_FILE = "logger.json"  # the run of wandb or trackio that --resume continues

# Results of the other commands.
PROBES_FILE, PROBE_ARRAYS_FILE = "probes.json", "probes.npz"
DIAGNOSIS_FILE = "diagnosis.json"
REGRET_FILE, ROLLOUTS_FILE = "regret.json", "rollouts.npz"
PLOT_FILE, REPORT_FILE, EXPLORER_FILE = "plot.json", "index.html", "explore.html"
TIMING_FILE, LOG_FOLDER = "timing.json", "logs"
REPRESENTATION_FILE = "representation.json"
CLAIMS_FILE, REWARD_FILE, BANDIT_FILE = "claims.json", "reward.json", "bandit.json"
STUDY_FILES = (CLAIMS_FILE, REWARD_FILE, BANDIT_FILE)
SCORES_FILE = "scores.npz"  # of one run of a study

# Folders of `doorlab study`: the dataset, policies without a model, other priors.
DATASET_FOLDER, BASELINES_FOLDER, OOD_FOLDER = "dataset", "baselines", "ood"

# Stage -> the file that says that a folder is its result.
RESULTS = {
    "probe": PROBES_FILE,
    "diagnose": DIAGNOSIS_FILE,
    "bandit": REGRET_FILE,
    "study": CLAIMS_FILE,
    "represent": REPRESENTATION_FILE,
}
MODEL_FOLDERS = ("pretrain", "train")
_BESIDE = (DATASET_FOLDER, "plot")  # folders that belong to the run that they lie in


@dataclass(frozen=True)
class RunFolders:
    """One run or several, and the folders in which their parts lie.

    Attributes:
        runs: the folders that were named.
        folders: those with parts, each once.
    """

    runs: tuple[Path, ...]
    folders: tuple[Path, ...]

    @staticmethod
    def find(runs: Sequence[Path]) -> RunFolders:
        """All parts of `runs`.

        Raises:
            ResultError: for a run that is no folder (a URL, for example), and when no run has a
                part.
            ConfigError: when there is no run, and when a stage has two results.
        """
        if not runs:
            raise ConfigError("at least one run", "none", "name its folder with --runs")
        runs = [run_folder(run) for run in runs]
        folders = [folder for run in runs for folder in _folders_of(run)]
        once = {folder.resolve(): folder for folder in reversed(folders)}
        found = RunFolders(tuple(runs), tuple(once.values())[::-1])
        if not any(map(_is_part, found.folders)):
            raise ResultError(
                "a dataset, or a finished run of pretrain, train, probe, diagnose, bandit, study, "
                f"represent or demo, in {_listed(runs)}",
                "none",
                "name the folder of one with --runs",
            )
        for stage in RESULTS:
            found.result(stage)
        return found

    def result(self, stage: str) -> Path | None:
        """The file with the result of a stage out of `RESULTS`; None when there is none."""
        found = self._files(RESULTS[stage])
        if len(found) > 1:
            raise ConfigError(
                f"one result of `doorlab {stage}`", f"{len(found)}: {_listed(found)}",
                "name the runs that you mean with --runs",
            )  # fmt: skip
        return found[0] if found else None

    @property
    def models(self) -> list[Path]:
        """The folders of trained models."""
        return [file.parent for file in self._files(MODEL_FILE)]

    @property
    def timing(self) -> Path | None:
        """The file with the seconds of every command of a demo."""
        return next(iter(self._files(TIMING_FILE)), None)

    @property
    def plots(self) -> list[Path]:
        """The folders with figures of `doorlab plot`: of all runs together, then of each."""
        with contextlib.suppress(ConfigError):
            together = self.output("plot")
            if (together / PLOT_FILE).is_file() and together not in self.folders:
                return [together]
        return [file.parent for file in self._files(PLOT_FILE)]

    def dataset(self) -> Path | None:
        """The folder of the dataset: of the first run that has one, or that names its own.

        Raises ConfigError when one run has several.
        """
        for run in self.runs:
            found = [f for f in _folders_of(run) if _is_dataset(f)]
            if len(found) > 1:
                raise ConfigError(
                    f"one dataset in {run}", f"{len(found)}: {_listed(found)}",
                    "name the runs that you mean with --runs",
                )  # fmt: skip
            if found:
                return found[0]
        results = [self.result(stage) for stage in RESULTS]
        files = [*self._files(METRICS_FILE), *filter(None, results)]
        return next(filter(None, map(dataset_of, files)), None)

    def output(self, name: str) -> Path:
        """Where a command writes what it makes of the runs, unless the user says where.

        Within the run; beside a dataset, which stays as it is; of several runs in the folder that
        they all lie in. Raises ConfigError when that would be within a dataset.
        """
        places = [Path(os.path.abspath(run)) for run in self.runs]
        common = Path(os.path.commonpath(places))
        if not _is_dataset(common):
            return _written_like(self.runs[0], common / name)
        if len(places) > 1 or _is_dataset(common.parent):
            raise ConfigError("a folder for what is made of a dataset", "none", "give --out")
        return _written_like(self.runs[0], common.parent / f"{common.name}-{name}")

    def _files(self, name: str) -> list[Path]:
        return [folder / name for folder in self.folders if (folder / name).is_file()]


def bandit_folder(study: Path, labeled: int) -> Path:
    """The folder in which `doorlab study` evaluates the models trained with so many labels."""
    return study / f"labeled-{labeled}" / "bandit"


def _folders_of(run: Path) -> list[Path]:
    """The folders in which the parts of a run are looked for."""
    if not run.is_dir():
        got = "a file" if run.exists() else "nothing there"
        raise ResultError(
            f"the folder of a run at {run}", got, "make one with `doorlab demo --out`"
        )
    if _is_part(run):
        return [run, *(run / name for name in _BESIDE)]
    below = _subfolders(run)
    models = [model for name in MODEL_FOLDERS for model in _subfolders(run / name)]
    return [run, *below, *models, *(part / "plot" for part in below if _is_part(part))]


def _subfolders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _is_part(folder: Path) -> bool:
    files = (DATASET_FILE, MODEL_FILE, *RESULTS.values())
    return any((folder / file).is_file() for file in files)


def _is_dataset(folder: Path) -> bool:
    return (folder / DATASET_FILE).is_file()


def dataset_of(file: Path) -> Path | None:
    """The dataset of a result file, if it still lies where it did, seen from the result."""
    try:
        result = read_json(file)
        data, out = (Path(result["config"][name]) for name in ("data", "out"))
        moved = Path(os.path.normpath(file.parent / os.path.relpath(data, out)))
        for folder in (data, moved):
            if _is_dataset(folder):
                found = read_json(folder / DATASET_FILE).get("checksum")
                if found == result["dataset_checksum"]:
                    return folder
    except (ResultError, KeyError, TypeError, ValueError):
        pass
    return None


def _written_like(given: Path, path: Path) -> Path:
    """An absolute path, seen from here if the user gave such a one."""
    return path if given.is_absolute() else Path(os.path.relpath(path))


def _listed(paths: Iterable[Path]) -> str:
    return ", ".join(map(str, paths))
