"""A trained model on a robot: look at a door, ask what to try, say what came of it, ask again.

    predictor = RewardPredictor.load("runs/ssnp")
    predictor.observe(frames)                 # pictures of one door, uint8 RGB, of any size
    action = predictor.suggest()              # rad and m, see `doorlab.doors.Action`
    predictor.record(action, reward)          # the share of the way that the door opened
    predictor.save("door.safetensors")        # `restore` goes on from here, to the same bit

Legend: M frames, H, W pixels, N actions, E embedding.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float32

from doorlab.bandit.action_search import SearchConfig
from doorlab.bandit.checkpoint import load_bandit, save_bandit
from doorlab.bandit.policies.model import ModelConfig, ModelPolicy, draw_seeds
from doorlab.bandit.policy import History
from doorlab.data.sources.footage import FITS, Fit, to_square
from doorlab.doors import ACTION_DIM, Action
from doorlab.doors.action import checked_actions
from doorlab.errors import CheckpointError, ConfigError
from doorlab.limits import SEED, SHARE
from doorlab.models.description import read_description
from doorlab.models.familiarity import FALSE_ALARMS, Familiarity, load_familiarity
from doorlab.models.io import checksum_of, load_model
from doorlab.models.reward.base import RewardModel
from doorlab.runtime.torch_state import allow_gradients, thread_defaults
from doorlab.seeding import stream

Choice = Literal["greedy", "ucb", "thompson"]


class UnfamiliarDoorWarning(UserWarning):
    """A door that looks like none of those that a model learned from."""


class RewardPredictor:
    """Opens one door at a time by what a model of `doorlab train` has learned from others.

    The same question has the same answer until something is recorded or another door is observed.

    Args:
        model: a reward model; it is put into evaluation mode.
        image_size: pixels of the frames that it was trained on.
        device: where the model runs: cpu, cuda.
        seed: of the search for actions, and of thompson's draws.
        search: how hard to look for the best action.
        familiarity: what doors of its training look like to the model; None: `observe` warns of
            no strange doors.

    Raises ConfigError for what is no model or no seed, and for a device that the machine does not
    have.
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
        familiarity: Familiarity | None = None,
    ) -> None:
        if not isinstance(model, torch.nn.Module):
            fix = "RewardPredictor.load(folder) reads one"
            raise ConfigError("a reward model", f"a {type(model).__name__}", fix)
        if not SEED.admits(seed):
            raise ConfigError(f"seed as {SEED}", f"{seed!r}", "correct seed")
        try:
            self._model: Any = model.to(device, torch.float32).eval()
        except (RuntimeError, AssertionError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise ConfigError(
                f"a device that torch has here, not {device}", reason, "use cpu"
            ) from None
        allow_gradients(model)
        self._image_size, self._device = image_size, device
        self._checksum = checksum_of(model)
        self._search, self._familiarity = search or ModelConfig().search, familiarity
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
            ConfigError: for what is no path or no seed, and for a device that the machine does not
                have.
        """
        run = _checked_path(run)
        about = read_description(run)
        model: Any = load_model(run)
        if not isinstance(model, RewardModel):
            raise CheckpointError(
                f"a model that predicts rewards in {run}",
                f"a {about.kind}",
                "give a run of `doorlab train`",
            )
        known = load_familiarity(run, checksum_of(model))
        return RewardPredictor(model, about.image_size, device=device, seed=seed, familiarity=known)

    def __repr__(self) -> str:
        """The model, and what it knows of the door before it."""
        door = "no door observed"
        if self._embedding is not None:
            tries = len(self._history.rewards[0])
            door = f"a door with {tries} {'try' if tries == 1 else 'tries'}"
        kind, size = type(self._model).__name__, self._image_size
        return f"RewardPredictor({kind}, frames of {size} pixels, on {self._device}; {door})"

    def observe(self, frames: np.ndarray | Sequence[Any], fit: Fit = "crop") -> None:
        """Looks at a new door, and forgets what was tried on the one before.

        Warns (`UnfamiliarDoorWarning`) of a door that looks like none of the model's training:
        what is predicted of it is worth little. One door in fifty of those that look like them is
        warned of, too.

        Args:
            frames: M >= 1 pictures of the door, uint8 (H, W, 3), RGB (OpenCV reads BGR), of any
                size: an array (M, H, W, 3), or a sequence of arrays, or of whatever NumPy makes
                such arrays of (pictures of PIL in mode RGB, say). Models are trained on some that
                show the door at several opening angles; their order does not matter.
            fit: of pictures that are not square: crop, the square in the middle; pad, all of it,
                on black. Then they are averaged over areas to the size of the model's frames.

        Raises ConfigError for anything else.
        """
        found = self._unfamiliar(self._look(frames, fit))
        if found:
            warnings.warn(found, UnfamiliarDoorWarning, stacklevel=2)

    @thread_defaults()
    def _look(self, frames: Any, fit: Any) -> int:
        """Embeds the door; returns the number of its frames."""
        if fit not in FITS:
            raise ConfigError(f"fit as {' or '.join(FITS)}", repr(fit), "use one")
        squares = np.stack(
            [to_square(picture, self._image_size, fit) for picture in _checked_frames(frames)]
        )
        policy = self._policy(ModelConfig())
        policy.begin(squares[None], self._rng)
        self._embedding, self._history = policy.embedding, History.empty(1)
        return len(squares)

    def _unfamiliar(self, frames: int) -> str | None:
        """What to say of a door that looks like none of training; None of any other."""
        known = self._familiarity
        if known is None or self._embedding is None:
            return None
        (distance,) = known.distance(self._embedding.cpu().numpy())
        if distance <= known.threshold(frames):
            return None
        return (
            f"this door looks unlike the {known.doors} that the model learned from (distance "
            f"{distance:.1f}; of those, {1 - FALSE_ALARMS:.0%} are nearer than "
            f"{known.threshold(frames):.1f}): expect poor predictions, or train on such doors"
        )

    @thread_defaults()
    def suggest(self, choice: Choice = "greedy", *, kappa: float = 1.0) -> Action:
        """What to try next on this door: the same until something is recorded.

        Args:
            choice: greedy, the best predicted mean; ucb, the best mean + kappa * standard
                deviation; thompson, the best of one plausible reward function, drawn anew after
                every record.
            kappa: weight of uncertainty in ucb, dimensionless.

        Returns:
            The action in physical units: phi in rad, radius in m (infinite: slide along phi),
            swing in rad (of a slide: in m), turn in rad. `to_normalised()` gives float32 (4,) in
            Box(-1, 1), as the Gymnasium environment takes it.

        Raises ConfigError before `observe`, for an unknown choice, for a kappa that is no finite
        number, and for thompson with a model that has no latent.
        """
        config = ModelConfig(choice=choice, kappa=kappa, search=self._search)
        policy = self._looked(config)
        policy.begin_from(policy.embedding, deepcopy(self._rng))  # asking changes nothing
        return Action.from_normalised(policy.act(self._history)[0])

    @thread_defaults()
    def predict(
        self, actions: Sequence[Action] | np.ndarray
    ) -> tuple[Float32[np.ndarray, " N"], Float32[np.ndarray, " N"]]:
        """Mean and standard deviation of the rewards of N actions, given all that was recorded.

        Args:
            actions: in physical units, or an array (N, 4) of normalised ones.

        Raises ConfigError before `observe`, and for what are no actions.
        """
        at = _normalised_all(actions)
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
        if not SHARE.admits(reward):
            fix = "give the share of its way that the door opened"
            raise ConfigError(f"a reward as {SHARE}", f"{reward!r}", fix)
        self._history = self._history.extended(
            _normalised(action)[None], np.array([reward], np.float32)
        )
        draw_seeds(self._rng)  # the next suggestion searches elsewhere

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
            ConfigError: before `observe`, and for what is no path.
            ResultError: when it can't be written.
        """
        save_bandit(_checked_path(path), self._looked(ModelConfig()), self._history, self._checksum)

    @thread_defaults()
    def restore(self, path: str | Path) -> None:
        """Goes on with a door that was saved, on a predictor with the same model.

        Raises CheckpointError when there is none, it is damaged, or of another model, and
        ConfigError for what is no path; then the predictor is as it was.
        """
        policy = self._policy(ModelConfig())
        self._history = load_bandit(_checked_path(path), policy, self._checksum)
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


def _checked_frames(frames: Any) -> list[np.ndarray]:
    """Frames as arrays (H, W, 3). Raises ConfigError for anything else."""
    if isinstance(frames, str | bytes | os.PathLike | None):
        fix = "open files first, with PIL.Image.open say"
        raise ConfigError("pictures as arrays", f"{frames!r}", fix)
    try:
        pictures = [_checked_frame(frame) for frame in frames]
    except TypeError:
        got = type(frames).__name__
        raise ConfigError(
            "a sequence of frames", got, "of a single picture, give [picture]"
        ) from None
    if not pictures:
        raise ConfigError("at least one frame of the door", "none", "take a picture")
    return pictures


def _checked_frame(frame: Any) -> np.ndarray:
    image: np.ndarray
    try:
        image = np.asarray(frame)
    except (TypeError, ValueError):  # a tensor on a GPU, or rows of different lengths
        image = np.empty(0, dtype=object)
    if image.dtype.kind not in "buif":
        fix = "give arrays, or what NumPy makes arrays of"
        raise ConfigError("frames of uint8, from 0 to 255", type(frame).__name__, fix)
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        fix = "give RGB, channels last (of PIL, convert('RGB')); of a single picture, [picture]"
        raise ConfigError("frames of shape (H, W, 3)", f"{image.shape}", fix)
    if image.dtype != np.uint8:
        raise ConfigError(
            "frames of uint8, from 0 to 255",
            f"{image.dtype}",
            "convert them: (255 * x).round().astype(np.uint8) if they are from 0 to 1",
        )
    return image


def _normalised_all(actions: Any) -> Float32[np.ndarray, "N 4"]:
    """Actions in Box(-1, 1). Raises ConfigError for what are none, and for a single one."""
    if isinstance(actions, np.ndarray):
        return checked_actions(actions, ("N",)).astype(np.float32)
    if not isinstance(actions, Sequence) or isinstance(actions, str):
        fix = "give a list; of a single action, [action]"
        raise ConfigError("a sequence of actions", type(actions).__name__, fix)
    rows = [_normalised(action) for action in actions]
    return np.array(rows, np.float32).reshape(-1, ACTION_DIM)


def _normalised(action: Any) -> Float32[np.ndarray, " 4"]:
    """An action in Box(-1, 1): of one in physical units, what is beyond the ranges is cut off."""
    if isinstance(action, Action):
        return action.to_normalised()
    return checked_actions(action, ()).astype(np.float32)


def _checked_path(path: Any) -> Path:
    if not isinstance(path, str | os.PathLike):
        raise ConfigError("a path", f"{path!r}", "give a string or a Path")
    return Path(path)
