import pytest

from doorlab.limits import at_least
from doorlab.storage.json_schema import Checked, Each, Maybe, OneOf, Text, misfit

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
def test_misfit_is_none_for_valid_document(changes):
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
def test_misfit_names_first_invalid_value(changes, words):
    assert misfit(document(**changes), SCHEMA) == words


def test_misfit_names_missing_key():
    whole = document()
    del whole["doors"]
    assert misfit(whole, SCHEMA) == "none of its doors"
    assert misfit([], SCHEMA) == "the document as [], not an object"


@pytest.mark.parametrize(
    ("value", "schema", "words"),
    [
        ("a b", Text("[a-z]+", "a word"), "x as 'a b', not a word"),
        (1, Text("[a-z]+", "a word"), "x as 1, not a word"),
        (1, OneOf(True, None, "yes"), "x as 1, not one of True, None, 'yes'"),
        ([], OneOf(True, None, "yes"), "x as [], not one of True, None, 'yes'"),
        ({}, Each(str, least=1), "x as {}, not an object of 1 or more"),
        ({"a1": "b"}, Each(str, Text("[a-z]", "a letter")), "a key of x as 'a1', not a letter"),
        ([2, 1], Checked([at_least(0)], lambda v: v and "not in order"), "x: not in order"),
        ([-1], Checked([at_least(0)], lambda v: v and "not in order"), "x[0] as -1, not a whole"),
    ],
)
def test_misfit_describes_texts_choices_keys_and_checks(value, schema, words):
    found = misfit(value, schema, "x")
    assert found is not None
    assert found.startswith(words)


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        ("abc", Text("[a-z]+", "a word")),
        (True, OneOf(True, None, "yes")),
        ({"a": "b"}, Each(str, Text("[a-z]", "a letter"), least=1)),
        ([1, 2], Checked([at_least(0)], lambda v: None)),
    ],
)
def test_misfit_accepts_texts_choices_keys_and_checks(value, schema):
    assert misfit(value, schema) is None
