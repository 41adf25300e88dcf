import numpy as np
import pytest

from doorlab.data.lerobot.statistics import histogram, image_statistics, vector_statistics

SHARES = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}


@pytest.mark.parametrize("size", [1, 2, 7])
def test_image_statistics_match_numpy_on_all_pixels(size):
    images = np.random.default_rng(size).integers(0, 256, (3, size, size, 3), np.uint8)
    images[..., 2] = 77
    found = image_statistics(histogram(images), 3)
    pixels = images.reshape(-1, 3) / 255
    wanted = {k: np.quantile(pixels, share, axis=0) for k, share in SHARES.items()}
    for name in ("min", "max", "mean", "std"):
        wanted[name] = getattr(pixels, name)(axis=0)
    assert found.pop("count") == [3]
    assert set(found) == set(wanted)
    for name, values in wanted.items():
        assert np.shape(found[name]) == (3, 1, 1)
        np.testing.assert_allclose(np.ravel(found[name]), values, atol=1e-12, err_msg=name)


def test_vector_statistics_are_lists_of_numbers():
    found = vector_statistics(np.array([[True], [False], [True]]))
    assert found["mean"] == [pytest.approx(2 / 3)]
    assert (found["min"], found["max"], found["count"]) == ([0.0], [1.0], [3])
