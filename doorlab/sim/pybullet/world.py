"""One PyBullet world and the bodies in it."""

from __future__ import annotations

import contextlib
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path

from doorlab.doors.door import Door
from doorlab.doors.urdf import HINGE_JOINT, door_urdf
from doorlab.errors import SimulatorError
from doorlab.sim.pybullet.engine import pybullet, quiet

TIME_STEP = 1 / 60  # s

_FLAGS = pybullet.URDF_USE_INERTIA_FROM_FILE


class World:
    """A PyBullet client without a window. Bodies are loaded, used and removed one at a time."""

    def __init__(self) -> None:
        with quiet():
            self.client = pybullet.connect(pybullet.DIRECT)
        if self.client < 0:
            raise SimulatorError(
                "a PyBullet world", "no free slot (PyBullet allows 1,024)", "close some simulators"
            )
        folder = tempfile.TemporaryDirectory(prefix="doorlab-")
        self._urdf = Path(folder.name) / "door.urdf"
        # A world that is dropped without `close` frees its engine slot and its files all the same.
        self._free = weakref.finalize(self, _free, self.client, folder)
        pybullet.setTimeStep(TIME_STEP, physicsClientId=self.client)
        # Every door is written to the same path: the engine must not answer from its cache.
        pybullet.setPhysicsEngineParameter(enableFileCaching=0, physicsClientId=self.client)

    @contextlib.contextmanager
    def door(self, door: Door, *, visuals: bool) -> Iterator[int]:
        """Loads a door, yields its body, removes it."""
        self._urdf.write_text(door_urdf(door, visuals=visuals))
        with quiet():
            body = pybullet.loadURDF(
                str(self._urdf), useFixedBase=True, flags=_FLAGS, physicsClientId=self.client
            )
        try:
            for link in range(-1, pybullet.getNumJoints(body, physicsClientId=self.client)):
                pybullet.changeDynamics(  # the defaults damp everything, which doors do not
                    body, link, linearDamping=0, angularDamping=0, physicsClientId=self.client
                )
            # A velocity motor with target 0 and a limited force is Coulomb friction.
            pybullet.setJointMotorControl2(
                body,
                HINGE_JOINT,
                pybullet.VELOCITY_CONTROL,
                targetVelocity=0,
                force=door.hinge_friction,
                physicsClientId=self.client,
            )
            yield body
        finally:
            pybullet.removeBody(body, physicsClientId=self.client)

    def close(self) -> None:
        """Disconnects and removes temporary files."""
        self._free()


def _free(client: int, folder: tempfile.TemporaryDirectory[str]) -> None:
    pybullet.disconnect(physicsClientId=client)
    folder.cleanup()
