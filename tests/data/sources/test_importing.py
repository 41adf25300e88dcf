import json
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.filming import make_image, set_edit, write_footage, write_image, write_video

from doorlab.data import SPLITS, DoorDataset, import_dataset
from doorlab.data.manifest import Manifest
from doorlab.data.sources.footage import FootageDoor, read_frames
from doorlab.data.sources.importing import FootageSettings, ImportConfig, plan_import
from doorlab.data.tensors.batches import DoorData, sample_frames, sample_interactions
from doorlab.errors import ConfigError, DatasetError

SETTINGS = FootageSettings(
    frames=5, image_size=16, validation_fraction=0.2, test_fraction=0.2, shard_doors=2
)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_footage(tmp_path_factory.mktemp("footage") / "source")


@pytest.fixture(scope="module")
def config(source):
    return plan_import(source, SETTINGS).config


@pytest.fixture(scope="module")
def _imported(tmp_path_factory, config):
    path = tmp_path_factory.mktemp("imported") / "dataset"
    import_dataset(path, config)
    return path


@pytest.fixture
def imported(_imported):
    """Not to be changed."""
    return DoorDataset.open(_imported)


@pytest.fixture
def copy(_imported, tmp_path):
    shutil.copytree(_imported, tmp_path / "copy")
    return tmp_path / "copy"


def tree(path):
    files = (file for file in Path(path).rglob("*") if file.is_file())
    return {str(file.relative_to(path)): file.read_bytes() for file in files}


def test_import_dataset_stores_images_of_footage(imported, source, config):
    assert config.names == ("Cellar", "door 2", "door 10", "kitchen.mp4", "lift.mkv")
    for door, name in enumerate(config.names):
        expected = read_frames(source / name, 5, 16, "crop")
        np.testing.assert_array_equal(imported.read("images", np.array([door]))[0], expected)


def test_import_dataset_writes_valid_dataset(imported, source):
    assert (imported.num_doors, imported.frames, imported.interactions) == (5, 5, 0)
    assert imported.videos == []
    assert imported.verify() == []
    assert [len(imported.indices(split)) for split in SPLITS] == [3, 1, 1]
    document = json.loads((imported.path / "dataset.json").read_text())
    assert document["kind"] == "imported"
    assert document["arrays"] == ["images", "split"]
    assert document["config"]["names"][0] == "Cellar"
    assert document["config"]["source"] == str(source)
    assert Manifest.read(imported.path) == imported.manifest


def test_import_dataset_is_independent_of_workers(imported, config, tmp_path):
    import_dataset(tmp_path / "two", config, workers=2)
    assert tree(tmp_path / "two") == tree(imported.path)


def test_imported_dataset_rejects_reads_of_simulated_arrays(imported, source):
    got = rf"got .*, which was imported from the footage in {source}."
    expected = f"a simulated dataset with rewards, but {got}"
    with pytest.raises(DatasetError, match=expected + " Generate one with `doorlab generate`"):
        imported.read("rewards")
    with pytest.raises(DatasetError, match="door/"):
        imported.doors()
    with pytest.raises(DatasetError, match="can be simulated"):
        _ = imported.generation
    with pytest.raises(ConfigError, match="Did you mean"):
        imported.read("reward")


def test_door_data_of_footage_has_frames_only(imported):
    doors = DoorData.load(imported, "train")
    assert doors.images.shape == (3, 5, 3, 16, 16)
    assert doors.actions.shape == (3, 0, 4)
    assert doors.rewards.shape == (3, 0)
    assert doors.joint_position.isnan().all()
    assert doors.optimal_reward.isnan().all()
    generator = torch.Generator().manual_seed(0)
    assert sample_frames(doors, 4, 5, generator).shape == (4, 5, 3, 16, 16)
    with pytest.raises(ConfigError, match="within the 0 interactions"):
        sample_interactions(doors, 4, 5, generator)


@pytest.mark.parametrize("damage", ["flip", "remove", "unlist"])
def test_import_dataset_repairs_damaged_shards(copy, config, imported, damage):
    shard = copy / "shards/shard-00001"
    if damage == "flip":
        file = next(f for f in (shard / "images/c").rglob("*") if f.is_file())
        file.write_bytes(file.read_bytes()[:-1] + b"?")
        assert DoorDataset.open(copy).verify() == ["shards/shard-00001"]
    elif damage == "remove":
        shutil.rmtree(shard)
    else:
        manifest = Manifest.read(copy)
        del manifest.parts["shards/shard-00001"]
        manifest.write(copy)
        with pytest.raises(DatasetError, match=r"1 of 3 parts missing. Run `doorlab import .*"):
            DoorDataset.open(copy)
    import_dataset(copy, config, resume=True)
    assert tree(copy) == tree(imported.path)


def test_import_dataset_resumes_from_moved_footage(copy, source, imported, tmp_path):
    shutil.copytree(source, tmp_path / "moved")
    shutil.rmtree(copy / "shards/shard-00000")
    import_dataset(copy, plan_import(tmp_path / "moved", SETTINGS).config, resume=True)
    assert tree(copy) == tree(imported.path)


def test_import_dataset_rejects_other_settings_or_doors(copy, config):
    with pytest.raises(DatasetError, match="--resume"):
        import_dataset(copy, config)
    with pytest.raises(ConfigError, match=r"image_size \(16 there, 32 here\)"):
        import_dataset(copy, replace(config, image_size=32), resume=True)
    with pytest.raises(ConfigError, match=r"only there: lift\.mkv"):
        import_dataset(copy, replace(config, names=config.names[:-1]), resume=True)


def test_write_dataset_rejects_resume_of_import(copy, dataset):
    from helpers.fake_simulator import CONFIG, make_fake

    from doorlab.data import write_dataset

    with pytest.raises(ConfigError, match=r"kind \(imported there, simulated here\)"):
        write_dataset(copy, CONFIG, simulator=make_fake, resume=True)


def test_plan_import_names_or_skips_short_doors(source, tmp_path):
    settings = replace(SETTINGS, frames=9)
    with pytest.raises(DatasetError, match=r"fewer for lift.mkv \(7\). .*--skip-short"):
        plan_import(source, settings)
    plan = plan_import(source, replace(settings, skip_short=True))
    assert plan.short == ["lift.mkv (7)"]
    assert plan.ignored == ["notes.txt"]
    assert plan.config.names == ("Cellar", "door 2", "door 10", "kitchen.mp4")
    assert "--skip-short" in plan.config.command(tmp_path)
    with pytest.raises(DatasetError, match=r"lift\.mkv \(7\). Use a smaller --frames\.$"):
        plan_import(source, replace(settings, frames=99, skip_short=True))


def test_plan_import_names_other_files_of_short_doors(tmp_path):
    write_image(tmp_path / "a/1.png", make_image(1))
    write_image(tmp_path / "b/door 1/1.png", make_image(1))
    for number in range(3):
        (tmp_path / f"a/{number}.HEIC").touch()
    with pytest.raises(DatasetError) as error:
        plan_import(tmp_path, replace(SETTINGS, frames=2))
    assert error.value.got == "fewer for a (1, besides 3 .heic), b (0, besides 1 folder)"
    assert error.value.fix == (
        "convert HEIC and AVIF to JPEG, or move the images of a door from subfolders into "
        "its folder, or use a smaller --frames"
    )


def test_plan_import_counts_frames_within_edit_list(source, tmp_path):
    film = write_video(tmp_path / "short/trimmed.mp4", [make_image(n, 48, 64) for n in range(12)])
    set_edit(film, start=0.4, duration=0.5)
    shutil.copytree(source / "door 2", tmp_path / "short/door 2")
    plan = plan_import(tmp_path / "short", replace(SETTINGS, frames=6, skip_short=True))
    assert plan.short == ["trimmed.mp4 (5)"]
    assert plan.config.names == ("door 2",)


def test_plan_import_rejects_or_skips_unreadable_files(source, tmp_path):
    copy = tmp_path / "source"
    shutil.copytree(source, copy)
    for name in ("door 2/IMG_1.png", "Cellar/IMG_11.webp", "lift.mkv"):
        (copy / name).write_bytes(b"?")
    with pytest.raises(DatasetError, match=r"lift\.mkv.*--skip-unreadable"):
        plan_import(copy, SETTINGS)
    plan = plan_import(copy, replace(SETTINGS, skip_unreadable=True))
    assert plan.config.names == ("Cellar", "door 2", "door 10", "kitchen.mp4")
    assert plan.config.left_out == ("Cellar/IMG_11.webp", "door 2/IMG_1.png", "lift.mkv")
    assert plan.unreadable[1].startswith("door 2/IMG_1.png (a file that is empty, damaged or")
    import_dataset(tmp_path / "d", plan.config)
    dataset = DoorDataset.open(tmp_path / "d")
    assert dataset.config == plan.config
    expected = read_frames(source / "door 2", 5, 16, "crop", leave_out=["IMG_1.png"])
    np.testing.assert_array_equal(dataset.read("images", np.array([1]))[0], expected)
    shorter = replace(plan.config, left_out=plan.config.left_out[:-1])
    with pytest.raises(ConfigError, match=r"unreadable files \(only there: lift\.mkv\)"):
        import_dataset(tmp_path / "d", shorter, resume=True)


def test_plan_import_rejects_too_few_readable_images(tmp_path):
    write_image(tmp_path / "a/1.png", make_image(1))
    (tmp_path / "a/2.png").write_bytes(b"?")
    with pytest.raises(DatasetError) as error:
        plan_import(tmp_path, replace(SETTINGS, frames=2, skip_unreadable=True))
    assert error.value.got == "fewer for a (1, besides 1 unreadable)"
    assert error.value.fix == "repair the unreadable files, or use a smaller --frames"


def test_plan_import_rejects_source_without_readable_doors(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"?")
    with pytest.raises(DatasetError, match=r"at least one readable door in .*got none: a\.mp4 \("):
        plan_import(tmp_path, replace(SETTINGS, skip_unreadable=True))


def test_import_config_omits_later_settings_at_defaults(config):
    """Settings that were added later leave older checksums unchanged."""
    document = config.to_json()
    later = {"skip_unreadable", "significant_bits", "left_out"}
    assert not later & set(document)
    assert ImportConfig.from_json(document) == config
    changed = replace(config, skip_unreadable=True, left_out=("a",), significant_bits=12)
    assert later < set(changed.to_json())
    assert ImportConfig.from_json(changed.to_json()) == changed


def test_import_dataset_rejects_video_with_fewer_frames_than_claimed(
    source, config, tmp_path, monkeypatch
):
    monkeypatch.setattr(
        "doorlab.data.sources.importing.open_entry", lambda path, frames: FootageDoor(path, 99)
    )
    plan = plan_import(source, replace(SETTINGS, frames=9))
    with pytest.raises(DatasetError, match=r"at least 9 images in .*lift\.mkv, but got 7"):
        import_dataset(tmp_path / "d", plan.config)


def test_import_command_parses_to_same_settings(config, tmp_path):
    import tyro

    from doorlab.stages.import_ import Config

    config = replace(config, fit="pad", source="my doors", seed=3, skip_short=True)
    program, stage, *arguments = shlex.split(config.command(tmp_path / "a b"))
    parsed = tyro.cli(Config, args=arguments)
    assert (program, stage, parsed.resume) == ("doorlab", "import", True)
    assert (parsed.source, parsed.out) == (Path("my doors"), tmp_path / "a b")
    for name in FootageSettings.__dataclass_fields__:
        assert getattr(parsed, name) == getattr(config, name)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("frames", 0),
        ("image_size", 4),
        ("test_fraction", 1.5),
        ("seed", -1),
        ("significant_bits", 8),
        ("significant_bits", 17),
    ],
)
def test_plan_import_rejects_invalid_settings(source, setting, value):
    with pytest.raises(ConfigError, match=setting.replace("_", ".")):
        plan_import(source, replace(SETTINGS, **{setting: value}))


def test_import_config_rejects_empty_doors():
    with pytest.raises(ConfigError, match="doors"):
        ImportConfig()


def test_import_dataset_interruption_names_resume_command(
    imported, config, source, tmp_path, monkeypatch
):
    from doorlab.data.sources import importing

    def interrupt(path, *args):
        if path.name == "kitchen.mp4":  # in the second shard
            raise KeyboardInterrupt
        return read_frames(path, *args)

    monkeypatch.setattr(importing, "read_frames", interrupt)
    with pytest.raises(KeyboardInterrupt, match=rf"`doorlab import {source} .*--resume` resumes"):
        import_dataset(tmp_path / "d", config)
    born = (tmp_path / "d/shards/shard-00000").stat().st_ino
    monkeypatch.undo()
    import_dataset(tmp_path / "d", config, resume=True)
    assert (tmp_path / "d/shards/shard-00000").stat().st_ino == born
    assert tree(tmp_path / "d") == tree(imported.path)
