"""What a reader can read off the picture: the scales of its axes, and names of things.

The page draws in picture coordinates; these few numbers bring it back to values.
"""

from __future__ import annotations

import itertools
import re
from typing import Any

import numpy as np
from matplotlib.colors import Normalize

from bookkit.experiments.definition import Definition
from bookkit.experiments.kinds import Bars, Image, Kind

LETTERS = {
    "alpha": "α", "beta": "β", "delta": "δ", "ell": "ℓ", "eta": "η", "lambda": "λ",
    "mu": "μ", "partial": "∂", "sigma": "σ", "theta": "θ", "kappa": "κ", "rho": "ρ",
}  # fmt: skip


def axes_specs(
    experiment: Definition, figures: list[Any], moving: dict[str, Kind]
) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """The axes that can be read, and what is said of each moving artist.

    An axes: the panel it stands in, its box in the picture, and for each direction its
    ends, whether it is logarithmic, and the words of its label. An artist: its axes and
    its name; for bars one name each, for an image the values of its first and last level.
    """
    specs: list[dict[str, Any]] = []
    known: dict[int, int] = {}
    said: dict[str, dict[str, Any]] = {}
    words = experiment.words()
    for name, kind in moving.items():
        ax = kind.parts[0].axes
        if ax is None or not ax.axison or not readable(kind, words.get(name)):
            continue
        if id(ax) not in known:
            if (spec := axes_spec(experiment, figures, ax)) is None:
                continue
            known[id(ax)] = len(specs)
            specs.append(spec)
        said[name] = {"axes": known[id(ax)], "says": words.get(name, "")}
        if isinstance(kind, Image):
            norm = kind.artist.norm
            said[name]["ends"] = [float(norm.vmin), float(norm.vmax)]
            place = kind.place()
            said[name]["place"] = [
                float(place[k]) for k in ("x", "y", "width", "height")
            ]
        if isinstance(kind, Bars):
            said[name]["upright"] = kind.upright
    return specs, said


def readable(kind: Kind, words: Any) -> bool:
    """Lines and points always; bars and images when the panel has words for them."""
    if isinstance(kind, Image):
        return bool(words) and type(kind.artist.norm) is Normalize
    if isinstance(kind, Bars):
        return bool(words)
    return kind.trails


def axes_spec(
    experiment: Definition, figures: list[Any], ax: Any
) -> dict[str, Any] | None:
    """One axes for the page; None if a scale is neither linear nor logarithmic."""
    scales = ax.get_xscale(), ax.get_yscale()
    if not set(scales) <= {"linear", "log"}:
        return None
    number = figures.index(ax.figure)
    box, height = ax.bbox, ax.figure.bbox.height
    corners = box.x0, height - box.y1, box.x1, height - box.y0
    spec: dict[str, Any] = {
        "panel": number,
        "box": [round(float(v), 1) for v in corners],
        "x": [*map(float, ax.get_xlim()), int(scales[0] == "log")],
        "y": [*map(float, ax.get_ylim()), int(scales[1] == "log")],
        "labels": [in_words(ax.get_xlabel()), in_words(ax.get_ylabel())],
    }
    if experiment.panels and (windows := experiment.panels[number].windows()):
        name, ends = windows
        spec["by"] = [c.name for c in experiment.controls].index(name)
        values = experiment.controls[spec["by"]].values
        spec["windows"] = [[float(v) for v in ends[value]] for value in values]
    return spec


def in_words(label: str) -> list[str]:
    """An axis's name and its unit: "loss (nats)" gives loss, nats.

    >>> in_words(r"learning rate $\\eta$")
    ['learning rate η', '']
    >>> in_words("loss (nats)")
    ['loss', 'nats']
    """
    text = re.sub(r"\\(\w+)", lambda m: LETTERS.get(m[1], m[1]), label)
    text = re.sub(r"[${}]", "", text).replace("\n", " ")
    text = re.sub(r"_(\d)", lambda m: chr(ord("₀") + int(m[1])), text)
    found = re.fullmatch(r"(.*\S) \(([^()\s]+)\)", text)
    if found:
        return [found[1], found[2]]
    return [re.sub(r"\s*\([^()]*\)", "", text).strip(), ""]


def edges_in_words(edges: np.ndarray) -> list[str]:
    """The bins of a histogram, by their ends."""
    ends = [f"{edge:.3g}".replace("-", "−") for edge in edges]
    return [f"{a} to {b}" for a, b in itertools.pairwise(ends)]
