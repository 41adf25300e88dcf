"""Results are independent of the settings of torch, and the settings are unchanged."""

import contextlib
import os
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.small_networks import TINY

from doorlab.bandit import History, load_bandit, save_bandit
from doorlab.bandit.acquisition import SearchConfig
from doorlab.bandit.policies import (
    ContextualPriorPolicy,
    GPConfig,
    GPThompsonPolicy,
    GPUCBPolicy,
    LabeledDataset,
    LinUCBConfig,
    LinUCBPolicy,
    NeuralLinearConfig,
    NeuralLinearPolicy,
)
from doorlab.bandit.wheel.neural_linear import NeuralLinearArmsConfig, run_neural_linear
from doorlab.data.sources.simulation import GenerationConfig, make_door
from doorlab.data.tensors.stream import DoorStream, StreamConfig, StreamSpec
from doorlab.doors import View
from doorlab.evaluation.generation.frame_features import learn_features
from doorlab.evaluation.trained_model import TrainedModel
from doorlab.models.io import load_model, save_model
from doorlab.models.registry import build_model
from doorlab.robot import RewardPredictor
from doorlab.runtime.torch_state import float32_by_default
from doorlab.sim import make_simulator
from doorlab.sim.rendering import RenderOptions
from doorlab.sim.torch import DoorParams, interact, view_tensor
from doorlab.sim.torch.rendering import render

SIZE = 32
SMALL = replace(TINY, encoder_resolution=SIZE, latent_samples=4)
QUICK = SearchConfig(candidates=16, starts=2, steps=2)
RNG = np.random.default_rng(0)
FRAMES = RNG.integers(0, 256, (6, 2, SIZE, SIZE, 3), dtype=np.uint8)
ACTIONS = RNG.uniform(-1, 1, (6, 4, 4)).astype(np.float32)
REWARDS = RNG.uniform(0, 1, (6, 4)).astype(np.float32)
LABELED = LabeledDataset(FRAMES, ACTIONS, REWARDS)
torch.manual_seed(0)
MODEL = build_model("ssnp", SIZE, SMALL).eval()


@contextlib.contextmanager
def changed(get, change, value):
    before = get()
    change(value)
    try:
        yield
    finally:
        change(before)


def dtype(value):
    return changed(torch.get_default_dtype, torch.set_default_dtype, value)


def settings():
    """All that doorlab must leave as it is."""
    return {
        "gradients": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "random": torch.get_rng_state().tolist(),
        "environment": dict(os.environ),
    }


@contextlib.contextmanager
def control_loop():
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16), torch.device("meta"):
        yield


@contextlib.contextmanager
def reproducible():
    with (
        changed(
            torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms, True
        ),
        changed(torch.get_num_threads, torch.set_num_threads, torch.get_num_threads() + 1),
    ):
        yield


STATES = {
    "without gradients": torch.no_grad,
    "inference, autocast, meta": control_loop,
    "float64": lambda: dtype(torch.float64),
    "float16": lambda: dtype(torch.float16),
    "deterministic, threads": reproducible,
}


def predicted(folder):
    predictor = RewardPredictor.load(folder, seed=3)
    predictor._search = QUICK  # `load` has no argument for it
    predictor.observe(FRAMES[0])
    found = []
    for choice in ("greedy", "ucb", "thompson"):
        action = predictor.suggest(choice)
        predictor.record(action, 0.5)
        found += [action.to_normalized(), *predictor.predict([action])]
    predictor.save(folder / "door.safetensors")
    predictor.restore(folder / "door.safetensors")
    return [*found, predictor.suggest().to_normalized()]


def policies():
    touch, model = GPConfig(search=QUICK, fit_steps=3), MODEL
    return {
        "gp_ucb": lambda: GPUCBPolicy(touch),
        "gp_thompson": lambda: GPThompsonPolicy(touch),
        "linucb": lambda: LinUCBPolicy(model, LABELED, LinUCBConfig(features=8, search=QUICK)),
        "neural_linear": lambda: NeuralLinearPolicy(
            model, LABELED, NeuralLinearConfig(hidden=8, features=4, steps=3, search=QUICK)
        ),
        "cpp": lambda: ContextualPriorPolicy(model, touch),
    }


def opened(name):
    def work(folder):
        policy = policies()[name]()
        policy.begin(FRAMES[:2], np.random.default_rng(1))
        history = History.empty(2)
        for n in range(3):
            history = history.extended(policy.act(history), REWARDS[:2, n])
        save_bandit(folder / "bandit.safetensors", policy, history)
        history = load_bandit(folder / "bandit.safetensors", policy)
        return [history.actions, policy.act(history)]

    return work


def doors_and_views():
    doors = [make_door(GenerationConfig(doors=8, prior="wild"), i) for i in range(8)]
    view = View(eye=(0.2, -2.5, 1.5), target=(0.0, 0.0, 1.0), field_of_view=0.9)
    return doors, [[view]] * 8


def simulated(folder):
    simulator = make_simulator("torch")
    doors, views = doors_and_views()
    shown = simulator.render(
        doors, np.full((8, 1), 0.3), views, 16, RenderOptions(True, True, True)
    )
    done = simulator.interact(doors, np.resize(ACTIONS, (8, 4, 4)), record=True)
    found = [shown.images, shown.depth, shown.segmentation, *vars(done).values()]
    return [value for value in found if value is not None]


def simulated_on_a_device(folder):
    doors, views = doors_and_views()
    columns = DoorParams.from_doors(doors)
    angles = torch.from_numpy(np.full(8, 0.3, np.float32))
    shown = render(columns, angles, view_tensor(views)[:, 0], 16, shadows=True)
    done = interact(columns, torch.from_numpy(np.resize(ACTIONS, (8, 4, 4))), record=True)
    return [value.numpy() for value in (*vars(shown).values(), *vars(done).values())]


def drawn(folder):
    fresh = DoorStream(StreamConfig(prior="wild", image_size=16, sequence_length=2))
    (doors,) = fresh.draw(StreamSpec("look", 8, 2, 3), range(1))
    return [value.numpy() for value in vars(doors).values()]


def embedded(folder):
    model = TrainedModel("ssnp", load_model(folder), "cpu")
    return [model.embed(FRAMES), *(t.numpy() for t in model.tensors(ACTIONS))]


def described(folder):
    return list(learn_features(FRAMES, steps=2).describe(FRAMES).values())


def played(folder):
    contexts = np.random.default_rng(2).uniform(size=(2, 12, 2))
    config = NeuralLinearArmsConfig(hidden=(4,), train_every=4, train_steps=2, batch=4)
    return [
        run_neural_linear(contexts, lambda t, arms: arms / 3, 3, np.random.default_rng(3), config)
    ]


WORK = {
    "predictor": predicted,
    **{name: opened(name) for name in ("gp_ucb", "gp_thompson", "linucb", "neural_linear", "cpp")},
    "simulator": simulated,
    "simulator's tensors": simulated_on_a_device,
    "fresh doors": drawn,
    "frozen model": embedded,
    "features of frames": described,
    "arms": played,
}


@pytest.fixture
def run(tmp_path):
    save_model(tmp_path, MODEL, "ssnp", SIZE, SMALL)
    return tmp_path


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    save_model(folder, MODEL, "ssnp", SIZE, SMALL)
    return {name: work(folder) for name, work in WORK.items()}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", WORK)
def test_results_are_independent_of_torch_settings(name, state, run, expected):
    """The settings of the caller are unchanged as well."""
    with STATES[state]():
        before = settings()
        found = WORK[name](run)
        assert settings() == before
    for mine, other in zip(found, expected[name], strict=True):
        # Threads share sums out, so that last bits of what was trained depend on their number.
        np.testing.assert_allclose(mine, other, rtol=0, atol=1e-5 * ("threads" in state))


def test_float32_by_default_restores_dtype_after_last_thread():
    inside, done = threading.Event(), threading.Event()

    def work():
        with float32_by_default:
            inside.set()
            done.wait(10)

    with dtype(torch.float64):
        thread = threading.Thread(target=work)
        with float32_by_default:
            thread.start()
            inside.wait(10)
        assert torch.get_default_dtype() == torch.float32
        done.set()
        thread.join()
        assert torch.get_default_dtype() == torch.float64
