"""Priors by name, by import path and from JSON files of ranges."""

import dataclasses
import json
import sys

import pytest

from doorlab.doors import PRIORS, DoorPrior, get_prior
from doorlab.doors.priors import prior_label, recorded_ranges
from doorlab.errors import ConfigError


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module barn_doors on the Python path."""
    (tmp_path / "barn_doors.py").write_text(
        "from doorlab.doors import DoorPrior\n"
        "PRIOR = DoorPrior(mass=(28.0, 30.0))\n"
        "WORD = 'narrow'\n"
        "class Correlated(DoorPrior):\n    pass\n"
        "DERIVED = Correlated()\n"
    )
    (tmp_path / "barn_refused.py").write_text(
        "from doorlab.doors import DoorPrior\nPRIOR = DoorPrior(mass=(30.0, 28.0))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for name in ("barn_doors", "barn_refused"):
        sys.modules.pop(name, None)


@pytest.fixture
def write(tmp_path):
    """Writes a JSON file; returns its path as typed."""

    def _write(content):
        path = tmp_path / "barn.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    return _write


def test_get_prior_imports_prior(module):
    assert get_prior("barn_doors:PRIOR") == DoorPrior(mass=(28.0, 30.0))


def test_get_prior_reads_ranges_over_default_prior(write):
    path = write({"mass": [28, 30], "handle_types": ["bar"], "locked_probability": 0.5})
    expected = DoorPrior(mass=(28.0, 30.0), handle_types=("bar",), locked_probability=0.5)
    assert get_prior(path) == expected


def test_get_prior_reads_ranges_over_named_base(write):
    path = write({"base": "wild", "mass": [28, 30]})
    assert get_prior(path) == dataclasses.replace(PRIORS["wild"], mass=(28.0, 30.0))


def test_get_prior_reads_ranges_over_imported_base(write, module):
    path = write({"base": "barn_doors:PRIOR", "pull_probability": 0.0})
    assert get_prior(path) == DoorPrior(mass=(28.0, 30.0), pull_probability=0.0)


@pytest.mark.parametrize("name", PRIORS)
def test_get_prior_round_trips_prior(write, name):
    assert get_prior(write(dataclasses.asdict(PRIORS[name]))) == PRIORS[name]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "Expected JSON in .*barn.json, but got Expecting"),
        ("[1]", "Expected a JSON object in .*barn.json, but got list"),
        ('{"mass": [28, NaN]}', "got the number NaN"),
        ({"mas": [28, 30]}, r"a field of a prior out of .* in .*barn.json, .* mean 'mass'"),
        ({"mass": 28}, "ranges of a prior, in .*barn.json, but got mass as 28, not an array of 2"),
        ({"mass": [0, 30]}, "mass of a prior to be a number from 1e-06 .*barn.json, but got 0"),
        ({"pull_probability": True}, "got pull_probability as True, not a number"),
        ({"randomize_appearance": 1}, "got randomize_appearance as 1, not true or false"),
        ({"handle_types": []}, "handle_types of a prior to be one or more of .*barn.json"),
        ({"mass": [30, 28]}, "low <= high in mass of a prior, in .*barn.json"),
        ({"mass": [28, 10**400]}, r"got mass\[1\] as 100.*, not a number from"),
        ({"handle_types": ["bar", 3]}, r"got handle_types\[1\] as 3, not one of 'lever'"),
        ({"base": "narow"}, "a prior out of .* in .*barn.json, .* mean 'narrow'"),
        ({"base": ["narrow"]}, r"got base as \['narrow'\], not a text"),
        ({"base": "other.json"}, "a prior out of .* in .*barn.json, but got 'other.json'"),
    ],
)
def test_get_prior_rejects_invalid_file_in_one_sentence(write, content, message):
    with pytest.raises(ConfigError, match=message) as caught:
        get_prior(write(content))
    assert "\n" not in str(caught.value)


def test_get_prior_names_unreadable_file(tmp_path):
    with pytest.raises(
        ConfigError, match=r"a file .*none\.json, but got none. Check the path, or wri"
    ):
        get_prior(str(tmp_path / "none.json"))
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(ConfigError, match=r"a file .*folder\.json, but got a folder"):
        get_prior(str(tmp_path / "folder.json"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("barn_door:PRIOR", "a module barn_door for the prior barn_door:PRIOR, but got none"),
        ("barn_doors:PRIORS", "PRIORS in the module barn_doors .*, but got none"),
        (
            "barn_doors:WORD",
            r"a DoorPrior \(of no derived class\) as the prior barn_doors:WORD, .* the type str",
        ),
        ("barn_doors:DERIVED", "no derived class.*, but got an object of the type Correlated"),
        ("barn_refused:PRIOR", "low <= high in mass of a prior"),
    ],
)
def test_get_prior_rejects_invalid_import_path_in_one_sentence(module, name, message):
    with pytest.raises(ConfigError, match=message):
        get_prior(name)


def test_recorded_ranges_are_of_outside_priors_only(write):
    assert recorded_ranges("narrow", PRIORS["narrow"]) is None
    path = write({"mass": [28, 30]})
    ranges = recorded_ranges(path, get_prior(path))
    assert ranges is not None
    assert get_prior(write(ranges)) == DoorPrior(mass=(28.0, 30.0))


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("narrow", "narrow"),
        ("barn_doors:PRIOR", "barn_doors.PRIOR"),
        ("../priors/old barn.json", "old_barn"),
        ("/priors/....json", "prior"),
        ("..", "prior"),
    ],
)
def test_prior_label_is_one_part_of_path(name, label):
    assert prior_label(name) == label
