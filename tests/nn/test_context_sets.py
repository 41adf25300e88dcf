import torch

from doorlab.nn.context_sets import InteractionSet


def test_interaction_set_first_limits_mask():
    mask = torch.tensor([[True, True, True], [True, False, True]])
    tried = InteractionSet(torch.rand(2, 3, 4), torch.rand(2, 3), mask)
    assert tried.first(2).mask.tolist() == [[True, True, False], [True, False, False]]
    assert not tried.first(0).mask.any()
    assert torch.equal(tried.first(9).mask, mask)
    assert tried.first(2).actions is tried.actions


def test_interaction_set_nothing_matches_shape_and_dtype():
    actions = torch.rand(5, 7, 4, dtype=torch.float64)
    none = InteractionSet.nothing(actions)
    assert none.actions.shape == (5, 0, 4)
    assert none.rewards.shape == none.mask.shape == (5, 0)
    assert none.rewards.dtype == torch.float64
    assert none.mask.dtype == torch.bool
