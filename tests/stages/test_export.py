import pytest

from doorlab.cli import main
from doorlab.data import DoorDataset
from doorlab.errors import DatasetError
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
