"""The tables of the diagnosis hold the figures of the result file, each in its place."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest

from doorlab.report.tables.diagnosis import evidence_table, likeness_table


@pytest.fixture
def result(run_folder):
    return json.loads((run_folder / "diagnose" / "diagnosis.json").read_text())


def rows_of(markup):
    """First cell -> the others, as text."""

    def text(cell):
        return " ".join(unescape(re.sub(r"<[^>]+>", "", cell)).replace("\u00a0", " ").split())

    rows = [
        [text(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)]
        for row in re.findall(r"<tr>(.*?)</tr>", markup)
    ]
    return {row[0]: row[1:] for row in rows}


def written(estimate, digits):
    low, high = estimate["ci95"]
    return f"{estimate['mean']:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def test_evidence_table_holds_errors_bounds_and_active_latents(result):
    rows = rows_of(evidence_table(result))
    for name, label in (("vae", "VAE"), ("statistician", "statistician")):
        found = result["diagnosis"][name]
        assert rows[label][0] == written(found["reconstruction_mse"], 4)
        assert rows[label][1] == written(found["elbo"], 3)
        assert rows[label][2] == written(found["importance_bound"], 3)
        assert rows[label][3] == written(found["importance_bound_bits"], 3)
    assert rows["VAE"][4] == "35 of 36 z"
    assert rows["statistician"][4] == "31 of 32 c, 3 of 4 z"
    difference = result["metrics"]["differences"]["statistician - vae"]["elbo"]
    assert rows["statistician minus VAE"][1] == written(difference, 3)
    assert "uses 24 samples" in evidence_table(result)
    assert "standard deviation 0.1" in evidence_table(result)


def test_evidence_table_counts_active_latents_per_layer(result):
    found = result["diagnosis"]["statistician"]
    found["kl"] = {"c": [1.0] * 6, "z_layer_2": [1.0] * 2, "z_layer_1": [1.0] * 2}
    found["active_units"] = {"c": 5, "z_layer_2": 2, "z_layer_1": 0}
    rows = rows_of(evidence_table(result))
    assert rows["statistician"][4] == "5 of 6 c, 2 of 2 z layer 2, 0 of 2 z layer 1"


def test_evidence_table_marks_best_values(result):
    bold = re.findall(r'class="best">([\d.]+)<', evidence_table(result))
    best = result["diagnosis"]["statistician"]  # lowest error and bits, highest bounds
    assert bold == [
        f"{best['reconstruction_mse']['mean']:.4f}",
        f"{best['elbo']['mean']:.3f}",
        f"{best['importance_bound']['mean']:.3f}",
        f"{best['importance_bound_bits']['mean']:.3f}",
    ]


def test_likeness_table_compares_models_with_real_frames(result):
    rows = rows_of(likeness_table(result))
    assert len(rows) == 1 + 1 + 2 + 3
    for name, scores in (
        ("real frames of other doors", result["reference"]),
        ("VAE: sampled doors", result["diagnosis"]["vae"]["two_sample"]["samples"]),
        (
            "statistician: new frames of given doors",
            result["diagnosis"]["statistician"]["two_sample"]["new_frames"],
        ),
    ):
        assert rows[name] == [
            written(scores["content"]["accuracy"], 2),
            written(scores["content"]["mmd2"], 3),
            written(scores["texture"]["accuracy"], 2),
            written(scores["texture"]["mmd2"], 3),
        ]


def test_likeness_table_names_density_of_samples(result):
    words = "VAE: z from a mixture of 3 Gaussians"
    assert words in likeness_table(result)
    del result["diagnosis"]["vae"]["sampling"]
    assert words not in likeness_table(result)


def test_evidence_table_has_dashes_for_model_without_likelihood(result):
    found = result["diagnosis"]
    found["pca"] = {"reconstruction_mse": found["vae"]["reconstruction_mse"], "two_sample": {}}
    assert rows_of(evidence_table(result))["PCA"][1:] == ["\u2013"] * 4
