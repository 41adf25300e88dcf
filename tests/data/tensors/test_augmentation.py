"""Mirroring against the simulator: the same reward on the mirrored door."""

import dataclasses

import numpy as np
import pytest
import torch

from doorlab.data.tensors.augmentation import mirror_actions, mirror_interactions, random_mirror
from doorlab.doors import View, get_prior
from doorlab.nn.context_sets import InteractionSet, RewardBatch
from doorlab.seeding import stream
from doorlab.sim import make_simulator


@pytest.fixture(scope="module")
def simulator():
    simulator = make_simulator()
    yield simulator
    simulator.close()


def mirrored(door):
    return dataclasses.replace(
        door,
        hinge_side="left" if door.hinge_side == "right" else "right",
        latch_direction=-door.latch_direction,
        place=-door.place,
    )


def test_mirror_actions_keep_reward_on_mirrored_door(simulator):
    doors = [get_prior("default").sample(stream(0, i)) for i in range(30)]
    actions = stream(1).uniform(-1, 1, (30, 16, 4)).astype(np.float32)
    flipped = mirror_actions(torch.from_numpy(actions)).numpy()
    assert np.abs(flipped).max() <= 1
    there = simulator.interact(doors, actions).rewards
    here = simulator.interact([mirrored(d) for d in doors], flipped).rewards
    np.testing.assert_allclose(here, there, atol=1e-4)


def test_rendering_of_mirrored_door_is_mirrored_image(simulator):
    door = get_prior("narrow").sample(stream(0, 3))
    look = dataclasses.replace(door.appearance, light_direction=(0.0, -0.8, 0.6))
    door = dataclasses.replace(door, appearance=look)
    view = View((0.0, -3.0, 1.2), (0.0, 0.0, 1.05), 0.76)
    pair = simulator.render([door, mirrored(door)], np.full((2, 1), 0.8), [[view]] * 2, 128).images
    flipped = pair[0, 0, :, ::-1].astype(int)
    assert np.abs(flipped - pair[1, 0]).mean() < 0.3
    assert np.abs(pair[0, 0].astype(int) - pair[1, 0]).mean() > 3  # the doors do differ


def test_mirror_interactions_is_an_involution_on_selected_doors():
    generator = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.rand(*shape, generator=generator) * 2 - 1

    mask = torch.arange(3).expand(4, -1) < torch.tensor([[0], [1], [2], [3]])
    batch = RewardBatch(
        InteractionSet(draw(4, 3, 4) * mask[..., None], draw(4, 3), mask),
        draw(4, 5, 4),
        draw(4, 5),
        draw(4, 2, 3, 8, 8),
    )
    chosen = torch.tensor([True, False, True, False])
    once = mirror_interactions(batch, chosen)
    assert torch.equal(once.at_BTA[1], batch.at_BTA[1])
    assert not torch.equal(once.at_BTA[0], batch.at_BTA[0])
    assert torch.equal(once.x_BMCHW[0], batch.x_BMCHW[0].flip(-1))
    assert (once.context.actions[~mask] == 0).all()
    twice = mirror_interactions(once, chosen)
    torch.testing.assert_close(vars(twice.context), vars(batch.context))
    for name in ("at_BTA", "rt_BT", "x_BMCHW"):
        torch.testing.assert_close(getattr(twice, name), getattr(batch, name))


def test_random_mirror_flips_half_of_doors():
    x = torch.rand(400, 2, 3, 2, 4, generator=torch.Generator().manual_seed(0))
    found = random_mirror(x, torch.Generator().manual_seed(1))
    same = (found == x).flatten(1).all(dim=1)
    flipped = (found == x.flip(-1)).flatten(1).all(dim=1)
    assert (same ^ flipped).all()
    assert 150 < int(flipped.sum()) < 250
