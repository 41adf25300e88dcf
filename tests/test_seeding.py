import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from doorlab.seeding import integer_seed, stream

NAMES = st.lists(st.one_of(st.text(max_size=5), st.integers(0, 10**6)), max_size=3)


@given(st.integers(0, 2**63), NAMES)
def test_stream_is_independent_of_earlier_draws(seed, names):
    first = stream(seed, *names).random(3)
    stream(seed, "other").random(100)
    np.testing.assert_array_equal(first, stream(seed, *names).random(3))


@given(NAMES, NAMES)
@example(["a", "b"], ["a/str:b"])
@example(["a\\", "b"], ["a\\/str:b"])
def test_different_seed_paths_give_different_streams(a, b):
    same = integer_seed(0, *a) == integer_seed(0, *b)
    assert same == ([(type(x), x) for x in a] == [(type(x), x) for x in b])


def test_integer_seed_accepts_all_integer_types():
    assert integer_seed(0, "door", 3) == integer_seed(0, "door", np.int64(3))


def test_integer_seed_fits_63_bits():
    seeds = [integer_seed(0, i) for i in range(1000)]
    assert len(set(seeds)) == 1000
    assert min(seeds) >= 0
    assert 2**62 < max(seeds) < 2**63
