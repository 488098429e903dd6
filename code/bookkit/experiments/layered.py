"""A panel that draws a layered network, and what flows through it step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from bookkit.experiments.moving import Frames, frames
from bookkit.experiments.panels import Panel

RADIUS = 21  # points, of a unit's circle


@dataclass(kw_only=True)
class Layers(Panel):
    """A layered network: circles for units, lines for weights, words in the circles.

    `sizes`: units of each layer, the inputs first. `units` names the words in the data:
    frames of one word a unit, layer by layer. `flow` names frames of whole numbers: at k
    the weights into layer k carry values forwards, at −k errors backwards, at 0 nothing.
    `titles`: one word a layer, above it.
    """

    sizes: Sequence[int]
    units: str
    flow: str
    titles: Sequence[str] = ()
    size: tuple[float, float] = (4.6, 3.2)

    def artists(self, ax: Axes) -> dict[str, Any]:
        self.xlim, self.ylim = (-0.5, len(self.sizes) - 0.5), (-0.62, 0.75)
        ax.axis("off")
        every = [self.edges(k) for k in range(1, len(self.sizes))]
        ax.plot(*np.concatenate(every).T, color="C5", alpha=0.5, linewidth=0.8)
        ax.plot(
            *self.places().T, "o", markersize=2 * RADIUS, markeredgecolor="black",
            markerfacecolor="white", markeredgewidth=1, zorder=3,
        )  # fmt: skip
        for layer, title in enumerate(self.titles):
            ax.text(layer, 0.66, title, ha="center", fontsize=10)
        (forwards,) = ax.plot([], [], color="C0", linewidth=2)
        (backwards,) = ax.plot([], [], color="C1", linewidth=2, linestyle="--")
        words = {
            f"unit {i}": ax.text(
                x, y, "", ha="center", va="center", fontsize=9, zorder=4
            )
            for i, (x, y) in enumerate(self.places())
        }
        return {"forwards": forwards, "backwards": backwards, **words}

    def places(self) -> np.ndarray:
        """The centre of every unit, shape (units, 2), layer by layer."""
        return np.array(
            [(k, y) for k, size in enumerate(self.sizes) for y in column(size)]
        )

    def edges(self, layer: int) -> np.ndarray:
        """The weights into a layer as one broken line, shape (3 × weights, 2)."""
        gap = (np.nan, np.nan)
        return np.array(
            [
                place
                for a in column(self.sizes[layer - 1])
                for b in column(self.sizes[layer])
                for place in ((layer - 1, a), (layer, b), gap)
            ]
        )

    def move(self, settings: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        words, flow = data[self.units], data[self.flow]
        count = sum(self.sizes)
        if not isinstance(words, Frames) or any(len(w) != count for w in words.items):
            raise ValueError(
                f"{self.units!r} needs frames of {count} words, one a unit"
            )
        none = np.full((1, 2), np.nan)
        carried = {k: self.edges(abs(k)) if k else none for k in set(flow.items)}
        moved = super().move(settings, data)
        for name, sign in (("forwards", 1), ("backwards", -1)):
            shown = [carried[k] if sign * k > 0 else none for k in flow.items]
            moved[name] = frames([tuple(edges.T) for edges in shown])
        for i in range(count):
            moved[f"unit {i}"] = frames([word[i] for word in words.items])
        return moved

    def words(self) -> Mapping[str, str | Sequence[str]]:
        return {}


def column(size: int) -> np.ndarray:
    """Heights of the units of one layer, from the top."""
    return 0.36 * ((size - 1) / 2 - np.arange(size))
