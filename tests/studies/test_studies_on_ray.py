"""Studies on Ray: the files are those of one machine, also if a worker is killed.

`pytest -m slow tests/studies` runs them: on busy cores the nodes of the cluster miss the short
health checks of the fixture while workers import torch.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.liveness import wait_until
from helpers.small_networks import TINY

from doorlab.stages import generate
from doorlab.studies import representation
from doorlab.studies.label_efficiency import study

pytest.importorskip("ray")
pytest.importorskip("pybullet")
pytestmark = pytest.mark.slow

_BYTES = ("*.safetensors", "*.npz", "*.png")
# Entries of results that name the launcher, or that are measured.
_OTHER = ("provenance", "launcher", "seconds", "steps_per_s", "images_per_s")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder with a dataset."""
    root = tmp_path_factory.mktemp("studies")
    doors = generate.Config(
        doors=30, frames=2, image_size=32, videos=0, validation_fraction=0.2, test_fraction=0.25,
        workers=1, out=root / "doors",
    )  # fmt: skip
    generate.run(doors)
    return root


def on_both(run, config, root, monkeypatch):
    """Runs a study on this machine and on Ray, with the same relative paths; returns both."""
    folders = root / f"{run.__module__}-local", root / f"{run.__module__}-ray"
    for folder, launcher in zip(folders, ("local", "ray"), strict=True):
        folder.mkdir()
        monkeypatch.chdir(folder)
        run(replace(config, out=Path("out"), launcher=launcher))
    return folders


def contents(folder):
    """Relative path -> bytes of arrays, weights and figures; entries of results."""
    found = {f: f.read_bytes() for pattern in _BYTES for f in folder.rglob(pattern)}
    found |= {f: without_others(json.loads(f.read_text())) for f in folder.rglob("*.json")}
    return {str(file.relative_to(folder)): content for file, content in found.items()}


def without_others(value):
    if isinstance(value, dict):
        return {k: without_others(v) for k, v in value.items() if k not in _OTHER}
    return [without_others(v) for v in value] if isinstance(value, list) else value


def kill_worker(folder, killed):
    """Kills the first worker that has begun a run in the folder."""
    wait_until(lambda: next(folder.glob("out/narrow/*/*/*"), None), seconds=300.0)
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended, or belongs to another user
            named = (process / "cmdline").read_bytes().startswith(b"ray::_Worker")
            if named and (process / "cwd").resolve() == folder:
                os.kill(int(process.name), signal.SIGKILL)
                killed.append(process.name)


def test_represent_on_ray_writes_same_files_after_killed_worker(cluster, root, monkeypatch):
    config = representation.Config(
        data=(Path("../doors"),), models=("statistician", "random_features"), seeds=(0,), steps=2,
        probe_frames=(1,), probe_doors=(5,), architecture=TINY, device="cpu", workers=1,
    )  # fmt: skip
    killed = []
    killer = threading.Thread(
        target=kill_worker, args=(root / "doorlab.studies.representation-ray", killed), daemon=True
    )
    killer.start()
    alone, on_ray = on_both(representation.run, config, root, monkeypatch)
    killer.join()
    assert len(killed) == 1
    assert "out/narrow/statistician/rate-0.002/seed-0/probe/probes.npz" in contents(alone)
    assert contents(on_ray) == contents(alone)


def test_study_on_ray_writes_same_files(cluster, root, monkeypatch):
    config = study.Config(
        data=Path("../doors"), models=("np", "cnp"), method="np", num_labeled=(10,),
        encoder_steps=1, process_steps=2, horizon=2, baselines=(), architecture=TINY, device="cpu",
        workers=1,
    )  # fmt: skip
    alone, on_ray = on_both(study.run, config, root, monkeypatch)
    assert "out/labeled-10/bandit/rollouts.npz" in contents(alone)
    assert contents(on_ray) == contents(alone)
