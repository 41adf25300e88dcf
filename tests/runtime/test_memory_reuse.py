import ctypes
import os
import platform
import subprocess
import sys

import pytest

from doorlab.runtime.memory_reuse import keep_freed_memory

_COUNT = """
import resource
import sys

import torch

from doorlab.runtime.memory_reuse import keep_freed_memory

if sys.argv[1] == "kept":
    assert keep_freed_memory()


def step():
    blocks = [torch.ones(2**20) for _ in range(4)]  # 4 MiB each
    return sum(float(block[0]) for block in blocks)


for _ in range(10):  # the heap grows to its final size
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def _new_pages(how: str) -> int:
    """Pages that 20 equal steps of a new process get from the kernel."""
    command = (sys.executable, "-c", _COUNT, how)
    # Without this variable, glibc adapts its threshold to earlier blocks, differently in each run.
    env = {**os.environ, "MALLOC_MMAP_THRESHOLD_": str(2**17)}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=env)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_keep_freed_memory_reuses_pages():
    assert _new_pages("kept") < 0.5 * _new_pages("returned")


def test_keep_freed_memory_ignores_other_systems(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert keep_freed_memory() is False


def test_keep_freed_memory_ignores_other_c_libraries(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert keep_freed_memory() is False
