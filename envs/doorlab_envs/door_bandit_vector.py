"""The door bandit for many doors at once: one batched call of the simulator per step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from doorlab.doors.priors import DEFAULT_PRIOR
from doorlab.errors import ConfigError
from doorlab.limits import at_least
from doorlab.sim import AUTO
from doorlab_envs.arguments import (
    RENDER_MODES,
    Arguments,
    checked_limit,
    chosen_doors,
    in_space,
    seeds_of,
)
from doorlab_envs.core import DoorBanditCore, spec_with_horizon, step_info


class DoorBanditVectorEnv(VectorEnv[dict[str, np.ndarray], np.ndarray, np.ndarray]):
    """`DoorBanditEnv` for `num_envs` doors in parallel, in this process.

    Spaces, rewards, infos and arguments are those of `DoorBanditEnv`, with a first axis of
    `num_envs`. As in Gymnasium's own vector environments, `reset(seed=s)` seeds door i with s + i
    (or takes a list of seeds), and the step after an episode's last one is a reset, with reward 0
    (`AutoresetMode.NEXT_STEP`). `reset(options={"door": keys})` selects one door per key.

    As in `gymnasium.make`, `max_episode_steps` shortens episodes below the horizon; None and -1
    have no effect.
    """

    metadata = {  # noqa: RUF012
        "render_modes": list(RENDER_MODES),
        "render_fps": 2,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        num_envs: int = 1,
        frames: int = 8,
        image_size: int = 64,
        horizon: int = 10,
        prior: str = DEFAULT_PRIOR,
        simulator: str = AUTO,
        doors_from: str | Path | None = None,
        split: str = "test",
        render_mode: str | None = None,
        max_episode_steps: int | None = None,
    ) -> None:
        if not at_least(1).admits(num_envs):
            raise ConfigError(f"num_envs as {at_least(1)}", repr(num_envs), "correct num_envs")
        limit = checked_limit(max_episode_steps)
        self._core = DoorBanditCore(
            Arguments(frames, image_size, horizon, prior, simulator, doors_from, split, render_mode)
        )
        self.num_envs, self.render_mode = num_envs, render_mode
        self.metadata = {**self.metadata, **self._core.metadata}
        self.single_observation_space = self._core.observation_space
        self.single_action_space = self._core.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._horizon, self._num_interactions = min(horizon, limit or horizon), 0
        self._spec: EnvSpec | None = None
        self._streams = [seeding.np_random()[0] for _ in range(num_envs)]

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Starts episodes with new doors, or with those selected by `options={"door": keys}`.

        Raises ConfigError for invalid seeds, and as `DoorBanditEnv.reset` does.
        """
        seeds = seeds_of(seed, self.num_envs)
        chosen = chosen_doors(options, self.num_envs, batched=True)
        super().reset(seed=seed if isinstance(seed, int) else None)
        for i, one in enumerate(seeds):
            if one is not None:
                self._streams[i] = seeding.np_random(one)[0]
        sampled = [self._core.source.draw(rng) for rng in self._streams]
        return self._begin(chosen or sampled)

    def step(
        self, actions: np.ndarray
    ) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Simulates one interaction on every door; resets after the last step of an episode.

        Raises ConfigError for actions outside the space.
        """
        checked = in_space(actions, self.action_space)
        never = np.zeros(self.num_envs, dtype=bool)
        if (
            self._num_interactions >= self._horizon
        ):  # all doors have the same horizon, so all end together
            observation, info = self._begin([self._core.source.draw(r) for r in self._streams])
            return observation, np.zeros(self.num_envs), never, never.copy(), info
        outcome = self._core.interact(checked)
        self._num_interactions += 1
        truncated = np.full(self.num_envs, self._num_interactions >= self._horizon)
        info = self._masked(step_info(outcome))
        return self._observation(), outcome["reward"], never, truncated, info

    def render(self) -> tuple[Any, ...] | None:  # type: ignore[override]
        """The results of `DoorBanditEnv.render` for every door."""
        rendered = self._core.render()
        return None if rendered is None else tuple(rendered)

    @property
    def trajectories(self) -> np.ndarray | None:
        """float32 (num_envs, T), rad: see `DoorBanditEnv.trajectory`."""
        return self._core.trajectories

    @property
    def spec(self) -> EnvSpec | None:
        """The spec that `gymnasium.make_vec` sets, with the horizon as `max_episode_steps`."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        self._spec = spec_with_horizon(spec, self._horizon)

    def close_extras(self, **_: Any) -> None:
        """Frees the simulator."""
        self._core.close()

    def _begin(self, keys: list[int]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        self._core.reset(keys)
        self._num_interactions = 0
        optimal = self._core.problems.optimal_rewards.astype(np.float64)
        return self._observation(), self._masked(
            {"door": np.array(keys), "optimal_reward": optimal}
        )

    def _masked(self, info: dict[str, np.ndarray]) -> dict[str, Any]:
        """Adds Gymnasium's masks: `_name` tells which environments have the entry `name`."""
        masks = {f"_{name}": np.ones(self.num_envs, dtype=bool) for name in info}
        return {**info, **masks}

    def _observation(self) -> dict[str, np.ndarray]:
        return {"images": self._core.problems.images.copy()}
