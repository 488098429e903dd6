"""What the page can draw: outlines, words and rasters. Each artist is made of these.

One class for each form. It writes itself to the packed stream and reads itself back,
names the elements of the SVG that will show it, and puts itself into them for the
starting picture. That picture must stand in the file, for readers without JavaScript,
so these few lines exist twice: here, and in `experiment.js`; a test holds them together.
"""

from __future__ import annotations

import base64
import copy
import io
from dataclasses import dataclass
from typing import Any, ClassVar
from xml.etree import ElementTree as ET

import numpy as np
from PIL import Image

from bookkit.experiments.geometry import BREAK
from bookkit.experiments.stream import Reader, Writer

SVG = "{http://www.w3.org/2000/svg}"
NONE = -1


@dataclass(frozen=True)
class Outline:
    """Points (N, 2) in tenths of a pixel, with `BREAK` where the pen is lifted.

    They make a line, a closed area, or one mark each, as the artist's elements say.
    `stops`: how many points belong to each step of a trail (None: k + 1 at step k).
    """

    points: np.ndarray
    stops: np.ndarray | None = None
    form: ClassVar[str] = "outline"
    width: ClassVar[int] = 3  # references: x, y, stops

    def store(self, writer: Writer) -> list[int]:
        x, y = self.points.T
        return [writer.record(part) for part in (x, y, self.stops)]

    def look(self) -> dict[str, Any]:
        return {}

    @classmethod
    def read(
        cls, reader: Reader, refs: np.ndarray, spec: dict[str, Any], step: int
    ) -> Outline:
        x, y, stops = refs
        points = np.column_stack([reader.records[x], reader.records[y]])
        if spec["mode"] not in ("trail", "head"):
            return cls(points)
        ends = reader.records[stops] if stops >= 0 else np.arange(1, len(points) + 1)
        end = int(ends[min(step, len(ends) - 1)]) if len(ends) else 0
        first = 0 if spec["mode"] == "trail" else max(end - 1, 0)
        return cls(points[first:end])

    @staticmethod
    def adopt(group: ET.Element, closed: bool = False) -> None:
        """Name the group's path and its marks, and take away their places."""
        for mark in group.iter(f"{SVG}use"):
            mark.set("class", "nn-mark")
            mark.attrib.pop("x", None)
            mark.attrib.pop("y", None)
        for path in [e for e in group if e.tag == f"{SVG}path"]:
            path.set("class", "nn-area" if closed else "nn-line")

    def place(self, group: ET.Element, spec: dict[str, Any]) -> None:
        for path in with_class(group, "nn-line"):
            path.set("d", self.d(closed=False))
        for path in with_class(group, "nn-area"):
            path.set("d", self.d(closed=True))
        marks = with_class(group, "nn-mark")
        places = self.points[self.points[:, 0] != BREAK] / 10
        parent = next((p for p in group.iter() if marks and marks[-1] in list(p)), None)
        while parent is not None and len(marks) < len(places):
            marks.append(copy.deepcopy(marks[-1]))
            parent.append(marks[-1])
        for mark, (x, y) in zip(marks, places, strict=False):
            mark.set("transform", f"translate({x:.1f} {y:.1f})")
        for mark in marks[len(places) :]:
            mark.set("visibility", "hidden")

    def d(self, closed: bool) -> str:
        """The SVG path through the points."""
        parts: list[str] = []
        pen = "M"
        for x, y in self.points:
            if x == BREAK:
                parts += ["Z"] if closed and parts else []
                pen = "M"
            else:
                parts.append(f"{pen}{x / 10:g} {y / 10:g}")
                pen = "L"
        return "".join(parts) + ("Z" if closed and parts else "")


@dataclass(frozen=True)
class Words:
    """Lines of text; with `at`, in tenths of a pixel, also where they stand."""

    text: str
    at: tuple[int, int] | None = None
    form: ClassVar[str] = "words"
    width: ClassVar[int] = 2  # references: text, place

    def store(self, writer: Writer) -> list[int]:
        place = None if self.at is None else np.array(self.at)
        return [writer.text(self.text), writer.record(place)]

    def look(self) -> dict[str, Any]:
        return {}

    @classmethod
    def read(
        cls, reader: Reader, refs: np.ndarray, spec: dict[str, Any], step: int
    ) -> Words:
        text, place = refs
        if place < 0:
            return cls(reader.texts[text])
        x, y = reader.records[place]
        return cls(reader.texts[text], (int(x), int(y)))

    @staticmethod
    def adopt(group: ET.Element) -> None:
        for text in group.iter(f"{SVG}text"):
            text.set("class", "nn-text")

    def place(self, group: ET.Element, spec: dict[str, Any]) -> None:
        rows = self.text.split("\n")
        for number, element in enumerate(with_class(group, "nn-text")):
            element.text = rows[number] if number < len(rows) else ""
        if self.at is not None:
            x, y = (float(part) for part in group.get("data-at", "").split())
            x, y = self.at[0] / 10 - x, self.at[1] / 10 - y
            group.set("transform", f"translate({x:.1f} {y:.1f})")


@dataclass(frozen=True)
class Raster:
    """Levels (rows, columns), the top row first, and the colour of each level."""

    levels: np.ndarray
    palette: tuple[str, ...] = ()
    form: ClassVar[str] = "raster"
    width: ClassVar[int] = 1  # reference: where its pixels begin

    def store(self, writer: Writer) -> list[int]:
        return [writer.image(self.levels)]

    def look(self) -> dict[str, Any]:
        return {"shape": self.levels.shape, "palette": self.palette}

    @classmethod
    def read(
        cls, reader: Reader, refs: np.ndarray, spec: dict[str, Any], step: int
    ) -> Raster:
        begin, count = int(refs[0]), int(np.prod(spec["shape"]))
        levels = np.cumsum(reader.pixels[begin : begin + count], dtype=np.uint8)
        return cls(levels.reshape(spec["shape"]), tuple(spec["palette"]))

    @staticmethod
    def adopt(group: ET.Element, place: dict[str, str], smooth: bool) -> None:
        """Turn the rectangle that holds the image's place into an image."""
        (path,) = (e for e in group if e.tag == f"{SVG}path")
        path.tag = f"{SVG}image"
        path.attrib.pop("d")
        path.attrib.pop("style", None)
        path.attrib.update(place)
        path.set("preserveAspectRatio", "none")
        path.set("class", "nn-image" + ("" if smooth else " nn-pixels"))

    def place(self, group: ET.Element, spec: dict[str, Any]) -> None:
        image = Image.fromarray(self.levels, mode="P")
        codes = [c[i : i + 2] for c in self.palette for i in (0, 2, 4)]
        image.putpalette([int(code, 16) for code in codes])
        buffer = io.BytesIO()
        image.save(buffer, "png", optimize=True)
        data = base64.b64encode(buffer.getvalue()).decode()
        with_class(group, "nn-image")[0].set("href", f"data:image/png;base64,{data}")


Shape = Outline | Words | Raster
FORMS: dict[str, type[Shape]] = {form.form: form for form in (Outline, Words, Raster)}


def with_class(group: ET.Element, name: str) -> list[ET.Element]:
    return [e for e in group.iter() if name in e.get("class", "").split()]
