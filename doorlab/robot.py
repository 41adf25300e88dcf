"""A trained model on a robot: look at a door, ask what to try, say what came of it, ask again.

    predictor = RewardPredictor.load("runs/ssnp")
    predictor.observe(frames)                 # pictures of one door, uint8 RGB, of any size
    action = predictor.suggest()              # rad and m, see `doorlab.doors.Action`
    predictor.record(action, reward)          # the share of the way that the door opened
    predictor.save("door.safetensors")        # `restore` goes on from here, to the same bit

Legend: M frames, H, W pixels, N actions, E embedding.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float32
from safetensors.torch import save

from doorlab.bandit.memory import load_bandit, save_bandit
from doorlab.bandit.policies.model import ModelConfig, ModelPolicy
from doorlab.bandit.policy import History
from doorlab.bandit.search import SearchConfig
from doorlab.data.footage import FITS, Fit, to_square
from doorlab.doors import ACTION_DIM, Action
from doorlab.doors.action import checked_actions
from doorlab.errors import CheckpointError, ConfigError
from doorlab.models.description import read_description
from doorlab.models.io import load_model
from doorlab.models.registry import REWARD_MODELS
from doorlab.models.reward import RewardModel
from doorlab.seeding import stream
from doorlab.torch_state import allow_gradients, thread_defaults

Choice = Literal["greedy", "ucb", "thompson"]


class RewardPredictor:
    """Opens one door at a time by what a model of `doorlab train` has learned from others.

    Args:
        model: a reward model; it is put into evaluation mode.
        image_size: pixels of the frames that it was trained on.
        device: where the model runs: cpu, cuda.
        seed: of the search for actions, and of thompson's draws.
        search: how hard to look for the best action.

    Raises ConfigError for a device that the machine does not have.
    """

    @thread_defaults()
    def __init__(
        self,
        model: RewardModel,
        image_size: int,
        *,
        device: str = "cpu",
        seed: int = 0,
        search: SearchConfig | None = None,
    ) -> None:
        try:
            self._model: Any = model.to(device, torch.float32).eval()
        except (RuntimeError, AssertionError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise ConfigError(
                f"a device that torch has here, not {device}", reason, "use cpu"
            ) from None
        allow_gradients(model)
        self._image_size, self._device = image_size, device
        self._checksum = _checksum_of(model)
        self._search = search or ModelConfig().search
        self._rng = stream(seed, "policy")
        self._embedding: torch.Tensor | None = None
        self._history = History.empty(1)

    @thread_defaults()
    def __setstate__(self, state: dict[str, Any]) -> None:
        """Takes over what another predictor knows, in a copy or from a pickle."""
        vars(self).update(state)
        allow_gradients(self._model)
        if self._embedding is not None:
            self._embedding = self._embedding.clone()

    @staticmethod
    def load(run: str | Path, *, device: str = "cpu", seed: int = 0) -> RewardPredictor:
        """The model in a run folder of `doorlab train`.

        Raises:
            CheckpointError: when there is none, it is damaged, or it predicts no rewards.
            ConfigError: for a device that the machine does not have.
        """
        run = Path(run)
        about = read_description(run)
        model: Any = load_model(run)
        if about.kind not in REWARD_MODELS:
            raise CheckpointError(
                f"a model that predicts rewards in {run}",
                f"a {about.kind}",
                "give a run of `doorlab train`",
            )
        return RewardPredictor(model, about.image_size, device=device, seed=seed)

    @thread_defaults()
    def observe(self, frames: np.ndarray | Sequence[np.ndarray], fit: Fit = "crop") -> None:
        """Looks at a new door, and forgets what was tried on the one before.

        Args:
            frames: M >= 1 pictures of the door, uint8 (H, W, 3), RGB (OpenCV reads BGR), of any
                size: an array (M, H, W, 3), or a sequence. Models are trained on some that show
                the door at several opening angles; their order does not matter.
            fit: of pictures that are not square: crop, the square in the middle; pad, all of it,
                on black. Then they are averaged over areas to the size of the model's frames.

        Raises ConfigError for anything else.
        """
        if fit not in FITS:
            raise ConfigError(f"fit as {' or '.join(FITS)}", repr(fit), "use one")
        pictures = [_checked(np.asarray(frame)) for frame in frames]
        if not pictures:
            raise ConfigError("at least one frame of the door", "none", "take a picture")
        squares = np.stack([to_square(image, self._image_size, fit) for image in pictures])
        policy = self._policy(ModelConfig())
        policy.begin(squares[None], self._rng)
        self._embedding, self._history = policy.embedding, History.empty(1)

    @thread_defaults()
    def suggest(self, choice: Choice = "greedy", *, kappa: float = 1.0) -> Action:
        """What to try next on this door.

        Args:
            choice: greedy, the best predicted mean; ucb, the best mean + kappa * standard
                deviation; thompson, the best of one plausible reward function, drawn anew.
            kappa: weight of uncertainty in ucb, dimensionless.

        Returns:
            The action in physical units: phi in rad, radius in m (infinite: slide along phi),
            swing in rad (of a slide: in m), turn in rad. `to_normalised()` gives float32 (4,) in
            Box(-1, 1), as the Gymnasium environment takes it.

        Raises ConfigError before `observe`, for an unknown choice, and for thompson with a model
        that has no latent.
        """
        config = ModelConfig(choice=choice, kappa=kappa, search=self._search)
        return Action.from_normalised(self._looked(config).act(self._history)[0])

    @thread_defaults()
    def predict(
        self, actions: Sequence[Action] | np.ndarray
    ) -> tuple[Float32[np.ndarray, " N"], Float32[np.ndarray, " N"]]:
        """Mean and standard deviation of the rewards of N actions, given all that was recorded.

        Args:
            actions: in physical units, or an array (N, 4) of normalised ones.

        Raises ConfigError before `observe`, and for actions of another shape or not finite.
        """
        at = np.array([_normalised(action) for action in actions], np.float32)
        mean, std = self._looked(ModelConfig()).predict(
            self._history, at.reshape(1, -1, ACTION_DIM)
        )
        return mean[0], std[0]

    @thread_defaults()
    def record(self, action: Action | np.ndarray, reward: float) -> None:
        """Learns from a try on this door.

        Args:
            action: what was done, which need not be what was suggested: in physical units, or
                normalised, (4,), in [-1, 1]. In physical units it may go beyond the ranges of
                `doorlab.doors.action`; then it is taken as at their ends.
            reward: the share of its whole way that the door opened, in [0, 1].

        Raises ConfigError before `observe`, and for a reward or an action that can't be.
        """
        self._looked(ModelConfig())
        if not 0.0 <= reward <= 1.0:
            raise ConfigError(
                "a reward in [0, 1]", f"{reward}", "give the share of its way that the door opened"
            )
        self._history = self._history.extended(
            _normalised(action)[None], np.array([reward], np.float32)
        )

    @property
    def tries(self) -> list[tuple[Action, float]]:
        """What was recorded on this door: actions in physical units, and their rewards."""
        pairs = zip(self._history.actions[0], self._history.rewards[0], strict=True)
        return [(Action.from_normalised(action), float(reward)) for action, reward in pairs]

    @thread_defaults()
    def save(self, path: str | Path) -> None:
        """Writes what is known about this door, and the source of chance; not the model.

        One file, whole or not at all (`doorlab.bandit.save_bandit`).

        Raises:
            ConfigError: before `observe`.
            ResultError: when it can't be written.
        """
        save_bandit(path, self._looked(ModelConfig()), self._history, self._checksum)

    @thread_defaults()
    def restore(self, path: str | Path) -> None:
        """Goes on with a door that was saved, on a predictor with the same model.

        Raises CheckpointError when there is none, it is damaged, or of another model; then the
        predictor is as it was.
        """
        policy = self._policy(ModelConfig())
        self._history = load_bandit(path, policy, self._checksum)
        self._embedding, self._rng = policy.embedding, policy.rng

    def _policy(self, config: ModelConfig) -> ModelPolicy:
        return ModelPolicy(self._model, config, self._device)

    def _looked(self, config: ModelConfig) -> ModelPolicy:
        """A policy that knows the door."""
        policy = self._policy(config)
        if self._embedding is None:
            raise ConfigError("a door that was looked at", "none", "call observe(frames) first")
        policy.begin_from(self._embedding, self._rng)
        return policy


def _checked(image: np.ndarray) -> np.ndarray:
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        fix = "give an array (M, H, W, 3), RGB, channels last; of a single picture, [picture]"
        raise ConfigError("frames of shape (H, W, 3)", f"{image.shape}", fix)
    if image.dtype != np.uint8:
        raise ConfigError(
            "frames of uint8, from 0 to 255",
            f"{image.dtype}",
            "convert them: (255 * x).round().astype(np.uint8) if they are from 0 to 1",
        )
    return image


def _normalised(action: Action | np.ndarray) -> Float32[np.ndarray, " 4"]:
    """An action in Box(-1, 1): of one in physical units, what is beyond the ranges is cut off."""
    if isinstance(action, Action):
        return action.to_normalised()
    return checked_actions(action, ()).astype(np.float32)


def _checksum_of(model: Any) -> str:
    """Of the weights; a predictor's state belongs to one model."""
    weights = {k: v.detach().cpu().contiguous() for k, v in model.state_dict().items()}
    return hashlib.blake2b(save(weights), digest_size=16).hexdigest()
