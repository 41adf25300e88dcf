"""Films of interactions: images, poses of the hand or the arm, and rewards over time.

Time. Frame k shows the moment k / fps. Its action is the pose at the moment (k + 1) / fps, which
the hand reaches next. An episode ends with the interaction, or when the grip slips.

Legend: N interactions per door, K frames of an episode, T control steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from doorlab.data.dataset import DoorDataset
from doorlab.data.lerobot.episodes import Episode, door_columns
from doorlab.data.lerobot.layout import Feature
from doorlab.data.sources.simulation import GenerationConfig
from doorlab.doors import Action, Door, View
from doorlab.doors.geometry import grip_point
from doorlab.errors import ConfigError, SimulatorError
from doorlab.sim import InteractionResult, RenderOptions, Simulator, make_simulator

SUCCESS = 0.9  # reward from which an interaction counts as a success
_BATCH = 16  # doors simulated at once
_RECYCLE_DOORS = 512  # doors after which a simulator is replaced, because engines leak memory
_HAND = ("hand_x", "hand_y", "hand_z", "hand_turn")
_ARM = tuple(f"arm_joint_{number}" for number in range(1, 8))
_DOOR = "joint_position"
_POSE = "position of the hand, m in the world frame; rotation of the handle by the hand, rad"
_ROUNDING = 4  # decimals of a joint position; images of equal positions are rendered once


class FilmEpisodes:
    """The first interactions with every door, as one film each; see `EpisodeSource`.

    Args:
        dataset: a simulated dataset.
        interactions: N, number of interactions per door.
        fps: frames per second.
        simulator: creates a simulator from its name.

    Raises ConfigError if a door has fewer interactions, DatasetError for imported footage.
    """

    task = "open the door"
    about = (
        "one interaction with one door, simulated again. A frame shows the door from the camera of "
        "its first passive frame; the hand is not visible"
    )
    columns = (
        ("interaction/index", "int64", "number of the interaction with its door"),
        ("interaction/action", "float64 x 4", "in Box(-1, 1)"),
        ("interaction/reward", "float64", "share of the limit"),
        ("interaction/slipped", "bool", "whether the grip slipped"),
    )

    def __init__(
        self,
        dataset: DoorDataset,
        interactions: int,
        fps: int,
        simulator: Callable[[str], Simulator] = make_simulator,
    ) -> None:
        self._dataset, self._config = dataset, dataset.generation
        self.per_door, self.fps, self._make_simulator = interactions, fps, simulator
        if interactions > dataset.interactions:
            raise ConfigError(
                f"at most the {dataset.interactions} interactions that every door in "
                f"{dataset.path} has",
                f"{interactions}",
                "correct --interactions",
            )
        self._arm = self._config.simulator == "panda"
        self.robot: str | None = "doorlab_panda" if self._arm else "doorlab_hand"
        self.features = film_features(self._arm)

    def episodes(self, doors: np.ndarray) -> Iterator[Episode]:
        """The episodes of the doors with the indices `doors`, in their order."""
        for first in range(0, len(doors), _RECYCLE_DOORS):
            simulator = self._make_simulator(self._config.simulator)
            try:
                some = doors[first : first + _RECYCLE_DOORS]
                for at in range(0, len(some), _BATCH):
                    yield from self._batch(simulator, some[at : at + _BATCH])
            finally:
                simulator.close()

    def _batch(self, simulator: Simulator, indices: np.ndarray) -> Iterator[Episode]:
        dataset = self._dataset
        doors = dataset.doors(indices)
        views = [View.from_array(view[0]) for view in dataset.read("view", indices)]
        actions = dataset.read("actions", indices)[:, : self.per_door]
        done = _recorded(simulator, doors, actions)
        if not self._arm:
            done = replace(done, arm_positions=None, arm_targets=None)
        for d, columns in enumerate(door_columns(dataset, indices)):
            for j, action in enumerate(actions[d]):
                values = film_values(done, (d, j), doors[d], action, self.fps)
                shown = values["observation.state"][:, -1]
                images = _film(simulator, self._config, doors[d], views[d], shown)
                about = {"interaction/index": j, "interaction/action": action.tolist()}
                reward, slipped = float(done.rewards[d, j]), bool(done.slipped[d, j])
                about |= {"interaction/reward": reward, "interaction/slipped": slipped}
                yield Episode(images, values, columns | about)


def film_features(arm: bool) -> dict[str, Feature]:
    """The features of films by a hand, or by a hand on an arm."""
    success = f"whether the episode ends with a reward of at least {SUCCESS}"
    door = "opening of the door, rad (m if it slides)"
    if arm:
        joints = "joint positions of the arm, rad; "
        state = Feature("float32", (*_ARM, *_HAND, _DOOR), f"{joints}{_POSE}; {door}")
        turn = "rotation of the handle by the hand, rad"
        action = Feature("float32", (*_ARM, _HAND[-1]), f"the next desired {joints}{turn}")
    else:
        state = Feature("float32", (*_HAND, _DOOR), f"{_POSE}; {door}")
        action = Feature("float32", _HAND, f"the next {_POSE}")
    return {
        "observation.state": state,
        "action": action,
        "next.reward": Feature("float32", ("reward",), "reward at the end of the episode, else 0"),
        "next.done": Feature("bool", ("done",), "whether the episode ends with this action"),
        "next.success": Feature("bool", ("success",), success),
    }


def film_values(
    done: InteractionResult, at: tuple[int, int], door: Door, action: np.ndarray, fps: int
) -> dict[str, np.ndarray]:
    """The features of `film_features` for the interaction `at` = (d, j) of a result.

    Args:
        done: result with records.
        at: door and interaction in the result.
        door: the door.
        action: (4,), normalized.
        fps: frames per second.

    Returns:
        Arrays (K, n) by feature, K at least 1.
    """
    assert done.time_step is not None  # because of `_recorded`
    held = int(done.steps[at])
    frames = max(1, math.ceil(held * done.time_step * fps - 1e-6))
    times = np.arange(frames + 1) / fps
    poses, targets = _poses(done, at, door, held, times)
    turn = np.full(frames + 1, Action.from_normalized(action).turn)
    # The stop of a door is elastic: the recorded position can exceed the limit for a moment.
    opening = np.clip(_opening(done, at, held, times), 0.0, door.opening_limit)
    state = np.column_stack([poses, np.where(times > 0, turn, 0.0), opening])
    last = np.arange(frames) == frames - 1
    reward = float(done.rewards[at])
    return {
        "observation.state": state[:-1].astype(np.float32),
        "action": np.column_stack([targets, turn])[1:].astype(np.float32),
        "next.reward": np.where(last, reward, 0.0).astype(np.float32)[:, None],
        "next.done": last[:, None],
        "next.success": (last & (reward >= SUCCESS))[:, None],
    }


def _recorded(
    simulator: Simulator, doors: Sequence[Door], actions: np.ndarray
) -> InteractionResult:
    done = simulator.interact(doors, actions, record=True)
    if done.trajectories is None or done.hands is None or done.time_step is None:
        raise SimulatorError(
            "a simulator that records trajectories, hands and time_step (InteractionResult)",
            f"{simulator.name}, which does not record all of them",
            "complete the simulator, or export the frames without --interactions",
        )
    return done


def _poses(
    done: InteractionResult, at: tuple[int, int], door: Door, held: int, times: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Poses and desired poses, (K + 1, n) each, at `times`, s; without the turn."""
    assert done.hands is not None  # because of `_recorded`
    assert done.time_step is not None
    middles = (np.arange(held) + 0.5) * done.time_step
    hand = np.array(grip_point(door)) + _interpolated(times, middles, done.hands[at][:held])
    if done.arm_positions is None or done.arm_targets is None:
        return hand, hand
    ends = (np.arange(held) + 1.0) * done.time_step
    arm, targets = (
        _interpolated(times, ends, joints[at][:held])
        for joints in (done.arm_positions, done.arm_targets)
    )
    return np.column_stack([arm, hand]), targets


def _opening(
    done: InteractionResult, at: tuple[int, int], held: int, times: np.ndarray
) -> np.ndarray:
    """Joint positions of the door at `times`, s: 0 at the start, constant after the end."""
    assert done.trajectories is not None  # because of `_recorded`
    assert done.time_step is not None
    known = np.arange(held + 2) * done.time_step
    course = [0.0, *done.trajectories[at][:held].tolist(), float(done.joint_positions[at])]
    return np.interp(times, known, course)


def _interpolated(times: np.ndarray, known: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Interpolates rows (n, C) known at times (n,); zeros if none is known."""
    if len(known) == 0:
        return np.zeros((len(times), values.shape[1]))
    columns: list[Any] = [np.interp(times, known, column) for column in values.T]
    return np.stack(columns, axis=1)


def _film(
    simulator: Simulator,
    config: GenerationConfig,
    door: Door,
    view: View,
    positions: np.ndarray,
) -> np.ndarray:
    """uint8 (K, S, S, 3): the door at the joint positions (K,)."""
    different, frame_of = np.unique(positions.round(_ROUNDING), return_inverse=True)
    layers = RenderOptions(shadows=config.shadows)
    views = [[view] * len(different)]
    rendered = simulator.render([door], different[None], views, config.image_size, layers)
    return rendered.images[0][frame_of]
