import numpy as np
import torch

from doorlab.nn.actions import ACTION_FEATURES, action_features, distinct_actions


def test_action_features_distance_is_periodic_in_phi():
    """Squared distances: of phi, the chord of its angle; of the others, their own."""
    a, b = torch.rand(2, 3, 50, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1
    fa, fb = action_features(a), action_features(b)
    assert fa.shape == (3, 50, ACTION_FEATURES)
    away = (a - b).double().numpy()
    expected = 2 - 2 * np.cos(np.pi * away[..., 0]) + (away[..., 1:] ** 2).sum(-1)
    np.testing.assert_allclose((fa - fb).square().sum(-1), expected, atol=1e-5)


def test_distinct_actions_are_those_of_one_door_only_if_expanded_and_without_gradient():
    one = torch.rand(1, 5, 4, generator=torch.Generator().manual_seed(0))
    shared = one.expand(3, -1, -1)
    torch.testing.assert_close(distinct_actions(shared), one)
    assert distinct_actions(shared.clone()).shape == (3, 5, 4)
    assert distinct_actions(shared.clone().requires_grad_()).shape == (3, 5, 4)
    assert distinct_actions(shared.detach().requires_grad_()).shape == (3, 5, 4)
