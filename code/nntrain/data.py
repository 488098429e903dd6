"""Data in batches: what one step of training sees (chapter 5)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nntrain.checks import flag, generator, whole_number

__all__ = ["Batches", "one_hot", "standardise", "train_val_split"]


class Batches:
    """Cut a data set into mini-batches; iterating once is one epoch.

    Each epoch visits every example once, in a new random order if `shuffle`; the last
    batch is short when `batch_size` does not divide N, and left out if `drop_last`.
    Yields `(x[i], y[i])` of shapes (B, …) and (B, …). The order depends on `rng` alone,
    so a saved `rng` state resumes it exactly. Raises `ValueError` for empty or
    non-finite data, for lengths that differ, and for `batch_size` < 1.

    >>> batches = Batches(np.arange(5.0)[:, None], np.arange(5), 2, shuffle=False)
    >>> [y.tolist() for x, y in batches]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self,
        x: np.ndarray,
        y: np.ndarray,
        batch_size: int,
        *,
        shuffle: bool = True,
        drop_last: bool = False,
        rng: np.random.Generator | None = None,
    ) -> None:
        # Rows in one piece and aligned: from another storage order, or from memory that
        # another library has handed over unaligned, picking a few would copy the whole
        # array every time.
        x, y = (np.require(np.asarray(a), requirements=["C", "A"]) for a in (x, y))
        check_data(x, y)
        batch_size = whole_number("batch_size", batch_size)
        shuffle, drop_last = flag("shuffle", shuffle), flag("drop_last", drop_last)
        if shuffle or rng is not None:
            generator("shuffling", rng)
        if drop_last and batch_size > len(x):
            raise ValueError(
                f"drop_last with batch_size {batch_size} leaves nothing "
                f"of {len(x)} examples"
            )
        self.x, self.y, self.batch_size = x, y, batch_size
        self.shuffle, self.drop_last, self.rng = shuffle, drop_last, rng

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        n, size = len(self.x), self.batch_size
        order = (
            self.rng.permutation(n)
            if self.shuffle and self.rng is not None
            else np.arange(n)
        )
        for start in range(0, len(self) * size, size):
            index = order[start : start + size]
            yield self.x.take(index, axis=0), self.y.take(index, axis=0)

    def describe(self) -> dict[str, int | bool]:
        """How the data is cut, for comparing two runs."""
        names = ("batch_size", "shuffle", "drop_last")
        own = {name: getattr(self, name) for name in names}
        return {"examples": len(self.x), **own}

    def __len__(self) -> int:
        """The number of batches (steps) in an epoch."""
        whole, rest = divmod(len(self.x), self.batch_size)
        return whole if self.drop_last or not rest else whole + 1

    @property
    def sizes(self) -> np.ndarray:
        """The number of examples in each batch of an epoch."""
        ends = np.minimum(np.arange(1, len(self) + 1) * self.batch_size, len(self.x))
        return np.diff(ends, prepend=0)


def check_data(x: np.ndarray, y: np.ndarray) -> None:
    """`ValueError` unless `x` and `y` are real, finite, non-empty and equally long."""
    if x.ndim < 1 or y.ndim < 1 or len(x) != len(y) or not len(x) or not x.size:
        raise ValueError(
            "expected as many inputs as targets and at least one, "
            f"got shapes {x.shape} and {y.shape}"
        )
    for name, array in (("inputs", x), ("targets", y)):
        if array.dtype.kind not in "fiub":
            raise ValueError(f"{name} must be real numbers, got dtype {array.dtype}")
        # The sum is finite unless a value is not, so most data needs no array of
        # booleans as large as itself.
        with np.errstate(over="ignore", invalid="ignore"):
            suspect = array.dtype.kind == "f" and not np.isfinite(
                np.sum(array, dtype=np.float64)
            )
        if suspect and (bad := np.count_nonzero(~np.isfinite(array))):
            raise ValueError(
                f"{name} must be finite, got {bad} values that are NaN or infinite"
            )


def train_val_split(
    x: np.ndarray, y: np.ndarray, n_val: int, *, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Set `n_val` examples aside at random; return `x_train, y_train, x_val, y_val`.

    Raises `ValueError` for lengths that differ and unless both parts have at least one
    example.
    """
    x, y, n_val = np.asarray(x), np.asarray(y), whole_number("n_val", n_val)
    generator("train_val_split", rng)
    if x.ndim < 1 or y.ndim < 1 or len(x) != len(y):
        raise ValueError(
            f"expected as many inputs as targets, got shapes {x.shape} and {y.shape}"
        )
    if n_val >= len(x):
        raise ValueError(
            f"n_val must lie between 1 and {len(x) - 1} for {len(x)} inputs "
            f"and {len(y)} targets, got {n_val}"
        )
    order = rng.permutation(len(x))
    train, val = order[n_val:], order[:n_val]
    return x[train], y[train], x[val], y[val]


def one_hot(labels: np.ndarray, n_classes: int, dtype: type = np.float32) -> np.ndarray:
    """Turn labels (N,) into rows of the identity matrix, shape (N, n_classes).

    >>> one_hot(np.array([2, 0]), 3)
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """
    labels = np.asarray(labels)
    n_classes = whole_number("n_classes", n_classes)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ValueError(
            "expected integer labels of shape (N,), "
            f"got {labels.dtype} of shape {labels.shape}"
        )
    if labels.size and not 0 <= labels.min() <= labels.max() < n_classes:
        raise ValueError(
            f"labels must lie in 0 … {n_classes - 1}, "
            f"got {labels.min()} … {labels.max()}"
        )
    return np.eye(n_classes, dtype=dtype)[labels]


def standardise(train: np.ndarray, *others: np.ndarray) -> tuple[np.ndarray, ...]:
    """Give every feature mean 0 and standard deviation 1, as measured on `train` alone.

    The same shift and scale are applied to `others` (validation, test): nothing of them
    leaks into training. A feature that never varies is only shifted. Returns as many
    arrays as came in, float32 as float32 and all else as float64. Raises `ValueError`
    for arrays of another width, and for a `train` that is empty or not finite.

    >>> standardise(np.array([[1.0], [3.0]]), np.array([[4.0]]))
    (array([[-1.],
           [ 1.]]), array([[2.]]))
    """
    train, others = np.asarray(train), tuple(map(np.asarray, others))
    if (
        train.ndim != 2
        or not train.size
        or any(x.shape[1:] != train.shape[1:] for x in others)
    ):
        raise ValueError(
            "expected arrays of shape (N, D), "
            f"got {', '.join(str(x.shape) for x in (train, *others))}"
        )
    dtype = np.float32 if train.dtype == np.float32 else np.float64
    # float64 for the sums: over 50,000 rows those of float32 lose three digits
    mean, std = (
        train.mean(axis=0, dtype=np.float64),
        train.std(axis=0, dtype=np.float64),
    )
    if not np.isfinite(mean).all():
        bad = np.flatnonzero(~np.isfinite(mean)).tolist()
        raise ValueError(
            f"train must be finite, got NaN or infinity in the columns {bad}"
        )
    # A constant's mean and deviation are known; rounding would leave traces of both.
    varies = np.ptp(train, axis=0) > 0
    mean, std = np.where(varies, mean, train[0]), np.where(varies, std, 1)
    return tuple(
        (x.astype(dtype) - mean.astype(dtype)) / std.astype(dtype)
        for x in (train, *others)
    )
