"""Opens a held-out door with a trained reward model, in the way a robot would.

    python examples/open_a_door.py runs/demo/train/contrastive_ssnp --door 3

On a robot, `env.reset` is replaced by the cameras, `env.step` by the arm, and the reward by a
measurement of the opening angle. With --state, a stopped program continues with the same door and
its previous interactions. The program prints a warning for a door that is unlike the model's
training doors, for example with --prior default and a model of `make demo`.
"""

from __future__ import annotations

import math
import sys
import warnings
from pathlib import Path

import gymnasium
import numpy as np
import tyro
from tyro.conf import Positional

from doorlab import RewardPredictor
from doorlab.doors import Action
from doorlab.doors.priors import DEFAULT_PRIOR, prior_label
from doorlab.errors import DoorlabError
from doorlab.robot import UnfamiliarDoorWarning
from doorlab.sim import resolve_simulator

ENVIRONMENT = "doorlab_envs:doorlab/DoorBandit-v0"


def main(
    run: Positional[Path],
    door: int = 0,
    tries: int = 10,
    choice: str = "greedy",
    enough: float = 0.9,
    prior: str = DEFAULT_PRIOR,
    simulator: str = "auto",
    state: Path | None = None,
) -> float:
    """Interacts with a door until it is open; returns the best reward.

    Args:
        run: Run folder of `doorlab train`.
        door: Seed of the door.
        tries: Maximum number of interactions.
        choice: Choice of actions: greedy, ucb, thompson.
        enough: Reward, from 0 to 1, at which the door counts as open.
        prior: Prior of the door: narrow (as in the demo), default, wild, an import path, or a JSON
            file of ranges.
        simulator: Simulator: auto, pybullet, torch, panda, or an import path.
        state: Folder that stores the interactions with every door, to continue later.
    """
    simulator = resolve_simulator(simulator)  # part of the file's name
    file = f"{prior_label(prior)}-{simulator}-{door}.safetensors"
    kept = state / file if state is not None else None
    predictor = RewardPredictor.load(run)
    env = gymnasium.make(ENVIRONMENT, horizon=tries, prior=prior, simulator=simulator)
    try:
        observation, _ = env.reset(seed=door)
        if kept is not None and kept.exists():
            predictor.restore(kept)
        else:
            observe(predictor, observation["images"])
        best = max((reward for _, reward in predictor.interactions), default=0.0)
        while len(predictor.interactions) < tries and best < enough:
            action = predictor.suggest(choice)  # pyright: ignore[reportArgumentType]
            mean, std = predictor.predict([action])
            _, reward, _, _, _ = env.step(action.to_normalized())
            predictor.record(action, float(reward))
            if kept is not None:
                predictor.save(kept)
            best = max(best, float(reward))
            print(
                f"interaction {len(predictor.interactions)}: {describe(action)}; "
                f"predicted reward {mean[0]:.2f} +- {std[0]:.2f}, reward {reward:.2f}"
            )
    finally:
        env.close()
    outcome = "open" if best >= enough else "not open"
    count = len(predictor.interactions)
    print(f"door {door} is {outcome} after {count} interactions; best reward {best:.2f}")
    return best


def observe(predictor: RewardPredictor, frames: np.ndarray) -> None:
    """Observes a door; prints one line if it is unlike the training doors."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always", UnfamiliarDoorWarning)
        predictor.observe(frames)
    for warning in found:
        print(f"open_a_door: warning: {warning.message}", file=sys.stderr)


def describe(action: Action) -> str:
    """Describes an action, in meters and degrees."""
    side = ("right", "top", "left", "bottom")[round(action.phi / (math.pi / 2)) % 4]
    turn = f"turn the handle by {math.degrees(action.turn):.0f} degrees"
    if action.slides:
        return f"{turn}, slide by {action.swing:.2f} m to the {side}"
    verb = "pull" if action.swing > 0 else "push"
    swing = abs(math.degrees(action.swing))
    return (
        f"{turn}, {verb} by {swing:.0f} degrees about a hinge {action.radius:.2f} m to the {side}"
    )


if __name__ == "__main__":
    try:
        tyro.cli(main)
    except DoorlabError as error:
        sys.exit(f"open_a_door: error: {error}")
