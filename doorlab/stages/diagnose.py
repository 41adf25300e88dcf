"""How well pretrained models explain and imitate doors that they were not trained on.

For each model, on test doors, with 95 % intervals over doors:

reconstruction_mse: squared error of reconstructions, pixels in [0, 1].

elbo, importance_bound: lower bounds on the log-likelihood, nats per pixel and colour; the second
takes --samples importance samples and lies closer to the truth (Burda et al. 2016). Higher is
better. Beside them bits per pixel and colour, as a code for 8-bit values; lower is better. Both
follow from the likelihood that the models state, a Gaussian about the decoded picture, whose
standard deviation is that of the model's errors in training (likelihood_scale). The
same number of samples closes less of the gap for a statistician, whose bound is on whole sets of
frames, than for a VAE, whose bound is on single ones.

kl, activity, active_units: what each latent dimension costs (nats), how much its mean moves with
the data, and how many move at all (variance over 0.01). A latent that is not active has collapsed.

two_sample: can reconstructions, new frames of seen doors and doors sampled from the prior be told
from real frames of other doors? The accuracy of a classifier on held-out doors (0.5: no, 1:
always) and the squared maximum mean discrepancy (0: no difference). Features come from a
network that this stage trains on the training doors, without labels: "content" is what it uses to
tell doors apart; "texture" is how active its layers are, which blur changes. `reference`
compares real frames with real frames of other doors: what a perfect model would get.

Writes OUT/diagnosis.json.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch

from doorlab.data.dataset import DoorDataset
from doorlab.errors import ConfigError
from doorlab.evaluation.generation.frame_features import FEATURES, FrameFeatures, learn_features
from doorlab.evaluation.generation.two_sample import TwoSampleScore, two_sample_score
from doorlab.evaluation.likelihood import (
    LatentPosterior,
    LikelihoodBounds,
    estimate_bounds,
    has_evidence,
)
from doorlab.evaluation.trained_model import TrainedModel, by_kind, to_frames, to_uint8
from doorlab.intervals import bootstrap_mean, paired_difference
from doorlab.limits import PositiveInt, Seed, Threads, check_limits
from doorlab.models.encoders.base import Reconstructs, SamplesDoors, SamplesFrames
from doorlab.models.io import weights_checksum
from doorlab.models.registry import STATISTICIANS
from doorlab.objectives import bounds
from doorlab.options import Option
from doorlab.results import result_folder, write_result
from doorlab.runtime.devices import resolve_device, set_num_threads
from doorlab.runtime.torch_state import process_defaults
from doorlab.seeding import integer_seed
from doorlab.terminal.progress import track
from doorlab.training.config import DEVICES

_DOORS_AT_ONCE = 32


@dataclass(frozen=True)
class Config:
    """Which models, on which doors."""

    preset: str = "small"
    """Effort: tiny (seconds), small (a minute), full (minutes)."""
    data: Path = Path("runs/demo/dataset")
    """Dataset whose test doors are shown to the models."""
    models: tuple[Path, ...] = (
        Path("runs/demo/pretrain/vae"),
        Path("runs/demo/pretrain/statistician"),
    )
    """Runs of `doorlab pretrain`."""
    out: Path = Path("runs/demo/diagnose")
    """Folder of the result."""
    doors: PositiveInt = 200
    """Test doors, at most (the first of the split)."""
    samples: PositiveInt = 16
    """Importance samples behind each bound."""
    feature_doors: PositiveInt = 1000
    """Training doors that the feature network learns from, at most."""
    feature_steps: PositiveInt = 150
    """Steps of training the feature network."""
    seed: Seed = 0
    """Seed of samples, of the feature network and of the bootstrap behind the intervals."""
    device: Annotated[str, Option(DEVICES)] = "auto"
    """Where the models run: cpu, cuda, or auto for the best there is."""
    threads: Threads = 1
    """Threads of torch; 0 leaves its own choice."""
    overwrite: bool = False
    """Replace an earlier result."""

    def __post_init__(self) -> None:
        check_limits(self)


PRESETS: dict[str, Config] = {
    "small": Config(),
    "tiny": Config(preset="tiny", doors=64, samples=4, feature_doors=500, feature_steps=60),
    "full": Config(preset="full", doors=1000, samples=64, feature_doors=5000, feature_steps=600),
}


@dataclass(frozen=True)
class Frames:
    """Test frames (D, M, H, W, 3), and the network that describes frames."""

    images: np.ndarray
    features: FrameFeatures

    @property
    def first(self) -> np.ndarray:
        """The real frames that others are compared with: those of the first half of the doors."""
        return self.images[: len(self.images) // 2]

    @property
    def second(self) -> np.ndarray:
        """Frames of as many other doors."""
        return self.images[len(self.first) : 2 * len(self.first)]


@process_defaults()
def run(config: Config) -> Path:
    """Diagnoses every model; returns the path of diagnosis.json.

    Raises:
        ConfigError: when there are too few doors, or a model makes no pictures.
        DatasetError, CheckpointError: for what can't be read.
        ResultError: for a result that is there already, or that another process writes.
    """
    path = config.out / "diagnosis.json"
    with result_folder(path, overwrite=config.overwrite):
        _diagnose(config, path)
    return path


def _diagnose(config: Config, path: Path) -> None:
    config = replace(config, device=resolve_device(config.device))
    _check(config)
    set_num_threads(config.threads)
    dataset = DoorDataset.open(config.data)
    models = _models(dataset, config)
    frames = _frames(dataset, config)
    reference = compare(frames, frames.second, config.seed)
    found, by_door = {}, {}
    for kind, model in track(models.items(), "diagnose", "models"):
        by_door[kind] = {"reconstruction_mse": reconstruction_errors(model, frames.images)}
        found[kind] = {"two_sample": sample_quality(model, frames, config.seed)}
        if has_evidence(model.network):
            explained = explain(model, frames.images, config)
            by_door[kind] |= per_dimension(explained, frames.images[0].size)
            found[kind] |= latents(explained.beliefs, config.seed)
            found[kind]["likelihood_scale"] = float(model.network.likelihood.std)
        found[kind] |= {n: bootstrap_mean(v, seed=config.seed) for n, v in by_door[kind].items()}
    write_result(
        path,
        "diagnose",
        config,
        {"differences": differences(by_door, config.seed)},
        dataset.checksum,
        dataset.simulator,
        diagnosis=found,
        reference=reference,
        doors=len(frames.images),
        model_weights=[weights_checksum(model) for model in config.models],
    )


def _check(config: Config) -> None:
    if not config.models:
        raise ConfigError("at least one model", "none", "give --models")


def _models(dataset: DoorDataset, config: Config) -> dict[str, TrainedModel]:
    models = {
        kind: TrainedModel.open(folder, dataset, config.device)
        for kind, folder in by_kind(config.models).items()
    }
    for kind, model in models.items():
        if not isinstance(model.network, Reconstructs):
            raise ConfigError(
                "models that make pictures", f"{kind}, which only reads them",
                "leave it out of --models",
            )  # fmt: skip
    return models


def _frames(dataset: DoorDataset, config: Config) -> Frames:
    test = dataset.indices("test")[: config.doors]
    train = dataset.indices("train")[: config.feature_doors]
    if len(test) < 8:
        raise ConfigError(
            f"8 test doors of {dataset.path} or more", f"{len(test)}",
            "ask for more --doors, or generate a larger dataset",
        )  # fmt: skip
    features = learn_features(
        dataset.read("images", train), config.feature_steps, config.seed, config.device
    )
    return Frames(dataset.read("images", test), features)


def reconstruction_errors(model: TrainedModel, images: np.ndarray) -> np.ndarray:
    """(D,): mean squared error of each door's frames (D, M, H, W, 3), pixels in [0, 1]."""
    squares = (model.reconstruct(images) - images.astype(np.float32) / 255.0) ** 2
    return squares.mean(axis=(1, 2, 3, 4))


def explain(model: TrainedModel, images: np.ndarray, config: Config) -> LikelihoodBounds:
    """The model's evidence of all doors."""
    seed = integer_seed(config.seed, "diagnose", "estimate_bounds")
    chance = torch.Generator(model.device).manual_seed(seed)
    parts = [
        estimate_bounds(
            model.network,
            to_frames(images[first : first + _DOORS_AT_ONCE], model.device),
            config.samples,
            chance,
        )
        for first in range(0, len(images), _DOORS_AT_ONCE)
    ]
    return LikelihoodBounds.join(parts)


def per_dimension(explained: LikelihoodBounds, dimensions: int) -> dict[str, np.ndarray]:
    """Bounds of every door by pixel and colour, in nats and in bits.

    Args:
        explained: of D doors.
        dimensions: numbers in the frames of one door: frames times pixels times colours.
    """
    found = {}
    for name, nats in (("elbo", explained.elbo), ("importance_bound", explained.importance)):
        found[name] = (nats / dimensions).cpu().numpy()
        found[f"{name}_bits"] = bounds.bits_per_dimension(nats, dimensions).cpu().numpy()
    return found


def latents(beliefs: dict[str, LatentPosterior], seed: int) -> dict[str, Any]:
    """What each latent's dimensions cost and whether they are in use."""
    found: dict[str, Any] = {"kl": {}, "kl_total": {}, "activity": {}, "active_units": {}}
    for name, belief in beliefs.items():
        kl = belief.kl().cpu().numpy()  # (D, Z), or (D, M, Z) for latents of frames
        found["kl"][name] = kl.reshape(-1, kl.shape[-1]).mean(axis=0)
        found["kl_total"][name] = bootstrap_mean(kl.sum(axis=-1), seed=seed)
        found["activity"][name] = bounds.activity(belief.posterior, belief.prior).cpu().numpy()
        active = bounds.active_units(belief.posterior, belief.prior)
        found["active_units"][name] = int(active.sum())
    return found


def sample_quality(model: TrainedModel, frames: Frames, seed: int) -> dict[str, dict[str, Any]]:
    """Scores of what the model makes, against real frames of doors that it was not made from."""
    chance = torch.Generator(model.device).manual_seed(integer_seed(seed, "diagnose", model.kind))
    made = {"reconstructions": to_uint8(model.reconstruct(frames.second))}
    count = frames.second.shape[1]
    with torch.no_grad():
        if isinstance(model.network, SamplesFrames):
            c = torch.from_numpy(model.embed(frames.second)).to(model.device)
            made["new_frames"] = to_uint8(model.network.new_frames(c, count, chance))
        if isinstance(model.network, SamplesDoors):
            made["samples"] = to_uint8(model.network.sample(len(frames.second), count, chance))
    return {name: compare(frames, images, seed) for name, images in made.items()}


def compare(frames: Frames, others: np.ndarray, seed: int) -> dict[str, TwoSampleScore]:
    """Scores of other pictures (D/2, M, H, W, 3) against real ones, by kind of feature."""
    real, other = (frames.features.describe(images) for images in (frames.first, others))
    return {name: two_sample_score(real[name], other[name], seed) for name in FEATURES}


def differences(by_door: dict[str, dict[str, np.ndarray]], seed: int) -> dict[str, Any]:
    """Paired differences, door by door, of each statistician and each other model."""
    ours = [kind for kind in STATISTICIANS if kind in by_door]
    pairs = [
        (mine, kind)
        for i, mine in enumerate(ours)
        for kind in by_door
        if kind not in ours[: i + 1]  # of two statisticians one way round is enough
    ]
    return {
        f"{mine} - {kind}": {
            name: paired_difference(values, by_door[kind][name], seed=seed)
            for name, values in by_door[mine].items()
            if name in by_door[kind]
        }
        for mine, kind in pairs
    }
