"""Which probes there are, and that their samples are made of the right embeddings and answers."""

from __future__ import annotations

import numpy as np
import pytest

from doorlab.evaluation.probes import LATENTS, TARGETS, ProbeSpec, plan, sample_of


def test_plan_probes_every_target_on_both_latents():
    readings = plan([8], [1000])
    assert len(readings) == len(set(readings)) == 2 * len(TARGETS)
    assert sum(reading.own for reading in readings) == len(TARGETS)
    assert {r.latent for r in readings if r.target == "joint_angle" and r.own} == {"instance"}
    assert {r.latent for r in readings if r.target == "width" and r.own} == {"context"}


def test_plan_crosses_axes_at_eight_or_most_frames_without_repeats():
    crossing = {(r.frames, r.doors) for r in plan([1, 8, 16], [10, 30]) if not r.own}
    assert crossing == {(8, 30)}
    readings = plan([4, 1, 2], [100, 10, 10])
    assert len(readings) == len(set(readings))
    of_width = {(r.frames, r.doors) for r in readings if r.target == "width" and r.own}
    assert of_width == {(1, 100), (2, 100), (4, 100), (4, 10)}
    leaks = {(r.frames, r.doors) for r in readings if not r.own}
    assert leaks == {(4, 100)}
    assert len({reading.name for reading in readings}) == len(readings)


@pytest.fixture
def latents():
    rng = np.random.default_rng(0)
    return {"context": rng.normal(size=(5, 3)), "instance": rng.normal(size=(5, 2, 4))}


def test_sample_of_pairs_embeddings_and_values_by_latent(latents):
    widths, angles = np.arange(5.0), np.arange(15.0).reshape(5, 3)
    found = sample_of(ProbeSpec("width", "context", 2, 9), latents, widths)
    np.testing.assert_array_equal(found.embeddings, latents["context"])
    np.testing.assert_array_equal(found.values, widths)
    found = sample_of(ProbeSpec("width", "instance", 2, 9), latents, widths)
    np.testing.assert_array_equal(found.embeddings, latents["instance"])
    np.testing.assert_array_equal(found.values, np.stack([widths, widths], axis=1))
    found = sample_of(ProbeSpec("joint_angle", "instance", 2, 9), latents, angles)
    np.testing.assert_array_equal(found.embeddings, latents["instance"])
    np.testing.assert_array_equal(found.values, angles[:, :2])
    found = sample_of(ProbeSpec("joint_angle", "context", 2, 9), latents, angles)
    np.testing.assert_array_equal(found.values, angles[:, :2])
    for frame in range(2):
        np.testing.assert_array_equal(found.embeddings[:, frame], latents["context"])


@pytest.mark.parametrize("latent", LATENTS)
def test_sample_of_omits_doors_without_value(latents, latent):
    angles = np.arange(15.0).reshape(5, 3)
    angles[[1, 4]] = np.nan
    reading = ProbeSpec("joint_angle", latent, 2, 9)
    found = sample_of(reading, latents, angles)
    np.testing.assert_array_equal(found.values, angles[[0, 2, 3], :2])
    if latent == "instance":
        np.testing.assert_array_equal(found.embeddings, latents["instance"][[0, 2, 3]])
    assert sample_of(reading, latents, np.full((5, 3), np.nan)) is None
