"""Experiments a reader can play with: defined once in Python, alive in Jupyter and on the built page."""

from bookkit.experiments.controls import Log
from bookkit.experiments.experiment import Experiment
from bookkit.experiments.moving import frames, head, trail

__all__ = ["Experiment", "Log", "frames", "head", "trail"]
