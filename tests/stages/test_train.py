import json
import math
import shutil
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.altered_runs import damage, describe_otherwise, train_again
from helpers.small_networks import TINY
from safetensors.torch import load_file

from doorlab.configs import updated
from doorlab.data import DoorDataset, GenerationConfig, write_dataset
from doorlab.data.tensors.batches import DoorData
from doorlab.errors import CheckpointError, ConfigError, TrainingError
from doorlab.evaluation.reward_metrics import mean_error
from doorlab.learning.phases import recorded_phases
from doorlab.models.io import load_model
from doorlab.models.registry import REWARD_MODELS, reward_model_spec
from doorlab.nn.context_sets import InteractionSet
from doorlab.stages import pretrain, train
from doorlab.training.checkpoint import load_checkpoint


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    config = GenerationConfig(
        doors=30, frames=4, interactions=8, image_size=32, prior="narrow",
        action_mix="plausible", validation_fraction=0.2, test_fraction=0.2, videos=0,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("doors") / "dataset"
    write_dataset(path, config)
    return path


@pytest.fixture
def config(data, tmp_path):
    return updated(
        train.Config(),
        model="ssnp",
        data=data,
        out=tmp_path / "run",
        steps=8,
        batch_size=4,
        frames=3,
        num_labeled=10,
        unlabeled_batch_size=4,
        context=3,
        targets=5,
        architecture=TINY,
        device="cpu",
        checkpoint_every=3,
        log_every=4,
        validate_every=4,
    )


@pytest.fixture(scope="module")
def pretrained(data, tmp_path_factory):
    """Runs of the models that others stand on."""
    folder = tmp_path_factory.mktemp("pretrained")
    for kind in {reward_model_spec(name).frozen_encoder for name in REWARD_MODELS} - {None}:
        config = updated(
            pretrain.Config(),
            model=kind,
            data=data,
            out=folder / kind,
            steps=3,
            batch_size=4,
            frames=3,
            architecture=TINY,
            device="cpu",
        )
        pretrain.run(config)
    return folder


def with_base(config, kind, pretrained):
    base = reward_model_spec(kind).frozen_encoder
    return updated(config, model=kind, pretrained=pretrained / base if base else None)


@pytest.mark.parametrize("kind", sorted(REWARD_MODELS))
def test_train_writes_model_and_metrics(config, pretrained, kind):
    out = train.run(with_base(config, kind, pretrained))
    metrics = json.loads((out / "metrics.json").read_text())
    assert (metrics["stage"], metrics["model"]) == ("train", kind)
    assert metrics["metrics"]["labeled_doors"] == 10
    spec = reward_model_spec(kind)
    assert metrics["metrics"]["frame_doors"] == (18 if spec.learns_from_unlabeled else 10)
    figure = metrics["metrics"]["validation_reward_mse_after_0"]
    assert figure["n"] == 6
    assert 0 < figure["mean"] < 1
    assert [r["step"] for r in metrics["history"]["train"]] == [4, 8]
    looked = [] if spec.frozen_encoder else [3]  # when the encoder phase ends
    assert [r["step"] for r in metrics["history"]["validation"]] == [*looked, 4, 8]
    dataset = DoorDataset.open(config.data)
    frames = torch.from_numpy(dataset.read("images")[:2]).movedim(-1, 2) / 255
    model = load_model(out, expect=kind)
    at = torch.zeros(2, 7, 4)
    said = model.predict_from_frames(frames, InteractionSet.nothing(at), at)
    assert said.mean.shape == (2, 7)


@pytest.mark.parametrize("kind", ["ssnp", "np", "vae_np", "contrastive_ssnp"])
def test_train_resumes_bit_for_bit(config, pretrained, tmp_path, kind):
    config = with_base(config, kind, pretrained)
    if kind == "contrastive_ssnp":
        config = updated(config, pretrained=pretrained / "contrastive_statistician")
    train.run(updated(config, out=tmp_path / "whole"))
    train.run(updated(config, stop_after=4))
    torch.manual_seed(77)
    train.run(updated(config, resume=True))
    a, b = (load_file(run / "weights.safetensors") for run in (tmp_path / "whole", config.out))
    assert all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("kind", [n for n in REWARD_MODELS if reward_model_spec(n).joint])
def test_train_joint_model_starts_from_pretrained_encoder(config, pretrained, tmp_path, kind):
    """Without encoder steps it is unchanged; with them it is trained further."""
    run = pretrained / str(reward_model_spec(kind).pretrained)
    config = updated(config, model=kind, pretrained=run)
    was = load_file(run / "weights.safetensors")
    same = {}
    for looking in (0.0, 1.0):
        out = train.run(updated(config, encoder_fraction=looking, out=tmp_path / f"{looking}"))
        now = load_file(out / "weights.safetensors")
        same[looking] = all(torch.equal(now[f"statistician.{n}"], w) for n, w in was.items())
    assert same == {0.0: True, 1.0: False}


@pytest.mark.parametrize("kind", ["ssnp", "np"])
def test_train_uses_encoder_of_another_run_without_training_it(config, tmp_path, kind):
    first = train.run(updated(config, model=kind))
    again = updated(config, model=kind, encoder=first, seed=1, out=tmp_path / "again")
    weights = [load_file(run / "weights.safetensors") for run in (first, train.run(again))]
    assert weights[0].keys() == weights[1].keys()
    for name, was in weights[0].items():
        if not name.startswith("process."):
            assert torch.equal(weights[1][name], was), name
    assert not torch.equal(*(w["process.decoder.action.0.weight"] for w in weights))
    validated = json.loads((again.out / "metrics.json").read_text())["history"]["validation"]
    assert [r["step"] for r in validated] == [4, 8]  # no encoder phase, which would end at step 3


def test_train_rejects_resume_with_other_encoder(config, tmp_path):
    first = train.run(updated(config, model="np"))
    second = train.run(updated(config, model="np", seed=3, out=tmp_path / "second"))
    config = updated(config, model="np", encoder=first, out=tmp_path / "third")
    train.run(updated(config, stop_after=4))
    with pytest.raises(CheckpointError, match="encoder"):
        train.run(updated(config, encoder=second, resume=True))


def test_train_rejects_resume_with_other_pretrained_setting(config, pretrained):
    train.run(config)
    began = updated(config, pretrained=pretrained / "statistician", resume=True)
    with pytest.raises(ConfigError, match="pretrained"):
        train.run(began)


def test_train_rejects_resume_with_other_pretrained_weights(config, pretrained, tmp_path):
    """For example after the base was deleted and pretrained again."""
    config = with_base(config, "vae_np", pretrained)
    other = Path(shutil.copytree(pretrained / "vae", tmp_path / "other"))
    train_again(other)
    train.run(updated(config, stop_after=4))
    with pytest.raises(CheckpointError, match="--pretrained"):
        train.run(updated(config, pretrained=other, resume=True))
    train.run(updated(config, resume=True))
    with pytest.raises(ConfigError, match="--pretrained"):
        train.run(updated(config, pretrained=other, resume=True))


def test_train_rejects_damaged_weights(config, pretrained, tmp_path):
    train.run(config)
    damage(config.out / "weights.safetensors")
    with pytest.raises(CheckpointError, match=r"the weights with the checksum of model\.json"):
        train.run(updated(config, resume=True))
    base = Path(shutil.copytree(pretrained / "vae", tmp_path / "base"))
    damage(base / "weights.safetensors")
    with pytest.raises(CheckpointError, match=r"the weights with the checksum of model\.json"):
        train.run(updated(config, model="vae_np", pretrained=base, out=tmp_path / "other"))
    assert not (tmp_path / "other").exists()


def test_train_starts_process_phase_with_best_encoder(config, monkeypatch):
    """The process starts with its initial weights."""
    seen = {}

    def spied(config, model, *args):
        seen["fresh"] = deepcopy(model.process.state_dict())
        encoder, process = recorded_phases(config, model, *args)

        def on_start(model):
            process.on_start(model)
            seen["turned"] = deepcopy(model.state_dict())

        return encoder, replace(process, on_start=on_start)

    config = updated(config, steps=12, encoder_fraction=0.75, validate_every=2, lr=0.02)
    with monkeypatch.context() as patch:
        patch.setattr(train, "recorded_phases", spied)
        metrics = json.loads((train.run(config) / "metrics.json").read_text())
    looks = {r["step"]: r["reward_mse_after_0"] for r in metrics["history"]["validation"]}
    best = min((step for step in looks if step <= 9), key=lambda step: looks[step])
    assert best < 9
    out = train.run(updated(config, out=config.out.with_name("best"), stop_after=best))
    checkpoint = load_checkpoint(out)
    assert checkpoint is not None
    then = checkpoint.model
    for name, value in seen["turned"].items():
        if not name.startswith("process."):
            torch.testing.assert_close(value, then[name], rtol=0, atol=0)
        elif not name.startswith("process.whiten."):
            fresh = seen["fresh"][name.removeprefix("process.")]
            torch.testing.assert_close(value, fresh, rtol=0, atol=0)
    left = load_file(config.out / "weights.safetensors")
    assert float(left["process.whiten.noise"]) == pytest.approx(2.5 / math.sqrt(10))
    assert not torch.equal(left["process.whiten.matrix"], torch.eye(6))


def test_train_accepts_bfloat16(config):
    out = train.run(updated(config, precision="bf16-mixed"))
    assert all(
        value.dtype != torch.bfloat16 for value in load_file(out / "weights.safetensors").values()
    )


def test_train_runs_in_two_processes(config):
    out = train.run(updated(config, devices=2, steps=2))
    assert load_model(out, expect="ssnp")


def test_train_never_reads_labels_of_other_doors(config, data, monkeypatch):
    """Rewards of doors beyond --num-labeled, and of held-out doors, could be anything.

    But for those of validation doors, which only choose the weights.
    """
    config = updated(config, keep_best=False)
    whole = train.run(config)
    read = DoorDataset.read

    def spoilt(self, name, indices=None):
        values = read(self, name, indices)
        if name in ("rewards", "actions") and indices is not None:
            labeled = read_labeled
            values = values.copy()
            values[~np.isin(indices, labeled)] = 0.123
        return values

    read_labeled = DoorDataset.open(data).indices("train")[: config.num_labeled]
    monkeypatch.setattr(DoorDataset, "read", spoilt)
    other = train.run(updated(config, out=config.out.with_name("other")))
    a, b = (load_file(run / "weights.safetensors") for run in (whole, other))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_labeled_subsets_are_nested(data):
    dataset = DoorDataset.open(data)
    few, more = (DoorData.load(dataset, "train", limit=n).indices for n in (5, 12))
    assert torch.equal(few, more[:5])


def test_train_keeps_encoder_fixed_in_process_phase(config, tmp_path):
    """With equal encoder steps the encoder is the same, for any number of process steps."""
    weights = {}
    for steps in (4, 8):
        out = tmp_path / f"{steps}"
        looking = updated(
            config, steps=8, encoder_fraction=0.5, out=out, stop_after=steps % 8, keep_best=False
        )
        train.run(looking)
        checkpoint = load_checkpoint(out)
        weights[steps] = checkpoint.model if checkpoint else load_file(out / "weights.safetensors")
    process = {n for n in weights[4] if n.startswith("process.")}
    for name in set(weights[4]) - process:
        assert torch.equal(weights[4][name], weights[8][name]), name
    assert any(not torch.equal(weights[4][name], weights[8][name]) for name in process)


def test_train_keeps_best_weights_on_validation_doors(config):
    """The figures are those of these weights, by the history and a run that keeps the last."""
    config = updated(config, steps=12, validate_every=2, lr=0.02, encoder_fraction=0.0)
    best = json.loads((train.run(config) / "metrics.json").read_text())
    last = updated(config, keep_best=False, out=config.out.with_name("last"))
    last = json.loads((train.run(last) / "metrics.json").read_text())
    assert last["history"] == best["history"]
    looks = {r.pop("step"): mean_error(r) for r in best["history"]["validation"]}
    assert best["metrics"]["best_step"] == min(looks, key=lambda step: looks[step])
    assert "best_step" not in last["metrics"]
    for metrics, step in ((best, best["metrics"]["best_step"]), (last, 12)):
        found = [metrics["metrics"][f"validation_reward_mse_after_{n}"]["mean"] for n in (0, 1, 4)]
        assert sum(found) / 3 == pytest.approx(looks[step], rel=1e-5)
    for name in ("log_likelihood", "calibration_error"):
        assert best["metrics"][f"validation_{name}_after_3"]["n"] == 6


def test_train_uses_reward_architecture_with_pretrained_encoder(config, pretrained):
    config = with_base(config, "vae_np", pretrained)
    asked = replace(config.architecture, head="inflated_beta", aggregator="mean", hidden=24)
    model = load_model(train.run(updated(config, architecture=asked)))
    assert model.process.decoder.output[-1].out_features == 4
    assert model.process.decoder.output[0].in_features == 24


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": "sspn"}, "Did you mean 'ssnp'"),
        ({"num_labeled": 19}, "at most the 18 training doors"),
        ({"targets": 6}, "within the 8 interactions"),
        ({"targets": 0}, "--process.targets"),
        ({"batch_size": 1}, "--batch-size of 2 or more"),
        ({"batch_size": 2, "devices": 2}, "--batch-size of 2 or more doors per device"),
        ({"model": "contrastive_ssnp", "frames": 1}, "--frames of 2 or more"),
        ({"empty_context_prob": 2.0}, "--process.empty-context-prob as a number from 0 to 1"),
        ({"encoder_fraction": -0.1}, "--encoder-fraction as a number from 0 to 1"),
        (
            {"encoder": Path("Some/Run"), "pretrained": Path("Other/Run")},
            "--encoder or --pretrained, but got both",
        ),
        ({"model": "vae_np"}, "--pretrained with the run of a vae for vae_np, but got none"),
        (
            {"model": "np", "pretrained": Path("Some/Run")},
            "no --pretrained for np, but got Some/Run",
        ),
    ],
)
def test_train_rejects_invalid_settings_in_one_line(config, changes, words):
    with pytest.raises(ConfigError, match=words) as caught:
        train.run(updated(config, **changes))
    assert "\n" not in str(caught.value)
    assert not config.out.exists()


def test_train_rejects_doors_without_interactions(config, tmp_path):
    films = GenerationConfig(
        doors=12, frames=4, interactions=0, image_size=32, prior="narrow",
        validation_fraction=0.5, test_fraction=0.0, videos=0,
    )  # fmt: skip
    write_dataset(tmp_path / "films", films)
    for online in (False, True):
        with pytest.raises(ConfigError, match="Generate it with --interactions"):
            train.run(updated(config, data=tmp_path / "films", online=online, image_size=32))
    assert not config.out.exists()


def test_presets_of_train_and_pretrain_share_architecture():
    """Methods are compared at equal sizes; a frozen model brings its own sizes."""
    for name in ("tiny", "small", "full"):
        assert train.PRESETS[name].architecture == pretrain.PRESETS[name].architecture


def test_train_rejects_other_pretrained_model(config, pretrained):
    with pytest.raises(CheckpointError, match=r"Expected a vae in .*, but got a statistician"):
        train.run(updated(config, model="vae_np", pretrained=pretrained / "statistician"))


def test_train_rejects_pretrained_model_of_other_image_size(config, pretrained, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for name in ("model.json", "weights.safetensors"):
        (other / name).write_bytes((pretrained / "vae" / name).read_bytes())
    describe_otherwise(other, image_size=64)
    with pytest.raises(CheckpointError, match=r"frames of 32 pixels.*64 pixels"):
        train.run(updated(config, model="vae_np", pretrained=other))


def test_train_names_step_of_diverged_loss(config):
    with pytest.raises(TrainingError, match="at step"):
        train.run(updated(config, lr=1e30, max_grad_norm=0.0, warmup_fraction=0.0, steps=30))
    assert not (config.out / "metrics.json").exists()


def test_train_default_steps_cover_every_preset():
    for preset in train.PRESETS:
        assert train.PRESETS[preset].preset == preset
        assert all(train.default_steps(preset, model) > 1000 for model in REWARD_MODELS)
