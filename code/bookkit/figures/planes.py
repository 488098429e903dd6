"""Figures in a plane of two variables: surfaces with paths across them, and decision boundaries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

# More points than this are drawn as pixels inside the SVG, which would otherwise grow by 100 bytes a point.
_MANY_POINTS = 1000


def contour(
    surface: Any,
    paths: Mapping[str, ArrayLike] | None = None,
    *,
    levels: int = 24,
    labels: tuple[str, str] = ("$x$", "$y$"),
    ax: Axes | None = None,
) -> Axes:
    """A surface from above, with the paths that optimisers took across it.

    `surface` has `value(x, y)`, `bounds` and perhaps `minima` (see `nntrain.landscapes`).
    `paths` maps a name to points of shape (steps + 1, 2); each starts at a ring and ends at a
    dot, and may leave the picture. Levels divide the area evenly, so narrow valleys and flat
    spots both show. Both axes have one scale, so that a step against the gradient leaves a
    contour at a right angle.
    """
    x0, x1, y0, y1 = surface.bounds
    if ax is None:
        _, ax = plt.subplots(figsize=(5.0, 1.0 + min(4.2 * (y1 - y0) / (x1 - x0), 4.0)))
    x, y = np.meshgrid(np.linspace(x0, x1, 101), np.linspace(y0, y1, 101))
    z = np.asarray(surface.value(x, y), dtype=float)
    steps = np.unique(np.quantile(z, np.linspace(0, 1, levels)))
    if len(steps) < 2:
        steps = np.array([z.min() - 1, z.min() + 1])
    filled = ax.contourf(x, y, z, steps, cmap="Greys", alpha=0.35, extend="both")
    filled.set_rasterized(
        True
    )  # half the size: the lines above it keep its edges sharp
    ax.contour(x, y, z, steps, colors="#8a8f94", linewidths=0.5, linestyles="solid")
    for minimum in getattr(surface, "minima", ()):
        ax.plot(
            *minimum, marker="*", markersize=11, color="C5", linestyle="none", zorder=5
        )
    for name, points in (paths or {}).items():
        _path(ax, name, np.asarray(points, dtype=float))
    ax.set(xlim=(x0, x1), ylim=(y0, y1), xlabel=labels[0], ylabel=labels[1])
    ax.set_aspect("equal")
    ax.grid(False)
    if paths:
        ax.legend(
            loc="lower center",
            bbox_to_anchor=(0.5, 1.0),
            ncols=min(3, len(paths)),
            borderaxespad=0.2,
        )
    return ax


def _path(ax: Axes, name: str, points: np.ndarray) -> None:
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(
            f"path {name!r} must have shape (points, 2), got {points.shape}"
        )
    points = np.where(
        np.abs(points) < 1e6, points, np.nan
    )  # what lies far outside would bend the line
    few = len(points) <= 60
    (line,) = ax.plot(
        *points.T, label=name, marker="." if few else None, markersize=5, linewidth=1.4
    )
    colour = line.get_color()
    ax.plot(
        *points[0],
        marker="o",
        markersize=7,
        markerfacecolor="white",
        color=colour,
        zorder=4,
    )
    ax.plot(*points[-1], marker="o", markersize=6, color=colour, zorder=6)


def decision_boundary(
    predict: Callable[[np.ndarray], ArrayLike] | Any,
    x: ArrayLike,
    y: ArrayLike,
    *,
    labels: tuple[str, str] = ("$x_1$", "$x_2$"),
    names: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The plane coloured by the predicted class, with the data on top, one marker a class.

    `predict` maps points (N, 2) to one score a point (class 1 where positive), to one score a class, shape
    (N, K), or is a network with `predict`. Hand in probabilities p as p − ½. `x`: (N, 2), `y`: (N,).
    """
    ax = plt.subplots(figsize=(4.6, 4.0))[1] if ax is None else ax
    x, y = np.asarray(x, dtype=float), np.asarray(y)
    if x.ndim != 2 or x.shape[1] != 2 or len(y) != len(x):
        raise ValueError(
            f"expected x of shape (N, 2) and y of shape (N,), got {x.shape} and {y.shape}"
        )
    low, high = x.min(axis=0), x.max(axis=0)
    margin = 0.08 * (high - low) + 1e-9
    across, up = (
        np.linspace(a - m, b + m, 200)
        for a, b, m in zip(low, high, margin, strict=True)
    )
    plane = np.stack(np.meshgrid(across, up), axis=-1)
    function = getattr(predict, "predict", predict)
    scores = np.asarray(function(plane.reshape(-1, 2))).reshape(200, 200, -1)
    chosen = (
        scores.argmax(axis=-1)
        if scores.shape[-1] > 1
        else (scores[..., 0] > 0).astype(int)
    )
    classes = np.unique(y).astype(int)
    top = int(max(chosen.max(), classes.max()))
    colours = [f"C{k}" for k in range(top + 1)]
    ax.contourf(
        across, up, chosen, np.arange(top + 2) - 0.5, colors=colours, alpha=0.18
    )
    ax.contour(across, up, chosen, np.arange(top) + 0.5, colors="#45455c", linewidths=1)
    for k, marker in zip(
        classes, "osD^vP*X<>" * (1 + len(classes) // 10), strict=False
    ):
        name = names[k] if names is not None else f"class {k}"
        ax.scatter(
            x[y == k, 0],
            x[y == k, 1],
            s=16,
            marker=marker,
            color=f"C{k}",
            edgecolors="white",
            linewidths=0.4,
            label=name,
            rasterized=len(x) > _MANY_POINTS,
        )
    ax.set(xlabel=labels[0], ylabel=labels[1])
    ax.grid(False)
    ax.legend(
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        ncols=min(4, len(classes)),
        borderaxespad=0.2,
    )
    return ax
