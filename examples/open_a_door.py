"""Opens an unseen door with a trained reward model, as a robot would.

    python examples/open_a_door.py runs/demo/train/ssnp --door 3

On a robot, the camera replaces `env.reset`, the arm replaces `env.step`, and a measurement of the
opening (a joint encoder or an image) replaces the reward. With --state, a stopped run continues
with the same door and its recorded interactions. The program prints a warning if the door is unlike
the training doors: for example with --prior default and a model of `make demo`.
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

ENVIRONMENT = "doorlab_envs:doorlab/DoorBandit-v0"


def main(
    run: Positional[Path],
    door: int = 0,
    tries: int = 10,
    choice: str = "greedy",
    enough: float = 0.9,
    prior: str = DEFAULT_PRIOR,
    simulator: str = "pybullet",
    state: Path | None = None,
) -> float:
    """Acts on the door until it is open; returns the best reward.

    Args:
        run: Run folder of `doorlab train`.
        door: Seed of the door.
        tries: Maximum number of interactions.
        choice: Choice of the actions: greedy, ucb, thompson.
        enough: Reward, from 0 to 1, at which the door counts as open.
        prior: Prior of the door: narrow (as in the demo), default, wild, an import path, or a JSON
            file of ranges.
        simulator: Simulator of the door: pybullet, torch, panda, or an import path.
        state: Folder of the recorded interactions of every door, from which a run continues.
    """
    file = f"{prior_label(prior)}-{simulator}-{door}.safetensors"
    kept = state / file if state is not None else None
    predictor = RewardPredictor.load(run)
    env = gymnasium.make(ENVIRONMENT, horizon=tries, prior=prior, simulator=simulator)
    try:
        observation, _ = env.reset(seed=door)
        if kept is not None and kept.exists():
            predictor.restore(kept)
        else:
            look(predictor, observation["images"])
        best = max((reward for _, reward in predictor.tries), default=0.0)
        while len(predictor.tries) < tries and best < enough:
            action = predictor.suggest(choice)  # pyright: ignore[reportArgumentType]
            mean, std = predictor.predict([action])
            _, reward, _, _, _ = env.step(action.to_normalised())
            predictor.record(action, float(reward))
            if kept is not None:
                predictor.save(kept)
            best = max(best, float(reward))
            print(
                f"try {len(predictor.tries)}: {describe(action)}; "
                f"expected {mean[0]:.2f} +- {std[0]:.2f}, got {reward:.2f}"
            )
    finally:
        env.close()
    outcome = "open" if best >= enough else "not open"
    print(f"door {door} is {outcome} after {len(predictor.tries)} tries: {best:.2f} of its way")
    return best


def look(predictor: RewardPredictor, frames: np.ndarray) -> None:
    """Observes a door; prints a warning of one line if the door is unfamiliar."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always", UnfamiliarDoorWarning)
        predictor.observe(frames)
    for warning in found:
        print(f"open_a_door: warning: {warning.message}", file=sys.stderr)


def describe(action: Action) -> str:
    """Describes an action in words, in meters and degrees."""
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
