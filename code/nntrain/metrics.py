"""How good are the answers? Accuracy, and what it hides: the errors of each kind."""

import numpy as np
from numpy.typing import ArrayLike

from nntrain.checks import number, whole_number

__all__ = [
    "accuracy",
    "binary_accuracy",
    "binary_counts",
    "confusion_matrix",
    "f1",
    "precision",
    "recall",
    "specificity",
    "threshold_metrics",
]


def accuracy(outputs: ArrayLike, targets: ArrayLike) -> float:
    """The share of examples whose predicted class is right, (1/N) Σ [predicted = target].

    Args:
        outputs: (N, K) with K ≥ 2, logits or probabilities: the largest of a row is the prediction. A row
            with a NaN counts as wrong, so that a diverged network scores low and not by chance. Or (N,),
            predicted labels, integers or booleans. One output an example, logit or probability, is not
            enough to know the threshold: see `binary_accuracy`.
        targets: (N,) integer or boolean labels, or (N, K) one-hot rows.

    Raises:
        ValueError: other shapes or types, no examples, a label that is not one of the K classes.

    >>> accuracy([[0.1, 2.0], [0.3, 0.2], [1.0, 5.0]], [1, 1, 1])
    0.6666666666666666
    """
    outputs = np.asarray(outputs)
    if outputs.ndim == 2 and outputs.shape[1] >= 2 and outputs.dtype.kind in "fiub":
        labels = _target_labels(targets, outputs.shape[1])
        _same_length("outputs", outputs, labels)
        broken = np.isnan(outputs).any(axis=1)
        return float(np.mean((outputs.argmax(axis=1) == labels) & ~broken))
    if outputs.ndim == 1 and outputs.dtype.kind in "iub":
        labels = _labels("targets", targets)
        _same_length("outputs", outputs, labels)
        return float(np.mean(outputs == labels))
    raise ValueError(
        f"outputs are {outputs.dtype} of shape {outputs.shape}, expected (N, K) with K ≥ 2, "
        "or integer labels (N,); for a network with one output use binary_accuracy"
    )


def binary_accuracy(
    outputs: ArrayLike, targets: ArrayLike, *, threshold: float = 0.0
) -> float:
    """The share of right answers of a network with one output, "yes" being output ≥ threshold.

    Args:
        outputs: (N,) or (N, 1). Logits with the threshold 0; for probabilities give ``threshold=0.5``,
            which is the same decision since σ(0) = ½. A NaN counts as wrong.
        targets: (N,) or (N, 1), zeros and ones of any type.

    Raises:
        ValueError: other shapes, no examples, other targets.

    >>> binary_accuracy([[2.5], [-1.0], [0.3]], [[1.0], [0.0], [0.0]])
    0.6666666666666666
    """
    number("threshold", threshold, -np.inf, np.inf, closed_high=True)
    scores, truth = _column("outputs", outputs), _column("targets", targets)
    if not np.isin(truth, (0, 1)).all():
        wrong = truth[~np.isin(truth, (0, 1))]
        raise ValueError(
            f"targets must be zeros and ones, got {len(wrong)} others, such as {wrong[0]}"
        )
    _same_length("outputs", scores, truth)
    return float(np.mean(((scores >= threshold) == (truth == 1)) & ~np.isnan(scores)))


def confusion_matrix(
    predictions: ArrayLike, targets: ArrayLike, n_classes: int
) -> np.ndarray:
    """Count every pair: row i, column j says how many examples of class i were taken for class j.

    Args:
        predictions, targets: (N,) integer labels 0 … ``n_classes`` − 1.

    Returns:
        (n_classes, n_classes), int64. The diagonal holds the right answers, the sum is N.

    Raises:
        ValueError: unequal shapes, no examples, no integers, or a label out of range.

    >>> confusion_matrix([0, 1, 1, 2], [0, 1, 2, 2], 3)
    array([[1, 0, 0],
           [0, 1, 0],
           [0, 1, 1]])
    """
    n_classes = whole_number("n_classes", n_classes)
    predicted, truth = (
        _labels("predictions", predictions, n_classes),
        _labels("targets", targets, n_classes),
    )
    _same_length("predictions", predicted, truth)
    return np.bincount(truth * n_classes + predicted, minlength=n_classes**2).reshape(
        n_classes, n_classes
    )


def precision(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    positive: int | None = None,
    zero_division: float = 0.0,
) -> float:
    """Of those called positive, the share that is: TP / (TP + FP).

    Args:
        predictions, targets: (N,) booleans or zeros and ones; or labels of several classes, of which
            ``positive`` is the one to be found and all others together are the rest.
        positive: the class in question; may be left out for booleans and zeros and ones (1 is positive then).
        zero_division: the value of 0/0, here when nothing is called positive.

    Raises:
        ValueError: unequal shapes, no examples, no integers, several classes without ``positive``.

    >>> precision([7, 7, 1, 3], [7, 1, 7, 3], positive=7)
    0.5
    """
    tp, fp, _, _ = binary_counts(predictions, targets, positive=positive)
    return float(_ratio(tp, tp + fp, zero_division))


def recall(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    positive: int | None = None,
    zero_division: float = 0.0,
) -> float:
    """Of those that are positive, the share that is called so: TP / (TP + FN). Otherwise as `precision`.

    >>> recall([True, False, True], [True, True, True])
    0.6666666666666666
    """
    tp, _, fn, _ = binary_counts(predictions, targets, positive=positive)
    return float(_ratio(tp, tp + fn, zero_division))


def specificity(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    positive: int | None = None,
    zero_division: float = 0.0,
) -> float:
    """Of those that are not positive, the share that is not called so: TN / (TN + FP).

    Otherwise as `precision`.
    """
    _, fp, _, tn = binary_counts(predictions, targets, positive=positive)
    return float(_ratio(tn, tn + fp, zero_division))


def f1(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    positive: int | None = None,
    zero_division: float = 0.0,
) -> float:
    """The harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN). Otherwise as `precision`.

    It is 0/0 only when nothing is positive and nothing is called so.
    """
    tp, fp, fn, _ = binary_counts(predictions, targets, positive=positive)
    return float(_ratio(2 * tp, 2 * tp + fp + fn, zero_division))


def binary_counts(
    predictions: ArrayLike, targets: ArrayLike, *, positive: int | None = None
) -> tuple[int, int, int, int]:
    """Count true positives, false positives, false negatives and true negatives. Arguments as `precision`."""
    predicted, truth = _labels("predictions", predictions), _labels("targets", targets)
    _same_length("predictions", predicted, truth)
    if positive is None:
        if (
            predicted.min() < 0
            or predicted.max() > 1
            or truth.min() < 0
            or truth.max() > 1
        ):
            raise ValueError(
                "labels of several classes: say which one is in question, as in positive=7"
            )
        positive = 1
    if not isinstance(positive, (int, np.integer, np.bool)):
        raise ValueError(f"positive must be a class number, got {positive!r}")
    called, real = predicted == positive, truth == positive
    tp, fp, fn = (
        int(np.sum(called & real)),
        int(np.sum(called & ~real)),
        int(np.sum(~called & real)),
    )
    return tp, fp, fn, len(truth) - tp - fp - fn


def threshold_metrics(
    scores: ArrayLike,
    targets: ArrayLike,
    thresholds: ArrayLike,
    *,
    zero_division: float = 0.0,
) -> dict[str, np.ndarray]:
    """All of these for each threshold, an example being called positive if score ≥ threshold.

    Args:
        scores: (N,) finite numbers, such as the logit or the probability of one class.
        targets: (N,) booleans, or zeros and ones.
        thresholds: (T,) numbers in any order, ±∞ included.
        zero_division: the value of 0/0; ``np.nan`` leaves a gap in a plot.

    Returns:
        Arrays of shape (T,) by name: threshold, tp, fp, fn, tn, precision, recall, specificity, f1, accuracy.

    Raises:
        ValueError: wrong shapes, no examples, a score that is not finite, other targets, a threshold that
            is NaN.

    >>> sweep = threshold_metrics([0.9, 0.6, 0.2], [1, 0, 0], [0.5, 0.8])
    >>> sweep["precision"].tolist(), sweep["recall"].tolist()
    ([0.5, 1.0], [1.0, 1.0])
    """
    scores, truth = np.asarray(scores), _labels("targets", targets, 2).astype(bool)
    if scores.ndim != 1 or scores.dtype.kind not in "fiu":
        raise ValueError(
            f"scores are {scores.dtype} of shape {scores.shape}, expected numbers of shape (N,)"
        )
    _same_length("scores", scores, truth)
    if not np.isfinite(scores).all():
        raise ValueError(
            f"scores hold {int((~np.isfinite(scores)).sum())} values that are not finite"
        )
    cuts = np.asarray(thresholds, dtype=np.float64)
    if cuts.ndim != 1 or np.isnan(cuts).any():
        raise ValueError(f"thresholds of shape {cuts.shape}, expected (T,) without NaN")
    # Sorted once, each count is a look-up: how many scores lie below the threshold.
    yes, no = np.sort(scores[truth]), np.sort(scores[~truth])
    fn, tn = np.searchsorted(yes, cuts, "left"), np.searchsorted(no, cuts, "left")
    tp, fp = len(yes) - fn, len(no) - tn
    return {
        "threshold": cuts, "tp": tp, "fp": fp, "fn": fn, "tn": tn,
        "precision": _ratio(tp, tp + fp, zero_division),
        "recall": _ratio(tp, tp + fn, zero_division),
        "specificity": _ratio(tn, tn + fp, zero_division),
        "f1": _ratio(2 * tp, 2 * tp + fp + fn, zero_division),
        "accuracy": (tp + tn) / len(scores),
    }  # fmt: skip


def _ratio(
    part: int | np.ndarray, whole: int | np.ndarray, zero_division: float
) -> np.ndarray:
    """part / whole, and ``zero_division`` where both are 0."""
    result = np.full(np.shape(whole), zero_division, dtype=np.float64)
    return np.divide(part, whole, out=result, where=np.asarray(whole) != 0)


def _labels(name: str, values: ArrayLike, n_classes: int | None = None) -> np.ndarray:
    """Integer labels of shape (N,), N ≥ 1; within 0 … n_classes − 1 if that is given."""
    labels = np.asarray(values)
    if labels.ndim != 1 or len(labels) == 0 or labels.dtype.kind not in "iub":
        raise ValueError(
            f"{name} are {labels.dtype} of shape {labels.shape}, expected integers (N,), N ≥ 1"
        )
    labels = labels.astype(np.int64)
    if n_classes is not None and (labels.min() < 0 or labels.max() >= n_classes):
        raise ValueError(
            f"{name} run from {labels.min()} to {labels.max()}, expected 0 … {n_classes - 1}"
        )
    return labels


def _target_labels(targets: ArrayLike, n_classes: int) -> np.ndarray:
    array = np.asarray(targets)
    if array.ndim == 2 and len(array) and array.shape[1] == n_classes:
        if not (np.isin(array, (0, 1)).all() and (array.sum(axis=1) == 1).all()):
            raise ValueError(
                "targets of two dimensions must be one-hot: a single 1 in each row, the rest 0"
            )
        return array.argmax(axis=1)
    return _labels("targets", array, n_classes)


def _column(name: str, values: ArrayLike) -> np.ndarray:
    array = np.asarray(values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or len(array) == 0 or array.dtype.kind not in "fiub":
        raise ValueError(
            f"{name} are {array.dtype} of shape {array.shape}, expected (N,) or (N, 1), N ≥ 1"
        )
    return array


def _same_length(name: str, first: np.ndarray, targets: np.ndarray) -> None:
    # Without this, NumPy would compare a single label with all the others.
    if len(first) != len(targets):
        raise ValueError(f"{name} have {len(first)} examples, targets {len(targets)}")
