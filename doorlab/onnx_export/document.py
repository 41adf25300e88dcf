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
    files = {f"{graph.name}.onnx": _file(*parts) for parts in exported for graph in parts[:1]}
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
    """The coordinates of an action, and their conversion from [-1, 1] to rad and m.

    A coordinate x in [-1, 1] is `low + (x - from) / (to - from) * (high - low)`.
    """
    arc = f"radius below {SLIDES_FROM}: an arc about a hinge"
    slide = f"radius from {SLIDES_FROM} on: a slide along phi, without hinge"
    return {
        "range": [-1.0, 1.0],
        "conversion": "physical = low + (x - from) / (to - from) * (high - low)",
        "kinds": [arc, slide],
        "coordinates": [
            _coordinate("phi", "rad", -math.pi, math.pi, periodic=True)
            | {"meaning": "direction from the handle to the hinge: 0 right, pi/2 up, pi left"},
            _coordinate("radius", "m", *RADIUS_RANGE, to=SLIDES_FROM)
            | {"meaning": "distance from the handle to the hinge; unused by a slide"},
            _coordinate("swing", "rad", -MAX_SWING, MAX_SWING)
            | {
                "meaning": "angle of the arc: positive pulls, negative pushes",
                "slide": {"unit": "m", "low": -MAX_SLIDE, "high": MAX_SLIDE},
            },
            _coordinate("turn", "rad", -MAX_TURN, MAX_TURN)
            | {"meaning": "turn of the handle before the path: positive is clockwise"},
        ],
    }


def _coordinate(
    name: str, unit: str, low: float, high: float, *, to: float = 1.0, periodic: bool = False
) -> dict[str, Any]:
    return {
        "name": name,
        "unit": unit,
        "from": -1.0,
        "to": to,
        "low": low,
        "high": high,
        "periodic": periodic,
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
