"""The IDX format, in which MNIST is published: a short header, then plain numbers.

Nothing in a file is executed or believed: each field of the header is checked, and so
is the length.
"""

import gzip
import os
import struct
import zlib
from pathlib import Path

import numpy as np

# The third byte of a file says what the numbers are, each with its highest byte first.
_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


class DatasetError(ValueError):
    """A data set cannot be had as it should be: which file, why, and what to do."""


def unpack(data: bytes, name: str = "data") -> bytes:
    """Return `data`, decompressed if it is gzip; `DatasetError` if it is damaged."""
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return gzip.decompress(data)
    except EOFError as error:
        raise DatasetError(
            f"{name}: the gzip file breaks off before its end (truncated copy?)"
        ) from error
    except (OSError, zlib.error) as error:
        raise DatasetError(f"{name}: the gzip file is damaged ({error})") from error


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """Return the bytes of a file. `DatasetError` if it cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise DatasetError(
            f"{path}: cannot be read ({error.strerror or error})"
        ) from error


def read_idx(
    source: bytes | str | os.PathLike[str],
    *,
    shape: tuple[int, ...] | None = None,
    name: str | None = None,
) -> np.ndarray:
    """Read an IDX file strictly and return its array, in the machine's own byte order.

    The layout: two zero bytes, one byte for the type, one for the number of dimensions
    *d*, then *d* sizes as 32-bit integers with the highest byte first, then exactly as
    many numbers as the sizes multiply to.

    Args:
        source: the content as bytes, or a path; gzip is recognised by its first bytes.
        shape: what the sizes must be; `None` takes any.
        name: what error messages call the file (default: the path).

    Raises:
        DatasetError: unreadable or damaged file, wrong first bytes, unknown type,
            another shape than expected, too few or too many bytes.

    Source: LeCun, Cortes and Burges, The MNIST database, section "File formats".

    >>> read_idx(bytes([0, 0, 8, 1,  0, 0, 0, 3,  5, 0, 4]))
    array([5, 0, 4], dtype=uint8)
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        name, data = name or "IDX data", bytes(source)
    else:
        name, data = name or str(source), read_bytes(source)
    data = unpack(data, name)

    if len(data) < 4:
        raise DatasetError(
            f"{name}: {len(data)} bytes are too few for an IDX header (truncated copy?)"
        )
    if data[:2] != b"\0\0" or data[2] not in _TYPES:
        raise DatasetError(
            f"{name}: not an IDX file, it starts with the bytes {data[:4].hex(' ')}"
        )
    dtype, ndim = np.dtype(_TYPES[data[2]]), data[3]
    if ndim == 0:
        raise DatasetError(f"{name}: the IDX header gives no dimensions")
    start = 4 + 4 * ndim
    if len(data) < start:
        raise DatasetError(
            f"{name}: the file ends inside its IDX header (truncated copy?)"
        )
    sizes = struct.unpack(f">{ndim}I", data[4:start])
    if shape is not None and sizes != tuple(shape):
        raise DatasetError(
            f"{name}: holds an array of shape {sizes}, expected {tuple(shape)}"
        )

    expected = dtype.itemsize
    for size in sizes:  # Python integers: the product of forged sizes cannot overflow
        expected *= size
    if len(data) - start != expected:
        found = len(data) - start
        fault = "truncated copy?" if found < expected else "bytes added at the end?"
        raise DatasetError(
            f"{name}: {found} bytes of data, shape {sizes} needs {expected} ({fault})"
        )
    return (
        np.frombuffer(data, dtype, offset=start)
        .reshape(sizes)
        .astype(dtype.newbyteorder("="))
    )
