import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from doorlab.errors import CheckpointError
from doorlab.onnx_export.graphs import Graph, TensorInfo

pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")
onnx = pytest.importorskip("onnx")
conversion = pytest.importorskip("doorlab.onnx_export.conversion")

WITHOUT = """
import sys
sys.modules["onnxruntime"] = None
from doorlab.cli import main
sys.exit(main(["export", "nothing", "--format", "onnx"]))
"""


class Multiply(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return self.factor * x


def multiply(factor) -> Graph:
    shape = ("doors", "frames")
    x, y = (TensorInfo(name, torch.float32, shape, "numbers") for name in "xy")
    return Graph("multiply", "a product", Multiply(factor), (x,), (y,))


def doubling(doors) -> onnx.ModelProto:
    """A model of ONNX's own helpers: y = x + x."""
    x, y = (
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [doors, "frames"])
        for name in "xy"
    )
    node = onnx.helper.make_node("Add", ["x", "x"], ["y"], doc_string="/home/me/model.py")
    graph = onnx.helper.make_graph([node], "torch", [x], [y])
    opset = [onnx.helper.make_opsetid("", 20)]
    return onnx.helper.make_model(graph, opset_imports=opset, ir_version=10)


def test_largest_difference_is_relative_to_torch():
    assert conversion.largest_difference(doubling("d"), multiply(2.0)) == 0.0
    near = conversion.largest_difference(doubling("d"), multiply(2.0 + 1e-5))
    assert 1e-6 < near < 1e-5
    with pytest.raises(CheckpointError, match=r"multiply.onnx and torch, .*, but got a diff"):
        conversion.largest_difference(doubling("d"), multiply(2.1))


def test_largest_difference_rejects_model_for_other_lengths():
    with pytest.raises(CheckpointError, match="function multiply ONNX can represent") as caught:
        conversion.largest_difference(doubling(3), multiply(2.0))
    assert "\n" not in str(caught.value)


def test_to_onnx_names_axes_and_removes_source_files(monkeypatch):
    program = SimpleNamespace(model_proto=doubling("s0"))
    monkeypatch.setattr(torch.onnx, "export", lambda *_, **__: program)
    model = conversion.to_onnx(multiply(2.0))
    (axis, _) = model.graph.input[0].type.tensor_type.shape.dim
    assert axis.dim_param == "doors"
    assert b"model.py" not in model.SerializeToString()


def test_to_onnx_rejects_model_that_fixes_length_of_axis(monkeypatch):
    program = SimpleNamespace(model_proto=doubling(2))
    monkeypatch.setattr(torch.onnx, "export", lambda *_, **__: program)
    with pytest.raises(CheckpointError, match="got one that fixes the length of the axis doors"):
        conversion.to_onnx(multiply(2.0))


def test_to_onnx_reports_unsupported_model_in_one_line(monkeypatch):
    def fail(*_, **__):
        raise torch.onnx.OnnxExporterError("No ONNX function found\nfor this operator")

    monkeypatch.setattr(torch.onnx, "export", fail)
    with pytest.raises(CheckpointError, match=r"but got No ONNX function found\. Export a m"):
        conversion.to_onnx(multiply(2.0))


def test_export_without_onnxruntime_names_extra():
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("doorlab: error: Expected onnxruntime, which the export to ONNX needs")
    assert "pip install 'doorlab[onnx]'" in line
