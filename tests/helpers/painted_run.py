"""A small run whose images say what the doors are, and models that read them.

The simulator paints a frame's red by the hinge's side, its green by the width, its blue by the
opening angle: what an embedding can know is known.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from doorlab import cli
from doorlab.data import GenerationConfig, write_dataset
from doorlab.doors import oracle_action
from doorlab.evaluation import trained_model
from doorlab.models.encoders.base import (
    FrameEmbeddingEncoder,
    Reconstructs,
    SamplesDoors,
    SamplesFrames,
)
from doorlab.sim import InteractionResult, RenderResult
from helpers import fork_server
from helpers.altered_runs import describe

SIZE = 16


class PaintedSimulator:
    """Images and rewards as simple functions of the door."""

    name = renderer = "painted"

    def render(self, doors, joint_positions, views, image_size, layers=None):
        angles = np.asarray(joint_positions)
        images = np.zeros((*angles.shape, image_size, image_size, 3))
        images[..., 0] = _spread([200 * (door.hinge_side == "right") for door in doors])
        images[..., 1] = _spread([200 * door.width for door in doors])
        images[..., 2] = 120 * angles[..., None, None]
        return RenderResult(images.round().astype(np.uint8))

    def interact(self, doors, actions, *, record=False):
        best = np.stack([oracle_action(door) for door in doors])[:, None]
        rewards = np.clip(1 - np.abs(actions - best).mean(-1), 0, 1).astype(np.float32)
        course = np.repeat(rewards[..., None], 8, axis=-1) if record else None
        steps = np.full(rewards.shape, 8, np.int32)
        return InteractionResult(rewards, rewards, rewards < 0.5, steps, course)

    def close(self):
        pass


def _spread(values) -> np.ndarray:
    return np.array(values, float)[:, None, None, None]


class Colors(FrameEmbeddingEncoder, Reconstructs, SamplesDoors):
    """An embedding that is the frames' mean color, in the channels that it can see."""

    def __init__(self, *channels: int) -> None:
        super().__init__()
        self.channels = list(channels)

    def embed_frames(self, x):
        return x.mean(dim=(3, 4))[..., self.channels]

    def reconstruct(self, x):
        seen = torch.zeros_like(x)
        seen[:, :, self.channels] = x[:, :, self.channels]
        return seen

    def sample(self, doors, frames, generator):
        return torch.rand(doors, frames, 3, 1, 1, generator=generator).expand(
            -1, -1, -1, SIZE, SIZE
        )


class Painter(Colors, SamplesFrames):
    """A statistician: c is red and green, z is blue, and images have the color (c, z)."""

    has_context = True

    def __init__(self) -> None:
        super().__init__(0, 1, 2)

    def embed(self, x):
        return x.mean(dim=(1, 3, 4))[:, :2]

    def embed_frames(self, x):
        return super().embed_frames(x)[..., 2:]

    def decode(self, c, z):
        shared = c[:, None].expand(-1, z.shape[1], -1)
        colors = torch.cat([shared, z], dim=-1)
        return colors[..., None, None].expand(*colors.shape, SIZE, SIZE)

    def new_frames(self, c, frames, generator):
        return self.decode(c, torch.rand(len(c), frames, 1, generator=generator))

    def sample(self, doors, frames, generator):
        return self.new_frames(torch.rand(doors, 2, generator=generator), frames, generator)


class RunningMean(Colors):
    """A reward model that predicts the mean of the rewards that it has seen, or else zero."""

    has_latent = False

    def predict(self, embedding, tried, at):
        assert tried.mask.dtype == torch.bool
        assert len(embedding) == len(tried.actions) == len(at)
        seen = (tried.rewards * tried.mask).sum(1) / tried.mask.sum(1).clamp(min=1)
        mean = seen[:, None].expand(at.shape[:2])
        law = torch.distributions.Normal(mean, 0.1)
        return SimpleNamespace(mean=mean, std=law.stddev, log_prob=law.log_prob)


MODELS = {
    "statistician": Painter(),
    "vae": Colors(1, 2),  # blind to red: to the hinge's side
    "ssnp": RunningMean(0, 1, 2),
}


@pytest.fixture(scope="session")
def painted_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 doors; not to be changed."""
    config = GenerationConfig(
        doors=120,
        frames=4,
        interactions=8,
        image_size=SIZE,
        simulator="painted",
        validation_fraction=0.2,
        test_fraction=0.4,
        videos=0,
    )
    path = tmp_path_factory.mktemp("painted") / "dataset"
    write_dataset(path, config, simulator=lambda name: PaintedSimulator())
    return path


@pytest.fixture
def few_doors(tmp_path: Path) -> Callable[[int, float | None], Path]:
    """Writes 20 doors, so many of them test doors, with one reward for all if it is given."""

    class Alike(PaintedSimulator):
        def __init__(self, reward: float) -> None:
            self.reward = reward

        def interact(self, doors, actions, *, record=False):
            found = super().interact(doors, actions, record=record)
            return replace(found, rewards=np.full_like(found.rewards, self.reward))

    def write(test_doors: int, reward: float | None) -> Path:
        config = GenerationConfig(
            doors=20, frames=4, interactions=8, image_size=SIZE, simulator="painted", videos=0,
            validation_fraction=0.05, test_fraction=test_doors / 20,
        )  # fmt: skip
        simulator = PaintedSimulator() if reward is None else Alike(reward)
        write_dataset(tmp_path / "few", config, simulator=lambda name: simulator)
        return tmp_path / "few"

    return write


@pytest.fixture
def painted_run(tmp_path: Path, painted_dataset: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run with the painted doors and three models."""
    run = tmp_path / "run"
    run.mkdir()
    (run / "dataset").symlink_to(painted_dataset)
    for stage, kind in (("pretrain", "statistician"), ("pretrain", "vae"), ("train", "ssnp")):
        folder = run / stage / kind
        folder.mkdir(parents=True)
        (folder / "weights.safetensors").write_bytes(kind.encode())  # nobody reads them
        describe(folder, kind=kind, image_size=SIZE)
    monkeypatch.setattr(trained_model, "load_model", lambda run: MODELS[Path(run).name])
    return run


def _run_stage(stage: str, config) -> None:
    cli.parse = lambda stage, name, args: config
    sys.exit(cli.main([stage]))


@pytest.fixture
def signalled(tmp_path_factory: pytest.TempPathFactory):
    """Starts a stage as a user does, and sends it a signal once there is a checkpoint.

    Returns its exit status and what it said on stderr.
    """

    streams = tmp_path_factory.mktemp("streams")

    def run(stage: str, config, number: int) -> tuple[int, bytes]:
        out, err = streams / "stdout", streams / "stderr"
        process = fork_server.start(_run_stage, stage, config, folder=streams, out=out, err=err)
        while not (config.out / "checkpoint.safetensors").exists():
            assert process.exitcode is None
            time.sleep(0.002)
        assert process.pid is not None
        os.kill(process.pid, number)
        process.join()
        assert process.exitcode is not None
        return process.exitcode, err.read_bytes()

    return run
