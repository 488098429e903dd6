"""Layers: the links of the chain a network is made of (chapter 3).

A layer goes forward, keeping what it will need, and backward, turning the gradient of
the loss with respect to its output into the gradients with respect to its input and its
parameters.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from nntrain.checks import finite_array, flag, generator, number, whole_number
from nntrain.initializers import Initializer, lecun_normal, zeros

__all__ = ["Dropout", "Layer", "Linear", "Residual"]


class Layer:
    """What every layer does: `forward`, then `backward`.

    `backward` *overwrites* the layer's gradients (`grad_weight` and so on); it does not
    add to them. A subclass names its trained arrays in `parameter_names` and the arrays
    it merely keeps (running averages) in `buffer_names`. Inside a `Sequential` the
    parameters and gradients are views into one long vector; a layer that rebinds them,
    `self.grad_weight = …`, has them copied there, so `self.grad_weight[...] = …` is
    faster.
    """

    parameter_names: tuple[str, ...] = ()
    buffer_names: tuple[str, ...] = ()
    layers: tuple[Layer, ...] = ()  # those that a layer is made of, if any
    rng: np.random.Generator | None = None  # only layers that draw at random have one
    in_a_network = False

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return the layer's output for the batch `x`, one example a row."""
        raise NotImplementedError

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> np.ndarray | None:
        """Take ∂L/∂y of the last `forward`; return ∂L/∂x, or None if not needed."""
        raise NotImplementedError

    def everything(self) -> Iterator[Layer]:
        """This layer and all that it is made of."""
        yield self
        for layer in self.layers:
            yield from layer.everything()

    def rows(self, x: np.ndarray, width: int) -> np.ndarray:
        """Return `x`; `ValueError` unless its shape is (N, width)."""
        if not isinstance(x, np.ndarray) or x.ndim != 2 or x.shape[1] != width:
            given = x.shape if isinstance(x, np.ndarray) else f"a {type(x).__name__}"
            raise ValueError(
                f"{self} expected inputs of shape (N, {width}), got {given}"
            )
        return x

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            # Reached only for what is not there.
            raise MissingError(
                f"this {type(self).__name__} has no {name!r} (yet): "
                "call forward before backward, and set all it needs in __init__"
            )

    def __getstate__(self) -> dict[str, object]:
        # a copy has arrays of its own, so it may join another network
        return {
            name: value for name, value in vars(self).items() if name != "in_a_network"
        }


def check_layer(layer: Layer) -> None:
    """`ValueError` for a layer that would not train, or not all of itself."""
    for name, form in (
        ("forward", "forward(self, x, training=False)"),
        ("backward", "backward(self, dy, need_dx=True)"),
    ):
        method = getattr(layer, name)
        try:
            inspect.signature(method).bind(None, True)
        except TypeError:
            raise ValueError(f"{layer} must take its arguments as {form}") from None
        if getattr(type(layer), name) is getattr(Layer, name):
            raise ValueError(f"{layer} has no method {form}")
    if isinstance(layer.parameter_names, str):
        raise ValueError(
            f"parameter_names of {layer} must be a tuple of names, such as "
            f"({layer.parameter_names!r},), got a string"
        )
    for key, value in vars(layer).items():
        name = key.removeprefix("grad_")
        if name != key and name not in layer.parameter_names:
            raise ValueError(
                f"{layer} computes {key}, but does not name {name!r} in its "
                "parameter_names, so nothing would train it"
            )
        inner = value if isinstance(value, (list, tuple)) else (value,)
        for part in inner:
            if isinstance(part, Layer) and not any(part is a for a in layer.layers):
                raise ValueError(
                    f"{layer} holds {part} as {key!r}, but not in its tuple `layers`, "
                    "so nothing would train it"
                )


class MissingError(AttributeError, ValueError):
    """A layer was asked for what it does not have, such as inputs before `forward`."""


class Linear(Layer):
    r"""An affine map of every example: :math:`y = xW + b`.

    Shapes: `x` (N, in_features), `weight` W (in_features, out_features), `bias` b
    (out_features,), output (N, out_features). Backward, with
    :math:`\delta = \partial L/\partial y`:

    .. math:: \partial L/\partial W = x^\top\delta,\quad
              \partial L/\partial b = \textstyle\sum_n \delta_n,\quad
              \partial L/\partial x = \delta W^\top

    `init` and `bias_init` are functions `(shape, rng) -> array` from
    `nntrain.initializers`; without `bias`, y = xW. Raises `ValueError` for sizes below
    1 and for inputs of another width.

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
        self.in_features = whole_number("in_features", in_features)
        self.out_features = whole_number("out_features", out_features)
        generator("Linear", rng)
        if not flag("bias", bias) and bias_init is not zeros:
            raise ValueError("bias_init has no effect with bias=False")
        self.weight = _drawn("init", init, (in_features, out_features), rng)
        self.grad_weight = np.zeros_like(self.weight)
        self.bias: np.ndarray | None = None
        self.parameter_names = ("weight",)
        if bias:
            self.bias = _drawn("bias_init", bias_init, (1, out_features), rng)[0]
            self.grad_bias = np.zeros_like(self.bias)
            self.parameter_names = ("weight", "bias")

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        self.x = self.rows(x, self.in_features)
        y = np.dot(x, self.weight)
        if self.bias is not None:
            y += self.bias
        return y

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> np.ndarray | None:
        np.matmul(self.x.T, dy, out=self.grad_weight)
        if self.bias is not None:
            column_sums(dy, out=self.grad_bias)
        return np.dot(dy, self.weight.T) if need_dx else None

    def __repr__(self) -> str:
        end = "" if self.bias is not None else ", bias=False"
        return f"Linear({self.in_features}, {self.out_features}{end})"


def column_sums(dy: np.ndarray, out: np.ndarray) -> None:
    """Write the sum of every column to `out`: a product with ones, which is faster."""
    np.matmul(_ones(len(dy), dy.dtype), dy, out=out)


@lru_cache
def _ones(n: int, dtype: np.dtype) -> np.ndarray:
    """Kept from step to step, for it is only read."""
    return np.ones(n, dtype)


def _drawn(
    name: str, init: Any, shape: tuple[int, int], rng: np.random.Generator
) -> np.ndarray:
    """The initial values that `init` draws: floats, in an array of their own."""
    if not callable(init):
        raise ValueError(
            f"{name} must be a function (shape, rng) -> array, got {init!r}"
        )
    values = finite_array(f"what {name} returns", init(shape, rng)) * 1.0
    if name == "bias_init":  # a single number may stand for all
        values = np.broadcast_to(values, shape).copy()
    if values.shape != shape:
        raise ValueError(f"{name} returned shape {values.shape}, expected {shape}")
    return values


class Dropout(Layer):
    """Silence each input with probability `p` while training; do nothing otherwise.

    What is kept is divided by 1 − p, so that its expected value stays the same and no
    scaling is needed later ("inverted" dropout).
    Source: Srivastava et al. (2014), JMLR 15.
    """

    rng: np.random.Generator

    def __init__(self, p: float, rng: np.random.Generator) -> None:
        self.p, self.rng = number("p", p, high=1), generator("Dropout", rng)

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        x, self.mask = np.asarray(x), None
        if not training or self.p == 0:
            return x
        keep = self.rng.random(np.shape(x), dtype=np.float32) >= self.p
        self.mask = keep / np.array(1 - self.p, x.dtype)
        return x * self.mask

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> np.ndarray | None:
        return dy if self.mask is None else dy * self.mask

    def __repr__(self) -> str:
        return f"Dropout({self.p})"


class Residual(Layer):
    r"""Layers with a way around them: :math:`y = x + f(x)`, f being `layers` in a row.

    Backward: :math:`\partial L/\partial x = \delta + \delta\,\partial f/\partial x`.
    The first term passes the gradient on undiminished, however deep the network is. The
    output of f must have the shape of x; `ValueError` otherwise. Source: He et al.
    (2016).

    >>> rng = np.random.default_rng(0)
    >>> Residual(Linear(3, 3, rng=rng)).forward(np.ones((5, 3))).shape
    (5, 3)
    """

    def __init__(self, *layers: Layer) -> None:
        if not layers or not all(isinstance(layer, Layer) for layer in layers):
            raise ValueError(f"Residual needs one or more layers, got {layers!r}")
        self.layers = layers

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        y = x
        for layer in self.layers:
            y = layer.forward(y, training)
        if y.shape != x.shape:
            raise ValueError(
                f"the layers of {self} must keep the shape of their input, "
                f"{x.shape}, but return {y.shape}"
            )
        return x + y

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> np.ndarray | None:
        dx: Any = dy
        for layer in reversed(self.layers):
            dx = layer.backward(dx)
        return dy + dx if need_dx else None

    def __repr__(self) -> str:
        return f"Residual({', '.join(map(repr, self.layers))})"
