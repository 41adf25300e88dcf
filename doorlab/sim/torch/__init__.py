"""Many doors at once as tensors, on a CPU or a GPU, without PyBullet. Needs torch.

`doorlab.sim.make_simulator("torch")` is the interface that every simulator has. Code that is to
stay on a device takes tensors in and gets tensors out:

    columns = DoorTensors.from_doors(doors, device)
    interact(columns, actions)            # `physics`
    render(columns, joint_positions, views, 64)  # `rendering`
"""

from doorlab.sim.torch.params import DoorParams, view_tensor
from doorlab.sim.torch.physics import InteractionTensors, interact
from doorlab.sim.torch.simulator import TorchSimulator

__all__ = ["DoorParams", "InteractionTensors", "TorchSimulator", "interact", "view_tensor"]
