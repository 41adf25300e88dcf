"""Evaluate pretrained generative models on test doors: likelihood bounds and sample quality.

The command computes the following metrics per model, with 95 % intervals over the test doors:

reconstruction_mse: mean squared error of reconstructed frames, pixels in [0, 1].

elbo, importance_bound: lower bounds on the log-likelihood in nats per pixel and color; higher is
better. importance_bound uses --samples importance samples and is the tighter bound (Burda et al.
2016). elbo_bits and importance_bound_bits give the same bounds in bits per pixel and color, as a
code for 8-bit values; lower is better. The likelihood is the one of the model: a Gaussian around
the decoded image. Its standard deviation (likelihood_scale) is that of the model's reconstruction
errors in training. The bound of a statistician is on the whole set of frames of a door, the bound
of a VAE is on single frames; the same number of samples closes less of the gap for a statistician.

kl, activity, active_units: the KL divergence of each latent dimension (nats), the variance of its
posterior mean over the data, and the number of active dimensions (variance over 0.01). A latent
dimension that is not active has collapsed.

two_sample: two-sample tests between generated frames and real frames of other doors, for
reconstructions, new frames of given doors, and sampled doors. `samples` draws a latent from the
density that was fitted to the training doors, if the model has one; `sampling` names the
distributions of the latents. `prior_samples` draws this latent from the prior N(0, 1). The metrics
are the accuracy of a classifier on held-out doors (0.5: indistinguishable, 1: always
distinguishable) and the squared maximum mean discrepancy (0: no difference). The features come from
a network that the command trains on the training doors, without labels. "content" features are the
embedding that discriminates doors; "texture" features are the activity of the network's layers,
which blur changes. `reference` compares real frames with real frames of other doors: the score of a
perfect model.

attributes: joint angle, handedness and swing that a network predicts from the same frames. The
command trains this network on real frames of training doors, with the true parameters. `scores`
compares the predictions with the true parameters: R^2 of the joint angle, accuracy of handedness
and swing. Sampled doors have no true parameters: `statistics` has the distribution of the
predictions, and how they agree within a door. `attributes` at the top level has both for real
frames of the test doors, and the scores of blurred real frames. Imported footage has no parameters,
and no attributes.

The command writes OUT/diagnosis.json.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from jaxtyping import UInt8

from doorlab.data.dataset import DoorDataset
from doorlab.data.schema import door_array
from doorlab.errors import ConfigError
from doorlab.evaluation.generation.frame_features import FEATURES, FrameFeatures, learn_features
from doorlab.evaluation.generation.held_out_attributes import HeldOutAttributes
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
from doorlab.models.encoders.base import (
    FitsLatentDensity,
    Reconstructs,
    SamplesDoors,
    SamplesFrames,
)
from doorlab.models.io import weights_checksum
from doorlab.models.registry import STATISTICIANS
from doorlab.objectives import bounds
from doorlab.options import Option
from doorlab.results import result_folder, write_result
from doorlab.run_layout import DIAGNOSIS_FILE
from doorlab.runtime.devices import resolve_device, set_num_threads
from doorlab.runtime.torch_state import process_defaults
from doorlab.seeding import integer_seed
from doorlab.terminal.progress import track
from doorlab.training.config import DEVICES

_DOORS_AT_ONCE = 32


@dataclass(frozen=True)
class Config:
    """Models, doors and effort of the evaluation."""

    preset: str = "small"
    """Defaults of the other options: tiny (seconds), small (a minute), full (minutes)."""
    data: Path = Path("runs/demo/dataset")
    """Folder or URL of the dataset with the test doors."""
    models: tuple[Path, ...] = (
        Path("runs/demo/pretrain/contrastive_statistician"),
        Path("runs/demo/pretrain/statistician"),
        Path("runs/demo/pretrain/vae"),
    )
    """Models to evaluate: run folders of `doorlab pretrain`, folders of `doorlab export`, and names
    of shipped weights (narrow: its statistician)."""
    out: Path = Path("runs/demo/diagnose")
    """Folder of the result."""
    doors: PositiveInt = 200
    """Maximum number of test doors; the first doors of the split are used."""
    samples: PositiveInt = 16
    """Importance samples per likelihood bound."""
    feature_doors: PositiveInt = 1000
    """Maximum number of training doors of the feature network."""
    feature_steps: PositiveInt = 150
    """Optimizer steps of the feature network."""
    attribute_doors: PositiveInt = 2000
    """Maximum number of training doors of the attribute predictor."""
    attribute_steps: PositiveInt = 800
    """Optimizer steps of the attribute predictor."""
    seed: Seed = 0
    """Seed of the samples, of the networks that the command trains, and of the bootstrap."""
    device: Annotated[str, Option(DEVICES)] = "auto"
    """Device of the models: cpu, cuda, or auto for the best available device."""
    threads: Threads = 1
    """Torch threads; 0 keeps the default of torch."""
    overwrite: bool = False
    """Replace an existing result in --out."""

    def __post_init__(self) -> None:
        check_limits(self)


PRESETS: dict[str, Config] = {
    "small": Config(),
    "tiny": Config(preset="tiny", doors=64, samples=4, feature_doors=500, feature_steps=60),
    "full": Config(
        preset="full",
        doors=1000,
        samples=64,
        feature_doors=5000,
        feature_steps=600,
        attribute_doors=20_000,
        attribute_steps=4000,
    ),
}


@dataclass(frozen=True)
class HeldOutFrames:
    """Test frames (D, M, H, W, 3), and the network that computes features of frames."""

    images: np.ndarray
    features: FrameFeatures
    attributes: HeldOutAttributes | None = None
    """None for doors without known parameters."""

    @property
    def first(self) -> np.ndarray:
        """The real frames of the two-sample tests: those of the first half of the doors."""
        return self.images[: len(self.images) // 2]

    @property
    def second(self) -> np.ndarray:
        """Real frames of the second half of the doors; as many doors as in `first`."""
        return self.images[len(self.first) : 2 * len(self.first)]


@process_defaults()
def run(config: Config) -> Path:
    """Evaluates every model; returns the path of diagnosis.json.

    Raises:
        ConfigError: if there are too few doors, or a model has no decoder.
        DatasetError, CheckpointError: if the dataset or a run can't be read.
        ResultError: if the result exists already, or another process writes it.
    """
    path = config.out / DIAGNOSIS_FILE
    with result_folder(path, overwrite=config.overwrite):
        _diagnose(config, path)
    return path


def _diagnose(config: Config, path: Path) -> None:
    config = replace(config, device=resolve_device(config.device))
    _check(config)
    set_num_threads(config.threads)
    dataset = DoorDataset.open(config.data)
    folders = by_kind(config.models)
    models = _models(dataset, folders, config.device)
    frames = _frames(dataset, config)
    reference = compare(frames, frames.second, config.seed)
    known = frames.attributes
    found, by_door = {}, {}
    for kind, model in track(models.items(), "diagnose", "models"):
        by_door[kind] = {"reconstruction_mse": model.reconstruction_errors(frames.images)}
        found[kind] = generation(model, frames, config.seed)
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
        **({"attributes": known.of_real(frames.images)} if known else {}),
        doors=len(frames.images),
        model_weights=[weights_checksum(folder) for folder in folders.values()],
    )


def _check(config: Config) -> None:
    if not config.models:
        raise ConfigError("at least one model", "none", "give --models")


def _models(dataset: DoorDataset, folders: dict[str, Path], device: str) -> dict[str, TrainedModel]:
    models = {kind: TrainedModel.open(folder, dataset, device) for kind, folder in folders.items()}
    for kind, model in models.items():
        if not isinstance(model.network, Reconstructs):
            raise ConfigError(
                "models that decode images", f"{kind}, which has no decoder",
                f"remove {kind} from --models",
            )  # fmt: skip
    return models


def _frames(dataset: DoorDataset, config: Config) -> HeldOutFrames:
    test = dataset.indices("test")[: config.doors]
    train = dataset.indices("train")[: config.feature_doors]
    if len(test) < 8:
        raise ConfigError(
            f"at least 8 test doors of {dataset.path}", f"{len(test)}",
            "raise --doors, or generate a larger dataset",
        )  # fmt: skip
    features = learn_features(
        dataset.read("images", train), config.feature_steps, config.seed, config.device
    )
    return HeldOutFrames(dataset.read("images", test), features, _attributes(dataset, config, test))


def _attributes(dataset: DoorDataset, config: Config, test: np.ndarray) -> HeldOutAttributes | None:
    """The attributes of the test doors; None for doors without known parameters."""
    if door_array("hinge_side") not in dataset.config.arrays():
        return None
    return HeldOutAttributes.learn(
        dataset,
        dataset.indices("train")[: config.attribute_doors],
        test,
        steps=config.attribute_steps,
        seed=config.seed,
        device=config.device,
    )


def explain(model: TrainedModel, images: np.ndarray, config: Config) -> LikelihoodBounds:
    """Likelihood bounds of the model for the frames (D, M, H, W, 3) of all doors."""
    seed = integer_seed(config.seed, "diagnose", "estimate_bounds")
    generator = torch.Generator(model.device).manual_seed(seed)
    parts = [
        estimate_bounds(
            model.network,
            to_frames(images[first : first + _DOORS_AT_ONCE], model.device),
            config.samples,
            generator,
        )
        for first in range(0, len(images), _DOORS_AT_ONCE)
    ]
    return LikelihoodBounds.join(parts)


def per_dimension(explained: LikelihoodBounds, dimensions: int) -> dict[str, np.ndarray]:
    """Bounds of every door per pixel and color, in nats and in bits: name -> (D,).

    Args:
        explained: the bounds of D doors.
        dimensions: values in the frames of one door: frames times pixels times colors.
    """
    values = {}
    for name, nats in (("elbo", explained.elbo), ("importance_bound", explained.importance)):
        values[name] = (nats / dimensions).cpu().numpy()
        values[f"{name}_bits"] = bounds.bits_per_dimension(nats, dimensions).cpu().numpy()
    return values


def latents(beliefs: dict[str, LatentPosterior], seed: int) -> dict[str, Any]:
    """KL divergence and activity of the dimensions of each latent."""
    result: dict[str, Any] = {"kl": {}, "kl_total": {}, "activity": {}, "active_units": {}}
    for name, belief in beliefs.items():
        kl = belief.kl().cpu().numpy()  # (D, Z), or (D, M, Z) for latents of frames
        result["kl"][name] = kl.reshape(-1, kl.shape[-1]).mean(axis=0)
        result["kl_total"][name] = bootstrap_mean(kl.sum(axis=-1), seed=seed)
        result["activity"][name] = bounds.activity(belief.posterior, belief.prior).cpu().numpy()
        active = bounds.active_units(belief.posterior, belief.prior)
        result["active_units"][name] = int(active.sum())
    return result


def generation(model: TrainedModel, frames: HeldOutFrames, seed: int) -> dict[str, Any]:
    """Two-sample scores and attributes of generated frames, and how the model samples."""
    generated = generated_frames(model, frames, seed)
    found: dict[str, Any] = {
        "two_sample": {name: compare(frames, images, seed) for name, images in generated.items()}
    }
    if isinstance(model.network, SamplesDoors):
        found["sampling"] = model.network.describe_sampling()
    if frames.attributes is not None:
        rebuilt = to_uint8(model.reconstruct(frames.images))
        found["attributes"] = frames.attributes.of_generated(rebuilt, generated)
    return found


def generated_frames(
    model: TrainedModel, frames: HeldOutFrames, seed: int
) -> dict[str, UInt8[np.ndarray, "_ M H W 3"]]:
    """Generated frames, as many doors as in `frames.second`.

    The keys are "reconstructions" and, for models that sample, "new_frames" (of the doors of
    `frames.second`), "samples" and "prior_samples".
    """
    seed_of_model = integer_seed(seed, "diagnose", model.kind)
    generator = torch.Generator(model.device).manual_seed(seed_of_model)
    generated = {"reconstructions": to_uint8(model.reconstruct(frames.second))}
    doors, count = frames.second.shape[:2]
    network = model.network
    with torch.no_grad():
        if isinstance(network, SamplesFrames):
            c = torch.from_numpy(model.embed(frames.second)).to(model.device)
            generated["new_frames"] = to_uint8(network.new_frames(c, count, generator))
        if isinstance(network, SamplesDoors):
            generated["samples"] = to_uint8(network.sample(doors, count, generator))
        if isinstance(network, FitsLatentDensity) and network.latent_density is not None:
            prior = network.sample(doors, count, generator, fitted=False)
            generated["prior_samples"] = to_uint8(prior)
    return generated


def compare(frames: HeldOutFrames, others: np.ndarray, seed: int) -> dict[str, TwoSampleScore]:
    """Two-sample scores of images (D/2, M, H, W, 3) against real frames, by kind of feature."""
    real, other = (frames.features.describe(images) for images in (frames.first, others))
    return {name: two_sample_score(real[name], other[name], seed) for name in FEATURES}


def differences(by_door: dict[str, dict[str, np.ndarray]], seed: int) -> dict[str, Any]:
    """Differences, paired by door, between each statistician and each other model."""
    statisticians = [kind for kind in STATISTICIANS if kind in by_door]
    pairs = [
        (first, second)
        for i, first in enumerate(statisticians)
        for second in by_door
        if second not in statisticians[: i + 1]  # each pair of statisticians once
    ]
    return {
        f"{first} - {second}": {
            name: paired_difference(values, by_door[second][name], seed=seed)
            for name, values in by_door[first].items()
            if name in by_door[second]
        }
        for first, second in pairs
    }
