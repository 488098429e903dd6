"""Normalisation: layers that keep their outputs at one scale (chapter 9)."""

from __future__ import annotations

import numpy as np

from nntrain.checks import number, whole_number
from nntrain.layers import Layer

__all__ = ["BatchNorm1d", "LayerNorm"]


class BatchNorm1d(Layer):
    r"""Normalise every feature over the batch, then scale and shift it.

    .. math:: y = \gamma\hat x + \beta,\quad
              \hat x = (x - \mu_B)/\sqrt{\sigma_B^2 + \epsilon}

    γ is `weight` and β is `bias`, both of shape (num_features,). While training, the
    batch's own mean and variance are used, and running averages follow them: new = (1 −
    momentum)·old + momentum·batch (the variance with the divisor N − 1, as PyTorch
    keeps it). Otherwise the running averages are used. Raises `ValueError` for a
    training batch of one example. Source: Ioffe and Szegedy (2015).
    """

    parameter_names = ("weight", "bias")
    buffer_names = ("running_mean", "running_var")

    def __init__(
        self, num_features: int, *, eps: float = 1e-5, momentum: float = 0.1
    ) -> None:
        self.num_features = whole_number("num_features", num_features)
        self.eps = number("eps", eps, open_low=True)
        self.momentum = number("momentum", momentum, high=1, closed_high=True)
        self.weight, self.bias = np.ones(num_features), np.zeros(num_features)
        self.grad_weight, self.grad_bias = np.zeros((2, num_features))
        self.running_mean, self.running_var = (
            np.zeros(num_features),
            np.ones(num_features),
        )

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        self.rows(x, self.num_features)
        self.training = training
        if training:
            mean, var = x.mean(axis=0), x.var(axis=0)
            self.follow(mean, var, len(x))
        else:
            mean = self.running_mean.astype(x.dtype)
            var = self.running_var.astype(x.dtype)
        self.inverse_std = 1 / np.sqrt(var + self.eps)
        self.x_hat = (x - mean) * self.inverse_std
        return self.x_hat * self.weight + self.bias

    def follow(self, mean: np.ndarray, var: np.ndarray, n: int) -> None:
        """Move the running averages towards the mean and variance of n examples."""
        if n < 2:
            raise ValueError(
                f"BatchNorm1d needs a training batch of two examples or more, got {n}; "
                "use drop_last=True"
            )
        self.running_mean += self.momentum * (mean - self.running_mean)
        self.running_var += self.momentum * (var * (n / (n - 1)) - self.running_var)

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> np.ndarray | None:
        self.grad_weight[...] = (dy * self.x_hat).sum(axis=0)
        self.grad_bias[...] = dy.sum(axis=0)
        if not need_dx:
            return None
        scale = self.weight * self.inverse_std
        if not self.training:
            return dy * scale
        # The batch's mean and variance depend on every example, hence two corrections.
        n = len(dy)
        return scale * (dy - self.grad_bias / n - self.x_hat * (self.grad_weight / n))

    def __repr__(self) -> str:
        eps = f", eps={self.eps:g}" if self.eps != 1e-5 else ""
        momentum = f", momentum={self.momentum:g}" if self.momentum != 0.1 else ""
        return f"BatchNorm1d({self.num_features}{eps}{momentum})"


class LayerNorm(Layer):
    r"""Normalise every example over its features, then scale and shift every feature.

    .. math:: y = \gamma\hat x + \beta,\quad
              \hat x = (x - \mu)/\sqrt{\sigma^2 + \epsilon}

    with the mean μ and variance σ² of a row. γ is `weight` and β is `bias`, both of
    shape (num_features,). No example depends on another, so batches may be of any size,
    and training and prediction are the same. Source: Ba, Kiros and Hinton (2016).
    """

    parameter_names = ("weight", "bias")

    def __init__(self, num_features: int, *, eps: float = 1e-5) -> None:
        self.num_features = whole_number("num_features", num_features)
        self.eps = number("eps", eps, open_low=True)
        self.weight, self.bias = np.ones(num_features), np.zeros(num_features)
        self.grad_weight, self.grad_bias = np.zeros((2, num_features))

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        self.rows(x, self.num_features)
        var = x.var(axis=1, keepdims=True)
        self.inverse_std = 1 / np.sqrt(var + self.eps)
        self.x_hat = (x - x.mean(axis=1, keepdims=True)) * self.inverse_std
        return self.x_hat * self.weight + self.bias

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> np.ndarray | None:
        self.grad_weight[...] = (dy * self.x_hat).sum(axis=0)
        self.grad_bias[...] = dy.sum(axis=0)
        if not need_dx:
            return None
        # The mean and variance depend on every feature, hence two corrections.
        g = dy * self.weight
        along = (g * self.x_hat).mean(axis=1, keepdims=True)
        g -= g.mean(axis=1, keepdims=True) + self.x_hat * along
        return g * self.inverse_std

    def __repr__(self) -> str:
        eps = f", eps={self.eps:g}" if self.eps != 1e-5 else ""
        return f"LayerNorm({self.num_features}{eps})"
