"""The door bandit: open an unseen door with few interactions, given images of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec

from doorlab.doors.priors import DEFAULT_PRIOR
from doorlab.sim import AUTO
from doorlab_envs.arguments import RENDER_MODES, Arguments, checked_seed, chosen_doors, in_space
from doorlab_envs.core import DoorBanditCore, spec_with_horizon, step_info


class DoorBanditEnv(gymnasium.Env[Any, np.ndarray]):
    """Open an unseen door with few interactions.

    ## Description

    A robot stands in front of a door that it has not interacted with. A few *passive frames* show
    the door at several opening angles. The robot then tries to open it. Every step is one complete
    interaction, which starts with the door closed and at rest: the hand grips the handle, turns
    it, and follows an arc about an assumed hinge axis, or slides. This is a contextual bandit with
    a continuous action: the frames are the context, and an interaction does not affect later ones.

    Some parameters of a door are visible (hinge side, swing, sizes, handle). Others are hidden
    (whether there is a latch and in which direction it is released, a lock, mass, friction,
    damping, stiction, a closer). The former can be inferred from images, the latter only from
    interactions.

    ## Action Space

    A `Box(-1.0, 1.0, (4,), float32)`. An action that the space does not contain raises an error:
    another shape, a float64 array, NaN, or a number outside of [-1, 1]. `phi` is periodic: -1 and
    1 are the same direction.

    | Num | Action                                                        | At -1    | At 1     |
    |-----|---------------------------------------------------------------|----------|----------|
    | 0   | phi: direction from the handle to the assumed hinge axis, in  | -pi rad  | pi rad   |
    |     | the plane of the door (0: right, pi/2: up, pi: left)          |          |          |
    | 1   | radius: assumed distance from the handle to the hinge axis;   | 0.2 m    | 1.3 m    |
    |     | from 0.75 on there is none, and the hand slides along phi     |          | at 0.75  |
    | 2   | swing: angle of the arc, signed (> 0 pulls, < 0 pushes)       | -2.0 rad | 2.0 rad  |
    |     | length of a slide, signed (> 0 along phi)                     | -1.2 m   | 1.2 m    |
    | 3   | turn: of the handle before the arc, signed (> 0: clockwise)   | -1.0 rad | 1.0 rad  |

    The hand is coupled to the handle by a limited force. If the handle lags too far behind, the
    grip slips and the interaction ends.

    ## Observation Space

    A `Dict` with one entry, the same at every step of an episode:

    | Key      | Space                                                     | Meaning             |
    |----------|-----------------------------------------------------------|---------------------|
    | `images` | `Box(0, 255, (frames, image_size, image_size, 3), uint8)` | passive frames, RGB |

    The first frame shows the closed door; every frame has its own opening angle and camera pose.

    ## Rewards

    The joint position at the end of the interaction divided by the door's opening limit, in
    [0, 1]: 0 for a closed door, 1 for a fully open one.

    `info` is for evaluation only, and must not be passed to a policy:

    | Key              | Unit | Meaning                                           | From        |
    |------------------|------|---------------------------------------------------|-------------|
    | `door`           |      | the key that selects this door, see Arguments     | reset       |
    | `optimal_reward` |      | reward of the oracle, which knows all parameters  | reset, step |
    | `regret`         |      | `optimal_reward` - reward                         | step        |
    | `joint_position` | rad  | opening at the end, 0 if closed (m if sliding)    | step        |
    | `slipped`        |      | whether the grip slipped                          | step        |

    The optimal reward is the reward of the oracle's action in the same simulator. Another action
    may exceed it slightly, so regret may be slightly negative.

    ## Starting State

    A door sampled from the prior, or from a split of a dataset; closed and at rest.

    ## Episode End

    There is no termination. Truncation: after `horizon` interactions, which
    `spec.max_episode_steps` tells. The argument `max_episode_steps` of `gymnasium.make` can
    shorten episodes, but not lengthen them.

    ## Arguments

    | Parameter     | Type              | Default      | Meaning                                   |
    |---------------|-------------------|--------------|-------------------------------------------|
    | `frames`      | int               | `8`          | passive frames per door                   |
    | `image_size`  | int               | `64`         | height and width of a frame, pixels       |
    | `horizon`     | int               | `10`         | interactions per episode                  |
    | `prior`       | str               | `"narrow"`   | a name of `doorlab.doors.PRIORS`, an      |
    |               |                   |              | import path, or a JSON file of ranges     |
    | `simulator`   | str               | `"auto"`     | a name of `doorlab.sim.SIMULATORS`, or an |
    |               |                   |              | import path; `"auto"` is PyBullet, or     |
    |               |                   |              | `"torch"` if PyBullet is not installed    |
    | `doors_from`  | str, Path or None | `None`       | folder of a dataset, whose doors and      |
    |               |                   |              | frames replace those of the prior         |
    | `split`       | str               | `"test"`     | the split of that dataset                 |
    | `render_mode` | str or None       | `None`       | `"rgb_array"` or `"rgb_array_list"`       |

    `reset(options={"door": key})` selects a door: with a dataset, its index there (a door of
    the split); with a prior, the seed of its sampling. Otherwise the seed of `reset` decides.

    `render()` returns an image (256 x 256 pixels) of the door after the last interaction, from
    a still camera. `trajectory` holds the opening angle at every control step of that interaction.

    With `"rgb_array_list"` it returns a list of images: the videos of all interactions since the
    last call, or since the reset (then preceded by an image of the closed door). A video has 24
    images, for 12 frames per second, with a disc at the position of the hand until it lets go. They
    are rendered on request. `gymnasium.wrappers.RecordVideo` keeps only the last image per step;
    `doorlab_envs.wrappers.RecordInteractionVideo` keeps all of them.

    `doorlab_envs.wrappers.FramesAsChannels` combines all frames into one image, for networks that
    take single images.

    ```python
    >>> import gymnasium as gym
    >>> env = gym.make("doorlab_envs:doorlab/DoorBandit-v0", horizon=5)
    >>> observation, info = env.reset(seed=0)
    >>> observation["images"].shape
    (8, 64, 64, 3)

    ```

    ## Vectorized environment

    `gym.make_vec` makes many environments: in processes ("async"), sequentially ("sync"), or
    ("vector_entry_point") as `DoorBanditVectorEnv`, which simulates all doors in one batched call.
    All three give the same rollouts for the same seed.

    ## Version History

    * v0: initial version.
    """

    metadata = {"render_modes": list(RENDER_MODES), "render_fps": 2}  # noqa: RUF012

    def __init__(
        self,
        frames: int = 8,
        image_size: int = 64,
        horizon: int = 10,
        prior: str = DEFAULT_PRIOR,
        simulator: str = AUTO,
        doors_from: str | Path | None = None,
        split: str = "test",
        render_mode: str | None = None,
    ) -> None:
        self._core = DoorBanditCore(
            Arguments(frames, image_size, horizon, prior, simulator, doors_from, split, render_mode)
        )
        self.observation_space = self._core.observation_space
        self.action_space = self._core.action_space
        self.render_mode, self.metadata = render_mode, self._core.metadata
        self._horizon, self._num_interactions = horizon, 0
        self._spec: EnvSpec | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Starts an episode with a new door, or the one selected by `options={"door": key}`.

        Raises ConfigError for other options, and for invalid seeds and keys.
        """
        chosen = chosen_doors(options, 1)
        super().reset(seed=None if seed is None else checked_seed(seed))
        sampled = self._core.source.draw(
            self.np_random
        )  # always, so that options do not shift the RNG
        (key,) = chosen or [sampled]
        self._core.reset([key])
        self._num_interactions = 0
        optimal = float(self._core.problems.optimal_rewards[0])
        return self._observation(), {"door": key, "optimal_reward": optimal}

    def step(
        self, action: np.ndarray
    ) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        """Simulates one complete interaction. Raises ConfigError for an invalid action."""
        checked = in_space(action, self.action_space)
        outcome = {k: v.item() for k, v in self._core.interact(checked[None]).items()}
        self._num_interactions += 1
        truncated = self._num_interactions >= self._horizon
        return self._observation(), outcome["reward"], False, truncated, step_info(outcome)

    def render(self) -> np.ndarray | list[np.ndarray] | None:  # type: ignore[override]
        """uint8 (256, 256, 3): the door after the last interaction; a list in "rgb_array_list"."""
        rendered = self._core.render()
        return None if rendered is None else rendered[0]

    @property
    def spec(self) -> EnvSpec | None:
        """The spec that `gymnasium.make` sets, with the horizon as `max_episode_steps`."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        self._spec = spec_with_horizon(spec, self._horizon)

    @property
    def trajectory(self) -> np.ndarray | None:
        """float32 (T,), rad: opening angle at every control step of the last interaction.

        None before the first interaction, and without a render mode.
        """
        courses = self._core.trajectories
        return None if courses is None else courses[0]

    def close(self) -> None:
        """Frees the simulator."""
        self._core.close()

    def _observation(self) -> dict[str, np.ndarray]:
        # A copy, because the caller owns the returned arrays.
        return {"images": self._core.problems.images[0].copy()}
