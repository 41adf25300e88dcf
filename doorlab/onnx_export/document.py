"""onnx.json: what a program needs to know to run exported models.

kind, image_size, ...    the model, its training, and the versions of the export
preprocessing            how an image becomes a frame
actions, reward          ranges, units and the conversion of normalized actions
files                    file -> meaning, inputs and outputs with types and shapes
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import onnx
import torch

from doorlab._version import __version__
from doorlab.doors.action import (
    MAX_SLIDE,
    MAX_SWING,
    MAX_TURN,
    RADIUS_RANGE,
    SLIDES_FROM,
)
from doorlab.models.description import Description
from doorlab.onnx_export.graphs import Graph, TensorInfo

FORMAT_VERSION = 1

PREPROCESSING = {
    "colors": "RGB; OpenCV reads BGR",
    "crop": "central square",
    "resize": "to image_size x image_size pixels by area averaging (cv2.INTER_AREA)",
    "scaling": "none: frames are uint8 from 0 to 255",
}

REWARD = {
    "meaning": "fraction of the full range by which the door opens",
    "range": [0.0, 1.0],
}


def document(
    about: Description, exported: Iterable[tuple[Graph, onnx.ModelProto, float]]
) -> dict[str, Any]:
    """The content of onnx.json.

    Args:
        about: description of the exported run.
        exported: functions, their ONNX models and the largest difference from torch.
    """
    files = {
        f"{graph.name}.onnx": _file(graph, model, difference)
        for graph, model, difference in exported
    }
    return {
        "format_version": FORMAT_VERSION,
        "kind": about.kind,
        "image_size": about.image_size,
        "seed": about.seed,
        "dataset_checksum": about.dataset_checksum,
        "weights_checksum": about.document["weights_checksum"],
        "doorlab": __version__,
        "torch": str(torch.__version__),
        "preprocessing": PREPROCESSING,
        "actions": actions(),
        "reward": REWARD,
        "files": files,
    }


def actions() -> dict[str, Any]:
    """The conversion of normalized actions to rad and m, for both kinds of actions.

    An action whose coordinate 1 is below `slides_from` is an arc, any other one a slide. A
    coordinate is converted linearly from its range `normalized` to its range `physical`.
    """
    phi = _coordinate(0, "phi", "rad", (-math.pi, math.pi)) | {"periodic": True}
    turn = _coordinate(3, "turn", "rad", (-MAX_TURN, MAX_TURN)) | {
        "meaning": "turn of the handle before the path: positive is clockwise"
    }
    return {
        "slides_from": SLIDES_FROM,
        "arc": [
            phi | {"meaning": "direction from the handle to the hinge: 0 right, pi/2 up, pi left"},
            _coordinate(1, "radius", "m", RADIUS_RANGE, (-1.0, SLIDES_FROM))
            | {"meaning": "distance from the handle to the hinge"},
            _coordinate(2, "swing", "rad", (-MAX_SWING, MAX_SWING))
            | {"meaning": "angle about the hinge: positive pulls, negative pushes"},
            turn,
        ],
        "slide": [
            phi | {"meaning": "direction of the slide: 0 right, pi/2 up, pi left"},
            _coordinate(2, "swing", "m", (-MAX_SLIDE, MAX_SLIDE))
            | {"meaning": "length of the slide: positive along phi"},
            turn,
        ],
    }


def _coordinate(
    index: int,
    name: str,
    unit: str,
    physical: tuple[float, float],
    normalized: tuple[float, float] = (-1.0, 1.0),
) -> dict[str, Any]:
    return {
        "index": index,
        "name": name,
        "unit": unit,
        "normalized": list(normalized),
        "physical": list(physical),
    }


def _file(graph: Graph, model: onnx.ModelProto, difference: float) -> dict[str, Any]:
    opset = next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
    return {
        "meaning": graph.meaning,
        "opset": opset,
        "inputs": [_tensor(tensor) for tensor in graph.inputs],
        "outputs": [_tensor(tensor) for tensor in graph.outputs],
        "largest_difference_from_torch": float(f"{difference:.2g}"),
    }


def _tensor(tensor: TensorInfo) -> dict[str, Any]:
    return {
        "name": tensor.name,
        "type": str(tensor.dtype).removeprefix("torch."),
        "shape": list(tensor.shape),
        "meaning": tensor.meaning,
    }
