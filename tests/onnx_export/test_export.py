"""Exported models, against torch through the public API, and the example without torch."""

import json
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.console import doorlab
from helpers.small_networks import TINY

from doorlab.bandit import History
from doorlab.bandit.policies import ModelConfig, ModelPolicy
from doorlab.doors import Action
from doorlab.errors import CheckpointError, ConfigError, ResultError
from doorlab.models.io import load_model, save_model
from doorlab.models.registry import ENCODERS, REWARD_MODELS, build_model
from doorlab.run_layout import ONNX_FILE

pytest.importorskip("onnxscript")
onnxruntime = pytest.importorskip("onnxruntime")
export = pytest.importorskip("doorlab.onnx_export.export")

SIZE = 32
ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/open_door_onnx.py"
# Runs the example in a process in which torch cannot be imported.
WITHOUT_TORCH = """
import runpy, sys

class NoTorch:
    def find_spec(self, name, *_):
        if name.partition(".")[0] == "torch":
            raise ImportError(name)

sys.meta_path.insert(0, NoTorch())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def save(folder, kind):
    torch.manual_seed(0)
    save_model(folder, build_model(kind, SIZE, TINY), kind, SIZE, TINY)
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return save(tmp_path_factory.mktemp("onnx") / "run", "ssnp")


@pytest.fixture(scope="module")
def exported(run):
    """In a process of its own, where jaxtyping does not check shapes, which slows tracing."""
    folder = run.parent / "exported"
    done = doorlab(run.parent, "export", str(run), "--format", "onnx", "--out", str(folder))
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def sessions(exported):
    return {path.stem: onnxruntime.InferenceSession(path) for path in exported.glob("*.onnx")}


def frames_of(seed, frames=3):
    return np.random.default_rng(seed).integers(0, 256, (frames, SIZE, SIZE, 3), np.uint8)


def actions_of(seed, count):
    return np.random.default_rng(seed).uniform(-1, 1, (count, 4)).astype(np.float32)


@pytest.mark.parametrize("interactions", [0, 3])
def test_exported_predictions_equal_those_of_model(run, sessions, interactions):
    """The same door, interactions and actions; padding of the context set has no effect."""
    model = ModelPolicy(load_model(run), ModelConfig(residuals=None))
    frames, candidates = frames_of(1), actions_of(2, 7)
    tried, rewards = actions_of(3, interactions), np.linspace(0.1, 0.9, interactions, dtype="f4")
    model.begin(frames[None], np.random.default_rng(0))
    history = History(tried[None], rewards[None])
    expected = np.stack(model.predict(history, candidates[None]))[:, 0]
    (embedding,) = sessions["embed"].run(["embedding"], {"frames": frames[None]})
    for padding in (0, 2):
        known = {
            "context_actions": np.pad(tried, ((0, padding), (0, 0)), constant_values=0.5)[None],
            "context_rewards": np.pad(rewards, (0, padding), constant_values=0.7)[None],
            "context_mask": (np.arange(interactions + padding) < interactions)[None],
        }
        inputs = {"embedding": embedding, "actions": candidates[None], **known}
        found = sessions["reward"].run(["mean", "std"], inputs)
        np.testing.assert_allclose(np.stack(found)[:, 0], expected, atol=1e-5)


def test_exported_latents_decode_to_reconstruction_of_model(run, sessions):
    frames = np.stack([frames_of(1, frames=2), frames_of(2, frames=2)])
    c, z = sessions["embed"].run(["c", "z"], {"frames": frames})
    (images,) = sessions["decode"].run(["images"], {"c": c, "z": z})
    x = torch.from_numpy(frames).movedim(-1, 2) / 255
    with torch.no_grad():
        expected = load_model(run).pretrained_encoder.reconstruct(x).movedim(2, -1)
    np.testing.assert_allclose(images, expected.numpy(), atol=1e-5)


def test_onnx_json_describes_files(exported, sessions):
    about = json.loads((exported / ONNX_FILE).read_text())
    assert {path.name for path in exported.iterdir()} == {*about["files"], ONNX_FILE}
    assert about["image_size"] == SIZE
    types = {"float32": "tensor(float)", "uint8": "tensor(uint8)", "bool": "tensor(bool)"}
    for file, parts in about["files"].items():
        session = sessions[file.removesuffix(".onnx")]
        for tensors, found in (
            (parts["inputs"], session.get_inputs()),
            (parts["outputs"], session.get_outputs()),
        ):
            described = [(t["name"], t["shape"], types[t["type"]]) for t in tensors]
            assert described == [(t.name, t.shape, t.type) for t in found]


def test_exported_files_contain_no_paths(exported):
    for path in exported.iterdir():
        content = path.read_bytes()
        assert str(ROOT).encode() not in content
        assert b".py" not in content
        assert sys.prefix.encode() not in content


def test_example_opens_door_without_torch(exported):
    pytest.importorskip("pybullet")
    command = [sys.executable, "-c", WITHOUT_TORCH, EXAMPLE, exported, "--door", "3"]
    done = subprocess.run(
        [*map(str, command), "--tries", "2", "--enough", "1"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    *tries, end = done.stdout.splitlines()
    assert [line.split(":")[0] for line in tries] == ["interaction 1", "interaction 2"]
    best = max(line.split("reward ")[-1] for line in tries)
    assert end == f"door 3 is not open after 2 interactions; best reward {best}"


def test_example_reports_missing_export_in_one_line(tmp_path):
    command = [sys.executable, str(EXAMPLE), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"open_door_onnx: error: Expected onnx.json in {tmp_path}")


def test_example_rejects_damaged_export(exported, tmp_path):
    folder = Path(shutil.copytree(exported, tmp_path / "damaged"))
    (folder / "reward.onnx").write_bytes(b"no model")
    with pytest.raises(ConfigError, match="an undamaged export in"):
        runpy.run_path(str(EXAMPLE))["main"](folder)


def test_example_converts_actions_as_doorlab_does(exported):
    predictor = runpy.run_path(str(EXAMPLE))["Predictor"](exported)
    for action in actions_of(0, 200):
        expected = Action.from_normalized(action)
        found = predictor.physical(action)
        assert ("radius" in found) != expected.slides
        for name, value in found.items():
            assert value == pytest.approx(getattr(expected, name), abs=1e-6)


def test_export_refuses_existing_files(run, exported, tmp_path):
    with pytest.raises(ResultError, match="no earlier result"):
        export.export_model(run, exported)
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(ResultError, match="earlier export to ONNX, but got other files"):
        export.export_model(run, tmp_path, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_encoder_that_does_not_decode_has_embed_only(tmp_path):
    run = save(tmp_path / "run", "pca")
    export.export_model(run, tmp_path / "out")
    export.export_model(run, tmp_path / "out", overwrite=True)
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"embed.onnx", ONNX_FILE}


def test_export_without_model_writes_nothing(tmp_path):
    with pytest.raises(CheckpointError, match=r"model.json"):
        export.export_model(tmp_path / "run", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*ENCODERS, *REWARD_MODELS])
def test_every_model_can_be_exported(kind, tmp_path):
    """`export_model` compares every file with torch."""
    export.export_model(save(tmp_path / "run", kind), tmp_path / "out")
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert ("reward.onnx" in files) == (kind in REWARD_MODELS)
