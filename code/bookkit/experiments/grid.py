"""Compute an experiment over its whole grid and pack the moving data, already in picture coordinates.

The packed stream (deflate, base64) holds five parts: the lengths of all records (int32), the records (int16,
each a sequence of picture coordinates stored as differences), the reference tables (int32, differences), the
images (uint8, differences) and the texts (a JSON list). Equal records are stored once. Numbers are stored as
byte planes (all low bytes, then all high bytes), which deflate packs better. `unpack.py` and
`experiment.js` read the same format.
"""

from __future__ import annotations

import base64
import itertools
import json
import zlib
from typing import Any

import numpy as np

from bookkit.experiments import artists
from bookkit.experiments.experiment import Experiment
from bookkit.experiments.moving import Frames, Path, length

LARGEST_GRID = 5000


class Packer:
    """Collects records, images and texts, each distinct one once."""

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

    def stream(self, tables: list[np.ndarray]) -> tuple[dict[str, int], bytes]:
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
        lengths = np.array([len(r) for r in self.records])
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
        return counts, zlib.compress(raw, 9)


def planes(values: np.ndarray, dtype: str) -> bytes:
    """The bytes of an array, all lowest bytes first."""
    return (
        values.astype(dtype)
        .view(np.uint8)
        .reshape(len(values), np.dtype(dtype).itemsize)
        .T.tobytes()
    )


def pack(experiment: Experiment, moving: dict[str, Any]) -> dict[str, Any]:
    """Run `compute` at every grid point; the result is the JSON the component reads."""
    settings = [
        dict(zip([c.name for c in experiment.controls], point, strict=True))
        for point in itertools.product(*(c.values for c in experiment.controls))
    ]
    if len(settings) > LARGEST_GRID:
        raise ValueError(
            f"the controls of {experiment.id!r} make {len(settings)} settings; at most {LARGEST_GRID} fit"
        )
    packer = Packer()
    rows: dict[str, list[list[list[int]]]] = {name: [] for name in moving}
    modes: dict[str, set[str]] = {name: set() for name in moving}
    looks: dict[str, dict[str, Any]] = {}
    sentences, longest = [], 0
    for setting in settings:
        data = experiment.values(**setting)
        if set(data) != set(moving):
            raise ValueError(
                f"compute of {experiment.id!r} gave {sorted(data)}, setup named {sorted(moving)}"
            )
        longest = max(longest, *(length(value) for value in data.values()))
        sentences.append(packer.text(experiment.sentence(setting, data)))
        for name, value in data.items():
            modes[name].add(mode_of(value))
            rows[name].append(
                encode(packer, name, moving[name], value, experiment.levels, looks)
            )
    if experiment.step and not longest:
        raise ValueError(
            f"{experiment.id!r} has a step control, but compute returns no trail, head or frames"
        )
    steps = experiment.step_count or longest
    tables, specs = [np.array(sentences)[:, None]], []
    for name, artist in moving.items():
        if len(modes[name]) > 1:
            raise ValueError(
                f"{name!r} of {experiment.id!r} must always move in one way, got {sorted(modes[name])}"
            )
        (mode,) = modes[name]
        frames = max(map(len, rows[name])) if mode == "frames" else 1
        table = np.array([row + row[-1:] * (frames - len(row)) for row in rows[name]])
        tables.append(table.reshape(-1, table.shape[-1]))
        specs.append(
            {
                "name": name,
                "kind": artists.kind_of(name, artist),
                "mode": mode,
                "frames": frames,
                "width": table.shape[-1],
                **looks.get(name, {}),
            }
        )
    counts, stream = packer.stream(tables)
    return {
        "controls": [
            {"name": c.name, "values": c.values, "texts": c.texts, "start": c.start}
            for c in experiment.controls
        ],
        "step": {"name": experiment.step, "count": steps} if experiment.step else None,
        "artists": specs,
        "counts": counts,
        "data": base64.b64encode(stream).decode(),
    }


def mode_of(value: Any) -> str:
    if isinstance(value, Path):
        return "head" if value.only_head else "trail"
    return "frames" if isinstance(value, Frames) else "fixed"


def encode(
    packer: Packer,
    name: str,
    artist: Any,
    value: Any,
    levels: int,
    looks: dict[str, dict[str, Any]],
) -> list[list[int]]:
    """One row of references for each frame (a trail is one frame)."""
    if isinstance(value, Path):
        if (kind := artists.kind_of(name, artist)) not in ("line", "points"):
            raise ValueError(
                f"trail and head are for lines and points; {name!r} is {kind}: use frames"
            )
        if kind == "line" and artist.get_drawstyle() != "default":
            raise ValueError(
                f"{name!r} has a stepped line, which a trail cannot follow: use frames"
            )
        items: tuple[Any, ...] = ((value.x, value.y),)
    else:
        items = value.items if isinstance(value, Frames) else (value,)
    return [
        _encode_one(
            packer, name, artist, artists.check(name, artist, item), levels, looks
        )
        for item in items
    ]


def _encode_one(
    packer: Packer,
    name: str,
    artist: Any,
    data: Any,
    levels: int,
    looks: dict[str, dict[str, Any]],
) -> list[int]:
    kind = artists.kind_of(name, artist)
    if kind == "text":
        return [packer.text(data)]
    if kind == "bars":
        return [packer.record(artists.encode_bars(artist, data))]
    if kind == "image":
        pixels, colours = artists.encode_image(artist, data, levels)
        looks[name] = {"shape": pixels.shape, "palette": colours}
        return [packer.image(pixels)]
    points, stops = artists.encode_path(artist, kind, data)
    return [
        packer.record(points[:, 0]),
        packer.record(points[:, 1]),
        packer.record(stops),
    ]
