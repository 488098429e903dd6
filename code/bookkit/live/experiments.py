"""Experiments of the page, answered by its own Python at any setting of their controls."""

from __future__ import annotations

from typing import Any

from bookkit.experiments.definition import Definition
from bookkit.experiments.drawing import draw
from bookkit.experiments.pack import pack
from bookkit.experiments.page import render
from bookkit.experiments.picture import freeze

_faces: dict[str, Face] = {}


class Face:
    """One experiment: its picture is drawn once, when the first question comes."""

    def __init__(self, experiment: Definition) -> None:
        self.experiment = experiment
        self.figures: list[Any] = []
        self.moving: dict[str, Any] = {}

    def answer(self, places: list[float]) -> dict[str, Any]:
        """The experiment packed for one setting, and what each control then says and holds.

        `places` stand in the controls' lists of values, or between two of them.
        """
        if not self.moving:
            self.figures, self.moving = draw(self.experiment)
            freeze(self.figures)
        controls = self.experiment.controls
        values = [c.between(place) for c, place in zip(controls, places, strict=True)]
        setting = {c.name: value for c, value in zip(controls, values, strict=True)}
        return {
            "packed": pack(self.experiment, self.figures, self.moving, [setting]),
            "controls": [
                {"value": value, "text": control.write(value)}
                for control, value in zip(controls, values, strict=True)
            ],
        }


def meet(experiment: Definition, redraw: bool) -> dict[str, Any]:
    """Remember the experiment a cell shows; what the page needs to connect it.

    `redraw` gives its element anew, drawn at the start: its definition is not the book's.
    """
    _faces[experiment.id] = Face(experiment)
    found: dict[str, Any] = {
        "id": experiment.id,
        "fine": [control.fine for control in experiment.controls],
    }
    if redraw:
        found["html"] = render(experiment, whole=False)
    return found


def answer(identity: str, places: list[float]) -> dict[str, Any]:
    """See `Face.answer`."""
    return _faces[identity].answer(places)
