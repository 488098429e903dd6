"""scikit-learn's bundled digits, from the file that the site carries."""

import gzip
import os
from types import SimpleNamespace

import numpy as np


def load_digits() -> SimpleNamespace:
    """`images` (1797, 8, 8) with ink from 0 to 16, and `target` (1797,)."""
    with gzip.open(os.environ["NNTRAIN_DIGITS"], "rt") as file:
        table = np.loadtxt(file, delimiter=",")
    return SimpleNamespace(
        images=table[:, :-1].reshape(-1, 8, 8), target=table[:, -1].astype(int)
    )
