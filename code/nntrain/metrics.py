"""How good are the answers? Accuracy, and the errors of each kind (chapter 10).

Each metric is a function `(outputs, targets) -> float`, and says by its attribute
`higher_is_better` in which direction it improves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from nntrain.checks import number, whole_number
from nntrain.targets import as_labels, class_labels, column, same_length

__all__ = [
    "accuracy",
    "balanced_accuracy",
    "better_when",
    "binary_accuracy",
    "binary_counts",
    "confusion_matrix",
    "f1",
    "precision",
    "recall",
    "specificity",
]

Function = TypeVar("Function", bound=Callable)
Count = int | np.ndarray


def better_when(*, higher: bool) -> Callable[[Function], Function]:
    """Give a metric its direction, the attribute `higher_is_better`.

    Callbacks that wait for a metric to improve read it.

    >>> accuracy.higher_is_better
    True
    """

    def mark(function: Function) -> Function:
        function.__dict__["higher_is_better"] = higher
        return function

    return mark


@better_when(higher=True)
def accuracy(outputs: ArrayLike, targets: ArrayLike) -> float:
    """The share of examples whose predicted class is right.

    (1/N) Σ [predicted = target].

    Args:
        outputs: (N, K) with K ≥ 2, logits or probabilities: the largest of a row is the
            prediction. A row with a NaN counts as wrong, so that a diverged network
            scores low and not by chance. Or (N,), predicted labels, integers or
            booleans. One output an example, logit or probability, is not enough to know
            the threshold: see `binary_accuracy`.
        targets: (N,) integer or boolean labels, or (N, K) one-hot rows.

    Raises:
        ValueError: other shapes or types, no examples, a label that is not one of the K
            classes, a row with several ones.

    >>> accuracy([[0.1, 2.0], [0.3, 0.2], [1.0, 5.0]], [1, 1, 1])
    0.6666666666666666
    """
    predicted, truth = _classes(outputs, targets)
    return float(np.mean(predicted == truth))


@better_when(higher=True)
def balanced_accuracy(outputs: ArrayLike, targets: ArrayLike) -> float:
    """The mean over the classes of the share of each that is found.

    It is the mean recall, so a rare class counts as much as a common one, and always
    answering with the commonest gives 1/K. Classes that do not occur in the targets are
    left out. Arguments and errors as for `accuracy`.

    >>> balanced_accuracy([0, 0, 0, 0], [0, 0, 0, 1])
    0.5
    """
    predicted, truth = _classes(outputs, targets)
    return float(
        np.mean([np.mean(predicted[truth == k] == k) for k in np.unique(truth)])
    )


@better_when(higher=True)
def binary_accuracy(
    outputs: ArrayLike, targets: ArrayLike, *, threshold: float | None = None
) -> float:
    """The share of right answers of a network with one output.

    "Yes" is output ≥ threshold.

    Args:
        outputs: (N,) or (N, 1). A NaN counts as wrong.
        targets: (N,) or (N, 1), zeros and ones of any type.
        threshold: 0 for logits and 0.5 for probabilities, which is the same decision
            since σ(0) = ½. If not given it is 0, but outputs that could be either, all
            within 0 … 1, are refused where the two disagree: for probabilities 0 would
            call everything "yes".

    Raises:
        ValueError: other shapes, no examples, other targets, an open choice.

    >>> binary_accuracy([[2.5], [-1.0], [0.3]], [[1.0], [0.0], [0.0]])
    0.6666666666666666
    """
    scores, truth = column("outputs", outputs), column("targets", targets)
    if not np.isin(truth, (0, 1)).all():
        wrong = truth[~np.isin(truth, (0, 1))]
        raise ValueError(
            f"targets must be zeros and ones, got {len(wrong)} others, such as "
            f"{wrong[0]}"
        )
    same_length("outputs", scores, truth)
    if threshold is None:
        if scores.min() >= 0 and scores.max() <= 1 and scores.min() < 0.5:
            raise ValueError(
                f"outputs from {scores.min():g} to {scores.max():g} may be logits or "
                "probabilities: say threshold=0 for logits, threshold=0.5 for "
                "probabilities"
            )
        threshold = 0.0
    number("threshold", threshold, -np.inf, np.inf, closed_high=True)
    return float(np.mean(((scores >= threshold) == (truth == 1)) & ~np.isnan(scores)))


def confusion_matrix(
    predictions: ArrayLike, targets: ArrayLike, n_classes: int
) -> np.ndarray:
    """Count every pair of a true and a predicted class.

    Row i, column j says how many examples of class i were taken for class j.

    Args:
        predictions, targets: (N,) integer labels 0 … `n_classes` − 1.

    Returns:
        (n_classes, n_classes), int64. The right answers are the diagonal, the sum is N.

    Raises:
        ValueError: unequal shapes, no examples, no integers, or a label out of range.

    >>> confusion_matrix([0, 1, 1, 2], [0, 1, 2, 2], 3)
    array([[1, 0, 0],
           [0, 1, 0],
           [0, 1, 1]])
    """
    k = whole_number("n_classes", n_classes)
    predicted, truth = _label_pairs(predictions, targets, k)
    pairs = truth * k + predicted  # the pair (i, j) has the number i K + j
    return np.bincount(pairs, minlength=k * k).reshape(k, k)


# Each metric is the ratio of two counts: of true and false positives and negatives.
RATIOS: dict[str, Callable[..., tuple[Count, Count]]] = {
    "precision": lambda tp, fp, fn, tn: (tp, tp + fp),
    "recall": lambda tp, fp, fn, tn: (tp, tp + fn),
    "specificity": lambda tp, fp, fn, tn: (tn, tn + fp),
    "f1": lambda tp, fp, fn, tn: (2 * tp, 2 * tp + fp + fn),
    "accuracy": lambda tp, fp, fn, tn: (tp + tn, tp + fp + fn + tn),
}


@better_when(higher=True)
def precision(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    positive: int | None = None,
    average: str | None = None,
    zero_division: float = 0.0,
) -> float:
    """Of those called positive, the share that is: TP / (TP + FP).

    Args:
        predictions, targets: (N,) booleans or zeros and ones; or labels of several
            classes.
        positive: of several classes the one to be found; all others together are the
            rest. May be left out for booleans and zeros and ones (1 is positive then).
        average: in the place of `positive`, the mean over all classes that occur:
            `"macro"` counts each class once, `"weighted"` as often as it is among the
            targets.
        zero_division: the value of 0/0, here when nothing is called positive.

    Raises:
        ValueError: unequal shapes, no examples, no integers, several classes without
            `positive` or `average`, or both.

    >>> precision([7, 7, 1, 3], [7, 1, 7, 3], positive=7)
    0.5
    >>> precision([7, 7, 1, 3], [7, 1, 7, 3], average="macro")
    0.5
    """
    return _rate("precision", predictions, targets, positive, average, zero_division)


@better_when(higher=True)
def recall(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    positive: int | None = None,
    average: str | None = None,
    zero_division: float = 0.0,
) -> float:
    """Of those that are positive, the share that is called so: TP / (TP + FN).

    Otherwise as `precision`.

    >>> recall([True, False, True], [True, True, True])
    0.6666666666666666
    """
    return _rate("recall", predictions, targets, positive, average, zero_division)


@better_when(higher=True)
def specificity(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    positive: int | None = None,
    average: str | None = None,
    zero_division: float = 0.0,
) -> float:
    """Of those that are not positive, the share that is not called so: TN / (TN + FP).

    Otherwise as `precision`.
    """
    return _rate("specificity", predictions, targets, positive, average, zero_division)


@better_when(higher=True)
def f1(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    positive: int | None = None,
    average: str | None = None,
    zero_division: float = 0.0,
) -> float:
    """The harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN).

    It is 0/0 only when nothing is positive and nothing is called so. Otherwise as
    `precision`.
    """
    return _rate("f1", predictions, targets, positive, average, zero_division)


def binary_counts(
    predictions: ArrayLike, targets: ArrayLike, *, positive: int | None = None
) -> tuple[int, int, int, int]:
    """Count true positives, false positives, false negatives and true negatives.

    Arguments as `precision`.
    """
    predicted, truth = _label_pairs(predictions, targets)
    if positive is None:
        lowest = min(predicted.min(), truth.min())
        if lowest < 0 or max(predicted.max(), truth.max()) > 1:
            raise ValueError(
                "labels of several classes: say which one is in question, as in "
                'positive=7, or average="macro"'
            )
        positive = 1
    if not isinstance(positive, (int, np.integer, np.bool)):
        raise ValueError(f"positive must be a class number, got {positive!r}")
    called, real = predicted == positive, truth == positive
    tp, fp, fn, tn = called & real, called & ~real, ~called & real, ~called & ~real
    return int(tp.sum()), int(fp.sum()), int(fn.sum()), int(tn.sum())


def ratio(part: Count, whole: Count, zero_division: float) -> np.ndarray:
    """part / whole, and `zero_division` where both are 0."""
    result = np.full(np.shape(whole), zero_division, dtype=np.float64)
    return np.divide(part, whole, out=result, where=np.asarray(whole) != 0)


def _rate(
    name: str,
    predictions: ArrayLike,
    targets: ArrayLike,
    positive: int | None,
    average: str | None,
    zero_division: float,
) -> float:
    if average is None:
        counts = binary_counts(predictions, targets, positive=positive)
        return float(ratio(*RATIOS[name](*counts), zero_division))
    if average not in ("macro", "weighted") or positive is not None:
        raise ValueError(
            'average must be "macro" or "weighted", without positive, '
            f"got average={average!r}, positive={positive!r}"
        )
    predicted, truth = _label_pairs(predictions, targets)
    classes = np.union1d(predicted, truth)
    rates = [_rate(name, predicted, truth, k, None, zero_division) for k in classes]
    shares = [np.mean(truth == k) for k in classes]
    return float(np.average(rates, weights=shares if average == "weighted" else None))


def _classes(outputs: ArrayLike, targets: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """The predicted classes and the true ones; a row with a NaN predicts −1."""
    outputs = np.asarray(outputs)
    if outputs.ndim == 2 and outputs.shape[1] >= 2 and outputs.dtype.kind in "fiub":
        truth = as_labels(targets, outputs.shape[1])
        same_length("outputs", outputs, truth)
        broken = np.isnan(outputs).any(axis=1)
        return np.where(broken, -1, outputs.argmax(axis=1)), truth
    if outputs.ndim == 1 and outputs.dtype.kind in "iub":
        return _label_pairs(outputs, targets)
    raise ValueError(
        f"outputs are {outputs.dtype} of shape {outputs.shape}, expected (N, K) with "
        "K ≥ 2, or integer labels (N,); for a network with one output use "
        "binary_accuracy"
    )


def _label_pairs(
    predictions: ArrayLike, targets: ArrayLike, n_classes: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Both as checked integer labels of one length."""
    predicted = class_labels("predictions", predictions, n_classes)
    truth = class_labels("targets", targets, n_classes)
    same_length("predictions", predicted, truth)
    return predicted, truth
