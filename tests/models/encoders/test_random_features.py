import torch

from doorlab.models.encoders.random_features import RandomFeatures


def test_random_features_are_fixed_and_per_frame(small, frames):
    torch.manual_seed(0)
    model = RandomFeatures(32, small)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.fit(frames.split(2))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(p.requires_grad for p in model.parameters())
    of_frames = model.embed_frames(frames)
    assert of_frames.shape == (4, 3, small.features)
    torch.testing.assert_close(model.embed(frames), of_frames.mean(1))
    alone = model.embed_frames(frames[:, 1:2])
    torch.testing.assert_close(alone, of_frames[:, 1:2], atol=1e-5, rtol=1e-4)


def test_random_features_distinguish_images(small, frames):
    torch.manual_seed(0)
    features = RandomFeatures(32, small).embed_frames(frames).flatten(0, 1)
    assert torch.linalg.matrix_rank(features) > 5
