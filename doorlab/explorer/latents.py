"""Latents of doors for the page: posteriors of held-out doors, and principal directions.

Legend: D doors, M frames, E context latent c, Z instance latent z, L either latent, N latents,
K directions.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from doorlab.data.dataset import DoorDataset
from doorlab.data.schema import door_array
from doorlab.data.targets import JOINT_POSITION
from doorlab.doors import Door
from doorlab.evaluation.probes import TARGETS, target_values
from doorlab.evaluation.trained_model import TrainedModel
from doorlab.plots.figures.correlations import correlations

DIRECTIONS = 6  # of each latent
_TRAINING_DOORS = 400
_NAMED = ("handedness", "swing", "width", "height", "handle_height", "place")
_EYE = ("camera position along the wall", "camera distance from the wall", "camera height")
_WEAK = 0.3  # correlations below are not mentioned


def directions_of(model: TrainedModel, dataset: DoorDataset) -> dict[str, Any]:
    """Principal directions of c over training doors, and of z over their frames.

    Every direction has the correlated parameter of the doors in words. The entry "map" has the
    coordinates of the training doors along the first two directions of c, in standard deviations.
    """
    doors = dataset.indices("train")[:_TRAINING_DOORS]
    images = dataset.read("images", doors)
    c, z = model.embed(images), model.embed_frames(images)
    found = {
        "c": _principal(c, _door_parameters(dataset, doors)),
        "z": _principal(z.reshape(-1, z.shape[-1]), _frame_parameters(dataset, doors)),
        "doors": len(doors),
    }
    first = found["c"]
    axes, std = np.array(first["axes"][:2]), np.array(first["std"][:2])
    found["map"] = _rounded((c - np.array(first["mean"])) @ axes.T / std, 2)
    return found


def posteriors(
    model: TrainedModel, images: np.ndarray, doors: Sequence[Door], indices: np.ndarray
) -> list[dict[str, Any]]:
    """Held-out doors: number, description, frames as PNG, mean of c, and mean of z per frame."""
    c, z = model.embed(images), model.embed_frames(images)
    return [
        {
            "number": int(index),
            "label": _described(door),
            "hidden": _hidden(door),
            "frames": [_png(frame) for frame in images[i]],
            "c": _rounded(c[i], 5),
            "z": _rounded(z[i], 5),
        }
        for i, (door, index) in enumerate(zip(doors, indices, strict=True))
    ]


def _principal(latents: np.ndarray, parameters: dict[str, np.ndarray]) -> dict[str, Any]:
    """Mean, directions (K, L), standard deviations, shares of the variance, and words."""
    values = latents.astype(np.float64)
    mean = values.mean(axis=0)
    variance, axes = np.linalg.eigh(np.cov(values, rowvar=False).reshape(len(mean), -1))
    order = np.argsort(-variance, kind="stable")[: min(DIRECTIONS, len(mean))]
    axes, std = axes.T[order], np.sqrt(np.maximum(variance[order], 1e-12))
    scores = (values - mean) @ axes.T
    return {
        "mean": _rounded(mean, 6),
        "axes": _rounded(axes, 6),
        "std": _rounded(std, 6),
        "share": _rounded(variance[order] / max(variance.sum(), 1e-12), 4),
        "words": _words(scores, parameters),
    }


def _words(scores: np.ndarray, parameters: dict[str, np.ndarray]) -> list[str]:
    """The parameter with the highest correlation per direction; empty for weak correlations."""
    table = np.stack(list(parameters.values()), axis=1).astype(float)
    table = np.where(np.isfinite(table), table, 0.0)
    r = correlations(scores, table)
    words = []
    for i in range(scores.shape[1]):
        best = int(np.nanargmax(np.abs(r[:, i]))) if np.isfinite(r[:, i]).any() else 0
        name, value = list(parameters)[best], r[best, i]
        weak = not abs(value) >= _WEAK
        sign = "\u2212" if value < 0 else ""
        r_is = f"r\u00a0=\u00a0{sign}{abs(value):.2f}"
        words.append("" if weak else f"goes with {name} ({r_is})")
    return words


def _door_parameters(dataset: DoorDataset, doors: np.ndarray) -> dict[str, np.ndarray]:
    found = {}
    for name in _NAMED:
        source = TARGETS[name].source
        values = target_values(name, {source: dataset.read(door_array(source), doors)})
        found[TARGETS[name].label] = values
    return found


def _frame_parameters(dataset: DoorDataset, doors: np.ndarray) -> dict[str, np.ndarray]:
    eye = dataset.read("view", doors)[..., :3].reshape(-1, 3) * (1.0, -1.0, 1.0)  # y: away
    angle = dataset.read(JOINT_POSITION, doors).reshape(-1)
    return {"opening angle": angle, **dict(zip(_EYE, eye.T, strict=True))}


def _described(door: Door) -> str:
    if door.mechanism == "sliding":
        return f"slides to the {door.hinge_side}"
    return f"hinge on the {door.hinge_side}, {door.swing}"


def _hidden(door: Door) -> str:
    """Hidden parameters in words: what images do not show."""
    if door.locked:
        return "locked: no action opens it"
    if not door.latch_angle:
        return "no latch"
    way = "clockwise" if door.latch_direction > 0 else "counterclockwise"
    return f"its latch releases when the handle turns {way} by {door.latch_angle:.2f} rad"


def _png(image: np.ndarray) -> str:
    data = cv2.imencode(".png", np.ascontiguousarray(image[..., ::-1]))[1].tobytes()
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def _rounded(values: np.ndarray, digits: int) -> list[Any]:
    return np.asarray(values, np.float64).round(digits).tolist()
