"""Fresh doors against PyBullet on the same doors, and against datasets of the same prior."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from doorlab.data.sources.simulation import GenerationConfig, make_shard
from doorlab.data.tensors import stream
from doorlab.data.tensors.stream import DoorStream, StreamConfig, StreamSpec
from doorlab.doors import View, door_from_arrays
from doorlab.errors import ConfigError
from doorlab.sim import make_simulator

CONFIG = StreamConfig(prior="wild", image_size=16, sequence_length=4)
SEED = 3
WANTED = StreamSpec("look", doors=6, frames=3, interactions=5)


def assert_same(a, b):
    for name, value in vars(a).items():
        assert torch.equal(value.nan_to_num(-1), getattr(b, name).nan_to_num(-1)), name


def concatenated(parts):
    return {name: torch.cat([getattr(p, name) for p in parts]) for name in vars(parts[0])}


@pytest.mark.parametrize("name", ["default", "wild"])
def test_door_stream_matches_pybullet(name, monkeypatch):
    """The sampled doors and cameras are captured, so that their pairing is tested as well."""
    seen = {}

    def spy(function):
        def spying(*args):
            seen[function.__name__] = function(*args)
            return seen[function.__name__]

        return spying

    for function in (stream.sample_doors_batched, stream.sample_view_columns):
        monkeypatch.setattr(stream, function.__name__, spy(function))
    config = replace(CONFIG, prior=name, image_size=48)
    drawn = concatenated(DoorStream(config, SEED).draw(replace(WANTED, doors=8), range(2, 4)))
    doors = [door_from_arrays(seen["sample_doors_batched"], i) for i in range(16)]
    views = [[View.from_array(v) for v in row] for row in seen["sample_view_columns"]]
    simulator = make_simulator("pybullet")
    rendered = simulator.render(doors, drawn["joint_position"].numpy(), views, 48)
    expected = torch.from_numpy(rendered.images).movedim(-1, 2)
    assert (drawn["images"].float() - expected.float()).abs().mean() < 0.1
    rewards = simulator.interact(doors, drawn["actions"].numpy()).rewards
    simulator.close()
    np.testing.assert_allclose(drawn["rewards"].numpy(), rewards, atol=0.01)
    assert rewards.max() > 0.05
    limits = seen["sample_doors_batched"]["opening_limit"][:, None]
    assert (drawn["joint_position"].numpy() <= limits.astype(np.float32)).all()


def test_door_stream_step_depends_on_its_number_only():
    doors = DoorStream(CONFIG, SEED)
    many = doors.draw(WANTED, range(5))
    for step, part in enumerate(doors.draw(WANTED, range(3, 5)), 3):
        assert_same(part, many[step])
    assert_same(DoorStream(CONFIG, SEED).draw(WANTED, range(1, 2))[0], many[1])


def test_door_stream_partitions_doors_among_processes():
    whole = DoorStream(CONFIG, SEED).draw(WANTED, range(2))
    shares = [
        DoorStream(CONFIG, SEED).draw(replace(WANTED, process=n, processes=3), range(2))
        for n in range(3)
    ]
    for step in range(2):
        parts = concatenated([share[step] for share in shares])
        assert len(parts["images"]) == 6
        for name, value in parts.items():
            assert torch.equal(value.nan_to_num(-1), getattr(whole[step], name).nan_to_num(-1))


def test_door_stream_never_repeats_doors():
    doors = DoorStream(CONFIG, SEED)
    parts = doors.draw(WANTED, range(3)) + doors.draw(replace(WANTED, name="try"), range(3))
    parts += DoorStream(CONFIG, 4).draw(WANTED, range(3))
    found = concatenated(parts)
    for name in ("images", "actions"):
        rows = found[name].flatten(1)
        assert len(torch.unique(rows, dim=0)) == len(rows) == 54
    assert torch.equal(found["indices"][:18], torch.arange(18))
    assert found["optimal_reward"].isnan().all()


def test_door_stream_accepts_no_steps_and_no_interactions():
    doors = DoorStream(CONFIG, SEED)
    assert doors.draw(WANTED, range(4, 4)) == []
    (part,) = doors.draw(replace(WANTED, interactions=0), range(1))
    assert part.rewards.shape == (6, 0)
    assert part.actions.shape == (6, 0, 4)


def test_door_stream_is_independent_of_chunk_size(monkeypatch):
    whole = DoorStream(CONFIG, SEED).draw(WANTED, range(2))
    # Constants: no stream of a test fills a chunk.
    monkeypatch.setattr(stream, "_CHUNK_PIXELS", 5 * 16**2)
    monkeypatch.setattr(stream, "_CHUNK_INTERACTIONS", 12)
    for a, b in zip(whole, DoorStream(CONFIG, SEED).draw(WANTED, range(2)), strict=True):
        assert_same(a, b)


@pytest.fixture(scope="module")
def both():
    """300 doors of a dataset with 4 frames each, and 300 streamed ones with 2 of 4."""
    simulator = make_simulator("torch")
    config = GenerationConfig(
        doors=300, frames=4, interactions=8, image_size=16, prior="default", simulator="torch"
    )
    recorded = make_shard(config, 0, 300, simulator)
    drawn = DoorStream(replace(CONFIG, prior="default"), SEED).draw(
        StreamSpec("look", doors=300, frames=2, interactions=8), range(1)
    )
    return recorded, drawn[0]


def test_door_stream_has_distribution_of_dataset(both):
    """Two-sample tests of marginals on independently sampled doors."""
    recorded, drawn = both
    pixels = drawn.images.movedim(2, -1).numpy()
    pairs = {
        "joint position": (recorded["joint_position"][:, 1:], drawn.joint_position[:, 0]),
        "brightness": (recorded["images"][:, 1].mean((1, 2, 3)), pixels[:, 0].mean((1, 2, 3))),
        "contrast": (recorded["images"][:, 1].std((1, 2, 3)), pixels[:, 0].std((1, 2, 3))),
        "reward": (recorded["rewards"].mean(1), drawn.rewards.mean(1)),
        "best reward": (recorded["rewards"].max(1), drawn.rewards.amax(1)),
        **{
            f"action {n} {kind}": (recorded["actions"][:, j, n], drawn.actions[:, j, n])
            for n in range(4)
            for kind, j in (("uniform", 4), ("plausible", 5))
        },
    }
    for name, (a, b) in pairs.items():
        b = np.asarray(b).ravel()
        a = np.asarray(a).ravel()
        if name == "joint position":  # shut frames are counted below
            a, b = a[a > 0], b[b > 0]
        assert stats.ks_2samp(a, b).pvalue > 1e-3, name


def test_door_stream_has_as_many_closed_frames_as_sequence(both):
    """One frame in four of a sequence is closed; half of all pairs of frames contain it."""
    shut = (both[1].joint_position == 0).sum(1)
    assert set(shut.tolist()) == {0, 1}
    assert shut.float().mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(300))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"prior": "narow"}, "Did you mean 'narrow'"),
        ({"image_size": 4}, "--stream.image-size as a whole number from 8"),
        ({"sequence_length": 0}, "--stream.sequence-length as a whole number of 1 or more"),
    ],
)
def test_door_stream_rejects_invalid_config(changes, words):
    with pytest.raises(ConfigError, match=words):
        replace(CONFIG, **changes)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_door_stream_is_equal_on_gpu():
    cpu, gpu = (
        DoorStream(CONFIG, SEED, device).draw(WANTED, range(1))[0] for device in ("cpu", "cuda")
    )
    assert torch.equal(gpu.actions.cpu(), cpu.actions)
    assert (gpu.images.cpu().float() - cpu.images.float()).abs().mean() < 0.1
    torch.testing.assert_close(gpu.rewards.cpu(), cpu.rewards, atol=0.01, rtol=0)


def test_door_stream_draws_from_json_file_of_ranges(tmp_path):
    (tmp_path / "wild.json").write_text('{"base": "wild"}')
    config = replace(CONFIG, prior=str(tmp_path / "wild.json"))
    (drawn,) = DoorStream(config, SEED).draw(WANTED, range(1))
    (expected,) = DoorStream(CONFIG, SEED).draw(WANTED, range(1))
    assert_same(drawn, expected)
