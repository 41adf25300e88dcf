"""Compares rendering by the `torch` simulator with MuJoCo's software renderer on the same doors.

Not part of `doorlab bench`, because it needs MuJoCo (`doorlab[dev]`) and a Mesa with llvmpipe:

    MUJOCO_GL=egl LP_NUM_THREADS=0 OMP_NUM_THREADS=1 python -m doorlab.benchmarks.against_mujoco

Both sides run in one thread, and CPU time of this thread is measured, so that other processes do
not affect the result. MuJoCo renders the same boxes without textures, handles, shadows or
multisampling, and computes neither depth nor segmentation, which the `torch` simulator always does.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from doorlab.benchmarks.simulation import sample_doors, sample_views
from doorlab.benchmarks.timing import paired
from doorlab.doors import Door, View
from doorlab.doors.geometry import Shape, joint_origin, panel_shapes, scene_shapes
from doorlab.sim.torch import TorchSimulator

mujoco: Any = importlib.import_module("mujoco")  # its type stub has no attributes

_DOORS, _SIZE, _ROUNDS = 200, 64, 15
_REPEATS = 25
_EVERY = 50  # MuJoCo renders one door in 50, because it must compile a model for each

_Camera = tuple[np.ndarray, np.ndarray, float]  # position, quaternion, field of view in degrees


class _MujocoDoor:
    """One door in MuJoCo's renderer."""

    def __init__(self, door: Door) -> None:
        self._model = mujoco.MjModel.from_xml_string(_scene(door))
        self._data = mujoco.MjData(self._model)
        self._renderer = mujoco.Renderer(self._model, _SIZE, _SIZE)
        self._image = np.empty((_SIZE, _SIZE, 3), np.uint8)
        for flag in (mujoco.mjtRndFlag.mjRND_SHADOW, mujoco.mjtRndFlag.mjRND_REFLECTION):
            self._renderer.scene.flags[flag] = False

    def draw(self, joint_position: float, camera: _Camera) -> None:
        """Renders one image, including the updates for a new joint position and camera."""
        self._model.cam_pos[0], self._model.cam_quat[0], self._model.cam_fovy[0] = camera
        self._data.qpos[0] = joint_position
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_camlight(self._model, self._data)
        self._renderer.update_scene(self._data, camera=0)
        self._renderer.render(out=self._image)


def _camera(view: View) -> _Camera:
    ahead = np.subtract(view.target, view.eye)
    right = np.array([ahead[1], -ahead[0], 0.0])
    axes = np.stack([right, np.cross(right, ahead), -ahead], axis=1)
    turn = np.zeros(4)
    mujoco.mju_mat2Quat(turn, (axes / np.linalg.norm(axes, axis=0)).ravel())
    return np.array(view.eye), turn, float(np.rad2deg(view.field_of_view))


def _scene(door: Door) -> str:
    still, moving = ("".join(map(_geom, shapes(door))) for shapes in (scene_shapes, panel_shapes))
    x, y, z = joint_origin(door)
    return f"""<mujoco>
      <visual><quality offsamples="0" shadowsize="0"/></visual>
      <worldbody>
        <light directional="true" castshadow="false" dir="0 1 -1"/><camera/>
        {still}
        <body pos="{x} {y} {z}">
          <joint type="hinge" axis="0 0 1"/><inertial pos="0 0 0" mass="1" diaginertia="1 1 1"/>
          {moving}
        </body>
      </worldbody>
    </mujoco>"""


def _geom(shape: Shape) -> str:
    if shape.kind != "box":
        return ""
    place, half = (" ".join(map(str, v)) for v in (shape.center, np.array(shape.size) / 2))
    color = " ".join(map(str, shape.color))
    return f'<geom type="box" pos="{place}" size="{half}" rgba="{color} 1"/>'


def _speed(work: Callable[[], int]) -> float:
    """Images per second of CPU time."""
    start = time.process_time()
    images = work()
    return images / (time.process_time() - start)


def main() -> None:
    """Prints both speeds and their ratio."""
    torch.set_num_threads(1)
    doors = sample_doors(_DOORS)
    angles, views = sample_views(doors)
    simulator = TorchSimulator(compiled=True)
    few = [_MujocoDoor(door) for door in doors[::_EVERY]]
    cameras = [list(map(_camera, of_door)) for of_door in views[::_EVERY]]

    def ours() -> int:
        simulator.render(doors, angles, views, _SIZE)
        return angles.size

    def theirs() -> int:
        for door, row, eyes in zip(few, angles[::_EVERY].tolist(), cameras, strict=True):
            for _ in range(_REPEATS):
                for q, camera in zip(row, eyes, strict=True):
                    door.draw(q, camera)
        return len(few) * angles.shape[1] * _REPEATS

    ours()
    theirs()
    speeds = paired(lambda: _speed(ours), lambda: _speed(theirs), _ROUNDS)
    for name, value in zip(("torch frames/s", "mujoco frames/s", "ratio"), speeds, strict=True):
        print(f"{name:16}{value}")


if __name__ == "__main__":
    main()
