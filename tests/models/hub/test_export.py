import json

import numpy as np
import pytest
import torch
from helpers.predictors import random_frames
from safetensors.torch import load
from torch import nn

from doorlab.cli import main
from doorlab.doors import Action
from doorlab.errors import CheckpointError, ConfigError, ResultError
from doorlab.models.description import read_description
from doorlab.models.hub.card import model_card
from doorlab.models.hub.export import ModelCardInfo, export_encoder, export_model
from doorlab.models.io import load_model, serialized, weights_checksum
from doorlab.robot import RewardPredictor

MIT = ModelCardInfo("My doors", "mit", "doorlab train --out runs/model")


def card_of(folder) -> str:
    return (folder / "README.md").read_text()


def same_tensors(one: nn.Module, other: nn.Module) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("kind", ["ssnp", "cnp", "vae", "pca"])
def test_exported_model_equals_that_of_its_run(make_run, tmp_path, kind):
    run, out = make_run(kind), tmp_path / "out"
    export_model(run, out, MIT)
    assert same_tensors(load_model(out), load_model(run))
    assert weights_checksum(out) == weights_checksum(run)
    exported, trained = read_description(out), read_description(run)
    assert (exported.kind, exported.architecture) == (trained.kind, trained.architecture)
    assert card_of(out) == model_card(exported.document)


def test_half_precision_changes_predictions_little(make_run, tmp_path):
    run, out = make_run(), tmp_path / "out"
    export_model(run, out, MIT, dtype="float16")
    sizes = [
        path.stat().st_size for path in (run / "weights.safetensors", out / "model.safetensors")
    ]
    assert sizes[1] < 0.8 * sizes[0]
    actions = np.random.default_rng(0).uniform(-1, 1, (50, 4))
    found = []
    for folder in (run, out):
        predictor = RewardPredictor.load(folder)
        predictor.observe(random_frames())
        predictor.record(Action(phi=0.3, radius=0.8, swing=1.5, turn=-0.5), 0.4)
        found.append(np.stack(predictor.predict(actions)))
    assert np.abs(found[0] - found[1]).max() < 2e-3
    assert not np.array_equal(*found)
    # Small tensors, and those that float16 can't represent, keep their precision.
    layers = nn.Sequential(nn.Linear(100, 100), nn.Linear(100, 100))
    nn.init.constant_(layers[1].weight, 1e6)
    stored = load(serialized(layers, "float16"))
    halved = [name for name, tensor in stored.items() if tensor.dtype == torch.float16]
    assert halved == ["0.weight"]
    assert len(stored) == 4


def test_familiarity_belongs_to_exported_weights(make_run, tmp_path):
    """The threshold of the fixture is so large that a door is never unfamiliar."""
    run, out = make_run(), tmp_path / "out"
    export_model(run, out, MIT, dtype="float16")
    predictor = RewardPredictor.load(out)
    assert predictor._familiarity is not None
    assert predictor._familiarity.thresholds.tolist() == [1e9] * 8


def test_encoder_shares_weights_of_reward_model(make_run, tmp_path):
    export_model(make_run(), tmp_path / "set/ssnp", MIT)
    export_encoder(tmp_path / "set/ssnp", tmp_path / "set/encoder", MIT)
    assert not (tmp_path / "set/encoder/model.safetensors").exists()
    encoder = load_model(tmp_path / "set/encoder", "statistician")
    assert same_tensors(encoder, load_model(tmp_path / "run").statistician)
    export_model(tmp_path / "set/encoder", tmp_path / "alone", ModelCardInfo())
    assert same_tensors(load_model(tmp_path / "alone"), encoder)
    assert "../ssnp" in card_of(tmp_path / "set/encoder")
    assert "../ssnp" not in card_of(tmp_path / "alone")
    with pytest.raises(ConfigError, match="a folder beside"):
        export_encoder(tmp_path / "set/ssnp", tmp_path / "encoder", MIT)


def test_card_contains_data_command_seeds_and_metrics(make_run, tmp_path):
    export_model(make_run(), tmp_path / "out", MIT)
    text = card_of(tmp_path / "out")
    for part in (
        '---\nlicense: "mit"\nlibrary_name: "doorlab"\npipeline_tag: "robotics"\n',
        "# My doors\n",
        "| seed of the dataset | 1000 |",
        "| checksum of the dataset | `blake2b:doors` |",
        "```sh\ndoorlab train --out runs/model\n```",
        "| training seed | 3 |",
        "| squared error of rewards before any interaction | 0.250 (0.125 to 0.500) | 40 |",
    ):
        assert part in text


def regret_of(run, **changes) -> dict:
    course = {}
    for key in ("regret_per_interaction", "cumulative_regret", "opened_by"):
        course |= {key: [0.5], f"{key}_ci95": [[0.25, 0.75]]}
    estimate = {"mean": 0.5, "ci95": [0.25, 0.75], "n": 100}
    policy = {"seeds": 1, "mean_regret": estimate, "first_reward": estimate, **course}
    return {
        "stage": "bandit", "doors": 100, "horizon": 10, "dataset_checksum": "blake2b:doors",
        "config": {"split": "test", "models": [str(run)]}, "seed": 0,
        "model_weights": [weights_checksum(run)], "policies": {"ssnp": policy, "oracle": policy},
        **changes,
    }  # fmt: skip


def test_card_contains_results_beside_run(make_run, tmp_path):
    run = make_run()
    (tmp_path / "bandit").mkdir()
    (tmp_path / "bandit/regret.json").write_text(json.dumps(regret_of(run)))
    export_model(run, tmp_path / "out", MIT)
    assert "Regret on 100 test doors, which were not used in training" in card_of(tmp_path / "out")
    assert "| this model, greedy | 0.500 (0.250 to 0.750) | 0.500 (" in card_of(tmp_path / "out")
    header = card_of(tmp_path / "out").split("---")[1]
    (index,) = (line for line in header.splitlines() if line.startswith("model-index: "))
    (model,) = json.loads(index.removeprefix("model-index: "))
    assert model["results"][0]["metrics"] == [
        {"type": "regret", "name": "mean regret", "value": 0.5}
    ]


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("regret.json", {"model_weights": ["blake2b:other"]}, "but got one of other weights"),
        ("regret.json", {"stage": "probe"}, "doorlab bandit"),
        ("regret.json", {"policies": {}}, "policies"),
        ("other.json", {}, "named regret.json or probes.json"),
    ],
)
def test_results_of_other_models_are_refused(make_run, tmp_path, name, changes, message):
    run = make_run()
    (tmp_path / name).write_text(json.dumps(regret_of(run, **changes)))
    with pytest.raises(ResultError, match=message):
        export_model(run, tmp_path / "out", MIT, results=[tmp_path / name])
    assert not (tmp_path / "out").exists()


def test_export_command_finds_format_and_protects_folders(make_run, tmp_path, capsys):
    run, out = str(make_run()), tmp_path / "out"
    args = ["export", run, "--out", str(out)]
    assert main([*args, "--license", "mit"]) == 0
    assert capsys.readouterr().out == f"export in {out}\n"
    assert main(args) == 2
    assert "--overwrite" in capsys.readouterr().err
    (out / "mine.txt").write_text("precious")
    assert main([*args, "--overwrite", "--dtype", "float16"]) == 0
    assert (out / "mine.txt").read_text() == "precious"
    assert "doorlab train --data runs/doors --out runs/run --preset tiny" in card_of(out)
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "config.json").write_text('{"model_type": "bert"}')
    assert main(["export", run, "--out", str(foreign), "--overwrite"]) == 2
    assert (foreign / "config.json").read_text() == '{"model_type": "bert"}'
    assert main([*args, "--format", "tar"]) == 2
    assert "a format out of auto, lerobot, onnx, parquet, weights" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_damaged_export_is_refused(make_run, tmp_path, name):
    export_model(make_run(), tmp_path / "out", MIT)
    data = bytearray((tmp_path / "out" / name).read_bytes())
    data[-20] ^= 1
    (tmp_path / "out" / name).write_bytes(data)
    with pytest.raises(CheckpointError, match=name.replace(".", r"\.")):
        load_model(tmp_path / "out")


def test_weights_of_other_folders_are_not_read(make_run, tmp_path):
    """The description of a downloaded model must not name files outside of its folder."""
    from doorlab.models.description import sealed

    export_model(make_run(), tmp_path / "out", MIT)
    document = json.loads((tmp_path / "out/config.json").read_text())
    for place in ("/etc", "../../secret", "../..", ".."):
        changed = sealed(document | {"weights_of": place})
        (tmp_path / "out/config.json").write_text(json.dumps(changed))
        with pytest.raises(CheckpointError, match="weights_of"):
            load_model(tmp_path / "out")
