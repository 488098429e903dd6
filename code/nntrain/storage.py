"""Named arrays in one file: written whole or not at all, read without pickle."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["load_arrays", "save_arrays", "writable"]


def writable(path: Any) -> Path:
    """Return `path` as a `Path`; `ValueError` unless a file can be written there."""
    if not isinstance(path, (str, os.PathLike)):
        raise ValueError(f"path must be a file name, got {path!r}")
    path = Path(path)
    folder = path.parent
    if path.is_dir():
        raise ValueError(f"{path} is a folder, expected the name of a file")
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise ValueError(f"{path} needs a folder to write to, {folder} is none")
    return path


def save_arrays(path: str | Path, arrays: dict[str, np.ndarray]) -> None:
    """Write named arrays to one .npz file, whole or not at all.

    `ValueError` where no file can be written.
    """
    path = writable(path)
    part = path.with_name(path.name + ".part")
    try:
        with open(part, "wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def load_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """Read a .npz file of plain arrays; `ValueError` for a missing or damaged one."""
    try:
        with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise ValueError(f"there is no file {path}") from None
    except Exception as error:  # damage can surface in zip, zlib or an array's header
        raise ValueError(
            f"{path} is not a readable .npz file of arrays ({error})"
        ) from error
