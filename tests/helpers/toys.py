"""Models and tasks that train in milliseconds. Importable, so that workers can unpickle them."""

from functools import partial

import torch
from torch import nn

from doorlab.training import Phase, TrainingTask, fit

SLOPE = torch.tensor([[1.0], [-2.0]])


class Toy(nn.Module):
    """A linear model with noise on its output, so that the noise's seed matters."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 1)

    def loss(self, batch):
        x, y = batch
        y_hat = self.linear(x)
        loss = (y_hat + 0.1 * torch.randn_like(y_hat) - y).square().mean()
        return loss, {"error": (y_hat - y).abs().mean()}


def make_model(seed: int = 0) -> Toy:
    torch.manual_seed(seed)
    return Toy()


def batches(step, generator, doors):
    x = torch.randn(doors, 2, generator=generator)
    return x, x @ SLOPE


def poisoned(step, generator, doors):
    x, y = batches(step, generator, doors)
    return x, y * float("nan") if step == 6 else y


def loss(model, batch):
    return model.loss(batch)


def deterministic(model, batch):
    """A loss without noise: the mean over a batch does not depend on how it is shared out."""
    x, y = batch
    return (model.linear(x) - y).square().mean(), {}


def same_share(step, generator, doors):
    """Every process is given the same doors: together they are one process."""
    return batches(step, torch.Generator().manual_seed(step), doors)


def validate(model):
    return {"slope_error": float((model.linear.weight.T - SLOPE).abs().max())}


def toy_phase(**changes) -> Phase:
    return Phase(**{"name": "toy", "batches": batches, "loss": loss, "batch_size": 8, **changes})


def toy_task(*, phases=None, validate=validate, name="training", settings=None, **changes):
    """A task of these phases, or of one that is changed by `changes`."""
    return TrainingTask(
        phases or (toy_phase(**changes),), validate, name, settings or {"name": "toy"}
    )


def train_toy(fabric, config, task, out):
    """For `launch`: trains a toy; returns its weights and what was logged."""
    model = make_model()
    outcome = fit(fabric, model, task, config, out)
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    return weights, outcome.history


class Averaging(nn.Module):
    """A model that remembers averages of the batches that it has seen."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.linear = nn.BatchNorm1d(2), nn.Linear(2, 1)

    def forward(self, x):
        return self.linear(self.norm(x))


def averaging_loss(model, batch):
    x, y = batch
    return (model(x) - y).square().mean(), {}


def note(folder, moment, model):
    """Leaves what this process's model is like at the moment."""
    torch.save(model.state_dict(), folder / f"{moment}-{torch.distributed.get_rank()}.pt")


def note_and_validate(folder, model):
    note(folder, "seen", model)
    x = torch.linspace(-1.0, 1.0, 10).reshape(5, 2)
    return {"error": float((model(x) - x @ SLOPE).square().mean())}


def train_averaging(fabric, config, folder):
    """For `launch`: trains in two phases."""
    torch.manual_seed(0)
    first = toy_phase(loss=averaging_loss, steps=4, monitor=lambda metrics: metrics["error"])
    second = toy_phase(loss=averaging_loss, on_start=partial(note, folder, "turned"))
    task = toy_task(phases=(first, second), validate=partial(note_and_validate, folder))
    return fit(fabric, Averaging(), task, config, folder / "run").step
