"""Reward distributions, streamed doors, the wheel bandit and speeds against results/."""

from __future__ import annotations

from runpy import run_path
from typing import Any

import pytest
from helpers.markdown import (
    ROOT,
    assert_printed,
    assert_stated,
    interval,
    metrics,
    result,
    table,
    text_of,
)

# Reward distributions, streamed doors, the wheel


def test_reward_distribution_table_matches_results():
    shown, found = (
        table("docs/reward_models.md", head="head | squared error"),
        metrics("heads.json"),
    )
    for name, error, difference, likelihood in shown.rows:
        head = name.strip("`")
        assert_printed(error, found[f"labeled_400/{head}/reward_mse"]["mean"])
        for cell, metric in ((difference, "reward_mse"), (likelihood, "log_likelihood")):
            pair = found.get(f"labeled_400/{head} - soft_bernoulli/{metric}")
            assert_printed(cell, *(interval(pair) if pair else ()))
        for count in ("80", "400"):  # "differences in calibration are too small"
            pair = found.get(f"labeled_{count}/{head} - soft_bernoulli/calibration_error")
            assert pair is None or pair["ci95"][0] < 0 < pair["ci95"][1]


ONLINE = {
    "reconstruction MSE of the statistician": "reconstruction_mse",
    "reward MSE of SSNP after 0 interactions": "reward_mse_after_0",
    **{f"after {n}": f"reward_mse_after_{n}" for n in (1, 4, 10)},
}


def test_online_errors_match_results():
    shown, found = table("docs/pretraining.md", head="on test doors"), metrics("online.json")
    rows = {name: cells for name, *cells in shown.rows}
    smaller = []
    for name, metric in ONLINE.items():
        dataset, streamed, difference = rows[name]
        assert_printed(dataset, found[f"dataset/{metric}"]["mean"])
        assert_printed(streamed, found[f"online/{metric}"]["mean"])
        assert_printed(difference, *interval(found[f"online - dataset/{metric}"]))
        smaller.append(-100 * found[f"online - dataset/{metric}"]["mean"]
                       / found[f"dataset/{metric}"]["mean"])  # fmt: skip
    runs = result("online.json")["runs"]
    seconds = {name: [run[model]["processor_seconds"] for model in ("statistician", "ssnp")]
               for name, run in runs.items()}  # fmt: skip
    dataset, streamed, ratios = rows["processor time: statistician, SSNP"]
    assert_printed(dataset, *seconds["dataset"])
    assert_printed(streamed, *seconds["online"])
    more = [b / a for a, b in zip(seconds["dataset"], seconds["online"], strict=True)]
    assert_printed(ratios, *more)
    seen = [runs["online"][model]["doors_seen"] for model in ("statistician", "ssnp")]
    assert_printed(rows["doors seen: statistician, SSNP"][1], *seen)
    waits = [100 * _waiting(runs["online"][model]) for model in ("ssnp", "statistician")]
    for sentence, values in {
        "is 2 % smaller": smaller[:1],
        "are 3 to 11 % smaller": (min(smaller[1:]), max(smaller[1:])),
        "take 1.4 to 2.1 times the processor time": more,
        "SSNP waits for doors in 0.6 % of its time": waits[:1],
        "The statistician waits in 24 %": waits[1:],
    }.items():
        assert_stated("docs/pretraining.md", sentence, *values)


def _waiting(run: dict[str, Any]) -> float:
    (share,) = (value for key, value in run.items() if key.startswith(("waiting_", "data_wait")))
    return share


def test_wheel_bandit_numbers_match_results():
    short, long = metrics("wheel.json"), metrics("wheel_80000.json")
    percent = [entry["regret_percent"]["mean"] for entry in short.values()]
    published = list(result("wheel.json")["published_percent"].values())
    (entry,) = long.values()
    for sentence, values in {
        "it has 6.2, 9.0, 28, 60 and 101 %": percent,
        "(published: 0.95, 1.60, 4.65, 9.56 and 49.63)": published,
        "0.80 % of the regret": (entry["regret_percent"]["mean"],),
    }.items():
        assert_stated("docs/departures.md", sentence, *values)


def test_speeds_of_images_on_disk_match_results():
    found = metrics("on_disk.json")
    batches, training = found["on_disk_vs_memory"], found["pretrain_on_disk_vs_memory"]
    for sentence, estimate in {
        "0.147 times as fast from disk as from memory (0.134 to 0.160)": batches,
        "it is 0.995 times as fast (0.972 to 1.028) as in memory": training,
    }.items():
        assert_stated("docs/pretraining.md", sentence, *interval(estimate))


# Speeds


make_tables = run_path(str(ROOT / "scripts" / "make_tables.py"))


def test_tables_are_written_from_present_results():
    """`python scripts/make_tables.py` writes them again."""
    pages = {page for page, *_ in make_tables["TABLES"].values()}
    named = [name for page in pages for _, name, *_ in make_tables["BLOCK"].findall(_page(page))]
    assert sorted(named) == sorted(make_tables["TABLES"])
    for page in pages:
        assert make_tables["updated"](_page(page)) == _page(page), page


def _page(name: str) -> str:
    return text_of(f"docs/{name}")


def test_tables_print_significant_digits_of_means_and_intervals():
    """The interval has the decimals of the mean; one unit has no interval."""
    printed = make_tables["printed"]
    assert printed({"mean": 1445.1, "ci95": [1294.8, 1557.1], "n": 7}) == "1,450 [1,290, 1,560]"
    assert printed({"mean": 0.4669, "ci95": [0.3993, 1.5], "n": 7}) == "0.467 [0.399, 1.500]"
    assert printed({"mean": 46.53, "ci95": [46.53, 46.53], "n": 1}) == "46.5"
    assert printed({"mean": 0.0, "ci95": [0.0, 0.0], "n": 1}) == "0.00"
    assert printed(28.64, 2) == "29"


@pytest.mark.parametrize(
    ("file", "head"),
    [
        ("docs/performance.md", "measurement | name in the file | value"),
        ("docs/simulation.md", "measurement ([result file](../results/bench.json))"),
    ],
)
def test_speed_tables_match_results(file, head):
    """Their names in the file stand beside them."""
    shown, found = table(file, head=head), metrics("bench.json")
    for _, name, value in shown.rows:
        estimate = found[name.strip("`")]
        values = [estimate["mean"]] if estimate["n"] == 1 else interval(estimate)
        assert_printed(value, *values)


def test_time_step_errors_match_results():
    shown, found = table("docs/simulation.md", head="steps per second"), metrics("bench.json")
    for steps, error, within in shown.rows:
        hertz = steps.strip("*")
        assert_printed(error, *interval(found[f"reward_error_{hertz}_hz"]))
        assert_printed(within, 100 * found[f"reward_within_0.01_{hertz}_hz"]["mean"])
