import json
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.filming import write_footage
from helpers.object_stores import serving

from doorlab.data import SPLITS, DoorDataset, import_dataset
from doorlab.data.hub.card import CardInfo
from doorlab.data.hub.export import export_dataset, restore_dataset
from doorlab.data.hub.tables import columns
from doorlab.data.sources.importing import FootageSettings, plan_import
from doorlab.errors import ConfigError, DatasetError, DoorlabError, ResultError
from doorlab.storage.folders import output_folder


def tree(path):
    files = (file for file in Path(path).rglob("*") if file.is_file())
    return {str(file.relative_to(path)): file.read_bytes() for file in files}


@pytest.fixture
def exported(dataset, tmp_path):
    export_dataset(dataset, tmp_path / "export", CardInfo("My doors", "cc-by-4.0"), file_doors=4)
    return tmp_path / "export"


@pytest.fixture
def imported(tmp_path):
    settings = FootageSettings(frames=5, image_size=16, test_fraction=0.2, shard_doors=2)
    plan = plan_import(write_footage(tmp_path / "source"), settings)
    import_dataset(tmp_path / "imported", plan.config)
    return DoorDataset.open(tmp_path / "imported")


def test_export_names_files_as_hubs_expect(exported):
    names = sorted(p.relative_to(exported).as_posix() for p in exported.rglob("*.*"))
    assert names == [
        "README.md",
        "data/test-00000-of-00001.parquet",
        "data/train-00000-of-00002.parquet",
        "data/train-00001-of-00002.parquet",
        "data/validation-00000-of-00001.parquet",
        "doorlab.json",
        "videos/door-00000.mp4",
    ]


@pytest.mark.parametrize("split", SPLITS)
def test_export_rows_are_doors_of_split(exported, dataset, split):
    rows = [
        r for f in sorted(exported.glob(f"data/{split}-*")) for r in pq.read_table(f).to_pylist()
    ]
    doors = dataset.indices(split)
    assert [row["door"] for row in rows] == doors.tolist()
    assert list(rows[0]) == ["door", *columns(dataset.config)]
    for row, door, index in zip(rows, dataset.doors(doors), doors, strict=True):
        one = np.array([index])
        images = [cv2.imdecode(np.frombuffer(p["bytes"], np.uint8), 1) for p in row["images"]]
        np.testing.assert_array_equal(np.array(images)[..., ::-1], dataset.read("images", one)[0])
        np.testing.assert_array_equal(row["actions"], dataset.read("actions", one)[0])
        np.testing.assert_array_equal(row["view"], dataset.read("view", one)[0])
        assert (row["hinge_side"], row["width"]) == (door.hinge_side, door.width)
        assert row["appearance_panel_color"] == list(door.appearance.panel_color)
        assert row["optimal_reward"] == dataset.read("optimal_reward", one)[0]


def test_export_schema_declares_image_features(exported):
    schema = pq.read_schema(exported / "data/test-00000-of-00001.parquet")
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert list(features) == schema.names
    assert features["images"] == {"feature": {"_type": "Image"}, "_type": "Sequence"}
    assert features["width"] == {"dtype": "float64", "_type": "Value"}
    assert features["hinge_side"] == {"dtype": "string", "_type": "Value"}


def test_export_opens_in_datasets(exported, dataset, tmp_path, monkeypatch):
    """With the library of Hugging Face, where it is installed: `pip install datasets`."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    loaded = datasets.load_dataset(str(exported), cache_dir=str(tmp_path / "cache"))
    assert {name: part["door"] for name, part in loaded.items()} == {
        split: dataset.indices(split).tolist() for split in SPLITS
    }
    door = int(dataset.indices("test")[0])
    row, one = loaded["test"].with_format("numpy")[0], np.array([door])
    np.testing.assert_array_equal(row["images"], dataset.read("images", one)[0])
    np.testing.assert_array_equal(row["actions"], dataset.read("actions", one)[0])
    assert row["hinge_side"] == dataset.doors(one)[0].hinge_side
    assert isinstance(loaded["test"].features["images"].feature, datasets.Image)


@pytest.mark.parametrize("workers", [1, 2])
def test_restore_reproduces_dataset_byte_for_byte(exported, dataset, tmp_path, workers):
    moved = exported.rename(tmp_path / "downloaded")
    manifest = restore_dataset(tmp_path / "back", moved, workers=workers)
    assert manifest.checksum == dataset.checksum
    assert tree(tmp_path / "back") == tree(dataset.path)


def test_restore_reproduces_imported_footage_byte_for_byte(imported, tmp_path):
    export_dataset(imported, tmp_path / "export", CardInfo())
    table = pq.read_table(tmp_path / "export/data/train-00000-of-00001.parquet")
    assert table.column_names == ["door", "name", "images"]
    assert set(table["name"].to_pylist()) < set(imported.config.names)
    restore_dataset(tmp_path / "back", tmp_path / "export")
    assert tree(tmp_path / "back") == tree(imported.path)
    card = (tmp_path / "export/README.md").read_text()
    assert "hinge" not in card
    assert "| `name` | string |" in card


def test_restore_repairs_damaged_parts(exported, dataset, tmp_path):
    back = tmp_path / "back"
    restore_dataset(back, exported)
    shutil.rmtree(back / "shards/shard-00001/images")
    (back / "videos/door-00000.mp4").write_bytes(b"?")
    with pytest.raises(DatasetError, match="--resume"):
        restore_dataset(back, exported)
    restore_dataset(back, exported, resume=True)
    assert tree(back) == tree(dataset.path)


def test_export_replaces_only_exports_with_overwrite(exported, dataset, tmp_path):
    with pytest.raises(ResultError, match="--overwrite"):
        export_dataset(dataset, exported, CardInfo())
    export_dataset(dataset, exported, CardInfo("Other"), overwrite=True)
    assert "# Other" in (exported / "README.md").read_text()
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/thesis.tex").write_text("...")
    for path in (tmp_path / "precious", dataset.path, dataset.path / "hub"):
        with pytest.raises(DoorlabError, match="Choose another --out"):
            export_dataset(dataset, path, CardInfo(), overwrite=True)
    assert not (dataset.path / "hub").exists()
    assert (tmp_path / "precious/thesis.tex").exists()
    (tmp_path / "empty").mkdir()
    export_dataset(dataset, tmp_path / "empty", CardInfo())
    with (
        output_folder(tmp_path / "empty"),
        pytest.raises(ResultError, match="to be free, but got this process"),
    ):
        export_dataset(dataset, tmp_path / "empty", CardInfo(), overwrite=True)


def test_export_keeps_foreign_files(exported, dataset):
    others = {
        ".git/HEAD": b"ref",
        "NOTES.md": b"precious",
        "data/mine.parquet": b"1",
        "logs/x": b"",
    }
    for name, data in others.items():
        (exported / name).parent.mkdir(exist_ok=True)
        (exported / name).write_bytes(data)
    export_dataset(dataset, exported, CardInfo("Other"), file_doors=100, overwrite=True)
    found = tree(exported)
    assert others.items() <= found.items()
    assert sorted(found.keys() - others.keys()) == [
        "README.md", "data/test-00000-of-00001.parquet", "data/train-00000-of-00001.parquet",
        "data/validation-00000-of-00001.parquet", "doorlab.json", "videos/door-00000.mp4",
    ]  # fmt: skip
    assert b"# Other" in found["README.md"]


def test_export_does_not_follow_symlinks(exported, dataset, tmp_path):
    shutil.rmtree(exported / "data")
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim/train-00000-of-00001.parquet").write_text("precious")
    (exported / "data").symlink_to(tmp_path / "victim")
    (exported / "NOTES.md").touch()
    export_dataset(dataset, exported, CardInfo(), overwrite=True)
    assert (tmp_path / "victim/train-00000-of-00001.parquet").read_text() == "precious"
    assert len(list((tmp_path / "victim").iterdir())) == 1
    assert not (exported / "data").is_symlink()


def test_export_leaves_nothing_after_failure(dataset, tmp_path, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("doorlab.data.hub.export.dataset_card", interrupt)
    with pytest.raises(KeyboardInterrupt):
        export_dataset(dataset, tmp_path / "export", CardInfo())
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConfigError, match="--file-doors"):
        export_dataset(dataset, tmp_path / "export", CardInfo(), file_doors=0)


@pytest.mark.parametrize("part", ["videos/door-00000.mp4", "shards/shard-00001/rewards/c/0/0"])
def test_export_rejects_damaged_dataset(dataset, tmp_path, part):
    shutil.copytree(dataset.path, tmp_path / "copy")
    (tmp_path / "copy" / part).unlink()
    with pytest.raises(DatasetError, match="Repair it with `doorlab generate"):
        export_dataset(DoorDataset.open(tmp_path / "copy"), tmp_path / "export", CardInfo())
    assert [p.name for p in tmp_path.iterdir()] == ["copy"]


@pytest.mark.parametrize("harm", [None, "change", "remove"])
def test_export_by_url_reads_videos_from_store(dataset, tmp_path, monkeypatch, harm):
    video = tmp_path / "bucket/doors/videos/door-00000.mp4"
    shutil.copytree(dataset.path, tmp_path / "bucket/doors")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    if harm:
        video.write_bytes(b"?") if harm == "change" else video.unlink()
    with serving(tmp_path) as store:
        monkeypatch.setenv("AWS_ENDPOINT_URL", store.endpoint)
        remote = DoorDataset.open("s3://bucket/doors")
        if harm is None:
            export_dataset(remote, tmp_path / "export", CardInfo())
            export_dataset(dataset, tmp_path / "of_folder", CardInfo())
            assert tree(tmp_path / "export") == tree(tmp_path / "of_folder")
        else:
            wrong = r"s3://bucket/doors/videos/door-00000\.mp4 as it was written.*Check the URL"
            with pytest.raises(DatasetError, match=wrong):
                export_dataset(remote, tmp_path / "export", CardInfo())


def damage_file(change):
    def damage(exported):
        file = exported / "data/train-00000-of-00002.parquet"
        file.write_bytes(change(file.read_bytes()))

    return damage


def rewrite(column, change):
    def damage(exported):
        file = exported / "data/train-00000-of-00002.parquet"
        table = pq.read_table(file)
        changed = [change(value) for value in table[column].to_pylist()]
        place, field = table.column_names.index(column), table.schema.field(column)
        values = pa.array(changed, type=field.type)
        pq.write_table(table.set_column(place, field, values), file)

    return damage


def retype(column, change):
    """Values of another type, against the schema."""

    def damage(exported):
        file = exported / "data/train-00000-of-00002.parquet"
        table = pq.read_table(file)
        changed = pa.array([change(value) for value in table[column].to_pylist()])
        pq.write_table(table.set_column(table.column_names.index(column), column, changed), file)

    return damage


def rename(column, name):
    def damage(exported):
        file = exported / "data/train-00000-of-00002.parquet"
        table = pq.read_table(file)
        names = [name if known == column else known for known in table.column_names]
        pq.write_table(table.rename_columns(names), file)

    return damage


def png(side, depth=8):
    """The header of an image."""
    header = b"IHDR" + struct.pack(">IIBBBBB", side, side, depth, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n\0\0\0\r" + header + struct.pack(">I", zlib.crc32(header))


RADIANCE = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 8 +X 8\n" + bytes(300)


@pytest.mark.parametrize(
    "damage",
    [
        damage_file(lambda data: data[:-100]),
        damage_file(lambda data: b""),
        damage_file(lambda data: data[:300] + bytes(60) + data[360:]),
        lambda exported: (exported / "data/test-00000-of-00001.parquet").unlink(),
        lambda exported: shutil.rmtree(exported / "data"),
        lambda exported: shutil.rmtree(exported / "videos"),
        rewrite("width", lambda value: value + 1e-9),
        rewrite("hinge_side", lambda value: "top"),
        rewrite("hinge_side", lambda value: None),
        rewrite("rewards", lambda value: value[:-1]),
        rewrite("images", lambda value: [{"bytes": b"?", "path": ""}] * 3),
        rewrite("images", lambda value: [{"bytes": b"", "path": ""}] * 3),
        rewrite("images", lambda value: [{"bytes": None, "path": ""}] * 3),
        rewrite("images", lambda value: value[::-1]),
        rewrite("door", lambda value: 3),
        rewrite("images", lambda value: [{"bytes": png(100_000), "path": ""}] * 3),
        rewrite("images", lambda value: [{"bytes": png(32, depth=16), "path": ""}] * 3),
        rewrite("images", lambda value: [{"bytes": png(32), "path": ""}] * 3),  # without its lines
        rewrite("images", lambda value: [{"bytes": RADIANCE, "path": ""}] * 3),
        retype("images", lambda value: 3),
        retype("images", lambda value: "x"),
        retype("images", lambda value: [3]),
        retype("actions", lambda value: 0.5),
        retype("actions", lambda value: "x"),
        retype("actions", lambda value: [["x"]]),
        retype("rewards", lambda value: None),
        retype("hinge_side", lambda value: 3),
        retype("hinge_side", lambda value: [3]),
        retype("width", lambda value: "x"),
        retype("width", lambda value: [0.5]),
        retype("door", lambda value: "x"),
        retype("door", lambda value: [1]),
        rename("images", "photos"),
        rename("door", "doors"),
        rename("actions", "images"),
    ],
)
def test_restore_rejects_damaged_export(exported, tmp_path, damage):
    damage(exported)
    with pytest.raises(DatasetError, match="Download it again") as error:
        restore_dataset(tmp_path / "back", exported)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content", ["", "{}", '{"manifest": {}}', '{"manifest": 3, "digests": {}}', "[]"]
)
def test_restore_rejects_corrupt_manifest(exported, tmp_path, content):
    (exported / "doorlab.json").write_text(content)
    with pytest.raises(DatasetError):
        restore_dataset(tmp_path / "back", exported)


@pytest.mark.parametrize("change", [list, lambda digests: dict.fromkeys(digests, 3)])
def test_restore_rejects_invalid_digests(exported, tmp_path, change):
    document = json.loads((exported / "doorlab.json").read_text())
    document["digests"] = change(document["digests"])
    (exported / "doorlab.json").write_text(json.dumps(document))
    with pytest.raises(DatasetError):
        restore_dataset(tmp_path / "back", exported)


def test_export_without_pyarrow_names_extra_to_install():
    code = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from doorlab.cli import main\n"
        "import doorlab.data.dataset as d; d.DoorDataset.open = staticmethod(lambda path: None)\n"
        "sys.exit(main(['export', 'runs/x']))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 2
    assert run.stderr.startswith("doorlab: error: Expected pyarrow")
    assert "pip install 'doorlab[hub]'" in run.stderr
    assert run.stderr.count("\n") == 1
