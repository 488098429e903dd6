"""Drive a live face as a reader would, to both ends of every control and to the corners between them."""

from __future__ import annotations

import hashlib
import itertools
import statistics
import time
from typing import Any

from bookkit.experiments.controls import Control
from bookkit.experiments.definition import Definition
from bookkit.experiments.live import LiveFace


def check_live(experiment: Definition, max_corners: int) -> dict[str, float]:
    """See `Experiment.check_live`."""
    face = LiveFace(experiment)
    pictures: dict[tuple[Any, ...], str] = {}
    times: list[float] = []

    def visit(settings: dict[str, Any], step: int) -> None:
        began = time.perf_counter()
        for name, value in settings.items():
            face.fields[name].value = value
        face.step.value = min(step, face.step.max)
        times.append(time.perf_counter() - began)
        if face.errors:
            raise face.errors[-1]
        digest = hashlib.sha256(
            b"".join(picture.value for picture in face.pictures)
        ).hexdigest()
        pictures[(*settings.values(), face.step.value)] = digest

    last = face.step.max
    if face.errors:
        raise face.errors[-1]
    start = experiment.start
    for control in experiment.controls:
        for value in ends(control):
            visit({**start, control.name: value}, last)
    visit(start, 0)
    visit(start, last)
    corners = list(
        itertools.product(*(ends(control) for control in experiment.controls))
    )
    for corner in corners[:: -(-len(corners) // max_corners)]:
        visit(dict(zip(start, corner, strict=True)), last)
    names = [*start, *([experiment.step] if experiment.step else [])]
    for position, name in enumerate(names):
        if not moves(pictures, position):
            raise ValueError(
                f"control {name!r} of {experiment.id!r} never changes the picture"
            )
    face.reset()
    return {
        "visited": len(pictures),
        "median": statistics.median(times),
        "longest": max(times),
    }


def ends(control: Control) -> tuple[Any, ...]:
    """All of a choice's values; the first and the last of a slider's."""
    return (
        control.values
        if control.kind == "choice"
        else (control.values[0], control.values[-1])
    )


def moves(pictures: dict[tuple[Any, ...], str], position: int) -> bool:
    """Do two visited states that differ in this control alone show different pictures?"""
    groups: dict[tuple[Any, ...], set[str]] = {}
    for state, digest in pictures.items():
        groups.setdefault(state[:position] + state[position + 1 :], set()).add(digest)
    return any(len(digests) > 1 for digests in groups.values())
