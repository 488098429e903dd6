"""Matplotlib figures to SVG that lives in a page: unique ids, the page's colours, handles on what moves."""

from __future__ import annotations

import io
import re
from typing import Any
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_hex
from matplotlib.patches import Polygon

from bookkit.experiments.artists import figure_of, kind_of

SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}href"


def freeze(figures: list[Any]) -> None:
    """Give every figure its final size, one pixel to the point, and its final layout."""
    for figure in figures:
        figure.set_dpi(72)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")


def svg_trees(
    identity: str,
    figures: list[Any],
    moving: dict[str, Any],
    lines_of_text: dict[str, int],
) -> list[ET.Element]:
    """The figures as SVG trees. In `<g data-move=name>` stand the elements of each moving artist, without
    positions: a `path.nn-line`, any number of `.nn-mark`, `.nn-text` and `.nn-bar`, or one `.nn-image`."""
    handles = {
        name: _stand_in(name, artist, lines_of_text.get(name, 1))
        for name, artist in moving.items()
    }
    palette = colour_names()
    trees = []
    for number, figure in enumerate(figures):
        buffer = io.StringIO()
        with mpl.rc_context(
            {
                "svg.fonttype": "none",
                "svg.hashsalt": identity,
                "image.composite_image": False,
            }
        ):
            figure.savefig(
                buffer, format="svg", dpi=72, metadata={"Date": None, "Creator": None}
            )
        root = ET.fromstring(buffer.getvalue())
        for child in [c for c in root if c.tag == f"{SVG}metadata"]:
            root.remove(child)
        for parent in root.iter():
            for style in [c for c in parent if c.tag == f"{SVG}style"]:
                parent.remove(style)
        groups = {element.get("id"): element for element in root.iter()}
        for name, artist in moving.items():
            if figure_of(artist) is figure:
                _normalise(name, artist, [groups[i] for i in handles[name]])
        _recolour(root, palette)
        _rename(root, f"{identity}-{number}-")
        root.set("class", "nn-svg")
        root.set("aria-hidden", "true")
        root.set("focusable", "false")
        for attribute in ("width", "height", "version"):
            root.attrib.pop(attribute, None)
        trees.append(root)
    return trees


def _stand_in(name: str, artist: Any, lines: int) -> list[str]:
    """Make sure the artist is drawn, in a form we know, and return the ids of its groups in the SVG."""
    kind, gid = kind_of(name, artist), f"nn-move-{name}"
    if kind == "bars":
        for number, bar in enumerate(artist.patches):
            bar.set_gid(f"{gid}-{number}")
        return [bar.get_gid() for bar in artist.patches]
    box = artist.axes.bbox if artist.axes is not None else artist.figure.bbox
    centre = np.array([[box.x0 + box.width / 2, box.y0 + box.height / 2]])
    if kind == "line":
        points = (
            artist.get_transform()
            .inverted()
            .transform(np.concatenate([centre, centre + 9]))
        )
        artist.set_data(points[:, 0], points[:, 1])
    elif kind == "points":
        count = max(1, len(artist.get_offsets()))
        artist.set_offsets(
            np.repeat(
                artist.get_offset_transform().inverted().transform(centre),
                count,
                axis=0,
            )
        )
    elif kind == "text":
        artist.set_text("\n".join(["Text"] * lines))
    else:  # a band or an image: a rectangle takes its place among the layers
        corners = centre + np.array([[-9, -9], [9, -9], [9, 9], [-9, 9]])
        look = (
            {}
            if kind == "image"
            else {
                "facecolor": artist.get_facecolor()[0]
                if len(artist.get_facecolor())
                else "none",
                "edgecolor": artist.get_edgecolor()[0]
                if len(artist.get_edgecolor())
                else "none",
                "linewidth": artist.get_linewidth()[0],
                "hatch": artist.get_hatch(),
            }
        )
        patch = Polygon(
            corners, transform=None, zorder=artist.get_zorder(), gid=gid, **look
        )
        artist.axes.add_artist(patch)
        patch.set_clip_path(artist.axes.patch)
        artist.set_visible(False)
        if (
            kind == "image"
        ):  # in the page it is drawn on a canvas behind the picture, which must let it through
            artist.axes.patch.set_visible(False)
            figure_of(artist).patch.set_visible(False)
        return [gid]
    artist.set_gid(gid)
    return [gid]


def _normalise(name: str, artist: Any, groups: list[ET.Element]) -> None:
    """Bring the group's elements into the form `svg_trees` promises."""
    kind = kind_of(name, artist)
    for group in groups:
        group.set("data-move", name)
        texts = [e for e in group.iter(f"{SVG}text")]
        marks = [e for e in group.iter(f"{SVG}use")]
        paths = [e for e in group if e.tag == f"{SVG}path"]
        for text in texts:
            text.set("class", "nn-text")
        for mark in marks:
            mark.set("class", "nn-mark")
            mark.attrib.pop("x", None)
            mark.attrib.pop("y", None)
        if (
            kind == "points" and not marks
        ):  # Matplotlib writes few points out one by one
            _wrap_marks(artist, group)
        for path in paths if kind in ("line", "band", "bars") else []:
            path.set("class", "nn-bar" if kind == "bars" else "nn-line")
        if kind == "bars":
            bar = artist.patches[int(group.get("id", "").rsplit("-", 1)[1])]
            group.attrib.update(bar_place(bar, artist.orientation == "vertical"))
        if kind == "image":
            (path,) = paths
            smooth = artist.get_interpolation() not in (
                "nearest",
                "none",
                "auto",
                "antialiased",
                None,
            )
            path.tag = f"{SVG}image"
            path.attrib.pop("d")
            path.attrib.pop("style", None)
            path.attrib.update(image_place(artist))
            path.set("preserveAspectRatio", "none")
            path.set("class", "nn-image" + ("" if smooth else " nn-pixels"))


def _wrap_marks(artist: Any, group: ET.Element) -> None:
    box = artist.axes.bbox
    x, y = (
        box.x0 + box.width / 2,
        figure_of(artist).bbox.height - (box.y0 + box.height / 2),
    )
    for parent in list(group.iter()):
        for index, child in enumerate(list(parent)):
            if child.tag == f"{SVG}path" and parent.tag != f"{SVG}defs":
                wrapper = ET.Element(f"{SVG}g", {"class": "nn-mark"})
                clip = child.attrib.pop("clip-path", None)
                child.set("transform", f"translate({-x:.6g} {-y:.6g})")
                wrapper.append(child)
                holder = ET.Element(f"{SVG}g", {"clip-path": clip} if clip else {})
                holder.append(wrapper)
                parent[index] = holder


def image_place(artist: Any) -> dict[str, str]:
    """The rectangle of an image in picture coordinates; it must lie within its axes for a canvas."""
    left, right, bottom, top = artist.get_extent()
    corners = artist.get_transform().transform([[left, bottom], [right, top]])
    (x0, x1), (y0, y1) = np.sort(corners[:, 0]), np.sort(corners[:, 1])
    box, height = artist.axes.bbox, figure_of(artist).bbox.height
    if x0 < box.x0 - 1 or x1 > box.x1 + 1 or y0 < box.y0 - 1 or y1 > box.y1 + 1:
        raise ValueError(
            "a moving image must lie within its axes; set the limits to its extent"
        )
    return {
        "x": f"{x0:.2f}",
        "y": f"{height - y1:.2f}",
        "width": f"{x1 - x0:.2f}",
        "height": f"{y1 - y0:.2f}",
    }


def bar_place(bar: Any, upright: bool) -> dict[str, str]:
    """What stays of a bar: its two sides and its foot, in picture coordinates."""
    corners = bar.axes.transData.transform(
        [bar.get_xy(), [bar.get_x() + bar.get_width(), bar.get_y() + bar.get_height()]]
    )
    corners[:, 1] = figure_of(bar).bbox.height - corners[:, 1]
    across, along = (0, 1) if upright else (1, 0)
    return {
        "data-sides": f"{corners[0, across]:.2f} {corners[1, across]:.2f}",
        "data-foot": f"{corners[0, along]:.2f}",
        "data-upright": "1" if upright else "0",
    }


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
