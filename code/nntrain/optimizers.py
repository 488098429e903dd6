"""Optimisers: what to do with a gradient (chapters 2 and 5).

Each takes a ``model``, anything with flat arrays ``params`` and ``grads``, and moves ``params`` in place.
``lr``, the learning rate η, is a number or a schedule: a function of the step (0, 1, 2, …) that returns one.
In the formulas g is the gradient, θ the parameters, and all operations are elementwise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nntrain.checks import flat_arrays, number

__all__ = ["SGD", "AdaGrad", "Adam", "AdamW", "Optimizer", "RMSProp", "clip_grad_norm"]


Rate = float | Callable[[int], float]  # a number, or a schedule


class Optimizer:
    """What all optimisers share: the model, the learning rate, the count of steps and the saved averages.

    ``lr`` holds the rate of the last step (of the first, before it). Raises ``ValueError`` for negative or
    non-finite rates, and for a momentum, ``alpha`` or ``betas`` outside 0 ≤ value < 1.
    """

    slots: tuple[str, ...] = ()  # names of the running averages, one flat array each

    def __init__(self, model: Any, lr: Rate, weight_decay: float = 0.0) -> None:
        self.params, self.grads = flat_arrays(model)
        self.schedule = lr if callable(lr) else None
        self.lr = number("lr", self.schedule(0) if self.schedule else lr)
        self.weight_decay = number("weight_decay", weight_decay)
        self.steps = 0
        for name in self.slots:
            setattr(self, name, np.zeros_like(self.params))
        self._a, self._b = (
            np.empty_like(self.params),
            np.empty_like(self.params),
        )  # scratch space

    def step(self) -> None:
        """Make one update of ``params`` from ``grads``, in place."""
        if self.schedule:
            self.lr = number("lr", self.schedule(self.steps))
        self.steps += 1
        self._update(float(self.lr))

    def _update(self, lr: float) -> None:
        raise NotImplementedError

    def _decayed(self) -> np.ndarray:
        """The gradient with the L2 penalty's own, g + λθ."""
        if not self.weight_decay:
            return self.grads
        np.multiply(self.params, self.weight_decay, out=self._b)
        self._b += self.grads
        return self._b

    def _move(self, direction: np.ndarray, lr: float) -> None:
        """θ ← θ − lr · direction."""
        np.multiply(direction, lr, out=self._a)
        np.subtract(self.params, self._a, out=self.params)

    def state(self) -> dict[str, np.ndarray]:
        """Return copies of the running averages and the count of steps."""
        return {
            "steps": np.array(self.steps),
            **{name: getattr(self, name).copy() for name in self.slots},
        }

    def set_state(self, state: dict[str, np.ndarray]) -> None:
        """Write a ``state()`` back; ``ValueError`` if it is another optimiser's."""
        if set(state) != {"steps", *self.slots} or any(
            state[n].shape != self.params.shape for n in self.slots
        ):
            raise ValueError(
                f"expected the state of {type(self).__name__} for {self.params.size} parameters: "
                f"steps, {', '.join(self.slots)}; got {', '.join(state)}"
            )
        self.steps = int(state["steps"])
        for name in self.slots:
            getattr(self, name)[...] = state[name]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(lr={self.lr:g})"


class SGD(Optimizer):
    r"""Gradient descent, with momentum if asked.

    .. math:: v \leftarrow \mu v + g,\quad \theta \leftarrow \theta - \eta v

    ``momentum`` μ = 0 gives the plain step θ ← θ − ηg. ``nesterov`` looks ahead and uses g + μv in place of
    v. ``weight_decay`` λ adds λθ to the gradient. Conventions as in PyTorch: the rate stands outside the
    velocity. Sources: Polyak (1964), Nesterov (1983), Sutskever et al. (2013).
    """

    velocity: np.ndarray

    def __init__(
        self,
        model: Any,
        lr: Rate,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        self.momentum, self.nesterov = number("momentum", momentum, high=1), nesterov
        if nesterov and not momentum:
            raise ValueError(f"nesterov needs a momentum above 0, got {momentum}")
        self.slots = ("velocity",) if momentum else ()
        super().__init__(model, lr, weight_decay)

    def _update(self, lr: float) -> None:
        g = self._decayed()
        if self.momentum:
            self.velocity *= self.momentum
            self.velocity += g
            g = g + self.momentum * self.velocity if self.nesterov else self.velocity
        self._move(g, lr)


class AdaGrad(Optimizer):
    r"""Each parameter's rate divided by the length of its own past gradients.

    .. math:: r \leftarrow r + g^2,\quad \theta \leftarrow \theta - \eta\, g/(\sqrt{r} + \epsilon)

    Steep directions get small steps, and all steps shrink with time. Source: Duchi et al. (2011).
    """

    slots = ("squares",)
    squares: np.ndarray

    def __init__(
        self,
        model: Any,
        lr: Rate = 0.01,
        *,
        eps: float = 1e-10,
        weight_decay: float = 0.0,
    ) -> None:
        self.eps = number("eps", eps)
        super().__init__(model, lr, weight_decay)

    def _update(self, lr: float) -> None:
        g = self._decayed()
        self.squares += np.square(g, out=self._a)
        self._move_scaled(g, lr)

    def _move_scaled(self, g: np.ndarray, lr: float) -> None:
        np.sqrt(self.squares, out=self._a)
        self._a += self.eps
        np.divide(g, self._a, out=self._a)
        self._move(self._a, lr)


class RMSProp(AdaGrad):
    r"""AdaGrad that forgets: an average in place of the sum.

    .. math:: r \leftarrow \alpha r + (1-\alpha) g^2,\quad
              \theta \leftarrow \theta - \eta\, g/(\sqrt{r} + \epsilon)

    ε stands outside the root, as in PyTorch. Source: Tieleman and Hinton (2012), lecture 6e.
    """

    def __init__(
        self,
        model: Any,
        lr: Rate = 0.01,
        *,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        self.alpha = number("alpha", alpha, high=1)
        super().__init__(model, lr, eps=eps, weight_decay=weight_decay)

    def _update(self, lr: float) -> None:
        g = self._decayed()
        self.squares *= self.alpha
        np.square(g, out=self._a)
        self._a *= 1 - self.alpha
        self.squares += self._a
        self._move_scaled(g, lr)


class Adam(Optimizer):
    r"""Momentum and RMSProp together, both corrected for their start at zero.

    .. math:: m \leftarrow \beta_1 m + (1-\beta_1) g,\quad r \leftarrow \beta_2 r + (1-\beta_2) g^2,\quad
              \theta \leftarrow \theta - \eta\,\frac{m/(1-\beta_1^\tau)}{\sqrt{r/(1-\beta_2^\tau)} + \epsilon}

    with τ = 1, 2, … the step. ``weight_decay`` adds λθ to the gradient (compare ``AdamW``).
    Source: Kingma and Ba (2015).
    """

    slots = ("mean", "squares")
    mean: np.ndarray
    squares: np.ndarray

    def __init__(
        self,
        model: Any,
        lr: Rate = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        if not isinstance(betas, (tuple, list)) or len(betas) != 2:
            raise ValueError(
                f"betas must be two numbers, beta1 and beta2, got {betas!r}"
            )
        self.betas = (
            number("beta1", betas[0], high=1),
            number("beta2", betas[1], high=1),
        )
        self.eps = number("eps", eps)
        super().__init__(model, lr, weight_decay)

    def _update(self, lr: float) -> None:
        self._adapt(self._decayed(), lr)

    def _adapt(self, g: np.ndarray, lr: float) -> None:
        beta1, beta2 = self.betas
        a = self._a
        np.multiply(g, 1 - beta1, out=a)
        self.mean *= beta1
        self.mean += a
        np.multiply(g, math.sqrt(1 - beta2), out=a)
        np.square(a, out=a)
        self.squares *= beta2
        self.squares += a
        # Both corrections are plain numbers: multiply the step and ε by them, not the arrays.
        correction1, correction2 = (
            1 - beta1**self.steps,
            math.sqrt(1 - beta2**self.steps),
        )
        np.sqrt(self.squares, out=a)
        a += self.eps * correction2
        np.divide(self.mean, a, out=a)
        self._move(a, lr * correction2 / correction1)


class AdamW(Adam):
    r"""Adam whose weight decay bypasses the averages: first θ ← θ − ηλθ, then Adam's step from g alone.

    Source: Loshchilov and Hutter (2019).
    """

    def __init__(
        self,
        model: Any,
        lr: Rate = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(model, lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def _update(self, lr: float) -> None:
        if self.weight_decay:
            np.multiply(self.params, 1 - lr * self.weight_decay, out=self.params)
        self._adapt(self.grads, lr)


def clip_grad_norm(grads: np.ndarray, max_norm: float) -> float:
    """Shrink ``grads`` in place to the length ``max_norm`` if it is longer; return the length before.

    A gradient that is not finite has no direction to keep: it stays as it is, and its length, inf or nan, is
    returned. ``max_norm=np.inf`` only measures. Source: Pascanu et al. (2013).
    """
    number("max_norm", max_norm, open_low=True, closed_high=True)
    norm = math.sqrt(
        np.sum(np.square(grads, dtype=np.float64))
    )  # in float32 the squares of 1e20 overflow
    if max_norm < norm < math.inf:
        grads *= max_norm / norm
    return norm
