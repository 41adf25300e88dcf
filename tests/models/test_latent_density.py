"""Fitted densities against the closed-form moments of mixtures, and their file."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from doorlab.errors import CheckpointError, ConfigError
from doorlab.models.io import load_model, save_model, weights_checksum
from doorlab.models.latent_density import (
    LatentDensity,
    fewest_components,
    fit_latent_density,
    load_latent_density,
    save_latent_density,
)
from doorlab.models.registry import build_model
from doorlab.run_layout import LATENT_DENSITY_FILE

WEIGHTS = np.array([0.2, 0.3, 0.5])
MEANS = np.array([[0.0, 3.0], [2.0, -2.0], [-3.0, 0.0]])
SCALES = np.array([[[0.5, 0.0], [0.3, 0.2]], [[0.2, 0.0], [0.0, 0.6]], [[0.4, 0.0], [-0.4, 0.3]]])
KNOWN = LatentDensity("c", 1120, True, WEIGHTS, MEANS, SCALES)


def moments():
    """Mean and covariance of the known mixture: law of total variance."""
    mean = WEIGHTS @ MEANS
    within = np.einsum("k,kij,klj->il", WEIGHTS, SCALES, SCALES)
    between = (WEIGHTS[:, None] * (MEANS - mean)).T @ (MEANS - mean)
    return mean, within + between


def drawn(count, seed=0):
    """Samples of the known mixture, with NumPy."""
    rng = np.random.default_rng(seed)
    of = rng.choice(3, size=count, p=WEIGHTS)
    noise = rng.normal(size=(count, 2))
    return (MEANS[of] + np.einsum("nij,nj->ni", SCALES[of], noise)).astype(np.float32)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def assert_known_moments(samples):
    mean, covariance = moments()
    np.testing.assert_allclose(samples.mean(axis=0), mean, atol=0.05)
    np.testing.assert_allclose(np.cov(samples.T), covariance, atol=0.12)


def test_latent_density_samples_have_moments_of_mixture():
    samples = KNOWN.sample(torch.zeros(100, 200, 2), generator())
    assert samples.dtype == torch.float32
    assert_known_moments(samples.reshape(-1, 2).numpy())


@pytest.mark.parametrize("held_out", [0, 500])
def test_fit_recovers_mixture(held_out):
    """With held-out latents, and with BIC."""
    found = fit_latent_density("c", 3000, drawn(3000), drawn(held_out, seed=1))
    assert 3 <= len(found.weights) <= 10
    assert found.weights.sum() == pytest.approx(1.0)
    assert_known_moments(found.sample(torch.zeros(20_000, 2), generator()).numpy())


@pytest.mark.parametrize("held_out", [0, 2000])
def test_fit_chooses_one_component_for_gaussian(held_out):
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(5000, 3)) * [1.0, 0.1, 3.0] + [0.0, 5.0, 1.0]
    found = fit_latent_density("z", 5000, normal[: 5000 - held_out], normal[5000 - held_out :])
    assert str(found) == "a Gaussian fitted to 5,000 training doors"
    np.testing.assert_allclose(found.means[0], [0.0, 5.0, 1.0], atol=0.1)
    floor = 1e-3 * (1.0 + 0.01 + 9.0) / 3  # added to the variances
    expected = np.sqrt(np.array([1.0, 0.01, 9.0]) + floor)
    np.testing.assert_allclose(np.diag(found.scales[0]), expected, rtol=0.05)


def test_latent_density_samples_are_deterministic_given_generator():
    like = torch.zeros(5, 4, 2)
    first, again, other = (KNOWN.sample(like, generator(s)) for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_fit_is_deterministic_given_seed():
    values = drawn(200)
    first, again = (fit_latent_density("c", 200, values, values[:0], seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.means, again.means)
    np.testing.assert_array_equal(first.scales, again.scales)


def test_fit_accepts_equal_latents():
    found = fit_latent_density("c", 30, np.ones((30, 4)), np.ones((20, 4)))
    samples = found.sample(torch.zeros(10, 4), generator())
    np.testing.assert_allclose(samples.numpy(), 1.0, atol=0.1)


def test_component_choice_prefers_fewest_within_standard_error():
    best = np.array([1.0, 2.0, 3.0, 4.0])
    noise = np.array([1.0, -1.0, 1.0, -1.0])  # standard error 1 / 2
    assert fewest_components([best - 2.0, best - 0.49 + noise, best]) == 1
    assert fewest_components([best - 2.0, best - 0.51 + noise, best]) == 2
    assert fewest_components([best, best - 1.0]) == 0


@pytest.mark.parametrize("values", [np.ones((1, 2)), np.array([[0.0, 1.0], [np.nan, 1.0]])])
def test_fit_rejects_bad_latents(values):
    with pytest.raises(ConfigError, match="finite latents of two or more doors"):
        fit_latent_density("c", 2, values, values)


def test_description_names_mixture():
    expected = "a mixture of 3 Gaussians fitted to 1,120 training doors and their mirror images"
    assert str(KNOWN) == expected


def test_latent_density_loads_with_its_weights_only(tmp_path):
    assert load_latent_density(tmp_path, "blake2b:1") is None
    save_latent_density(tmp_path, KNOWN, "blake2b:1")
    found = load_latent_density(tmp_path, "blake2b:1")
    assert found is not None
    assert (found.latent, found.doors, found.mirrored) == ("c", 1120, True)
    for name in ("weights", "means", "scales"):
        np.testing.assert_array_equal(getattr(found, name), getattr(KNOWN, name))
    with pytest.raises(CheckpointError, match="for the model's weights, but got a file for others"):
        load_latent_density(tmp_path, "blake2b:2")


@pytest.mark.parametrize("place", [10, 300, -10])
def test_load_latent_density_rejects_damaged_file(tmp_path, place):
    save_latent_density(tmp_path, KNOWN, "blake2b:1")
    data = bytearray((tmp_path / LATENT_DENSITY_FILE).read_bytes())
    data[place] ^= 64
    (tmp_path / LATENT_DENSITY_FILE).write_bytes(data)
    with pytest.raises(CheckpointError, match="remove the file to sample from the prior") as error:
        load_latent_density(tmp_path, "blake2b:1")
    assert "\n" not in str(error.value)


def narrow(latent, size):
    """A density of one point."""
    point = np.linspace(-1.0, 1.0, size)
    return LatentDensity(latent, 40, False, np.ones(1), point[None], np.zeros((1, size, size)))


@pytest.fixture(params=["vae", "statistician", "contrastive_statistician"])
def run(request, tmp_path, small):
    """The folder of an untrained model that samples doors."""
    torch.manual_seed(0)
    model = build_model(request.param, 32, small)
    save_model(tmp_path, model, request.param, 32, small)
    return tmp_path


def test_model_without_file_samples_from_prior(run):
    model = load_model(run)
    assert model.latent_density is None
    assert f"{model.density_latent} from the prior N(0, 1)" in model.describe_sampling()
    fitted, prior = (model.sample(3, 2, generator(), fitted=f) for f in (True, False))
    assert torch.equal(fitted, prior)
    like = torch.zeros(3, model.embedding_dim)
    assert torch.equal(
        model.sample_latent(like, generator()), torch.randn(like.shape, generator=generator())
    )


def test_model_samples_from_density_beside_weights(run):
    bare = load_model(run)
    density = narrow(bare.density_latent, bare.embedding_dim)
    save_latent_density(run, density, weights_checksum(run))
    model = load_model(run)
    assert str(density) in model.describe_sampling()
    like = torch.zeros(2, 3, bare.embedding_dim)
    expected = torch.from_numpy(density.means[0]).float().expand_as(like)
    torch.testing.assert_close(model.sample_latent(like, generator()), expected)
    prior = model.sample(3, 2, generator(), fitted=False)
    assert torch.equal(prior, bare.sample(3, 2, generator()))
    assert not torch.equal(model.sample(3, 2, generator()), prior)


def test_statistician_samples_are_frames_of_sampled_doors(tmp_path, small):
    model = build_model("statistician", 32, small)
    model.latent_density = density = narrow("c", small.context_dim)
    mine, theirs = generator(), generator()
    found = model.sample(3, 2, mine)
    c = density.sample(torch.zeros(3, small.context_dim), theirs)
    torch.testing.assert_close(found, model.new_frames(c, 2, theirs))
    assert model.describe_sampling().endswith("training doors, z from p(z | c)")


def test_load_model_rejects_damaged_density(run):
    (run / LATENT_DENSITY_FILE).write_bytes(b"no density")
    with pytest.raises(CheckpointError, match=r"intact latent density .*, but got a damaged one"):
        load_model(run)
