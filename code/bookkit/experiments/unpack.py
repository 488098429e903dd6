"""Read a packed grid back (see `grid.py`): for the starting picture, and to test what the browser draws."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import numpy as np


class Unpacked:
    """The numbers the browser draws, by position in the grid."""

    def __init__(self, packed: dict[str, Any]) -> None:
        self.raw, self.at = zlib.decompress(base64.b64decode(packed["data"])), 0
        counts = packed["counts"]
        lengths = self._read(counts["lengths"], "<i4")
        values, refs = (
            self._read(counts["values"], "<i2"),
            self._read(counts["refs"], "<i4"),
        )
        self.pixels = self._read(counts["pixels"], "u1")
        self.texts: list[str] = json.loads(self.raw[self.at :])
        parts = np.split(values, np.cumsum(lengths)[:-1])
        self.records = [np.cumsum(part, dtype=np.int16) for part in parts]
        self.shape = tuple(len(control["values"]) for control in packed["controls"])
        size = int(np.prod(self.shape))
        self.sentences = np.cumsum(refs[:size])
        self.tables: dict[str, tuple[dict[str, Any], np.ndarray]] = {}
        begin = size
        for spec in packed["artists"]:
            rows = size * spec["frames"]
            columns = refs[begin : begin + rows * spec["width"]].reshape(
                spec["width"], rows
            )
            self.tables[spec["name"]] = spec, np.cumsum(columns, axis=1).T
            begin += rows * spec["width"]

    def _read(self, count: int, dtype: str) -> np.ndarray:
        width = np.dtype(dtype).itemsize
        part = (
            np.frombuffer(self.raw, np.uint8, count * width, self.at)
            .reshape(width, count)
            .T
        )
        self.at += count * width
        return np.ascontiguousarray(part).view(dtype).ravel()

    def sentence(self, *position: int) -> str:
        return self.texts[self.sentences[np.ravel_multi_index(position, self.shape)]]

    def show(self, name: str, position: tuple[int, ...], step: int = 0) -> Any:
        """A text, levels (rows, columns), bar ends (N,), or points (N, 2); lengths in tenths of a pixel."""
        spec, table = self.tables[name]
        setting = int(np.ravel_multi_index(position, self.shape))
        row = table[setting * spec["frames"] + min(step, spec["frames"] - 1)]
        if spec["kind"] == "text":
            return self.texts[row[0]]
        if spec["kind"] == "image":
            block = self.pixels[row[0] : row[0] + int(np.prod(spec["shape"]))]
            return np.cumsum(block, dtype=np.uint8).reshape(spec["shape"])
        if spec["kind"] == "bars":
            return self.records[row[0]]
        points = np.column_stack([self.records[row[0]], self.records[row[1]]])
        if spec["mode"] in ("fixed", "frames"):
            return points
        stops = self.records[row[2]] if row[2] >= 0 else np.arange(1, len(points) + 1)
        stop = int(stops[min(step, len(stops) - 1)]) if len(stops) else 0
        return (
            points[:stop]
            if spec["mode"] == "trail"
            else points[max(stop - 1, 0) : stop]
        )
