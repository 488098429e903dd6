"""The static face: one HTML element that holds the picture, the controls, the texts and the packed data."""

from __future__ import annotations

import gzip
import html
import json
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np

from bookkit.experiments import artists
from bookkit.experiments.experiment import Experiment, marked
from bookkit.experiments.grid import pack
from bookkit.experiments.moving import at_step
from bookkit.experiments.picture import freeze, svg_trees
from bookkit.experiments.place import place
from bookkit.experiments.unpack import Unpacked

SEEN = "What you should have seen"
RADIO_LETTERS = 44  # choices longer than this in all become a <select>


def render(experiment: Experiment) -> str:
    """Compute everything and write the element; `ValueError` if it is larger than its budget."""
    figures, moving = experiment.draw()
    first = experiment.values()
    for name, artist in moving.items():
        if name in first:
            data = artists.check(name, artist, at_step(first[name], 10**9))
            artists.apply(artist, artists.kind_of(name, artist), data)
    freeze(figures)
    packed = pack(experiment, moving)
    unpacked = Unpacked(packed)
    position = tuple(control.start for control in experiment.controls)
    count = packed["step"]["count"] if packed["step"] else 1
    step = start_step(experiment, count)
    if packed["step"]:
        packed["step"]["start"] = step
    trees = svg_trees(experiment.id, figures, moving, lines_of_text(unpacked))
    for spec in packed["artists"]:
        groups = [
            g
            for tree in trees
            for g in tree.iter()
            if g.get("data-move") == spec["name"]
        ]
        place(groups, spec, unpacked.show(spec["name"], position, step))
    text = page_element(experiment, packed, trees, unpacked.sentence(*position), step)
    size = len(gzip.compress(text.encode(), 9)) / 1000
    if size > experiment.budget_kb:
        raise ValueError(
            f"experiment {experiment.id!r} is {size:.0f} kB compressed, its budget is "
            f"{experiment.budget_kb:g}: take fewer values, steps or pixels"
        )
    return text


def start_step(experiment: Experiment, count: int) -> int:
    wanted = experiment.step_start
    step = count - 1 if wanted is None or wanted == -1 else int(wanted)
    if not 0 <= step < count:
        raise ValueError(
            f"start of {experiment.step!r} is {wanted}, but it goes from 0 to {count - 1}"
        )
    return step


def lines_of_text(unpacked: Unpacked) -> dict[str, int]:
    """The most lines each moving text ever has."""
    most = {}
    for name, (spec, table) in unpacked.tables.items():
        if spec["kind"] == "text":
            most[name] = max(
                unpacked.texts[i].count("\n") + 1 for i in np.unique(table)
            )
    return most


def page_element(
    experiment: Experiment,
    packed: dict[str, Any],
    trees: list[ET.Element],
    sentence: str,
    step: int,
) -> str:
    ET.register_namespace("", "http://www.w3.org/2000/svg")
    # The underscore keeps the id apart from those Sphinx makes of headings, such as "Experiment: ...".
    name, esc = f"experiment_{experiment.id}", html.escape
    panels = "".join(panel(tree) for tree in trees)
    data = json.dumps(packed, separators=(",", ":"), ensure_ascii=False).replace(
        "<", "\\u003c"
    )
    controls = "".join(
        control_row(name, experiment, i) for i in range(len(experiment.controls))
    )
    if packed["step"]:
        controls += step_row(name, experiment, packed["step"]["count"], step)
    return f"""<nn-experiment id="{name}" role="group" aria-labelledby="{name}-title">
<p class="nn-title" id="{name}-title"><span class="nn-kind">Experiment</span> {esc(experiment.title)}</p>
<p class="nn-predict"><strong>Predict:</strong> {marked(strip_predict(experiment.predict))}</p>
<div class="nn-panels" role="img" aria-label="{esc(sentence)}">{panels}</div>
<p class="nn-sentence">{esc(sentence)}</p><span class="nn-spoken" role="status"></span>
<form class="nn-controls" autocomplete="off" hidden>
{controls}<div class="nn-buttons"><button type="button" data-do="reset">Reset</button>
<button type="button" data-do="link">Copy link to this setting</button>
<span class="nn-said" role="status"></span></div>
</form>
<details class="nn-seen"><summary>{SEEN}</summary><p>{marked(experiment.seen)}</p></details>
<script type="application/json">{data}</script>
</nn-experiment>
"""


def panel(tree: ET.Element) -> str:
    """One figure at its natural width (96 pixels to the inch, where the SVG has 72) or less, so that
    two stand side by side; all panels of an experiment keep one scale."""
    width = float(tree.get("viewBox", "").split()[2]) * 96 / 72
    style = f"flex:{width:.0f} 1 {0.7 * width:.0f}px;max-width:min(100%,{width:.0f}px)"
    return f'<div class="nn-panel" style="{style}">{ET.tostring(tree, encoding="unicode")}</div>'


def strip_predict(text: str) -> str:
    """The prompt without a leading "Predict:", which the card writes itself."""
    text = text.strip()
    return (
        text[len("predict:") :].strip() if text.lower().startswith("predict:") else text
    )


def control_row(name: str, experiment: Experiment, index: int) -> str:
    control, esc = experiment.controls[index], html.escape
    field = f"{name}-{control.name}"
    if control.kind != "choice":
        return (
            f'<div class="nn-row"><label for="{field}">{esc(control.label)}</label>'
            f'<input type="range" id="{field}" data-control="{index}" step="1" min="0" '
            f'max="{len(control.values) - 1}" '
            f'value="{control.start}" aria-valuetext="{esc(control.texts[control.start])}">'
            f'<output for="{field}">{esc(control.texts[control.start])}</output></div>\n'
        )
    if sum(map(len, control.texts)) > RADIO_LETTERS or len(control.texts) > 5:
        options = "".join(
            f'<option value="{i}"{" selected" if i == control.start else ""}>{esc(text)}</option>'
            for i, text in enumerate(control.texts)
        )
        return (
            f'<div class="nn-row"><label for="{field}">{esc(control.label)}</label>'
            f'<select id="{field}" data-control="{index}">{options}</select></div>\n'
        )
    radios = "".join(
        f'<label><input type="radio" name="{field}" data-control="{index}" value="{i}"'
        f"{' checked' if i == control.start else ''}><span>{esc(text)}</span></label>"
        for i, text in enumerate(control.texts)
    )
    return (
        f'<fieldset class="nn-row"><legend>{esc(control.label)}</legend><div class="nn-radios">{radios}</div>'
        "</fieldset>\n"
    )


def step_row(name: str, experiment: Experiment, count: int, step: int) -> str:
    field, label = f"{name}-{experiment.step}", html.escape(experiment.step_label)
    speeds = "".join(
        f'<option value="{v}"{" selected" if v == 1 else ""}>{t}</option>'
        for v, t in ((0.25, "¼ ×"), (0.5, "½ ×"), (1, "1 ×"), (2, "2 ×"), (4, "4 ×"))
    )
    return (
        f'<div class="nn-row nn-step"><label for="{field}">{label}</label>'
        f'<input type="range" id="{field}" data-control="step" step="1" min="0" max="{count - 1}" '
        f'value="{step}">'
        f'<output for="{field}">{step}</output>'
        f'<div class="nn-play"><button type="button" data-do="play">▶ Play</button>'
        f'<label>speed <select data-do="speed">{speeds}</select></label></div></div>\n'
    )
