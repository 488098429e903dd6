"""Pictures as arrays: read from a file, turned to grey, brought to another size.

Pillow is needed for files alone, and imported where it is used.
"""

import os
from typing import Any

import numpy as np

from .idx import DatasetError

Source = np.ndarray | str | os.PathLike[str]


def grey(source: Any) -> np.ndarray:
    """Return a picture as float64 (height, width), from 0, black, to 1, white.

    Args:
        source: the path of a file that Pillow can read (PNG, JPEG, …); or an array
            (height, width), or (height, width, 3 or 4) in colour, of whole numbers from
            0 to 255, of booleans, or of floats from 0 to 1. What is transparent becomes
            white.

    Raises:
        DatasetError: (a ValueError) no such file, no picture, another shape or range.
    """
    if isinstance(source, (str, os.PathLike)):
        name, pixels = str(source), _read(source)
    else:
        name, pixels = "the picture", np.asarray(source)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    colours = pixels.shape[2:] in ((), (3,), (4,)) and pixels.ndim in (2, 3)
    if not colours or not pixels.size or pixels.dtype.kind not in "fiub":
        raise DatasetError(
            f"{name}: expected numbers of shape (height, width), or with 3 or 4 "
            f"colours, got {pixels.dtype} of shape {pixels.shape}"
        )
    whole = pixels.dtype.kind in "iu"
    values = pixels / 255 if whole else pixels.astype(np.float64)
    if not (values.min() >= 0 and values.max() <= 1):
        raise DatasetError(
            f"{name}: values must lie in 0 … {255 if whole else 1} for {pixels.dtype}, "
            f"got {pixels.min()} … {pixels.max()}"
        )
    if values.ndim == 2:
        return values
    if values.shape[2] == 4:
        alpha = values[:, :, 3:]
        values = alpha * values[:, :, :3] + (1 - alpha)
    return values @ [0.299, 0.587, 0.114]  # how bright the eye sees red, green and blue


def resized(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return the image in another size: each new pixel is the mean of what it covers.

    >>> resized(np.array([[0.0, 2.0, 4.0, 6.0]]), 1, 2)
    array([[1., 5.]])
    """
    return _cover(image.shape[0], height) @ image @ _cover(image.shape[1], width).T


def _cover(old: int, new: int) -> np.ndarray:
    """(new, old): the share of each old pixel in each new one, along one axis."""
    edges = np.arange(new + 1) * (old / new)
    upper = np.minimum(edges[1:, None], np.arange(1, old + 1))
    lower = np.maximum(edges[:-1, None], np.arange(old))
    return np.maximum(upper - lower, 0) * (new / old)


def _read(path: str | os.PathLike[str]) -> np.ndarray:
    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ImportError as error:
        raise DatasetError(
            "pictures are read by the package Pillow, which is not installed: "
            "pip install pillow"
        ) from error
    try:
        with Image.open(path) as opened:
            upright = ImageOps.exif_transpose(opened)  # as a telephone was held
            if upright.mode.startswith(("I", "F")):  # more than 8 bits
                deep = np.asarray(upright, dtype=np.float64)
                return deep / max(deep.max(), 65535.0)
            return np.asarray(upright.convert("RGBA"))
    except UnidentifiedImageError as error:
        raise DatasetError(f"{path}: is not a picture that Pillow can read") from error
    except (OSError, SyntaxError) as error:
        told = getattr(error, "strerror", None) or error
        raise DatasetError(f"{path}: cannot be read ({told})") from error
