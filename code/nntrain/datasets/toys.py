"""Small sets of points in the plane, and two curves, on which training can be watched.

Every function takes the number of points `n`, the amount of `noise` and a random generator `rng`, and
returns float32 inputs. Class labels are integers, of shape (n,), in turn 0, 1, …, so any first part of a
set is balanced; shuffle before training in batches. Targets of a regression have shape (n, 1), as a
network's output has.
"""

import numpy as np

from nntrain.checks import generator, number, whole_number
from nntrain.datasets.rounding import twin

Points = tuple[np.ndarray, np.ndarray]


def two_moons(n: int, *, noise: float = 0.1, rng: np.random.Generator) -> Points:
    """Two interleaved half circles of radius 1, a classic that no straight line can separate.

    Class 0 lies on (cos t, sin t), class 1 on (1 − cos t, ½ − sin t), 0 ≤ t ≤ π.

    Args:
        n: number of points.
        noise: standard deviation of the Gaussian noise added to both coordinates.
        rng: source of randomness.

    Returns:
        x of shape (n, 2), float32, and y of shape (n,), int64.

    Raises:
        ValueError: `n` is no positive integer, or `noise` is negative or not finite.

    >>> x, y = two_moons(100, noise=0.1, rng=np.random.default_rng(0))
    >>> x.shape, y[:4].tolist()
    ((100, 2), [0, 1, 0, 1])
    """
    y = _labels(n, 2, noise, rng)
    t = rng.uniform(0, np.pi, n)
    x = np.where(y == 0, [np.cos(t), np.sin(t)], [1 - np.cos(t), 0.5 - np.sin(t)]).T
    return _blur(x, noise, rng), y


def circles(n: int, *, noise: float = 0.1, rng: np.random.Generator) -> Points:
    """A circle of radius 1 (class 0) around one of radius ½ (class 1). Otherwise as `two_moons`."""
    y = _labels(n, 2, noise, rng)
    t = rng.uniform(0, 2 * np.pi, n)
    radius = np.where(y == 0, 1.0, 0.5)
    return _blur(
        np.stack([radius * np.cos(t), radius * np.sin(t)], axis=1), noise, rng
    ), y


def spirals(
    n: int,
    *,
    noise: float = 0.05,
    rng: np.random.Generator,
    arms: int = 3,
    turns: float = 0.75,
) -> Points:
    """`arms` spirals that wind `turns` times around the origin, one a class, out to radius 1.

    Class k lies on radius r, 0.1 ≤ r ≤ 1, at the angle 2π (k/arms + turns·r). Otherwise as `two_moons`;
    fewer than two arms are a ValueError too.
    """
    y = _labels(n, arms, noise, rng)
    r = rng.uniform(0.1, 1, n)
    angle = 2 * np.pi * (y / arms + turns * r)
    return _blur(
        np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1), noise, rng
    ), y


def blobs(
    n: int, *, noise: float = 0.3, rng: np.random.Generator, centres: int = 3
) -> Points:
    """Round Gaussian clouds with standard deviation `noise`, one a class, evenly on the unit circle.

    Otherwise as `two_moons`; fewer than two centres are a ValueError too.
    """
    y = _labels(n, centres, noise, rng)
    angle = 2 * np.pi * y / centres
    return _blur(np.stack([np.cos(angle), np.sin(angle)], axis=1), noise, rng), y


def xor(n: int, *, noise: float = 0.0, rng: np.random.Generator) -> Points:
    """Points of the square [−1, 1]²; class 1 where exactly one coordinate is positive.

    The noise is added to the points after they got their labels, so that they stray over the borders.
    Arguments and errors as `two_moons`.
    """
    y = _labels(n, 2, noise, rng)
    x = rng.uniform(-1, 1, (n, 2))
    wrong = ((x[:, 0] > 0) != (x[:, 1] > 0)) != (y == 1)
    x[
        wrong, 1
    ] *= -1  # mirrored into the quadrant next to it, which is of the other class
    return _blur(x, noise, rng), y


def sine_1d(n: int, *, noise: float = 0.1, rng: np.random.Generator) -> Points:
    """One wave, y = sin(πx) + noise, at points x drawn evenly from [−1, 1].

    Args:
        n: number of points.
        noise: standard deviation of the Gaussian noise added to y.
        rng: source of randomness.

    Returns:
        x and y, both of shape (n, 1), float32; x ascending.

    Raises:
        ValueError: `n` is no positive integer, or `noise` is negative or not finite.
    """
    _check(n, noise, rng)
    x = np.sort(rng.uniform(-1, 1, (n, 1)), axis=0)
    return _float32(x), _blur(np.sin(np.pi * x), noise, rng)


def line_with_outlier(
    n: int, *, noise: float = 0.1, rng: np.random.Generator, slope: float = 2.0, intercept: float = 1.0,
    outlier: float = -6.0,
) -> Points:  # fmt: skip
    """A line with one point far off: y = slope·x + intercept + noise at n even steps over [−1, 1].

    `outlier` is added to the last target, at x = 1, where it turns a fitted line the most. Returns and
    errors as `sine_1d`.

    >>> x, y = line_with_outlier(3, noise=0.0, rng=np.random.default_rng(0))
    >>> y.ravel().tolist()
    [-1.0, 1.0, -3.0]
    """
    _check(n, noise, rng)
    x = np.linspace(-1, 1, n)[:, np.newaxis]
    y = _blur(slope * x + intercept, noise, rng)
    y[-1] += outlier
    return _float32(x), y


def _check(n: int, noise: float, rng: np.random.Generator) -> None:
    whole_number("n", n)
    number("noise", noise)
    generator("a random set", rng)


def _labels(n: int, classes: int, noise: float, rng: np.random.Generator) -> np.ndarray:
    _check(n, noise, rng)
    return np.arange(n, dtype=np.int64) % whole_number(
        "the number of classes", classes, least=2
    )


def _blur(values: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    return _float32(values + noise * rng.standard_normal(values.shape))


def _float32(values: np.ndarray) -> np.ndarray:
    return twin(values.astype(np.float32))
