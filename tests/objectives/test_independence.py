import numpy as np
import pytest
import torch

from doorlab.objectives.independence import dependence


def test_against_the_sum_over_pairs():
    z = torch.randn(3, 4, 2, generator=torch.Generator().manual_seed(0))
    flat = z.reshape(12, 2).double().numpy()
    door = np.repeat(np.arange(3), 4)
    same, different = [], []
    for i in range(12):
        for j in range(12):
            square = ((flat[i] - flat[j]) ** 2).sum()
            value = sum(np.exp(-square / (2 * v)) for v in (0.25, 1.0, 4.0))
            if i != j:
                (same if door[i] == door[j] else different).append(value)
    assert float(dependence(z)) == pytest.approx(np.mean(same) - np.mean(different), abs=1e-5)


def test_no_bias_where_the_latents_say_nothing_of_the_door():
    generator = torch.Generator().manual_seed(1)
    found = torch.stack([dependence(torch.randn(8, 4, 2, generator=generator)) for _ in range(400)])
    assert abs(float(found.mean())) < 4 * float(found.std()) / 20


@pytest.mark.parametrize("said", ["mean", "spread", "sign"])
def test_whatever_they_say_is_noticed(said):
    """A mean per door; a spread per door, with the same mean; a place in one of two lobes."""
    generator = torch.Generator().manual_seed(2)
    z = torch.randn(64, 8, 1, generator=generator)
    kind = torch.arange(64).remainder(2).view(64, 1, 1)
    if said == "mean":
        z = z + 2.0 * kind
    elif said == "spread":
        z = z * (0.3 + kind)
    else:
        z = z.abs() * (2 * kind - 1)
    assert float(dependence(z)) > 0.1


@pytest.mark.parametrize("shape", [(1, 5, 2), (4, 1, 2)])
def test_nothing_to_compare(shape):
    assert float(dependence(torch.randn(shape))) == 0.0
