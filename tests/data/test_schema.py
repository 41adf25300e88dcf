import numpy as np

from doorlab.data.schema import ARRAYS, door_array
from doorlab.doors import doors_to_arrays, get_prior
from doorlab.doors.door import FIELDS
from doorlab.seeding import stream


def test_schema_matches_door_arrays():
    prior = get_prior("default")
    columns = doors_to_arrays([prior.sample(stream(0, i)) for i in range(3)])
    for field in FIELDS:
        spec = ARRAYS[door_array(field)]
        assert columns[field].dtype == spec.dtype
        assert columns[field].shape == spec.shape(doors=3, frames=9, interactions=9, image_size=9)


def test_schema_covers_every_door_field_with_door_axis_first():
    assert {name for name in ARRAYS if name.startswith("door/")} == {door_array(f) for f in FIELDS}
    assert all(spec.dims[0] == "door" for spec in ARRAYS.values())


def test_schema_shape_of_images_is_channels_last():
    assert ARRAYS["images"].shape(5, 4, 3, 16) == (5, 4, 16, 16, 3)
    assert np.dtype(ARRAYS["images"].dtype) == np.uint8
