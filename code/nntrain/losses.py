r"""Losses: one number for how wrong the network is (chapter 1).

Every loss works in two steps, as layers do: `forward(outputs, targets)` gives the value
in nats (or squared units), `backward()` gives its gradient with respect to the outputs.

`reduction` says what is done with the single values:

=============  =====================================================================
`"mean"`       the mean over all elements; for cross-entropy, over the examples
`"batchmean"`  the sum over a row's outputs, then the mean over the N examples
`"sum"`        the sum of everything
`"none"`       nothing: `forward` returns the array (`backward` is that of the sum)
=============  =====================================================================

`forward(outputs, targets, weights)` counts example n with the weight :math:`w_n \ge 0`.
Means are then weighted means, :math:`\sum_n w_n\ell_n / \sum_n w_n`; sums are
:math:`\sum_n w_n\ell_n`. Class weights act the same way, as in PyTorch.

Half precision is computed in float32 and returned in half: the sum of a batch would
overflow. Infinite logits have the value of the limit where the target settles it, so a
class masked with −∞ costs nothing unless it is the answer; other infinities give inf or
nan, as in PyTorch, so that a diverged run can be seen.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nntrain.activations import sigmoid
from nntrain.checks import number, probabilities, real_array
from nntrain.information import cross_entropy, entropy, kl_divergence
from nntrain.targets import ClassTargets, check_shares, positive_weights, times

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "Loss",
    "MAELoss",
    "MSELoss",
    "ProbsCrossEntropyLoss",
    "QuadraticLoss",
    "cross_entropy",
    "entropy",
    "kl_divergence",
]

REDUCTIONS = ("mean", "batchmean", "sum", "none")


class Loss:
    """What all losses share: the checks, the weights and the reduction.

    A subclass says what one value is (`values`) and what its derivative is
    (`derivative`). Raises `ValueError` for an unknown reduction, an empty batch, values
    that are not real numbers, and shapes that differ: outputs (N, 1) against targets
    (N,) would otherwise broadcast quietly to (N, N).
    """

    options = ""  # beside the reduction, in words
    scale: float | None = None  # what multiplies the sum; known after forward
    factors: np.ndarray | None  # what multiplies each output's loss, if weighted
    counts: np.ndarray | None  # how much each example counts in a mean, if weighted

    def __init__(self, reduction: str = "mean") -> None:
        if reduction not in REDUCTIONS:
            raise ValueError(
                f"reduction must be one of {', '.join(REDUCTIONS)}, got {reduction!r}"
            )
        self.reduction = reduction

    def forward(
        self, outputs: np.ndarray, targets: np.ndarray, weights: Any = None
    ) -> float | np.ndarray:
        """Return the reduced loss (a float; an array for `"none"`)."""
        if not isinstance(outputs, np.ndarray) or outputs.dtype.kind != "f":
            outputs = real_array("outputs", outputs).astype(np.float64)
        self.scale = self.factors = self.counts = None
        self.dtype = outputs.dtype
        if outputs.itemsize == 2:
            outputs = outputs.astype(np.float32)
        targets = self._matched(outputs, targets)
        values = self.values(outputs, targets)
        total = float(np.add.reduce(values, axis=None))
        if total != total:  # nan, perhaps only of 0 · ∞
            values = self._at_infinity(values, outputs, targets)
            total = float(np.add.reduce(values, axis=None))
        if weights is not None or self.factors is not None:
            values = self._weighted(values, outputs.ndim, weights)
            total = float(np.add.reduce(values, axis=None))
        if self.reduction == "none":
            self.scale = 1.0
            return values.astype(self.dtype, copy=False)
        self.scale = 1.0 / self._count(values)
        return total * self.scale

    def backward(self) -> np.ndarray:
        """Return ∂L/∂outputs of the last `forward`, in the shape of the outputs."""
        if self.scale is None:
            raise ValueError(
                f"{self} has no gradient yet: call forward(outputs, targets) before "
                "backward()"
            )
        gradient = self.derivative()
        gradient *= self.scale
        if self.factors is not None:
            gradient = times(gradient, self.factors)
        return gradient if gradient.dtype == self.dtype else gradient.astype(self.dtype)

    def values(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The single losses, before the reduction."""
        raise NotImplementedError

    def derivative(self) -> np.ndarray:
        """The derivative of their sum with respect to the outputs, as a new array."""
        raise NotImplementedError

    def _matched(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Check the shapes; return the targets in the dtype of the outputs."""
        targets = np.asarray(targets)
        if not outputs.ndim:
            raise ValueError(
                f"{type(self).__name__} expected outputs (N, …), got one number"
            )
        if targets.dtype != outputs.dtype:
            targets = real_array("targets", targets).astype(outputs.dtype)
        if outputs.shape != targets.shape or not outputs.size:
            raise ValueError(
                f"{type(self).__name__} expected outputs and targets of one non-empty "
                f"shape, got outputs {outputs.shape} and targets {targets.shape}"
            )
        return targets

    def _at_infinity(
        self, values: np.ndarray, outputs: np.ndarray, targets: np.ndarray
    ) -> np.ndarray:
        """Return the values, with the limits where 0 · ∞ or ∞ − ∞ gave nan."""
        return values

    def _weighted(self, values: np.ndarray, ndim: int, weights: Any) -> np.ndarray:
        """Return the values, each multiplied by its weight; `ndim` is the outputs'."""
        if weights is not None:
            counts = positive_weights("weights", weights, len(values))
            column = counts.reshape(-1, *[1] * (ndim - 1))
            self.factors = column if self.factors is None else self.factors * column
            self.counts = counts if self.counts is None else self.counts * counts
        factors = np.asarray(self.factors)
        return times(values, factors if values.ndim == ndim else factors[:, 0])

    def _count(self, values: np.ndarray) -> float:
        """Return what the sum is divided by."""
        if self.reduction == "sum":
            return 1
        count = values.size if self.reduction == "mean" else len(values)
        if self.counts is None:
            return count
        total = float(self.counts.sum())
        if not total:
            raise ValueError("the weights of this batch are all 0: it has no mean")
        return count * total / len(values)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.reduction!r}{self.options})"


class MSELoss(Loss):
    """Squared error (y − t)². Derivative 2(y − t). The loss of Gaussian noise."""

    def values(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        self.error = outputs - targets
        return self.error**2

    def derivative(self) -> np.ndarray:
        return 2 * self.error


class QuadraticLoss(MSELoss):
    """The quadratic cost ½‖y − t‖² of one example, by default averaged over the batch.

    The ½ cancels the 2 of the derivative, which is y − t.

    >>> QuadraticLoss().forward(np.array([[1.0, 0.0]]), np.array([[0.0, 2.0]]))
    2.5
    """

    def __init__(self, reduction: str = "batchmean") -> None:
        super().__init__(reduction)

    def values(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return 0.5 * super().values(outputs, targets)

    def derivative(self) -> np.ndarray:
        return self.error.copy()


class MAELoss(Loss):
    """Absolute error |y − t|. Derivative sign(y − t), 0 at the kink.

    The loss of Laplace noise.
    """

    def values(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        self.error = outputs - targets
        return np.abs(self.error)

    def derivative(self) -> np.ndarray:
        return np.sign(self.error)


class _Binary(Loss):
    """Targets are probabilities of "yes", often just 0 or 1."""

    def _matched(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        targets = super()._matched(outputs, targets)
        check_shares(type(self).__name__, targets)
        return targets


class BCEWithLogitsLoss(_Binary):
    r"""Binary cross-entropy of σ(z) against targets t in [0, 1], from the logits z.

    .. math:: -t\log\sigma(z) - (1-t)\log(1-\sigma(z))
              = \max(z, 0) - tz + \log(1 + e^{-|z|})

    The right-hand side never overflows. Derivative :math:`\sigma(z) - t`. With
    `pos_weight` q the first term counts q times: rare "yes" answers then weigh more.
    """

    def __init__(self, reduction: str = "mean", *, pos_weight: float = 1.0) -> None:
        super().__init__(reduction)
        self.pos_weight = number("pos_weight", pos_weight, open_low=True)
        self.options = "" if pos_weight == 1 else f", pos_weight={self.pos_weight}"

    def values(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        z, t = self.logits, self.targets = outputs, targets
        with np.errstate(invalid="ignore"):  # ∞ − ∞: see _at_infinity
            return np.maximum(z, 0) - t * z + np.log1p(np.exp(-np.abs(z)))

    def derivative(self) -> np.ndarray:
        return sigmoid(self.logits) - self.targets

    def _matched(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        targets = super()._matched(outputs, targets)
        if self.pos_weight != 1:  # q t and 1 − t, brought back to a sum of one
            yes = self.pos_weight * targets
            self.factors = yes + (1 - targets)
            targets = yes / self.factors
        return targets

    def _at_infinity(
        self, values: np.ndarray, outputs: np.ndarray, targets: np.ndarray
    ) -> np.ndarray:
        limits = np.where(targets == (outputs > 0), 0, np.inf)
        return np.where(np.isinf(outputs), limits, values).astype(values.dtype)


class BCELoss(_Binary):
    r"""Binary cross-entropy :math:`-t\log p - (1-t)\log(1-p)` of probabilities p.

    For networks that end in a sigmoid. Derivative :math:`(p - t)/(p(1-p))`. Here p is
    kept at least at the dtype's smallest normal number, and 1 − p at its machine
    precision; `BCEWithLogitsLoss` needs no such clipping and is the better choice.
    Raises `ValueError` for outputs outside 0 … 1: they are logits, it seems.
    """

    def values(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        info = np.finfo(self.dtype)
        p, t = np.clip(outputs, info.tiny, 1), targets
        self.probs, self.targets = p, t
        self.rest = np.maximum(1 - p, info.eps)
        return 0 - t * np.log(p) - (1 - t) * np.log(self.rest)

    def derivative(self) -> np.ndarray:
        return (1 - self.targets) / self.rest - self.targets / self.probs

    def _matched(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        probabilities(type(self).__name__, outputs)
        return super()._matched(outputs, targets)


class _Categorical(Loss):
    """Targets are integer labels (N,) or distributions (N, K).

    `label_smoothing` ε makes the targets (1 − ε) t + ε/K. `class_weights` (K,) multiply
    the terms of the sum over k; an example with a label then counts with the weight of
    its class in a mean, one with a distribution counts once.
    """

    def __init__(
        self,
        reduction: str = "mean",
        *,
        label_smoothing: float = 0.0,
        class_weights: Any = None,
    ) -> None:
        super().__init__(reduction)
        self.rows = ClassTargets(type(self).__name__, label_smoothing, class_weights)
        self.options = repr(self.rows)

    def _matched(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        rows = self.rows.compared_with(outputs, targets)
        self.factors, self.counts = self.rows.factors, self.rows.counts
        return rows


class CrossEntropyLoss(_Categorical):
    r"""Softmax followed by the negative log-likelihood, from logits z of shape (N, K).

    .. math:: \ell = \log\sum_k e^{z_k} - \sum_k t_k z_k, \qquad
              \partial\ell/\partial z_k = p_k - t_k

    with p = softmax(z) and t the one-hot row (or any distribution that sums to one).
    For integer labels the second term is just the logit of the right class. Stable: the
    largest logit of each row is subtracted first.

    Smoothed targets, with `label_smoothing` ε, are (1 − ε) t + ε/K; `class_weights` w
    multiply each term:

    .. math:: -\sum_k w_k\,t_k \log p_k

    In a mean, an example with a label counts with the weight of its class, as in
    PyTorch; one with a distribution counts once.

    >>> CrossEntropyLoss().forward(np.zeros((1, 10)), np.array([3]))     # log 10
    2.302585092994...
    """

    def values(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        # ufunc.reduce is .max() and .sum() without a microsecond of Python in front;
        # both are faster along the rows of an array that is stored column by column
        outputs = np.asarray(outputs, order="F")
        shifted = outputs - np.maximum.reduce(outputs, axis=1, keepdims=True)
        e = np.exp(shifted)
        total = np.add.reduce(e, axis=1, keepdims=True)
        self.probs, self.targets = e / total, targets
        return np.log(total[:, 0]) - np.vecdot(targets, shifted)

    def derivative(self) -> np.ndarray:
        return self.probs - self.targets

    def _at_infinity(
        self, values: np.ndarray, outputs: np.ndarray, targets: np.ndarray
    ) -> np.ndarray:
        possible = outputs.max(axis=1, keepdims=True) > -np.inf
        masked = (outputs == -np.inf) & (targets == 0) & possible
        lowest = np.finfo(outputs.dtype).min / 4  # its exponential is 0 too
        return self.values(np.where(masked, lowest, outputs), targets)


class ProbsCrossEntropyLoss(_Categorical):
    r"""Categorical cross-entropy :math:`-\sum_k t_k\log p_k` of probabilities p.

    For networks that end in a softmax. Derivative :math:`-t_k/p_k`. Probabilities below
    the dtype's smallest normal number count as that; `CrossEntropyLoss` has no such
    limit, and the same options. Raises `ValueError` for outputs outside 0 … 1, and for
    rows that do not sum to one.
    """

    def values(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        p, t = np.maximum(outputs, np.finfo(self.dtype).tiny), targets
        self.probs, self.targets = p, t
        return 0 - np.vecdot(t, np.log(p))  # 0 − 0 is 0, where −(0) would be −0

    def derivative(self) -> np.ndarray:
        return -self.targets / self.probs

    def _matched(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        rows = super()._matched(outputs, targets)
        probabilities(type(self).__name__, outputs, rows=True)
        return rows
