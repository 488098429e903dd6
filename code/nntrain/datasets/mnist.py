"""How the four files of MNIST are found, downloaded and checked.

`datasets.load_mnist` is the way in; `copies` knows where a copy may lie.
"""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .copies import OWN_COPY, cache, given, nothing_in, own_copy
from .download import DatasetUnavailable, answering_first, clear_abandoned, fetch
from .idx import DatasetError, read_bytes, read_idx, unpack

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)


class File(NamedTuple):
    """One published file.

    `gz_sha256` checks a download, `sha256` the unpacked bytes of any copy.
    """

    name: str
    shape: tuple[int, ...]
    gz_sha256: str
    sha256: str


FILES = (
    File("train-images-idx3-ubyte", (60000, 28, 28),
         "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
         "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    File("train-labels-idx1-ubyte", (60000,),
         "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
         "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    File("t10k-images-idx3-ubyte", (10000, 28, 28),
         "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
         "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    File("t10k-labels-idx1-ubyte", (10000,),
         "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
         "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
)  # fmt: skip


def load_files(
    root: str | os.PathLike[str] | None, *, may_download: bool
) -> tuple[list[np.ndarray], str]:
    """Return the four arrays, in the order of `FILES`, and where they came from.

    Raises:
        DatasetError: the user's own copy cannot be read, is missing a file, or has one
            that is not as published; or the user pointed at a folder, and MNIST is
            neither there nor anywhere else.
        DatasetUnavailable: there is no copy, and no way to download one.
    """
    names = [file.name for file in FILES]
    own = given(root)
    paths = None if own is None else own_copy(*own, names)
    if own is None:
        return _from_cache_or_mirrors(may_download)
    if paths is None:
        try:
            return _from_cache_or_mirrors(may_download)
        except DatasetUnavailable as error:  # other data would not be what was meant
            raise DatasetError(f"{nothing_in(*own, names)}. Also, {error}") from error
    arrays = []
    for file in FILES:
        try:
            arrays.append(read_checked(paths[file.name], file))
        except DatasetError as error:
            raise DatasetError(
                f"{error}. Replace this file, or remove all four to have MNIST "
                "downloaded"
            ) from error
    return arrays, f"the folder given by {own[1]}"


def read_checked(path: Path, file: File) -> np.ndarray:
    """Read one file and check its unpacked bytes: header, length, SHA-256."""
    data = unpack(read_bytes(path), str(path))
    # First, since its messages tell more than a hash.
    array = read_idx(data, shape=file.shape, name=str(path))
    found = hashlib.sha256(data).hexdigest()
    if found != file.sha256:
        raise DatasetError(
            f"{path}: altered, its unpacked bytes have the SHA-256 {found[:16]}…, "
            f"the published ones {file.sha256[:16]}…"
        )
    return array


def _from_cache_or_mirrors(may_download: bool) -> tuple[list[np.ndarray], str]:
    """Take each file from the cache if it is whole, otherwise from a mirror."""
    folder = cache()
    if folder is None:
        raise DatasetUnavailable(
            "MNIST is downloaded by the package pooch, which is not installed. "
            f"Install it (pip install pooch), or {OWN_COPY}."
        )
    clear_abandoned(folder)
    arrays: dict[str, np.ndarray] = {}
    broken = []
    for file in FILES:
        path = folder / f"{file.name}.gz"
        if os.path.isfile(path):
            try:
                arrays[file.name] = read_checked(path, file)
            except DatasetError as error:
                broken.append(str(error))
    missing = [file for file in FILES if file.name not in arrays]
    if missing:
        try:
            _download(missing, folder, may_download)
        except DatasetUnavailable as error:
            also = f" In the cache: {'; '.join(broken)}." if broken else ""
            raise DatasetUnavailable(
                f"MNIST is not on this machine, and {error}.{also} "
                f"Fix this and try again, or {OWN_COPY}."
            ) from error
        for file in missing:
            arrays[file.name] = read_checked(folder / f"{file.name}.gz", file)
    source = (
        "a download, checked and kept in the user's cache"
        if missing
        else "the user's cache"
    )
    return [arrays[file.name] for file in FILES], source


def offline() -> bool:
    """Whether `NNTRAIN_OFFLINE` forbids downloads (set to anything but 0)."""
    return os.environ.get("NNTRAIN_OFFLINE", "") not in ("", "0")


def _download(files: list[File], folder: Path, may_download: bool) -> None:
    if offline():
        raise DatasetUnavailable("downloads are forbidden by NNTRAIN_OFFLINE")
    if not may_download:
        raise DatasetUnavailable("an earlier attempt to download it has failed")
    mirrors = answering_first(MIRRORS, f"{files[0].name}.gz")
    for file in files:
        fetch(f"{file.name}.gz", file.gz_sha256, folder, mirrors)
