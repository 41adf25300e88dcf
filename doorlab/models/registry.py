"""Models by name: one spec each. To add one from another package, see `doorlab.models.spec`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from torch import nn

from doorlab.errors import ConfigError, unknown_name
from doorlab.models.architecture import Architecture
from doorlab.models.encoders.autoencoder import Autoencoder
from doorlab.models.encoders.base import DoorEncoder
from doorlab.models.encoders.contrastive_statistician import ContrastiveStatistician
from doorlab.models.encoders.disentangled_statistician import DisentangledStatistician
from doorlab.models.encoders.pca import PrincipalComponents
from doorlab.models.encoders.random_features import RandomFeatures
from doorlab.models.encoders.statistician import NeuralStatistician
from doorlab.models.encoders.supervised import Supervised
from doorlab.models.encoders.vae import VAE
from doorlab.models.processes.attentive_np import AttentiveProcess
from doorlab.models.processes.base import NeuralProcess
from doorlab.models.processes.cnp import ConditionalNeuralProcess
from doorlab.models.processes.latent_np import LatentNeuralProcess
from doorlab.models.processes.transformer_np import TransformerProcess
from doorlab.models.reward.base import RewardModel
from doorlab.models.reward.end_to_end import EndToEnd
from doorlab.models.reward.frozen_encoder import FrozenEncoderModel
from doorlab.models.reward.ssnp import SSNP
from doorlab.models.spec import EncoderSpec, ModelSpec, RewardModelSpec
from doorlab.registry import Registry

S = TypeVar("S", EncoderSpec, RewardModelSpec)

_ENCODERS: dict[str, EncoderSpec] = {
    "vae": EncoderSpec(VAE),
    "statistician": EncoderSpec(NeuralStatistician),
    "contrastive_statistician": EncoderSpec(ContrastiveStatistician, min_frames=2),
    "disentangled_statistician": EncoderSpec(DisentangledStatistician, min_frames=2),
    "autoencoder": EncoderSpec(Autoencoder),
    "pca": EncoderSpec(PrincipalComponents, closed_form=True),
    "random_features": EncoderSpec(RandomFeatures, closed_form=True),
    "supervised": EncoderSpec(Supervised, supervised=True),
}

Process = Callable[[int, Architecture], NeuralProcess[Any]]


def _with_process(
    model: Callable[[int, Architecture, NeuralProcess[Any]], RewardModel], process: Process
) -> Callable[[int, Architecture], RewardModel]:
    """Builds a model whose embedding is as large as the context latent."""

    def build(image_size: int, a: Architecture) -> RewardModel:
        return model(image_size, a, process(a.context_dim, a))

    return build


def _on_frozen(
    encoder: str, process: Process = LatentNeuralProcess, has_latent: bool = True
) -> RewardModelSpec:
    def build(image_size: int, a: Architecture) -> RewardModel:
        pretrained = _ENCODERS[encoder].build(image_size, a)
        return FrozenEncoderModel(pretrained, process(pretrained.embedding_dim, a))

    return RewardModelSpec(build, frozen_encoder=encoder, has_latent=has_latent)


_joint = partial(RewardModelSpec, joint=True, encoder_init="statistician")
_contrastive_ssnp = partial(SSNP, learner=ContrastiveStatistician)

_REWARD_MODELS: dict[str, RewardModelSpec] = {
    "np": RewardModelSpec(_with_process(EndToEnd, LatentNeuralProcess)),
    "cnp": RewardModelSpec(_with_process(EndToEnd, ConditionalNeuralProcess), has_latent=False),
    "attentive_np": RewardModelSpec(_with_process(EndToEnd, AttentiveProcess)),
    "tnp": RewardModelSpec(_with_process(EndToEnd, TransformerProcess), has_latent=False),
    "ssnp": _joint(_with_process(SSNP, LatentNeuralProcess)),
    "attentive_ssnp": _joint(_with_process(SSNP, AttentiveProcess)),
    "tnp_ssnp": _joint(_with_process(SSNP, TransformerProcess), has_latent=False),
    "contrastive_ssnp": _joint(
        _with_process(_contrastive_ssnp, LatentNeuralProcess),
        encoder_init="contrastive_statistician",
        min_frames=2,
    ),
    "vae_np": _on_frozen("vae"),
    "statistician_np": _on_frozen("statistician"),
    "statistician_tnp": _on_frozen("statistician", TransformerProcess, has_latent=False),
    "contrastive_np": _on_frozen("contrastive_statistician"),
}

MODELS: Registry[ModelSpec] = Registry(
    "model",
    "doorlab.models",
    {**_ENCODERS, **_REWARD_MODELS},
    lambda found: isinstance(found, EncoderSpec | RewardModelSpec),
    "an EncoderSpec or a RewardModelSpec",
)

# Names of the built-in models, in the order of help and tables.
ENCODERS, REWARD_MODELS = tuple(_ENCODERS), tuple(_REWARD_MODELS)
# Encoders with a context latent.
STATISTICIANS = ("contrastive_statistician", "disentangled_statistician", "statistician")
CONTEXT_FREE = ("vae", "autoencoder", "pca", "random_features")  # baselines of the statistician


def encoder_spec(name: str) -> EncoderSpec:
    """The spec of a model of `doorlab pretrain`. Raises ConfigError for any other name."""
    return _spec_of(name, EncoderSpec, ENCODERS)


def reward_model_spec(name: str) -> RewardModelSpec:
    """The spec of a model of `doorlab train`. Raises ConfigError for any other name."""
    return _spec_of(name, RewardModelSpec, REWARD_MODELS)


def _spec_of(name: str, kind: type[S], known: tuple[str, ...]) -> S:
    spec = MODELS.get_named(name)
    if not isinstance(spec, kind):
        raise unknown_name("model", name, known)
    return spec


def is_reward_model(name: str) -> bool:
    """Whether a model predicts rewards. Raises ConfigError for an unknown name."""
    return isinstance(MODELS.get_named(name), RewardModelSpec)


def build_model(
    name: str, image_size: int, architecture: Architecture
) -> DoorEncoder | RewardModel:
    """Builds a model with initial weights; the caller loads the weights of a frozen encoder.

    Raises ConfigError for an unknown name, or an image size that the networks do not support.
    """
    return MODELS.get_named(name).build(image_size, architecture)


def set_pretrained(model: nn.Module, name: str, pretrained: nn.Module) -> None:
    """Loads the weights of a pretrained encoder into a reward model.

    Args:
        model: a reward model with a `pretrained_encoder`.
        name: name of the model.
        pretrained: the pretrained encoder.

    Raises ConfigError if the encoder has another type than the model needs.
    """
    own = model.pretrained_encoder if isinstance(model, RewardModel) else None
    if own is None or type(own) is not type(pretrained):
        raise ConfigError(
            f"a pretrained {reward_model_spec(name).pretrained or 'nothing'} for {name}",
            type(pretrained).__name__,
            "give the run of the right model with --pretrained",
        )
    own.load_state_dict(pretrained.state_dict())
