"""Data to learn from: handwritten digits, small made-up sets, and the reader's own.

`load_mnist` gives the real thing or an error, `load_digits` needs no network,
`load_handwritten` picks for you. `load_arrays`, `load_csv` and `load_folder` take the
reader's own data, and `read_digit` a picture of a digit. A network of one's own data::

    data = load_csv("flowers.csv", target="species")
    rng = np.random.default_rng(0)
    x_train, y_train, x_val, y_val = train_val_split(data.x, data.y, 30, rng=rng)
    x_train, x_val = standardise(x_train, x_val)
    hidden = Linear(data.x.shape[1], 16, rng=rng)
    network = Sequential(hidden, ReLU(), Linear(16, len(data.classes), rng=rng))
    batches = Batches(x_train, y_train, 10, rng=rng)
    fit(network, CrossEntropyLoss(), Adam(network), batches, (x_val, y_val),
        epochs=50, metrics=(accuracy,))
    print(data.classes[network.predict(x_val[:1]).argmax()])
"""

import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from . import mnist
from .copies import places
from .digit import OwnDigit, read_digit
from .download import DatasetUnavailable
from .idx import DatasetError, read_idx
from .own import OwnData, load_arrays, load_csv, load_folder
from .rounding import twin
from .toys import blobs, circles, line_with_outlier, sine_1d, spirals, two_moons, xor

__all__ = [
    "Dataset",
    "DatasetError",
    "DatasetUnavailable",
    "OwnData",
    "OwnDigit",
    "blobs",
    "circles",
    "line_with_outlier",
    "load_arrays",
    "load_csv",
    "load_digits",
    "load_folder",
    "load_handwritten",
    "load_mnist",
    "places",
    "read_digit",
    "read_idx",
    "sine_1d",
    "spirals",
    "two_moons",
    "xor",
]


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Images with their labels, for training and for testing.

    Attributes:
        x_train, x_test: images with values in [0, 1]; shape (N, height·width), or
            (N, height, width) if not flattened.
        y_train, y_test: labels 0 … `n_classes` − 1; shape (N,), int64.
        name: "MNIST" or "digits".
        image_shape: (height, width) in pixels.
        n_classes: how many different labels there are.
        source: where the data came from, in words.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    name: str
    image_shape: tuple[int, int]
    n_classes: int
    source: str

    def __repr__(self) -> str:
        height, width = self.image_shape
        return (
            f"Dataset({self.name}: {len(self.x_train)} training and {len(self.x_test)} "
            f"test images of {height}×{width} pixels, {self.n_classes} classes, "
            f"from {self.source})"
        )


def load_mnist(
    root: str | os.PathLike[str] | None = None,
    *,
    dtype: DTypeLike = np.float32,
    flatten: bool = True,
) -> Dataset:
    """Load MNIST: 60,000 training and 10,000 test images of digits, 28×28 pixels.

    The four files are looked for, in this order,

    1. in `root`, or else in the folder that the variable `NNTRAIN_DATA` names:
       in its folder `mnist`, in itself, and where torchvision puts them (`MNIST/raw`);
       as published (.gz) or unpacked, also as `train-images.idx3-ubyte` and so on. A
       file that is missing among the others, or is not as published, and a folder that
       cannot be read are errors: you asked for this copy. With none of the four there,
       an explicit `root` is an error, and so is an empty folder `mnist`;
    2. in your cache, from an earlier download; a broken file there is replaced;
    3. on the network, unless `NNTRAIN_OFFLINE=1` is set (11 MB, over HTTPS, then kept
       in the cache).

    Every file, wherever it came from, is checked by SHA-256. `places()` lists the
    folders.

    Args:
        root: a folder with your own copy.
        dtype: of the images; a floating-point type.
        flatten: rows of 784 values (True) or arrays of 28×28 (False).

    Raises:
        DatasetError: (a ValueError) says which file is at fault and what to do. It is a
            `DatasetUnavailable` when there is no copy and none can be downloaded.

    Source: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning
    applied to document recognition", Proceedings of the IEEE 86(11), 1998.
    """
    return _load_mnist(root, dtype, flatten, may_download=True)


def load_digits(*, dtype: DTypeLike = np.float32, flatten: bool = True) -> Dataset:
    """Load the 1,797 digits of 8×8 pixels that come with scikit-learn.

    Needs no network. In the order of the file, every fifth image of each class is for
    testing, so the split is always the same and every class has its share: 1,442 for
    training, 355 for testing.

    Raises:
        DatasetError: scikit-learn is not installed.
        ValueError: `dtype` is not a floating-point type.

    Source: E. Alpaydin and C. Kaynak, "Optical recognition of handwritten digits", UCI
    Machine Learning Repository, 1998 (its test part).

    >>> load_digits().x_train.shape
    (1442, 64)
    """
    dtype = _floating(dtype)
    try:
        from sklearn.datasets import load_digits as bundled
    except ImportError as error:
        raise DatasetError(
            "the digits come with scikit-learn, which is not installed"
        ) from error
    raw = bundled()
    labels = raw.target.astype(np.int64)
    test = np.zeros(len(labels), dtype=bool)
    for digit in range(10):
        test[np.flatnonzero(labels == digit)[4::5]] = True
    images = _scaled(raw.images, 16, dtype, flatten)  # their ink runs from 0 to 16
    source = "scikit-learn's own files"
    return Dataset(
        images[~test],
        labels[~test],
        images[test],
        labels[test],
        "digits",
        (8, 8),
        10,
        source,
    )


# One attempt in a process is enough: without a network each costs seconds.
_download_failed = False


def load_handwritten(*, dtype: DTypeLike = np.float32, flatten: bool = True) -> Dataset:
    """Load MNIST if it can be had, and otherwise the smaller digits of `load_digits`.

    Nothing is printed: `.name` and `.source` tell which it is. Code that is to run on
    both takes sizes from the data, as in `Linear(data.x_train.shape[1], 30, rng=rng)`.
    Without a network this takes some seconds the first time, and is then remembered as
    long as the process lives.

    Raises:
        DatasetError: `NNTRAIN_DATA` points at a folder, and MNIST is neither whole
            there nor to be had elsewhere. To go on with other data would hide it.
    """
    global _download_failed
    try:
        return _load_mnist(None, dtype, flatten, may_download=not _download_failed)
    except DatasetUnavailable:
        # Forbidden is not failed: it may be allowed later.
        _download_failed = not mnist.offline()
        return load_digits(dtype=dtype, flatten=flatten)


def _load_mnist(
    root: str | os.PathLike[str] | None,
    dtype: DTypeLike,
    flatten: bool,
    *,
    may_download: bool,
) -> Dataset:
    dtype = _floating(dtype)
    (x_train, y_train, x_test, y_test), source = mnist.load_files(
        root, may_download=may_download
    )
    return Dataset(
        _scaled(x_train, 255, dtype, flatten),
        y_train.astype(np.int64),
        _scaled(x_test, 255, dtype, flatten),
        y_test.astype(np.int64),
        "MNIST",
        (int(x_train.shape[1]), int(x_train.shape[2])),
        10,
        source,
    )


def _floating(dtype: DTypeLike) -> np.dtype:
    checked = np.dtype(dtype)
    if not np.issubdtype(checked, np.floating):
        raise ValueError(
            f"dtype is {checked}, expected a floating-point type such as float32"
        )
    return checked


def _scaled(
    images: np.ndarray, largest: int, dtype: np.dtype, flatten: bool
) -> np.ndarray:
    """Images from 0 … `largest` to 0 … 1, in place: MNIST in float32 takes 188 MB."""
    scaled = images.astype(dtype)
    scaled /= largest
    scaled = twin(scaled)
    return scaled.reshape(len(scaled), -1) if flatten else scaled
