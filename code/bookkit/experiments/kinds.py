"""The artists that may move: one class for each kind, and nothing about a kind elsewhere.

A kind checks new data, shows it on a live figure, turns it into shapes that the page can
draw, and keeps a place for itself in the picture. A subclass of `Kind` that names the
Matplotlib classes it drives is known from then on.
"""

from __future__ import annotations

from typing import Any, ClassVar
from xml.etree import ElementTree as ET

import numpy as np
from matplotlib import cbook
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.container import BarContainer
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from matplotlib.text import Text as MplText

from bookkit.experiments.geometry import (
    MARGIN,
    Box,
    clip_band,
    clip_line,
    clip_points,
    tenths,
)
from bookkit.experiments.shapes import SVG, Outline, Raster, Shape, Words

KINDS: list[type[Kind]] = []


class Kind:
    """One moving artist, by its name in the experiment."""

    drives: ClassVar[tuple[type, ...]] = ()
    form: ClassVar[type[Shape]] = Outline
    needs: ClassVar[str] = "(x, y)"
    trails: bool = (
        False  # can show a growing path: its shape follows the points one by one
    )
    on_top: ClassVar[bool] = True  # drawn above all that stays

    def __init_subclass__(cls) -> None:
        KINDS.insert(0, cls)  # the newest first, so that a special kind may come later

    def __init__(self, name: str, artist: Any, levels: int = 64) -> None:
        self.name, self.artist, self.levels = name, artist, levels

    # ------------------------------------------------ what every kind says for itself

    def check(self, data: Any) -> Any:
        """Data in its standard form; `ValueError` naming the artist if it is wrong."""
        return self.arrays(data, 2)

    def apply(self, data: Any) -> None:
        """Show checked data on the live figure."""
        raise NotImplementedError

    def shapes(self, data: Any) -> list[Shape]:
        """Checked data as the page draws it, one shape for each part."""
        raise NotImplementedError

    def stand_in(self, rows: int) -> None:
        """Show something harmless, so that Matplotlib writes the elements we need.

        `rows`: the most lines of text it will ever have.
        """

    def adopt(self, group: ET.Element) -> None:
        """Bring the elements Matplotlib wrote into the form the page moves."""
        Outline.adopt(group)

    # ------------------------------------------------------- what they have in common

    @property
    def parts(self) -> list[Any]:
        """The artists it is drawn with, one for each shape."""
        return [self.artist]

    @property
    def figure(self) -> Any:
        return self.parts[0].figure

    @property
    def centre(self) -> np.ndarray:
        """The middle of its axes in display coordinates, shape (1, 2)."""
        part = self.parts[0]
        box = part.axes.bbox if part.axes is not None else part.figure.bbox
        return np.array([[box.x0 + box.width / 2, box.y0 + box.height / 2]])

    @property
    def view(self) -> Box:
        """Where it can be seen, in picture coordinates with a margin."""
        part = self.parts[0]
        clipped = part.get_clip_on() and part.axes is not None
        bounds = part.axes.bbox if clipped else self.figure.bbox
        height = self.figure.bbox.height
        return (
            bounds.x0 - MARGIN,
            height - bounds.y1 - MARGIN,
            bounds.x1 + MARGIN,
            height - bounds.y0 + MARGIN,
        )

    def to_picture(self, transform: Any, x: Any, y: Any) -> np.ndarray:
        """Data coordinates to SVG pixels (N, 2), the origin at the top left."""
        with np.errstate(all="ignore"):
            points = transform.transform(np.column_stack([x, y]))
        points = np.array(points, dtype=float)
        points[:, 1] = self.figure.bbox.height - points[:, 1]
        return points

    def arrays(self, data: Any, count: int) -> tuple[np.ndarray, ...]:
        """`count` one-dimensional arrays of one length."""
        if not isinstance(data, tuple | list | np.ndarray) or len(data) != count:
            raise ValueError(
                f"{self.name!r} needs {self.needs}, got {type(data).__name__}"
            )
        arrays = [np.atleast_1d(np.asarray(part, dtype=float)) for part in data]
        if any(a.ndim != 1 or a.shape != arrays[0].shape for a in arrays):
            shapes = [a.shape for a in arrays]
            raise ValueError(
                f"the parts of {self.name!r} need one equal length, got {shapes}"
            )
        return tuple(arrays)


def kind_of(name: str, artist: Any, levels: int = 64) -> Kind:
    """The artist as a moving one; `ValueError` for one that cannot move."""
    for kind in KINDS:
        if isinstance(artist, kind.drives):
            return kind(name, artist, levels)
    known = sorted({drive.__name__ for kind in KINDS for drive in kind.drives})
    raise ValueError(
        f"artist {name!r} is a {type(artist).__name__}; only {', '.join(known)} can "
        "move (plot returns a list: write `line, = ax.plot(...)`)"
    )


class Line(Kind):
    """A line, with or without marks: plot, axhline, axvline. Data: `(x, y)`."""

    drives = (Line2D,)

    @property
    def trails(self) -> bool:  # type: ignore[override]
        return bool(self.artist.get_drawstyle() == "default")

    def apply(self, data: Any) -> None:
        self.artist.set_data(*data)

    def shapes(self, data: Any) -> list[Shape]:
        style = self.artist.get_drawstyle()
        x, y = cbook.STEP_LOOKUP_MAP[style](*data) if style != "default" else data
        points = self.to_picture(self.artist.get_transform(), x, y)
        if self.artist.get_linestyle() in ("None", "none", "", " "):
            return [Outline(clip_points(points, self.view))]
        return [Outline(*clip_line(points, self.view))]

    def stand_in(self, rows: int) -> None:
        ends = np.concatenate([self.centre, self.centre + 9])
        self.artist.set_data(*self.artist.get_transform().inverted().transform(ends).T)


class Points(Kind):
    """Separate marks: scatter. Data: `(x, y)`."""

    drives = (PathCollection,)
    trails = True

    def apply(self, data: Any) -> None:
        self.artist.set_offsets(np.column_stack(data))

    def shapes(self, data: Any) -> list[Shape]:
        points = self.to_picture(self.artist.get_offset_transform(), *data)
        return [Outline(clip_points(points, self.view))]

    def stand_in(self, rows: int) -> None:
        count = max(1, len(self.artist.get_offsets()))
        middle = self.artist.get_offset_transform().inverted().transform(self.centre)
        self.artist.set_offsets(np.repeat(middle, count, axis=0))

    def adopt(self, group: ET.Element) -> None:
        Outline.adopt(group)
        if any(group.iter(f"{SVG}use")):
            return
        # Matplotlib writes few points out one by one, each where it stands.
        x, y = self.centre[0]
        y = self.figure.bbox.height - y
        for parent in list(group.iter()):
            for index, child in enumerate(list(parent)):
                if child.tag == f"{SVG}path" and parent.tag != f"{SVG}defs":
                    child.attrib.pop("class", None)
                    wrapper = ET.Element(f"{SVG}g", {"class": "nn-mark"})
                    clip = child.attrib.pop("clip-path", None)
                    child.set("transform", f"translate({-x:.6g} {-y:.6g})")
                    wrapper.append(child)
                    holder = ET.Element(f"{SVG}g", {"clip-path": clip} if clip else {})
                    holder.append(wrapper)
                    parent[index] = holder


class Image(Kind):
    """A picture of numbers: imshow. Data: a 2-D array of the shape set up."""

    drives = (AxesImage,)
    form = Raster
    on_top = False

    def check(self, data: Any) -> np.ndarray:
        image = np.asarray(data, dtype=float)
        shape = np.shape(self.artist.get_array())
        if image.shape != shape or image.ndim != 2:
            raise ValueError(
                f"image {self.name!r} was set up with shape {shape}, "
                f"but compute() gave {image.shape}"
            )
        return image

    def apply(self, data: Any) -> None:
        self.artist.set_data(data)

    def shapes(self, data: Any) -> list[Shape]:
        """Levels, and the colour of each; the last is that of a missing value."""
        artist, levels = self.artist, min(self.levels, self.artist.cmap.N)
        scaled = artist.norm(np.ma.masked_invalid(data))
        scaled = np.ma.filled(np.ma.masked_invalid(scaled), np.nan)
        missing = ~np.isfinite(scaled)
        index = np.floor(np.where(missing, 0.0, scaled) * levels)
        index = np.clip(index, 0, levels - 1).astype(np.uint8)
        index[missing] = levels
        shades = artist.cmap((np.arange(levels) + 0.5) / levels)
        codes = tuple(
            "".join(f"{round(255 * (v * c[3] + 1 - c[3])):02x}" for v in c[:3])
            for c in [*shades, artist.cmap.get_bad()]
        )
        return [Raster(index if artist.origin == "upper" else index[::-1], codes)]

    def stand_in(self, rows: int) -> None:
        # In the page it is drawn on a canvas behind the picture, which lets it through.
        hold_place(self)
        self.artist.axes.patch.set_visible(False)
        self.figure.patch.set_visible(False)

    def adopt(self, group: ET.Element) -> None:
        rough = ("nearest", "none", "auto", "antialiased", None)
        Raster.adopt(group, self.place(), self.artist.get_interpolation() not in rough)

    def place(self) -> dict[str, str]:
        """Its rectangle in the picture; it must lie within its axes for a canvas."""
        left, right, bottom, top = self.artist.get_extent()
        transform = self.artist.get_transform()
        corners = self.to_picture(transform, [left, right], [bottom, top])
        (x0, y0), (x1, y1) = np.sort(corners, axis=0)
        a, b, c, d = self.artist.axes.bbox.extents
        height = self.figure.bbox.height
        inside = x0 > a - 1 and x1 < c + 1 and y0 > height - d - 1
        if not (inside and y1 < height - b + 1):
            raise ValueError(
                f"image {self.name!r} must lie within its axes: set the limits to its "
                "extent"
            )
        size = {"width": f"{x1 - x0:.2f}", "height": f"{y1 - y0:.2f}"}
        return {"x": f"{x0:.2f}", "y": f"{y0:.2f}", **size}


class Text(Kind):
    """A text or title. Data: a `str`, or `(x, y, str)` for one that also moves."""

    drives = (MplText,)
    form = Words

    def check(self, data: Any) -> tuple[str, tuple[float, float] | None]:
        text, at = data, None
        if isinstance(data, tuple) and len(data) == 3:
            text, at = data[2], (float(data[0]), float(data[1]))
        if not isinstance(text, str) or "$" in text:
            raise ValueError(
                f"text {self.name!r} needs a plain str without mathematics "
                f"(write η, not $\\eta$), got {data!r}"
            )
        return text, at

    def apply(self, data: Any) -> None:
        text, at = data
        self.artist.set_text(text)
        if at is not None:
            self.artist.set_position(at)

    def shapes(self, data: Any) -> list[Shape]:
        text, at = data
        if at is None:
            return [Words(text)]
        place = self.to_picture(self.artist.get_transform(), [at[0]], [at[1]])
        x, y = tenths(place)[0]
        return [Words(text, (int(x), int(y)))]

    def stand_in(self, rows: int) -> None:
        self.artist.set_text("\n".join(["Text"] * rows))

    def adopt(self, group: ET.Element) -> None:
        Words.adopt(group)
        x, y = self.artist.get_position()
        ((x, y),) = self.to_picture(self.artist.get_transform(), [x], [y])
        group.set("data-at", f"{x:.1f} {y:.1f}")


class Bars(Kind):
    """Bars upright or lying: bar, barh. Data: their lengths."""

    drives = (BarContainer,)
    needs = "one length for each bar"

    @property
    def parts(self) -> list[Any]:
        return list(self.artist.patches)

    @property
    def upright(self) -> bool:
        return bool(self.artist.orientation == "vertical")

    def check(self, data: Any) -> np.ndarray:
        lengths = np.asarray(data, dtype=float)
        if lengths.shape != (len(self.parts),):
            raise ValueError(
                f"{self.name!r} has {len(self.parts)} bars, "
                f"but compute() gave shape {lengths.shape}"
            )
        return lengths

    def apply(self, data: Any) -> None:
        for bar, length in zip(self.parts, data, strict=True):
            (bar.set_height if self.upright else bar.set_width)(length)

    def shapes(self, data: Any) -> list[Shape]:
        """Each bar as its four corners, kept near the axes."""
        bars = np.array(
            [(*b.get_xy(), b.get_width(), b.get_height()) for b in self.parts]
        )
        x, y = (np.repeat(bars[:, [k]], 4, axis=1) for k in (0, 1))
        along, across = (y, x) if self.upright else (x, y)
        across[:, 2:] += bars[:, [2 if self.upright else 3]]
        along[:, 1:3] += data[:, None]
        transform = self.parts[0].axes.transData
        corners = self.to_picture(transform, x.ravel(), y.ravel())
        x0, y0, x1, y1 = self.view
        corners = np.clip(np.nan_to_num(corners, nan=y1), (x0, y0), (x1, y1))
        return [Outline(four) for four in tenths(corners).reshape(-1, 4, 2)]

    def adopt(self, group: ET.Element) -> None:
        Outline.adopt(group, closed=True)


class Band(Kind):
    """The area between two curves: fill_between. Data: `(x, y1, y2)`."""

    drives = (PolyCollection,)
    needs = "(x, y1, y2)"

    def check(self, data: Any) -> tuple[np.ndarray, ...]:
        return self.arrays(data, 3)

    def apply(self, data: Any) -> None:
        x, lower, upper = data
        keep = np.isfinite(lower) & np.isfinite(upper)
        edges = np.flatnonzero(np.diff([False, *keep, False]))
        runs = [slice(*pair) for pair in edges.reshape(-1, 2)]
        back = [
            (np.r_[x[r], x[r][::-1]], np.r_[lower[r], upper[r][::-1]]) for r in runs
        ]
        self.artist.set_verts([np.column_stack(outline) for outline in back])

    def shapes(self, data: Any) -> list[Shape]:
        x, *edges = data
        transform = self.artist.get_transform()
        lower, upper = (self.to_picture(transform, x, y) for y in edges)
        return [Outline(clip_band(lower, upper, self.view))]

    def stand_in(self, rows: int) -> None:
        artist = self.artist
        faces, edges = artist.get_facecolor(), artist.get_edgecolor()
        hold_place(
            self,
            facecolor=faces[0] if len(faces) else "none",
            edgecolor=edges[0] if len(edges) else "none",
            linewidth=artist.get_linewidth()[0],
            hatch=artist.get_hatch(),
        )

    def adopt(self, group: ET.Element) -> None:
        Outline.adopt(group, closed=True)


def hold_place(kind: Kind, **look: Any) -> None:
    """A rectangle takes the artist's place among the layers of its axes."""
    artist = kind.artist
    corners = kind.centre + np.array([[-9, -9], [9, -9], [9, 9], [-9, 9]])
    patch = Polygon(corners, transform=None, zorder=artist.get_zorder(), **look)
    artist.axes.add_artist(patch)
    patch.set_clip_path(artist.axes.patch)
    patch.set_gid(artist.get_gid())
    artist.set_visible(False)
