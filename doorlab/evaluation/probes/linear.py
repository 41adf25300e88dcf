"""Linear probes with scikit-learn: ridge for numbers, logistic regression for categories.

A probe is fitted on training doors, its penalty is chosen on validation doors, and it is scored on
test doors. The model that computes the embeddings is frozen.

Legend: D doors, M frames per door, E embedding size, n values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from doorlab.errors import ConfigError
from doorlab.intervals import Estimate, bootstrap_mean

PENALTIES = tuple(float(p) for p in 10.0 ** np.arange(-5, 2))  # on the weights, per embedding
Kind = Literal["binary", "continuous"]


@dataclass(frozen=True)
class ProbeData:
    """Embeddings and true values of a target. Raises ConfigError if their shapes do not match.

    Attributes:
        embeddings: (D, E), or (D, M, E) for one embedding per frame.
        values: (D,) or (D, M): 0 and 1 for categories, numbers otherwise.
    """

    embeddings: np.ndarray
    values: np.ndarray

    def __post_init__(self) -> None:
        if self.embeddings.shape[:-1] != self.values.shape or not self.values.size:
            raise ConfigError(
                "one value per embedding, and at least one",
                f"embeddings {self.embeddings.shape}, values {self.values.shape}",
                "give both for the same doors (and frames)",
            )

    @property
    def flat(self) -> tuple[np.ndarray, np.ndarray]:
        """Embeddings (n, E) and values (n,), flattened over doors and frames."""
        # float64: with fewer doors than dimensions, float32 makes the weakest penalties singular.
        inputs = self.embeddings.astype(np.float64).reshape(self.values.size, -1)
        return inputs, self.values.reshape(-1)


@dataclass(frozen=True)
class ProbeScore:
    """Result of a probe on test doors.

    Attributes:
        contributions: contribution of each test value to the score, which is their mean; shape of
            the values. For categories: 1 if the prediction is correct, 0 otherwise. For numbers:
            1 - squared error / variance of the test values, which averages to R^2. Two probes on
            the same doors can be compared in pairs.
        predictions: predicted probability of category 1, or predicted number; shape of the values.
        penalty: the penalty with the lowest loss on the validation doors.
        validation: accuracy or R^2 on the validation doors, for the choice of settings.
    """

    contributions: np.ndarray
    predictions: np.ndarray
    penalty: float
    validation: float

    def estimate(self, seed: int = 0) -> Estimate:
        """The score, with its interval over doors; frames of one door are resampled together."""
        return bootstrap_mean(self.contributions, seed=seed)


def fit_probe(kind: Kind, train: ProbeData, validation: ProbeData, test: ProbeData) -> ProbeScore:
    """Fits a probe for every penalty, selects the best on `validation`, scores it on `test`.

    Raises:
        ConfigError: if all test values of a number are equal, so that R^2 is undefined.
    """
    if kind == "continuous" and np.ptp(test.values) == 0:
        raise ConfigError(
            "test doors with different values of the target", "one value", "leave this target out"
        )
    # Imported late, as below: the import takes a second.
    from sklearn.metrics import log_loss, mean_squared_error

    fitted = {penalty: _fit(kind, penalty, train) for penalty in PENALTIES}
    loss: Callable[..., Any] = log_loss if kind == "binary" else mean_squared_error
    options = {"labels": [0, 1]} if kind == "binary" else {}
    inputs, answers = validation.flat
    losses = {p: float(loss(answers, _predict(m, inputs), **options)) for p, m in fitted.items()}
    penalty = min(losses, key=lambda p: losses[p])
    chosen = fitted[penalty]
    predictions = _predict(chosen, test.flat[0]).reshape(test.values.shape)
    return ProbeScore(
        _contributions(kind, predictions, test.values),
        predictions,
        penalty,
        float(_contributions(kind, _predict(chosen, inputs), answers).mean()),
    )


def _fit(kind: Kind, penalty: float, train: ProbeData) -> Any:
    from sklearn.dummy import DummyClassifier
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    inputs, answers = train.flat
    # Features have unit variance and the penalty is per embedding, so that one grid of penalties
    # fits all models and numbers of doors.
    if kind == "continuous":
        model: Any = Ridge(alpha=penalty * len(answers))
    elif len(np.unique(answers)) == 1:
        model = DummyClassifier()
    else:
        model = LogisticRegression(C=1 / (penalty * len(answers)), max_iter=5000)
    return make_pipeline(StandardScaler(), model).fit(inputs, answers)


def _predict(model: Any, inputs: np.ndarray) -> np.ndarray:
    if not hasattr(model, "predict_proba"):
        return model.predict(inputs)
    if len(model.classes_) == 1:
        return np.full(len(inputs), float(model.classes_[0]))
    return model.predict_proba(inputs)[:, 1]


def _contributions(kind: Kind, predictions: np.ndarray, values: np.ndarray) -> np.ndarray:
    if kind == "binary":
        return ((predictions > 0.5) == (values > 0)).astype(np.float64)
    # The variance can be zero, for example with a single validation door.
    return 1.0 - (predictions - values) ** 2 / max(np.var(values), np.finfo(np.float64).tiny)
