import xml.etree.ElementTree as ElementTree

import pytest

from doorlab.doors import get_prior
from doorlab.doors.urdf import door_urdf
from doorlab.seeding import stream


@pytest.mark.parametrize("seed", range(5))
def test_door_urdf_inertia_obeys_parallel_axis_theorem(seed):
    door = get_prior("default").sample(stream(seed))
    panel = ElementTree.fromstring(door_urdf(door)).find("link[@name='panel']/inertial")
    x, y, _ = (float(v) for v in panel.find("origin").get("xyz").split())
    mass = float(panel.find("mass").get("value"))
    about_center = float(panel.find("inertia").get("izz"))
    assert about_center + mass * (x**2 + y**2) == pytest.approx(door.joint_inertia, rel=1e-9)


def test_door_urdf_without_visuals_has_no_visual_elements():
    text = door_urdf(get_prior("default").sample(stream(0)), visuals=False)
    assert "<visual>" not in text
    assert text.count("<joint") == 1
