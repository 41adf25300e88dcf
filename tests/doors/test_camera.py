import numpy as np
import pytest

from doorlab.doors import View


def test_view_project_obeys_pinhole_equation():
    view = View(eye=(1.0, -3.0, 1.5), target=(1.0, 0.0, 1.5), field_of_view=np.pi / 2)
    points = np.array([[1.0, 0.0, 1.5], [2.5, 0.0, 1.5], [1.0, 0.0, 3.0], [-2.0, 3.0, -1.5]])
    # At 3 m half of the image is 3 m wide.
    expected = [[50, 50], [75, 50], [50, 25], [25, 75]]
    np.testing.assert_allclose(view.project(points, 100), expected, atol=1e-9)


def test_view_project_keeps_target_centered():
    view = View(eye=(0.3, -2.0, 2.0), target=(-0.4, 0.1, 0.9), field_of_view=0.8)
    above = np.add(view.target, [0, 0, 0.2])
    target, higher = view.project(np.array([view.target, above]), 64)
    assert target == pytest.approx([32, 32])
    assert higher[0] == pytest.approx(32)
    assert higher[1] < 32
