"""The diagnose stage on small untrained models, and on one that copies or cheats."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.altered_runs import describe
from helpers.filming import write_image
from helpers.small_networks import TINY

from doorlab.data import DoorDataset, GenerationConfig, import_dataset, write_dataset
from doorlab.data.sources.importing import FootageSettings, plan_import
from doorlab.errors import ConfigError, ResultError
from doorlab.evaluation import trained_model
from doorlab.evaluation.generation.attribute_scores import attribute_scores
from doorlab.evaluation.generation.held_out_attributes import HeldOutAttributes, blur
from doorlab.evaluation.likelihood import LatentPosterior
from doorlab.models.encoders.base import Reconstructs
from doorlab.models.io import save_model, weights_checksum
from doorlab.models.latent_density import LatentDensity, save_latent_density
from doorlab.models.registry import build_model
from doorlab.result_schemas import SHAPES
from doorlab.sim import InteractionResult, RenderResult
from doorlab.stages import diagnose
from doorlab.storage.json_schema import misfit

SMALL = replace(TINY, likelihood_std=0.2)
LAYERED = replace(SMALL, instance_layers=2)


class Stripes:
    """Doors are colors; the joint angle moves a stripe."""

    name = renderer = "stripes"

    def render(self, doors, joint_positions, views, image_size, layers=None):
        angles = np.asarray(joint_positions)
        images = np.full((*angles.shape, image_size, image_size, 3), 60.0)
        images[..., 0] = np.array([150 * door.width for door in doors])[:, None, None, None]
        place = (angles * image_size / 4).astype(int) % image_size
        np.put_along_axis(images[..., 1], place[..., None, None], 200.0, axis=-1)
        return RenderResult(images.round().astype(np.uint8))

    def interact(self, doors, actions, *, record=False):
        shape = (len(doors), np.shape(actions)[1])  # the oracle's, to know what can be reached
        ones = np.ones(shape, np.float32)
        return InteractionResult(ones, ones, ones < 0, np.ones(shape, np.int32), None)

    def close(self):
        pass


class Copyist(torch.nn.Module, Reconstructs):
    """Reconstructs perfectly; has no likelihood and samples nothing."""

    def reconstruct(self, x):
        return x

    def embed(self, x):
        return x.mean(dim=(1, 3, 4))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    config = GenerationConfig(
        doors=60, frames=4, interactions=0, image_size=32, simulator="stripes",
        validation_fraction=0.1, test_fraction=0.4, videos=0,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("stripes") / "dataset"
    write_dataset(path, config, simulator=lambda name: Stripes())
    return path


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folders = []
    sizes = {"vae": SMALL, "statistician": LAYERED, "contrastive_statistician": SMALL}
    for kind, size in sizes.items():
        torch.manual_seed(0)
        folders.append(tmp_path_factory.mktemp("models") / kind)
        save_model(folders[-1], build_model(kind, 32, size), kind, 32, size)
    return tuple(folders)


@pytest.fixture
def config(data, models, tmp_path):
    return diagnose.Config(
        data=data,
        models=models,
        out=tmp_path / "out",
        samples=4,
        feature_steps=4,
        attribute_steps=4,
    )


@pytest.fixture(scope="module")
def result(data, models, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    config = diagnose.Config(
        data=data, models=models, out=out, samples=4, feature_steps=4, attribute_steps=4
    )
    return json.loads(diagnose.run(config).read_text())


def test_diagnose_reconstruction_error_matches_images_of_model(result, data, models):
    dataset = DoorDataset.open(data)
    images = dataset.read("images", dataset.indices("test"))
    for folder in models:
        model = trained_model.TrainedModel.open(folder, dataset)
        squares = (model.reconstruct(images) - images / 255.0) ** 2
        found = result["diagnosis"][model.kind]["reconstruction_mse"]
        assert found["mean"] == pytest.approx(squares.mean(), rel=1e-4)
        assert found["n"] == len(images) == result["doors"]
        assert found["ci95"][0] < found["mean"] < found["ci95"][1]


def test_diagnose_bounds_are_ordered_and_bits_follow_from_nats(result):
    for found in result["diagnosis"].values():
        assert found["elbo"]["mean"] < found["importance_bound"]["mean"]
        # No model does better than its likelihood at the very image.
        assert found["importance_bound"]["mean"] < -math.log(0.2 * math.sqrt(2 * math.pi))
        for name in ("elbo", "importance_bound"):
            bits = -found[name]["mean"] / math.log(2) + math.log2(255)
            assert found[f"{name}_bits"]["mean"] == pytest.approx(bits, rel=1e-5)
        assert found["likelihood_scale"] == pytest.approx(0.2)


def test_diagnose_elbo_is_negative_training_loss(result, data, models):
    dataset = DoorDataset.open(data)
    frames = trained_model.to_frames(dataset.read("images", dataset.indices("test")))
    for folder in models[:2]:  # the contrastive statistician's has other terms
        model = trained_model.TrainedModel.open(folder, dataset)
        with torch.no_grad():
            losses = torch.stack([model.network.loss(frames)[0] for _ in range(30)])
        elbo = result["diagnosis"][model.kind]["elbo"]["mean"]
        assert elbo == pytest.approx(-losses.mean().item(), abs=5 * losses.std().item() + 1e-6)


def test_diagnose_reports_kl_and_activity_of_every_latent(result):
    expected = {
        "vae": {"z": 8},
        "statistician": {"c": 6, "z_layer_2": 2, "z_layer_1": 2},
        "contrastive_statistician": {"c": 6, "z": 2},
    }
    for kind, sizes in expected.items():
        found = result["diagnosis"][kind]
        assert {name: len(kl) for name, kl in found["kl"].items()} == sizes
        for name, kl in found["kl"].items():
            assert sum(kl) == pytest.approx(found["kl_total"][name]["mean"], rel=1e-4)
            active = (np.array(found["activity"][name]) > 0.01).sum()
            assert found["active_units"][name] == active


def test_latents_detects_collapsed_latent():
    mean = torch.randn(50, 4, 3) * torch.tensor([1.0, 1.0, 0.0])
    std = torch.tensor([0.5, 0.1, 1.0]).expand_as(mean)
    normal = torch.distributions.Normal
    belief = LatentPosterior(
        normal(mean, std), normal(torch.zeros_like(mean), torch.ones_like(mean))
    )
    found = diagnose.latents({"z": belief}, seed=0)
    assert found["active_units"] == {"z": 2}
    assert found["kl"]["z"][2] == pytest.approx(0, abs=1e-6)
    by_hand = 0.5 * (mean**2 + std**2 - 1) - std.log()
    np.testing.assert_allclose(found["kl"]["z"], by_hand.mean(dim=(0, 1)), rtol=1e-5, atol=1e-6)


def test_diagnose_makes_new_frames_of_statisticians_and_pairs_differences(result):
    kinds = {kind: set(found["two_sample"]) for kind, found in result["diagnosis"].items()}
    assert kinds["vae"] == {"reconstructions", "samples"}
    for kind in ("statistician", "contrastive_statistician"):
        assert kinds[kind] == {"reconstructions", "samples", "new_frames"}
    differences = result["metrics"]["differences"]
    assert set(differences) == {
        "statistician - vae",
        "contrastive_statistician - vae",
        "contrastive_statistician - statistician",
    }
    for pair, found in differences.items():
        assert {"reconstruction_mse", "importance_bound"} < set(found)
        for name, estimate in found.items():
            ours, theirs = (result["diagnosis"][k][name]["mean"] for k in pair.split(" - "))
            assert estimate["mean"] == pytest.approx(ours - theirs, abs=1e-6)


def test_diagnose_detects_untrained_model_and_scores_perfect_copy_as_real(
    result, config, monkeypatch, tmp_path
):
    """A perfect reconstruction is a real frame and scores exactly as the reference."""
    for found in result["diagnosis"].values():
        assert found["two_sample"]["samples"]["texture"]["accuracy"]["mean"] > 0.9
    monkeypatch.setattr(trained_model, "load_model", lambda run: Copyist())
    folder = tmp_path / "copyist"
    folder.mkdir()
    (folder / "weights.safetensors").touch()
    describe(folder, kind="copyist", image_size=32)
    path = diagnose.run(replace(config, models=(folder,)))
    again = json.loads(path.read_text())
    copied = again["diagnosis"]["copyist"]
    assert copied["two_sample"] == {"reconstructions": again["reference"]}
    assert copied["reconstruction_mse"]["mean"] == 0
    assert "elbo" not in copied
    assert again["reference"] == result["reference"]  # whatever models are beside it
    assert copied["attributes"]["reconstructions"]["scores"] == again["attributes"]["scores"]
    assert "sampling" not in copied


def test_attributes_are_predicted_from_real_and_generated_frames(result):
    real = result["attributes"]
    assert set(real) == {
        "training_doors", "validation_scores", "scores", "blurred_scores", "statistics",
    }  # fmt: skip
    assert real["training_doors"] == 30
    assert real["scores"]["swing"]["n"] == result["doors"]
    for kind, found in result["diagnosis"].items():
        attributes = found["attributes"]
        assert set(attributes) == set(found["two_sample"])
        assert set(attributes["reconstructions"]["scores"]) == set(real["scores"])
        assert set(attributes["samples"]) == {"statistics"}
        assert attributes["samples"]["statistics"].keys() == real["statistics"].keys()
        if kind != "vae":
            assert set(attributes["new_frames"]["scores"]) == {"handedness", "swing"}
        assert "from the prior N(0, 1)" in found["sampling"]
    assert misfit(result, SHAPES["diagnosis.json"]) is None


@pytest.mark.parametrize("doors", [24, 23])
def test_new_frames_that_repeat_the_old_have_the_scores_of_their_doors(data, doors):
    """With an odd number of doors, the last is left out."""
    dataset = DoorDataset.open(data)
    test = dataset.indices("test")[:doors]
    known = HeldOutAttributes.learn(
        dataset, dataset.indices("train"), test, steps=4, seed=0, device="cpu"
    )
    images = dataset.read("images", test)
    half = doors // 2
    found = known.of_generated(images, {"new_frames": images[half : 2 * half]})
    labels = {n: v[half : 2 * half] for n, v in known.labels.items()}
    expected = attribute_scores(known.predictor.predict(images[half : 2 * half]), labels)
    for name in ("handedness", "swing"):
        assert found["new_frames"]["scores"][name] == expected[name]


def test_blur_keeps_the_mean_and_a_flat_image():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, 3, 64, 64, 3)).astype(np.uint8)
    images[0] = 90
    found = blur(images)
    assert found.shape == images.shape
    assert (found[0] == 90).all()
    assert found[1].std() < 0.3 * images[1].std()
    assert found[1].mean() == pytest.approx(images[1].mean(), abs=2)


def test_diagnose_compares_fitted_density_with_prior(config, models, tmp_path):
    folder = tmp_path / "statistician"
    shutil.copytree(models[1], folder)
    size = LAYERED.context_dim
    density = LatentDensity("c", 30, False, np.ones(1), np.ones((1, size)), np.eye(size)[None])
    save_latent_density(folder, density, weights_checksum(folder))
    found = json.loads(diagnose.run(replace(config, models=(folder,))).read_text())
    found = found["diagnosis"]["statistician"]
    assert found["sampling"] == "c from a Gaussian fitted to 30 training doors, z from p(z | c)"
    for part in ("two_sample", "attributes"):
        assert found[part]["samples"] != found[part]["prior_samples"]


def test_footage_has_no_attributes(config, tmp_path):
    rng = np.random.default_rng(0)
    for door in range(30):
        for frame in range(3):
            image = rng.integers(0, 256, (32, 32, 3)).astype(np.uint8)
            write_image(tmp_path / "films" / f"door {door}" / f"{frame}.png", image)
    settings = FootageSettings(frames=3, image_size=32, validation_fraction=0.1, test_fraction=0.4)
    import_dataset(tmp_path / "footage", plan_import(tmp_path / "films", settings).config)
    path = diagnose.run(replace(config, data=tmp_path / "footage"))
    result = json.loads(path.read_text())
    assert "attributes" not in result
    assert not any("attributes" in found for found in result["diagnosis"].values())
    assert misfit(result, SHAPES["diagnosis.json"]) is None


def test_diagnose_rejects_model_without_decoder(config, monkeypatch):
    monkeypatch.setattr(trained_model, "load_model", lambda run: torch.nn.Identity())
    with pytest.raises(ConfigError, match="vae, which has no decoder"):
        diagnose.run(config)


def test_diagnose_is_deterministic_given_seed(config, result, tmp_path):
    again = json.loads(diagnose.run(config).read_text())
    assert again["diagnosis"] == result["diagnosis"]
    assert again["stage"] == "diagnose"


def test_diagnose_rejects_invalid_settings_before_writing(config):
    cases = [
        ({"models": ()}, "at least one model"),
        ({"device": "abacus"}, "--device auto or one of cpu"),
        ({"samples": 0}, "--samples as a whole number of 1 or more"),
        ({"feature_steps": 0}, "--feature-steps"),
        ({"attribute_steps": 0}, "--attribute-steps"),
        ({"doors": 5}, "8 test doors"),
    ]
    for changes, message in cases:
        with pytest.raises(ConfigError, match=message):
            diagnose.run(replace(config, **changes))
    assert not Path(config.out).exists()


def test_diagnose_accepts_equal_images(config, tmp_path, monkeypatch):
    """Undefined scores are null, with a reason."""
    monkeypatch.setattr(DoorDataset, "read", black(DoorDataset.read))
    result = json.loads(diagnose.run(config).read_text())
    assert result["reference"]["content"]["mmd2"] is None
    assert "are equal" in result["undefined"]["reference.content.mmd2"]
    for found in result["diagnosis"].values():
        assert found["reconstruction_mse"]["mean"] > 0


def black(read):
    def read_black(self, name, indices=None):
        found = read(self, name, indices)
        return np.zeros_like(found) if name == "images" else found

    return read_black


def test_diagnose_never_replaces_results_silently(config):
    config.out.mkdir()
    (config.out / "diagnosis.json").write_text("{}")
    with pytest.raises(ResultError, match="--overwrite"):
        diagnose.run(config)
