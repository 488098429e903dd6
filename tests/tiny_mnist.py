"""The four files of MNIST with eight images each, packed and unpacked, for tests that need no real data."""

import gzip
import hashlib
import struct

import numpy as np

from nntrain.datasets import mnist

SHAPES = {file.name: (8, *file.shape[1:]) for file in mnist.FILES}


def _contents() -> dict[str, bytes]:
    rng, files = np.random.default_rng(8), {}
    for name, shape in SHAPES.items():
        numbers = rng.integers(0, 256 if len(shape) == 3 else 10, shape, dtype=np.uint8)
        header = bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)
        files[name] = header + numbers.tobytes()
    return files


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


PLAIN = _contents()
PACKED = {f"{name}.gz": gzip.compress(data, mtime=0) for name, data in PLAIN.items()}
# What `mnist.FILES` is replaced by, so that these count as the published ones.
FILES = tuple(
    mnist.File(name, SHAPES[name], sha256(PACKED[f"{name}.gz"]), sha256(data))
    for name, data in PLAIN.items()
)
