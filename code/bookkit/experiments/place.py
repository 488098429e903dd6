"""Put moving data into the SVG: the starting picture, by the same rules as `experiment.js`."""

from __future__ import annotations

import base64
import copy
import io
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
from PIL import Image

from bookkit.experiments.geometry import BREAK


def place(groups: list[ET.Element], spec: dict[str, Any], shown: Any) -> None:
    """Show one artist's unpacked data in its groups."""
    kind = spec["kind"]
    if kind == "bars":
        for group, end in zip(groups, shown, strict=True):
            for path in with_class(group, "nn-bar"):
                path.set("d", bar_path(group, end / 10))
        return
    (group,) = groups
    if kind == "image":
        with_class(group, "nn-image")[0].set("href", png(shown, spec["palette"]))
    elif kind == "text":
        rows = shown.split("\n")
        for number, element in enumerate(with_class(group, "nn-text")):
            element.text = rows[number] if number < len(rows) else ""
    else:
        for path in with_class(group, "nn-line"):
            path.set("d", outline(shown, closed=kind == "band"))
        spread(group, [point for point in shown / 10 if point[0] != BREAK / 10])


def with_class(group: ET.Element, name: str) -> list[ET.Element]:
    return [
        element for element in group.iter() if name in element.get("class", "").split()
    ]


def spread(group: ET.Element, points: list[np.ndarray]) -> None:
    """One mark for every point: copies of the last mark when they are too few, the surplus hidden."""
    marks = with_class(group, "nn-mark")
    parent = next((p for p in group.iter() if marks and marks[-1] in list(p)), None)
    while parent is not None and len(marks) < len(points):
        marks.append(copy.deepcopy(marks[-1]))
        parent.append(marks[-1])
    for number, mark in enumerate(marks):
        if number < len(points):
            x, y = points[number]
            mark.set("transform", f"translate({x:.1f} {y:.1f})")
        else:
            mark.set("visibility", "hidden")


def outline(points: np.ndarray, closed: bool) -> str:
    """An SVG path through points in tenths of a pixel; the pen is lifted at `BREAK`."""
    parts: list[str] = []
    pen = "M"
    for x, y in points:
        if x == BREAK:
            parts += ["Z"] if closed and parts else []
            pen = "M"
        else:
            parts.append(f"{pen}{x / 10:g} {y / 10:g}")
            pen = "L"
    return "".join(parts) + ("Z" if closed and parts else "")


def bar_path(group: ET.Element, end: float) -> str:
    a, b = group.get("data-sides", "").split()
    foot = group.get("data-foot")
    if group.get("data-upright") == "1":
        return f"M{a} {foot}V{end:g}H{b}V{foot}Z"
    return f"M{foot} {a}H{end:g}V{b}H{foot}Z"


def png(levels: np.ndarray, palette: list[str]) -> str:
    image = Image.fromarray(levels, mode="P")
    image.putpalette([int(code[i : i + 2], 16) for code in palette for i in (0, 2, 4)])
    buffer = io.BytesIO()
    image.save(buffer, "png", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
