"""Linear probes with scikit-learn: ridge for numbers, logistic regression for categories.

A probe is fitted on training doors, its penalty is chosen on validation doors, and it is scored on
test doors. Nothing but the probe is trained. D doors, M frames per door, E embedding size.
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
    """Embeddings with the true answers.

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
        """Embeddings (n, E) and values (n,), doors and frames run together."""
        # float64: with fewer doors than dimensions, float32 makes the weakest penalties singular.
        inputs = self.embeddings.astype(np.float64).reshape(self.values.size, -1)
        return inputs, self.values.reshape(-1)


@dataclass(frozen=True)
class ProbeScore:
    """What a probe obtained on test doors.

    Attributes:
        contributions: the values' shape; their mean is the score. For categories 1 where the
            probe is right, 0 where it is wrong; for numbers 1 - squared error / variance of the
            test values, which averages to R^2. Two probes on the same doors compare in pairs.
        predictions: the values' shape: the probability of category 1, or the number.
        penalty: the one that the validation doors chose.
        validation: the score on those, of the kind of `contributions`; to choose settings by.
    """

    contributions: np.ndarray
    predictions: np.ndarray
    penalty: float
    validation: float

    def estimate(self, seed: int = 0) -> Estimate:
        """The score with its interval over doors; frames of one door are resampled together."""
        return bootstrap_mean(self.contributions, seed=seed)


def fit_probe(kind: Kind, train: ProbeData, validation: ProbeData, test: ProbeData) -> ProbeScore:
    """Fits a probe for every penalty, keeps the best on `validation`, scores it on `test`.

    Raises:
        ConfigError: when the test values do not vary, so that R^2 means nothing.
    """
    if kind == "continuous" and np.ptp(test.values) == 0:
        raise ConfigError(
            "test doors that differ in what is probed", "one value", "leave this target out"
        )
    from sklearn.metrics import log_loss, mean_squared_error  # here, as below: it takes a second

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
    # Features have unit variance and the penalty is per embedding, so that one grid serves every
    # model and every number of doors.
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
    # A variance of zero (a single validation door, say) tells nothing about a number.
    return 1.0 - (predictions - values) ** 2 / max(np.var(values), np.finfo(np.float64).tiny)
