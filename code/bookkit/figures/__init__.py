"""The book's figures, one call each.

Every function draws into `ax` (or makes a figure of its own), takes its colours from
Matplotlib's cycle, labels its axes, and returns what it drew on: the axes, or the figure
when there are several panels. Lines carry their names at their right-hand ends rather than
in a legend.
"""

from bookkit.figures.curves import label_lines, loss_curves, methods
from bookkit.figures.graphs import computational_graph
from bookkit.figures.pictures import (
    confusion,
    image_grid,
    layer_histograms,
    weight_images,
)
from bookkit.figures.planes import contour, decision_boundary

__all__ = [
    "computational_graph",
    "confusion",
    "contour",
    "decision_boundary",
    "image_grid",
    "label_lines",
    "layer_histograms",
    "loss_curves",
    "methods",
    "weight_images",
]
