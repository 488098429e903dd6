"""Named arrays in one file: written whole or not at all, read without pickle."""

from __future__ import annotations

from pathlib import Path

import numpy as np

__all__ = ["load_arrays", "save_arrays"]


def save_arrays(path: str | Path, arrays: dict[str, np.ndarray]) -> None:
    """Write named arrays to one .npz file, whole or not at all."""
    path = Path(path)
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
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise ValueError(f"there is no file {path}") from None
    except Exception as error:  # damage can surface in zip, zlib or an array's header
        raise ValueError(
            f"{path} is not a readable .npz file of arrays ({error})"
        ) from error
