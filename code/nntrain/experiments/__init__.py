"""Experiments a reader can play with: defined once in Python, alive in Jupyter and on the built page."""

from nntrain.experiments.controls import Log
from nntrain.experiments.experiment import Experiment
from nntrain.experiments.moving import frames, head, trail

__all__ = ["Experiment", "Log", "frames", "head", "trail"]
