"""Batches and labels of pretraining, against the doors of a dataset."""

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
    with_labels,
)
from doorlab.nn.images import to_float


@pytest.fixture
def dataset(painted_dataset):
    return DoorDataset.open(painted_dataset)


@pytest.fixture
def train_set(dataset):
    return PretrainingSet(DoorData.load(dataset, "train"))


def generator():
    return torch.Generator().manual_seed(0)


def test_pretraining_set_batch_has_frames_only_without_labels(train_set):
    (frames,) = train_set.batch(3, False, 0, generator(), 8)
    assert torch.equal(to_float(frames), sample_frames(train_set.doors, 8, 3, generator()))


def test_pretraining_set_batch_mirrors_whole_doors(train_set):
    """With `mirror`, about half of a batch is flipped, each door as a whole."""
    plain, mirrored = (train_set.batch(3, m, 0, generator(), 64)[0] for m in (False, True))
    # What is painted is flat: batches flip images, so a mark in one corner shows it.
    assert plain.shape == mirrored.shape
    marked = DoorData(**{**vars(train_set.doors), "images": train_set.doors.images.clone()})
    marked.images[..., 0, 0] = 255
    (frames,) = PretrainingSet(marked).batch(3, True, 0, generator(), 64)
    right = (frames[..., 0, -1] == 255).flatten(1).all(1)
    left = (frames[..., 0, 0] == 255).flatten(1).all(1)
    assert (right ^ left).all()
    assert 16 < right.sum() < 48


def test_with_labels_has_labels_of_frames(train_set, dataset):
    """The painter's red is the hinge's side, its green the width, its blue the angle."""
    normalizer = fit_label_normalizer(train_set, dataset)
    frames, labels = with_labels(train_set, dataset, normalizer).batch(3, False, 0, generator(), 32)
    colors = frames.float().mean(dim=(3, 4))
    assert torch.equal(labels["handedness"], (colors[:, 0, 0] > 100).float())
    width = labels["width"] * normalizer.std["width"] + normalizer.mean["width"]
    np.testing.assert_allclose(200 * width, colors[:, 0, 1], atol=0.6)
    angle = labels["joint_angle"] * normalizer.std["joint_angle"] + normalizer.mean["joint_angle"]
    np.testing.assert_allclose(120 * angle, colors[..., 2], atol=0.6)


def test_pretraining_set_batch_mirrors_labels(train_set, dataset):
    labels = with_labels(train_set, dataset, fit_label_normalizer(train_set, dataset))
    before, after = (labels.batch(3, mirror, 0, generator(), 64)[1] for mirror in (False, True))
    swapped = before["handedness"] != after["handedness"]
    assert 16 < swapped.sum() < 48
    torch.testing.assert_close(after["place"], torch.where(swapped, -1.0, 1.0) * before["place"])
    for name in before.keys() - {"handedness", "place"}:
        assert torch.equal(before[name], after[name])


def test_pretraining_set_iter_batches_has_every_door_once(train_set, dataset):
    labels = with_labels(train_set, dataset, fit_label_normalizer(train_set, dataset))
    batches = list(labels.iter_batches())
    frames = torch.cat([frames for frames, _ in batches])
    assert torch.equal((frames * 255).round().byte(), train_set.doors.images)
    widths = torch.cat([labels["width"] for _, labels in batches])
    assert torch.equal(widths, labels.labels["width"])
    assert sum(len(frames) for frames in train_set.iter_frames(mirror=True)) == 2 * len(train_set)


def test_with_labels_standardizes_training_labels(train_set, dataset):
    labels = with_labels(train_set, dataset, fit_label_normalizer(train_set, dataset)).labels
    for name in ("width", "joint_angle"):
        assert labels[name].mean() == pytest.approx(0, abs=1e-5)
        assert labels[name].std(correction=0) == pytest.approx(1, abs=1e-4)
    assert labels["place"].std(correction=0) == pytest.approx(1, abs=1e-4)


def test_label_normalizer_keeps_constant_label_unscaled():
    same = {name: np.full(5, 2.0) for name in ("width", "height", "handle_height", "place")}
    normalizer = LabelNormalizer.fit({**same, "joint_angle": np.ones((5, 2))})
    assert normalizer.std["width"] == 1.0
    assert normalizer.mean["width"] == 2.0


def test_with_labels_rejects_footage(tmp_path):
    import cv2

    from doorlab.stages.import_ import Config, run

    for door in range(3):
        folder = tmp_path / "footage" / f"door {door}"
        folder.mkdir(parents=True)
        for frame in range(2):
            image = np.full((32, 32, 3), 40 * door + frame, np.uint8)
            assert cv2.imwrite(str(folder / f"{frame}.png"), image)
    out = tmp_path / "data"
    config = Config(source=tmp_path / "footage", out=out, frames=2, image_size=32, workers=1)
    dataset = DoorDataset.open(run(config))
    train_set = PretrainingSet(DoorData.load(dataset, "train"))
    with pytest.raises(DatasetError, match="doorlab generate"):
        with_labels(train_set, dataset, LabelNormalizer())
