"""Loss surfaces with two parameters, to watch optimisers walk on (chapter 2).

Each knows its height, slope, curvature and minima exactly, so that what an optimiser
does can be judged.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from nntrain.activations import sigmoid
from nntrain.checks import number

__all__ = [
    "Bowl",
    "Cliff",
    "Plateau",
    "Ravine",
    "Rosenbrock",
    "Saddle",
    "Surface",
    "TwoValleys",
    "condition_number",
]

Array = np.ndarray
Part = Array | float  # a number stands for an array full of it


class Surface:
    """What all surfaces offer.

    `formula` is LaTeX that Matplotlib can draw too; `minima` are the minima, lowest
    first; `bounds` (x0, x1, y0, y1) is the part worth drawing; from `start` a walk
    shows what is hard. Points are arrays of shape (..., 2): any number can be asked
    about at once. ValueError for another last axis, and for parameters out of range.
    """

    formula: str
    minima: tuple[tuple[float, float], ...]
    bounds: tuple[float, float, float, float]
    start: tuple[float, float]

    def value(self, x: ArrayLike, y: ArrayLike) -> Array:
        """The height f(x, y); x and y are broadcast."""
        return self.f(np.asarray(x, dtype=float), np.asarray(y, dtype=float))

    def gradient(self, point: ArrayLike) -> Array:
        """(∂f/∂x, ∂f/∂y) at points of shape (..., 2), in the same shape."""
        x, y = _split(point)
        return np.stack(np.broadcast_arrays(*self.df(x, y), x)[:2], axis=-1)

    def hessian(self, point: ArrayLike) -> Array:
        """The second derivatives at points of shape (..., 2), in shape (..., 2, 2)."""
        x, y = _split(point)
        xx, xy, yy, _ = np.broadcast_arrays(*self.d2f(x, y), x)
        return np.stack([xx, xy, xy, yy], axis=-1).reshape(*x.shape, 2, 2)

    def f(self, x: Array, y: Array) -> Array:
        """The height."""
        raise NotImplementedError

    def df(self, x: Array, y: Array) -> tuple[Part, Part]:
        """∂f/∂x and ∂f/∂y."""
        raise NotImplementedError

    def d2f(self, x: Array, y: Array) -> tuple[Part, Part, Part]:
        """∂²f/∂x², ∂²f/∂x∂y and ∂²f/∂y²."""
        raise NotImplementedError

    def __repr__(self) -> str:
        parameters = (
            f"{name}={value:g}"
            for name, value in vars(self).items()
            if name != "minima"
        )
        return f"{type(self).__name__}({', '.join(parameters)})"


class Ravine(Surface):
    """½ (a x² + b y²): a valley, gentle along x and steep across.

    Its condition number is b / a (for b > a). Gradient descent converges for learning
    rates below 2/b, and is then slow along x.
    """

    formula = r"\frac{1}{2}\left(a x^2 + b y^2\right)"
    minima = ((0.0, 0.0),)
    bounds = (-10.0, 10.0, -3.0, 3.0)
    start = (-9.0, 2.0)

    def __init__(self, a: float = 1.0, b: float = 20.0) -> None:
        self.a, self.b = number("a", a, open_low=True), number("b", b, open_low=True)

    def f(self, x: Array, y: Array) -> Array:
        return (self.a * x**2 + self.b * y**2) / 2

    def df(self, x: Array, y: Array) -> tuple[Part, Part]:
        return self.a * x, self.b * y

    def d2f(self, x: Array, y: Array) -> tuple[Part, Part, Part]:
        return self.a, 0.0, self.b


class Bowl(Ravine):
    """½ a (x² + y²): round, so that the steepest way down leads to the minimum."""

    formula = r"\frac{1}{2}\,a\left(x^2 + y^2\right)"
    bounds = (-3.0, 3.0, -3.0, 3.0)
    start = (-2.5, 2.0)

    def __init__(self, a: float = 1.0) -> None:
        super().__init__(a, a)

    def __repr__(self) -> str:
        return f"Bowl(a={self.a:g})"


class Saddle(Surface):
    """½ x² − ½ y² + ¼ y⁴: down along x, up to y = ±1 along y.

    The saddle point (0, 0) lies between two minima.     The gradient vanishes at the
    saddle point, so that a walk that starts close to y = 0 stays there for long, and
    one that starts on y = 0 forever.
    """

    formula = r"\frac{1}{2}x^2 - \frac{1}{2}y^2 + \frac{1}{4}y^4"
    minima = ((0.0, 1.0), (0.0, -1.0))
    bounds = (-2.0, 2.0, -1.6, 1.6)
    start = (-1.8, 0.001)

    def f(self, x: Array, y: Array) -> Array:
        return x**2 / 2 - y**2 / 2 + y**4 / 4

    def df(self, x: Array, y: Array) -> tuple[Part, Part]:
        return x, y**3 - y

    def d2f(self, x: Array, y: Array) -> tuple[Part, Part, Part]:
        return 1.0, 0.0, 3 * y**2 - 1


class Plateau(Surface):
    """1 − exp(−(x² + y²) / 2w²): a basin of width w in a plain.

    On the plain the gradient all but vanishes.
    """

    formula = r"1 - e^{-(x^2 + y^2) / 2w^2}"
    minima = ((0.0, 0.0),)
    bounds = (-4.0, 4.0, -4.0, 4.0)
    start = (-2.8, 2.0)

    def __init__(self, w: float = 1.0) -> None:
        self.w = number("w", w, open_low=True)

    def f(self, x: Array, y: Array) -> Array:
        return -np.expm1(-(x**2 + y**2) / (2 * self.w**2))

    def df(self, x: Array, y: Array) -> tuple[Part, Part]:
        depth = (1 - self.f(x, y)) / self.w**2
        return depth * x, depth * y

    def d2f(self, x: Array, y: Array) -> tuple[Part, Part, Part]:
        u, v, depth = x / self.w, y / self.w, (1 - self.f(x, y)) / self.w**2
        return depth * (1 - u**2), -depth * u * v, depth * (1 - v**2)


class Cliff(Surface):
    """Gentle ground, slope s, that falls towards a wall of slope h; ½ y² across.

    f = (s + h)/k · log(1 + (s/h) eᵏˣ) − s x + ½ y², less its value at the origin: along
    x the derivative goes from −s on the left to h on the right, within a width of about
    1/k. One step from the wall throws a walk far back over the gentle ground (after
    Pascanu, Mikolov and Bengio, 2013).
    """

    formula = (
        r"\frac{s + h}{k}\log\left(1 + \frac{s}{h}\,e^{kx}\right)"
        r" - s x + \frac{1}{2}y^2 - f_0"
    )
    minima = ((0.0, 0.0),)
    bounds = (-6.0, 1.5, -2.0, 2.0)
    start = (1.0, 1.5)

    def __init__(self, s: float = 0.5, h: float = 20.0, k: float = 10.0) -> None:
        self.s, self.h = number("s", s, open_low=True), number("h", h, open_low=True)
        self.k = number("k", k, open_low=True)

    def f(self, x: Array, y: Array) -> Array:
        above = np.logaddexp(0, self.k * x + np.log(self.s / self.h)) - np.log1p(
            self.s / self.h
        )
        return (self.s + self.h) / self.k * above - self.s * x + y**2 / 2

    def _share(self, x: Array) -> Array:
        """How much of the way from slope −s to slope h has been made at x: 0 to 1."""
        return sigmoid(self.k * x + np.log(self.s / self.h))

    def df(self, x: Array, y: Array) -> tuple[Part, Part]:
        return (self.s + self.h) * self._share(x) - self.s, y

    def d2f(self, x: Array, y: Array) -> tuple[Part, Part, Part]:
        share = self._share(x)
        return (self.s + self.h) * self.k * share * (1 - share), 0.0, 1.0


class TwoValleys(Surface):
    """¼ x⁴ − ⅓ q x³ − ½ x² + q x + ½ y²: two valleys, one deeper than the other.

    The lowest point is at (−1, 0); a second minimum, worse, at (1, 0). Along x the
    derivative is (x + 1)(x − q)(x − 1): the pass between the valleys is at x = q, 0 ≤ q
    < 1. For q = 0 both are equally deep.
    """

    formula = r"\frac{1}{4}x^4 - \frac{q}{3}x^3 - \frac{1}{2}x^2 + q x + \frac{1}{2}y^2"
    minima = ((-1.0, 0.0), (1.0, 0.0))
    bounds = (-2.0, 2.0, -1.5, 1.5)
    start = (1.8, 1.2)

    def __init__(self, q: float = 0.3) -> None:
        self.q = number("q", q, high=1)

    def f(self, x: Array, y: Array) -> Array:
        return x**4 / 4 - self.q * x**3 / 3 - x**2 / 2 + self.q * x + y**2 / 2

    def df(self, x: Array, y: Array) -> tuple[Part, Part]:
        return (x + 1) * (x - self.q) * (x - 1), y

    def d2f(self, x: Array, y: Array) -> tuple[Part, Part, Part]:
        return 3 * x**2 - 2 * self.q * x - 1, 0.0, 1.0


class Rosenbrock(Surface):
    """(a − x)² + b (y − x²)²: a flat valley along the parabola y = x².

    Source: Rosenbrock (1960).
    """

    formula = r"(a - x)^2 + b\left(y - x^2\right)^2"
    bounds = (-2.0, 2.0, -1.0, 3.0)
    start = (-1.2, 1.0)

    def __init__(self, a: float = 1.0, b: float = 100.0) -> None:
        self.a, self.b = number("a", a, open_low=True), number("b", b, open_low=True)
        self.minima = ((a, a**2),)

    def f(self, x: Array, y: Array) -> Array:
        return (self.a - x) ** 2 + self.b * (y - x**2) ** 2

    def df(self, x: Array, y: Array) -> tuple[Part, Part]:
        return 2 * (x - self.a) - 4 * self.b * x * (y - x**2), 2 * self.b * (y - x**2)

    def d2f(self, x: Array, y: Array) -> tuple[Part, Part, Part]:
        return 2 - 4 * self.b * (y - 3 * x**2), -4 * self.b * x, 2 * self.b


def condition_number(hessian: ArrayLike) -> Array:
    """|λ|max / |λ|min of a symmetric matrix: how narrow the valley is.

    The matrices may be stacked, (..., n, n). 1 for a round bowl, inf where there is a
    direction without curvature.

    >>> float(condition_number([[1, 0], [0, 20]]))
    20.0
    """
    sizes = np.abs(np.linalg.eigvalsh(np.asarray(hessian, dtype=float)))
    with np.errstate(divide="ignore", invalid="ignore"):
        return sizes.max(axis=-1) / sizes.min(axis=-1)


def _split(point: ArrayLike) -> tuple[Array, Array]:
    point = np.asarray(point, dtype=float)
    if point.ndim == 0 or point.shape[-1] != 2:
        raise ValueError(f"expected points of shape (..., 2), got {point.shape}")
    return point[..., 0], point[..., 1]
