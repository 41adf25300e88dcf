"""Shadows of the simulator `doorlab.sim.torch` against PyBullet's, and against geometry."""

import dataclasses

import numpy as np
import pytest

from doorlab.doors import View, get_prior
from doorlab.doors.geometry import FRAME_DEPTH, joint_origin
from doorlab.seeding import stream
from doorlab.sim import RenderOptions, make_simulator
from doorlab.sim.rendering import IN_SHADOW, LAMP_DISTANCE
from doorlab.sim.torch import TorchSimulator

SHADOWS = RenderOptions(depth=True, segmentation=True, shadows=True)
FRONT = View((0.0, -3.0, 1.05), (0.0, 0.0, 1.05), 0.9)


@pytest.fixture(scope="module")
def batched():
    return make_simulator("torch")


@pytest.fixture(scope="module")
def filmed():
    """Doors of both priors, ajar, with one camera each."""
    rng = stream(31, "frames")
    priors = [get_prior("default"), get_prior("wild")]
    doors = [priors[i % 2].sample(stream(31, "door", i)) for i in range(12)]
    q = np.array([[rng.uniform(0.3, 1.0) * door.opening_limit] for door in doors])
    return doors, q, [[priors[i % 2].sample_view(rng, door)] for i, door in enumerate(doors)]


def darkened(plain, shaded):
    return (shaded.images < plain.images).any(-1)


def test_torch_shadows_match_pybullet(simulator, batched, filmed):
    """At 512 x 512, where TinyRenderer's shadow map, as fine as the image, is fine enough."""
    doors, q, views = (part[:3] for part in filmed)
    args = doors, q, views, 512
    expected, got = simulator.render(*args, SHADOWS), batched.render(*args, SHADOWS)
    error = np.abs(got.images.astype(int) - expected.images)
    plain = batched.render(*args)
    # Without shadows it would be several times as large.
    assert error.mean() < 0.2
    assert error.mean() < 0.3 * np.abs(plain.images.astype(int) - expected.images).mean()
    np.testing.assert_array_equal(got.depth, batched.render(*args, RenderOptions(depth=True)).depth)
    theirs = darkened(simulator.render(*args), expected)
    ours = darkened(plain, got)
    assert ours.mean() > 0.01
    # What is dark here and not there: only along the edges of the map's pixels.
    assert (ours & ~theirs).sum() < 0.05 * ours.sum()


def test_torch_shadows_of_small_images_are_close_to_pybullet(simulator, batched, filmed):
    """At 64 x 64 a pixel of the map is some 13 cm wide, and TinyRenderer draws false shadows."""
    args = *filmed, 64
    difference = batched.render(*args, SHADOWS).images.astype(int)
    difference -= simulator.render(*args, SHADOWS).images
    assert np.abs(difference).mean() < 3.0


def test_torch_shadows_darken_by_share_of_direct_light(batched, filmed):
    """Faces that the light cannot reach at all, such as the back of a wall, do not change."""
    plain, shaded = batched.render(*filmed, 64), batched.render(*filmed, 64, SHADOWS)
    change = shaded.images.astype(int) - plain.images
    assert change.max() <= 0
    assert change.min() < -5
    for d, door in enumerate(filmed[0]):
        direct = door.appearance.light_strength + 0.05
        share = direct * (1 - IN_SHADOW) / (1 - door.appearance.light_strength + direct)
        assert change[d].min() >= -share * 255 - 1


def test_torch_shadow_of_open_door_obeys_geometry(batched):
    """Around the corner's shadow on the wall, 3 cm towards the panel are dark, the rest is lit."""
    look = dataclasses.replace(
        get_prior("default").sample(stream(1, "door")).appearance,
        light_direction=(0.5, -0.75, 0.1875**0.5),
        wall_texture="plain",
        panel_style="plain",
    )
    door = dataclasses.replace(
        get_prior("default").sample(stream(1, "door")),
        hinge_side="left", swing="pull", mechanism="hinged", place=0.0, appearance=look,
    )  # fmt: skip
    q = min(1.4, door.opening_limit)
    hinge = np.array(joint_origin(door))
    corner = hinge + door.width * np.array([np.cos(q), -np.sin(q), 0.0])
    corner[2] = door.height
    lamp = LAMP_DISTANCE * np.array(look.light_direction)
    on_wall = lamp + (corner - lamp) * lamp[1] / (lamp[1] - corner[1])
    assert on_wall[0] < -door.width / 2 - 2 * FRAME_DEPTH  # beside the frame
    view = View((on_wall[0], -1.0, on_wall[2]), tuple(on_wall), 0.3)
    plain = batched.render([door], np.full((1, 1), q), [[view]], 64)
    shaded = batched.render([door], np.full((1, 1), q), [[view]], 64, SHADOWS)
    dark = darkened(plain, shaded)[0, 0]
    off = round(0.03 / (2 * np.tan(0.15)) * 64)  # pixels
    assert dark[32 + off, 32 + off]
    assert not dark[32 + off, 32 - off]
    assert not dark[32 - off, 32 + off]
    assert not dark[32 - off, 32 - off]


@pytest.mark.parametrize("chunk_size", [1, 5])
def test_torch_shadows_are_independent_of_chunk_size(batched, filmed, chunk_size):
    whole = batched.render(*filmed, 48, SHADOWS)
    pieces = TorchSimulator(chunk_size=chunk_size).render(*filmed, 48, SHADOWS)
    np.testing.assert_array_equal(whole.images, pieces.images)
