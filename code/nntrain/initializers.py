"""Initialisers: where a network's weights start (chapter 8).

Each is a function `(shape, rng) -> array` with `shape = (fan_in, fan_out)`. All but
`zeros` draw independent weights of mean 0; they differ in the standard deviation.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nntrain.checks import generator, number

__all__ = [
    "he_normal",
    "lecun_normal",
    "normal",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]

Initializer = Callable[[tuple[int, int], np.random.Generator], np.ndarray]


def zeros(shape: tuple[int, int], rng: np.random.Generator | None = None) -> np.ndarray:
    """All zero. Right for biases; for weights it leaves all hidden units alike."""
    return np.zeros(shape)


def normal(std: float) -> Initializer:
    """Return an initialiser that draws from N(0, std²).

    >>> normal(0.01)((2, 3), np.random.default_rng(0)).shape
    (2, 3)
    """
    std = number("std", std)

    def initializer(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
        _fans(shape, rng)
        return rng.normal(0.0, std, size=shape)

    return initializer


def lecun_normal(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """N(0, 1/fan_in): a weighted sum of inputs of variance 1 has variance 1.

    Source: LeCun et al. (1998).
    """
    fan_in, _ = _fans(shape, rng)
    return rng.normal(0.0, np.sqrt(1 / fan_in), size=shape)


def he_normal(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """N(0, 2/fan_in): makes up for the half of the signal that a ReLU cuts off.

    Source: He et al. (2015).
    """
    fan_in, _ = _fans(shape, rng)
    return rng.normal(0.0, np.sqrt(2 / fan_in), size=shape)


def xavier_normal(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """N(0, 2/(fan_in + fan_out)): a compromise of the way forward and back.

    Source: Glorot and Bengio (2010).
    """
    fan_in, fan_out = _fans(shape, rng)
    return rng.normal(0.0, np.sqrt(2 / (fan_in + fan_out)), size=shape)


def xavier_uniform(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """U(−a, a) with a = √(6/(fan_in + fan_out)): the variance of `xavier_normal`.

    Source: Glorot and Bengio (2010).
    """
    fan_in, fan_out = _fans(shape, rng)
    a = np.sqrt(6 / (fan_in + fan_out))
    return rng.uniform(-a, a, size=shape)


def _fans(shape: tuple[int, int], rng: np.random.Generator) -> tuple[int, int]:
    """Check both; return (fan_in, fan_out)."""
    generator("an initialiser", rng)
    if np.shape(shape) != (2,) or not all(
        isinstance(n, (int, np.integer)) and n >= 1 for n in shape
    ):
        raise ValueError(
            "an initialiser needs shape = (fan_in, fan_out), both at least 1, "
            f"got {shape}"
        )
    return shape
