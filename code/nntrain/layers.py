"""Layers: the links of the chain a network is made of (chapter 3).

A layer goes forward, keeping what it will need, and backward, turning the gradient of the loss
with respect to its output into the gradients with respect to its input and its parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from nntrain.checks import generator, number, real_array, whole_number
from nntrain.initializers import Initializer, lecun_normal, zeros

__all__ = ["BatchNorm1d", "Dropout", "Layer", "Linear"]


class Layer:
    """What every layer does: ``forward``, then ``backward``.

    ``backward`` *overwrites* the layer's gradients (``grad_weight`` and so on); it does not add to
    them. A subclass names its trained arrays in ``parameter_names`` and the arrays it merely keeps
    (running averages) in ``buffer_names``. Inside a ``Sequential`` the parameters are views into one
    long vector, so write into them, ``layer.weight[...] = value``, and never rebind them.
    """

    parameter_names: tuple[str, ...] = ()
    buffer_names: tuple[str, ...] = ()
    rng: np.random.Generator | None = None  # only layers that draw at random have one
    in_a_network = False

    def forward(self, x: np.ndarray, training: bool = True) -> np.ndarray:
        """Return the layer's output for the batch ``x``, one example a row."""
        raise NotImplementedError

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> np.ndarray | None:
        """Take ∂L/∂y of the last ``forward``; return ∂L/∂x, or None where nobody needs it."""
        raise NotImplementedError

    def __getstate__(self) -> dict[str, object]:
        # a copy has arrays of its own, so it may join another network
        return {
            name: value for name, value in vars(self).items() if name != "in_a_network"
        }


class Linear(Layer):
    r"""An affine map of every example: :math:`y = xW + b`.

    Shapes: ``x`` (N, in_features), ``weight`` W (in_features, out_features), ``bias`` b (out_features,),
    output (N, out_features). Backward, with :math:`\delta = \partial L/\partial y`:

    .. math:: \partial L/\partial W = x^\top\delta,\quad
              \partial L/\partial b = \textstyle\sum_n \delta_n,\quad
              \partial L/\partial x = \delta W^\top

    ``init`` and ``bias_init`` are functions ``(shape, rng) -> array`` from ``nntrain.initializers``.
    Raises ``ValueError`` for sizes below 1 and for inputs of another width.

    >>> layer = Linear(3, 2, rng=np.random.default_rng(0))
    >>> layer.forward(np.ones((5, 3))).shape
    (5, 2)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        rng: np.random.Generator,
        init: Initializer = lecun_normal,
        bias: bool = True,
        bias_init: Callable[..., np.ndarray] = zeros,
    ) -> None:
        self.in_features = in_features = whole_number("in_features", in_features)
        self.out_features = out_features = whole_number("out_features", out_features)
        generator("Linear", rng)
        for name, function in (("init", init), ("bias_init", bias_init)):
            if not callable(function):
                raise ValueError(
                    f"{name} must be a function (shape, rng) -> array, got {function!r}"
                )
        self.parameter_names = ("weight", "bias") if bias else ("weight",)
        # times 1.0: floats for integers, and an array of its own
        self.weight = (
            real_array("initial weights", init((in_features, out_features), rng)) * 1.0
        )
        self.grad_weight = np.zeros_like(self.weight)
        if self.weight.shape != (in_features, out_features):
            raise ValueError(
                f"init returned shape {self.weight.shape}, expected {(in_features, out_features)}"
            )
        self.bias: np.ndarray | None = None
        if bias:
            bias_row = (
                real_array("initial biases", bias_init((1, out_features), rng)) * 1.0
            )
            self.bias = np.broadcast_to(bias_row, (1, out_features))[0].copy()
            self.grad_bias = np.zeros_like(self.bias)

    def forward(self, x: np.ndarray, training: bool = True) -> np.ndarray:
        if x.ndim != 2 or x.shape[1] != self.in_features:
            raise ValueError(
                f"{self} expected inputs of shape (N, {self.in_features}), got {x.shape}"
            )
        self.x = x
        # xW, written (Wᵀxᵀ)ᵀ: the same products in another storage order, which BLAS does some 3 % sooner
        y = np.dot(self.weight.T, x.T).T
        if self.bias is not None:
            y += self.bias
        return y

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> np.ndarray | None:
        np.matmul(self.x.T, dy, out=self.grad_weight)
        if self.bias is not None:
            np.matmul(
                _ones(len(dy), dy.dtype), dy, out=self.grad_bias
            )  # a sum as a product: BLAS is faster
        return (
            np.dot(self.weight, dy.T).T if need_dx else None
        )  # δWᵀ in the order of forward

    def __repr__(self) -> str:
        return f"Linear({self.in_features}, {self.out_features})"


@lru_cache
def _ones(n: int, dtype: np.dtype) -> np.ndarray:
    """Kept from step to step, for it is only read."""
    return np.ones(n, dtype)


class Dropout(Layer):
    """Silence each input with probability ``p`` while training; do nothing otherwise.

    What is kept is divided by 1 − p, so that its expected value stays the same and no scaling is
    needed later ("inverted" dropout). Source: Srivastava et al. (2014), JMLR 15.
    """

    rng: np.random.Generator

    def __init__(self, p: float, rng: np.random.Generator) -> None:
        self.p, self.rng = number("p", p, high=1), generator("Dropout", rng)

    def forward(self, x: np.ndarray, training: bool = True) -> np.ndarray:
        self.mask = None
        if not training or self.p == 0:
            return x
        keep = self.rng.random(x.shape, dtype=np.float32) >= self.p
        self.mask = keep.astype(x.dtype) / (1 - self.p)
        return x * self.mask

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> np.ndarray | None:
        return dy if self.mask is None else dy * self.mask

    def __repr__(self) -> str:
        return f"Dropout({self.p})"


class BatchNorm1d(Layer):
    r"""Normalise every feature over the batch, then scale and shift it: :math:`y = \gamma\hat x + \beta`.

    .. math:: \hat x = (x - \mu_B)/\sqrt{\sigma_B^2 + \epsilon}

    γ is ``weight`` and β is ``bias``, both of shape (num_features,). While training, the batch's own mean
    and variance are used, and running averages follow them: new = (1 − momentum)·old + momentum·batch
    (the variance with the divisor N − 1, as PyTorch keeps it). Otherwise the running averages are used.
    Raises ``ValueError`` for a training batch of one example. Source: Ioffe and Szegedy (2015).
    """

    parameter_names = ("weight", "bias")
    buffer_names = ("running_mean", "running_var")

    def __init__(
        self, num_features: int, *, eps: float = 1e-5, momentum: float = 0.1
    ) -> None:
        self.num_features = num_features = whole_number("num_features", num_features)
        self.eps = number("eps", eps, open_low=True)
        self.momentum = number("momentum", momentum, high=1, closed_high=True)
        self.weight, self.bias = np.ones(num_features), np.zeros(num_features)
        self.grad_weight, self.grad_bias = (
            np.zeros(num_features),
            np.zeros(num_features),
        )
        self.running_mean, self.running_var = (
            np.zeros(num_features),
            np.ones(num_features),
        )

    def forward(self, x: np.ndarray, training: bool = True) -> np.ndarray:
        if x.ndim != 2 or x.shape[1] != self.num_features:
            raise ValueError(
                f"{self} expected inputs of shape (N, {self.num_features}), got {x.shape}"
            )
        self.training = training
        if training:
            n = len(x)
            if n < 2:
                raise ValueError(
                    f"BatchNorm1d needs a training batch of two examples or more, got {n}; use drop_last=True"
                )
            mean, var = x.mean(axis=0), x.var(axis=0)
            self.running_mean += self.momentum * (mean - self.running_mean)
            self.running_var += self.momentum * (var * (n / (n - 1)) - self.running_var)
        else:
            mean, var = (
                self.running_mean.astype(x.dtype),
                self.running_var.astype(x.dtype),
            )
        self.inverse_std = 1 / np.sqrt(var + self.eps)
        self.x_hat = (x - mean) * self.inverse_std
        return self.x_hat * self.weight + self.bias

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> np.ndarray | None:
        self.grad_weight[...] = (dy * self.x_hat).sum(axis=0)
        self.grad_bias[...] = dy.sum(axis=0)
        if not need_dx:
            return None
        scale = self.weight * self.inverse_std
        if not self.training:
            return dy * scale
        # The batch's mean and variance depend on every example, hence the two corrections.
        n = len(dy)
        return scale * (dy - self.grad_bias / n - self.x_hat * (self.grad_weight / n))

    def __repr__(self) -> str:
        return f"BatchNorm1d({self.num_features})"
