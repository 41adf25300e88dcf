import pytest

from doorlab.doors import View, door_from_arrays, doors_to_arrays, get_prior
from doorlab.errors import DatasetError
from doorlab.seeding import stream


def test_a_door_read_back_is_the_door_that_was_written():
    doors = [get_prior("default").sample(stream(5, i)) for i in range(30)]
    columns = doors_to_arrays(doors)
    assert [door_from_arrays(columns, i) for i in range(30)] == doors


def test_a_missing_field_is_named():
    columns = doors_to_arrays([get_prior("default").sample(stream(0))])
    del columns["mass"]
    with pytest.raises(DatasetError, match="none for mass"):
        door_from_arrays(columns, 0)


def test_views_round_trip():
    prior = get_prior("default")
    view = prior.sample_view(stream(0), prior.sample(stream(1)))
    assert View.from_array(view.to_array()) == view
