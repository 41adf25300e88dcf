"""Use a trained reward model on a robot: observe a door, suggest an action, record its reward.

    predictor = RewardPredictor.load("narrow")  # shipped weights, or the folder of a run
    predictor.observe(frames)                 # images of one door, uint8 RGB, of any size
    action = predictor.suggest()              # rad and m, see `doorlab.doors.Action`
    predictor.record(action, reward)          # opened share of the full range, in [0, 1]
    predictor.save("door.safetensors")        # `restore` continues from here, bit-identically

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

from doorlab.bandit.acquisition import SearchConfig
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
from doorlab.models.hub.download import find_or_download
from doorlab.models.hub.locate import find_model
from doorlab.models.io import checksum_of, load_model
from doorlab.models.reward.base import RewardModel
from doorlab.runtime.torch_state import allow_gradients, thread_defaults
from doorlab.seeding import stream

Choice = Literal["greedy", "ucb", "thompson"]


class UnfamiliarDoorWarning(UserWarning):
    """Warning for a door whose embedding is far from those of the model's training doors."""


class RewardPredictor:
    """Suggests actions for one door at a time, with a reward model of `doorlab train`.

    Calls of `suggest` and `predict` with the same arguments return the same result until `record`
    or `observe` is called.

    Args:
        model: a reward model; the constructor puts it into evaluation mode.
        image_size: height and width in pixels of the frames that the model was trained on.
        device: device of the model: cpu, cuda.
        seed: seed of the action search and of the Thompson samples.
        search: settings of the search for the best action; None for the defaults.
        familiarity: distribution of the embeddings of training doors; None to disable the warnings
            of `observe`.

    Raises ConfigError if the model or the seed is invalid, or the device is not available.
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
            expected = f"a device available to torch, not {device}"
            raise ConfigError(expected, reason, "use cpu") from None
        allow_gradients(model)
        self._image_size, self._device = image_size, device
        self._checksum = checksum_of(model)
        self._search, self._familiarity = search or ModelConfig().search, familiarity
        self._rng = stream(seed, "policy")
        self._embedding: torch.Tensor | None = None
        self._history = History.empty(1)

    @thread_defaults()
    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restores the state of a copied or unpickled predictor."""
        vars(self).update(state)
        allow_gradients(self._model)
        if self._embedding is not None:
            self._embedding = self._embedding.clone()

    @staticmethod
    def from_pretrained(
        name_or_path: str | Path, *, device: str = "cpu", seed: int = 0
    ) -> RewardPredictor:
        """Loads a reward model, which is downloaded from a model hub if necessary.

        The result equals that of `load`. A name "owner/name" that is neither a folder nor shipped
        is the name of a repository on the Hugging Face Hub, which huggingface_hub downloads once
        (`pip install 'doorlab[hub]'`).

        Args:
            name_or_path: as for `load`, or name of a repository.
            device: device of the model: cpu, cuda.
            seed: seed of the action search and of the Thompson samples.

        Raises:
            CheckpointError: as `load`, and if the download fails.
            ConfigError: as `load`, and if huggingface_hub is required and not installed.
        """
        folder = find_or_download(_checked_path(name_or_path), "reward")
        return RewardPredictor.load(folder, device=device, seed=seed)

    @staticmethod
    def load(name_or_path: str | Path, *, device: str = "cpu", seed: int = 0) -> RewardPredictor:
        """Loads a reward model without access to a network.

        Args:
            name_or_path: name of shipped weights ("narrow"), run folder of `doorlab train`, or
                folder of `doorlab export`. A folder takes precedence over a shipped name.
            device: device of the model: cpu, cuda.
            seed: seed of the action search and of the Thompson samples.

        Raises:
            CheckpointError: if the folder contains no model, or a damaged one, or a model that
                does not predict rewards, or if there is neither a folder nor a shipped model.
            ConfigError: if the path or the seed is invalid, or the device is not available.
        """
        run = find_model(_checked_path(name_or_path), "reward")
        about = read_description(run)
        model: Any = load_model(run)
        if not isinstance(model, RewardModel):
            raise CheckpointError(
                f"a model that predicts rewards in {run}",
                f"a {about.kind}",
                "give a run of `doorlab train`",
            )
        known = load_familiarity(run, about.weights_checksum)
        return RewardPredictor(model, about.image_size, device=device, seed=seed, familiarity=known)

    def __repr__(self) -> str:
        """Describes the model, the device and the state of the current door."""
        door = "no door observed"
        if self._embedding is not None:
            count = len(self._history.rewards[0])
            door = f"a door with {count} interaction{'' if count == 1 else 's'}"
        kind, size = type(self._model).__name__, self._image_size
        return f"RewardPredictor({kind}, frames of {size} pixels, on {self._device}; {door})"

    def observe(self, frames: np.ndarray | Sequence[Any], fit: Fit = "crop") -> None:
        """Starts a new door: embeds its frames, and deletes the recorded interactions.

        Warns (`UnfamiliarDoorWarning`) if the embedding is far from those of the training doors;
        predictions for such a door are unreliable. The warning also occurs for one in fifty doors
        that are like the training doors.

        Args:
            frames: M >= 1 images of the door, uint8 (H, W, 3), RGB (OpenCV reads BGR), of any
                size: an array (M, H, W, 3), or a sequence of arrays or of objects that NumPy
                converts to such arrays (for example PIL images in mode RGB). Models are trained on
                frames that show the door at several opening angles. The order does not matter.
            fit: how non-square images become square: crop takes the central square; pad adds
                black borders. The square is then resized to the size of the model's frames by area
                averaging.

        Raises ConfigError for invalid frames or an unknown fit.
        """
        warning = self._unfamiliar(self._embed(frames, fit))
        if warning:
            warnings.warn(warning, UnfamiliarDoorWarning, stacklevel=2)

    @thread_defaults()
    def _embed(self, frames: Any, fit: Any) -> int:
        """Embeds the door; returns the number of its frames."""
        if fit not in FITS:
            raise ConfigError(f"fit as {' or '.join(FITS)}", repr(fit), "use one of them")
        squares = np.stack(
            [to_square(image, self._image_size, fit) for image in _checked_frames(frames)]
        )
        policy = self._policy(ModelConfig())
        policy.begin(squares[None], self._rng)
        self._embedding, self._history = policy.embedding, History.empty(1)
        return len(squares)

    def _unfamiliar(self, frames: int) -> str | None:
        """The text of the warning for an unfamiliar door; None for a familiar one."""
        known = self._familiarity
        if known is None or self._embedding is None:
            return None
        (distance,) = known.distance(self._embedding.cpu().numpy())
        if distance <= known.threshold(frames):
            return None
        return (
            f"this door is unlike the {known.doors} of the model's training (distance "
            f"{distance:.1f}; {1 - FALSE_ALARMS:.0%} of those are nearer than "
            f"{known.threshold(frames):.1f}): expect poor predictions, or train on such doors"
        )

    @thread_defaults()
    def suggest(self, choice: Choice = "greedy", *, kappa: float = 1.0) -> Action:
        """Suggests the next action for this door; the same action until `record` is called.

        Args:
            choice: greedy maximizes the predicted mean; ucb maximizes mean + kappa * standard
                deviation; thompson maximizes one sampled reward function, which is resampled after
                every call of `record`.
            kappa: weight of the standard deviation in ucb, dimensionless.

        Returns:
            The action in physical units: phi in rad, radius in m (infinite: slide along phi),
            swing in rad (in m for a slide), turn in rad. `to_normalized()` gives float32 (4,) in
            Box(-1, 1), the action space of the Gymnasium environment.

        Raises ConfigError before `observe`, for an unknown choice, for a kappa that is not finite,
        and for thompson with a model that has no latent.
        """
        config = ModelConfig(choice=choice, kappa=kappa, search=self._search)
        policy = self._policy_of_door(config)
        # A copy of the generator: `suggest` must not change the state.
        policy.begin_from(policy.embedding, deepcopy(self._rng))
        return Action.from_normalized(policy.act(self._history)[0])

    @thread_defaults()
    def predict(
        self, actions: Sequence[Action] | np.ndarray
    ) -> tuple[Float32[np.ndarray, " N"], Float32[np.ndarray, " N"]]:
        """Predicts the mean and standard deviation of the rewards of N actions.

        The predictions are conditioned on all recorded interactions with this door.

        Args:
            actions: a sequence of actions in physical units, or an array (N, 4) of normalized
                actions.

        Raises ConfigError before `observe`, and for invalid actions.
        """
        rows = _normalized_all(actions)
        mean, std = self._policy_of_door(ModelConfig()).predict(
            self._history, rows.reshape(1, -1, ACTION_DIM)
        )
        return mean[0], std[0]

    @thread_defaults()
    def record(self, action: Action | np.ndarray, reward: float) -> None:
        """Adds an interaction with this door to the context set.

        Args:
            action: the executed action, which may differ from the suggested one: in physical
                units, or normalized, (4,), in [-1, 1]. An action in physical units is clipped to
                the ranges of `doorlab.doors.action`.
            reward: opened share of the full range of the door, in [0, 1].

        Raises ConfigError before `observe`, and for an invalid action or reward.
        """
        self._policy_of_door(ModelConfig())
        if not SHARE.admits(reward):
            fix = "give the opened share of the door's full range"
            raise ConfigError(f"a reward as {SHARE}", f"{reward!r}", fix)
        self._history = self._history.extended(
            _normalized(action)[None], np.array([reward], np.float32)
        )
        draw_seeds(self._rng)  # the next call of `suggest` uses other random numbers

    @property
    def interactions(self) -> list[tuple[Action, float]]:
        """The recorded interactions with this door: actions in physical units, and rewards."""
        pairs = zip(self._history.actions[0], self._history.rewards[0], strict=True)
        return [(Action.from_normalized(action), float(reward)) for action, reward in pairs]

    @thread_defaults()
    def save(self, path: str | Path) -> None:
        """Writes the embedding, the interactions and the random state of this door to one file.

        The file does not contain the model. It is written atomically
        (`doorlab.bandit.save_bandit`).

        Raises:
            ConfigError: before `observe`, and for an invalid path.
            ResultError: if the file can't be written.
        """
        policy = self._policy_of_door(ModelConfig())
        save_bandit(_checked_path(path), policy, self._history, self._checksum)

    @thread_defaults()
    def restore(self, path: str | Path) -> None:
        """Restores the state of a door from a file of `save`.

        The predictor must have the same model as the one that wrote the file. After an error, the
        predictor is unchanged.

        Raises:
            CheckpointError: if the file is missing, damaged, or belongs to another model.
            ConfigError: if the path is invalid.
        """
        policy = self._policy(ModelConfig())
        self._history = load_bandit(_checked_path(path), policy, self._checksum)
        self._embedding, self._rng = policy.embedding, policy.rng

    def _policy(self, config: ModelConfig) -> ModelPolicy:
        return ModelPolicy(self._model, config, self._device)

    def _policy_of_door(self, config: ModelConfig) -> ModelPolicy:
        """A policy with the embedding of the current door. Raises ConfigError before `observe`."""
        policy = self._policy(config)
        if self._embedding is None:
            raise ConfigError("an observed door", "none", "call observe(frames) first")
        policy.begin_from(self._embedding, self._rng)
        return policy


def _checked_frames(frames: Any) -> list[np.ndarray]:
    """Frames as a list of arrays (H, W, 3). Raises ConfigError for invalid frames."""
    if isinstance(frames, str | bytes | os.PathLike | None):
        fix = "open image files first, for example with PIL.Image.open"
        raise ConfigError("images as arrays", f"{frames!r}", fix)
    try:
        images = [_checked_frame(frame) for frame in frames]
    except TypeError:
        got = type(frames).__name__
        raise ConfigError("a sequence of frames", got, "put a single image into a list") from None
    if not images:
        raise ConfigError("at least one frame of the door", "none", "take an image")
    return images


def _checked_frame(frame: Any) -> np.ndarray:
    image: np.ndarray
    try:
        image = np.asarray(frame)
    except (TypeError, ValueError):  # a tensor on a GPU, or rows of different lengths
        image = np.empty(0, dtype=object)
    if image.dtype.kind not in "buif":
        fix = "give arrays, or objects that NumPy converts to arrays"
        raise ConfigError("frames of uint8, from 0 to 255", type(frame).__name__, fix)
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        fix = "give RGB, channels last (PIL: convert('RGB')). Put a single image into a list"
        raise ConfigError("frames of shape (H, W, 3)", f"{image.shape}", fix)
    if image.dtype != np.uint8:
        raise ConfigError(
            "frames of uint8, from 0 to 255",
            f"{image.dtype}",
            "convert frames in [0, 1] with (255 * x).round().astype(np.uint8)",
        )
    return image


def _normalized_all(actions: Any) -> Float32[np.ndarray, "N 4"]:
    """Actions in Box(-1, 1). Raises ConfigError for invalid actions, and for a single action."""
    if isinstance(actions, np.ndarray):
        return checked_actions(actions, ("N",)).astype(np.float32)
    if not isinstance(actions, Sequence) or isinstance(actions, str):
        fix = "give a list. Put a single action into a list"
        raise ConfigError("a sequence of actions", type(actions).__name__, fix)
    rows = [_normalized(action) for action in actions]
    return np.array(rows, np.float32).reshape(-1, ACTION_DIM)


def _normalized(action: Any) -> Float32[np.ndarray, " 4"]:
    """An action in Box(-1, 1); an action in physical units is clipped to the ranges."""
    if isinstance(action, Action):
        return action.to_normalized()
    return checked_actions(action, ()).astype(np.float32)


def _checked_path(path: Any) -> Path:
    if not isinstance(path, str | os.PathLike):
        raise ConfigError("a path", f"{path!r}", "give a string or a Path")
    return Path(path)
