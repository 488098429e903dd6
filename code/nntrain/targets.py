"""What a classifier should answer: labels, distributions, and how much each counts.

Losses, tensor functions and metrics check targets here, so that what one refuses its
sisters refuse too. Labels are class numbers 0 … K − 1 of shape (N,); distributions are
rows of shape (N, K), non-negative and summing to one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nntrain.checks import number, real_array

__all__ = [
    "ClassTargets",
    "as_labels",
    "check_distributions",
    "check_labels",
    "check_shares",
    "class_labels",
    "column",
    "positive_weights",
    "same_length",
    "times",
]

ROUNDING = 1e-3  # by how much the sum of a distribution may miss one


def check_labels(user: str, labels: np.ndarray, n_classes: int) -> None:
    """`ValueError` unless the labels are integers from 0 to `n_classes` − 1."""
    if labels.dtype.kind not in "iu":
        raise ValueError(f"{user} expected integer labels, got {labels.dtype}")
    if labels.size and not 0 <= labels.min() <= labels.max() < n_classes:
        raise ValueError(
            f"labels must lie in 0 … {n_classes - 1} for {n_classes} outputs, "
            f"got {labels.min()} … {labels.max()}"
        )


def check_distributions(user: str, rows: np.ndarray) -> None:
    """`ValueError` unless every row is non-negative and sums to one; NaN is refused."""
    off = np.abs(np.add.reduce(rows, axis=1) - 1).max()
    lowest = rows.min()
    if not (off <= ROUNDING and lowest >= 0):
        raise ValueError(
            f"{user} expected every row of targets to be a distribution, non-negative "
            f"and summing to one; got a sum off by {off:g} and a lowest value of "
            f"{lowest:g}"
        )


def check_shares(user: str, targets: np.ndarray) -> None:
    """`ValueError` unless all targets lie in 0 … 1; NaN is refused."""
    lowest = np.minimum.reduce(targets, axis=None)
    highest = np.maximum.reduce(targets, axis=None)
    if not 0 <= lowest <= highest <= 1:
        raise ValueError(
            f"{user} expected targets in 0 … 1, got {lowest:g} … {highest:g}"
        )


class ClassTargets:
    r"""What a categorical loss compares its outputs with: rows t, and how they count.

    Label smoothing ε makes them :math:`(1 - \varepsilon)\,t + \varepsilon / K`. With
    class weights w the loss is :math:`-\sum_k w_k t_k\log p_k`. That is
    :math:`s = \sum_k w_k t_k` times the plain loss of the targets
    :math:`w_k t_k / s`, so one formula does for both. After
    `compared_with`, `factors` (N, 1) are these s, and `counts` (N,) is how much each
    example counts in a mean: the weight of its class, or 1 for a distribution; both are
    None without class weights.

    Source: Szegedy et al., "Rethinking the Inception architecture" (2016).
    """

    factors: np.ndarray | None = None
    counts: np.ndarray | None = None
    identity = np.empty((0, 0))  # rebuilt when K or the dtype changes

    def __init__(self, user: str, label_smoothing: Any, class_weights: Any) -> None:
        self.user = user
        self.smoothing = number(
            "label_smoothing", label_smoothing, high=1, closed_high=True
        )
        self.weights = None
        if class_weights is not None:
            self.weights = positive_weights("class_weights", class_weights)

    def compared_with(self, outputs: np.ndarray, targets: Any) -> np.ndarray:
        """Return the rows of targets for outputs of shape (N, K), in their dtype."""
        targets = np.asarray(targets)
        if outputs.ndim != 2 or not outputs.size:
            raise ValueError(
                f"{self.user} expected outputs of shape (N, K), got {outputs.shape}"
            )
        if targets.ndim == 2:
            rows = self._distributions(outputs, targets)
        elif targets.shape == outputs.shape[:1] and targets.dtype.kind in "iu":
            rows = self._one_hot(outputs, targets)
        else:
            raise ValueError(
                f"{self.user} expected {len(outputs)} integer labels or a "
                f"{outputs.shape} array, got {targets.dtype} of shape {targets.shape}"
            )
        if self.smoothing:
            rows = (1 - self.smoothing) * rows + self.smoothing / rows.shape[1]
        return rows if self.weights is None else self._weighted(rows, targets)

    def _distributions(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        rows = real_array("targets", targets).astype(outputs.dtype, copy=False)
        if outputs.shape != rows.shape:
            raise ValueError(
                f"{self.user} expected outputs and targets of one shape, "
                f"got outputs {outputs.shape} and targets {rows.shape}"
            )
        check_distributions(self.user, rows)
        return rows

    def _one_hot(self, outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Columns of the identity matrix: cheaper than writing ones at p[n, label].

        Taken as columns and turned, they lie in memory as the outputs of `Linear` do.
        """
        k, dtype = outputs.shape[1], outputs.dtype
        if len(self.identity) != k or self.identity.dtype != dtype:
            self.identity = np.eye(k, dtype=dtype)
        try:
            if np.minimum.reduce(labels) < 0:  # NumPy would count these from the end
                raise IndexError
            return self.identity.take(labels, axis=1).T
        except IndexError:
            check_labels(self.user, labels, k)
            raise

    def _weighted(self, rows: np.ndarray, targets: np.ndarray) -> np.ndarray:
        weights = np.asarray(self.weights, rows.dtype)
        if len(weights) != rows.shape[1]:
            raise ValueError(
                f"class_weights must have {rows.shape[1]} values, one a class, "
                f"got {len(weights)}"
            )
        weighted = rows * weights
        self.factors = weighted.sum(axis=1, keepdims=True)
        self.counts = np.ones(len(rows)) if targets.ndim == 2 else weights[targets]
        # A row of classes that weigh nothing stays as it is.
        return np.divide(
            weighted, self.factors, out=rows.copy(), where=self.factors > 0
        )

    def __repr__(self) -> str:
        smoothing = f", label_smoothing={self.smoothing}" if self.smoothing else ""
        weights = "" if self.weights is None else f", class_weights={self.weights}"
        return smoothing + weights


def positive_weights(name: str, values: Any, count: int | None = None) -> np.ndarray:
    """Return weights (`count`,); `ValueError` unless finite, ≥ 0 and not all 0."""
    weights = real_array(name, values).astype(np.float64)
    if weights.ndim != 1 or not weights.size or count not in (None, len(weights)):
        wanted = "one-dimensional" if count is None else f"of shape ({count},)"
        raise ValueError(f"{name} must be {wanted}, got shape {weights.shape}")
    if not (np.isfinite(weights).all() and weights.min() >= 0 and weights.any()):
        raise ValueError(
            f"{name} must be finite and ≥ 0, with at least one above 0, got {weights}"
        )
    return weights


def times(array: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Return array · factors with 0 · nan = 0: what counts nothing may be anything."""
    out = np.zeros_like(array)
    return np.multiply(array, factors, out=out, where=factors > 0, casting="same_kind")


def class_labels(
    name: str, values: ArrayLike, n_classes: int | None = None
) -> np.ndarray:
    """Return labels as int64 of shape (N,).

    `ValueError` unless they are integers or booleans, at least one of them, and within
    0 … `n_classes` − 1 if that is given.
    """
    labels = np.asarray(values)
    if labels.ndim != 1 or len(labels) == 0 or labels.dtype.kind not in "iub":
        raise ValueError(
            f"{name} are {labels.dtype} of shape {labels.shape}, expected integers "
            "(N,), N ≥ 1"
        )
    labels = labels.astype(np.int64)
    if n_classes is not None and (labels.min() < 0 or labels.max() >= n_classes):
        raise ValueError(
            f"{name} run from {labels.min()} to {labels.max()}, "
            f"expected 0 … {n_classes - 1}"
        )
    return labels


def as_labels(targets: ArrayLike, n_classes: int) -> np.ndarray:
    """Return labels (N,) or one-hot rows (N, K) as labels; `ValueError` otherwise."""
    array = np.asarray(targets)
    if array.ndim == 2 and len(array) and array.shape[1] == n_classes:
        if not (np.isin(array, (0, 1)).all() and (array.sum(axis=1) == 1).all()):
            raise ValueError(
                "targets of two dimensions must be one-hot: a single 1 in each row, "
                "the rest 0"
            )
        return array.argmax(axis=1)
    return class_labels("targets", array, n_classes)


def column(name: str, values: ArrayLike) -> np.ndarray:
    """Return numbers of shape (N,) or (N, 1) as (N,); `ValueError` otherwise."""
    array = np.asarray(values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or len(array) == 0 or array.dtype.kind not in "fiub":
        raise ValueError(
            f"{name} are {array.dtype} of shape {array.shape}, expected (N,) or "
            "(N, 1), N ≥ 1"
        )
    return array


def same_length(name: str, first: np.ndarray, targets: np.ndarray) -> None:
    """`ValueError` unless there are as many targets as examples."""
    # Without this, NumPy would compare a single label with all the others.
    if len(first) != len(targets):
        raise ValueError(f"{name} have {len(first)} examples, targets {len(targets)}")
