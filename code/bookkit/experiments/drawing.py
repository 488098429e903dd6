"""The picture of an experiment as Matplotlib draws it: figures and what moves in them."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt

from bookkit.experiments.definition import Definition
from bookkit.experiments.kinds import Kind, kind_of

WIDEST = 4.6  # inches: what can be read on a phone


def draw(experiment: Definition) -> tuple[list[Any], dict[str, Kind]]:
    """Run `setup`: its figures, closed in pyplot, and its moving artists by name.

    Raises `ValueError` for something else than figures and artists that can move.
    """
    drawn = experiment.setup()
    pair = isinstance(drawn, tuple) and len(drawn) == 2
    if not (pair and isinstance(drawn[1], dict) and drawn[1]):
        raise ValueError(
            f"setup of {experiment.id!r} must return "
            "(figure or figures, {name: artist})"
        )
    figures = list(drawn[0]) if isinstance(drawn[0], list | tuple) else [drawn[0]]
    for figure in figures:
        plt.close(figure)
        if figure.get_figwidth() > WIDEST + 0.01:
            raise ValueError(
                f"{experiment.id!r}: a figure may be {WIDEST} in wide (a phone), "
                f"got {figure.get_figwidth():.2f}"
            )
        for ax in figure.axes:
            ax.autoscale(False)
    moving = {n: kind_of(n, a, experiment.levels) for n, a in drawn[1].items()}
    for name, kind in moving.items():
        if kind.figure not in figures:
            raise ValueError(
                f"artist {name!r} of {experiment.id!r} is not in a figure that setup "
                "returned"
            )
    return figures, moving
