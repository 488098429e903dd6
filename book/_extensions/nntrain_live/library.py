"""What of the book itself goes into the page's Python: both packages, `book/data`, and the digits."""

from __future__ import annotations

import hashlib
import struct
from functools import partial
from importlib import resources
from pathlib import Path

import numpy as np

from nntrain.datasets import DatasetError, DatasetUnavailable, mnist

from . import runtime
from .store import Store

STANDINS = "bookkit/live/standins"


def write(store: Store, root: Path) -> None:
    """Add one archive of it all, and MNIST beside it where this build has the files."""
    members = [*_packages(), *_book_data(root), ("home/digits.csv.gz", _digits())]
    digest = hashlib.sha256(Path(runtime.__file__).read_bytes())
    for name, content in members:
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    data = runtime.artifacts() / "python-stdlib.zip"
    store.add_packed(
        "book.zip",
        digest.hexdigest(),
        lambda: runtime.stored(
            [
                *members,
                *(
                    (f"mpl-data/{name}", content)
                    for name, content in runtime.matplotlib_data(data)
                ),
            ]
        ),
    )
    _add_mnist(store)


def _packages():
    for package in ("nntrain", "bookkit"):
        folder = Path(str(resources.files(package)))
        for path in sorted(folder.rglob("*")):
            if (
                path.suffix in (".py", ".css", ".js")
                and "__pycache__" not in path.parts
            ):
                name = f"{package}/{path.relative_to(folder).as_posix()}"
                # Stand-ins are found under the names they stand in for.
                name = name.removeprefix(f"{STANDINS}/")
                yield f"code/{name}", path.read_bytes()


def _book_data(root: Path):
    folder = root / "book" / "data"
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield f"book/data/{path.relative_to(folder).as_posix()}", path.read_bytes()


def _digits() -> bytes:
    return (resources.files("sklearn.datasets.data") / "digits.csv.gz").read_bytes()


def _add_mnist(store: Store) -> None:
    """The four files, written anew from what this build's loader found and checked; without them, none."""
    try:
        arrays, _ = mnist.load_files(None, may_download=False)
    except (DatasetError, DatasetUnavailable):
        return
    for file, array in zip(mnist.FILES, arrays, strict=True):
        content = store.packed(file.name, file.sha256, partial(idx_bytes, array))
        store.add_data(f"mnist/{file.name}.gz", "MNIST", content)


def idx_bytes(array: np.ndarray) -> bytes:
    """An array of bytes as an IDX file: zeros, type 8, dimensions, their sizes, then the values."""
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()
