"""The Matplotlib backend of the page: figures as SVG, as the book's own, with a description in words."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from bookkit.live import connection


def svg(figure: Figure) -> str:
    """The figure's SVG; without a date, so that equal figures are equal text."""
    buffer = io.StringIO()
    figure.savefig(
        buffer,
        format="svg",
        dpi=figure.dpi,
        facecolor=figure.get_facecolor(),
        metadata={"Date": None},
    )
    return buffer.getvalue()


def show_all(display: Callable[[Figure], None] | None) -> None:
    """Show the open figures in the order they were made, and close them."""
    try:
        if display is not None:
            for number in plt.get_fignums():
                display(plt.figure(number))
    finally:
        plt.close("all")


class FigureManager(FigureManagerBase):
    """So that `plt.show()` shows what is drawn so far."""

    @classmethod
    def pyplot_show(cls, *, block: bool | None = None) -> None:
        show_all(connection.current().display)


class FigureCanvas(FigureCanvasSVG):
    """What Matplotlib asks a backend for."""

    manager_class: Any = FigureManager


def in_words(figure: Figure) -> str:
    """One sentence for each pair of axes: its title, its scales, and what its key names."""
    told = [text for text in map(_axes_in_words, figure.axes) if text]
    return " ".join(["Figure drawn by this cell.", *told])


def _axes_in_words(ax: Axes) -> str:
    parts = []
    if ax.get_title():
        parts.append(f"“{_words(ax.get_title())}”")
    for name in ("x", "y"):
        label = getattr(ax, f"get_{name}label")()
        low, high = sorted(getattr(ax, f"get_{name}lim")())
        if label:
            parts.append(f"{_words(label)} from {low:.3g} to {high:.3g}")
    names = [_words(text) for text in ax.get_legend_handles_labels()[1]]
    if names:
        parts.append("shown: " + ", ".join(names))
    return "; ".join(parts) + "." if parts else ""


def _words(text: str) -> str:
    return " ".join(text.replace("$", "").replace("\\", "").split())
