"""Activations: the non-linear functions between the linear maps (chapters 1 and 3).

Pure functions first, then the layers built on them. Each function is safe for finite
logits of any size. A logit of −∞ masks a class: its probability is 0. What has no
limit, such as a softmax of nothing but −∞, is nan, and so is a softmax with +∞ among
its logits, as in PyTorch and SciPy: a run that has diverged should be seen.
"""

from __future__ import annotations

import numpy as np

from nntrain.checks import number, real_array
from nntrain.layers import Layer

__all__ = [
    "LeakyReLU",
    "ReLU",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "log_softmax",
    "logsumexp",
    "sigmoid",
    "softmax",
]


def sigmoid(x: np.ndarray) -> np.ndarray:
    r"""The logistic function :math:`\sigma(x) = 1/(1 + e^{-x})`, elementwise.

    Shape and float dtype are kept. For very negative x the exponential overflows to
    infinity. That does no harm: 1/∞ is 0, as it should be.

    >>> float(sigmoid(0.0))
    0.5
    """
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-1.0 * real_array("logits", x)))


def logsumexp(x: np.ndarray, axis: int = -1, keepdims: bool = False) -> np.ndarray:
    r""":math:`\log\sum_k e^{x_k}` along `axis`, in nats, without overflow.

    Uses :math:`\log\sum_k e^{x_k} = m + \log\sum_k e^{x_k - m}` with m = max x: every
    exponent is ≤ 0. The sum of nothing is 0, and its logarithm −∞.

    >>> float(logsumexp(np.array([1000.0, 1000.0])))    # 1000 + log 2
    1000.693147180559...
    """
    x = 1.0 * real_array("logits", x)  # integers become floats
    m = finite_max(x, axis)
    with np.errstate(divide="ignore", over="ignore"):
        total = m + np.log(np.exp(x - m).sum(axis=axis, keepdims=True))
    return total if keepdims else np.squeeze(total, axis=axis)


def finite_max(x: np.ndarray, axis: int) -> np.ndarray:
    """The largest element along `axis`, which is kept with length 1.

    0 instead of ±∞: the infinite cannot be subtracted from itself.
    """
    m = x.max(axis=axis, keepdims=True, initial=-np.inf)
    return np.where(np.isinf(m), x.dtype.type(0), m)


def log_softmax(logits: np.ndarray, axis: int = -1) -> np.ndarray:
    r""":math:`\log p_k = z_k - \log\sum_j e^{z_j}` along `axis`.

    Finite where log(softmax(z)) would be −∞.
    """
    shifted = _shifted(logits, axis)
    with np.errstate(divide="ignore"):  # of nothing at all
        return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def softmax(logits: np.ndarray, axis: int = -1) -> np.ndarray:
    r""":math:`p_k = e^{z_k}/\sum_j e^{z_j}` along `axis`: positive and summing to one.

    Adding a constant to all logits changes nothing, so the largest is made zero first.

    >>> softmax(np.array([0.0, 0.0]))
    array([0.5, 0.5])
    """
    e = np.exp(_shifted(logits, axis))
    return e / e.sum(axis=axis, keepdims=True)


def _shifted(logits: np.ndarray, axis: int) -> np.ndarray:
    """The logits less their largest, which has no limit where that is infinite: nan."""
    logits = 1.0 * real_array("logits", logits)
    with np.errstate(invalid="ignore", over="ignore"):
        return logits - logits.max(axis=axis, keepdims=True, initial=-np.inf)


class Sigmoid(Layer):
    """y = σ(x), and ∂L/∂x = ∂L/∂y · y(1 − y)."""

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        self.y = sigmoid(x)
        return self.y

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> np.ndarray | None:
        return dy * (self.y * (1 - self.y))


class Tanh(Layer):
    """y = tanh(x), and ∂L/∂x = ∂L/∂y · (1 − y²)."""

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        self.y = np.tanh(x)
        return self.y

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> np.ndarray | None:
        return dy * (1 - self.y * self.y)


class ReLU(Layer):
    """y = max(0, x), and ∂L/∂x = ∂L/∂y where x > 0, else 0 (also at the kink x = 0)."""

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        self.y = np.maximum(x, 0)
        return self.y

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> np.ndarray | None:
        return dy * (self.y > 0)


class LeakyReLU(Layer):
    """y = x where x > 0, else `negative_slope` · x: a ReLU that cannot die."""

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = number("negative_slope", negative_slope, high=1)

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        x = np.asarray(x)
        self.positive = x > 0
        return np.where(self.positive, x, self.negative_slope * x)

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> np.ndarray | None:
        return np.where(self.positive, dy, self.negative_slope * dy)

    def __repr__(self) -> str:
        return f"LeakyReLU({self.negative_slope})"


class Softmax(Layer):
    r"""y = softmax(x) of every row: the probabilities of K classes.

    Inputs have shape (N, K). Every output depends on every input of its row:
    :math:`\partial y_j/\partial x_k = y_j([j = k] - y_k)`, so that

    .. math:: \partial L/\partial x_k = y_k\,(\partial L/\partial y_k
              - \textstyle\sum_j y_j\, \partial L/\partial y_j)

    For a loss on probabilities; to train a classifier, logits and `CrossEntropyLoss`
    are safer and faster.
    """

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        self.y = softmax(x)
        return self.y

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> np.ndarray | None:
        return self.y * (dy - np.vecdot(self.y, dy)[..., None])
