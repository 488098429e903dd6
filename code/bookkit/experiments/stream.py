"""The bytes of a packed experiment: distinct records, images and texts, each stored once.

The stream (deflate, base64) holds five parts: the lengths of all records (int32), the
records (int16, each a sequence of picture coordinates stored as differences), the tables
of references (int32, differences), the images (uint8, differences) and the texts (a JSON
list). Numbers are stored as byte planes (all low bytes, then all high bytes), which
deflate packs better. `experiment.js` reads the same format.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import numpy as np


class Writer:
    """Collects records, images and texts; each is known by the number it returns."""

    def __init__(self) -> None:
        self.records: list[np.ndarray] = []
        self.images: list[np.ndarray] = []
        self.texts: list[str] = []
        self.pixels = 0
        self._known: dict[tuple[str, str | bytes], int] = {}

    def _once(self, store: list[Any], what: str, key: str | bytes, value: Any) -> int:
        if (what, key) not in self._known:
            self._known[what, key] = len(store)
            store.append(value)
        return self._known[what, key]

    def record(self, values: np.ndarray | None) -> int:
        """A sequence of 16-bit numbers; -1 stands for none."""
        if values is None:
            return -1
        values = np.asarray(values, dtype=np.int16)
        return self._once(self.records, "record", values.tobytes(), values)

    def image(self, levels: np.ndarray) -> int:
        """Where the image begins among all the pixels."""
        if ("image", levels.tobytes()) not in self._known:
            self._known["image", levels.tobytes()] = self.pixels
            self.images.append(levels.ravel())
            self.pixels += levels.size
        return self._known["image", levels.tobytes()]

    def text(self, text: str) -> int:
        return self._once(self.texts, "text", text, text)

    def stream(self, tables: list[np.ndarray]) -> dict[str, Any]:
        """The `counts` of each part and the `data`; tables have a row for every state."""
        values = np.concatenate(
            [np.diff(r, prepend=np.int16(0)) for r in self.records]
            or [np.empty(0, np.int16)]
        )
        refs = np.concatenate(
            [np.diff(column, prepend=0) for table in tables for column in table.T]
        )
        pixels = np.concatenate(
            [np.diff(i, prepend=np.uint8(0)) for i in self.images]
            or [np.empty(0, np.uint8)]
        )
        lengths = np.array([len(r) for r in self.records], dtype=int)
        raw = b"".join(
            [
                planes(lengths, "<i4"),
                planes(values, "<i2"),
                planes(refs, "<i4"),
                pixels.tobytes(),
                json.dumps(self.texts, ensure_ascii=False).encode(),
            ]
        )
        counts = {
            "lengths": len(lengths),
            "values": len(values),
            "refs": len(refs),
            "pixels": len(pixels),
        }
        data = base64.b64encode(zlib.compress(raw, 9)).decode()
        return {"counts": counts, "data": data}


def planes(values: np.ndarray, dtype: str) -> bytes:
    """The bytes of an array, all lowest bytes first."""
    width = np.dtype(dtype).itemsize
    rows = values.astype(dtype).view(np.uint8).reshape(len(values), width)
    return rows.T.tobytes()


class Reader:
    """What a `Writer` wrote: `records`, `pixels`, `texts`, and the tables in order."""

    def __init__(self, packed: dict[str, Any]) -> None:
        self._raw, self._at = zlib.decompress(base64.b64decode(packed["data"])), 0
        counts = packed["counts"]
        lengths = self._read(counts["lengths"], "<i4")
        values = self._read(counts["values"], "<i2")
        self._refs, self._row = self._read(counts["refs"], "<i4"), 0
        self.pixels = self._read(counts["pixels"], "u1")
        self.texts: list[str] = json.loads(self._raw[self._at :])
        parts = np.split(values, np.cumsum(lengths)[:-1]) if len(lengths) else []
        self.records = [np.cumsum(part, dtype=np.int16) for part in parts]

    def _read(self, count: int, dtype: str) -> np.ndarray:
        width = np.dtype(dtype).itemsize
        part = np.frombuffer(self._raw, np.uint8, count * width, self._at)
        self._at += count * width
        part = np.ascontiguousarray(part.reshape(width, count).T)
        return part.view(dtype).ravel()

    def table(self, rows: int, columns: int) -> np.ndarray:
        """The next table of references, shape (rows, columns)."""
        part = self._refs[self._row : self._row + rows * columns]
        self._row += rows * columns
        return np.cumsum(part.reshape(columns, rows), axis=1).T
