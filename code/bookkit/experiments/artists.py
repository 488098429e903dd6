"""The artists that may move: how each takes new data (live), and where that lies in the picture (static)."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import cbook
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.container import BarContainer
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.text import Text

from bookkit.experiments.geometry import MARGIN, Box, clip_band, clip_line, clip_points

KINDS = {
    Line2D: "line",
    PathCollection: "points",
    AxesImage: "image",
    Text: "text",
    BarContainer: "bars",
    PolyCollection: "band",
}


def kind_of(name: str, artist: Any) -> str:
    """The kind of a moving artist; `ValueError` for one that cannot move."""
    for cls, kind in KINDS.items():
        if isinstance(artist, cls):
            return kind
    raise ValueError(
        f"artist {name!r} is a {type(artist).__name__}; only the results of plot, axhline, axvline, scatter, "
        "imshow, text, bar and fill_between can move (plot returns a list: write `line, = ax.plot(...)`)"
    )


def figure_of(artist: Any) -> Any:
    return (artist.patches[0] if isinstance(artist, BarContainer) else artist).figure


def check(name: str, artist: Any, data: Any) -> Any:
    """Bring one step's data into its standard form, or raise a `ValueError` that names the artist."""
    kind = kind_of(name, artist)
    if kind == "text":
        if not isinstance(data, str) or "$" in data:
            raise ValueError(
                f"text {name!r} needs a plain str without mathematics (write η, not $\\eta$), got {data!r}"
            )
        return data
    if kind == "image":
        image, shape = np.asarray(data, dtype=float), np.shape(artist.get_array())
        if image.shape != shape or image.ndim != 2:
            raise ValueError(
                f"image {name!r} was set up with shape {shape}, but compute() gave {image.shape}"
            )
        return image
    if kind == "bars":
        heights = np.asarray(data, dtype=float)
        if heights.shape != (len(artist.patches),):
            raise ValueError(
                f"{name!r} has {len(artist.patches)} bars, but compute() gave shape {heights.shape}"
            )
        return heights
    parts = 3 if kind == "band" else 2
    if not isinstance(data, tuple | list | np.ndarray) or len(data) != parts:
        raise ValueError(
            f"{kind} {name!r} needs {'(x, y1, y2)' if parts == 3 else '(x, y)'}, got {type(data).__name__}"
        )
    arrays = [np.atleast_1d(np.asarray(part, dtype=float)) for part in data]
    if any(a.ndim != 1 or a.shape != arrays[0].shape for a in arrays):
        raise ValueError(
            f"the parts of {name!r} need one equal length, got shapes {[a.shape for a in arrays]}"
        )
    return tuple(arrays)


def apply(artist: Any, kind: str, data: Any) -> None:
    """Show `data` (already checked) on a live figure."""
    if kind == "text":
        artist.set_text(data)
    elif kind == "line":
        artist.set_data(*data)
    elif kind == "points":
        artist.set_offsets(np.column_stack(data))
    elif kind == "image":
        artist.set_data(data)
    elif kind == "bars":
        for bar, height in zip(artist.patches, data, strict=True):
            bar.set_height(
                height
            ) if artist.orientation == "vertical" else bar.set_width(height)
    else:
        x, lower, upper = data
        keep = np.isfinite(lower) & np.isfinite(upper)
        edges = np.flatnonzero(
            np.diff(np.concatenate([[False], keep, [False]]).astype(int))
        )
        artist.set_verts(
            [
                _outline(x, lower, upper, slice(a, b))
                for a, b in zip(edges[::2], edges[1::2], strict=True)
            ]
        )


def _outline(
    x: np.ndarray, lower: np.ndarray, upper: np.ndarray, part: slice
) -> np.ndarray:
    return np.column_stack(
        [
            np.concatenate([x[part], x[part][::-1]]),
            np.concatenate([lower[part], upper[part][::-1]]),
        ]
    )


def view_box(artist: Any) -> Box:
    """Where an artist can be seen, in picture coordinates with a margin."""
    figure = figure_of(artist)
    bounds = (
        artist.axes.bbox
        if artist.get_clip_on() and artist.axes is not None
        else figure.bbox
    )
    height = figure.bbox.height
    return (
        bounds.x0 - MARGIN,
        height - bounds.y1 - MARGIN,
        bounds.x1 + MARGIN,
        height - bounds.y0 + MARGIN,
    )


def to_picture(artist: Any, transform: Any, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Data coordinates to SVG pixels (the origin at the top left), through the artist's own transform."""
    with np.errstate(all="ignore"):
        points = np.asarray(transform.transform(np.column_stack([x, y])), dtype=float)
    points[:, 1] = figure_of(artist).bbox.height - points[:, 1]
    return points


def encode_path(
    artist: Any, kind: str, data: Any
) -> tuple[np.ndarray, np.ndarray | None]:
    """Points in tenths of a pixel and their `stops` (see `clip_line`), for a line, points or a band."""
    if kind == "band":
        x, lower, upper = data
        transform = artist.get_transform()
        return clip_band(
            to_picture(artist, transform, x, lower),
            to_picture(artist, transform, x, upper),
            view_box(artist),
        ), None
    if kind == "points":
        return clip_points(
            to_picture(artist, artist.get_offset_transform(), *data), view_box(artist)
        ), None
    style = artist.get_drawstyle()
    x, y = cbook.STEP_LOOKUP_MAP[style](*data) if style != "default" else data
    points = to_picture(artist, artist.get_transform(), x, y)
    if artist.get_linestyle() in ("None", "none", "", " "):
        return clip_points(points, view_box(artist)), None
    return clip_line(points, view_box(artist))


def encode_bars(artist: BarContainer, heights: np.ndarray) -> np.ndarray:
    """The moving end of each bar along its axis, in tenths of a pixel, kept near the axes."""
    first: Any = artist.patches[0]
    upright = artist.orientation == "vertical"
    ends = [
        (b.get_y() if upright else b.get_x()) + h
        for b, h in zip(artist.patches, heights, strict=True)
    ]
    zeros = np.zeros(len(ends))
    x, y = (zeros, np.array(ends)) if upright else (np.array(ends), zeros)
    pixels = to_picture(first, first.axes.transData, x, y)[:, 1 if upright else 0]
    x0, y0, x1, y1 = view_box(first)
    low, high = (y0, y1) if upright else (x0, x1)
    return np.rint(np.clip(np.nan_to_num(pixels, nan=low), low, high) * 10).astype(
        np.int16
    )


def encode_image(
    artist: AxesImage, data: np.ndarray, levels: int
) -> tuple[np.ndarray, list[str]]:
    """Levels (row 0 at the top of the screen) and the colour of each; the last is that of a missing value."""
    levels = min(levels, artist.cmap.N)
    scaled = np.ma.filled(
        np.ma.masked_invalid(artist.norm(np.ma.masked_invalid(data))), np.nan
    )
    missing = ~np.isfinite(scaled)
    index = np.clip(
        np.floor(np.where(missing, 0.0, scaled) * levels), 0, levels - 1
    ).astype(np.uint8)
    index[missing] = levels
    colours = [*artist.cmap((np.arange(levels) + 0.5) / levels), artist.cmap.get_bad()]
    codes = [
        "".join(f"{round(255 * (v * c[3] + 1 - c[3])):02x}" for v in c[:3])
        for c in colours
    ]
    return (index if artist.origin == "upper" else index[::-1]), codes
