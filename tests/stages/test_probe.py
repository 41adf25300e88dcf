"""The probe stage on painted doors, and on models that see part of the paint."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from helpers.altered_runs import describe

from doorlab.data.dataset import DoorDataset
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


def test_probe_reads_painted_parameters_and_no_others(result):
    found = result["probes"]["statistician"]
    assert found["handedness"]["mean"] == 1.0
    assert found["width"]["mean"] > 0.99
    assert found["joint_angle"]["mean"] > 0.99
    assert found["handedness"]["metric"] == "accuracy"
    assert found["width"]["metric"] == "r2"
    for hidden in ("height", "handle_height", "place"):
        assert found[hidden]["mean"] < 0.3


def test_probe_of_blind_model_is_at_chance_and_differs(result):
    blind = result["probes"]["vae"]
    assert 0.3 < blind["handedness"]["mean"] < 0.7
    assert blind["width"]["mean"] > 0.99
    difference = result["differences"]["statistician - vae"]
    assert difference["handedness"]["ci95"][0] > 0.2
    assert difference["handedness"]["mean"] == pytest.approx(1 - blind["handedness"]["mean"])
    low, high = difference["width"]["ci95"]
    assert low - 1e-3 < 0 < high + 1e-3


def test_probe_scores_components_of_both_models(result):
    """Paint has the same color in a mirror: no component is odd, so none can be the side."""
    for model in ("statistician", "vae"):
        assert result["components"][model].keys() == {"swing"}
        score = result["components"][model]["swing"]
        assert score["n"] == result["doors"]["test"]
        assert 0.0 <= score["ci95"][0] <= score["mean"] <= score["ci95"][1] <= 1.0


def test_probe_result_states_its_sources(result, painted_run):
    dataset = json.loads((painted_run / "dataset" / "dataset.json").read_text())
    assert result["stage"] == "probe"
    assert result["dataset_checksum"] == dataset["checksum"]
    assert result["provenance"]["simulator"] == "painted"
    assert result["doors"] == dataset["splits"]
    assert result["probes"]["vae"]["width"]["n"] == dataset["splits"]["test"]


def test_probe_is_deterministic_given_seed(config, result, tmp_path):
    again = json.loads(probe.run(replace(config, out=tmp_path / "again")).read_text())
    assert again["probes"] == result["probes"]


def test_probe_uses_requested_number_of_doors(config, tmp_path):
    path = probe.run(replace(config, probe_doors=(10,), out=tmp_path / "few"))
    assert json.loads(path.read_text())["doors"]["train"] == 10


def test_probe_scores_latents_separately(result):
    """The painter's c is red and green, its z is blue: c holds no angle, z no side or size."""
    of_c, of_z = (result["latents"]["statistician"][part] for part in ("context", "instance"))
    assert of_c["handedness"]["mean"] == 1.0
    assert of_c["width"]["mean"] > 0.99
    assert of_c["joint_angle"]["mean"] < 0.2
    assert of_z["joint_angle"]["mean"] > 0.99
    assert of_z["width"]["mean"] < 0.2
    assert of_z["handedness"]["mean"] < 0.7


def test_probe_curves_vary_frames_and_doors(config, tmp_path):
    config = replace(config, frames=(4, 1, 2), probe_doors=(48, 5), out=tmp_path / "curves")
    result = json.loads(probe.run(config).read_text())
    frames, doors = result["curves"]["frames"], result["curves"]["doors"]
    assert (frames["at"], doors["at"]) == ([1, 2, 4], [5, 48])
    scores = result["probes"]["statistician"]
    for axis in (frames, doors):  # both end where the table is
        for target, along in axis["scores"]["statistician"].items():
            assert along[-1]["mean"] == scores[target]["mean"]
    # The first frame is shut: there is no angle to be read from it alone.
    assert frames["scores"]["statistician"]["joint_angle"][0] is None
    assert frames["scores"]["statistician"]["joint_angle"][1]["mean"] > 0.99
    few = replace(config, frames=(2,), probe_doors=(5,), out=tmp_path / "few")
    alone = json.loads(probe.run(few).read_text())["probes"]
    two = replace(config, frames=(2, 4), probe_doors=(5,), out=tmp_path / "two")
    crossed = json.loads(probe.run(two).read_text())["curves"]["frames"]["scores"]
    for kind, targets in alone.items():  # a place on a curve is what it is alone
        for target, score in targets.items():
            assert crossed[kind][target][0]["mean"] == score["mean"]


def test_probe_of_single_setting_has_no_curves(result):
    assert result["curves"] == {}
    assert result["frames"] == 4


def test_probe_stores_contribution_of_every_door(config, result):
    with np.load(config.out / "probes.npz") as shares:
        width = shares["statistician/context/width/frames-4/doors-48"]
        angle = shares["statistician/instance/joint_angle/frames-4/doors-48"]
    scores = result["probes"]["statistician"]
    assert width.shape == angle.shape == (result["doors"]["test"],)
    assert width.mean() == pytest.approx(scores["width"]["mean"])
    assert angle.mean() == pytest.approx(scores["joint_angle"]["mean"])


def test_probe_guessing_level_is_share_of_majority(result, painted_run):
    dataset = DoorDataset.open(painted_run / "dataset")
    right = [d.hinge_side == "right" for d in dataset.doors(dataset.indices("test"))]
    expected = max(np.mean(right), 1 - np.mean(right))
    assert result["targets"]["handedness"]["guessing"] == pytest.approx(expected)
    assert result["targets"]["width"]["guessing"] == 0.0


def test_probe_accepts_reward_models(config, painted_run, tmp_path):
    config = replace(config, models=(painted_run / "train" / "ssnp",), out=tmp_path / "reward")
    result = json.loads(probe.run(config).read_text())
    assert result["probes"]["ssnp"]["handedness"]["mean"] == 1.0
    assert result["differences"] == {}


def test_probe_rejects_invalid_settings_before_writing(config, painted_run, tmp_path):
    vae = config.models[0]
    cases = [
        ({"models": ()}, ConfigError, "at least one model"),
        ({"device": "abacus"}, ConfigError, "--device auto or one of cpu"),
        ({"models": (vae, vae)}, ConfigError, "two of vae"),
        ({"models": (tmp_path / "none",)}, CheckpointError, "model.json"),
        ({"data": tmp_path / "none"}, DatasetError, "a dataset"),
        ({"probe_doors": (0,)}, ConfigError, "--probe-doors as a whole number of 1 or more"),
        ({"probe_doors": ()}, ConfigError, "at least one value of --probe-doors"),
        ({"frames": (1, 5)}, ConfigError, r"--frames from 1 to 4 \(the frames of"),
        ({"frames": (0,)}, ConfigError, "--frames as a whole number of 1 or more"),
    ]
    for changes, error, message in cases:
        with pytest.raises(error, match=message):
            probe.run(replace(config, **changes))
    assert not config.out.exists()


def test_probe_rejects_model_of_other_image_size(config):
    describe(config.models[0], kind="vae", image_size=64)
    with pytest.raises(CheckpointError, match="frames of 16 pixels"):
        probe.run(config)


def test_probe_never_replaces_results_silently(config, result):
    with pytest.raises(ResultError, match="--overwrite"):
        probe.run(config)
    probe.run(replace(config, overwrite=True))


def test_probe_result_matches_its_arrays_after_interruption(config, monkeypatch):
    """At any moment the pair is the earlier one, or there is no result."""
    config = replace(config, models=config.models[:1])
    probe.run(config)
    files = [config.out / name for name in ("probes.json", "probes.npz")]
    before = [file.read_bytes() for file in files]

    def killed(*args, **kwargs):
        raise KeyboardInterrupt

    for moment in ("summarize", "write_result"):
        with monkeypatch.context() as patch:
            patch.setattr(probe, moment, killed)
            with pytest.raises(KeyboardInterrupt):
                probe.run(replace(config, probe_doors=(10,), overwrite=True))
        if moment == "write_result":
            assert not files[0].exists()
        else:
            assert [file.read_bytes() for file in files] == before


def test_probe_is_independent_of_doors_read_at_once(config, result, monkeypatch):
    """Images are read in parts; the result does not show in which."""
    monkeypatch.setattr(probe, "_DOORS_AT_ONCE", 7)
    again = json.loads(probe.run(replace(config, overwrite=True)).read_text())
    assert again["probes"] == result["probes"]
