import dataclasses

import numpy as np
import pytest

from doorlab.doors import View
from doorlab.doors.geometry import PARTS, joint_origin
from doorlab.doors.prior import DEFAULT_APPEARANCE
from doorlab.seeding import stream
from doorlab.sim import RenderOptions

FRONT = View((0.0, -3.0, 1.05), (0.0, 0.0, 1.05), 0.86)
SIZE = 128


def project(points, view, size):
    """Pixels (column, row) of world points by the pinhole equation; and their depth, m."""
    eye, target = np.array(view.eye), np.array(view.target)
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    rays = np.asarray(points) - eye
    depth = rays @ forward
    scale = size / 2 / np.tan(view.field_of_view / 2)
    across, down = rays @ right / depth, -(rays @ np.cross(right, forward)) / depth
    return np.stack([size / 2 + scale * across, size / 2 + scale * down], axis=-1), depth


def panel_corners(door, q):
    """The panel's eight corners in the world, from the parameters alone."""
    s, w = door.side_sign, door.swing_sign
    x, y, z = np.meshgrid([0.0, -s * door.width], [0.0, w * door.thickness], [0.0, door.height])
    if door.mechanism == "sliding":
        x = x + s * q
    else:
        angle = s * w * q
        x, y = x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)
    return np.stack([x, y, z], axis=-1).reshape(-1, 3) + joint_origin(door)


def unhidden(door):
    """A door in front of everything, before a camera that sees all of it."""
    return dataclasses.replace(door, swing="pull", height=1.9, place=0.0, handle_length=0.05)


@pytest.mark.parametrize("mechanism", ["hinged", "sliding"])
def test_panel_silhouette_matches_geometry_within_pixel(simulator, doors, mechanism):
    """The corners of the panel span its silhouette for any side, angle and camera."""
    worst = []
    view = View((0.1, -4.2, 1.4), (0.0, 0.0, 1.0), 0.78)
    some = [dataclasses.replace(unhidden(d), mechanism=mechanism) for d in doors[:60]]
    share = stream(3, "share").uniform(0.15, 1.0, len(some))
    limits = np.array([d.opening_limit if mechanism == "hinged" else 0.6 for d in some])
    q = (share * limits)[:, None]
    seen = simulator.render(some, q, [[view]] * len(some), SIZE, RenderOptions(segmentation=True))
    for n, door in enumerate(some):
        part = seen.segmentation[n, 0]
        rows, columns = np.nonzero(part == PARTS.index("panel"))
        corners, _ = project(panel_corners(door, q[n, 0]), view, SIZE)
        # Pixel k covers [k, k + 1).
        found = [columns.min(), columns.max() + 1, rows.min(), rows.max() + 1]
        expected = [*corners[:, 0][[corners[:, 0].argmin(), corners[:, 0].argmax()]]]
        expected += [corners[:, 1].min(), corners[:, 1].max()]
        worst.append(np.abs(np.array(found) - np.clip(expected, 0, SIZE)))
    assert np.max(worst) <= 1.0, np.max(worst, axis=0)


def test_depth_is_in_meters_along_optical_axis(simulator, doors):
    door = dataclasses.replace(doors[0], swing="push", place=0.0)
    seen = simulator.render([door], np.zeros((1, 1)), [[FRONT]], SIZE, RenderOptions(depth=True))
    # Left of everything is the wall, 3 m before the camera wherever one looks.
    assert seen.depth[0, 0, 40, 4] == pytest.approx(3.0, abs=0.01)
    assert seen.segmentation is None


def test_segmentation_places_parts_correctly(simulator, doors):
    for side in ("left", "right"):
        door = dataclasses.replace(
            doors[0], hinge_side=side, handle_type="bar", handle_length=0.16, swing="pull"
        )
        seen = simulator.render(
            [door], np.zeros((1, 1)), [[FRONT]], SIZE, RenderOptions(segmentation=True)
        )
        handle = np.argwhere(seen.segmentation[0, 0] == PARTS.index("handle"))
        assert len(handle) > 5
        x = -door.side_sign * (door.width / 2 - door.backset)
        expected, _ = project([x, -0.05, door.handle_height], FRONT, SIZE)
        np.testing.assert_allclose(handle.mean(axis=0)[::-1] + 0.5, expected, atol=1.5)
        assert set(np.unique(seen.segmentation)) == set(range(len(PARTS)))


def test_shadows_only_darken(simulator, doors):
    args = doors[:1], np.full((1, 1), 1.0), [[FRONT]], SIZE
    plain, shaded = simulator.render(*args), simulator.render(*args, RenderOptions(shadows=True))
    difference = shaded.images.astype(int) - plain.images
    assert (difference < -10).mean() > 0.001
    assert difference.max() <= 2


def test_textures_modulate_color_of_surface(simulator, doors):
    def wall(texture):
        look = dataclasses.replace(DEFAULT_APPEARANCE, wall_texture=texture)
        door = dataclasses.replace(doors[0], appearance=look)
        seen = simulator.render(
            [door], np.zeros((1, 1)), [[FRONT]], 128, RenderOptions(segmentation=True)
        )
        high = (seen.segmentation[0, 0] == 0) & (np.arange(128)[:, None] < 64)
        return seen.images[0, 0][high].astype(float)

    plain = wall("plain")
    assert plain.std(axis=0).max() < 0.3 * wall("brick").std(axis=0).min()
    assert plain.mean() > wall("brick").mean()


def test_rendering_is_deterministic_and_independent_of_history(simulator, doors):
    q, views = np.array([[0.3, 0.9]]), [[FRONT, FRONT]]
    first = simulator.render(doors[:1], q, views, 64).images
    simulator.render(doors[1:4], np.zeros((3, 1)), [[FRONT]] * 3, 64)
    np.testing.assert_array_equal(first, simulator.render(doors[:1], q, views, 64).images)
    assert (first[0, 0] != first[0, 1]).any()


def test_appearance_changes_image(simulator, doors):
    door = doors[0]
    other = dataclasses.replace(
        door, appearance=dataclasses.replace(door.appearance, wall_color=(0.9, 0.1, 0.1))
    )
    images = simulator.render([door, other], np.zeros((2, 1)), [[FRONT]] * 2, 64).images
    assert np.abs(images[0].astype(int) - images[1]).mean() > 5
