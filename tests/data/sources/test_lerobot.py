import io
import json
import shutil

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.filming import write_footage, write_lossless_video

from doorlab.data import SPLITS, DoorDataset, import_dataset
from doorlab.data.lerobot.layout import CAMERA
from doorlab.data.sources.importing import FootageSettings, plan_import
from doorlab.data.sources.lerobot import LeRobotFrames
from doorlab.errors import ConfigError, DatasetError

SETTINGS = {"frames": 3, "image_size": 16, "shard_doors": 8}


@pytest.fixture
def copied(videos, tmp_path):
    return shutil.copytree(videos, tmp_path / "copy")


def imported(source, out, **settings):
    plan = plan_import(source, FootageSettings(**SETTINGS | settings))
    import_dataset(out, plan.config)
    return DoorDataset.open(out)


def edit_info(folder, **values):
    file = folder / "meta/info.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def edit_table(file, change):
    rows = pq.read_table(file).to_pylist()
    pq.write_table(pa.Table.from_pylist([change(row) or row for row in rows]), file)


def test_import_of_export_has_equal_frames(frames, dataset, tmp_path):
    back = imported(frames, tmp_path / "back")
    order = np.concatenate([dataset.indices(split) for split in SPLITS])
    np.testing.assert_array_equal(back.read("images"), dataset.read("images", order))
    assert back.config.names[:2] == ("episode-000000", "episode-000001")
    assert back.config.camera == CAMERA


def test_import_cuts_videos_by_timestamps(videos, films, tmp_path):
    """Lossless videos of the same frames give the same dataset as the images."""
    copy = shutil.copytree(videos, tmp_path / "copy")
    for file in sorted(films.glob("data/*/*.parquet")):
        cells = pq.read_table(file)[CAMERA].to_pylist()
        images = [_decoded(cell["bytes"]) for cell in cells]
        name = file.relative_to(films / "data").with_suffix(".mp4")
        write_lossless_video(copy / "videos" / CAMERA / name, images)
    wanted = imported(films, tmp_path / "films").read("images")
    np.testing.assert_array_equal(imported(copy, tmp_path / "back").read("images"), wanted)
    losses = imported(videos, tmp_path / "lossy").read("images").astype(int) - wanted
    assert 0 < np.abs(losses).mean() < 8
    assert len(wanted) == 22


def _decoded(data):
    with av.open(io.BytesIO(data)) as container:  # Pillow decodes for doorlab
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


def test_frames_are_evenly_spaced_over_episode(films):
    opened = LeRobotFrames(films)
    length = opened.length("episode-000000")
    every = opened.read("episode-000000", length, 16, "crop")
    np.testing.assert_array_equal(opened.read("episode-000000", 2, 16, "crop"), every[[0, -1]])


def test_several_cameras_need_a_choice(copied):
    features = json.loads((copied / "meta/info.json").read_text())["features"]
    depth = {**features[CAMERA], "info": {"is_depth_map": True}}
    features |= {"observation.images.wrist": features[CAMERA], "observation.images.depth": depth}
    edit_info(copied, features=features)
    with pytest.raises(ConfigError, match=r"--camera: observation.images.door, .*wrist\.$"):
        plan_import(copied, FootageSettings(**SETTINGS))
    config = plan_import(copied, FootageSettings(**SETTINGS, camera=CAMERA)).config
    assert f"--camera {CAMERA}" in config.command("out")
    with pytest.raises(ConfigError, match=r"Did you mean 'observation\.images\.door'"):
        plan_import(copied, FootageSettings(**SETTINGS, camera="images.door"))
    with pytest.raises(DatasetError, match="without the column videos/observation"):
        plan_import(copied, FootageSettings(**SETTINGS, camera="observation.images.wrist"))


def test_camera_needs_lerobot_dataset(tmp_path):
    source = write_footage(tmp_path / "footage")
    with pytest.raises(ConfigError, match=r"no LeRobot dataset.*Remove --camera"):
        plan_import(source, FootageSettings(camera="front"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"codebase_version": "v2.1"}, "v3.0 in .*version 'v2.1'. Convert it with `python -m lero"),
        ({"codebase_version": "v4.0"}, "version 'v4.0'. Convert it to v3.0 with lerobot"),
        ({"codebase_version": None}, "version None"),
        ({"fps": 0}, "fps as a number from 0.001"),
        ({"fps": "ten"}, "got 'ten'"),
        ({"features": []}, "features in .*got list"),
        ({"features": {"action": {"dtype": "float32"}}}, "a camera among the features"),
        ({"video_path": None}, "the path None in meta/info.json"),
        ({"video_path": "../{video_key}"}, "the path '../{video_key}'"),
        ({"video_path": "/etc/{file_index}"}, "the path '/etc/"),
        ({"video_path": "{video_key:>9999999999}"}, "the path '{video_key:"),
        ({"video_path": "{other}/x.mp4"}, "the path '{other}"),
    ],
)
def test_odd_info_is_refused(copied, values, message):
    edit_info(copied, **values)
    with pytest.raises(DatasetError, match=message):
        plan_import(copied, FootageSettings(**SETTINGS))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({f"videos/{CAMERA}/from_timestamp": None}, "from_timestamp None"),
        ({f"videos/{CAMERA}/from_timestamp": float("nan")}, "from_timestamp nan"),
        ({f"videos/{CAMERA}/to_timestamp": 1e9}, "frames in the video and a length of"),
        ({"length": -1}, "length -1"),
        ({"episode_index": 0}, "episode 0 twice"),
        ({"episode_index": 1.5}, "episode_index 1.5"),
    ],
)
def test_odd_episode_is_refused(copied, values, message):
    edit_table(copied / "meta/episodes/chunk-000/file-000.parquet", lambda row: row | values)
    with pytest.raises(DatasetError, match=message):
        plan_import(copied, FootageSettings(**SETTINGS))


@pytest.mark.parametrize("content", [b"", b"PAR1", b"garbage" * 100])
def test_damaged_table_of_episodes_is_refused(copied, content):
    (copied / "meta/episodes/chunk-000/file-001.parquet").write_bytes(content)
    with pytest.raises(DatasetError, match=r"a table of episodes in .*file-001"):
        plan_import(copied, FootageSettings(**SETTINGS))


def test_dataset_without_episodes_is_refused(copied):
    shutil.rmtree(copied / "meta/episodes")
    with pytest.raises(DatasetError, match=r"Parquet files below .*got none"):
        plan_import(copied, FootageSettings(**SETTINGS))


def test_missing_video_is_refused_or_left_out(copied, tmp_path):
    (copied / f"videos/{CAMERA}/chunk-000/file-001.mp4").unlink()
    with pytest.raises(DatasetError, match=r"frames of episode-0000.*--skip-unreadable"):
        imported(copied, tmp_path / "out")
    dataset = imported(copied, tmp_path / "rest", skip_unreadable=True)
    assert dataset.num_doors == 12


def test_video_without_frames_of_episode_is_refused(copied, videos, tmp_path):
    place = f"videos/{CAMERA}/chunk-000"
    shutil.copyfile(videos / place / "file-001.mp4", copied / place / "file-000.mp4")
    with pytest.raises(DatasetError, match="a video without a frame at"):
        imported(copied, tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda row: {**row, CAMERA: {"bytes": None, "path": "x.png"}}, "without the bytes"),
        (lambda row: {**row, CAMERA: {"bytes": b"?", "path": ""}}, "empty, damaged or of another"),
        (
            lambda row: {k: v for k, v in row.items() if k != CAMERA},
            "without the column",
        ),
        (lambda row: {**row, "frame_index": 7}, "no frame 0 of episode 0"),
        (lambda row: {**row, "episode_index": "x"}, "in .*file-000.parquet, but got "),
    ],
)
def test_odd_frames_are_refused(frames, tmp_path, change, message):
    copy = shutil.copytree(frames, tmp_path / "copy")
    edit_table(copy / "data/chunk-000/file-000.parquet", change)
    with pytest.raises(DatasetError, match=message):
        LeRobotFrames(copy).read("episode-000000", 2, 16, "crop")


def test_parts_of_lerobot_dataset_are_not_footage(videos, tmp_path):
    folder = videos / f"videos/{CAMERA}/chunk-000"
    for part in (folder, *folder.parents[:2]):
        with pytest.raises(DatasetError, match=f"Run `doorlab import {videos}`"):
            plan_import(part, FootageSettings(**SETTINGS))
    with pytest.raises(DatasetError, match="Import one dataset at a time"):
        plan_import(videos.parent, FootageSettings(**SETTINGS))


def test_short_episodes_are_refused_or_left_out(films):
    with pytest.raises(DatasetError, match=r"at least 8 images.*episode-0000\d\d \(5\)"):
        plan_import(films, FootageSettings(**SETTINGS | {"frames": 8}))
    plan = plan_import(films, FootageSettings(**SETTINGS | {"frames": 8}, skip_short=True))
    assert len(plan.config.names) + len(plan.short) == 22
    assert plan.short
