"""Ready pictures for experiments: graphs, curves over the steps, bars.

A panel is one figure. It takes what moves from `compute`'s data by name, so that an
experiment is little more than its controls, its panels and its words:

    Experiment(
        "parabola", "Descent on a parabola", {"lr": Round(0.01, 1)}, step="step",
        panels=[Curves({"x": "x"}, xlim=(0, 20), ylim=(-2, 2), xlabel="step")],
        compute=lambda lr: {"x": 1.8 * (1 - 2 * lr) ** np.arange(21)},
        predict=…, seen=…, alt=…,
    )

Panels for planes of two variables (`Landscape`, `Heatmap`, `DecisionMap`): see `planes`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from bookkit.experiments.moving import Frames, Path, frames, head, trail
from bookkit.experiments.reading import edges_in_words
from bookkit.figures.curves import spread

Range = tuple[float, float]
FONT = 10.0  # points, of the names beside curves
HEAD_ROOM = 0.02  # of the axis, to the right of the last step


@dataclass(kw_only=True)
class Panel:
    """What all panels share: one figure with axes that stay.

    `log`: which axes are logarithmic, such as "y". `note`: the name of a text in the
    data (a `str`, or frames of them), written above the axes. `fixed(ax)` draws what
    never moves.
    """

    size: tuple[float, float] = (4.4, 3.2)
    xlabel: str = ""
    ylabel: str = ""
    xlim: Range | None = None
    ylim: Range | None = None
    log: str = ""
    title: str = ""
    note: str = ""
    fixed: Callable[[Axes], Any] | None = None

    def draw(self) -> tuple[Any, dict[str, Any]]:
        """The figure, and its moving artists by name."""
        figure, ax = plt.subplots(figsize=self.size, layout="constrained")
        for axis in self.log:
            ax.set(**{f"{axis}scale": "log"})
        ax.set(xlabel=self.xlabel, ylabel=self.ylabel, title=self.title)
        artists = self.artists(ax)
        if self.fixed is not None:
            self.fixed(ax)
        ax.set(xlim=self.xlim, ylim=self.ylim)
        if self.note:
            # over the middle of the whole picture, where a long note has room
            size = plt.rcParams["axes.titlesize"]
            artists["note"] = figure.suptitle("note", fontsize=size)
        return figure, artists

    def move(self, settings: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        """Data for each moving artist."""
        return {"note": data[self.note]} if self.note else {}

    def series(self) -> set[str]:
        """Names of the data that grow along the step."""
        return set()

    def grips(self) -> Mapping[str, Sequence[str]]:
        """Artists that the reader takes hold of: name → the controls they set."""
        return {}

    def words(self) -> Mapping[str, str | Sequence[str]]:
        """What artists are called when their values are read; of bars, one each."""
        return {}

    def windows(self) -> tuple[str, Mapping[Any, Sequence[float]]] | None:
        """The control that changes the scales, and its value → x0, x1, y0, y1."""
        return None

    def artists(self, ax: Axes) -> dict[str, Any]:
        raise NotImplementedError


@dataclass(kw_only=True)
class Graph(Panel):
    """Lines, points and paths in a plane.

    Each maps a name in the data to the words of its key ("" for none). `lines` and
    `points` take `(x, y)`, a trail, or frames of pairs. `paths` take the points visited
    along the steps, shape (steps, 2), and show the way so far with its head. `styles`:
    name → Matplotlib's own properties. `handles`: a line or point that the reader moves
    in the picture → the one or two controls (or the step) that it sets.
    """

    lines: Mapping[str, str] = field(default_factory=dict)
    points: Mapping[str, str] = field(default_factory=dict)
    paths: Mapping[str, str] = field(default_factory=dict)
    styles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    handles: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def grips(self) -> Mapping[str, Sequence[str]]:
        return self.handles

    def words(self) -> Mapping[str, str | Sequence[str]]:
        return {**self.lines, **self.points, **self.paths}

    def artists(self, ax: Axes) -> dict[str, Any]:
        artists: dict[str, Any] = {}

        def add(artist: str, name: str, words: str, **style: Any) -> None:
            mine = self.styles.get(name, {}) if artist == name else {}
            style = {"zorder": 3, "label": words or "_", **style, **mine}
            (artists[artist],) = ax.plot([], [], **style)

        for number, (name, words) in enumerate(self.lines.items()):
            add(name, name, words, color=f"C{number}")
        for number, (name, words) in enumerate(self.paths.items()):
            style = {"color": f"C{number + 1}", "linewidth": 1.3, "markersize": 4}
            style.update(self.styles.get(name, {}))
            add(name, name, words, marker=".", **style)
            add(f"{name} now", name, "", **style | {"marker": "o", "markersize": 8})
        for number, (name, words) in enumerate(self.points.items()):
            style = {"marker": "o", "linestyle": "none", "markersize": 8, "zorder": 4}
            add(name, name, words, color=f"C{number + 4}", **style)
        if any({**self.lines, **self.paths, **self.points}.values()):
            key_above(ax)
        return artists

    def move(self, settings: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        moved = super().move(settings, data)
        moved.update({name: data[name] for name in (*self.lines, *self.points)})
        for name in self.paths:
            way = np.asarray(data[name], dtype=float)
            if way.ndim != 2 or way.shape[1] != 2:
                raise ValueError(
                    f"path {name!r} needs points of shape (steps, 2), got {way.shape}"
                )
            moved[name], moved[f"{name} now"] = trail(*way.T), head(*way.T)
        return moved

    def series(self) -> set[str]:
        return set(self.paths)


def key_above(ax: Axes) -> None:
    """The key stands above the axes, where no line can run into it."""
    ax.legend(
        loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, borderaxespad=0.2,
        handlelength=1.4, columnspacing=1.2,
    )  # fmt: skip


@dataclass
class Curves(Panel):
    """Values over the steps: each curve as far as the step, with its name at its end.

    `y` maps a name in the data (values, one a step) to the curve's name, "" for none.
    `x`: the values along the axis, an array or a name in the data (default 0, 1, 2, …).
    `grows=False` shows whole curves at every step. `points` maps names in the data to
    the words of a key, for single points `(x, y)`; `styles` as in `Graph`. `xlim` and
    `ylim` are needed, since axes stay.
    """

    y: Mapping[str, str]
    x: str | ArrayLike | None = None
    grows: bool = True
    points: Mapping[str, str] = field(default_factory=dict)
    styles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def draw(self) -> tuple[Any, dict[str, Any]]:
        figure, artists = super().draw()
        if self.grows and self.xlim is not None:  # room for the last head
            left, right = self.xlim
            figure.axes[0].set_xlim(right=right + HEAD_ROOM * (right - left))
        return figure, artists

    def artists(self, ax: Axes) -> dict[str, Any]:
        if self.xlim is None or self.ylim is None:
            raise ValueError(
                f"Curves needs xlim and ylim, got {self.xlim} and {self.ylim}"
            )
        artists: dict[str, Any] = {}
        for number, (name, words) in enumerate(self.y.items()):
            style = {"color": f"C{number}", **self.styles.get(name, {})}
            (artists[name],) = ax.plot([], [], **style)
            if self.grows:
                (artists[f"{name} now"],) = ax.plot([], [], "o", color=style["color"])
            if words:
                artists[f"{name} name"] = ax.text(
                    1.02, 0.5, words, color=style["color"], va="center",
                    fontsize=FONT, transform=ax.transAxes,
                )  # fmt: skip
        for number, (name, words) in enumerate(self.points.items()):
            style = {"marker": "D", "linestyle": "none", "color": f"C{number + 4}"}
            style.update(self.styles.get(name, {}))
            (artists[name],) = ax.plot([], [], label=words or "_", **style)
        if any(self.points.values()):
            key_above(ax)
        return artists

    def move(self, settings: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        moved = super().move(settings, data)
        moved.update({name: data[name] for name in self.points})
        x = data[self.x] if isinstance(self.x, str) else self.x
        for name in self.y:
            y = np.asarray(data[name], dtype=float)
            along = np.arange(len(y)) if x is None else np.asarray(x)[: len(y)]
            moved[name] = trail(along, y) if self.grows else (along, y)
            if self.grows:
                moved[f"{name} now"] = head(along, y)
        return {**moved, **self.names(data)}

    def names(self, data: dict[str, Any]) -> dict[str, Any]:
        """Where each curve's name stands: beside its head, apart from the others."""
        named = [name for name, words in self.y.items() if words]
        if not named:
            return {}
        heights = [self.height(data[name]) for name in named]
        longest = max(map(len, heights))
        full = [np.pad(h, (0, longest - len(h)), mode="edge") for h in heights]
        gap = 1.3 * FONT / (72 * 0.72 * self.size[1])  # the axes take about 0.72
        rows = [spread(row, gap) for row in np.transpose(full)]
        rows = rows if self.grows else rows[-1:]
        texts = {
            f"{name} name": [(1.02, float(row[i]), self.y[name]) for row in rows]
            for i, name in enumerate(named)
        }
        return {n: frames(t) if self.grows else t[0] for n, t in texts.items()}

    def height(self, values: ArrayLike) -> np.ndarray:
        """Values as shares of the axis; where one is not finite, that before it."""
        assert self.ylim is not None
        y, limits = np.asarray(values, dtype=float), np.array(self.ylim, dtype=float)
        if "y" in self.log:
            with np.errstate(divide="ignore", invalid="ignore"):
                y, limits = np.log(y), np.log(limits)
        share = (y - limits[0]) / (limits[1] - limits[0])
        last = np.maximum.accumulate(np.where(np.isnan(share), 0, np.arange(len(y))))
        return np.clip(np.nan_to_num(share[last], nan=1.0), 0, 1)

    def series(self) -> set[str]:
        return set(self.y) if self.grows else set()

    def words(self) -> Mapping[str, str | Sequence[str]]:
        named = {name: " ".join(words.split()) for name, words in self.y.items()}
        return {**named, **self.points}


@dataclass
class Bars(Panel):
    """Bars that grow and shrink; `values` names their lengths in the data.

    `names`: one word a bar; or numbers, the edges of a histogram's bins. `lying`: from
    left to right, the first on top. `colours`: one for all, or one a bar.
    """

    values: str
    names: Sequence[str] | np.ndarray
    lying: bool = False
    colours: str | Sequence[str] = "C0"

    def artists(self, ax: Axes) -> dict[str, Any]:
        if isinstance(self.names[0], str):
            places, widths = np.arange(len(self.names)), np.array(0.8)
        else:
            edges = np.asarray(self.names, dtype=float)
            places, widths = (edges[1:] + edges[:-1]) / 2, 0.92 * np.diff(edges)
        full = np.ones(len(places))
        if self.lying:
            bars = ax.barh(places, full, widths, color=self.colours)
            ax.invert_yaxis()
        else:
            bars = ax.bar(places, full, widths, color=self.colours)
        ax.grid(False, axis="y" if self.lying else "x")
        if isinstance(self.names[0], str):
            (ax.set_yticks if self.lying else ax.set_xticks)(places, self.names)
        return {"bars": bars}

    def move(self, settings: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        return {**super().move(settings, data), "bars": data[self.values]}

    def words(self) -> Mapping[str, str | Sequence[str]]:
        if isinstance(self.names[0], str):
            return {"bars": list(self.names)}
        return {"bars": edges_in_words(np.asarray(self.names, dtype=float))}


def each(value: Any, change: Callable[[Any], Any]) -> Any:
    """The same change to plain data, or to every frame of it."""
    if isinstance(value, Path):
        raise ValueError("a trail has no frames to change, hand in frames")
    if isinstance(value, Frames):
        return frames([change(item) for item in value.items])
    return change(value)
