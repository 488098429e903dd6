"""A network of the reader's own data: from arrays, from a CSV file, from pictures.

Nothing is guessed and nothing is left out in silence: what does not fit is an error
that says where it is.
"""

import csv
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nntrain.checks import real_array, whole_number

from .idx import DatasetError
from .pictures import grey, resized

__all__ = ["OwnData", "load_arrays", "load_csv", "load_folder"]


@dataclass(frozen=True, eq=False, repr=False)
class OwnData:
    """Examples with their targets.

    Attributes:
        x: (N, D) float32.
        y: (N,) int64, the class of each example; or (N, 1) float32, a number each.
        classes: the name of each class, in the order of the labels; empty for numbers.
        columns: what the D numbers of an example are called, if known.
    """

    x: np.ndarray
    y: np.ndarray
    classes: tuple[Any, ...]
    columns: tuple[str, ...] = ()

    def __repr__(self) -> str:
        n, d = self.x.shape
        kind = f"{len(self.classes)} classes" if self.classes else "a number each"
        return f"OwnData({n} examples of {d} numbers, {kind})"


def load_arrays(
    x: ArrayLike,
    y: ArrayLike | Sequence[Any],
    *,
    classes: Sequence[Any] | None = None,
    regression: bool = False,
    columns: Sequence[str] = (),
) -> OwnData:
    """Check the reader's own arrays and bring them into the form that `fit` expects.

    Args:
        x: (N, …) finite numbers; what follows N is flattened.
        y: (N,) labels of any one kind, such as words or whole numbers; or, with
            `regression`, finite numbers.
        classes: the labels in the order wanted; as found and sorted, if not given. Give
            those of the training data when you load test data: others are refused.
        regression: whether `y` holds numbers to be predicted, not classes.
        columns: what the numbers of an example are called.

    Raises:
        DatasetError: (a ValueError) says which example does not fit.

    >>> data = load_arrays([[0.5, 1], [2, 3], [4, 5]], ["no", "yes", "no"])
    >>> data.y.tolist(), data.classes
    ([0, 1, 0], ('no', 'yes'))
    """
    numbers = _finite("x", x)
    if numbers.ndim < 2 or not numbers.size:
        raise DatasetError(
            f"x: expected N examples of some numbers each, (N, D), got {numbers.shape}"
        )
    labels = np.asarray(y)
    if labels.shape not in ((len(numbers),), (len(numbers), 1)):
        raise DatasetError(
            f"y: expected one target for each of {len(numbers)} examples, got shape "
            f"{labels.shape}"
        )
    flat = numbers.reshape(len(numbers), -1).astype(np.float32)
    if regression:
        targets = _finite("y", y).astype(np.float32).reshape(-1, 1)
        return OwnData(flat, targets, (), tuple(columns))
    numbered, names = _numbered(labels.reshape(-1).tolist(), classes)
    return OwnData(flat, numbered, names, tuple(columns))


def load_csv(
    path: str | os.PathLike[str],
    target: str,
    *,
    classes: Sequence[Any] | None = None,
    regression: bool = False,
    delimiter: str = ",",
) -> OwnData:
    """Load a table of numbers from a CSV file whose first line names the columns.

    Args:
        path: the file, in UTF-8.
        target: the name of the column to be predicted; all others must be numbers.
        classes, regression: as for `load_arrays`; labels are read as words.
        delimiter: what stands between two values.

    Raises:
        DatasetError: (a ValueError) names the line and the column of what does not fit:
            lines of other lengths, missing values, words among numbers.
    """
    header, rows = _table(Path(path), delimiter)
    if target not in header:
        raise DatasetError(
            f"{path}: has no column {target!r}, it has {', '.join(header)}"
        )
    place = header.index(target)
    columns = [name for name in header if name != target]
    x, y = [], []
    for line, row in rows:
        values = row[:place] + row[place + 1 :]
        x.append(
            [_number(path, line, *pair) for pair in zip(columns, values, strict=True)]
        )
        y.append(_number(path, line, target, row[place]) if regression else row[place])
    return load_arrays(x, y, classes=classes, regression=regression, columns=columns)


def load_folder(
    path: str | os.PathLike[str],
    *,
    size: tuple[int, int] | None = None,
    classes: Sequence[str] | None = None,
) -> OwnData:
    """Load pictures from a folder that has a folder for each class, named after it.

    Args:
        path: the folder. Files whose name begins with a dot are left out.
        size: (height, width) to scale all pictures to; without it they must be equal.
        classes: as for `load_arrays`.

    Returns:
        The pictures in grey, each as one row of numbers from 0, black, to 1, white.

    Raises:
        DatasetError: (a ValueError) no folders, an empty one, a file that is not a
            picture, pictures of different sizes.
    """
    base = Path(path)
    if not base.is_dir():
        raise DatasetError(f"{base}: is not a folder")
    folders = [folder for folder in _visible(base) if folder.is_dir()]
    if not folders:
        raise DatasetError(f"{base}: has no folders, expected one for each class")
    if size is not None:
        size = whole_number("height", size[0]), whole_number("width", size[1])
    images: list[np.ndarray] = []
    labels: list[str] = []
    for folder in folders:
        files = list(_visible(folder))
        if not files:
            raise DatasetError(f"{folder}: is empty, expected pictures of one class")
        for file in files:
            image = grey(file) if size is None else resized(grey(file), *size)
            if images and image.shape != images[0].shape:
                raise DatasetError(
                    f"{file}: has {image.shape[1]}×{image.shape[0]} pixels, the first "
                    f"picture {images[0].shape[1]}×{images[0].shape[0]}; give size=("
                    "height, width) to scale them all"
                )
            images.append(image)
            labels.append(folder.name)
    return load_arrays(np.stack(images), labels, classes=classes)


def _visible(folder: Path) -> Iterable[Path]:
    return (path for path in sorted(folder.iterdir()) if not path.name.startswith("."))


def _numbered(
    labels: list[Any], classes: Sequence[Any] | None
) -> tuple[np.ndarray, tuple[Any, ...]]:
    """The place of each label among the classes."""
    empty = [
        n
        for n, label in enumerate(labels)
        if label is None or label != label or label == ""
    ]
    if empty:
        raise DatasetError(f"y: has no label for the examples {empty[:5]}")
    if isinstance(labels[0], float):
        raise DatasetError(
            "y: fractions are no labels; to predict numbers, say regression=True"
        )
    names = sorted(set(labels)) if classes is None else list(classes)
    if len(names) < 2 or len(set(names)) < len(names):
        raise DatasetError(f"y: expected at least two different classes, got {names}")
    place = {name: k for k, name in enumerate(names)}
    unknown = sorted({str(label) for label in labels if label not in place})
    if unknown:
        raise DatasetError(
            f"y: the labels {', '.join(unknown[:5])} are not among the classes "
            f"{', '.join(map(str, names))}"
        )
    return np.array([place[label] for label in labels], dtype=np.int64), tuple(names)


def _finite(name: str, values: Any) -> np.ndarray:
    try:
        array = real_array(name, values).astype(np.float64)
    except ValueError as error:
        raise DatasetError(
            f"{name}: expected numbers in rows of one length: {error}"
        ) from error
    if not np.isfinite(array).all():
        first = np.argwhere(~np.isfinite(array))[0].tolist()
        raise DatasetError(
            f"{name}: has {(~np.isfinite(array)).sum()} values that are not finite, "
            f"the first at {first}"
        )
    return array


def _table(path: Path, delimiter: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The names of the columns, and each row with the number of its line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            table = [
                (reader.line_num, [value.strip() for value in row])
                for row in reader
                if row
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path}: cannot be read ({error})") from error
    if len(table) < 2:
        raise DatasetError(f"{path}: expected a line of names and lines of numbers")
    header, rows = table[0][1], table[1:]
    if len(set(header)) < len(header) or "" in header:
        raise DatasetError(
            f"{path}: the first line must name the columns, each once, got {header}"
        )
    for line, row in rows:
        if len(row) != len(header):
            raise DatasetError(
                f"{path}, line {line}: has {len(row)} values, the header {len(header)}"
            )
        if "" in row:
            column = header[row.index("")]
            raise DatasetError(f"{path}, line {line}: has no value for {column!r}")
    return header, rows


def _number(path: str | os.PathLike[str], line: int, column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise DatasetError(
            f"{path}, line {line}: {column!r} is {text!r}, expected a finite number"
        )
    return value
