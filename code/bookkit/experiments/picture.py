"""Matplotlib figures to SVG that lives in a page: unique ids, the page's colours, handles on what moves."""

from __future__ import annotations

import io
import re
from typing import Any
from xml.etree import ElementTree as ET

import matplotlib as mpl
from matplotlib.colors import to_hex

from bookkit.experiments.kinds import Kind
from bookkit.experiments.shapes import SVG

LINK = "{http://www.w3.org/1999/xlink}href"


def freeze(figures: list[Any]) -> None:
    """Give every figure its final size, one pixel to the point, and its final layout."""
    for figure in figures:
        figure.set_dpi(72)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")


def svg_trees(
    identity: str, figures: list[Any], moving: dict[str, Kind], rows: dict[str, int]
) -> list[ET.Element]:
    """The figures as SVG trees.

    In `<g data-move=name>`, one for each part of a moving artist, stand its elements
    without positions: a `path` of class nn-line or nn-area, any number of nn-mark and
    nn-text, or one nn-image. `rows`: the most lines of each moving text.
    """
    handles: dict[str, tuple[Kind, str]] = {}
    for name, kind in moving.items():
        for number, part in enumerate(kind.parts):
            part.set_gid(f"nn-move-{name}-{number}")
            handles[part.get_gid()] = kind, name
        kind.stand_in(rows.get(name, 1))
    palette = colour_names()
    trees = []
    for number, figure in enumerate(figures):
        root = _written(identity, figure)
        for group in [e for e in root.iter() if e.get("id") in handles]:
            kind, name = handles[group.get("id", "")]
            group.set("data-move", name)
            kind.adopt(group)
        _recolour(root, palette)
        _rename(root, f"{identity}-{number}-")
        root.set("class", "nn-svg")
        root.set("aria-hidden", "true")
        root.set("focusable", "false")
        for attribute in ("width", "height", "version"):
            root.attrib.pop(attribute, None)
        trees.append(root)
    return trees


def _written(identity: str, figure: Any) -> ET.Element:
    """The figure as Matplotlib writes it, without its metadata and style."""
    buffer = io.StringIO()
    settings: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": identity,
        "image.composite_image": False,
    }
    with mpl.rc_context(settings):
        nothing = {"Date": None, "Creator": None}
        figure.savefig(buffer, format="svg", dpi=72, metadata=nothing)
    root = ET.fromstring(buffer.getvalue())
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{SVG}metadata", f"{SVG}style"):
                parent.remove(child)
    return root


def colour_names() -> dict[str, str]:
    """Colour in the SVG → colour in the page: ink, paper, grid and C0 … C9 follow light and dark mode."""
    rc: Any = mpl.rcParams
    names: dict[str, str] = {}
    names[to_hex(rc["grid.color"])] = "var(--nn-grid)"
    for position, entry in enumerate(list(rc["axes.prop_cycle"])[:10]):
        code = to_hex(entry.get("color", "C0"))
        names[code] = f"var(--nn-c{position}, {code})"
    for key in (
        "text.color",
        "axes.edgecolor",
        "axes.labelcolor",
        "xtick.color",
        "ytick.color",
    ):
        names[to_hex(rc[key])] = "currentColor"
    names["#000000"] = "currentColor"
    for key in ("figure.facecolor", "axes.facecolor"):
        if rc[key] != "none":
            names[to_hex(rc[key])] = "var(--nn-paper)"
    names["#ffffff"] = "var(--nn-paper)"
    return names


def _recolour(root: ET.Element, names: dict[str, str]) -> None:
    for element in root.iter():
        for key in ("style", "fill", "stroke"):
            if value := element.get(key):
                value = re.sub(
                    r"#[0-9a-fA-F]{6}\b", lambda m: names.get(m[0].lower(), m[0]), value
                )
                element.set(
                    key,
                    re.sub(
                        r"('[^']+',\s*)+(sans-serif|serif|monospace)|'[^']+'",
                        "var(--nn-font)",
                        value,
                    ),
                )


def _rename(root: ET.Element, prefix: str) -> None:
    """Keep only the ids something refers to, and make them unique in the page."""
    used = set()
    for element in root.iter():
        for key, value in list(element.attrib.items()):
            found = re.findall(r"url\(#([^)]+)\)", value) + (
                [value[1:]] if key == LINK and value[0] == "#" else []
            )
            used.update(found)
            if key == LINK:
                del element.attrib[key]
                element.set(
                    "href", f"#{prefix}{value[1:]}" if value[0] == "#" else value
                )
            elif found:
                element.set(key, re.sub(r"url\(#", f"url(#{prefix}", value))
    for element in root.iter():
        if (name := element.get("id")) is not None:
            if name in used:
                element.set("id", prefix + name)
            else:
                del element.attrib["id"]
