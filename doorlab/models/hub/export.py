"""Exports the model of a run to the layout of model hubs (`doorlab.models.hub`).

An export contains everything that `models.io.load_model` and `RewardPredictor` read. It is written
completely or not at all. Replacing an export keeps files that doorlab did not write (.git, for
example).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from doorlab._version import __version__
from doorlab.errors import CheckpointError, ConfigError, ResultError
from doorlab.models.description import Description, is_exported, read_description, sealed
from doorlab.models.familiarity import load_familiarity, save_familiarity
from doorlab.models.hub.card import model_card
from doorlab.models.hub.evaluation import read_results, results_beside
from doorlab.models.hub.facts import training_facts
from doorlab.models.io import load_model, serialized
from doorlab.models.latent_density import (
    LatentDensity,
    load_latent_density,
    save_latent_density,
)
from doorlab.models.registry import reward_model_spec
from doorlab.models.reward.base import RewardModel
from doorlab.run_layout import (
    CARD_FILE,
    FAMILIARITY_FILE,
    HUB_MODEL_FILE,
    HUB_WEIGHTS_FILE,
    LATENT_DENSITY_FILE,
)
from doorlab.storage.file_replacement import complete_replacement, replacing_files
from doorlab.storage.files import (
    atomic_write_bytes,
    atomic_write_json,
    atomic_write_text,
    checksum,
    refuse_overwrite,
    writing,
)
from doorlab.storage.folders import output_folder, refuse_inside
from doorlab.storage.locking import LOCK_FILE

_FILES = (HUB_MODEL_FILE, HUB_WEIGHTS_FILE, CARD_FILE, FAMILIARITY_FILE, LATENT_DENSITY_FILE)


@dataclass(frozen=True)
class ModelCardInfo:
    """Information for the card that the run itself does not contain."""

    title: str = ""
    """Title of the card; if empty, the kind of the model and the prior of its training doors."""
    license: str = ""
    """License of the weights as hubs name it (mit, cc-by-4.0, ...); if empty, none is stated."""
    command: str = ""
    """Command that trained the model; if empty, the card contains none."""


def export_model(
    run: str | Path,
    out: str | Path,
    about: ModelCardInfo,
    *,
    results: Sequence[str | Path] = (),
    dtype: Literal["float32", "float16"] = "float32",
    overwrite: bool = False,
) -> None:
    """Writes the model of a run to the folder `out`.

    Args:
        run: finished run folder of `doorlab pretrain` or `doorlab train`, or an exported folder.
        out: a folder that does not exist or is empty; with `overwrite`, it may hold an earlier
            export.
        about: information for the card that the run does not contain. For an exported folder,
            empty entries keep the values of its card.
        results: result files of this model for the card (regret.json, probes.json); if empty, those
            beside the run.
        dtype: precision of the stored weights; float16 halves the size (`models.io.serialized`).
        overwrite: replace an earlier export.

    Raises:
        CheckpointError: if the model is missing or damaged.
        ConfigError: if `out` is inside the run.
        ResultError: if a result file cannot be read or is about other weights, if `out` already
            holds files or cannot be written, or if another process writes to it.
    """
    run, out = Path(run), Path(out)
    refuse_inside(out, run, "the model")
    description = read_description(run)
    weights = serialized(load_model(run), dtype)
    document = _document(description, weights, dtype, about, results)
    with _replacing(out, overwrite) as folder:
        atomic_write_bytes(folder / HUB_WEIGHTS_FILE, weights)
        _copy_fitted(run, folder, description.weights_checksum, document["weights_checksum"])
        _write_document(folder, document)


def export_encoder(
    model: str | Path,
    out: str | Path,
    about: ModelCardInfo,
    *,
    density: LatentDensity | None = None,
    results: Sequence[str | Path] = (),
    overwrite: bool = False,
) -> None:
    """Writes the encoder of an exported reward model, without a copy of its weights.

    The folder `out` contains a description and a card. The weights stay in the folder of the reward
    model, which must lie beside `out`. `export_model` of `out` writes the encoder with its weights.

    Args:
        model: folder of the reward model, written by `export_model`.
        out: as for `export_model`.
        about: as for `export_model`.
        density: density of the encoder's latent over the training doors, if one was fitted.
        results: result files of the encoder for the card.
        overwrite: replace an earlier export.

    Raises:
        CheckpointError: if the reward model is missing or damaged.
        ConfigError: if the model has no encoder of its own kind, or `out` is not beside it.
        ResultError: as `export_model`.
    """
    model, out = Path(model), Path(out)
    description, network = read_description(model), load_model(model)
    encoder = network.pretrained_encoder if isinstance(network, RewardModel) else None
    if encoder is None:
        raise ConfigError("a reward model with a statistician", description.kind, "export ssnp")
    if out.resolve().parent != model.resolve().parent:
        raise ConfigError(f"a folder beside {model}", f"{out}", "choose another folder")
    prefix = next(name for name, module in network.named_modules() if module is encoder)
    kind, weights = reward_model_spec(description.kind).pretrained, description.weights_checksum
    parameters = sum(parameter.numel() for parameter in encoder.parameters())
    training = {**_training_of(description), "metrics": {}, "parameters": parameters}
    document = {
        **description.settings,
        "kind": kind,
        "weights_of": f"../{model.name}",
        "weights_prefix": f"{prefix}.",
        "card": {
            "title": about.title or f"{kind} of {description.name}",
            "license": about.license,
            "doorlab": __version__,
            "training": training,
            "evaluation": read_results(results, f"{kind}", {weights}),
        },
    }
    with _replacing(out, overwrite) as folder:
        if density is not None:
            save_latent_density(folder, density, weights)
        _write_document(folder, sealed(document))


@contextlib.contextmanager
def _replacing(out: Path, overwrite: bool) -> Iterator[Path]:
    """Yields a temporary folder whose files replace an export in `out` if the block succeeds."""
    with output_folder(out):
        real = out.resolve()
        complete_replacement(real, HUB_MODEL_FILE, _is_ours)
        _refuse_out(out, overwrite)
        with replacing_files(real, HUB_MODEL_FILE, _is_ours) as folder, writing(out):
            yield folder


def _write_document(folder: Path, document: Mapping[str, Any]) -> None:
    atomic_write_json(folder / HUB_MODEL_FILE, document)
    atomic_write_text(folder / CARD_FILE, model_card(document))


def _document(
    description: Description,
    weights: bytes,
    dtype: str,
    about: ModelCardInfo,
    results: Sequence[str | Path],
) -> dict[str, Any]:
    """Content of config.json: that of model.json, and that of the card."""
    run, stored = description.folder, checksum(weights)
    known = {description.weights_checksum, stored}
    before: Mapping[str, Any] = description.card or {}
    training = _training_of(description)
    if about.command:
        training["command"] = about.command
    prior = training["dataset"].get("prior")
    named = f"{description.name} of doors" + (f", prior {prior}" if prior else "")
    files = results or ([] if before else results_beside(run, known))
    evaluation = read_results(files, description.name, known)
    # The results remain those of the model if it loses no precision.
    was_half = description.document.get("dtype") == "float16"
    same = before and (description.weights_checksum == stored or was_half)
    card = {
        "title": about.title or before.get("title") or named,
        "license": about.license or before.get("license") or "",
        "doorlab": __version__,
        "training": training,
        "evaluation": {**(before["evaluation"] if same else {}), **evaluation},
    }
    changed = {"dtype": dtype, "weights_checksum": stored, "card": card}
    return sealed({**description.settings, **changed})


def _training_of(description: Description) -> dict[str, Any]:
    """Facts about the training, from the card of an exported folder or from the run."""
    card = description.card
    return training_facts(description.folder) if card is None else dict(card["training"])


def _refuse_out(out: Path, overwrite: bool) -> None:
    """Raises ResultError unless `out` (locked by this process) is empty or an earlier export."""
    if {path.name for path in out.iterdir()} <= {LOCK_FILE}:
        return
    try:
        earlier = is_exported(out) and read_description(out).card is not None
    except CheckpointError:
        earlier = False
    if not earlier:
        raise ResultError(
            f"{out} to be empty or an earlier export", "other files", "choose another --out"
        )
    refuse_overwrite(out, overwrite)


def _copy_fitted(run: Path, folder: Path, before: str, after: str) -> None:
    """Copies the files that were fitted for the weights, with the checksum of the stored ones."""
    familiarity = load_familiarity(run, before)
    if familiarity is not None:
        save_familiarity(folder, familiarity, after)
    density = load_latent_density(run, before)
    if density is not None:
        save_latent_density(folder, density, after)


def _is_ours(file: str) -> bool:
    """Whether an export can contain a file of this name."""
    return re.fullmatch("|".join(map(re.escape, _FILES)), file) is not None
