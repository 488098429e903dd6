"""Losses: one number for how wrong the network is (chapter 1).

Every loss works in two steps, as layers do: ``forward(outputs, targets)`` gives the value in nats (or
squared units), ``backward()`` gives its gradient with respect to the outputs.

``reduction`` says what is done with the single values:

===============  ==========================================================================
``"mean"``       the mean over all elements; for cross-entropy, over the examples
``"batchmean"``  the sum over a row's outputs, then the mean over the N examples
``"sum"``        the sum of everything
``"none"``       nothing: ``forward`` returns the array (``backward`` is that of the sum)
===============  ==========================================================================
"""

from __future__ import annotations

import numpy as np

from nntrain.activations import sigmoid
from nntrain.checks import probabilities, real_array
from nntrain.information import cross_entropy, entropy, kl_divergence

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
    """What all losses share: the checks and the reduction.

    A subclass says what one value is (``values``) and what its derivative is (``derivative``).
    Raises ``ValueError`` for an unknown reduction, an empty batch, values that are not real numbers, and
    shapes that differ: outputs (N, 1) against targets (N,) would otherwise broadcast quietly to (N, N).
    """

    scale: float | None = (
        None  # what the reduction multiplies the sum with; known after forward
    )

    def __init__(self, reduction: str = "mean") -> None:
        if reduction not in REDUCTIONS:
            raise ValueError(
                f"reduction must be one of {', '.join(REDUCTIONS)}, got {reduction!r}"
            )
        self.reduction = reduction

    def forward(self, outputs: np.ndarray, targets: np.ndarray) -> float | np.ndarray:
        """Return the reduced loss (a float; an array for ``"none"``)."""
        if not isinstance(outputs, np.ndarray) or outputs.dtype.kind != "f":
            outputs = real_array("outputs", outputs).astype(np.float64)
        values = self.values(outputs, self._matched(outputs, targets))
        if self.reduction == "none":
            self.scale = 1.0
            return values
        count = {"mean": values.size, "batchmean": len(values), "sum": 1}[
            self.reduction
        ]
        self.scale = 1.0 / count  # a Python float: it leaves float32 as it is
        return float(np.add.reduce(values, axis=None)) * self.scale

    def backward(self) -> np.ndarray:
        """Return ∂L/∂outputs of the last ``forward``, in the shape of the outputs."""
        if self.scale is None:
            raise ValueError(
                f"{self} has no gradient yet: call forward(outputs, targets) before backward()"
            )
        gradient = self.derivative()
        gradient *= self.scale
        return gradient

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
                f"{type(self).__name__} expected outputs of shape (N, …), got one number"
            )
        if targets.dtype != outputs.dtype:
            targets = real_array("targets", targets).astype(outputs.dtype)
        if outputs.shape != targets.shape or not outputs.size:
            raise ValueError(
                f"{type(self).__name__} expected outputs and targets of one non-empty shape, "
                f"got outputs {outputs.shape} and targets {targets.shape}"
            )
        return targets

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.reduction!r})"


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
    """Absolute error |y − t|. Derivative sign(y − t), taken as 0 at the kink. The loss of Laplace noise."""

    def values(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        self.error = outputs - targets
        return np.abs(self.error)

    def derivative(self) -> np.ndarray:
        return np.sign(self.error)


class _Binary(Loss):
    """Shared by the two binary losses: targets are probabilities of "yes", often just 0 or 1."""

    def _matched(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        targets = super()._matched(outputs, targets)
        lowest, highest = (
            np.minimum.reduce(targets, axis=None),
            np.maximum.reduce(targets, axis=None),
        )
        if not 0 <= lowest <= highest <= 1:
            raise ValueError(
                f"{type(self).__name__} expected targets in 0 … 1, got {lowest:g} … {highest:g}"
            )
        return targets


class BCEWithLogitsLoss(_Binary):
    r"""Binary cross-entropy of σ(z) against targets t in [0, 1], from the logits z.

    .. math:: -t\log\sigma(z) - (1-t)\log(1-\sigma(z)) = \max(z, 0) - tz + \log(1 + e^{-|z|})

    The right-hand side never overflows. Derivative :math:`\sigma(z) - t`.
    """

    def values(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        self.logits, self.targets = outputs, targets
        return (
            np.maximum(outputs, 0)
            - targets * outputs
            + np.log1p(np.exp(-np.abs(outputs)))
        )

    def derivative(self) -> np.ndarray:
        return sigmoid(self.logits) - self.targets


class BCELoss(_Binary):
    r"""Binary cross-entropy :math:`-t\log p - (1-t)\log(1-p)` of probabilities p.

    For networks that end in a sigmoid. Derivative :math:`(p - t)/(p(1-p))`. Probabilities are kept ε away
    from 0 and 1, where ε is the dtype's machine precision; ``BCEWithLogitsLoss`` needs no such clipping and
    is the better choice. Raises ``ValueError`` for outputs outside 0 … 1: they are logits, it seems.
    """

    def values(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        probabilities(type(self).__name__, outputs)
        eps = np.finfo(outputs.dtype).eps
        self.probs, self.targets = np.clip(outputs, eps, 1 - eps), targets
        return -targets * np.log(self.probs) - (1 - targets) * np.log1p(-self.probs)

    def derivative(self) -> np.ndarray:
        return (self.probs - self.targets) / (self.probs * (1 - self.probs))


class _Categorical(Loss):
    """Shared by the two categorical losses: integer targets (N,) or distributions (N, K) as targets."""

    identity = np.empty((0, 0))  # made anew when K or the dtype changes

    def _matched(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        targets = np.asarray(targets)
        if outputs.ndim != 2 or not outputs.size:
            raise ValueError(
                f"{type(self).__name__} expected outputs of shape (N, K), got {outputs.shape}"
            )
        if targets.ndim == 2:
            targets = super()._matched(outputs, targets)
            worst = np.abs(np.add.reduce(targets, axis=1) - 1).max()
            if not worst <= 1e-3 or targets.min() < 0:
                raise ValueError(
                    f"{type(self).__name__} expected every row of targets to be a distribution, non-negative "
                    f"and summing to one; got a sum off by {worst:g} and a lowest value of {targets.min():g}"
                )
            return targets
        if targets.shape != outputs.shape[:1] or targets.dtype.kind not in "iu":
            raise ValueError(
                f"{type(self).__name__} expected {len(outputs)} integer labels or a "
                f"{outputs.shape} array, got {targets.dtype} of shape {targets.shape}"
            )
        return self._one_hot(targets, outputs)

    def _one_hot(self, labels: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Columns of the identity matrix: cheaper than picking p[n, label] and writing back there.

        Taken as columns and turned, they lie in memory as the outputs of ``Linear`` do, which saves time too.
        """
        k, dtype = outputs.shape[1], outputs.dtype
        if len(self.identity) != k or self.identity.dtype != dtype:
            self.identity = np.eye(k, dtype=dtype)
        try:
            if np.minimum.reduce(labels) < 0:  # NumPy would count these from the end
                raise IndexError
            return self.identity.take(labels, axis=1).T
        except IndexError:
            raise ValueError(
                f"labels must lie in 0 … {k - 1} for {k} outputs, got {labels.min()} … {labels.max()}"
            ) from None


class CrossEntropyLoss(_Categorical):
    r"""Softmax followed by the negative log-likelihood, from the logits z of shape (N, K).

    .. math:: \ell = \log\sum_k e^{z_k} - \sum_k t_k z_k, \qquad \partial\ell/\partial z_k = p_k - t_k

    with p = softmax(z) and t the one-hot row (or any distribution that sums to one). For integer labels the
    second term is just the logit of the right class. Stable: the largest logit is subtracted first.

    >>> CrossEntropyLoss().forward(np.zeros((1, 10)), np.array([3]))     # log 10
    2.302585092994...
    """

    def values(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        # ufunc.reduce is .max() and .sum() without a microsecond of Python in front
        shifted = outputs - np.maximum.reduce(outputs, axis=1, keepdims=True)
        e = np.exp(shifted)
        total = np.add.reduce(e, axis=1, keepdims=True)
        e /= total
        self.probs, self.targets = e, targets
        return np.log(total[:, 0]) - np.vecdot(targets, shifted)

    def derivative(self) -> np.ndarray:
        return self.probs - self.targets


class ProbsCrossEntropyLoss(_Categorical):
    r"""Categorical cross-entropy :math:`-\sum_k t_k\log p_k` of probabilities p.

    For networks that end in a softmax. Derivative :math:`-t_k/p_k`. Probabilities below the dtype's smallest
    normal number count as that; ``CrossEntropyLoss`` has no such limit. Raises ``ValueError`` for outputs
    outside 0 … 1.
    """

    def values(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        probabilities(type(self).__name__, outputs)
        self.probs, self.targets = (
            np.maximum(outputs, np.finfo(outputs.dtype).tiny),
            targets,
        )
        return 0 - np.vecdot(
            targets, np.log(self.probs)
        )  # 0 − 0 is 0, where −(0) would be −0

    def derivative(self) -> np.ndarray:
        return -self.targets / self.probs
