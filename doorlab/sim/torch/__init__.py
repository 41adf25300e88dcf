"""Simulates many doors at once as tensors, on a CPU or a GPU, without PyBullet. Needs torch.

`doorlab.sim.make_simulator("torch")` has the interface of all simulators. Code whose data stay on a
device uses functions from tensors to tensors:

    params = DoorParams.from_doors(doors, device)
    interact(params, actions)                    # `physics`
    render(params, joint_positions, views, 64)   # `rendering`
"""

from doorlab.sim.torch.params import DoorParams, view_tensor
from doorlab.sim.torch.physics import InteractionTensors, interact
from doorlab.sim.torch.simulator import TorchSimulator

__all__ = ["DoorParams", "InteractionTensors", "TorchSimulator", "interact", "view_tensor"]
