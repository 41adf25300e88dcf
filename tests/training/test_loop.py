import os
import threading
from dataclasses import dataclass, replace

import pytest
import torch
from helpers.left_by_launchers import SLURM, TORCHRUN
from helpers.toys import (
    batches,
    deterministic,
    make_model,
    poisoned,
    same_share,
    toy_phase,
    toy_task,
    train_averaging,
    train_toy,
)

from doorlab.configs import updated
from doorlab.errors import CheckpointError, DatasetError, TrainingError
from doorlab.runtime.signals import STOP_SIGNALS
from doorlab.training import fit, launch
from doorlab.training.checkpoint import load_checkpoint
from doorlab.training.learning_rate import learning_rate_at


def train(config, task, out):
    weights, history = launch(train_toy, config.compute, config, task, out)
    return {name: torch.from_numpy(value) for name, value in weights.items()}, history


def assert_same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        assert torch.equal(a[name], b[name]), name  # bit by bit, not about


def test_fit_learns_toy_task(config, task, tmp_path):
    _, history = train(replace(config, steps=150), task, tmp_path)
    assert history["validation"][-1]["slope_error"] < 0.1
    assert history["train"][-1]["loss"] < history["train"][0]["loss"]
    assert [r["step"] for r in history["train"]] == list(range(5, 151, 5))


def test_fit_steps_match_adamw(config, tmp_path):
    """Compared with an explicit loop without Fabric, clipping included."""
    config = updated(config, steps=6, max_grad_norm=0.5, weight_decay=0.1)
    weights, _ = train(config, toy_task(loss=deterministic, batches=same_share), tmp_path)
    model = make_model()
    optimizer = torch.optim.AdamW(
        [{"params": [model.linear.weight], "weight_decay": 0.1},
         {"params": [model.linear.bias], "weight_decay": 0.0}],
        betas=(0.9, 0.98),
    )  # fmt: skip
    for step in range(6):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate_at(config.optim, step, 6)
        loss, _ = deterministic(model, same_share(step, None, 8))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
    for name, value in model.state_dict().items():
        torch.testing.assert_close(weights[name], value)


def test_fit_progress_names_model_and_counts_own_steps(config, tmp_path, capsys):
    task = toy_task(name="ssnp")
    train(updated(config, stop_after=8), task, tmp_path / "seed-0")
    train(config, task, tmp_path / "seed-0")
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("ssnp: 8 steps in ")
    assert second.startswith(f"ssnp: {config.steps - 8} steps in ")


@pytest.mark.parametrize("stop", [1, 7, 10, 19])
def test_fit_resumes_bit_for_bit(config, task, tmp_path, stop):
    whole, history = train(config, task, tmp_path / "whole")
    train(updated(config, stop_after=stop), task, tmp_path / "parts")
    kept = load_checkpoint(tmp_path / "parts")
    assert kept is not None
    assert kept.step == stop
    torch.manual_seed(999)  # whatever happened to torch's global generator in between
    resumed, resumed_history = train(config, task, tmp_path / "parts")
    assert_same(resumed, whole)
    assert resumed_history == history


def test_fit_resumes_from_last_checkpoint_after_kill(config, task, tmp_path):
    """A run that dies in step 10 resumes from its last checkpoint, step 8."""

    def dying(step, generator, doors):
        if step == 10:
            raise SystemError("killed")
        return batches(step, generator, doors)

    whole, _ = train(config, task, tmp_path / "whole")
    with pytest.raises(SystemError, match="killed"):
        train(config, toy_task(batches=dying), tmp_path / "parts")
    kept = load_checkpoint(tmp_path / "parts")
    assert kept is not None
    assert kept.step == 8
    resumed, _ = train(config, task, tmp_path / "parts")
    assert_same(resumed, whole)


def distance_from_early(metrics):
    """Smallest where the slope is half learned, which is long before the end."""
    return abs(metrics["slope_error"] - 1.0)


def test_fit_ends_with_best_weights(config, tmp_path):
    config = updated(config, steps=60, validate_every=1)
    task = toy_task(monitor=distance_from_early)
    weights, history = train(config, task, tmp_path / "best")
    errors = [distance_from_early(r) for r in history["validation"]]
    early = errors.index(min(errors)) + 1
    assert 1 < early < 40
    slope = torch.tensor([[1.0], [-2.0]])
    off = (weights["linear.weight"].T - slope).abs().max().item()
    assert abs(off - 1.0) == pytest.approx(min(errors))
    last, same_history = train(config, toy_task(), tmp_path / "last")
    assert same_history == history  # choosing changes nothing on the way
    assert not torch.equal(last["linear.weight"], weights["linear.weight"])


@pytest.mark.parametrize("stop", [3, 14, 19, 20])
def test_fit_keeps_best_weights_after_kill(config, tmp_path, stop):
    """Killed before, at and after the best step, and after the last one."""

    def dying(step, generator, doors):
        if step == stop:
            raise SystemError("killed")
        return batches(step, generator, doors)

    config = updated(config, steps=20, validate_every=2, lr=0.3)
    chosen = {"monitor": distance_from_early}
    whole, history = train(config, toy_task(**chosen), tmp_path / "whole")
    if stop < 20:
        with pytest.raises(SystemError, match="killed"):
            train(config, toy_task(batches=dying, **chosen), tmp_path / "parts")
    else:
        train(config, toy_task(**chosen), tmp_path / "parts")
    resumed, resumed_history = train(config, toy_task(**chosen), tmp_path / "parts")
    assert_same(resumed, whole)
    assert resumed_history == history
    kept = load_checkpoint(tmp_path / "parts")
    assert kept is not None
    assert kept.best is not None
    assert 2 < kept.best["step"] < 20
    assert_same(kept.best["weights"], whole)


def doubled(model):
    assert not model.training
    model.linear.weight.mul_(2.0)


@pytest.mark.parametrize("stop", [1, 6, 7, 8, 19])
def test_phase_starts_once_in_resumed_run(config, tmp_path, stop):
    task = toy_task(phases=(toy_phase(steps=7), toy_phase(on_start=doubled)))
    whole, history = train(config, task, tmp_path / "whole")
    train(updated(config, stop_after=stop), task, tmp_path / "parts")
    resumed, resumed_history = train(config, task, tmp_path / "parts")
    assert_same(resumed, whole)
    assert resumed_history == history


def test_phase_starts_without_moments_and_with_own_schedule(config, tmp_path):
    """Against a loop by hand."""
    config = updated(config, steps=6, weight_decay=0.0)
    first = toy_phase(loss=deterministic, batches=same_share, steps=3)
    task = toy_task(phases=(first, replace(first, steps=None, on_start=doubled)))
    weights, _ = train(config, task, tmp_path)
    model = make_model()
    for first in (0, 3):
        optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98), weight_decay=0.0)
        if first:
            model.linear.weight.data.mul_(2.0)
        for step in range(first, first + 3):
            optimizer.param_groups[0]["lr"] = learning_rate_at(config.optim, step - first, 3)
            loss, _ = deterministic(model, same_share(step, None, 8))
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), config.optim.max_grad_norm)
            optimizer.step()
    for name, value in model.state_dict().items():
        torch.testing.assert_close(weights[name], value)


def test_phase_ends_with_its_best_weights(config, tmp_path):
    seen = {}

    def remember(model):
        seen.update({name: value.clone() for name, value in model.state_dict().items()})

    config = updated(config, steps=20, validate_every=2, lr=0.3)
    first = toy_phase(monitor=distance_from_early, steps=15)
    second = toy_phase(monitor=distance_from_early, on_start=remember)
    task = toy_task(phases=(first, second))
    weights, _ = train(config, task, tmp_path / "turned")
    train(updated(config, stop_after=15), task, tmp_path / "stopped")
    kept = load_checkpoint(tmp_path / "stopped")
    assert kept is not None
    assert kept.best is not None
    assert kept.best["step"] < 14
    assert_same(seen, kept.best["weights"])
    last = load_checkpoint(tmp_path / "turned")
    assert last is not None
    assert last.best is not None
    assert last.best["step"] > 15  # those before were of another phase
    assert_same(weights, last.best["weights"])


@pytest.mark.parametrize("stop", [7, 8, 15, 19])
def test_best_weights_of_both_phases_are_kept_in_resumed_run(config, tmp_path, stop):
    config = updated(config, steps=20, validate_every=2, lr=0.3)
    first = toy_phase(steps=7, monitor=lambda metrics: -metrics["slope_error"])
    second = toy_phase(monitor=distance_from_early, on_start=doubled)
    task = toy_task(phases=(first, second))
    whole, _ = train(config, task, tmp_path / "whole")
    train(updated(config, stop_after=stop), task, tmp_path / "parts")
    resumed, _ = train(config, task, tmp_path / "parts")
    assert_same(resumed, whole)


@pytest.mark.parametrize("steps", [20, 7])
def test_fit_with_batches_ahead_has_same_weights(config, task, tmp_path, steps):
    """Also across phases and a resume: the second phase computes its batches in the step."""
    phases = (toy_phase(steps=12, batches_ahead=3), toy_phase(batches=same_share))
    plain = (toy_phase(steps=12), toy_phase(batches=same_share))
    whole, history = train(config, toy_task(phases=plain), tmp_path / "whole")
    train(updated(config, stop_after=steps), toy_task(phases=phases), tmp_path / "parts")
    ahead, ahead_history = train(config, toy_task(phases=phases), tmp_path / "parts")
    assert_same(ahead, whole)
    assert ahead_history == history


def test_fit_computes_batches_ahead_in_threads_up_to_last_step(config, tmp_path):
    computed = {}

    def noting(step, generator, doors):
        computed[step] = threading.current_thread()
        return batches(step, generator, doors)

    before = threading.active_count()
    config = updated(config, stop_after=10)
    train(config, toy_task(batches=noting, batches_ahead=4), tmp_path)
    assert set(computed) == set(range(10))
    assert threading.main_thread() not in computed.values()
    assert threading.active_count() == before


def test_fit_raises_error_of_batch_ahead_at_its_step(config, tmp_path):
    def failing(step, generator, doors):
        if step == 10:
            raise DatasetError("a shard", "a damaged one", "repair it")
        return batches(step, generator, doors)

    before = threading.active_count()
    with pytest.raises(DatasetError, match="a damaged one"):
        train(config, toy_task(batches=failing, batches_ahead=4), tmp_path)
    assert threading.active_count() == before
    kept = load_checkpoint(tmp_path)
    assert kept is not None
    assert kept.step == 8


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_fit_finishes_step_and_writes_checkpoint_on_signal(config, tmp_path, number):
    def signalling(step, generator, doors):
        if step == 5:
            os.kill(os.getpid(), number)
        return batches(step, generator, doors)

    def work(fabric):
        return fit(fabric, make_model(), toy_task(batches=signalling), config, tmp_path)

    outcome = launch(work, config.compute)
    assert (outcome.step, outcome.finished, outcome.interrupted) == (6, False, True)
    kept = load_checkpoint(tmp_path)
    assert kept is not None
    assert kept.step == 6


def test_fit_stops_at_non_finite_loss_before_weights_change(config, tmp_path):
    with pytest.raises(TrainingError, match="a loss of nan at step 6"):
        train(config, toy_task(loss=loss_that_breaks, batches=with_step), tmp_path)
    kept = load_checkpoint(tmp_path)
    assert kept is not None
    assert kept.step == 4
    assert all(value.isfinite().all() for value in kept.model.values())


def test_fit_names_non_finite_batch_of_earlier_phase(config, tmp_path):
    """Where steps are checked only now and then, as on a GPU."""
    phases = (toy_phase(steps=7, batches=poisoned), toy_phase())
    with pytest.raises(TrainingError, match=r"NaN or infinity in the data of the batch of step 6"):
        train(config, toy_task(phases=phases), tmp_path)


def test_fit_names_non_finite_data(config, tmp_path):
    with pytest.raises(TrainingError, match=r"NaN or infinity in the data of the batch of step 6"):
        train(config, toy_task(batches=poisoned), tmp_path)


def with_step(step, generator, doors):
    return *batches(step, generator, doors), step


def loss_that_breaks(model, batch):
    *data, step = batch
    loss, scalars = model.loss(data)
    return loss * (float("nan") if step == 6 else 1.0), scalars


def test_fit_rejects_resume_with_other_settings(config, task, tmp_path):
    train(updated(config, stop_after=5), task, tmp_path)
    with pytest.raises(CheckpointError, match="--name \\(toy there, other here\\)"):
        train(config, toy_task(settings={"name": "other"}), tmp_path)


def test_fit_depends_on_seed_only(config, task, tmp_path):
    first, _ = train(config, task, tmp_path / "a")
    torch.manual_seed(1234)
    again, _ = train(updated(config, threads=2), task, tmp_path / "b")
    other, _ = train(replace(config, seed=4), task, tmp_path / "c")
    assert_same(first, again)
    assert not torch.equal(first["linear.weight"], other["linear.weight"])


def test_fit_keeps_frozen_parameters(config, tmp_path):
    def work(fabric):
        model = make_model()
        model.linear.bias.requires_grad_(False)
        before = model.linear.bias.clone()
        fit(fabric, model, toy_task(), config, tmp_path)
        return before, model.linear.bias

    before, after = launch(work, config.compute)
    assert torch.equal(before, after)


def test_fit_learns_in_bfloat16_with_float32_weights(config, tmp_path):
    config = updated(config, steps=100, precision="bf16-mixed")
    weights, history = train(config, toy_task(), tmp_path)
    assert history["train"][-1]["error"] < 0.3
    assert weights["linear.weight"].dtype == torch.float32


def test_fit_accepts_frozen_dataclass_batches(config, tmp_path):
    """Fabric would disassemble them."""

    @dataclass(frozen=True)
    class Batch:
        x: torch.Tensor
        y: torch.Tensor

    for precision in ("32-true", "bf16-mixed"):
        task = toy_task(
            batches=lambda *args: Batch(*batches(*args)),
            loss=lambda model, batch: model.loss((batch.x, batch.y)),
        )
        train(updated(config, precision=precision), task, tmp_path / precision)


def test_fit_on_two_processes_equals_one_with_joint_batch(config, tmp_path, monkeypatch):
    """DDP with gloo: where both see the same doors, their mean is what one process computes.

    In a job of SLURM, and after a run of torchrun: launchers whose processes these are not.
    """
    for name, value in {**SLURM, **TORCHRUN}.items():
        monkeypatch.setenv(name, value)
    config = updated(config, steps=4, log_every=2, checkpoint_every=2)

    def task(batch_size):
        phase = {"loss": deterministic, "batches": same_share, "batch_size": batch_size}
        return toy_task(validate=None, **phase)

    alone, history = train(config, task(8), tmp_path / "one")
    both, both_history = train(updated(config, devices=2), task(16), tmp_path / "two")
    for name in alone:
        torch.testing.assert_close(both[name], alone[name])
    for a, b in zip(history["train"], both_history["train"], strict=True):
        assert a == pytest.approx(b, rel=1e-5)


def test_processes_share_model_state_between_phases(config, tmp_path):
    """Running averages are per process, until all receive those of the first."""
    config = updated(config, steps=6, validate_every=2, log_every=2, devices=2)
    launch(train_averaging, config.compute, config, tmp_path)
    for moment in ("seen", "turned"):
        first, second = (torch.load(tmp_path / f"{moment}-{rank}.pt") for rank in (0, 1))
        assert_same(first, second)
        assert first["norm.running_mean"].abs().sum() > 0
