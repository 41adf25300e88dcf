"""The probe stage on doors whose pictures say what they are, and on models that see part of it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from doorlab.errors import CheckpointError, ConfigError, DatasetError, ResultError
from doorlab.stages import probe


@pytest.fixture
def config(painted_run):
    return probe.Config(
        data=painted_run / "dataset",
        models=(painted_run / "pretrain" / "vae", painted_run / "pretrain" / "statistician"),
        out=painted_run / "probe",
    )


@pytest.fixture
def result(config):
    return json.loads(probe.run(config).read_text())


def test_what_is_painted_is_read_and_what_is_not_is_not(result):
    found = result["probes"]["statistician"]
    assert found["handedness"]["mean"] == 1.0
    assert found["width"]["mean"] > 0.99
    assert found["joint_angle"]["mean"] > 0.99
    assert found["handedness"]["metric"] == "accuracy"
    assert found["width"]["metric"] == "r2"
    for hidden in ("height", "handle_height", "place"):
        assert found[hidden]["mean"] < 0.3


def test_a_blind_model_guesses_and_the_difference_says_so(result):
    blind = result["probes"]["vae"]
    assert 0.3 < blind["handedness"]["mean"] < 0.7
    assert blind["width"]["mean"] > 0.99
    difference = result["differences"]["statistician - vae"]
    assert difference["handedness"]["ci95"][0] > 0.2
    assert difference["handedness"]["mean"] == pytest.approx(1 - blind["handedness"]["mean"])
    low, high = difference["width"]["ci95"]
    assert low - 1e-3 < 0 < high + 1e-3


def test_the_result_says_what_it_was_made_from(result, painted_run):
    dataset = json.loads((painted_run / "dataset" / "dataset.json").read_text())
    assert result["stage"] == "probe"
    assert result["dataset_checksum"] == dataset["checksum"]
    assert result["doors"] == dataset["splits"]
    assert result["probes"]["vae"]["width"]["n"] == dataset["splits"]["test"]


def test_the_same_seed_gives_the_same_result(config, result, tmp_path):
    again = json.loads(probe.run(replace(config, out=tmp_path / "again")).read_text())
    assert again["probes"] == result["probes"]


def test_fewer_doors_are_used_when_asked_for(config, tmp_path):
    path = probe.run(replace(config, doors=10, out=tmp_path / "few"))
    assert json.loads(path.read_text())["doors"]["train"] == 10


def test_reward_models_embed_doors_too(config, painted_run, tmp_path):
    config = replace(config, models=(painted_run / "train" / "ssnp",), out=tmp_path / "reward")
    result = json.loads(probe.run(config).read_text())
    assert result["probes"]["ssnp"]["handedness"]["mean"] == 1.0
    assert result["differences"] == {}


def test_bad_input_is_named_and_nothing_is_written(config, painted_run, tmp_path):
    vae = config.models[0]
    cases = [
        (replace(config, models=()), ConfigError, "at least one model"),
        (replace(config, models=(vae, vae)), ConfigError, "two of vae"),
        (replace(config, models=(tmp_path / "none",)), CheckpointError, "model.json"),
        (replace(config, data=tmp_path / "none"), DatasetError, "a dataset"),
        (replace(config, doors=0), ConfigError, "split 'train'"),
    ]
    for bad, error, message in cases:
        with pytest.raises(error, match=message):
            probe.run(bad)
    assert not config.out.exists()


def test_a_model_of_another_image_size_is_refused(config):
    (config.models[0] / "model.json").write_text('{"kind": "vae", "image_size": 64}')
    with pytest.raises(CheckpointError, match="frames of 16 pixels"):
        probe.run(config)


def test_nothing_is_replaced_silently(config, result):
    with pytest.raises(ResultError, match="--overwrite"):
        probe.run(config)
    probe.run(replace(config, overwrite=True))
