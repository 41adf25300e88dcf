import dataclasses

import numpy as np
import pytest

from doorlab.doors import View
from doorlab.doors.prior import PLAIN_LOOK
from doorlab.errors import ConfigError

FRONT = View((0.0, -3.0, 1.05), (0.0, 0.0, 1.05), 0.86)
LOOK = dataclasses.replace(
    PLAIN_LOOK,
    panel_style="plain",
    panel_color=(1.0, 0.0, 0.0),
    handle_color=(0.0, 0.0, 1.0),
    frame_color=(0.0, 1.0, 0.0),
)


def red(image):
    r, g, b = (image[..., i].astype(int) for i in range(3))
    return (r > 60) & (g < 60) & (b < 60)


def project(point, size):
    """Pixel of a world point seen from FRONT, by the pinhole equation."""
    scale = size / 2 / np.tan(FRONT.field_of_view / 2)
    depth = point[1] + 3.0
    return size / 2 + scale * point[0] / depth, size / 2 - scale * (point[2] - 1.05) / depth


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("swing", ["pull", "push"])
@pytest.mark.parametrize("q", [0.0, 0.7, 1.2])
def test_the_panel_is_where_geometry_says(simulator, doors, side, swing, q):
    door = dataclasses.replace(doors[0], hinge_side=side, swing=swing, appearance=LOOK)
    size = 128
    image = simulator.render([door], np.array([[q]]), [[FRONT]], size)[0, 0]
    columns = np.flatnonzero(red(image).any(axis=0))
    s, w = door.side_sign, door.swing_sign
    hinge = (s * door.width / 2, 0.0 if swing == "pull" else 0.12)
    edge = (hinge[0] - s * door.width * np.cos(q), hinge[1] - w * door.width * np.sin(q))
    xs = sorted([project((*hinge, 1.0), size)[0], project((*edge, 1.0), size)[0]])
    # The frame hides the hinge edge of push doors and panels have a thickness: 4 pixels of slack.
    assert columns.min() == pytest.approx(xs[0], abs=4)
    assert columns.max() == pytest.approx(xs[1], abs=4)


def test_the_handle_is_on_the_latch_side(simulator, doors):
    for side in ("left", "right"):
        door = dataclasses.replace(
            doors[0], hinge_side=side, handle_type="bar", handle_length=0.16, appearance=LOOK
        )
        image = simulator.render([door], np.zeros((1, 1)), [[FRONT]], 128)[0, 0].astype(int)
        blue = np.argwhere((image[..., 2] > 60) & (image[..., 0] < 60) & (image[..., 1] < 60))
        assert len(blue) > 5
        x = -door.side_sign * (door.width / 2 - door.backset)
        expected = project((x, -0.1, door.handle_height), 128)
        np.testing.assert_allclose(blue.mean(axis=0)[::-1], expected, atol=2.5)


def test_same_bytes_every_time_whatever_came_before(simulator, doors):
    q, views = np.array([[0.3, 0.9]]), [[FRONT, FRONT]]
    first = simulator.render(doors[:1], q, views, 64)
    simulator.render(doors[1:4], np.zeros((3, 1)), [[FRONT]] * 3, 64)
    np.testing.assert_array_equal(first, simulator.render(doors[:1], q, views, 64))
    assert (first[0, 0] != first[0, 1]).any()


def test_appearance_shows(simulator, doors):
    door = doors[0]
    other = dataclasses.replace(
        door, appearance=dataclasses.replace(door.appearance, wall_color=(0.9, 0.1, 0.1))
    )
    images = simulator.render([door, other], np.zeros((2, 1)), [[FRONT]] * 2, 64)
    assert np.abs(images[0].astype(int) - images[1]).mean() > 5


def test_bad_sizes_are_refused(simulator, doors):
    with pytest.raises(ConfigError, match="at least 1 pixel"):
        simulator.render(doors[:1], np.zeros((1, 1)), [[FRONT]], 0)
    with pytest.raises(ConfigError, match="joint positions"):
        simulator.render(doors[:2], np.zeros((1, 1)), [[FRONT]], 8)
