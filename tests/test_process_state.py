"""doorlab neither changes nor depends on the state of the process that uses it."""

import gc
import locale
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import warnings
from dataclasses import replace
from multiprocessing import resource_tracker

import av.logging
import cv2
import gymnasium as gym
import matplotlib
import numpy as np
from helpers.small_networks import TINY

from doorlab.configs import updated
from doorlab.data import DoorDataset, GenerationConfig, write_dataset
from doorlab.data.sources.image_files import read_image
from doorlab.plots.figures.training import TrainingHistory, training
from doorlab.plots.style import to_png
from doorlab.robot import RewardPredictor
from doorlab.stages import train

SMALL = replace(TINY, latent_samples=4)
DOORS = GenerationConfig(
    doors=6, shard_doors=3, frames=2, interactions=4, image_size=32, videos=0,
    validation_fraction=0.2, test_fraction=0.2,
)  # fmt: skip


def test_library_leaves_process_state_unchanged(tmp_path, monkeypatch):
    expected = use_everything(tmp_path / "before", workers=1)  # also what libraries do only once
    resource_tracker.ensure_running()  # a process that multiprocessing starts only once
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with np.errstate(all="raise"), np.printoptions(precision=1, threshold=2, legacy="1.13"):
        before = process_state()
        found = use_everything(tmp_path / "now", workers=2)
        after = process_state()
    for name in before:
        assert after[name] == before[name], name
    assert found == expected


def test_imports_leave_opencv_and_signals_unchanged():
    code = (
        "import cv2, os, signal\n"
        "def state():\n"
        "    signals = [signal.getsignal(number) for number in signal.valid_signals()]\n"
        "    return cv2.utils.logging.getLogLevel(), signals, os.getcwd(), dict(os.environ)\n"
        "before = state()\n"
        "import doorlab.cli, doorlab.data.sources.footage, doorlab.sim.pybullet.simulator\n"
        "import doorlab.plots.style, doorlab_envs\n"
        "assert state() == before"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def use_everything(out, workers):
    """What came of a little of everything that doorlab offers to a program."""
    found = {"dataset": write_dataset(out / "doors", DOORS, workers=workers).checksum}
    env = gym.make(
        "doorlab_envs:doorlab/DoorBandit-v0", doors_from=out / "doors", frames=2, image_size=32
    )
    env.reset(seed=0)
    found["reward"] = env.step(np.full(4, 0.1, np.float32))[1]
    env.close()
    found["suggestion"] = suggestion(out)
    steps = np.arange(1, 20)
    found["figure"] = to_png(
        training({"np": TrainingHistory("loss", steps, 1 / steps, steps, 1 / steps)})
    )
    deep = np.arange(16, dtype=np.uint16).reshape(4, 4, 1) * np.full(3, 4096, np.uint16)
    cv2.imwrite(str(out / "deep.png"), deep)
    found["photo"] = read_image(out / "deep.png", 16).tolist()
    return found


def suggestion(out):
    """For a door of the dataset, by a model that was trained on it."""
    config = updated(
        train.Config(),
        model="np",
        data=out / "doors",
        out=out / "run",
        steps=1,
        batch_size=2,
        frames=2,
        num_labeled=0,
        context=1,
        targets=2,
        device="cpu",
        architecture=SMALL,
        checkpoint_every=1,
    )
    predictor = RewardPredictor.load(train.run(config))
    predictor.observe(DoorDataset.open(out / "doors").read("images", np.arange(1))[0])
    predictor.record(predictor.suggest(), 0.5)
    predictor.save(out / "door.safetensors")
    predictor.restore(out / "door.safetensors")
    return predictor.suggest()


def process_state():
    """State that belongs to the program, not to a library that it calls."""
    return {
        "argv": list(sys.argv),
        "children": multiprocessing.active_children(),
        "cwd": os.getcwd(),
        "environment": dict(os.environ),
        "excepthooks": (sys.excepthook, threading.excepthook),
        "gc": (gc.isenabled(), gc.get_threshold()),
        "locale": locale.setlocale(locale.LC_ALL),
        "logging": loggers(),
        "matplotlib": matplotlib.rcParams.copy(),
        "numpy": (np.geterr(), np.geterrcall(), np.get_printoptions()),
        "numpy's chance": [str(part) for part in np.random.get_state()],  # noqa: NPY002
        "open files": open_files(),
        "opencv": (cv2.utils.logging.getLogLevel(), cv2.getNumThreads()),
        "path": list(sys.path),
        "pyav": av.logging.get_level(),
        "recursion": sys.getrecursionlimit(),
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "start method": multiprocessing.get_start_method(allow_none=True),
        "streams": (sys.stdin, sys.stdout, sys.stderr),
        "umask": umask(),
        "warnings": list(warnings.filters),
    }


def loggers():
    known = {"": logging.getLogger(), **logging.root.manager.loggerDict}
    return {
        name: (found.level, list(found.handlers), found.disabled, found.propagate)
        for name, found in known.items()
        if isinstance(found, logging.Logger)
    }


def open_files():
    """By their descriptors, where the system lists them."""
    folder = "/proc/self/fd"
    if not os.path.isdir(folder):
        return {}
    found = {}
    for name in os.listdir(folder):
        try:
            found[name] = os.readlink(f"{folder}/{name}")
        except FileNotFoundError:  # of the listing itself
            continue
    return found


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
