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


def settled(floor=1e-3, noise=0.0, training=False):
    whitening = Whitening(5)
    whitening.fit(embeddings(), floor, noise)
    return whitening.train(training)


def test_whitening_before_fit_is_identity():
    for training in (False, True):
        assert torch.equal(Whitening(5).train(training)(embeddings()), embeddings())


def test_whitening_without_floor_matches_whitened_pca():
    """Against scikit-learn's, which divides by n - 1."""
    components = PCA(whiten=True).fit_transform(embeddings().double().numpy())
    expected = torch.cdist(*[torch.from_numpy(components)] * 2) * (400 / 399) ** 0.5
    white = settled(0.0)(embeddings()).double()
    torch.testing.assert_close(torch.cdist(white, white), expected, rtol=5e-3, atol=1e-2)


@pytest.mark.parametrize("floor", [0.003, 0.01, 0.1])
def test_whitening_floor_shrinks_low_variance_directions(floor):
    """At the floor itself half of the variance of the others remains."""
    variances = PCA().fit(embeddings().double().numpy()).explained_variance_ratio_
    white = settled(floor)(embeddings()).double()
    left = torch.linalg.eigvalsh(white.T.cov(correction=0)).flip(0)
    expected = torch.from_numpy(variances / (variances + floor))
    torch.testing.assert_close(left, expected, rtol=1e-3, atol=1e-5)
    assert white.mean(dim=0).abs().max() < 1e-3


def test_whitening_keeps_axes():
    """Embeddings that are white already are only shifted."""
    turned, _, _ = torch.linalg.svd(torch.randn(50, 4) - 0.3, full_matrices=False)
    white = (turned - turned.mean(dim=0)) @ torch.linalg.inv(
        torch.linalg.cholesky(turned.T.cov(correction=0))
    ).T
    whitening = Whitening(4).eval()
    whitening.fit(white + 5.0, 0.0, 0.0)
    torch.testing.assert_close(whitening(white + 5.0), white, rtol=1e-3, atol=1e-3)


def test_whitening_noise_is_isotropic_and_in_training_only():
    x = embeddings(1).expand(20_000, 5)
    assert torch.equal(settled(noise=0.5)(x), settled()(x))
    torch.manual_seed(0)
    noise = settled(noise=0.5, training=True)(x) - settled()(x)
    torch.testing.assert_close(noise.T.cov(), 0.25 * torch.eye(5), rtol=0.03, atol=0.01)


def test_whitening_round_trips_through_state_dict():
    other = Whitening(5)
    other.load_state_dict(settled(noise=0.5).state_dict())
    assert torch.equal(other.eval()(embeddings()), settled()(embeddings()))
    assert other.noise == 0.5


def test_whitening_of_constant_embeddings_is_finite():
    whitening = Whitening(3)
    whitening.fit(torch.ones(4, 3), 0.01, 1.0)
    assert torch.isfinite(whitening(torch.ones(2, 3))).all()


def test_components_of_binary_factors_have_the_largest_scale():
    """Kurtosis 1 (binary), 1.8 (uniform), 3 (normal), 6 (Laplace): 1, 0.64, 0.09, 0.09."""
    generator = torch.Generator().manual_seed(0)
    count = 4000
    uniform = torch.rand(count, 4, generator=generator) * 2.0 - 1.0
    sources = torch.stack(
        [uniform[:, 0].sign(), uniform[:, 1], uniform[:, 2].erfinv(), uniform[:, 3].sign()
         * torch.rand(count, generator=generator).log()], dim=1,
    )  # fmt: skip
    mixing, _ = torch.linalg.qr(torch.randn(6, 6, generator=generator))
    values = sources @ mixing[:4] + 2.0
    whitening = Whitening(6).eval()
    whitening.fit_components(values, None, 1e-3, 0.3)
    white = whitening(values)
    scale = white.std(dim=0)
    expected = torch.tensor([1.0, 0.64, 0.09, 0.09, 0.0, 0.0])
    torch.testing.assert_close(scale, expected, rtol=0.1, atol=1e-3)
    both = torch.corrcoef(torch.cat([white[:, :2].T, sources[:, :2].T]))
    assert both[0, 2].abs() > 0.99
    assert both[1, 3].abs() > 0.99
    assert whitening.noise == pytest.approx(0.3)
