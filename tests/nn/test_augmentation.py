import cv2
import numpy as np
import pytest
import torch

from doorlab.nn.augmentation import edge_images, random_affine


@pytest.fixture
def x():
    return torch.rand(5, 2, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def test_random_affine_without_shift_averages_pixels(x):
    small = [cv2.resize(f.permute(1, 2, 0).numpy(), (8, 8), interpolation=cv2.INTER_AREA)
             for f in x.flatten(0, 1)]  # fmt: skip
    expected = torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2).view(5, 2, 3, 8, 8)
    torch.testing.assert_close(random_affine(x, 8, 0.0), expected)


def test_random_affine_shifts_and_scales_within_limits():
    """Images whose value is the column: their middle tells the shift, their slope the stretch."""
    columns = (torch.arange(32.0) + 0.5) / 32
    ramps = columns.expand(200, 2, 3, 32, 32)
    torch.manual_seed(0)
    row = random_affine(ramps, 32, 0.1)[:, 0, 0, 16]
    middle = 0.5 * (row[:, 15] + row[:, 16]) - 0.5
    slope = (row[:, 20] - row[:, 11]) / (columns[20] - columns[11])
    assert middle.abs().max() <= 0.1 + 1e-5
    assert middle.abs().max() > 0.08
    assert middle.min() < 0 < middle.max()
    assert (slope - 1).abs().max() <= 0.1 + 1e-4
    assert slope.max() > 1.08
    assert slope.min() < 0.92


def test_random_affine_moves_frames_of_set_together():
    same = torch.rand(4, 1, 3, 16, 16).expand(4, 3, 3, 16, 16)
    torch.manual_seed(1)
    moved = random_affine(same, 16, 0.2)
    torch.testing.assert_close(moved[:, 0], moved[:, 2])
    assert (moved[0, 0] - same[0, 0]).abs().max() > 0.1


def test_drawn_is_steepest_color_gradient_relative_to_mean(x):
    """Beside the gradient written out with NumPy, color by color."""
    images = x.numpy()
    right, down = np.zeros_like(images), np.zeros_like(images)
    right[..., :-1] = np.diff(images, axis=-1)
    down[..., :-1, :] = np.diff(images, axis=-2)
    steep = np.hypot(right, down).max(axis=2)
    white = 6.0 * steep.mean(axis=(1, 2, 3)) + 0.02
    expected = np.minimum(steep / white[:, None, None, None], 1.0)
    found = edge_images(x)
    for color in range(3):
        np.testing.assert_allclose(found[:, :, color], expected, atol=1e-3)


def test_drawn_is_invariant_to_colors():
    """Permuted, inverted and brightened colors leave the lines unchanged."""
    x = 0.2 + 0.6 * torch.rand(4, 2, 3, 16, 16)
    lines = edge_images(x)
    torch.testing.assert_close(edge_images(x[:, :, [2, 0, 1]]), lines)
    torch.testing.assert_close(edge_images(1.0 - x), lines)
    torch.testing.assert_close(edge_images(x + 0.2), lines, atol=1e-5, rtol=1e-4)


def test_drawn_of_flat_image_has_no_lines_and_finite_gradient():
    flat = torch.full((1, 2, 3, 8, 8), 0.4, requires_grad=True)
    lines = edge_images(flat)
    lines.sum().backward()
    assert lines.max() < 0.01
    assert torch.isfinite(flat.grad).all()
