"""Processes that are forked from one in which threads of torch have worked, in any module."""

import multiprocessing
import sys

import gymnasium
import numpy as np
import pytest
import torch

from doorlab.models.architecture import Architecture
from doorlab.models.registry import build_model
from doorlab.robot import RewardPredictor

PATIENCE = 60  # s
ENVIRONMENT = "doorlab_envs:doorlab/DoorBandit-v0"

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="no fork there, or none that is safe"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]


@pytest.fixture(autouse=True)
def working_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    assert torch.ones(10**6).exp().sum() > 0  # enough to share between the threads
    yield
    torch.set_num_threads(before)


def test_reward_predictor_suggests_equally_in_forked_process():
    torch.manual_seed(0)
    predictor = RewardPredictor(build_model("ssnp", 32, Architecture()), 32)
    frames = np.random.default_rng(0).integers(0, 256, (3, 480, 640, 3), dtype=np.uint8)
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()

    def work():
        predictor.observe(frames)
        answers.put((predictor.suggest("ucb"), torch.get_num_threads()))

    child = context.Process(target=work, daemon=True)
    child.start()
    child.join(PATIENCE)
    if child.exitcode is None:
        child.kill()
    assert child.exitcode == 0
    suggested, threads = answers.get()
    predictor.observe(frames)
    mine = predictor.suggest("ucb")
    np.testing.assert_allclose(suggested.to_normalized(), mine.to_normalized(), atol=1e-5)
    assert threads == 2  # as it was


def test_environments_work_in_forked_processes():
    settings = {"frames": 2, "image_size": 64, "simulator": "torch"}
    envs = gymnasium.make_vec(
        ENVIRONMENT,
        num_envs=2,
        vectorization_mode="async",
        vector_kwargs={"context": "fork"},
        **settings,
    )
    try:
        envs.reset_async(seed=0)
        images = envs.reset_wait(timeout=PATIENCE)[0]["images"]
    finally:
        envs.close(terminate=True)
    alone = gymnasium.make(ENVIRONMENT, **settings)
    np.testing.assert_array_equal(images[0], alone.reset(seed=0)[0]["images"])
    alone.close()
