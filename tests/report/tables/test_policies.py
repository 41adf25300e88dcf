"""The terminal's table against the result file."""

from __future__ import annotations

import json

import pytest
from rich.console import Console

from doorlab.errors import ResultError
from doorlab.report.tables.policies import regret_table


def test_regret_table_has_every_policy_in_order(run_folder):
    path = run_folder / "bandit" / "regret.json"
    console = Console(width=120, force_terminal=False)
    with console.capture() as capture:
        console.print(regret_table(path))
    text = capture.get()
    assert "40 held-out doors, 6 interactions each" in text
    policies = json.loads(path.read_text())["policies"]
    labels = ["SSNP", "NP", "VAE + NP", "GP-UCB", "random", "oracle"]
    lines = [next(x for x in text.splitlines() if f" {label} " in x) for label in labels]
    assert lines == sorted(lines, key=text.index)
    for name, line in zip(
        ("ssnp", "np", "vae_np", "gp_ucb", "random", "oracle"), lines, strict=True
    ):
        low, high = policies[name]["mean_regret"]["ci95"]
        assert f"{policies[name]['mean_regret']['mean']:.3f}" in line
        assert f"{low:.3f} to {high:.3f}" in line


def test_regret_table_rejects_result_of_other_stage(run_folder):
    with pytest.raises(ResultError, match="doorlab bandit"):
        regret_table(run_folder / "probe" / "probes.json")
