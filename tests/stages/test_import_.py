import json

import cv2
import numpy as np
import pytest
from helpers.filming import make_image, write_video

from doorlab.cli import main
from doorlab.data import DoorDataset
from doorlab.errors import ConfigError, DatasetError
from doorlab.stages.export import Config as ExportConfig
from doorlab.stages.export import run as export
from doorlab.stages.import_ import Config, run


@pytest.fixture
def source(tmp_path):
    """Ten doors of four images, one of two, and a note."""
    rng = np.random.default_rng(0)
    for door in range(11):
        folder = tmp_path / "footage" / f"door {door}"
        folder.mkdir(parents=True)
        for number in range(2 if door == 10 else 4):
            image = rng.integers(0, 255, (20 + door, 33, 3), np.uint8)
            cv2.imwrite(str(folder / f"{number}.png"), image)
    (tmp_path / "footage/notes.txt").write_text("...")
    return tmp_path / "footage"


def config(source, tmp_path, **changes):
    settings = {"frames": 3, "image_size": 16, "skip_short": True, "workers": 1, **changes}
    return Config(source=source, out=tmp_path / "data", **settings)


def test_import_reports_skipped_files_and_doors(source, tmp_path, capsys):
    dataset = DoorDataset.open(run(config(source, tmp_path)))
    assert dataset.num_doors == 10
    err = capsys.readouterr().err
    assert "left out (too few images): door 10 (2)" in err
    assert "left out (not an image or video): notes.txt" in err
    with pytest.raises(DatasetError, match=r"door 10 \(2\).*--skip-short"):
        run(config(source, tmp_path, skip_short=False, resume=True))


def test_import_reports_ignored_files_and_empty_splits(source, tmp_path, capsys):
    for number in range(7):
        (source / f"door 1/{number}.heic").touch()
    (source / "door 2/0.png").write_bytes(b"?")
    run(config(source, tmp_path, skip_unreadable=True))
    err = capsys.readouterr().err
    assert "unsupported format in the folder of a door): door 1/0.heic, door 1/1.heic" in err
    assert "and 2 more; convert HEIC and AVIF to JPEG" in err
    assert "left out (unreadable): door 2/0.png (a file that is empty" in err
    assert (
        "with so few doors, the splits are 9 for train, 0 for validation, 1 for test. Raise --valid"
        in err
    )


def test_import_escapes_control_characters_of_file_names(source, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    (source / "door 1/a\x1b]0;title\x07\n.heic").touch()
    (source / "door 2").rename(source / "a \x1b[2J")
    data = str(run(config(source, tmp_path)))
    err = capsys.readouterr().err
    assert r"folder of a door): door 1/a\x1b]0;title\x07\n.heic; convert" in err
    assert main(["info", data]) == 0
    assert r"a \x1b[2J" in capsys.readouterr().out


def test_import_command_and_info_command_describe_footage(source, tmp_path, capsys):
    args = ["import", str(source), "--out", str(tmp_path / "d"), "--frames", "2", "--fit", "pad"]
    assert main([*args, "--image-size", "16", "--workers", "1"]) == 0
    assert main(["info", str(tmp_path / "d"), "--verify"]) == 0
    out = capsys.readouterr().out
    for expected in ("11 imported", "a camera", "door 0, door 1", "all 1 parts"):
        assert expected in out
    assert "rewards" not in out


@pytest.mark.parametrize(
    "args",
    [
        ["train", "--model", "np"],
        ["probe"],
        ["bandit", "--doors", "1"],
    ],
)
def test_commands_that_need_interactions_reject_footage(source, tmp_path, capsys, args):
    data = str(run(config(source, tmp_path, test_fraction=0.3, validation_fraction=0.2)))
    capsys.readouterr()
    if args == ["probe"]:
        args = ["probe", "--models", str(tmp_path / "model")]
    assert main([*args, "--data", data, "--out", str(tmp_path / "out")]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert f"got {data}, which was imported from the footage in {source}" in err
    assert "doorlab generate" in err


def test_pretrain_command_accepts_footage(source, tmp_path):
    data = run(config(source, tmp_path, image_size=32, validation_fraction=0.2))
    args = ["pretrain", "--model", "statistician", "--data", str(data), "--steps", "2"]
    assert main([*args, "--batch-size", "2", "--frames", "3", "--out", str(tmp_path / "run")]) == 0
    assert json.loads((tmp_path / "run/metrics.json").read_text())["dataset_checksum"] == (
        DoorDataset.open(data).checksum
    )


def test_plot_command_skips_unknown_parameters_of_footage(source, tmp_path):
    data = run(config(source, tmp_path, image_size=32, validation_fraction=0.2, test_fraction=0.4))
    folder = tmp_path / "run"
    folder.mkdir()
    data.rename(folder / "dataset")
    args = ["pretrain", "--data", str(folder / "dataset"), "--steps", "2", "--batch-size", "2"]
    out = folder / "pretrain/statistician"
    assert main([*args, "--frames", "3", "--out", str(out)]) == 0
    assert main(["plot", "--run", str(folder)]) == 0
    (result,) = folder.rglob("plot*.json")
    skipped = json.loads(result.read_text())["skipped"]
    assert f"it is imported from the footage in {source}" in skipped["embedding"]
    assert f"it is imported from the footage in {source}" in skipped["correlations"]
    assert "reconstructions" not in skipped


def test_import_restores_exported_dataset(source, tmp_path):
    first = DoorDataset.open(run(config(source, tmp_path)))
    exported = export(ExportConfig(source=first.path, out=tmp_path / "export"))
    back = DoorDataset.open(run(Config(source=exported, out=tmp_path / "back", workers=1)))
    assert back.checksum == first.checksum
    with pytest.raises(ConfigError, match=r"no settings .*got --frames, --image-size. Remove"):
        run(Config(source=exported, out=tmp_path / "other", frames=3, image_size=32))


def test_import_command_reports_unreadable_footage_in_one_line(source, tmp_path, capsys):
    (source / "door 3/2.png").write_bytes(b"no image")
    args = ["import", str(source), "--out", str(tmp_path / "d"), "--frames", "2", "--skip-short"]
    assert main([*args, "--frames", "4", "--workers", "1"]) == 2
    err = capsys.readouterr().err
    assert f"a readable image or video at {source / 'door 3/2.png'}" in err
    assert "Traceback" not in err


def test_import_rejects_output_inside_footage(source):
    for out in (source, source / "data"):
        with pytest.raises(ConfigError, match="--out outside of the footage or export"):
            run(Config(source=source, out=out, skip_short=True))


def test_import_warns_of_videos_that_lerobot_names(source, tmp_path, capsys):
    write_video(source / "file-000.mp4", [make_image(n) for n in range(4)])
    run(config(source, tmp_path))
    assert "file-000.mp4: LeRobot names videos of many episodes so" in capsys.readouterr().err
