"""What models are shown and told, against the doors of a dataset."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from doorlab.data import DoorDataset
from doorlab.data.tensors.batches import DoorData, sample_frames
from doorlab.errors import DatasetError
from doorlab.learning.pretraining_set import (
    LabelNormalizer,
    PretrainingSet,
    fit_label_normalizer,
    tell,
)


@pytest.fixture
def dataset(painted_dataset):
    return DoorDataset.open(painted_dataset)


@pytest.fixture
def lesson(dataset):
    return PretrainingSet(DoorData.load(dataset, "train"))


def generator():
    return torch.Generator().manual_seed(0)


def test_models_that_only_look_get_random_frames_and_nothing_else(lesson):
    (frames,) = lesson.batch(3, False, 0, generator(), 8)
    assert torch.equal(frames, sample_frames(lesson.doors, 8, 3, generator()))


def test_mirrored_doors_are_doors_too(lesson):
    """With `mirror`, about half of a batch is flipped, each door as a whole."""
    plain, mirrored = (lesson.batch(3, m, 0, generator(), 64)[0] for m in (False, True))
    # What is painted is flat: lessons flip pictures, so a mark in one corner shows it.
    assert plain.shape == mirrored.shape
    marked = DoorData(**{**vars(lesson.doors), "images": lesson.doors.images.clone()})
    marked.images[..., 0, 0] = 255
    (shown,) = PretrainingSet(marked).batch(3, True, 0, generator(), 64)
    right = (shown[..., 0, -1] == 1).flatten(1).all(1)
    left = (shown[..., 0, 0] == 1).flatten(1).all(1)
    assert (right ^ left).all()
    assert 16 < right.sum() < 48


def test_what_is_told_is_true_of_what_is_shown(lesson, dataset):
    """The painter's red is the hinge's side, its green the width, its blue the angle."""
    units = fit_label_normalizer(lesson, dataset)
    frames, told = tell(lesson, dataset, units).batch(3, False, 0, generator(), 32)
    colours = frames.mean(dim=(3, 4)) * 255
    assert torch.equal(told["handedness"], (colours[:, 0, 0] > 100).float())
    width = told["width"] * units.scale["width"] + units.centre["width"]
    np.testing.assert_allclose(200 * width, colours[:, 0, 1], atol=0.6)
    angle = told["joint_angle"] * units.scale["joint_angle"] + units.centre["joint_angle"]
    np.testing.assert_allclose(120 * angle, colours[..., 2], atol=0.6)


def test_a_mirrored_door_has_mirrored_answers(lesson, dataset):
    told = tell(lesson, dataset, fit_label_normalizer(lesson, dataset))
    before, after = (told.batch(3, mirror, 0, generator(), 64)[1] for mirror in (False, True))
    swapped = before["handedness"] != after["handedness"]
    assert 16 < swapped.sum() < 48
    torch.testing.assert_close(after["place"], torch.where(swapped, -1.0, 1.0) * before["place"])
    for name in before.keys() - {"handedness", "place"}:
        assert torch.equal(before[name], after[name])


def test_portions_are_all_doors_once(lesson, dataset):
    told = tell(lesson, dataset, fit_label_normalizer(lesson, dataset))
    batches = list(told.iter_batches())
    shown = torch.cat([frames for frames, _ in batches])
    assert torch.equal((shown * 255).round().byte(), lesson.doors.images)
    widths = torch.cat([answers["width"] for _, answers in batches])
    assert torch.equal(widths, told.answers["width"])
    assert sum(len(frames) for frames in lesson.iter_frames(mirror=True)) == 2 * len(lesson)


def test_told_numbers_have_the_spread_of_one_in_training(lesson, dataset):
    answers = tell(lesson, dataset, fit_label_normalizer(lesson, dataset)).answers
    for name in ("width", "joint_angle"):
        assert answers[name].mean() == pytest.approx(0, abs=1e-5)
        assert answers[name].std(correction=0) == pytest.approx(1, abs=1e-4)
    assert answers["place"].std(correction=0) == pytest.approx(1, abs=1e-4)


def test_a_number_that_does_not_vary_is_told_as_it_is():
    same = {name: np.full(5, 2.0) for name in ("width", "height", "handle_height", "place")}
    units = LabelNormalizer.of({**same, "joint_angle": np.ones((5, 2))})
    assert units.scale["width"] == 1.0
    assert units.centre["width"] == 2.0


def test_footage_tells_nothing(tmp_path):
    import cv2

    from doorlab.stages.import_ import Config, run

    for door in range(3):
        folder = tmp_path / "footage" / f"door {door}"
        folder.mkdir(parents=True)
        for frame in range(2):
            picture = np.full((32, 32, 3), 40 * door + frame, np.uint8)
            assert cv2.imwrite(str(folder / f"{frame}.png"), picture)
    out = tmp_path / "data"
    config = Config(source=tmp_path / "footage", out=out, frames=2, image_size=32, workers=1)
    dataset = DoorDataset.open(run(config))
    lesson = PretrainingSet(DoorData.load(dataset, "train"))
    with pytest.raises(DatasetError, match="doorlab generate"):
        tell(lesson, dataset, LabelNormalizer())
