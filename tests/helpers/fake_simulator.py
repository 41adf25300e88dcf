"""Simulators without physics: fast, slow, or fatal to their process."""

import os
import signal
import time
from pathlib import Path

import numpy as np

from doorlab.data import GenerationConfig, write_dataset
from doorlab.doors import oracle_action
from doorlab.sim import InteractionResult, RenderResult

STEPS = 20

CONFIG = GenerationConfig(
    doors=11,
    frames=3,
    interactions=5,
    image_size=16,
    simulator="fake",
    validation_fraction=0.2,
    test_fraction=0.3,
    shard_doors=4,
    videos=1,
)


class FakeSimulator:
    """Images and rewards are simple functions of the door, the joint and the action."""

    name = "fake"
    renderer = "fake"

    def __init__(self, delay=0.0):
        self.delay = delay

    def render(self, doors, joint_positions, views, image_size, layers=None):
        time.sleep(self.delay)
        rows = np.arange(image_size)
        pattern = (rows[:, None] * 3 + rows)[..., None] + np.array([0, 40, 80])
        strength = np.array([door.width for door in doors])[:, None] + np.asarray(joint_positions)
        eyes = np.array([[view.eye[0] for view in of_door] for of_door in views])
        images = pattern * strength[..., None, None, None] + 9 * eyes[..., None, None, None]
        return RenderResult(np.clip(images, 0, 255).astype(np.uint8))

    def interact(self, doors, actions, *, record=False):
        best = np.stack([oracle_action(door) for door in doors])[:, None]
        rewards = np.clip(1 - np.abs(actions - best).mean(-1), 0, 1).astype(np.float32)
        ends = rewards * np.array([door.opening_limit for door in doors], np.float32)[:, None]
        course = ends[..., None] * np.linspace(0, 1, STEPS, dtype=np.float32)
        steps = np.full(rewards.shape, STEPS, np.int32)
        return InteractionResult(rewards, ends, rewards < 0.5, steps, course if record else None)

    def close(self):
        pass


def make_fake(name):
    return FakeSimulator()


def make_slow(name):
    return FakeSimulator(delay=0.1)


def make_telling(folder, name):
    """Leaves the number of its process in the folder."""
    Path(folder, str(os.getpid())).touch()
    return make_slow(name)


def generate_slowly(path):
    """Work for a process that will not live to its end."""
    write_dataset(path, CONFIG, simulator=make_slow)


def kill_once(item):
    """Work for a launcher: the first process to come here is killed. The item is a path."""
    try:
        Path(item).touch(exist_ok=False)
    except FileExistsError:
        return item
    return kill_always(item)


def mark_and_kill_first(item):
    """Notes every start in the file `item`. The process of the first start of "a" is killed."""
    with open(item, "a") as file:
        file.write("begun ")
    if item.endswith("a") and Path(item).read_text() == "begun ":
        kill_always(item)
    return item


def kill_always(item):
    os.kill(os.getpid(), signal.SIGKILL)


def double(item):
    return item * 2


def fail_on_c(item):
    if item == "c":
        raise ValueError("c is bad")
    return item


def sleep_unless_quick(item):
    """Leaves the number of its process in the file `item`, and then takes a minute."""
    if item == "quick":
        return item
    Path(item).write_text(str(os.getpid()))
    return time.sleep(60)


def threads_of_libraries(_):
    return os.environ.get("OMP_NUM_THREADS")


def place_of_worker(_):
    """The working directory, the threads of libraries and the visible GPUs of the process."""
    names = ("OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES")
    return os.getcwd(), *(os.environ.get(name) for name in names)


ITEMS = ["a", "b", "c", "d", "e"]


def tree(path):
    """Relative path -> bytes of every file."""
    files = (file for file in Path(path).rglob("*") if file.is_file())
    return {str(file.relative_to(path)): file.read_bytes() for file in files}
