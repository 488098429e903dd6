"""Rounding twins: the same run as another processor might have rounded it.

Processors and linear-algebra libraries add in different orders, so the last digit of a product
differs between them, and training can make such a difference grow. What one machine cannot show
by itself, a twin can: the same run on data of which about half the numbers are moved to the
neighbouring floating-point number. A sentence about a run should hold for its twins too.
"""

import os

import numpy as np

VARIABLE = "NNTRAIN_ROUNDING"
_ROWS = 4096  # at a time, so that a twin of MNIST needs no second copy of it


def twin(values: np.ndarray) -> np.ndarray:
    """Return `values` as they are, or with `NNTRAIN_ROUNDING=k` (k = 1, 2, …) as twin k has them.

    In a twin, each number is moved with probability ½ to its neighbour nearer zero, in place.
    Zeros stay, and nothing leaves its range. Equal k, shape and dtype give equal twins.

    Raises:
        ValueError: the variable holds anything but a whole number from 0 (no twin).

    >>> float(np.finfo(np.float32).eps)  # the size of such a move, relative to a number near 1
    1.1920928955078125e-07
    """
    given = os.environ.get(VARIABLE, "").strip() or "0"
    if not given.isdecimal():
        raise ValueError(f"{VARIABLE} is {given!r}, expected a whole number such as 1")
    if int(given) == 0:
        return values
    rng = np.random.default_rng([int(given), values.size])
    for first in range(0, len(values), _ROWS):
        part = values[first : first + _ROWS]
        nearer = rng.integers(0, 2, size=part.shape, dtype=bool)
        np.nextafter(part, part.dtype.type(0), out=part, where=nearer)
    return values
