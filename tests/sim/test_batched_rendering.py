"""Images of the simulator `doorlab.sim.torch` against PyBullet's and `doors.geometry`."""

import dataclasses
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from doorlab.doors import View, get_prior
from doorlab.doors.door import CATEGORIES
from doorlab.doors.geometry import PARTS, joint_origin, panel_shapes, scene_shapes
from doorlab.doors.meshes import handle_mesh
from doorlab.errors import ConfigError
from doorlab.seeding import stream
from doorlab.sim import RenderOptions, Simulator, make_simulator
from doorlab.sim.torch import DoorParams, TorchSimulator, compilation, view_tensor
from doorlab.sim.torch.boxes import SAME_X, SAME_Y, boxes, joint_origins
from doorlab.sim.torch.handles import handles
from doorlab.sim.torch.hulls import hulls
from doorlab.sim.torch.rays import Poses, rays
from doorlab.sim.torch.rendering import render

PRIORS = [get_prior("default"), get_prior("wild")]
FRONT = View((0.0, -3.0, 1.05), (0.0, 0.0, 1.05), 0.86)
EVERYTHING = RenderOptions(depth=True, segmentation=True)


@pytest.fixture(scope="module")
def batched():
    return make_simulator("torch")


@pytest.fixture(scope="module")
def filmed():
    """250 doors of both priors with two joint positions and cameras each."""
    rng = stream(12, "frames")
    doors = [PRIORS[i % 2].sample(stream(12, "door", i)) for i in range(250)]
    q = np.stack([rng.uniform(0, door.opening_limit, 2) for door in doors])
    q[:, 0] = np.where(rng.random(250) < 0.25, 0.0, q[:, 0])
    views = [[PRIORS[i % 2].sample_view(rng, d) for _ in "ab"] for i, d in enumerate(doors)]
    return doors, q, views


def overlap(a, b, part):
    """Intersection over union of a part."""
    mine, theirs = a == PARTS.index(part), b == PARTS.index(part)
    return (mine & theirs).sum() / (mine | theirs).sum()


def test_torch_images_match_pybullet(simulator, batched, filmed):
    expected = simulator.render(*filmed, 64, EVERYTHING)
    got = batched.render(*filmed, 64, EVERYTHING)
    for part in ("surroundings", "frame", "panel"):
        assert overlap(got.segmentation, expected.segmentation, part) >= 0.999
    assert overlap(got.segmentation, expected.segmentation, "handle") >= 0.98
    difference = np.abs(got.images.astype(int) - expected.images)
    assert difference.mean() <= 0.02
    same = got.segmentation == expected.segmentation
    assert (difference[same] == 0).mean() >= 0.999
    relative = np.abs(got.depth - expected.depth) / expected.depth
    assert np.median(relative) < 1e-4
    assert np.quantile(relative, 0.999) < 1e-3


@pytest.mark.parametrize(
    "view",
    [
        View((2.5, -1.5, 2.6), (0.0, 0.0, 0.9), 0.9),  # from the side and above
        View((0.3, 1.6, 1.2), (0.1, 0.0, 1.0), 1.2),  # from the room behind
        View((0.0, -0.45, 1.1), (0.2, 0.0, 1.0), 1.4),  # close to the handle
        View((0.0, -6.0, 5.0), (0.0, 0.0, 3.5), 0.8),  # beyond the wall's end, into nothing
    ],
)
def test_torch_images_match_pybullet_from_other_views(simulator, batched, filmed, view):
    doors, q, _ = filmed
    args = doors[:12], q[:12, 1:], [[view]] * 12, 48, EVERYTHING
    expected, got = simulator.render(*args), batched.render(*args)
    assert (got.segmentation == expected.segmentation).mean() > 0.995
    assert np.abs(got.images.astype(int) - expected.images).mean() <= 0.5
    assert np.median(np.abs(got.depth - expected.depth)) < 1e-3


def test_torch_boxes_match_geometry(filmed):
    doors = filmed[0][:40]
    table = boxes(DoorParams.from_doors(doors, dtype=torch.float64))
    origins = joint_origins(DoorParams.from_doors(doors, dtype=torch.float64))
    for d, door in enumerate(doors):
        expected = [s for s in scene_shapes(door) + panel_shapes(door) if s.kind == "box"]
        there = [k for k in range(table.low.shape[1]) if table.low[d, k].abs().max() < 100]
        assert len(there) == len(expected)
        np.testing.assert_allclose(origins[d], joint_origin(door), atol=1e-12)
        for k, shape in zip(there, expected, strict=True):
            center, size = np.array(shape.center), np.array(shape.size)
            np.testing.assert_allclose(table.low[d, k], center - size / 2, atol=1e-9)
            np.testing.assert_allclose(table.high[d, k], center + size / 2, atol=1e-9)
            np.testing.assert_allclose(table.colors[d, k], shape.color, atol=1e-7)
            texture = CATEGORIES["appearance.panel_texture"][int(table.textures[d, k])]
            assert texture == shape.texture


def test_torch_boxes_share_stated_bounds(filmed):
    table = boxes(DoorParams.from_doors(filmed[0]))
    for axis, same in enumerate((SAME_X, SAME_Y)):
        for bound in (table.low, table.high):
            torch.testing.assert_close(bound[:, list(same), axis], bound[..., axis])


def test_torch_handles_match_geometry(filmed):
    doors = filmed[0][:60]
    table = handles(DoorParams.from_doors(doors, dtype=torch.float64))
    signs = {
        (0.0, 0.0, 0.0): [1, 1, 1],
        (0.0, np.pi, 0.0): [-1, 1, -1],
        (np.pi, 0.0, 0.0): [1, -1, -1],
        (0.0, 0.0, np.pi): [-1, -1, 1],
    }
    for d, door in enumerate(doors):
        expected = [s for s in panel_shapes(door) if s.kind != "box"]
        rows = np.flatnonzero(table.present[d].numpy())
        assert len(rows) == len(expected)
        for h, shape in zip(rows, expected, strict=True):
            np.testing.assert_allclose(table.center[d, h], shape.center, atol=1e-12)
            stretch = np.array(shape.size) * signs[shape.turn]
            np.testing.assert_allclose(table.stretch[d, h], stretch, atol=1e-12)


def test_torch_hulls_fill_meshes():
    """Points just inside a triangle are inside, points just outside are not."""
    table = hulls(torch.device("cpu"))
    for t, name in enumerate(CATEGORIES["handle_type"]):
        mesh = handle_mesh(name)
        middles = mesh.vertices[mesh.triangles].mean(axis=1)
        normals = mesh.normals[mesh.triangles[:, 0]]

        def inside(points, t=t):
            dots = np.einsum("pnc,vc->pnv", table.normals[t].numpy(), points)
            return (dots <= table.offsets[t].numpy()[..., None]).all(axis=1).any(axis=0)

        assert inside(middles - 2e-4 * normals).all()
        outside = ~inside(middles + 2e-4 * normals)
        assert outside.mean() > 0.8  # the others are where a rod ends in another


@pytest.mark.parametrize("chunk_size", [1, 7, 64])
def test_torch_rendering_is_independent_of_chunk_size(batched, filmed, chunk_size):
    doors, q, views = (part[:40] for part in filmed)
    whole = batched.render(doors, q, views, 64, EVERYTHING)
    pieces = TorchSimulator(chunk_size=chunk_size).render(doors, q, views, 64, EVERYTHING)
    np.testing.assert_array_equal(whole.images, pieces.images)
    np.testing.assert_array_equal(whole.depth, pieces.depth)
    np.testing.assert_array_equal(whole.segmentation, pieces.segmentation)


@pytest.mark.slow
def test_torch_rendering_is_unchanged_by_compilation(batched, filmed):
    """Takes a minute of compiling, less when it is cached."""
    doors, q, views = (part[:70] for part in filmed)
    eager = batched.render(doors, q, views, 64, EVERYTHING)
    fast = TorchSimulator(compiled=True)
    for count in (70, 1):
        args = doors[:count], q[:count], views[:count]
        compiled = fast.render(*args, 64, EVERYTHING)
        np.testing.assert_array_equal(compiled.images, eager.images[:count])
        np.testing.assert_array_equal(compiled.depth, eager.depth[:count])
        np.testing.assert_array_equal(compiled.segmentation, eager.segmentation[:count])


def test_torch_simulator_without_compiler_warns_and_renders(batched, filmed, monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError("no g++")

    # Not `torch.compile`, whose result would be cached for later tests.
    monkeypatch.setattr(compilation, "_compiled", lambda _: broken)
    doors, q, views = (part[:3] for part in filmed)
    images = TorchSimulator(compiled=True).render(doors, q, views, 32).images
    np.testing.assert_array_equal(images, batched.render(doors, q, views, 32).images)
    assert "no g++" in caplog.text
    assert len(caplog.records) == 1


DIGESTS = """
import hashlib
from doorlab.data.sources.simulation import (
    GenerationConfig, joint_positions, make_door, passive_views,
)
from doorlab.sim import RenderOptions, make_simulator
import numpy as np
config = GenerationConfig(doors=8, frames=2, prior="wild")
doors = [make_door(config, i) for i in range(8)]
angles = np.stack([joint_positions(config, i, door) for i, door in enumerate(doors)])
views = [passive_views(config, i, door) for i, door in enumerate(doors)]
seen = make_simulator("torch").render(doors, angles, views, 48, RenderOptions(True, True, True))
digests = [hashlib.md5(part.tobytes()).hexdigest() for part in vars(seen).values()]
"""


def test_torch_simulator_does_not_compile_in_fork(filmed, monkeypatch, caplog):
    """The compiler would wait for threads of the parent process."""
    # The state of a fork without one, in which pytest could not go on.
    monkeypatch.setattr(compilation, "_compiled", lambda function: pytest.fail("compiled"))
    monkeypatch.setattr(compilation, "is_forked", lambda: True)
    monkeypatch.setattr(compilation, "_compiler_of", 1)
    monkeypatch.setitem(sys.modules, compilation._COMPILER, compilation)
    doors, q, views = (part[:2] for part in filmed)
    assert TorchSimulator(compiled=True).render(doors, q, views, 16).images.any()
    assert not caplog.records


def test_torch_simulator_is_independent_of_processor_instructions():
    mine: dict[str, list[str]] = {}
    exec(DIGESTS, mine)
    run = subprocess.run(
        [sys.executable, "-c", f"{DIGESTS}print(digests)"],
        env={**os.environ, "ATEN_CPU_CAPABILITY": "default", "MKL_ENABLE_INSTRUCTIONS": "SSE4_2"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == str(mine["digests"])


def test_camera_directions_are_exact_to_last_bits():
    rng = np.random.default_rng(0)
    eyes, targets = rng.normal(size=(2, 500, 3))
    views = np.concatenate([eyes, targets, np.full((500, 1), 0.9)], axis=1).astype(np.float32)
    still = Poses(torch.ones(500), torch.zeros(500), torch.zeros(500, 3))
    found = rays(still, torch.from_numpy(views))
    ahead = (targets - eyes) / np.linalg.norm(targets - eyes, axis=1, keepdims=True)
    right = np.cross(ahead, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    reach = np.tan(0.45)
    np.testing.assert_allclose(found.ahead[:, 0], ahead, atol=3e-7)
    np.testing.assert_allclose(found.right[:, 0], reach * right, atol=2e-6)
    np.testing.assert_allclose(found.up[:, 0], reach * np.cross(right, ahead), atol=2e-6)


def test_torch_render_accepts_and_returns_tensors(batched, filmed):
    """A fixed window of the handles depends on no data, and changes nothing."""
    doors, q, views = (part[:10] for part in filmed)
    columns = DoorParams.from_doors(doors)
    q_first = torch.as_tensor(q[:, 0], dtype=torch.float32)
    seen = render(columns, q_first, view_tensor(views)[:, 0], 64, handle_window=64)
    expected = batched.render(doors, q[:, :1], [row[:1] for row in views], 64, EVERYTHING)
    np.testing.assert_array_equal(seen.images.permute(0, 2, 3, 1), expected.images[:, 0])
    np.testing.assert_array_equal(seen.segmentation, expected.segmentation[:, 0])


def test_torch_simulator_rejects_chunk_size_of_zero():
    with pytest.raises(ConfigError, match="chunk size"):
        TorchSimulator(chunk_size=0)


def test_torch_rendering_accepts_smallest_images(batched, doors):
    for size in (1, 2, 5):
        seen = batched.render(doors[:2], np.zeros((2, 1)), [[FRONT]] * 2, size, EVERYTHING)
        assert seen.images.shape == (2, 1, size, size, 3)
        assert dataclasses.astuple(seen)[1].max() < 12.0


def test_torch_simulator_needs_no_pybullet_and_imports_torch_lazily():
    code = (
        "import sys; sys.modules['pybullet'] = None\n"
        "import doorlab.sim\n"
        "assert 'torch' not in sys.modules\n"
        "doorlab.sim.make_simulator('torch').close()\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_torch_simulator_satisfies_protocol(batched):
    assert isinstance(batched, Simulator)
    batched.close()
    batched.close()
