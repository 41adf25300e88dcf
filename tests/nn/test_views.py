import cv2
import numpy as np
import pytest
import torch

from doorlab.nn.views import recoloured, shifted


@pytest.fixture
def x():
    return torch.rand(5, 2, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def test_no_shift_is_the_average_of_pixels(x):
    small = [cv2.resize(f.permute(1, 2, 0).numpy(), (8, 8), interpolation=cv2.INTER_AREA)
             for f in x.flatten(0, 1)]  # fmt: skip
    expected = torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2).view(5, 2, 3, 8, 8)
    torch.testing.assert_close(shifted(x, 8, 0.0), expected)


def test_a_ramp_moves_and_stretches_within_what_was_asked():
    """Pictures whose value is the column: their middle tells the shift, their slope the stretch."""
    columns = (torch.arange(32.0) + 0.5) / 32
    ramps = columns.expand(200, 2, 3, 32, 32)
    torch.manual_seed(0)
    row = shifted(ramps, 32, 0.1)[:, 0, 0, 16]
    middle = 0.5 * (row[:, 15] + row[:, 16]) - 0.5
    slope = (row[:, 20] - row[:, 11]) / (columns[20] - columns[11])
    assert middle.abs().max() <= 0.1 + 1e-5
    assert middle.abs().max() > 0.08
    assert middle.min() < 0 < middle.max()
    assert (slope - 1).abs().max() <= 0.1 + 1e-4
    assert slope.max() > 1.08
    assert slope.min() < 0.92


def test_frames_of_a_set_move_together():
    same = torch.rand(4, 1, 3, 16, 16).expand(4, 3, 3, 16, 16)
    torch.manual_seed(1)
    moved = shifted(same, 16, 0.2)
    torch.testing.assert_close(moved[:, 0], moved[:, 2])
    assert (moved[0, 0] - same[0, 0]).abs().max() > 0.1


def test_equal_colours_stay_equal_and_others_differ(x):
    flat = torch.rand(40, 2, 3, 1, 4).repeat(1, 1, 1, 6, 1)
    torch.manual_seed(2)
    y = recoloured(flat)
    assert y.min() >= 0
    assert y.max() <= 1
    torch.testing.assert_close(y[..., 0, :], y[..., 5, :])
    assert ((y[..., 0, 0] - y[..., 0, 3]).abs().amax(dim=(1, 2)) > 1e-3).all()


def test_colours_of_a_set_say_little_of_what_they_were():
    torch.manual_seed(3)
    brightness = torch.rand(400)
    x = (brightness[:, None, None, None, None] + 0.3 * torch.rand(400, 2, 3, 8, 8)) / 1.3
    means = recoloured(x).mean(dim=(1, 2, 3, 4))
    correlation = np.corrcoef(means.numpy(), brightness.numpy())[0, 1]
    assert abs(correlation) < 0.15  # 3 standard errors


def test_frames_of_a_set_keep_their_differences():
    """One map for the set: what is brighter in one frame than in another stays apart from it."""
    x = torch.rand(1, 1, 3, 8, 8).expand(1, 2, 3, 8, 8)
    y = recoloured(x)
    torch.testing.assert_close(y[:, 0], y[:, 1])
