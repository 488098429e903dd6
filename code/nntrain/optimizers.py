"""Optimisers: what to do with a gradient (chapters 2 and 7).

Each takes a `model`, anything with flat arrays `params` and `grads`, and moves `params`
in place. `lr`, the learning rate η, is a number or a schedule: a function of the step
(0, 1, 2, …) that returns one. In the formulas g is the gradient, θ the parameters, and
all operations are elementwise.

All optimisers take three more settings:

- `weight_decay` λ (0): the strength of the penalty ½λ‖θ‖², which adds λθ to the
  gradient (`AdamW` applies it in another way).
- `decay_biases` (True, as in PyTorch): False spares biases and the scales of
  normalisation layers, that is, all parameters that are no matrices.
- `max_norm` (None): a gradient longer than this is shrunk to this length before
  anything else is done with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypedDict, Unpack

import numpy as np

from nntrain.checks import flag, flat_arrays, nonzero, number

__all__ = ["SGD", "AdaGrad", "Adam", "AdamW", "Optimizer", "RMSProp", "clip_grad_norm"]

Array = np.ndarray
Rate = float | Callable[[int], float]  # a number, or a schedule
BLOCK = 2**15  # so many parameters, with what is computed from them, fit in the cache


class Common(TypedDict, total=False):
    """The settings that all optimisers take; see the top of this module."""

    weight_decay: float
    decay_biases: bool
    max_norm: float | None


class Optimizer:
    """What all optimisers share: the model, the rate, the step count, the averages.

    A subclass names its running averages in `averages` and writes its formula as
    `update(theta, g, lr, *averages)`. `lr` is the rate of the last step (of the first,
    before it); setting it to a number or another schedule replaces the schedule.

    Raises `ValueError` for negative or non-finite rates, for a momentum, `alpha` or
    `betas` outside 0 ≤ value < 1, for an `eps` that is 0 in the dtype of the
    parameters, and for settings that would have no effect.
    """

    averages: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()  # names of the settings of its own

    def __init__(
        self,
        model: Any,
        lr: Rate,
        *,
        weight_decay: float = 0.0,
        decay_biases: bool = True,
        max_norm: float | None = None,
    ) -> None:
        self.params, self.grads = flat_arrays(model)
        nonzero("eps", getattr(self, "eps", 1), self.params.dtype)
        self.steps, self.lr = 0, lr
        self.weight_decay = number("weight_decay", weight_decay)
        self.decay_biases, self.max_norm = flag("decay_biases", decay_biases), max_norm
        if max_norm is not None:
            number("max_norm", max_norm, open_low=True)
        self.decayed = None if decay_biases else _matrices(model, weight_decay)
        for name in self.averages:
            setattr(self, name, np.zeros_like(self.params))
        self._cut()

    def step(self) -> None:
        """Make one update of `params` from `grads`, in place."""
        if self.schedule:
            self._lr = number("lr", self.schedule(self.steps))
        self.steps += 1
        if self.max_norm:
            clip_grad_norm(self.grads, self.max_norm)
        for theta, g, share, averages in self._blocks:
            if self.weight_decay:
                g = self.decay(theta, g, self.weight_decay * share)
            self.update(theta, g, self._lr, *averages)

    def update(self, *arrays: Any, **_: Any) -> None:
        """`update(theta, g, lr, *averages)`: move `theta` by one step, in place."""
        raise NotImplementedError

    def decay(self, theta: Array, g: Array, decay: float | Array) -> Array:
        """The gradient with the penalty's own, g + λθ."""
        return g + decay * theta

    def _cut(self) -> None:
        """Cut all vectors into blocks, so that an update works within the cache."""
        averages = [getattr(self, name) for name in self.averages]
        self._blocks = []
        for start in range(0, self.params.size, BLOCK):
            block = slice(start, start + BLOCK)
            share = 1.0 if self.decayed is None else self.decayed[block]
            parts = [average[block] for average in averages]
            self._blocks.append((self.params[block], self.grads[block], share, parts))

    @property
    def lr(self) -> float:
        """The rate of the last step (of the first, before it)."""
        return self._lr

    @lr.setter
    def lr(self, lr: Rate) -> None:
        self.schedule = lr if callable(lr) else None
        self._lr = number("lr", lr(self.steps) if callable(lr) else lr)

    def state(self) -> dict[str, Array]:
        """Return copies of the running averages and the count of steps."""
        averages = {name: getattr(self, name).copy() for name in self.averages}
        return {"steps": np.array(self.steps), **averages}

    def set_state(self, state: dict[str, Array]) -> None:
        """Write a `state()` back; `ValueError` if it is another optimiser's."""
        if set(state) != {"steps", *self.averages} or any(
            np.shape(state[name]) != self.params.shape for name in self.averages
        ):
            raise ValueError(
                f"expected the state of {type(self).__name__} for {self.params.size} "
                f"parameters: {', '.join(('steps', *self.averages))}; "
                f"got {', '.join(state)}"
            )
        self.steps = int(state["steps"])
        for name in self.averages:
            getattr(self, name)[...] = state[name]

    def describe(self) -> dict[str, Any]:
        """Its kind and settings, apart from the rate, for comparing two optimisers."""
        names = (*self.settings, "weight_decay", "decay_biases", "max_norm")
        kind = type(self).__name__
        return {"optimizer": kind, **{name: getattr(self, name) for name in names}}

    def __getstate__(self) -> dict[str, Any]:
        return {name: x for name, x in vars(self).items() if name != "_blocks"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._cut()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(lr={self.lr:g})"


class SGD(Optimizer):
    r"""Gradient descent, with momentum if asked.

    .. math:: v \leftarrow \mu v + g,\quad \theta \leftarrow \theta - \eta v

    `momentum` μ = 0 gives the plain step θ ← θ − ηg. `nesterov` looks ahead and uses g
    + μv in place of v. Conventions as in PyTorch: the rate stands outside the velocity.
    Sources: Polyak (1964), Nesterov (1983), Sutskever et al. (2013).
    """

    settings = ("momentum", "nesterov")

    def __init__(
        self,
        model: Any,
        lr: Rate,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        **common: Unpack[Common],
    ) -> None:
        self.momentum = number("momentum", momentum, high=1)
        self.nesterov = flag("nesterov", nesterov)
        if nesterov and not momentum:
            raise ValueError(f"nesterov needs a momentum above 0, got {momentum}")
        self.averages = ("velocity",) if momentum else ()
        super().__init__(model, lr, **common)

    def update(self, theta: Array, g: Array, lr: float, v: Array | None = None) -> None:
        if v is not None:
            v *= self.momentum
            v += g
            g = g + self.momentum * v if self.nesterov else v
        theta -= lr * g


class AdaGrad(Optimizer):
    r"""Each parameter's rate divided by the length of its own past gradients.

    .. math:: r \leftarrow r + g^2,\quad
              \theta \leftarrow \theta - \eta\, g/(\sqrt{r} + \epsilon)

    Steep directions get small steps, and all steps shrink with time.
    Source: Duchi et al. (2011).
    """

    averages = ("squares",)
    settings = ("eps",)

    def __init__(
        self,
        model: Any,
        lr: Rate = 0.01,
        *,
        eps: float = 1e-10,
        **common: Unpack[Common],
    ) -> None:
        self.eps = number("eps", eps, open_low=True)
        super().__init__(model, lr, **common)

    def update(self, theta: Array, g: Array, lr: float, r: Array) -> None:
        r += g**2
        theta -= lr * g / (np.sqrt(r) + self.eps)


class RMSProp(Optimizer):
    r"""AdaGrad that forgets: an average in place of the sum.

    .. math:: r \leftarrow \alpha r + (1-\alpha) g^2,\quad
              \theta \leftarrow \theta - \eta\, g/(\sqrt{r} + \epsilon)

    ε stands outside the root, as in PyTorch.
    Source: Tieleman and Hinton (2012), lecture 6e.
    """

    averages = ("squares",)
    settings = ("alpha", "eps")

    def __init__(
        self,
        model: Any,
        lr: Rate = 0.01,
        *,
        alpha: float = 0.99,
        eps: float = 1e-8,
        **common: Unpack[Common],
    ) -> None:
        self.alpha, self.eps = (
            number("alpha", alpha, high=1),
            number("eps", eps, open_low=True),
        )
        super().__init__(model, lr, **common)

    def update(self, theta: Array, g: Array, lr: float, r: Array) -> None:
        r *= self.alpha
        r += (1 - self.alpha) * g**2
        theta -= lr * g / (np.sqrt(r) + self.eps)


class Adam(Optimizer):
    r"""Momentum and RMSProp together, both corrected for their start at zero.

    .. math:: m \leftarrow \beta_1 m + (1-\beta_1) g,\quad
              r \leftarrow \beta_2 r + (1-\beta_2) g^2,\quad
              \theta \leftarrow \theta - \eta\,
              \frac{m/(1-\beta_1^\tau)}{\sqrt{r/(1-\beta_2^\tau)} + \epsilon}

    with τ = 1, 2, … the step. Source: Kingma and Ba (2015).
    """

    averages = ("mean", "squares")
    settings = ("betas", "eps")

    def __init__(
        self,
        model: Any,
        lr: Rate = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        **common: Unpack[Common],
    ) -> None:
        if not isinstance(betas, (tuple, list)) or len(betas) != 2:
            raise ValueError(
                f"betas must be two numbers, beta1 and beta2, got {betas!r}"
            )
        beta1, beta2 = betas
        self.betas = number("beta1", beta1, high=1), number("beta2", beta2, high=1)
        self.eps = number("eps", eps, open_low=True)
        super().__init__(model, lr, **common)

    def update(self, theta: Array, g: Array, lr: float, m: Array, r: Array) -> None:
        (beta1, beta2), tau = self.betas, self.steps
        m *= beta1
        m += (1 - beta1) * g
        r *= beta2
        r += (1 - beta2) * g**2
        m_hat, r_hat = m / (1 - beta1**tau), r / (1 - beta2**tau)
        theta -= lr * m_hat / (np.sqrt(r_hat) + self.eps)


class AdamW(Adam):
    r"""Adam whose weight decay bypasses the averages.

    First θ ← θ − ηλθ, then Adam's step from g alone. `weight_decay` λ is 0.01 unless
    given; the other settings are those of `Adam`. Source: Loshchilov and Hutter (2019).
    """

    def __init__(
        self,
        model: Any,
        lr: Rate = 1e-3,
        *,
        weight_decay: float = 0.01,
        **settings: Any,
    ) -> None:
        super().__init__(model, lr, weight_decay=weight_decay, **settings)

    def decay(self, theta: Array, g: Array, decay: float | Array) -> Array:
        theta *= 1 - self.lr * decay
        return g


def clip_grad_norm(grads: Array, max_norm: float) -> float:
    """Shrink `grads` in place to the length `max_norm` if it is longer.

    Returns the length before. A gradient that is not finite has no direction to keep:
    it stays as it is, and its length, inf or nan, is returned. `max_norm=np.inf` only
    measures. Source: Pascanu et al. (2013).
    """
    number("max_norm", max_norm, open_low=True, closed_high=True)
    # in float64, since in float32 the squares of 1e20 overflow
    norm = math.sqrt(np.sum(np.square(grads, dtype=np.float64)))
    if max_norm < norm < math.inf:
        grads *= max_norm / norm
    return norm


def _matrices(model: Any, weight_decay: float) -> Array:
    """1.0 where a parameter belongs to a matrix, 0.0 elsewhere."""
    if not weight_decay:
        raise ValueError(
            "decay_biases=False has no effect without a weight_decay above 0"
        )
    if not hasattr(model, "matrices"):
        raise ValueError(
            "decay_biases=False needs a network that knows its matrices, such as "
            f"Sequential, got {type(model).__name__}"
        )
    return np.asarray(model.matrices(), dtype=model.params.dtype)
