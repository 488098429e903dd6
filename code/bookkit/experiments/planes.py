"""Panels for planes of two variables: landscapes, maps of settings, decision maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from contourpy import contour_generator
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from bookkit.experiments.panels import Graph, each

Window = tuple[float, float, float, float]  # x0, x1, y0, y1
GRID = 101  # points along each side of the grid that contours are drawn from
COARSE = 48  # and of the shading


@dataclass(kw_only=True)
class Landscape(Graph):
    """A surface of two parameters from above, with equal scales on both axes.

    Contours of a round bowl are circles, and steps of gradient descent leave contours at
    right angles. `surface` has `value(x, y)`, `bounds` and `minima` (see
    `nntrain.landscapes`). Several surfaces, as a mapping from the values of the control
    `by`: each is shown in a window of one shape, and its `paths` and `points` are moved
    along with it. `levels`: how many contours; they divide the area evenly.
    """

    surface: Any
    by: str = ""
    levels: int = 14
    shape: float = 0.7  # height over width of the window, for several surfaces
    xlabel: str = "x"
    ylabel: str = "y"

    def artists(self, ax: Axes) -> dict[str, Any]:
        ax.set_aspect("equal")
        ax.grid(False)
        if not self.by:
            x0, x1, y0, y1 = self.xlim_or(self.surface.bounds)
            contours = contour_line(self.surface, (x0, x1, y0, y1), self.levels)
            ax.plot(*contours, color="C5", alpha=0.5, linewidth=0.8)
            stars = np.transpose(self.surface.minima)
            ax.plot(*stars, "*", color="C4", markersize=12, zorder=5)
            self.xlim, self.ylim = (x0, x1), (y0, y1)
            self.fit((y1 - y0) / (x1 - x0), ax)
            return super().artists(ax)
        self.xlim, self.ylim = (0, 1), (0, self.shape)
        self.fit(self.shape, ax)
        self._ready = {key: Ground(s, self) for key, s in self.surface.items()}
        ax.set(xticks=[], yticks=[])
        ax.set_ylabel(self.ylabel, labelpad=24)
        height = ax.imshow(
            np.zeros((COARSE, COARSE)), vmin=0, vmax=1.5, origin="lower",
            extent=(0, 1, 0, self.shape), interpolation="bilinear",
        )  # fmt: skip
        (terraces,) = ax.plot([], [], color="#fefefe", linewidth=0.5, alpha=0.55)
        (minima,) = ax.plot([], [], "*", color="#fefefe", markersize=12)
        ends = {
            name: ax.text(x, y * self.shape, "−00.0", ha=ha, va=va, fontsize=10)
            for name, x, y, ha, va in ENDS
        }
        on_dark = {"color": "#ffb347", "markeredgecolor": "#ff5a36"}
        self.styles = {n: on_dark | dict(self.styles.get(n, {})) for n in self.paths}
        fixed = {"height": height, "contours": terraces, "minima": minima}
        return {**fixed, **ends, **super().artists(ax)}

    def xlim_or(self, bounds: Window) -> Window:
        (x0, x1), (y0, y1) = self.xlim or bounds[:2], self.ylim or bounds[2:]
        return x0, x1, y0, y1

    def fit(self, ratio: float, ax: Axes) -> None:
        """Give the figure the height that the window needs at its width."""
        figure: Any = ax.figure
        width = self.size[0]
        figure.set_size_inches(width, max(1.6, (width - 0.75) * ratio + 0.75))

    def move(self, settings: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        if not self.by:
            return super().move(settings, data)
        ground = self._ready[settings[self.by]]
        inside = dict(data)
        for name in self.paths:
            inside[name] = np.transpose(ground.units(*np.transpose(data[name])))
        for name in self.points:
            inside[name] = each(data[name], lambda point: ground.units(*point))
        return {
            "height": ground.relief, "contours": ground.contours,
            "minima": ground.units(*np.transpose(ground.surface.minima)),
            **ground.texts, **super().move(settings, inside),
        }  # fmt: skip

    def windows(self) -> tuple[str, Mapping[Any, Sequence[float]]] | None:
        if not self.by:
            return None
        return self.by, {
            key: same_scale(surface.bounds, self.shape)
            for key, surface in self.surface.items()
        }


ENDS = (
    ("x0", 0, -0.02, "left", "top"),
    ("x1", 1, -0.02, "right", "top"),
    ("y0", -0.02, 0, "right", "bottom"),
    ("y1", -0.02, 1, "right", "top"),
)


class Ground:
    """One of several surfaces, brought into the window that they share."""

    def __init__(self, surface: Any, panel: Landscape) -> None:
        self.surface = surface
        self.window = same_scale(surface.bounds, panel.shape)
        x0, x1, y0, y1 = self.window
        self.relief = relief(surface, self.window, panel.levels)
        contours = contour_line(surface, self.window, panel.levels)
        self.contours = self.units(*contours)
        texts = [f"{end:.3g}".replace("-", "−") for end in (x0, x1, y0, y1)]
        self.texts = dict(zip(("x0", "x1", "y0", "y1"), texts, strict=True))

    def units(self, x: ArrayLike, y: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Places on the surface as shares of the window's width."""
        x0, x1, y0, _ = self.window
        with np.errstate(all="ignore"):
            return (np.asarray(x) - x0) / (x1 - x0), (np.asarray(y) - y0) / (x1 - x0)


def same_scale(bounds: Window, shape: float) -> Window:
    """The smallest window around `bounds` whose height is `shape` times its width."""
    x0, x1, y0, y1 = bounds
    width = max(x1 - x0, (y1 - y0) / shape)
    across, up = (x0 + x1) / 2, (y0 + y1) / 2
    half, high = width / 2, width * shape / 2
    return across - half, across + half, up - high, up + high


def heights(surface: Any, window: Window, n: int) -> tuple[np.ndarray, ...]:
    x0, x1, y0, y1 = window
    x, y = np.linspace(x0, x1, n), np.linspace(y0, y1, n)
    with np.errstate(all="ignore"):
        return x, y, np.asarray(surface.value(*np.meshgrid(x, y)), dtype=float)


def relief(surface: Any, window: Window, levels: int) -> np.ndarray:
    """Each place's height as a share of all heights, in steps (0 to 1), a terrace map."""
    z = heights(surface, window, COARSE)[2]
    return np.floor(levels * z.ravel().argsort().argsort() / z.size).reshape(
        z.shape
    ) / (levels)


def contour_line(surface: Any, window: Window, levels: int) -> tuple[Any, Any]:
    """All contours as one broken line; between two lies an equal share of the area."""
    x, y, z = heights(surface, window, GRID)
    values = np.unique(np.quantile(z, np.arange(1, levels) / levels))
    return broken_line(x, y, z, values)


def broken_line(x: Any, y: Any, z: Any, values: ArrayLike) -> tuple[Any, Any]:
    """The contours of z at these values, with gaps (nan) between the pieces."""
    generator = contour_generator(x, y, z)
    gap = np.full((1, 2), np.nan)
    pieces = [gap]
    for value in np.atleast_1d(values):
        for piece in generator.lines(float(value)):
            pieces += [np.asarray(piece), gap]
    points = np.concatenate(pieces)
    return points[:, 0], points[:, 1]


@dataclass(kw_only=True)
class Heatmap(Graph):
    """A map over two settings, with a dot where the controls stand.

    `image`: values (rows, columns), the first row at the bottom; or a mapping of them,
    from the values of the control `by`. `xlim` and `ylim` are its sides. `dot`: the two
    controls that place the dot, which the reader can drag. `value`: what the map's
    colours say, in a word.
    """

    image: Any
    dot: tuple[str, str]
    by: str = ""
    cmap: str = "viridis"
    vlim: tuple[float, float] = (0, 1)
    value: str = "value"

    def grips(self) -> Mapping[str, Sequence[str]]:
        return {"dot": self.dot, **self.handles}

    def artists(self, ax: Axes) -> dict[str, Any]:
        ax.grid(False)
        ax.autoscale(False)  # the image keeps to the axes, whatever their scale
        first = self.image if not self.by else next(iter(self.image.values()))
        shown = ax.imshow(
            first, origin="lower", aspect="auto", cmap=self.cmap, vmin=self.vlim[0],
            vmax=self.vlim[1], extent=(0, 1, 0, 1), transform=ax.transAxes,
        )  # fmt: skip
        (dot,) = ax.plot(
            [], [], "o", color="#ff5a36", markeredgecolor="#fefefe", markersize=11,
            zorder=5,
        )  # fmt: skip
        return {"image": shown, "dot": dot, **super().artists(ax)}

    def move(self, settings: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        moved = super().move(settings, data)
        moved["image"] = self.image[settings[self.by]] if self.by else self.image
        return {**moved, "dot": tuple([settings[name]] for name in self.dot)}

    def words(self) -> Mapping[str, str | Sequence[str]]:
        return {**super().words(), "image": self.value}


@dataclass(kw_only=True)
class DecisionMap(Graph):
    """What a network answers at every point of a plane, and the border between classes.

    `map` names the probabilities of class 1 in the data: an array (rows, columns), the
    first row at the bottom, or frames of them. The border runs where they are ½. `points`
    and `styles` as in `Graph`. `xlim` and `ylim` are the sides of the map.
    """

    map: str
    cells: int
    value: str = "probability of class 1"
    size: tuple[float, float] = (4.4, 4.0)
    styles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def artists(self, ax: Axes) -> dict[str, Any]:
        ax.set_aspect("equal")
        ax.grid(False)
        if self.xlim is None or self.ylim is None:
            raise ValueError(
                f"DecisionMap needs xlim and ylim, got {self.xlim} and {self.ylim}"
            )
        image = ax.imshow(
            np.zeros((self.cells, self.cells)), extent=(*self.xlim, *self.ylim),
            origin="lower", cmap="RdBu_r", vmin=-0.6, vmax=1.6, interpolation="bilinear",
        )  # fmt: skip
        (border,) = ax.plot([], [], color="#101010", linewidth=1.6)
        return {"image": image, "border": border, **super().artists(ax)}

    def move(self, settings: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        return {
            **super().move(settings, data),
            "image": data[self.map],
            "border": each(data[self.map], self.border),
        }

    def words(self) -> Mapping[str, str | Sequence[str]]:
        return {**super().words(), "image": self.value}

    def border(self, share: np.ndarray) -> tuple[Any, Any]:
        """The line where the probability is ½, from the middles of the map's cells."""
        assert self.xlim is not None and self.ylim is not None
        rows, columns = share.shape
        x, y = (
            low + (high - low) * (np.arange(n) + 0.5) / n
            for (low, high), n in ((self.xlim, columns), (self.ylim, rows))
        )
        return broken_line(x, y, share, 0.5)
