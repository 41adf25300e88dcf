"""Phases and their steps in a run."""

from __future__ import annotations

import pytest
from helpers.toys import toy_phase

from doorlab.training import TrainingTask, single_phase


def spans(steps, *lengths):
    task = TrainingTask(tuple(toy_phase(steps=length) for length in lengths))
    return [span.steps for span in task.spans(steps)]


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ((None,), [range(10)]),
        ((4, None), [range(4), range(4, 10)]),
        ((0, None), [range(10)]),  # a model on a frozen encoder
        ((10, None), [range(10)]),
        ((3, 4, None), [range(3), range(3, 7), range(7, 10)]),
        ((12,), [range(10)]),
    ],
)
def test_training_task_spans_cover_run(lengths, expected):
    assert spans(10, *lengths) == expected


def test_span_schedule_at_counts_from_start_of_phase():
    phases = (toy_phase(steps=4, schedule_steps=10), toy_phase())
    first, second = TrainingTask(phases).spans(10)
    assert first.schedule_at(3) == (3, 10)
    assert second.schedule_at(4) == (0, 6)


def test_single_phase_lasts_for_whole_run():
    phase = toy_phase()
    task = single_phase("vae", phase.batches, phase.loss, 8, settings={"a": 1})
    (span,) = task.spans(7)
    assert (span.steps, task.name, task.settings) == (range(7), "vae", {"a": 1})
