"""Colors are distinguishable, labels do not overlap, and bytes are reproducible."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb

from doorlab.plots.style import (
    STYLES,
    new_figure,
    save_png,
    sort_models,
    spread_labels,
    style_of,
    text_color,
    to_png,
)

# Matrices of Machado, Oliveira and Fernandes (2009) for full deuteranopia and protanopia.
DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]
)
PROTANOPIA = np.array(
    [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ]
)


def linear(color: str) -> np.ndarray:
    channels = np.array(to_rgb(color))
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def test_policy_colors_are_distinguishable_by_color_blind_people():
    shown = ["ssnp", "np", "statistician_np", "vae_np", "gp_ucb", "random", "oracle"]
    shown += ["contrastive_ssnp", "attentive_ssnp", "attentive_np", "cnp"]
    shown += ["tnp", "tnp_ssnp", "statistician_tnp"]
    for matrix in (np.eye(3), DEUTERANOPIA, PROTANOPIA):
        seen = {
            name: np.cbrt(np.clip(matrix @ linear(style_of(name).color), 0, 1)) for name in shown
        }
        for a, b in itertools.combinations(shown, 2):
            different_line = style_of(a).line != style_of(b).line
            assert np.linalg.norm(seen[a] - seen[b]) > (0.05 if different_line else 0.1), (a, b)


def test_encoder_colors_are_distinguishable_by_color_blind_people():
    shown = ["statistician", "vae", "autoencoder", "pca", "random_features", "supervised"]
    for matrix in (np.eye(3), DEUTERANOPIA, PROTANOPIA):
        seen = {
            name: np.cbrt(np.clip(matrix @ linear(style_of(name).color), 0, 1)) for name in shown
        }
        for a, b in itertools.combinations(shown, 2):
            different_line = style_of(a).line != style_of(b).line
            assert np.linalg.norm(seen[a] - seen[b]) > (0.05 if different_line else 0.1), (a, b)


def test_style_markers_differ_and_encoder_keeps_color_as_policy():
    bases = ("vae", "statistician", "contrastive_statistician")
    others = [style for name, style in STYLES.items() if name not in bases]
    assert len({style.marker for style in others}) == len(others) == 23
    for base in bases:
        assert style_of(base).color == style_of(f"{base.removesuffix('_statistician')}_np").color


def test_text_colors_are_legible_on_white():
    for name in [*STYLES, "another_model"]:
        luminance = linear(text_color(name)) @ [0.2126, 0.7152, 0.0722]
        assert 1.05 / (luminance + 0.05) > 3.0, name  # WCAG's contrast for large text


def test_style_of_unknown_model_is_deterministic():
    assert style_of("my_model") == style_of("my_model")
    assert style_of("my_model").label == "my model"
    assert sort_models(["zebra", "random", "ssnp", "np"]) == ["ssnp", "np", "random", "zebra"]


def test_style_of_outside_policy_omits_module():
    assert style_of("barn:very_careful").label == "very careful"
    assert style_of("ssnp:barn:very_careful").label == "SSNP, very careful"
    assert style_of("ssnp:barn:very_careful").color == style_of("ssnp").color
    assert sort_models(["barn:careful", "random"]) == ["random", "barn:careful"]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_spread_labels_keep_order_distance_and_limits(positions):
    gap = 0.1
    placed = spread_labels(positions, gap, 0.0, 1.0)
    order = np.argsort(positions, kind="stable")
    assert all(np.diff(np.array(placed)[order]) >= gap - 1e-9)
    assert min(placed) >= -1e-9
    assert max(placed) <= 1 + 1e-9


def test_spread_labels_move_only_overlapping_labels():
    assert spread_labels([0.1, 0.9, 0.5], 0.1, 0.0, 1.0) == pytest.approx([0.1, 0.9, 0.5])
    np.testing.assert_allclose(spread_labels([0.5, 0.5], 0.1, 0.0, 1.0), [0.45, 0.55])


def test_save_png_is_deterministic_and_atomic(tmp_path):
    def draw():
        figure = new_figure(1.0)
        figure.subplots().plot([1, 2, 3])
        return figure

    assert to_png(draw()) == to_png(draw())
    save_png(draw(), tmp_path / "new" / "figure.png")
    assert (tmp_path / "new" / "figure.png").read_bytes() == to_png(draw())
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["figure.png"]


def test_style_of_model_variants_shares_color_and_order():
    ways = ["ssnp:cpp", "ssnp:thompson", "ssnp:ucb"]
    assert {style_of(way).color for way in ways} == {style_of("ssnp").color}
    assert len({(style_of(n).line, style_of(n).marker) for n in (*ways, "ssnp")}) == 4
    assert style_of("ssnp:ucb").label == "SSNP, UCB"
    assert sort_models(["random", "np", *ways, "ssnp"]) == ["ssnp", *ways, "np", "random"]


def test_shipped_weights_look_like_their_model_with_dashes():
    own, shipped = style_of("ssnp"), style_of("ssnp-narrow")
    assert shipped.label == "SSNP, shipped weights (narrow)"
    assert (shipped.color, shipped.marker) == (own.color, own.marker)
    assert shipped.line != own.line
    assert style_of("ssnp-narrow:ucb").label == "SSNP, shipped weights (narrow), UCB"
    names = ["random", "np", "ssnp-narrow:ucb", "ssnp-narrow", "ssnp"]
    assert sort_models(names) == ["ssnp", "ssnp-narrow", "ssnp-narrow:ucb", "np", "random"]
    assert style_of("my-model").label == "my-model"
