"""Opens a door that nobody has seen, by a model that others have taught: what a robot would run.

    python examples/open_a_door.py runs/demo/train/ssnp --door 3

On a robot, `env.reset` is a look around, `env.step` is the arm, and the reward is what an encoder,
or a second look, says of how far the door went. With --state a run that is stopped goes on with
the same door, after the tries that it had. A door that looks like none of the model's training is
said to: try it with --prior default, and a model of `make demo`.
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
    """Tries until the door is open; returns the best reward.

    Args:
        run: Folder of `doorlab train`.
        door: Seed of the door.
        tries: How many, at most.
        choice: How the model chooses: greedy, ucb, thompson.
        enough: Reward, from 0 to 1, at which the door counts as open.
        prior: Where doors come from: narrow, as in the demo; default; wild; an import path or a
            JSON file of ranges.
        simulator: What they are opened in: pybullet, torch, panda, an import path.
        state: Folder in which the tries on every door are kept, to go on from.
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
        best = max((reward for _, reward in predictor.interactions), default=0.0)
        while len(predictor.interactions) < tries and best < enough:
            action = predictor.suggest(choice)  # pyright: ignore[reportArgumentType]
            mean, std = predictor.predict([action])
            _, reward, _, _, _ = env.step(action.to_normalised())
            predictor.record(action, float(reward))
            if kept is not None:
                predictor.save(kept)
            best = max(best, float(reward))
            print(
                f"try {len(predictor.interactions)}: {describe(action)}; "
                f"expected {mean[0]:.2f} +- {std[0]:.2f}, got {reward:.2f}"
            )
    finally:
        env.close()
    outcome = "open" if best >= enough else "not open"
    print(
        f"door {door} is {outcome} after {len(predictor.interactions)} tries: {best:.2f} of its way"
    )
    return best


def look(predictor: RewardPredictor, frames: np.ndarray) -> None:
    """Observes a door; says so in one line when it is a strange one."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always", UnfamiliarDoorWarning)
        predictor.observe(frames)
    for warning in found:
        print(f"open_a_door: warning: {warning.message}", file=sys.stderr)


def describe(action: Action) -> str:
    """An action in words, in metres and degrees."""
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
