import pytest
import torch

from doorlab.errors import ConfigError
from doorlab.nn.images import FrameDecoder, FrameEncoder, Shrink, check_image_size


@pytest.mark.parametrize("size", [32, 64, 128])
def test_frame_encoder_and_decoder_accept_any_leading_axes(size):
    encoder, decoder = FrameEncoder(size, (4, 8), 10), FrameDecoder(size, (6, 4, 4), 10)
    features = encoder(torch.rand(2, 3, 3, size, size))
    assert features.shape == (2, 3, 10)
    images = decoder(features)
    assert images.shape == (2, 3, 3, size, size)
    assert images.min() > 0
    assert images.max() < 1


def test_frame_encoder_encodes_frames_independently():
    torch.manual_seed(0)
    encoder, x = FrameEncoder(32, (4, 8), 5), torch.rand(2, 4, 3, 32, 32)
    alone = torch.stack(
        [torch.stack([encoder(x[b, m][None])[0] for m in range(4)]) for b in (0, 1)]
    )
    torch.testing.assert_close(encoder(x), alone, atol=1e-5, rtol=1e-4)


def test_frame_encoder_averages_larger_images():
    """An image and its enlargement by repetition look the same to the encoder."""
    torch.manual_seed(0)
    small = FrameEncoder(32, (4, 8), 5)
    large = FrameEncoder(64, (4, 8), 5)
    large.load_state_dict(small.state_dict())
    x = torch.rand(3, 3, 32, 32)
    enlarged = x.repeat_interleave(2, -1).repeat_interleave(2, -2)
    torch.testing.assert_close(large(enlarged), small(x), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("factor", [1, 2, 3, 4])
def test_shrink_averages_squares_of_pixels(factor):
    x = torch.rand(2, 3, 8 * factor, 8 * factor)
    expected = 2 * torch.nn.functional.avg_pool2d(x, factor) - 1
    torch.testing.assert_close(Shrink(8)(x), expected)


def test_frame_encoder_and_decoder_use_every_pixel():
    torch.manual_seed(0)
    encoder, decoder = FrameEncoder(32, (8, 8), 16), FrameDecoder(32, (8, 8, 8), 16)
    x = torch.rand(1, 3, 32, 32, requires_grad=True)
    encoder(x).square().sum().backward()
    assert (x.grad != 0).float().mean() > 0.95
    drawn = decoder(torch.randn(64, 16))
    assert (drawn.std(0) > 1e-4).all()


def test_frame_encoder_keeps_variance_of_images():
    torch.manual_seed(0)
    features = FrameEncoder(64, (24, 48, 64), 128)(torch.rand(64, 1, 3, 64, 64).round())
    assert features.std(0).mean() > 0.05


@pytest.mark.parametrize("size", [0, 16, 33, 50])
def test_check_image_size_rejects_other_sizes(size):
    with pytest.raises(ConfigError, match="multiple of 32"):
        check_image_size(size)


def test_shrink_averages_blocks_and_centers():
    x = torch.rand(2, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    blocks = x.reshape(2, 3, 4, 3, 4, 3).mean(dim=(3, 5))
    torch.testing.assert_close(Shrink(4)(x), 2 * blocks - 1)
    torch.testing.assert_close(Shrink(12)(x), 2 * x - 1)
