"""Functions of tensors, composed of operations of `nntrain.autograd` (chapter 4).

Nothing here states a derivative: the operations bring theirs. Extreme logits give what
the functions of the same names in `nntrain.activations` give.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nntrain.activations import finite_max
from nntrain.autograd import Tensor, result
from nntrain.checks import real_array
from nntrain.targets import check_distributions, check_labels


def concatenate(tensors: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Join tensors along an axis; the gradient is cut where they were joined.

    Raises `ValueError` for no tensors, for arrays among them, and for shapes that
    do not fit.
    """
    if not all(isinstance(t, Tensor) for t in tensors):
        raise ValueError(
            f"expected tensors, got {', '.join(type(t).__name__ for t in tensors)}"
        )
    data = np.concatenate([t.data for t in tensors], axis)
    ends = np.cumsum([t.shape[axis] for t in tensors])[:-1]
    pulls = [lambda g, i=i: np.split(g, ends, axis)[i] for i in range(len(tensors))]
    return result("concatenate", data, *zip(tensors, pulls, strict=True))


def logsumexp(x: Tensor, axis: int = -1, keepdims: bool = False) -> Tensor:
    """log Σ exp(x) along an axis.

    The largest element is taken out first, so nothing overflows.
    """
    m = finite_max(1.0 * _tensor(x).data, axis)
    y = (x - m).exp().sum(axis, keepdims=True).log() + m
    return y if keepdims else y.reshape(np.squeeze(y.data, axis).shape)


def log_softmax(x: Tensor, axis: int = -1) -> Tensor:
    """log softmax(x) = x − log Σ exp(x): finite where log(softmax(x)) would be −∞."""
    shifted = x - (1.0 * _tensor(x).data).max(axis, keepdims=True, initial=-np.inf)
    return shifted - shifted.exp().sum(axis, keepdims=True).log()


def softmax(x: Tensor, axis: int = -1) -> Tensor:
    """exp(x) / Σ exp(x): positive, and its sum along the axis is 1."""
    return log_softmax(x, axis).exp()


def cross_entropy(logits: Tensor, targets: Any) -> Tensor:
    """Mean over the batch of −log softmax(logits)[target].

    `logits` has shape (N, K); `targets` holds class numbers, shape (N,), or
    distributions, shape (N, K). Raises `ValueError` for other shapes, for class numbers
    outside 0 … K−1 and for rows that are no distributions.

    >>> print(round(cross_entropy(Tensor([[0.0, 0.0]]), [1]).item(), 4))       # log 2
    0.6931
    """
    targets = _checked(logits, targets)
    log_probs = log_softmax(logits)
    if targets.ndim == 1:
        return -log_probs[np.arange(len(targets)), targets].mean()
    counted = targets > 0  # elsewhere a masked logit would give 0 · ∞
    return -(log_probs[counted] * targets[counted]).sum() / len(targets)


def _tensor(x: Tensor) -> Tensor:
    if not isinstance(x, Tensor):
        raise ValueError(
            f"expected logits as a Tensor, got {type(x).__name__}; for arrays there is "
            "nntrain.activations"
        )
    return x


def _checked(logits: Tensor, targets: Any) -> np.ndarray:
    targets = real_array("targets", targets)
    if (
        _tensor(logits).ndim != 2
        or not logits.size
        or targets.shape not in (logits.shape, logits.shape[:1])
    ):
        raise ValueError(
            "need logits (N, K), targets (N,) or (N, K), none empty; "
            f"got {logits.shape}, {targets.shape}"
        )
    if targets.ndim == 2:
        check_distributions("cross_entropy", targets)
    else:
        check_labels("cross_entropy", targets, logits.shape[1])
    return targets
