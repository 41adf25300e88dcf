"""Models by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import nn

from doorlab.errors import ConfigError, unknown_name
from doorlab.models.architecture import Architecture
from doorlab.models.encoders.autoencoder import Autoencoder
from doorlab.models.encoders.contrastive_statistician import ContrastiveStatistician
from doorlab.models.encoders.pca import PrincipalComponents
from doorlab.models.encoders.random_features import RandomFeatures
from doorlab.models.encoders.statistician import NeuralStatistician
from doorlab.models.encoders.supervised import Supervised
from doorlab.models.encoders.vae import VAE
from doorlab.models.processes.attentive_np import AttentiveProcess
from doorlab.models.processes.base import NeuralProcess
from doorlab.models.processes.cnp import ConditionalNeuralProcess
from doorlab.models.processes.latent_np import LatentNeuralProcess
from doorlab.models.reward.end_to_end import EndToEnd
from doorlab.models.reward.frozen_encoder import FrozenEncoderModel
from doorlab.models.reward.ssnp import SSNP

PRETRAINED: dict[str, Callable[[int, Architecture], nn.Module]] = {
    "vae": VAE,
    "statistician": NeuralStatistician,
    "contrastive_statistician": ContrastiveStatistician,
    "autoencoder": Autoencoder,
    "pca": PrincipalComponents,
    "random_features": RandomFeatures,
    "supervised": Supervised,
}

# Pretrained models with a context latent: a door is more to them than the mean of its frames.
STATISTICIANS = ("contrastive_statistician", "statistician")
# Pretrained models that look at single frames: what the statistician is compared with.
CONTEXT_FREE = ("vae", "autoencoder", "pca", "random_features")
# Those that no gradient trains: `fit` sees all training frames once.
STEPLESS = frozenset({"pca", "random_features"})
# Those that are told the true parameters: their loss takes the answers, too.
TOLD = frozenset({"supervised"})

# Reward models that stand on a pretrained one, and on which.
BASES: dict[str, str] = {
    "vae_np": "vae",
    "statistician_np": "statistician",
    "contrastive_np": "contrastive_statistician",
}
# Reward models that learn from pictures of unlabelled doors at the same time, and what their
# context learner may have been before.
BEGINNINGS: dict[str, str] = {
    "ssnp": "statistician",
    "attentive_ssnp": "statistician",
    "contrastive_ssnp": "contrastive_statistician",
}
JOINT = frozenset(BEGINNINGS)


def _on(
    embedding: Callable[[int, Architecture, NeuralProcess[Any]], nn.Module],
    process: Callable[[int, Architecture], NeuralProcess[Any]],
) -> Callable[[int, Architecture], nn.Module]:
    def build(image_size: int, a: Architecture) -> nn.Module:
        return embedding(image_size, a, process(a.context_dim, a))

    return build


def _frozen(base: str) -> Callable[[int, Architecture], nn.Module]:
    def build(image_size: int, a: Architecture) -> nn.Module:
        pretrained: Any = PRETRAINED[base](image_size, a)
        return FrozenEncoderModel(pretrained, LatentNeuralProcess(pretrained.embedding_dim, a))

    return build


REWARD_MODELS: dict[str, Callable[[int, Architecture], nn.Module]] = {
    "np": _on(EndToEnd, LatentNeuralProcess),
    "cnp": _on(EndToEnd, ConditionalNeuralProcess),
    "attentive_np": _on(EndToEnd, AttentiveProcess),
    "ssnp": _on(SSNP, LatentNeuralProcess),
    "attentive_ssnp": _on(SSNP, AttentiveProcess),
    "contrastive_ssnp": _on(partial(SSNP, learner=ContrastiveStatistician), LatentNeuralProcess),
    **{name: _frozen(base) for name, base in BASES.items()},
}


def build_model(kind: str, image_size: int, architecture: Architecture) -> nn.Module:
    """A model with fresh weights; those of a frozen base are for the caller to load.

    Raises ConfigError for an unknown name or an image size that the networks don't take.
    """
    models = {**PRETRAINED, **REWARD_MODELS}
    if kind not in models:
        raise unknown_name("model", kind, models)
    return models[kind](image_size, architecture)


def set_pretrained(model: nn.Module, kind: str, pretrained: nn.Module) -> None:
    """Puts trained weights under a model of `BASES`, or into one of `BEGINNINGS`.

    Raises ConfigError if they don't fit.
    """
    own = None
    if isinstance(model, FrozenEncoderModel):
        own = model.pretrained
    elif isinstance(model, SSNP):
        own = model.statistician
    if own is None or type(own) is not type(pretrained):
        raise ConfigError(
            f"a pretrained {(BASES | BEGINNINGS).get(kind, 'nothing')} for {kind}",
            type(pretrained).__name__,
            "give the run of the right model with --pretrained",
        )
    own.load_state_dict(pretrained.state_dict())
