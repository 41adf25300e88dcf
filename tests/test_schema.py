import pytest

from doorlab.limits import at_least
from doorlab.schema import Each, Maybe, misfit

SCHEMA = {
    "name": str,
    "doors": at_least(1),
    "note?": Maybe(str),
    "policies": Each({"mean": at_least(0), "interval": (at_least(0), at_least(0))}),
    "tries": [at_least(0)],
    "config": dict,
}


def document(**changes):
    policies = {"random": {"mean": 3, "interval": [1, 4], "more": "x"}}
    whole = {"name": "a", "doors": 2, "policies": policies, "tries": [1, 2], "config": {}}
    return {**whole, **changes}


@pytest.mark.parametrize(
    "changes", [{}, {"note": None}, {"note": "x"}, {"other": 1}, {"policies": {}}, {"tries": []}]
)
def test_what_fits(changes):
    assert misfit(document(**changes), SCHEMA) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": 1}, "name as 1, not a text"),
        ({"doors": "2"}, "doors as '2', not a whole number of 1 or more"),
        ({"doors": [2]}, "doors as [2], not a whole number of 1 or more"),
        ({"note": 1}, "note as 1, not a text"),
        ({"policies": []}, "policies as [], not an object"),
        ({"policies": {"random": {}}}, "none of its policies.random.mean"),
        (
            {"policies": {"random": {"mean": 1, "interval": [1]}}},
            "policies.random.interval as [1], not an array of 2",
        ),
        (
            {"policies": {"random": {"mean": 1, "interval": [1, None]}}},
            "policies.random.interval[1] as None, not a whole number of 0 or more",
        ),
        ({"tries": [1, "x" * 99]}, f"tries[1] as '{'x' * 36}..., not a whole number of 0 or more"),
        ({"config": []}, "config as [], not an object"),
    ],
)
def test_the_first_thing_that_does_not_fit_is_named(changes, words):
    assert misfit(document(**changes), SCHEMA) == words


def test_what_is_absent_is_named():
    whole = document()
    del whole["doors"]
    assert misfit(whole, SCHEMA) == "none of its doors"
    assert misfit([], SCHEMA) == "all of it as [], not an object"
