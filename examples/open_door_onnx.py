"""Opens a door with onnxruntime and NumPy alone: a robot needs neither torch nor doorlab.

    doorlab export runs/demo/train/contrastive_ssnp --format onnx --out runs/onnx
    python examples/open_door_onnx.py runs/onnx --door 3

`Predictor` is all that a robot runs. It reads the files of the export and suggests actions by
random search. The Gymnasium environment takes the place of the robot here; its simulator `pybullet`
needs no torch. It needs `pip install onnxruntime`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import onnxruntime
import tyro
from tyro.conf import Positional

from doorlab.doors.priors import DEFAULT_PRIOR
from doorlab.errors import ConfigError, DoorlabError
from doorlab.limits import SEED

ENVIRONMENT = "doorlab_envs:doorlab/DoorBandit-v0"
PROVIDERS = ["CPUExecutionProvider"]
CANDIDATES = 4096  # actions of the random search


class Predictor:
    """The embedding of one door, its interactions, and predicted rewards.

    Args:
        folder: folder of `doorlab export RUN --format onnx`.
        seed: seed of the random search.
    """

    def __init__(self, folder: Path, seed: int = 0) -> None:
        self.about: dict[str, Any] = json.loads((folder / "onnx.json").read_text("utf-8"))
        self._embed = onnxruntime.InferenceSession(folder / "embed.onnx", providers=PROVIDERS)
        self._reward = onnxruntime.InferenceSession(folder / "reward.onnx", providers=PROVIDERS)
        self._rng = np.random.default_rng(seed)
        self._embedding = np.zeros((1, 0), np.float32)
        self.actions, self.rewards = np.zeros((0, 4), np.float32), np.zeros(0, np.float32)

    def observe(self, frames: np.ndarray) -> None:
        """Starts a new door: uint8 (M, S, S, 3), RGB, with S = `about["image_size"]`."""
        (self._embedding,) = self._embed.run(["embedding"], {"frames": frames[None]})
        self.actions, self.rewards = self.actions[:0], self.rewards[:0]

    def predict(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Means and standard deviations (N,) of the rewards of normalized actions (N, 4)."""
        inputs = {
            "embedding": self._embedding,
            "context_actions": self.actions[None],
            "context_rewards": self.rewards[None],
            "context_mask": np.ones((1, len(self.rewards)), bool),
            "actions": actions[None],
        }
        mean, std = self._reward.run(["mean", "std"], inputs)
        return np.asarray(mean)[0], np.asarray(std)[0]

    def suggest(self, kappa: float) -> np.ndarray:
        """The candidate action (4,) with the largest mean + kappa * standard deviation."""
        candidates = self._rng.uniform(-1, 1, (CANDIDATES, 4)).astype(np.float32)
        mean, std = self.predict(candidates)
        return candidates[np.argmax(mean + kappa * std)]

    def record(self, action: np.ndarray, reward: float) -> None:
        """Adds an interaction: a normalized action (4,), and its reward in [0, 1]."""
        self.actions = np.concatenate([self.actions, action[None]])
        self.rewards = np.append(self.rewards, np.float32(reward))

    def physical(self, action: np.ndarray) -> dict[str, float]:
        """The coordinates of a normalized action (4,) in rad and m, by name."""
        kinds = self.about["actions"]
        kind = kinds["slide" if action[1] >= kinds["slides_from"] else "arc"]
        return {
            axis["name"]: float(
                np.interp(action[axis["index"]], axis["normalized"], axis["physical"])
            )
            for axis in kind
        }


def main(
    folder: Positional[Path],
    door: int = 0,
    tries: int = 10,
    kappa: float = 1.0,
    enough: float = 0.9,
    prior: str = DEFAULT_PRIOR,
    simulator: str = "auto",
    seed: int = 0,
) -> float:
    """Interacts with a door until it is open; returns the best reward.

    Args:
        folder: Folder of `doorlab export RUN --format onnx`, with a reward model.
        door: Seed of the door.
        tries: Maximum number of interactions.
        kappa: Weight of the standard deviation in the choice of actions.
        enough: Reward, from 0 to 1, at which the door counts as open.
        prior: Prior of the door: narrow (as in the demo), default, wild.
        simulator: Simulator: auto, pybullet, panda; torch would import torch.
        seed: Seed of the random search.
    """
    predictor = load(folder, seed)
    size = predictor.about["image_size"]
    env = gymnasium.make(
        ENVIRONMENT, image_size=size, horizon=tries, prior=prior, simulator=simulator
    )
    try:
        observation, _ = env.reset(seed=door)
        predictor.observe(observation["images"])
        best = 0.0
        while len(predictor.rewards) < tries and best < enough:
            action = predictor.suggest(kappa)
            mean, std = predictor.predict(action[None])
            reward = float(env.step(action)[1])
            predictor.record(action, reward)
            best = max(best, reward)
            path = ", ".join(f"{k} {v:.2f}" for k, v in predictor.physical(action).items())
            print(
                f"interaction {len(predictor.rewards)}: {path}; "
                f"predicted reward {mean[0]:.2f} +- {std[0]:.2f}, reward {reward:.2f}"
            )
    finally:
        env.close()
    outcome = "open" if best >= enough else "not open"
    count = len(predictor.rewards)
    print(f"door {door} is {outcome} after {count} interactions; best reward {best:.2f}")
    return best


def load(folder: Path, seed: int) -> Predictor:
    """The predictor of an export. Raises ConfigError for a missing or damaged file."""
    if not SEED.admits(seed):
        raise ConfigError(f"a seed as {SEED}", f"{seed}", "correct --seed")
    fix = "export a run of `doorlab train` with `doorlab export RUN --format onnx`"
    for name in ("onnx.json", "embed.onnx", "reward.onnx"):
        if not (folder / name).is_file():
            raise ConfigError(f"{name} in {folder}", "none", fix)
    try:
        return Predictor(folder, seed)
    except Exception as error:  # onnxruntime's errors have no common public class
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise ConfigError(f"an undamaged export in {folder}", reason, fix) from None


if __name__ == "__main__":
    try:
        tyro.cli(main)
    except DoorlabError as error:
        sys.exit(f"open_door_onnx: error: {error}")
