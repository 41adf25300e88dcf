"""Accuracy of independent components as classifiers: what an embedding contains without labels.

The odd component with the smallest kurtosis should be the side of the hinge, which a mirror image
swaps. The even one with the smallest kurtosis should be the swing. The components are found without
labels; labels of validation doors only determine which of the two signs has which name.

Legend: D doors, E embedding.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float64, Num

from doorlab.data.targets import TARGETS
from doorlab.nn.independent_components import IndependentComponents

COMPONENT_TARGETS = ("handedness", "swing")


def component_accuracy(
    components: IndependentComponents,
    validation: Float64[np.ndarray, "D E"],
    test: Float64[np.ndarray, "T E"],
    validation_answers: Mapping[str, Num[np.ndarray, "D ..."]],
    test_answers: Mapping[str, Num[np.ndarray, "T ..."]],
) -> dict[str, Float64[np.ndarray, " T"]]:
    """Target -> 1 for every test door that its component classifies correctly, else 0.

    Targets without a component of their symmetry are left out.

    Args:
        components: components of the embeddings of training doors and their mirror images.
        validation: embeddings of validation doors.
        test: embeddings of test doors.
        validation_answers: target -> classes of the validation doors.
        test_answers: target -> classes of the test doors.
    """
    known, unknown, correct = components(validation), components(test), {}
    for target in COMPONENT_TARGETS:
        candidates = np.flatnonzero(components.odd == (TARGETS[target].mirror == "swapped"))
        if not len(candidates):
            continue
        first = candidates[0]  # components are in the order of their kurtosis
        flipped = np.mean((known[:, first] > 0) == (validation_answers[target] == 1)) < 0.5
        predicted = (unknown[:, first] > 0) != flipped
        correct[target] = (predicted == (test_answers[target] == 1)).astype(np.float64)
    return correct
