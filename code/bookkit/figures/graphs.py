"""A computational graph drawn from what `nntrain.graph.graph` says of a tensor."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes


def computational_graph(
    tensor: Any, *, gradients: bool = True, ax: Axes | None = None
) -> Axes:
    """The operations that led to `tensor`, from inputs on the left to the result on the right.

    Inputs are white boxes, operations are filled ones; each shows its name, its value (or its shape, when it
    holds more than one number), and below it, once `backward()` has run, its gradient.
    For graphs of up to about twenty nodes: a larger one would not be read.
    """
    from nntrain.graph import graph

    nodes, edges = graph(tensor)
    places = _layout(len(nodes), edges)
    width, height = places.max(axis=0) - places.min(axis=0) + 1
    if ax is None:
        ax = plt.subplots(
            figsize=(min(7.0, max(3.0, 1.1 * width)), max(1.6, 0.85 * height))
        )[1]
    for start, end in edges:
        ax.annotate(
            "",
            places[end],
            places[start],
            zorder=1,
            arrowprops={
                "arrowstyle": "-|>",
                "color": "C5",
                "shrinkA": 18,
                "shrinkB": 20,
            },
        )
    inputs = set(range(len(nodes))) - {end for _, end in edges}
    for index, node in enumerate(nodes):
        box = {
            "boxstyle": "round,pad=0.35",
            "facecolor": "white" if index in inputs else "#e8eef4",
            "edgecolor": "C0" if index in inputs else "C5",
        }
        x, y = places[index]
        ax.text(
            x,
            y,
            _title(node),
            ha="center",
            va="center",
            fontsize=10,
            bbox=box,
            zorder=3,
        )
        if gradients and node.grad is not None:
            ax.annotate(
                f"∂ {_number(node.grad)}",
                (x, y),
                (0, -25),
                textcoords="offset points",
                ha="center",
                va="center",
                fontsize=9,
                color="C1",
            )
    ax.set(
        xlim=(places[:, 0].min() - 0.6, places[:, 0].max() + 0.6),
        ylim=(places[:, 1].min() - 0.7, places[:, 1].max() + 0.5),
    )
    ax.set_axis_off()
    return ax


def _layout(count: int, edges: list[tuple[int, int]]) -> np.ndarray:
    """A place for each node: column = longest way from an input, rows ordered to keep the lines short."""
    into: dict[int, list[int]] = defaultdict(list)
    out: dict[int, list[int]] = defaultdict(list)
    for start, end in edges:
        into[end].append(start)
        out[start].append(end)
    column = [0] * count
    for _ in range(count):  # each pass settles at least one more column
        for start, end in edges:
            column[end] = max(column[end], column[start] + 1)
    for node in range(
        count
    ):  # an input stands next to the first operation that uses it
        if not into[node] and out[node]:
            column[node] = min(column[end] for end in out[node]) - 1
    y = np.zeros(count)
    members = [
        [n for n in range(count) if column[n] == k] for k in range(max(column) + 1)
    ]
    for group in members:
        y[group] = _rows(np.arange(len(group), 0, -1.0))
    for sweep in range(
        6
    ):  # alternately pull each column towards its neighbours on one side
        near = into if sweep % 2 else out
        for group in members:
            wanted = np.array([np.mean(y[near[n]]) if near[n] else y[n] for n in group])
            y[group] = _rows(wanted)
    return np.column_stack([column, y])


def _rows(wanted: np.ndarray) -> np.ndarray:
    """Whole rows apart, in the wanted order, centred on the wanted heights."""
    order = np.argsort(wanted, kind="stable")
    places = np.empty(len(wanted))
    places[order] = np.arange(len(wanted))
    return places - places.mean() + wanted.mean()


def _title(node: Any) -> str:
    """`x`, `+` or `L: +` above the value; a constant is only its value."""
    name = ": ".join(filter(None, (node.name, node.op)))
    return f"{name}\n{_number(node.value)}".strip()


def _number(value: Any) -> str:
    array = np.asarray(value)
    return f"{array.item():.3g}" if array.size == 1 else "×".join(map(str, array.shape))
