import pytest

from doorlab.doors import View, door_from_arrays, doors_to_arrays, get_prior
from doorlab.errors import DatasetError
from doorlab.seeding import stream


def test_door_arrays_round_trip():
    doors = [get_prior("default").sample(stream(5, i)) for i in range(30)]
    columns = doors_to_arrays(doors)
    assert [door_from_arrays(columns, i) for i in range(30)] == doors


def test_door_from_arrays_names_missing_field():
    columns = doors_to_arrays([get_prior("default").sample(stream(0))])
    del columns["mass"]
    with pytest.raises(DatasetError, match="none for mass"):
        door_from_arrays(columns, 0)


def test_view_round_trips_through_array():
    prior = get_prior("default")
    view = prior.sample_view(stream(0), prior.sample(stream(1)))
    assert View.from_array(view.to_array()) == view
