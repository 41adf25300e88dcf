"""Converts a function of a model to ONNX, and compares the result with torch.

Requires onnx, onnxscript and onnxruntime (extra `onnx`).
"""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator

import numpy as np
import torch

from doorlab.errors import CheckpointError, ConfigError
from doorlab.onnx_export.graphs import Graph

try:
    import onnx
    import onnxruntime
    import onnxscript  # noqa: F401  # torch imports it during an export
except ImportError as error:
    raise ConfigError(
        f"{error.name or 'onnx'}, which the export to ONNX needs",
        "a Python environment without it",
        "run `pip install 'doorlab[onnx]'`",
    ) from None

TOLERANCE = 1e-4
"""Largest difference between the outputs of onnxruntime and torch, relative to 1 + their size."""

# One door with one frame, no interaction and one action; then several of each.
_COMPARED = (
    {"doors": 1, "frames": 1, "interactions": 0, "actions": 1},
    {"doors": 1, "frames": 8, "interactions": 1, "actions": 64},
    {"doors": 3, "frames": 2, "interactions": 7, "actions": 2},
)


def to_onnx(graph: Graph) -> onnx.ModelProto:
    """Converts a function to an ONNX model with named axes of any length.

    Raises CheckpointError if the model has an operation that ONNX does not have.
    """
    names = [tensor.name for tensor in graph.inputs]
    try:
        with _quiet(), torch.no_grad():
            program = torch.onnx.export(
                graph.module,
                graph.examples(),
                dynamo=True,
                verbose=False,
                external_data=False,
                input_names=names,
                output_names=[tensor.name for tensor in graph.outputs],
                dynamic_shapes=[tensor.dynamic_axes() for tensor in graph.inputs],
            )
    except torch.onnx.OnnxExporterError as error:
        raise _unsupported(graph, _first_line(error)) from error
    assert program is not None  # dynamo=True returns a program
    return _without_traces(program.model_proto, graph)


def largest_difference(model: onnx.ModelProto, graph: Graph) -> float:
    """The largest difference between the outputs of onnxruntime and those of torch.

    Compares several lengths of every axis of any length, with random inputs.

    Raises CheckpointError if onnxruntime cannot run the model, or if a difference exceeds
    `TOLERANCE`.
    """
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    worst = 0.0
    for axes in _COMPARED:
        inputs = graph.examples(axes)
        named = {t.name: x.numpy() for t, x in zip(graph.inputs, inputs, strict=True)}
        try:
            outputs = session.run(None, named)
        except Exception as error:  # onnxruntime's errors have no common public class
            raise _unsupported(graph, _first_line(error)) from error
        for found, expected in zip(outputs, graph.compute(*inputs), strict=True):
            difference = _difference(np.asarray(found), expected.numpy())
            if not difference <= TOLERANCE:
                raise _differs(graph, difference)
            worst = max(worst, difference)
    return worst


def _difference(found: np.ndarray, expected: np.ndarray) -> float:
    if found.shape != expected.shape:
        return float("inf")
    relative = np.abs(found - expected) / (1.0 + np.abs(expected))
    return float(relative.max(initial=0.0))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hides what torch says of its own code during an export, and of missing torchvision."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _without_traces(model: onnx.ModelProto, graph: Graph) -> onnx.ModelProto:
    """Removes the paths of source files and intermediate shapes; names the axes.

    The result does not depend on the machine.
    """
    body = model.graph
    for part in (model, body, *body.node, *body.input, *body.output, *body.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    body.ClearField("value_info")
    for values, tensors in ((body.input, graph.inputs), (body.output, graph.outputs)):
        for value, tensor in zip(values, tensors, strict=True):
            axes = value.type.tensor_type.shape.dim
            for axis, size in zip(axes, tensor.shape, strict=True):
                if isinstance(size, str):
                    if not axis.HasField("dim_param"):
                        reason = f"one that fixes the length of the axis {size}"
                        raise _unsupported(graph, reason)
                    axis.dim_param = size
    model.producer_name, body.name = "doorlab", graph.name
    onnx.checker.check_model(model)
    return model


def _unsupported(graph: Graph, reason: str) -> CheckpointError:
    return CheckpointError(
        f"a model whose function {graph.name} ONNX can represent",
        reason,
        "export a model of doorlab, or use operations that torch.onnx supports",
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _differs(graph: Graph, difference: float) -> CheckpointError:
    return CheckpointError(
        f"equal outputs of {graph.name}.onnx and torch, up to {TOLERANCE:g}",
        f"a difference of {difference:.2g}",
        "export a model of doorlab, or avoid operations that depend on lengths of axes",
    )
