"""Doors: frozen parameters in SI units, priors over doors, and actions on doors."""

from doorlab.doors.action import ACTION_DIM, Action, oracle_action
from doorlab.doors.arrays import door_from_arrays, doors_to_arrays
from doorlab.doors.camera import View
from doorlab.doors.door import Appearance, Door
from doorlab.doors.prior import DoorPrior
from doorlab.doors.priors import PRIORS, get_prior
from doorlab.doors.urdf import door_urdf

__all__ = [
    "ACTION_DIM",
    "PRIORS",
    "Action",
    "Appearance",
    "Door",
    "DoorPrior",
    "View",
    "door_from_arrays",
    "door_urdf",
    "doors_to_arrays",
    "get_prior",
    "oracle_action",
]
