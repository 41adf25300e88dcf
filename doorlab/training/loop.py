"""The training loop of every model.

The random numbers of step k depend on the seed and k only: the batch uses a separate generator, the
noise of the model uses torch's global generator. The state of a run therefore consists of its
weights and its optimizer, and on a CPU a resumed run ends with bit-identical weights.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from doorlab.errors import CheckpointError
from doorlab.parallel.prefetch import Prefetcher
from doorlab.runtime.signals import stops_handled
from doorlab.seeding import integer_seed
from doorlab.terminal.progress import progress_bar
from doorlab.training.best_weights import BestWeights
from doorlab.training.checkpoint import Checkpoint, check_fit, load_checkpoint, save_checkpoint
from doorlab.training.config import TrainConfig, differing
from doorlab.training.external_logger import ExternalLogger
from doorlab.training.fabric import Fabric
from doorlab.training.guards import GracefulStop, NonFiniteGuard
from doorlab.training.launch import Opaque
from doorlab.training.learning_rate import learning_rate_at
from doorlab.training.metric_logger import MetricLogger
from doorlab.training.task import Loss, Phase, Span, TrainingTask


@dataclass(frozen=True)
class FitResult:
    """How a run ended."""

    step: int
    """Steps done."""
    finished: bool
    """Whether all steps are done."""
    interrupted: bool
    """Whether a signal ended the run."""
    history: dict[str, list[dict[str, float | int]]]
    """Logged records: "train" and "validation"."""
    seconds: float
    """Duration since the run was started or resumed."""
    best_step: int | None = None
    """Step of the best weights of a finished run; None without a monitor."""


def fit(
    fabric: Fabric, model: nn.Module, task: TrainingTask, config: TrainConfig, out: Path
) -> FitResult:
    """Trains `model` in place, from the checkpoint in `out` if there is one.

    After the last step, the model has the best weights by the monitor of the last phase.

    Writes OUT/checkpoint.safetensors and OUT/tensorboard, and OUT/logger.json with --logger.
    On Ctrl-C, SIGTERM or SIGHUP it finishes the step, writes a checkpoint and returns.

    Raises:
        TrainingError: if a loss or a gradient is not finite; the message names the step.
        CheckpointError: if the checkpoint is damaged, or of a run with other settings.
    """
    run = _Run(fabric, model, task, config, out)
    run.resume()
    stop = GracefulStop()
    with stops_handled(stop), _progress(fabric, task.name, config.steps, run.step) as advance:
        try:
            return run.train(stop, advance)
        finally:
            run.close()


@contextlib.contextmanager
def _progress(
    fabric: Fabric, name: str, steps: int, before: int
) -> Iterator[Callable[[int], None]]:
    """A progress bar in the first process; no output in the others."""
    if not fabric.is_global_zero:
        yield lambda n: None
        return
    with progress_bar(name, "steps", steps, before) as advance:
        yield advance


class _Objective(nn.Module):
    """The loss of the current phase as the forward pass of a module.

    DDP and mixed precision wrap the forward pass of modules only.
    """

    def __init__(self, model: nn.Module, loss: Loss) -> None:
        super().__init__()
        self.model, self.loss = model, loss

    def forward(self, batch: Opaque) -> tuple[Tensor, dict[str, Tensor]]:
        return self.loss(self.model, batch.content)


class _Run:
    """The state of a training run; `train` is the loop."""

    def __init__(
        self, fabric: Fabric, model: nn.Module, task: TrainingTask, config: TrainConfig, out: Path
    ) -> None:
        self.fabric, self.model, self.task, self.config, self.out = fabric, model, task, config, out
        self.journal = _metric_logger(fabric, task, config, out)
        self.step = 0
        self.spans = task.spans(config.steps)
        self.span = self.spans[0]
        self.best = BestWeights(self.phase.monitor)
        # Before DDP wraps the module: the optimizer's parameters are then in the model's order.
        groups = _groups(model, config.optim.weight_decay)
        self.optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98), fused=True)
        self.objective = _Objective(model, self.phase.loss)
        self.forward, self.stepper = fabric.setup(self.objective, self.optimizer)
        self.watch = NonFiniteGuard(fabric.device)
        self.ahead: Prefetcher[Any] | None = None

    @property
    def _last_step(self) -> int:
        """Number of steps after which the loop ends."""
        return min(self.config.steps, self.config.monitor.stop_after or self.config.steps)

    @property
    def phase(self) -> Phase:
        """The phase of the last step; before the first step, the first phase."""
        return self.span.phase

    def train(self, stop: GracefulStop, advance: Callable[[int], None]) -> FitResult:
        """Runs steps until the last step, `stop_after`, or a signal."""
        config, start, last = self.config, time.monotonic(), self._last_step
        seen_at, seen_step = start, self.step
        while self.step < last and not self._any(stop.requested):
            self._advance_one_step()
            advance(1)
            if self.step % config.monitor.log_every == 0 or self.step == config.steps:
                self._log()
                now = time.monotonic()
                speed = (self.step - seen_step) / max(now - seen_at, 1e-9)
                self.journal.measure(self.step, steps_per_second=speed)
                seen_at, seen_step = now, self.step
            if self.step % config.monitor.validate_every == 0 or self.step == config.steps:
                self._validate()
            if self.step % config.monitor.checkpoint_every == 0:
                self.save()
        self.save()
        finished = self.step >= config.steps
        if finished:
            self.best.load_into(self.model)
        return FitResult(
            self.step,
            finished,
            self.step < last,
            self.journal.history(),
            time.monotonic() - start,
            self.best.step if finished else None,
        )

    def resume(self) -> None:
        """Restores the state of the checkpoint, if there is one."""
        checkpoint = load_checkpoint(self.out)
        if checkpoint is None:
            return
        changed = differing(checkpoint.settings, self._settings())
        if changed:
            raise CheckpointError(
                f"the settings of the run in {self.out}",
                f"others: {', '.join(changed)}",
                "resume with the same settings, or start again with --overwrite",
            )
        groups = self.optimizer.state_dict()["param_groups"]
        trained = [p for group in self.optimizer.param_groups for p in group["params"]]
        check_fit(self.out, checkpoint, self.model, trained, self.config.steps)
        self.model.load_state_dict(checkpoint.model)
        self.optimizer.load_state_dict({"state": checkpoint.moments, "param_groups": groups})
        self.journal.restore(checkpoint.journal, self.fabric.device)
        self.step = checkpoint.step
        if self.step:
            self._enter(self._span_at(self.step - 1))
        self.best.restore(checkpoint.best)

    def close(self) -> None:
        """Ends the threads of the run, and closes its logs."""
        self._end_prefetching()
        self.journal.close()

    def save(self) -> None:
        """Writes a checkpoint. Raises TrainingError if a step was not finite."""
        self.watch.check(self.config.seed, self._batch)
        if self.fabric.is_global_zero:
            state = Checkpoint(
                self.step,
                self.model.state_dict(),
                self.optimizer.state_dict()["state"],
                self.journal.state(),
                self._settings(),
                self.best.state(),
            )
            save_checkpoint(self.out, state)
        self.fabric.barrier()

    def _advance_one_step(self) -> None:
        config, step = self.config, self.step
        for span in self.spans:
            if step == span.steps.start:
                self._start(span)
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate(step)
        batch = self._batch(step) if self.ahead is None else self.ahead(step)
        torch.manual_seed(integer_seed(config.seed, "noise", step, self.fabric.global_rank))
        loss, scalars = self.forward(Opaque(batch))
        self.fabric.backward(loss)
        norm = self._clip()
        self.watch.update(step, loss, norm)
        if self.fabric.device.type == "cpu":  # on a CPU the check is free, and protects the weights
            self.watch.check(config.seed, self._batch)
        self.stepper.step()
        self.stepper.zero_grad()
        self.journal.add({"loss": loss, **scalars, "gradient_norm": norm})
        self.step = step + 1

    def _batch(self, step: int) -> Any:
        """The batch of this process in a step: a pure function of the step."""
        phase = self._span_at(step).phase
        generator = generator_for(self.config.seed, "batch", step, self.fabric.global_rank)
        size = max(1, phase.batch_size // self.fabric.world_size)
        return phase.batches(step, generator, size)

    def _span_at(self, step: int) -> Span:
        return next(span for span in self.spans if step in span.steps)

    def _learning_rate(self, step: int) -> float:
        return learning_rate_at(self.config.optim, *self.span.schedule_at(step))

    def _start(self, span: Span) -> None:
        """Loads the best weights of the previous phase, if any, and starts the next phase."""
        if span is not self.spans[0]:
            if self.step % self.config.monitor.validate_every and self.phase.monitor is not None:
                self._validate()  # the last weights may be the best
            self.best.load_into(self.model)
            self.optimizer.state.clear()
        if span.phase.on_start is not None:
            self.model.eval()
            torch.manual_seed(integer_seed(self.config.seed, "turn"))
            with torch.no_grad():
                span.phase.on_start(self.model)
            self._sync_from_rank_zero()
            self.model.train()
        self._enter(span)

    def _enter(self, span: Span) -> None:
        self.span = span
        self.objective.loss = span.phase.loss
        self.best = BestWeights(span.phase.monitor)
        self._end_prefetching()
        if span.phase.batches_ahead:
            last = min(span.steps.stop, self._last_step)
            self.ahead = Prefetcher(self._batch, last, span.phase.batches_ahead)

    def _end_prefetching(self) -> None:
        if self.ahead is not None:
            self.ahead.close()
            self.ahead = None

    def _clip(self) -> Tensor:
        limit = self.config.optim.max_grad_norm or float("inf")
        norm = self.fabric.clip_gradients(
            self.forward, self.optimizer, max_norm=limit, error_if_nonfinite=False
        )
        assert norm is not None  # Fabric's signature allows None for clipping by value
        return norm

    def _log(self) -> None:
        self.watch.check(self.config.seed, self._batch)
        rate = self._learning_rate(self.step - 1)
        average = self._average if self.fabric.world_size > 1 else None
        self.journal.flush(self.step, average, learning_rate=rate)

    def _validate(self) -> None:
        if self.task.validate is None:
            return
        self._sync_from_rank_zero()
        self.model.eval()
        torch.manual_seed(integer_seed(self.config.seed, "validation"))
        with torch.no_grad():
            figures = self.fabric.broadcast(self.task.validate(self.model))
        self.model.train()
        self.journal.log_validation(self.step, figures)
        self.best.update(self.step, figures, self.model)

    def _sync_from_rank_zero(self) -> None:
        """Copies the model of the first process to all: running averages of batches differ."""
        if self.fabric.world_size > 1:
            for tensor in (*self.model.parameters(), *self.model.buffers()):
                torch.distributed.broadcast(tensor.data, src=0)

    def _any(self, flag: bool) -> bool:
        """Whether the value is true in any process; all must stop after the same step."""
        if self.fabric.world_size == 1:
            return flag
        return bool(self._average(torch.tensor(float(flag), device=self.fabric.device)) > 0)

    def _average(self, values: Tensor) -> Tensor:
        return cast(Tensor, self.fabric.all_reduce(values, reduce_op="mean"))

    def _settings(self) -> dict[str, Any]:
        return dict(self.task.settings or {})


def _metric_logger(
    fabric: Fabric, task: TrainingTask, config: TrainConfig, out: Path
) -> MetricLogger:
    """The logs of a process: in memory, and in the first process also in files."""
    if not fabric.is_global_zero:
        return MetricLogger(None)
    monitor = config.monitor
    if monitor.logger == "tensorboard":
        return MetricLogger(out)
    settings = {"model": task.name, **(task.settings or {})}
    return MetricLogger(out, ExternalLogger(monitor.logger, monitor.logger_project, out, settings))


def generator_for(seed: int, *names: str | int) -> torch.Generator:
    """A CPU generator that depends on the seed and the names alone."""
    return torch.Generator().manual_seed(integer_seed(seed, *names))


def _groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Groups of trainable parameters: vectors and scalars have no weight decay."""
    trainable = [p for p in model.parameters() if p.requires_grad]
    return [
        {"params": [p for p in trainable if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trainable if p.ndim <= 1], "weight_decay": 0.0},
    ]
