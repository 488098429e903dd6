"""What each threshold would give: sweeps, the ROC curve, its area (chapter 10)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from nntrain.metrics import RATIOS, better_when, ratio
from nntrain.targets import class_labels, same_length

__all__ = ["roc_auc", "roc_curve", "threshold_metrics"]


def threshold_metrics(
    scores: ArrayLike,
    targets: ArrayLike,
    thresholds: ArrayLike,
    *,
    zero_division: float = 0.0,
) -> dict[str, np.ndarray]:
    """All metrics of two classes for each threshold.

    An example is called positive if score ≥ threshold.

    Args:
        scores: (N,) numbers, such as the logit or the probability of one class; ±∞ is
            allowed, NaN is not.
        targets: (N,) booleans, or zeros and ones.
        thresholds: (T,) numbers in any order, ±∞ included.
        zero_division: the value of 0/0; `np.nan` leaves a gap in a plot.

    Returns:
        Arrays of shape (T,) by name: threshold, tp, fp, fn, tn, precision, recall,
        specificity, f1, accuracy.

    Raises:
        ValueError: wrong shapes, no examples, a score or a threshold that is NaN, other
            targets.

    >>> sweep = threshold_metrics([0.9, 0.6, 0.2], [1, 0, 0], [0.5, 0.8])
    >>> sweep["precision"].tolist(), sweep["recall"].tolist()
    ([0.5, 1.0], [1.0, 1.0])
    """
    scores, truth, cuts = _checked(scores, targets, thresholds)
    yes, no = np.sort(scores[truth]), np.sort(scores[~truth])
    fn, tn = np.searchsorted(yes, cuts), np.searchsorted(no, cuts)  # how many lie below
    tp, fp = len(yes) - fn, len(no) - tn
    sweep = {"threshold": cuts, "tp": tp, "fp": fp, "fn": fn, "tn": tn}
    for name, counts in RATIOS.items():
        sweep[name] = ratio(*counts(tp, fp, fn, tn), zero_division)
    return sweep


def roc_curve(scores: ArrayLike, targets: ArrayLike) -> dict[str, np.ndarray]:
    """The rates of false and of true positives as the threshold falls from ∞.

    "Receiver operating characteristic": each threshold is one point of the curve, from
    (0, 0), where nothing is called positive, to (1, 1), where everything is.

    Args:
        scores, targets: as for `threshold_metrics`; both classes must occur.

    Returns:
        Arrays by name: threshold (∞, then every score once, falling), fpr, tpr.

    Raises:
        ValueError: as for `threshold_metrics`; only one class.

    >>> curve = roc_curve([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])
    >>> curve["fpr"].tolist(), curve["tpr"].tolist()
    ([0.0, 0.0, 0.5, 0.5, 1.0], [0.0, 0.5, 0.5, 1.0, 1.0])
    """
    scores, truth, _ = _checked(scores, targets, ())
    if truth.all() or not truth.any():
        raise ValueError(
            f"a ROC curve needs examples of both classes, got {truth.sum()} positive "
            f"and {(~truth).sum()} negative ones"
        )
    sweep = threshold_metrics(scores, truth, np.unique(scores)[::-1])
    return {
        "threshold": np.append(np.inf, sweep["threshold"]),
        "fpr": np.append(0, sweep["fp"] / (~truth).sum()),
        "tpr": np.append(0, sweep["tp"] / truth.sum()),
    }


@better_when(higher=True)
def roc_auc(scores: ArrayLike, targets: ArrayLike) -> float:
    """The area under the ROC curve.

    It is the probability that a random positive example has a higher score than a
    random negative one, ties counting half: ½ is guessing, 1 a perfect order.
    Arguments and errors as for `roc_curve`.

    >>> roc_auc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])
    0.75
    """
    curve = roc_curve(scores, targets)
    return float(np.trapezoid(curve["tpr"], curve["fpr"]))


def _checked(
    scores: ArrayLike, targets: ArrayLike, thresholds: ArrayLike
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    scores, truth = np.asarray(scores), class_labels("targets", targets, 2).astype(bool)
    if scores.ndim != 1 or scores.dtype.kind not in "fiub":
        raise ValueError(
            f"scores are {scores.dtype} of shape {scores.shape}, expected numbers (N,)"
        )
    same_length("scores", scores, truth)
    if np.isnan(scores).any():
        raise ValueError(f"scores have {np.isnan(scores).sum()} values that are NaN")
    cuts = np.asarray(thresholds, dtype=np.float64)
    if cuts.ndim != 1 or np.isnan(cuts).any():
        raise ValueError(
            f"thresholds have shape {cuts.shape} and {np.isnan(cuts).sum()} NaN, "
            "expected numbers (T,)"
        )
    return scores, truth, cuts
