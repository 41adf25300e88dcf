"""Available memory, against files as the kernel writes them, and against a real limit."""

import subprocess
import sys

import pytest

from doorlab.runtime import available_memory as module
from doorlab.runtime.available_memory import available_memory

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """Folders of a kernel with 8 GiB available and without control groups."""
    (tmp_path / "self").mkdir()
    (tmp_path / "cgroup").mkdir()
    (tmp_path / "meminfo").write_text("MemTotal: 16777216 kB\nMemAvailable: 8388608 kB\n")
    monkeypatch.setattr(module, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(module, "_PROCESS", tmp_path / "self")
    monkeypatch.setattr(module, "_CGROUPS", tmp_path / "cgroup")
    return tmp_path


def group(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("_", ".", 1)).write_text(f"{content}\n")


def test_available_memory_without_groups_is_that_of_machine(kernel):
    assert available_memory() == 8 * 2**30


def test_available_memory_obeys_smallest_group_of_version_2(kernel):
    (kernel / "self/cgroup").write_text("0::/outer/inner\n")
    group(kernel / "cgroup/outer", memory_max=3 * 2**30, memory_current=2**30)
    group(kernel / "cgroup/outer/inner", memory_max="max", memory_current=2**29)
    assert available_memory() == 2 * 2**30
    group(kernel / "cgroup/outer", memory_stat=f"anon 5\ninactive_file {2**28}")
    assert available_memory() == 2 * 2**30 + 2**28  # the kernel frees files first


def test_available_memory_obeys_group_of_container(kernel):
    """A container sees its own group as the root, whatever its path outside is."""
    (kernel / "self/cgroup").write_text("0::/docker/0123\n")
    group(kernel / "cgroup", memory_max=2**30, memory_current=2**31)
    assert available_memory() == 0


def test_available_memory_obeys_group_of_version_1(kernel):
    (kernel / "self/cgroup").write_text("5:cpu:/slurm\n4:memory:/slurm\n")
    folder = kernel / "cgroup/memory/slurm"
    folder.mkdir(parents=True)
    (folder / "memory.limit_in_bytes").write_text(f"{2**30}\n")
    (folder / "memory.usage_in_bytes").write_text(f"{2**28}\n")
    assert available_memory() == 2**30 - 2**28


def test_available_memory_obeys_limit_of_shell():
    code = (
        "from doorlab.runtime.available_memory import available_memory; print(available_memory())"
    )
    limit = 2 * 2**20  # KiB
    shell = f"ulimit -v {limit} && exec {sys.executable} -c '{code}'"
    run = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=True)
    assert 0 < int(run.stdout) < limit * 1024
