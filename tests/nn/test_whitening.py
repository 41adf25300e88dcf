import pytest
import torch
from sklearn.decomposition import PCA

from doorlab.nn.whitening import Whitening

SPREADS = torch.tensor([3.0, 1.0, 0.5, 0.01, 0.001])


def embeddings(count=400):
    """Five directions, turned, of which two hardly matter."""
    generator = torch.Generator().manual_seed(0)
    turned, _ = torch.linalg.qr(torch.randn(5, 5, generator=generator))
    return torch.randn(count, 5, generator=generator) * SPREADS @ turned.T + 7.0


def settled(share=0.999, noise=0.0, training=False):
    whitening = Whitening(5)
    whitening.settle(embeddings(), share, noise)
    return whitening.train(training)


def test_until_it_is_settled_it_changes_nothing():
    for training in (False, True):
        assert torch.equal(Whitening(5).train(training)(embeddings()), embeddings())


@pytest.mark.parametrize(("share", "kept"), [(0.8, 1), (0.95, 2), (0.999, 3), (1.0, 5)])
def test_distances_are_those_of_principal_components(share, kept):
    """Against scikit-learn's, as large as if no direction had been left out."""
    components = PCA(kept, whiten=True).fit_transform(embeddings().double().numpy())
    expected = torch.cdist(*[torch.from_numpy(components)] * 2) * (5 / kept) ** 0.5
    white = settled(share)(embeddings()).double()
    # scikit-learn divides by n - 1.
    torch.testing.assert_close(
        torch.cdist(white, white), expected * (400 / 399) ** 0.5, rtol=2e-3, atol=5e-3
    )


def test_it_is_centred_and_of_unit_size_on_average():
    white = settled()(embeddings())
    assert white.mean(dim=0).abs().max() < 1e-3
    assert white.square().mean().item() == pytest.approx(1.0, abs=1e-3)


def test_noise_is_added_in_training_alone_and_where_doors_differ():
    x = embeddings(1).expand(20_000, 5)
    assert torch.equal(settled(noise=0.5)(x), settled()(x))
    torch.manual_seed(0)
    noise = settled(noise=0.5, training=True)(x) - settled()(x)
    spreads = torch.linalg.eigvalsh(noise.T.cov()).sqrt()
    # As much of the spread of the embeddings, which is 1 on average over all five directions.
    expected = torch.tensor([0.0, 0.0, *[0.5 * (5 / 3) ** 0.5] * 3])
    torch.testing.assert_close(spreads, expected, rtol=0.03, atol=1e-3)


def test_it_is_kept_with_the_weights():
    other = Whitening(5)
    other.load_state_dict(settled(noise=0.5).state_dict())
    assert torch.equal(other.eval()(embeddings()), settled()(embeddings()))


def test_embeddings_that_are_all_the_same_stay_finite():
    whitening = Whitening(3)
    whitening.settle(torch.ones(4, 3), 0.97, 1.0)
    assert torch.isfinite(whitening(torch.ones(2, 3))).all()
