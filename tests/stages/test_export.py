import numpy as np
import pytest

from doorlab.cli import main
from doorlab.data import SPLITS, DoorDataset
from doorlab.errors import ConfigError, DatasetError
from doorlab.stages.export import Config, run


def test_export_command_round_trips_through_import(painted_dataset, tmp_path, capsys):
    out = str(tmp_path / "hub")
    args = [
        "export",
        str(painted_dataset),
        "--out",
        out,
        "--title",
        "Painted",
        "--file-doors",
        "30",
    ]
    assert main(args) == 0
    assert len(list((tmp_path / "hub/data").glob("test-*-of-00002.parquet"))) == 2
    assert "# Painted\n\n120 doors" in (tmp_path / "hub/README.md").read_text()
    assert main(args) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main([*args, "--overwrite"]) == 0
    assert main(["import", out, "--out", str(tmp_path / "back"), "--workers", "1"]) == 0
    back = DoorDataset.open(tmp_path / "back")
    assert back.checksum == DoorDataset.open(painted_dataset).checksum


def test_export_rejects_folder_without_dataset(tmp_path):
    with pytest.raises(DatasetError, match="doorlab generate"):
        run(Config(source=tmp_path / "nothing", out=tmp_path / "hub"))
    assert list(tmp_path.iterdir()) == []


def test_lerobot_export_command_round_trips_through_import(painted_dataset, tmp_path, capsys):
    out = str(tmp_path / "lerobot")
    args = ["export", str(painted_dataset), "--format", "lerobot", "--out", out]
    assert main(args) == 0
    assert main(args) == 2
    assert "--overwrite" in capsys.readouterr().err
    back, dataset = tmp_path / "back", DoorDataset.open(painted_dataset)
    sizes = ["--frames", str(dataset.frames), "--image-size", str(dataset.image_size)]
    assert main(["import", out, "--out", str(back), *sizes, "--workers", "1"]) == 0
    order = np.concatenate([dataset.indices(split) for split in SPLITS])
    images = DoorDataset.open(back).read("images")
    np.testing.assert_array_equal(images, dataset.read("images", order))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"video": True}, r"Expected --format lerobot with --video, but got --format auto"),
        ({"interactions": 2, "fps": 5}, r"--format lerobot with --interactions and --fps"),
        ({"format": "lerobot", "fps": 5}, r"--interactions with --fps, but got none"),
        ({"format": "lerobot", "fps": 0, "interactions": 1}, r"--fps as a whole number from 1"),
    ],
)
def test_options_of_other_formats_are_refused(tmp_path, options, message):
    with pytest.raises(ConfigError, match=message):
        Config(source=tmp_path, **options)
