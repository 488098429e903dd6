"""Curves over training, and methods compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

__all__ = ["label_lines", "loss_curves", "methods", "spread"]


def loss_curves(
    curves: Mapping[str, ArrayLike],
    *,
    x: ArrayLike | None = None,
    xlabel: str = "epoch",
    ylabel: str = "loss",
    log: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """One line a curve; a curve of several runs is drawn as its mean, in a band of ± one standard deviation.

    `curves` maps a name to values of shape (steps,) or (runs, steps). `x` defaults to 1, 2, 3, … (epochs).
    Values that are not finite (a run that diverged) leave a gap. `log=True`: a logarithmic vertical axis.
    """
    ax = _axes(ax)
    for name, values in curves.items():
        runs = np.atleast_2d(np.asarray(values, dtype=float))
        if runs.ndim != 2 or runs.size == 0:
            raise ValueError(
                f"curve {name!r} must have shape (steps,) or (runs, steps), got {runs.shape}"
            )
        steps = np.arange(1, runs.shape[1] + 1) if x is None else np.asarray(x)
        if len(steps) != runs.shape[1]:
            raise ValueError(
                f"curve {name!r} has {runs.shape[1]} values, but x has {len(steps)}"
            )
        runs = np.where(np.isfinite(runs), runs, np.nan)
        mean = runs.mean(axis=0)
        (line,) = ax.plot(steps, mean, label=name)
        if len(runs) > 1:
            spread = runs.std(axis=0, ddof=1)
            low = np.maximum(mean - spread, runs.min(axis=0)) if log else mean - spread
            ax.fill_between(
                steps,
                low,
                mean + spread,
                color=line.get_color(),
                alpha=0.2,
                linewidth=0,
            )
    if log:
        ax.set_yscale("log")
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    label_lines(ax)
    return ax


def label_lines(ax: Axes) -> None:
    """Write each labelled line's name at its right-hand end, in its own colour, moved apart where ends meet.

    Call it last: limits and scale decide where the names go.
    """
    lines = [
        line for line in ax.get_lines() if not str(line.get_label()).startswith("_")
    ]
    ends = []
    for line in lines:
        points = np.column_stack(
            [np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)]
        )
        points = points[np.isfinite(points).all(axis=1)]
        if len(points):
            ends.append((line, points[-1]))
    if not ends:
        return
    figure = ax.get_figure()
    assert figure is not None
    ax.autoscale_view()
    figure.draw_without_rendering()  # type: ignore[union-attr]   # so that the axes have their size
    box = ax.get_window_extent()
    size = float(plt.rcParams["legend.fontsize"])
    gap = 1.25 * size * figure.dpi / 72 / box.height
    right = max(ax.transData.transform(point)[0] for _, point in ends)
    heights = [
        (ax.transData.transform(point)[1] - box.y0) / box.height for _, point in ends
    ]
    places = spread(np.clip(heights, 0, 1), gap)
    for (line, _), height in zip(ends, places, strict=True):
        ax.annotate(
            str(line.get_label()),
            ((right - box.x0) / box.width, height),
            xycoords="axes fraction",
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=size,
            color=line.get_color(),
            annotation_clip=False,
        )


def spread(heights: np.ndarray, gap: float) -> np.ndarray:
    """Move heights at least `gap` apart, as little as possible: groups that touch centre on their mean."""
    order = np.argsort(heights, kind="stable")
    groups: list[
        list[float]
    ] = []  # each group: its members' wanted heights, from the lowest
    for height in heights[order]:
        groups.append([float(height)])
        while len(groups) > 1 and _low(groups[-1], gap) < _high(groups[-2], gap) + gap:
            upper = groups.pop()
            groups[-1].extend(upper)
    placed = [_low(group, gap) + gap * k for group in groups for k in range(len(group))]
    result = np.empty(len(heights))
    result[order] = placed
    return result


def _low(group: Sequence[float], gap: float) -> float:
    return float(np.mean(group)) - gap * (len(group) - 1) / 2


def _high(group: Sequence[float], gap: float) -> float:
    return float(np.mean(group)) + gap * (len(group) - 1) / 2


def methods(
    results: Mapping[str, ArrayLike],
    xlabel: str,
    *,
    fmt: str = "{:.1f}",
    log: bool = False,
    median: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Methods compared: one row each, every run a faint dot, the mean ± one standard deviation beside it.

    `results` maps a method to its runs' values, in the order to be read from the top. Dots, unlike
    bars, need no zero on the axis. `median=True` for runs that scatter unevenly: the median, with
    the lowest and the highest value in brackets.
    """
    ax = _axes(ax, (5.6, 0.9 + 0.42 * len(results)))
    for row, values in enumerate(results.values()):
        runs = np.atleast_1d(np.asarray(values, dtype=float))
        colour = f"C{row % 10}"
        faint: Any = {"alpha": 0.35, "markersize": 4, "markeredgewidth": 0}
        ax.plot(runs, np.full(runs.size, row), "o", color=colour, **faint)
        middle, bars, text = _summary(runs, fmt, median)
        ax.errorbar(
            middle, row, xerr=bars, fmt="o", color=colour, capsize=4, markersize=7
        )
        ax.annotate(
            text,
            (1, row),
            xycoords=("axes fraction", "data"),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=plt.rcParams["ytick.labelsize"],
        )
    if log:
        ax.set_xscale("log")
    ax.set(yticks=range(len(results)), yticklabels=list(results), xlabel=xlabel)
    ax.set_ylim(len(results) - 0.5, -0.5)
    ax.grid(False, axis="y")
    ax.margins(x=0.08)
    return ax


def _summary(
    runs: np.ndarray, fmt: str, median: bool
) -> tuple[float, np.ndarray | None, str]:
    """Where the middle of the runs is, how far the bars reach to either side, and both as text."""
    if runs.size < 2:
        return float(runs[0]), None, fmt.format(runs[0])
    if median:
        low, middle, high = np.percentile(runs, [0, 50, 100])
        text = f"{fmt.format(middle)} ({fmt.format(low)}–{fmt.format(high)})"
        return float(middle), np.array([[middle - low], [high - middle]]), text
    mean, spread = runs.mean(), runs.std(ddof=1)
    bars = np.full((2, 1), spread) if spread else None
    return float(mean), bars, f"{fmt.format(mean)} ± {fmt.format(spread)}"


def _axes(ax: Axes | None, figsize: tuple[float, float] | None = None) -> Axes:
    return plt.subplots(figsize=figsize)[1] if ax is None else ax
