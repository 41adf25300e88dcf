import json
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.small_networks import TINY
from safetensors.torch import load_file

from doorlab.configs import updated
from doorlab.data import DoorDataset, GenerationConfig, write_dataset
from doorlab.errors import CheckpointError, ConfigError, DatasetError, ResultError
from doorlab.models.io import load_model
from doorlab.models.registry import ENCODERS
from doorlab.stages import pretrain

COARSE = replace(TINY, encoder_resolution=8)  # components of 192 numbers are found at once


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    config = GenerationConfig(
        doors=30, frames=4, interactions=0, image_size=32, prior="narrow",
        validation_fraction=0.2, test_fraction=0.2, videos=0,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("doors") / "dataset"
    write_dataset(path, config)
    return path


@pytest.fixture
def config(data, tmp_path):
    return updated(
        pretrain.Config(),
        model="statistician",
        data=data,
        out=tmp_path / "run",
        steps=12,
        batch_size=4,
        frames=3,
        architecture=TINY,
        device="cpu",
        checkpoint_every=4,
        log_every=4,
        validate_every=6,
    )


def weights(run):
    return load_file(run / "weights.safetensors")


def assert_same(a, b):
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_pretrain_is_independent_of_torch_settings(config, tmp_path):
    """The settings of the caller are unchanged as well."""
    pretrain.run(config)
    torch.manual_seed(5)
    before = torch.get_num_threads(), torch.get_rng_state()
    torch.set_default_dtype(torch.float64)
    try:
        with torch.inference_mode(), torch.autocast("cpu"), torch.device("meta"):
            pretrain.run(updated(config, out=tmp_path / "other"))
            untrained = updated(config, model="random_features", steps=0, out=tmp_path / "third")
            pretrain.run(updated(untrained, threads=before[0] + 1))
            assert torch.is_inference_mode_enabled()
            assert torch.get_default_device().type == "meta"
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.get_num_threads() == before[0]
    assert torch.equal(torch.get_rng_state(), before[1])
    assert_same(weights(config.out), weights(tmp_path / "other"))


@pytest.mark.parametrize("kind", ["pca", "random_features"])
def test_pretrain_runs_models_without_steps(config, kind):
    config = updated(config, model=kind, steps=0, architecture=COARSE)
    out = pretrain.run(config)
    assert sorted(p.name for p in out.iterdir()) == [
        "metrics.json", "model.json", "weights.safetensors",
    ]  # fmt: skip
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["metrics"]["steps"] == 0
    assert ("validation_reconstruction_mse" in metrics["metrics"]) == (kind == "pca")
    before = weights(out)
    pretrain.run(updated(config, resume=True))  # is done: nothing to do
    with pytest.raises(ResultError, match="--overwrite"):
        pretrain.run(config)
    assert_same(weights(pretrain.run(updated(config, overwrite=True))), before)
    with pytest.raises(ConfigError, match=f"no --steps for {kind}"):
        pretrain.run(updated(config, steps=5, overwrite=True))


def test_pretrain_fits_pca_to_training_doors_and_mirror_images(config):
    from sklearn.decomposition import PCA

    config = updated(config, model="pca", steps=0, architecture=COARSE)
    model = load_model(pretrain.run(config))
    dataset = DoorDataset.open(config.data)
    frames = dataset.read("images", dataset.indices("train")).reshape(-1, 32, 32, 3) / 255.0
    both = np.concatenate([frames, frames[:, :, ::-1]]).transpose(0, 3, 1, 2)
    both = both.reshape(-1, 3, 8, 4, 8, 4).mean(axis=(3, 5))  # at the working size
    expected = PCA(1).fit(both.reshape(len(both), -1)).components_[0]
    assert abs(expected @ model.components[0].numpy()) > 0.999


def test_pretrain_trains_supervised_model_with_labels(config):
    config = updated(config, model="supervised")
    metrics = json.loads((pretrain.run(config) / "metrics.json").read_text())
    assert {"categories", "numbers", "joint_angle"} <= metrics["history"]["validation"][0].keys()
    assert "validation_reconstruction_mse" not in metrics["metrics"]
    parts = updated(config, out=config.out.parent / "parts")
    pretrain.run(updated(parts, stop_after=6))
    pretrain.run(updated(parts, resume=True))
    assert_same(weights(parts.out), weights(config.out))


@pytest.mark.parametrize("kind", ["vae", "statistician", "autoencoder"])
def test_pretrain_writes_model_and_metrics(config, kind):
    out = pretrain.run(updated(config, model=kind))
    assert sorted(p.name for p in out.iterdir()) == [
        "metrics.json", "model.json", "tensorboard", "weights.safetensors",
    ]  # fmt: skip
    metrics = json.loads((out / "metrics.json").read_text())
    assert (metrics["stage"], metrics["model"], metrics["seed"]) == ("pretrain", kind, 0)
    assert metrics["dataset_checksum"] == DoorDataset.open(config.data).checksum
    assert metrics["provenance"]["simulator"] == "pybullet"
    assert [r["step"] for r in metrics["history"]["train"]] == [4, 8, 12]
    assert [r["step"] for r in metrics["history"]["validation"]] == [6, 12]
    assert all(1 <= r["rankme"] <= TINY.context_dim for r in metrics["history"]["validation"])
    figure = metrics["metrics"]["validation_reconstruction_mse"]
    assert figure["n"] == 6
    assert figure["ci95"][0] <= figure["mean"] <= figure["ci95"][1]
    model = load_model(out, expect=kind)
    images = DoorDataset.open(config.data).read("images")[:2]
    frames = torch.from_numpy(images).movedim(-1, 2) / 255
    assert model.reconstruct(frames).shape == frames.shape


def test_pretrain_resumes_bit_for_bit(config, tmp_path):
    pretrain.run(updated(config, out=tmp_path / "whole"))
    pretrain.run(updated(config, stop_after=6))
    assert not (config.out / "metrics.json").exists()
    pretrain.run(updated(config, resume=True))
    assert_same(weights(config.out), weights(tmp_path / "whole"))
    whole, parts = (
        json.loads((run / "metrics.json").read_text()) for run in (tmp_path / "whole", config.out)
    )
    assert parts["history"] == whole["history"]


@pytest.fixture(scope="module")
def long_run(data, tmp_path_factory):
    """Settings that leave time for signals, and the weights that they lead to."""
    config = updated(
        pretrain.Config(),
        model="vae",
        data=data,
        out=tmp_path_factory.mktemp("whole"),
        steps=60,
        batch_size=4,
        frames=3,
        device="cpu",
        checkpoint_every=5,
        architecture=replace(TINY, features=64),
    )
    return config, weights(pretrain.run(config))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_pretrain_command_survives_signals(long_run, tmp_path, number, signalled):
    """A process is started, killed or interrupted, and resumed."""
    config, expected = long_run
    config = updated(config, out=tmp_path)
    status, said = signalled("pretrain", config, number)
    if status != 0:  # otherwise it was faster than we are
        assert status == (-signal.SIGKILL if number == signal.SIGKILL else 130)
        assert number == signal.SIGKILL or b"Continue with --resume" in said
        assert not (tmp_path / "metrics.json").exists()
    assert_same(weights(pretrain.run(updated(config, resume=True))), expected)


def test_pretrain_protects_earlier_runs(config):
    pretrain.run(config)
    before = (config.out / "metrics.json").read_bytes()
    with pytest.raises(ResultError, match="--resume, or replace it with --overwrite"):
        pretrain.run(config)
    pretrain.run(updated(config, resume=True))  # is done: nothing to do
    with pytest.raises(ConfigError, match=r"--seed \(0 there, 1 here\)"):
        pretrain.run(updated(config, resume=True, seed=1))
    with pytest.raises(ConfigError, match="--frames"):  # a slip costs nothing
        pretrain.run(updated(config, overwrite=True, frames=99))
    assert (config.out / "metrics.json").read_bytes() == before
    pretrain.run(updated(config, overwrite=True, seed=1))
    assert json.loads((config.out / "metrics.json").read_text())["seed"] == 1


def test_pretrain_resumes_with_same_settings_only(config):
    pretrain.run(updated(config, stop_after=4))
    with pytest.raises(ResultError, match="one that was stopped"):
        pretrain.run(config)
    with pytest.raises(CheckpointError, match=r"--optim\.lr \("):
        pretrain.run(updated(config, resume=True, lr=0.5))


def test_pretrain_resumes_with_same_prior_ranges_only(config, tmp_path):
    path = tmp_path / "heavy.json"
    path.write_text('{"mass": [28.0, 30.0]}')
    config = updated(
        config, data=None, online=True, prior=str(path), image_size=32, sequence_length=3,
        steps=2, validation_doors=0,
    )  # fmt: skip
    pretrain.run(updated(config, stop_after=1))
    path.write_text('{"mass": [27.0, 30.0]}')
    with pytest.raises(CheckpointError, match=r"--stream.prior.mass \(\[28.* there, \[27.* here\)"):
        pretrain.run(updated(config, resume=True))
    path.write_text('{"mass": [28.0, 30.0]}')
    pretrain.run(updated(config, resume=True))


def resized(config, **sizes):
    architecture = replace(config.architecture, **sizes)
    return updated(config, architecture=architecture, overwrite=True)


def test_pretrain_keeps_earlier_run_on_invalid_architecture(config):
    pretrain.run(config)
    before = (config.out / "weights.safetensors").read_bytes()
    for wrong, words in (
        (
            {"encoder_resolution": 24},
            "an encoder resolution that divides the 32 pixels",
        ),
        ({"encoder_resolution": 0}, "--architecture.encoder-resolution as a whole number of 1"),
        ({"likelihood_std": -0.1}, "--architecture.likelihood-std as a finite number of 0"),
        ({"latent_samples": 0}, "--architecture.latent-samples as a whole number of 1"),
    ):
        with pytest.raises(ConfigError, match=words):
            pretrain.run(resized(config, **wrong))
    assert (config.out / "weights.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    "content",
    ["", "[", "[]", "{}", '{"stage": "pretrain", "config": {"steps": "x"}, "metrics": {}}'],
)
def test_pretrain_reports_unreadable_metrics_in_one_line(config, content):
    pretrain.run(config)
    (config.out / "metrics.json").write_text(content)
    with pytest.raises(ResultError, match=r"metrics\.json.*make it again") as caught:
        pretrain.run(updated(config, resume=True))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"model": "statistican"}, ConfigError, "Did you mean 'statistician'"),
        ({"preset": "huge"}, ConfigError, "a preset out of"),
        ({"batch_size": 0}, ConfigError, "--batch-size"),
        ({"batch_size": 3, "devices": 2}, ConfigError, "multiple of the 2 devices"),
        ({"frames": 5}, ConfigError, "--frames from 1 to the 4"),
        (
            {"model": "contrastive_statistician", "frames": 1},
            ConfigError,
            "--frames of 2 or more",
        ),
        ({"doors": 1000}, ConfigError, "at most the 18 training doors"),
        ({"doors": -1}, ConfigError, "--doors as a whole number of 0 or more"),
        ({"resume": True, "overwrite": True}, ConfigError, "Choose one"),
    ],
)
def test_pretrain_rejects_invalid_settings_in_one_line(config, changes, error, words):
    with pytest.raises(error, match=words) as caught:
        pretrain.run(updated(config, **changes))
    assert "\n" not in str(caught.value)
    assert not config.out.exists()


def test_pretrain_rejects_folder_without_dataset(config, tmp_path):
    with pytest.raises(DatasetError):
        pretrain.run(updated(config, data=tmp_path / "nowhere"))


def test_pretrain_rejects_missing_logger_library(config, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"the library trackio for --logger trackio.*doorlab\[tr"):
        pretrain.run(updated(config, logger="trackio"))
    assert not config.out.exists()


def test_pretrain_accepts_no_validation_doors(config):
    out = pretrain.run(updated(config, validation_doors=0))
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["history"]["validation"] == []


def test_pretrain_default_steps_are_equal_for_trained_models():
    for preset in pretrain.PRESETS:
        assert pretrain.PRESETS[preset].preset == preset
        budgets = {pretrain.default_steps(preset, model) for model in ENCODERS} - {0}
        assert len(budgets) == 1  # the same for all that learn in steps


@pytest.mark.parametrize("kind", ["statistician", "vae"])
def test_pretrain_fits_density_of_training_doors(config, kind, monkeypatch):
    monkeypatch.setattr("doorlab.learning.latent_density._FEWEST_DOORS", 10)
    run = pretrain.run(updated(config, model=kind))
    model = load_model(run)
    words = "fitted to 18 training doors and their mirror images"
    assert words in model.describe_sampling()
    monkeypatch.undo()  # 18 doors are too few
    pretrain.run(updated(config, model=kind, overwrite=True))
    assert load_model(run).latent_density is None
