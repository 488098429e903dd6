"""Experiments a reader can play with: one definition, alive in Jupyter and on the page."""

from bookkit.experiments.controls import Log, Round
from bookkit.experiments.experiment import Experiment
from bookkit.experiments.layered import Layers
from bookkit.experiments.moving import frames, head, trail
from bookkit.experiments.panels import Bars, Curves, Graph
from bookkit.experiments.planes import DecisionMap, Heatmap, Landscape
from bookkit.experiments.predict import Predict

__all__ = [
    "Bars",
    "Curves",
    "DecisionMap",
    "Experiment",
    "Graph",
    "Heatmap",
    "Landscape",
    "Layers",
    "Log",
    "Predict",
    "Round",
    "frames",
    "head",
    "trail",
]
