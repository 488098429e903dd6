"""Measures of information: entropy, cross-entropy and divergence (chapter 1).

All take distributions as vectors that sum to one, and answer in nats. Raises
`ValueError` for anything else. Source: Shannon (1948); Kullback and Leibler (1951).
"""

from __future__ import annotations

import numpy as np

__all__ = ["cross_entropy", "entropy", "kl_divergence"]


def entropy(p: np.ndarray) -> float:
    r"""Entropy :math:`H(p) = -\sum_k p_k\log p_k` in nats, with 0·log 0 = 0.

    >>> entropy(np.array([0.5, 0.5]))    # log 2
    0.693147180559945...
    """
    return cross_entropy(p, p)


def cross_entropy(p: np.ndarray, q: np.ndarray) -> float:
    r"""Cross-entropy :math:`H(p, q) = -\sum_k p_k\log q_k` in nats.

    Infinite where p > 0 and q = 0.
    """
    p, q = _distribution(p), _distribution(q)
    if p.shape != q.shape:
        raise ValueError(
            f"expected two distributions of one shape, got {p.shape} and {q.shape}"
        )
    with np.errstate(divide="ignore"):
        return float(0 - np.sum(p[p > 0] * np.log(q[p > 0])))  # never −0


def kl_divergence(p: np.ndarray, q: np.ndarray) -> float:
    r"""Kullback–Leibler divergence :math:`\sum_k p_k\log(p_k/q_k)` in nats.

    It is H(p, q) − H(p), never negative, and 0 only where p = q.
    """
    return max(0.0, cross_entropy(p, q) - entropy(p))  # rounding may leave −1e-16


def _distribution(p: np.ndarray) -> np.ndarray:
    p = np.asarray(p, dtype=float)
    if p.ndim != 1 or not p.size or (p < 0).any() or not np.isclose(p.sum(), 1):
        raise ValueError(
            f"expected a distribution, non-negative and summing to one, got {p}"
        )
    return p
