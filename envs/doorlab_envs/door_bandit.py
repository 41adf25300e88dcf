"""The door bandit: look at a door that you have never seen, then open it in few tries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from doorlab.doors.action import checked_actions
from doorlab.doors.priors import DEFAULT_PRIOR
from doorlab_envs.arguments import RENDER_MODES, Arguments, checked_seed, chosen_doors
from doorlab_envs.core import DoorBanditCore, step_info


class DoorBanditEnv(gymnasium.Env[Any, np.ndarray]):
    """Open a door that you have never seen, in few tries.

    ## Description

    A robot stands before a door that it has never seen. It has seen others use the door: a few
    *passive frames* show it at several opening angles. Then the robot tries to open it. Every step
    is one whole interaction, always with the door shut and at rest: the hand grips the handle,
    turns it, and follows an arc about the hinge axis that it supposes, or slides. This is a
    contextual bandit with a continuous action: the frames are the context, and what is tried once
    does not change the next try.

    Some parameters of a door can be seen (hinge side, swing, sizes, handle); others can't (whether
    there is a latch and which way the handle must be turned for it, a lock, mass, friction,
    damping, whether it sticks, a closer). The former reward looking, the latter reward trying.

    ## Action Space

    A `Box(-1.0, 1.0, (4,), float32)`; others are refused. `phi` is periodic: -1 and 1 are
    one direction.

    | Num | Action                                                        | At -1    | At 1     |
    |-----|---------------------------------------------------------------|----------|----------|
    | 0   | phi: direction from the handle to the supposed hinge axis, in | -pi rad  | pi rad   |
    |     | the plane of the door (0: right, pi/2: up, pi: left)          |          |          |
    | 1   | radius: supposed distance from the handle to the hinge axis;  | 0.2 m    | 1.3 m    |
    |     | from 0.75 on there is none, and the hand slides along phi     |          | at 0.75  |
    | 2   | swing: angle of the arc, signed (> 0 pulls, < 0 pushes)       | -2.0 rad | 2.0 rad  |
    |     | way of a slide, signed (> 0 along phi)                        | -1.2 m   | 1.2 m    |
    | 3   | turn: of the handle before the arc, signed (> 0: clockwise)   | -1.0 rad | 1.0 rad  |

    The hand is tied to the handle by a limited force. Where the handle lags too far behind, the
    grip slips and the interaction ends.

    ## Observation Space

    A `Dict` with one entry, the same at every step of an episode:

    | Key      | Space                                                     | Meaning             |
    |----------|-----------------------------------------------------------|---------------------|
    | `images` | `Box(0, 255, (frames, image_size, image_size, 3), uint8)` | passive frames, RGB |

    The first frame shows the door shut; every frame has its own opening angle and camera.

    ## Rewards

    The joint position at the end of the interaction divided by the door's opening limit, in
    [0, 1]: 0 for a door that stayed shut, 1 for one that is wide open.

    `info` is for whoever evaluates, and must never reach a policy:

    | Key              | Unit | Meaning                                           | From        |
    |------------------|------|---------------------------------------------------|-------------|
    | `door`           |      | the key that brings this door back, see Arguments | reset       |
    | `optimal_reward` |      | what somebody who knows every parameter obtains   | reset, step |
    | `regret`         |      | `optimal_reward` - reward                         | step        |
    | `joint_position` | rad  | opening at the end, 0 when shut (m if it slides)  | step        |
    | `slipped`        |      | whether the grip was lost on the way              | step        |

    The optimal reward is what the oracle *obtained in simulation*, by the same simulator. A lucky
    action may beat it by a little, so regret may be slightly negative.

    ## Starting State

    A door drawn from the prior, or from a split of a dataset; shut and at rest.

    ## Episode End

    There is no termination. Truncation: after `horizon` interactions.

    ## Arguments

    | Parameter     | Type              | Default      | Meaning                                   |
    |---------------|-------------------|--------------|-------------------------------------------|
    | `frames`      | int               | `8`          | passive frames per door                   |
    | `image_size`  | int               | `64`         | height and width of a frame, pixels       |
    | `horizon`     | int               | `10`         | interactions per episode                  |
    | `prior`       | str               | `"narrow"`   | a name of `doorlab.doors.PRIORS`, an      |
    |               |                   |              | import path, or a JSON file of ranges     |
    | `simulator`   | str               | `"pybullet"` | a name of `doorlab.sim.SIMULATORS`, or an |
    |               |                   |              | import path                               |
    | `doors_from`  | str, Path or None | `None`       | folder of a dataset, whose doors and      |
    |               |                   |              | frames replace those of the prior         |
    | `split`       | str               | `"test"`     | the split of that dataset                 |
    | `render_mode` | str or None       | `None`       | `"rgb_array"` or `"rgb_array_list"`       |

    `reset(options={"door": key})` asks for one door: with a dataset, its index there (a door of
    the split); with a prior, the seed that it is drawn from. Otherwise the seed of `reset` decides.

    `render()` gives a picture (256 x 256 pixels) of the door as the last interaction left it, from
    a still camera. `trajectory` has the opening angle at every control step of that interaction.

    With `"rgb_array_list"` it gives a list: the films of all interactions since it was called last,
    or since the reset (then with a picture of the shut door before them). Each has 24 pictures, to
    be shown at 12 a second, with a disc where the hand is until it lets go. They are drawn when
    they are asked for. `gymnasium.wrappers.RecordVideo` keeps one picture per step, the last;
    `doorlab_envs.wrappers.RecordInteractionVideo` keeps them all.

    `doorlab_envs.wrappers.FramesAsChannels` makes one picture of all frames, for networks that
    take single pictures.

    ```python
    >>> import gymnasium as gym
    >>> env = gym.make("doorlab_envs:doorlab/DoorBandit-v0", horizon=5)
    >>> observation, info = env.reset(seed=0)
    >>> observation["images"].shape
    (8, 64, 64, 3)

    ```

    ## Vectorized environment

    `gym.make_vec` makes many of them: in processes ("async"), one after the other ("sync"), or
    ("vector_entry_point") as `DoorBanditVectorEnv`, which hands all doors to the simulator in one
    call. All three give the same rollouts for the same seed.

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
        simulator: str = "pybullet",
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
        self._horizon, self._tries = horizon, 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """A new door, or the one that `options={"door": key}` asks for.

        Raises ConfigError for other options, and for seeds and keys that stand for no door.
        """
        chosen = chosen_doors(options, 1)
        super().reset(seed=None if seed is None else checked_seed(seed))
        drawn = self._core.source.draw(self.np_random)  # always, so that options shift nothing
        (key,) = chosen or [drawn]
        self._core.reset([key])
        self._tries = 0
        optimal = float(self._core.problems.optimal_rewards[0])
        return self._observation(), {"door": key, "optimal_reward": optimal}

    def step(
        self, action: np.ndarray
    ) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        """One whole interaction. Raises ConfigError for an action that is not in the space."""
        checked = checked_actions(action, ())
        outcome = {k: v.item() for k, v in self._core.interact(checked[None]).items()}
        self._tries += 1
        truncated = self._tries >= self._horizon
        return self._observation(), outcome["reward"], False, truncated, step_info(outcome)

    def render(self) -> np.ndarray | list[np.ndarray] | None:  # type: ignore[override]
        """uint8 (256, 256, 3): the door as it was left; a list of them in "rgb_array_list"."""
        shown = self._core.render()
        return None if shown is None else shown[0]

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
        # A copy: what an environment has returned belongs to the caller.
        return {"images": self._core.problems.images[0].copy()}
