"""Attributes of real and generated frames of test doors, for `doorlab diagnose`.

Legend: D doors, M frames per door, H W pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8

from doorlab.data.dataset import DoorDataset
from doorlab.data.labels import load_labels
from doorlab.evaluation.generation.attribute_predictor import (
    ATTRIBUTES,
    AttributePredictor,
    train_attribute_predictor,
)
from doorlab.evaluation.generation.attribute_scores import attribute_scores, attribute_statistics
from doorlab.intervals import Estimate

_BLUR = 1 / 32  # standard deviation of the blur, as a share of the image's height
_OF_THE_DOOR = ("handedness", "swing")  # attributes that all frames of a door share


@dataclass(frozen=True)
class HeldOutAttributes:
    """A trained predictor, and the true attributes of the test doors.

    Attributes:
        predictor: the network, trained on real frames of training doors.
        labels: true values of the test doors, as in `data.labels.load_labels`.
        training_doors: number of doors that the predictor was trained on.
        validation: scores on real frames of validation doors; empty if there are none.
        seed: seed of the bootstrap.
    """

    predictor: AttributePredictor
    labels: Mapping[str, np.ndarray]
    training_doors: int
    validation: Mapping[str, Estimate]
    seed: int = 0

    @staticmethod
    def learn(
        dataset: DoorDataset,
        train: np.ndarray,
        test: np.ndarray,
        *,
        steps: int,
        seed: int,
        device: str,
    ) -> HeldOutAttributes:
        """Trains the predictor.

        Args:
            dataset: simulated doors.
            train: indices of training doors.
            test: indices of the test doors.
            steps: optimizer steps.
            seed: seed of the training and of the bootstrap.
            device: device of the training.

        Raises DatasetError for imported footage, whose parameters are not known.
        """
        predictor = train_attribute_predictor(
            dataset.read("images", train), load_labels(dataset, train), steps, seed, device
        )
        others = dataset.indices("validation")[: len(test)]
        validation = {}
        if len(others):
            found = predictor.predict(dataset.read("images", others))
            validation = attribute_scores(found, load_labels(dataset, others), seed)
        labels = load_labels(dataset, test)
        return HeldOutAttributes(predictor, labels, len(train), validation, seed)

    def of_real(self, images: UInt8[np.ndarray, "D M H W 3"]) -> dict[str, Any]:
        """Scores and statistics of real frames of the test doors.

        Scores of blurred frames are a control: if they are as high, low scores of generated frames
        are not due to blur.
        """
        found = self.predictor.predict(images)
        blurred = self.predictor.predict(blur(images))
        return {
            "training_doors": self.training_doors,
            "validation_scores": self.validation,
            "scores": attribute_scores(found, self.labels, self.seed),
            "blurred_scores": attribute_scores(blurred, self.labels, self.seed),
            "statistics": attribute_statistics(found, self.seed),
        }

    def of_generated(
        self,
        reconstructions: UInt8[np.ndarray, "D M H W 3"],
        generated: Mapping[str, UInt8[np.ndarray, "_ M H W 3"]],
    ) -> dict[str, Any]:
        """Scores and statistics of generated frames: name -> {"scores", "statistics"}.

        Args:
            reconstructions: of all frames of the test doors.
            generated: further frames. "new_frames" are frames in other states of the second half
                of the test doors: they have scores of handedness and swing.
        """
        predictor, seed = self.predictor, self.seed
        scores = attribute_scores(predictor.predict(reconstructions), self.labels, seed)
        result: dict[str, Any] = {"reconstructions": {"scores": scores}}
        for name, images in generated.items():
            if name == "reconstructions":
                continue
            found = predictor.predict(images)
            result[name] = {"statistics": attribute_statistics(found, seed)}
            if name == "new_frames":
                second = slice(len(reconstructions) // 2, len(reconstructions) // 2 + len(images))
                labels = {n: self.labels[n][second] for n in ATTRIBUTES}
                scores = attribute_scores(found, labels, seed)
                result[name]["scores"] = {n: scores[n] for n in _OF_THE_DOOR}
        return result


def blur(images: UInt8[np.ndarray, "D M H W 3"]) -> UInt8[np.ndarray, "D M H W 3"]:
    """Frames after a Gaussian blur with a standard deviation of 1/32 of their height."""
    sigma = _BLUR * images.shape[2]
    flat = images.reshape(-1, *images.shape[-3:])
    return np.stack([cv2.GaussianBlur(x, (0, 0), sigma) for x in flat]).reshape(images.shape)
