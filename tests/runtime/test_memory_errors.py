import cv2
import numpy as np
import pytest
import torch

from doorlab import cli
from doorlab.cli import main
from doorlab.runtime.memory_errors import lack_of_memory

HUGE = {
    "numpy": lambda: np.empty(2**62, np.uint8),
    "torch": lambda: torch.empty(2**60),
    "torch, beyond 64 bits": lambda: torch.empty(10**24),
    "opencv": lambda: cv2.resize(np.zeros((2, 2), np.uint8), (2**30, 2**16)),
    "python": lambda: bytes(2**62),
}
EXPECTED = {"numpy": "too little for another 4.00 EiB", "torch": "another 4294967296.0 GiB"}


@pytest.mark.parametrize("library", HUGE)
def test_lack_of_memory_recognizes_errors_of_libraries(library):
    with pytest.raises(Exception) as error:  # noqa: PT011  every library has its own
        HUGE[library]()
    assert EXPECTED.get(library, "too little") in (lack_of_memory(error.value) or "")


def test_lack_of_memory_recognizes_gpu_error_of_torch():
    error = torch.OutOfMemoryError(
        "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 15.89 GiB"
    )
    assert lack_of_memory(error) == "too little for another 20.00 GiB"


def test_lack_of_memory_ignores_other_errors():
    for error in (RuntimeError("shapes do not agree"), ValueError("-1"), KeyError("memory")):
        assert lack_of_memory(error) is None


def test_command_line_reports_lack_of_memory_in_one_line(monkeypatch, capsys):
    monkeypatch.setattr(cli.importlib, "import_module", lambda name: HUGE["torch"]())
    assert main(["train"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(
        "doorlab: error: Expected enough memory, but got too little for another "
    )
    assert "--batch-size" in said
    assert said.count("\n") == 1
