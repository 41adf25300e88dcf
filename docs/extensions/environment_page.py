"""The page of the Gymnasium environment, from its docstring, which is Markdown."""

from __future__ import annotations

import inspect

from doorlab_envs import DoorBanditEnv

_HEAD = """# doorlab/DoorBandit-v0

```python
import gymnasium as gym

env = gym.make("doorlab_envs:doorlab/DoorBandit-v0")
```

| | |
|---|---|
| Action space | `{action}` |
| Observation space | `{observation}` |
| Import | `doorlab_envs:doorlab/DoorBandit-v0` |
| Class | {{py:class}}`doorlab_envs.DoorBanditEnv` |
| Vector environment | {{py:class}}`doorlab_envs.DoorBanditVectorEnv` |

[Gymnasium environment](../environment.md) shows the environment in use.

"""


def pages() -> dict[str, str]:
    """Path of the page in docs/generated -> its text."""
    env = DoorBanditEnv(simulator="torch")
    head = _HEAD.format(action=env.action_space, observation=env.observation_space)
    env.close()
    return {"door_bandit.md": head + inspect.cleandoc(DoorBanditEnv.__doc__ or "") + "\n"}
