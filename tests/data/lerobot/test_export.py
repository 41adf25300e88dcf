import io
import json
import re
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from helpers.fake_simulator import make_fake, tree
from helpers.filming import write_footage
from helpers.lerobot_exports import film_episodes
from PIL import Image

from doorlab.data import SPLITS, DoorDataset, import_dataset
from doorlab.data.hub.card import CardInfo
from doorlab.data.lerobot.episodes import FrameEpisodes
from doorlab.data.lerobot.export import export_lerobot
from doorlab.data.lerobot.films import FilmEpisodes
from doorlab.data.sources.importing import FootageSettings, plan_import
from doorlab.errors import ConfigError, DatasetError, ResultError, SimulatorError


def rows_below(folder):
    files = sorted(folder.rglob("*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def info_of(export):
    return json.loads((export / "meta/info.json").read_text())


def image_of(row):
    return np.asarray(Image.open(io.BytesIO(row["observation.images.door"]["bytes"])))


def exported_order(dataset):
    return np.concatenate([dataset.indices(split) for split in SPLITS])


def test_frames_equal_dataset_bit_for_bit(frames, dataset):
    rows, doors = rows_below(frames / "data"), exported_order(dataset)
    images = np.array([image_of(row) for row in rows])
    np.testing.assert_array_equal(images, dataset.read("images", doors).reshape(images.shape))
    positions = dataset.read("joint_position", doors).ravel()
    np.testing.assert_array_equal([row["observation.state"] for row in rows], positions)
    views = dataset.read("view", doors).reshape(-1, 7)
    np.testing.assert_array_equal([row["observation.view"] for row in rows], views)
    assert [row["index"] for row in rows] == list(range(33))
    assert [row["frame_index"] for row in rows] == 11 * [0, 1, 2]
    assert [row["timestamp"] for row in rows] == 11 * [0.0, 1.0, 2.0]


def test_episodes_have_doors_and_ranges(frames, dataset):
    episodes, doors = rows_below(frames / "meta/episodes"), exported_order(dataset)
    assert [e["door/index"] for e in episodes] == doors.tolist()
    assert [e["dataset_to_index"] for e in episodes] == list(range(3, 34, 3))
    assert [e["data/file_index"] for e in episodes] == 6 * [0] + 5 * [1]
    assert info_of(frames)["splits"] == {"train": "0:6", "validation": "6:8", "test": "8:11"}
    assert [e["door/split"] for e in episodes] == 6 * ["train"] + 2 * ["validation"] + 3 * ["test"]
    for episode, door in zip(episodes, dataset.doors(doors), strict=True):
        assert episode["door/hinge_side"] == door.hinge_side
        assert episode["door/mass"] == door.mass
        assert tuple(episode["door/appearance/panel_color"]) == door.appearance.panel_color


def test_row_groups_are_episodes(frames):
    for file in frames.glob("data/*/*.parquet"):
        opened = pq.ParquetFile(file)
        groups = [opened.read_row_group(n)["episode_index"] for n in range(opened.num_row_groups)]
        assert all(len(set(group.to_pylist())) == 1 for group in groups)


@pytest.mark.parametrize("name", ["frames", "films", "videos"])
def test_info_describes_every_column(name, request):
    export = request.getfixturevalue(name)
    info, rows = info_of(export), rows_below(export / "data")
    assert (info["codebase_version"], info["total_frames"]) == ("v3.0", len(rows))
    assert info["total_episodes"] == len(rows_below(export / "meta/episodes"))
    for key, feature in info["features"].items():
        if feature["dtype"] == "video":
            assert key not in rows[0]
        elif feature["dtype"] != "image":
            assert np.size(rows[0][key]) == np.prod(feature["shape"]) == len(feature["names"])
    statistics = json.loads((export / "meta/stats.json").read_text())
    assert set(statistics) == set(info["features"])
    state = np.array([row["observation.state"] for row in rows], np.float64).reshape(len(rows), -1)
    np.testing.assert_allclose(statistics["observation.state"]["mean"], state.mean(0))


def test_statistics_of_episode_are_those_of_its_frames(films):
    episode, rows = rows_below(films / "meta/episodes")[3], rows_below(films / "data")
    inside = rows[episode["dataset_from_index"] : episode["dataset_to_index"]]
    pixels = np.array([image_of(row) for row in inside]).reshape(-1, 3) / 255
    mean = np.ravel(episode["stats/observation.images.door/mean"])
    np.testing.assert_allclose(mean, pixels.mean(0))
    assert episode["stats/next.done/mean"] == [pytest.approx(1 / len(inside))]


def test_films_move_hand_and_door_and_end_with_reward(films, dataset):
    episodes, rows = rows_below(films / "meta/episodes"), rows_below(films / "data")
    assert [e["interaction/index"] for e in episodes] == 11 * [0, 1]
    rewards = dataset.read("rewards")
    for episode in episodes:
        inside = rows[episode["dataset_from_index"] : episode["dataset_to_index"]]
        reward = rewards[episode["door/index"], episode["interaction/index"]]
        state = np.array([row["observation.state"] for row in inside])
        action = np.array([row["action"] for row in inside])
        assert len(inside) == (5 if episode["interaction/slipped"] else 10)  # of 1 s
        np.testing.assert_array_equal(action[:-1, :3], state[1:, :3])
        np.testing.assert_allclose(np.diff(state[1:, 1]), -0.1, atol=1e-5)  # m, in 0.1 s
        np.testing.assert_array_equal(state[:, 3], [0.0, *action[:-1, 3]])
        assert (state[0, -1], state[1, -1] > 0) == (0.0, reward > 0)
        assert [row["next.done"] for row in inside] == [False] * (len(inside) - 1) + [True]
        assert sum(row["next.reward"] for row in inside) == reward
        assert inside[-1]["next.success"] == (reward >= 0.9)


def test_videos_hold_episodes_one_after_the_other(videos, films):
    episodes = rows_below(videos / "meta/episodes")
    start = "videos/observation.images.door/from_timestamp"
    assert [e[start] for e in episodes[:3]] == [e["dataset_from_index"] / 10 for e in episodes[:3]]
    assert [e[start] for e in episodes if e["episode_index"] == 12] == [0.0]  # the second file
    assert len(list(videos.glob("videos/*/*/*.mp4"))) == 2
    assert [e["length"] for e in episodes] == [
        e["length"] for e in rows_below(films / "meta/episodes")
    ]


def test_export_of_footage_has_names_and_no_parameters(tmp_path):
    settings = FootageSettings(frames=5, image_size=16)
    plan = plan_import(write_footage(tmp_path / "source"), settings)
    import_dataset(tmp_path / "imported", plan.config)
    dataset = DoorDataset.open(tmp_path / "imported")
    export_lerobot(dataset, tmp_path / "out", CardInfo(), FrameEpisodes(dataset))
    columns = [c for c in rows_below(tmp_path / "out/meta/episodes")[0] if c.startswith("door/")]
    assert columns == ["door/index", "door/split", "door/name"]
    assert "observation.state" not in info_of(tmp_path / "out")["features"]
    with pytest.raises(DatasetError, match="doorlab generate"):
        FilmEpisodes(dataset, 1, 10)


def test_card_explains_every_feature_and_column(films):
    card = (films / "README.md").read_text()
    _, header, body = card.split("---\n", 2)
    assert "tags: [LeRobot," in header
    for key in (*info_of(films)["features"], "door/mass", "interaction/slipped"):
        assert f"| `{key}` |" in body
    columns = [c for c in rows_below(films / "meta/episodes")[0] if re.match("(door|inter)", c)]
    assert re.findall(r"^\| `((?:door|interaction)/[^`]+)`", body, re.MULTILINE) == columns
    assert "hf upload OWNER/NAME THIS_FOLDER . --repo-type dataset" in body
    assert "{" not in body.split("```json")[0].replace("{json", "")


def test_card_header_is_valid_yaml(frames):
    yaml = pytest.importorskip("yaml")
    header = yaml.safe_load((frames / "README.md").read_text().split("---\n")[1])
    assert (header["license"], header["tags"][0]) == ("cc-by-4.0", "LeRobot")


def test_overwrite_replaces_only_exports_in_this_format(frames, dataset, tmp_path):
    frames = shutil.copytree(frames, tmp_path / "frames")
    before, source = tree(frames), film_episodes(dataset)
    with pytest.raises(ResultError, match="--overwrite"):
        export_lerobot(dataset, frames, CardInfo(), source)
    assert tree(frames) == before
    (frames / "notes.txt").write_text("mine")
    export_lerobot(dataset, frames, CardInfo(), source, overwrite=True)
    assert (frames / "notes.txt").read_text() == "mine"
    assert len(list(frames.glob("data/*/*.parquet"))) == 1
    other = tmp_path / "other"
    (other / "meta").mkdir(parents=True)
    (other / "meta/info.json").write_text("{}")  # of a robot's recordings, for example
    with pytest.raises(ResultError, match="other files"):
        export_lerobot(dataset, other, CardInfo(), source, overwrite=True)


def test_failing_simulator_leaves_nothing(dataset, tmp_path):
    source = FilmEpisodes(dataset, 1, 10, make_fake)
    with pytest.raises(SimulatorError, match=r"hands and time_step.*fake, which"):
        export_lerobot(dataset, tmp_path / "out", CardInfo(), source)
    assert list(tmp_path.iterdir()) == []


def test_export_refuses_more_interactions_than_dataset_has(dataset):
    with pytest.raises(ConfigError, match=r"at most the 5 interactions.*got 6.*--interactions"):
        film_episodes(dataset, interactions=6)


def test_datasets_library_reads_export(frames, dataset):
    datasets = pytest.importorskip("datasets")
    files = sorted(map(str, frames.glob("data/*/*.parquet")))
    loaded = datasets.Dataset.from_parquet(files)
    assert isinstance(loaded.features["observation.images.door"], datasets.Image)
    assert np.asarray(loaded[0]["observation.images.door"]).shape == (16, 16, 3)
