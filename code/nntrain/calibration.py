"""Do the probabilities mean what they say? Of answers given with 80 %, 80 % are right.

Taught in chapter 10.

Source: Guo et al., "On calibration of modern neural networks" (2017).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from nntrain.checks import probabilities, whole_number
from nntrain.metrics import better_when
from nntrain.targets import as_labels, class_labels, same_length

__all__ = ["expected_calibration_error", "reliability_table"]


def reliability_table(
    probs: ArrayLike, targets: ArrayLike, bins: int = 10
) -> dict[str, np.ndarray]:
    """Sort the answers into bins of equal width by their probability, and compare.

    Args:
        probs: (N, K) probabilities of the classes: the largest of a row is the
            confidence of the answer, right or wrong. Or (N,) probabilities of "yes",
            which are compared with how often it is "yes".
        targets: (N,) labels or (N, K) one-hot rows; zeros and ones for (N,) `probs`.
        bins: how many; bin b holds the probabilities from b/bins up to (b + 1)/bins,
            the last one also 1.

    Returns:
        Arrays of shape (bins,) by name: low and high, the edges; count; confidence, the
        mean probability; frequency, the share that was right (or "yes"). The last two
        are nan in an empty bin.

    Raises:
        ValueError: numbers that are no probabilities, such as logits or NaN; other
            shapes, no examples, other targets.

    >>> table = reliability_table([0.1, 0.3, 0.9, 0.7], [0, 1, 1, 1], bins=2)
    >>> table["confidence"].tolist(), table["frequency"].tolist()
    ([0.2, 0.8], [0.5, 1.0])
    """
    bins = whole_number("bins", bins)
    confidence, right = _answers(probs, targets)
    edges = np.arange(bins + 1) / bins
    place = np.clip(np.searchsorted(edges, confidence, "right") - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):  # an empty bin has no mean: 0/0 is nan
        return {
            "low": edges[:-1],
            "high": edges[1:],
            "count": count,
            "confidence": np.bincount(place, confidence, bins) / count,
            "frequency": np.bincount(place, right, bins) / count,
        }


@better_when(higher=False)
def expected_calibration_error(
    probs: ArrayLike, targets: ArrayLike, bins: int = 10
) -> float:
    r"""The mean distance between confidence and frequency.

    .. math:: \sum_b \frac{n_b}{N}\,|\text{frequency}_b - \text{confidence}_b|

    Arguments and errors as for `reliability_table`. 0 is perfect; it depends on the
    number of bins, so compare only values with the same.

    >>> expected_calibration_error([0.5, 0.5, 0.9, 0.9], [1, 0, 1, 0])
    0.2
    """
    table = reliability_table(probs, targets, bins)
    gap = np.nan_to_num(np.abs(table["frequency"] - table["confidence"]))
    return float(np.average(gap, weights=table["count"]))


def _answers(probs: ArrayLike, targets: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """How sure each answer is, and whether it was right, both (N,)."""
    probs = np.asarray(probs)
    if probs.dtype.kind not in "fiub" or probs.ndim not in (1, 2):
        raise ValueError(
            f"probs are {probs.dtype} of shape {probs.shape}, expected (N, K) or (N,)"
        )
    if not probs.size or np.isnan(probs).any():
        raise ValueError(
            f"probs have shape {probs.shape} and {np.isnan(probs).sum()} NaN"
        )
    probabilities("calibration", probs, rows=probs.ndim == 2)
    if probs.ndim == 1:
        truth = class_labels("targets", targets, 2)
        same_length("probs", probs, truth)
        return probs, truth
    truth = as_labels(targets, probs.shape[1])
    same_length("probs", probs, truth)
    return probs.max(axis=1), probs.argmax(axis=1) == truth
