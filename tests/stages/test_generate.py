import shlex
import subprocess
import sys
from dataclasses import asdict, fields

import pytest
import tyro

from doorlab.data import DoorDataset, GenerationConfig
from doorlab.errors import ConfigError
from doorlab.stages.generate import PRESETS, Config, run

SMALL = {"doors": 4, "frames": 2, "interactions": 3, "image_size": 16, "shard_doors": 2}


def test_generate_writes_valid_dataset(tmp_path):
    pytest.importorskip("pybullet")
    out = run(Config(**SMALL, out=tmp_path / "data", videos=1, workers=1))
    dataset = DoorDataset.open(out)
    assert dataset.read("images").std() > 5
    assert dataset.read("optimal_reward").min() > 0.9
    assert dataset.videos[0].stat().st_size > 1000
    assert dataset.verify() == []


def test_generate_presets_start_with_default_config():
    tiny = {f.name: getattr(PRESETS["tiny"], f.name) for f in fields(GenerationConfig)}
    assert tiny == asdict(GenerationConfig())
    assert list(PRESETS) == [config.preset for config in PRESETS.values()]


def test_generate_command_parses_to_same_settings(tmp_path):
    config = GenerationConfig(
        doors=77, seed=4, test_fraction=0.25, action_mix="plausible", videos=0
    )
    program, stage, *arguments = shlex.split(config.command(tmp_path / "my data"))
    parsed = tyro.cli(Config, args=arguments)
    assert (program, stage) == ("doorlab", "generate")
    assert parsed.out == tmp_path / "my data"
    assert parsed.resume
    assert {f.name: getattr(parsed, f.name) for f in fields(GenerationConfig)} == asdict(config)


@pytest.mark.parametrize(
    "arguments", [["--doors", "0"], ["--image-size", "2"], ["--test-fraction", "2"]]
)
def test_generate_config_rejects_invalid_arguments(arguments):
    with pytest.raises(ConfigError, match=arguments[0]):
        tyro.cli(Config, args=arguments)


def test_generate_without_pybullet_equals_torch_and_says_so_in_one_line(tmp_path):
    code = (
        "import sys; sys.modules['pybullet'] = None\n"
        "from doorlab.cli import main\n"
        "for name in ('auto', 'torch'):\n"
        "    options = ['--doors', '3', '--frames', '1', '--image-size', '16', '--videos', '0']\n"
        "    main(['generate', '--simulator', name, '--out', name, '--workers', '1', *options])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    auto, torch = (DoorDataset.open(tmp_path / name) for name in ("auto", "torch"))
    assert (auto.simulator, auto.checksum) == ("torch", torch.checksum)
    notes = [line for line in done.stderr.splitlines() if "PyBullet" in line]
    assert notes == ["doorlab: the simulator is torch, because PyBullet is not installed"]
