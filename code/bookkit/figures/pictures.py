"""Pictures of data and of a network's inside: images, weights, a confusion matrix, histograms by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike


def image_grid(
    images: ArrayLike,
    titles: Sequence[object] | None = None,
    *,
    shape: tuple[int, int] | None = None,
    columns: int = 6,
    cmap: str = "Greys",
    limit: float | None = None,
) -> Figure:
    """Images side by side, `titles` above them.

    `images`: (N, height, width), or (N, pixels) with `shape=(height, width)` (square when left out). `limit`
    fixes the colour scale to ±limit; otherwise each image uses its own range.
    """
    pixels = _as_images(np.asarray(images), shape)
    if titles is not None and len(titles) != len(pixels):
        raise ValueError(f"{len(pixels)} images need as many titles, got {len(titles)}")
    columns = min(columns, len(pixels))
    rows = -(-len(pixels) // columns)
    side = 5.6 / max(columns, 4)
    figure, axes = plt.subplots(
        rows,
        columns,
        squeeze=False,
        figsize=(side * columns, rows * (side + (0.28 if titles is not None else 0))),
    )
    low, high = (None, None) if limit is None else (-limit, limit)
    for index, ax in enumerate(axes.flat):
        ax.set_axis_off()
        if index < len(pixels):
            ax.imshow(pixels[index], cmap=cmap, vmin=low, vmax=high)
            if titles is not None:
                ax.set_title(str(titles[index]), fontsize=10)
    return figure


def weight_images(
    weight: ArrayLike,
    *,
    shape: tuple[int, int] | None = None,
    count: int | None = None,
    columns: int = 6,
) -> Figure:
    """What each hidden unit looks for: the columns of a weight matrix (in, out), each drawn as an image.

    Red pixels push the unit up, blue ones down, white ones do not matter; all share one scale.
    """
    matrix = np.asarray(weight, dtype=float)
    if matrix.ndim != 2:
        raise ValueError(
            f"expected a weight matrix of shape (in, out), got {matrix.shape}"
        )
    columns_shown = matrix.T[:count]
    # The largest one weight in two hundred may saturate; otherwise one stray weight pales all the rest.
    limit = float(np.quantile(np.abs(columns_shown), 0.995)) or 1.0
    titles = [f"unit {k}" for k in range(len(columns_shown))]
    figure = image_grid(
        columns_shown, titles, shape=shape, columns=columns, cmap="RdBu_r", limit=limit
    )
    picture = figure.axes[0].images[0]
    figure.colorbar(picture, ax=figure.axes, label="weight", shrink=0.6, extend="both")
    return figure


def confusion(
    matrix: ArrayLike,
    names: Sequence[object] | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """A confusion matrix: true class down, predicted class across, a count in each cell.

    Colour shows the mistakes only (the diagonal would drown them), as a share of the true class.
    """
    counts = np.asarray(matrix)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError(
            f"expected a square matrix (true, predicted), got {counts.shape}"
        )
    size = len(counts)
    labels = [str(name) for name in (names if names is not None else range(size))]
    ax = plt.subplots(figsize=(5.6, 5.2))[1] if ax is None else ax
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    mistakes = np.where(np.eye(size, dtype=bool), 0.0, shares)
    top = mistakes.max() or 1.0
    ax.imshow(
        mistakes, cmap="Oranges", vmin=0, vmax=1.35 * top
    )  # never so dark that black letters fade
    for row, column in np.ndindex(size, size):
        if counts[row, column]:
            weight = "bold" if row == column else "normal"
            ax.text(
                column,
                row,
                f"{counts[row, column]}",
                ha="center",
                va="center",
                fontsize=9,
                weight=weight,
            )
    ax.set(
        xticks=range(size),
        yticks=range(size),
        xticklabels=labels,
        yticklabels=labels,
        xlabel="predicted class",
        ylabel="true class",
    )
    ax.grid(False)
    ax.spines[:].set_visible(False)
    return ax


def layer_histograms(
    layers: Mapping[str, ArrayLike] | Sequence[ArrayLike],
    xlabel: str = "activation",
    *,
    bins: int = 40,
    limits: tuple[float, float] | None = None,
) -> Figure:
    """One histogram a layer, side by side on one horizontal scale, with the standard deviation written above.

    `layers` maps a name to its values (any shape); a plain list is named layer 1, 2, 3, … Values outside
    `limits` are counted in the outermost bins.
    """
    if not isinstance(layers, Mapping):
        layers = {f"layer {k}": v for k, v in enumerate(layers, 1)}
    values = {name: np.asarray(v, dtype=float).ravel() for name, v in layers.items()}
    if limits is None:
        every = np.concatenate(list(values.values()))
        limits = (float(every.min()), float(every.max()))
    if not limits[0] < limits[1]:
        limits = (limits[0] - 0.5, limits[1] + 0.5)
    columns = min(3, len(values))
    rows = -(-len(values) // columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(min(5.6, 2.6 * columns), 1.9 * rows),
        sharex=True,
        squeeze=False,
    )
    for index, ax in enumerate(axes.flat):
        if index >= len(values):
            ax.set_axis_off()
            continue
        name, v = list(values.items())[index]
        ax.hist(
            np.clip(v, *limits),
            bins=bins,
            range=limits,
            density=True,
            color=f"C{index % 10}",
        )
        ax.set_title(f"{name}\nsd {v.std():.2g}", fontsize=10)
        ax.set_yticks([])
        ax.locator_params(axis="x", nbins=4)
        ax.tick_params(labelbottom=index + columns >= len(values))
    figure.supxlabel(xlabel, fontsize=11)
    figure.supylabel("density", fontsize=11)
    return figure


def _as_images(pixels: np.ndarray, shape: tuple[int, int] | None) -> np.ndarray:
    if pixels.ndim == 3:
        return pixels
    if pixels.ndim != 2 or not len(pixels):
        raise ValueError(
            f"expected images (N, height, width) or (N, pixels), got {pixels.shape}"
        )
    if shape is None:
        side = round(pixels.shape[1] ** 0.5)
        shape = (side, side)
    if shape[0] * shape[1] != pixels.shape[1]:
        raise ValueError(
            f"{pixels.shape[1]} pixels do not make an image of shape {shape}; give shape=(h, w)"
        )
    return pixels.reshape(len(pixels), *shape)
