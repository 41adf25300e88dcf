import numpy as np
import pytest
import torch

from doorlab.benchmarks import time_to_claim
from doorlab.models.architecture import Architecture
from doorlab.models.encoders.statistician import NeuralStatistician
from doorlab.stages import bench

SMALL = Architecture(encoder_channels=(4, 4), decoder_channels=(4, 4, 4), features=8)


@pytest.fixture
def small(monkeypatch):
    """Sizes with which both recipes take seconds."""
    sizes = {"_DOORS": 40, "_FRAMES": 3, "_BATCH": 4, "_PROBE_EVERY": 2}
    for name, value in sizes.items():
        monkeypatch.setattr(time_to_claim, name, value)
    recipes = {
        name: time_to_claim.Recipe(SMALL, 1e-3, steps)
        for name, steps in (("present", 4), ("earlier", 6))
    }
    monkeypatch.setattr(time_to_claim, "RECIPES", recipes)


def test_time_to_claim_trains_until_claim_or_last_step(small, monkeypatch):
    probed = []

    def probe(model, splits):
        probed.append(model)
        reached = len(probed) == 2  # at the second probe of the present recipe
        return dict.fromkeys(time_to_claim.CLAIM, 1.0 if reached else 0.0)

    monkeypatch.setattr(time_to_claim, "probe", probe)
    found = time_to_claim.study(1)
    assert len(probed) == 2 + 3
    assert found["time_to_claim_reached"] == 1.0
    assert found["earlier_time_to_claim_reached"] == 0.0
    ratio = found["earlier_time_to_claim_s"] / found["time_to_claim_s"]
    assert found["earlier_vs_present_time_to_claim"] == pytest.approx(ratio)
    assert found["time_to_claim_s"] > 0


def test_probe_reads_each_target_from_its_latent(monkeypatch):
    """Images whose embeddings are set: c encodes the door, z the angle of a frame."""
    monkeypatch.setattr(time_to_claim, "_FRAMES", 3)
    rng = np.random.default_rng(0)

    def split(doors):
        side, swing = rng.integers(2, size=(2, doors))
        angle = rng.uniform(0, 1, (doors, 3))
        images = np.zeros((doors, 3, 2, 2, 3), np.uint8)
        images[:, :, 0, 0] = np.stack(np.broadcast_arrays(
            255 * side[:, None], 255 * swing[:, None], np.round(255 * angle)
        ), axis=-1)  # fmt: skip
        return images, {"handedness": side, "swing": swing, "joint_angle": angle}

    class Model(NeuralStatistician):
        def __init__(self):
            torch.nn.Module.__init__(self)

        def embed(self, x):
            return x[:, 0, :2, 0, 0]

        def embed_frames(self, x):
            return x[:, :, 2:, 0, 0]

    splits = {name: split(60) for name in ("train", "validation", "test")}
    scores = time_to_claim.probe(Model(), splits)
    assert scores["handedness"] == scores["swing"] == 1.0
    assert scores["joint_angle"] > 0.999


def test_bench_runs_long_benchmarks_only_by_name(monkeypatch, capsys):
    ran = []
    found = {name: lambda rounds, n=name: ran.append(n) or {n: 1.5} for name in bench.BENCHMARKS}
    monkeypatch.setattr(bench, "BENCHMARKS", found)
    bench.run(bench.Config())
    assert set(ran) == set(found) - {"time_to_claim"}
    ran.clear()
    bench.run(bench.Config(only=("time_to_claim",)))
    assert ran == ["time_to_claim"]
    assert "1.5" in capsys.readouterr().out
