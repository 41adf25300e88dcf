"""RankMe against closed forms."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from doorlab.objectives.rankme import rankme


def orthonormal(rows: int, columns: int, seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    return torch.from_numpy(np.linalg.qr(rng.standard_normal((columns, rows)))[0].T)


@pytest.mark.parametrize("shape", [(1, 8), (5, 8), (8, 8)])
def test_rankme_of_orthonormal_rows_is_their_number(shape):
    assert rankme(orthonormal(*shape).float()) == pytest.approx(shape[0], rel=1e-4)
    assert rankme(orthonormal(*shape).T.float()) == pytest.approx(shape[0], rel=1e-4)


def test_rankme_of_rank_one_is_one():
    matrix = torch.outer(torch.linspace(-1, 2, 20), torch.linspace(1, 3, 6))
    assert rankme(matrix) == pytest.approx(1.0, abs=1e-4)
    assert rankme(torch.zeros(4, 6)) == pytest.approx(1.0, abs=1e-4)


@given(arrays(float, 5, elements=st.floats(0.01, 10.0)), st.floats(0.01, 100.0))
def test_rankme_is_exponential_of_entropy_of_singular_values(values, scale):
    """For a matrix with given singular values, in any bases and units."""
    matrix = orthonormal(5, 12).T @ torch.diag(torch.from_numpy(values)) @ orthonormal(5, 7, seed=1)
    shares = values / values.sum()
    expected = math.exp(-sum(p * math.log(p) for p in shares))
    assert rankme(matrix) == pytest.approx(expected, rel=1e-4)
    assert rankme(scale * matrix) == pytest.approx(rankme(matrix))


def test_rankme_of_infinite_embedding_is_nan():
    assert math.isnan(rankme(torch.tensor([[1.0, math.inf]])))
