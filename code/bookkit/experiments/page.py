"""The static face: one HTML element that holds the picture, the controls, the texts and the packed data."""

from __future__ import annotations

import gzip
import html
import json
from typing import Any
from xml.etree import ElementTree as ET

from bookkit.experiments.definition import Definition
from bookkit.experiments.drawing import draw
from bookkit.experiments.markup import SEEN, marked, runs_line
from bookkit.experiments.moving import at_step
from bookkit.experiments.pack import Unpacked, pack
from bookkit.experiments.picture import freeze, svg_trees
from bookkit.experiments.predict import Predict

RADIO_LETTERS = 44  # choices longer than this in all become a <select>


def render(experiment: Definition, whole: bool = True) -> str:
    """Compute everything and write the element; `ValueError` if it is too large.

    Not `whole`: at the start alone, for a page whose own Python answers for the rest.
    """
    figures, moving = draw(experiment)
    first = experiment.values()
    data = experiment.moves(experiment.start, first, set(moving))
    for name, kind in moving.items():
        kind.apply(kind.check(at_step(data[name], 10**9)))
    freeze(figures)
    settings = None if whole else [experiment.start]
    packed = pack(experiment, figures, moving, settings)
    unpacked = Unpacked(packed)
    position = tuple(control.start for control in experiment.controls)
    step = packed["step"]["start"] if packed["step"] else 0
    rows = {name: unpacked.lines(name) for name in moving}
    trees = svg_trees(experiment.id, figures, moving, rows)
    for spec in packed["artists"]:
        shapes = iter(unpacked.show(spec["name"], position, step))
        for group in (g for tree in trees for g in tree.iter()):
            if group.get("data-move") == spec["name"]:
                next(shapes).place(group, spec)
    text = page_element(experiment, packed, trees, unpacked.sentence(position, step))
    size = len(gzip.compress(text.encode(), 9)) / 1000
    if size > experiment.budget_kb:
        raise ValueError(
            f"experiment {experiment.id!r} is {size:.0f} kB compressed, its budget is "
            f"{experiment.budget_kb:g}: take fewer values, steps or pixels"
        )
    return text


def page_element(
    experiment: Definition,
    packed: dict[str, Any],
    trees: list[ET.Element],
    sentence: str,
) -> str:
    ET.register_namespace("", "http://www.w3.org/2000/svg")
    # The underscore keeps the id apart from those Sphinx makes of headings, such as "Experiment: ...".
    name, esc = f"experiment_{experiment.id}", html.escape
    panels = "".join(
        panel(tree, sentence if not number else "") for number, tree in enumerate(trees)
    )
    longest = packed.pop("longest")
    data = json.dumps(packed, separators=(",", ":"), ensure_ascii=False).replace(
        "<", "\\u003c"
    )
    controls = "".join(
        control_row(name, experiment, i) for i in range(len(experiment.controls))
    )
    if packed["step"]:
        controls += step_row(name, experiment, packed["step"])
    question = marked(experiment.predict.question) + choices(experiment.predict)
    return f"""<nn-experiment id="{name}" role="group" aria-labelledby="{name}-title">
<p class="nn-title" id="{name}-title"><span class="nn-kind">Experiment</span> {esc(experiment.title)}</p>
<p class="nn-predict"><strong>Predict:</strong> {question}</p>
<div class="nn-panels">{panels}</div>
<div class="nn-said-here"><p class="nn-sentence">{esc(sentence)}</p>
<p class="nn-room" aria-hidden="true">{esc(longest)}</p></div><span class="nn-spoken" role="status"></span>
<div class="nn-deck">
{ask(name, experiment.predict)}<form class="nn-controls" autocomplete="off" hidden>
{controls}<div class="nn-buttons"><button type="button" data-do="reset">Reset</button>
<button type="button" data-do="link">Copy link to this setting</button>
<span class="nn-said" role="status"></span></div>
</form>
</div>
{GUESS}
{runs(experiment)}<details class="nn-seen"><summary>{SEEN}</summary><p>{marked(experiment.seen)}</p></details>
<script type="application/json">{data}</script>
</nn-experiment>
"""


GUESS = """<div class="nn-guess" hidden><p role="status"></p><div class="nn-buttons">
<button type="button" data-ask="happens">Show what happens</button>
<button type="button" data-ask="again">Predict again</button></div></div>"""


def runs(experiment: Definition) -> str:
    said = runs_line(experiment.runs, experiment.code)
    return f'<p class="nn-runs">{said}</p>\n' if said else ""


def choices(asked: Predict) -> str:
    """The answers as plain words, where nothing can be chosen: on paper, without scripts."""
    listed = "; ".join(map(html.escape, asked.answers))
    return f' <span class="nn-choices">({listed}.)</span>' if listed else ""


def ask(name: str, asked: Predict) -> str:
    """The form that stands in the controls' place until the reader has answered."""
    if asked.answers:
        fields = "".join(
            f'<label><input type="radio" name="{name}-answer" value="{html.escape(a)}" '
            f"required><span>{marked(a)}</span></label>"
            for a in asked.answers
        )
    elif asked.draw:
        fields = "<p>Draw your line in the picture, or set it with the arrow keys.</p>"
    else:
        fields = (
            f'<input type="text" name="{name}-answer" required maxlength="200" '
            'aria-label="Your answer in a few words" placeholder="In a few words">'
        )
    return (
        '<form class="nn-ask" autocomplete="off" hidden><fieldset>'
        f'<legend>Your prediction</legend><div class="nn-answers">{fields}</div>'
        '</fieldset><div class="nn-buttons"><button type="submit">Predict, then try'
        '</button><button type="button" data-ask="skip">Skip</button>'
        '<span class="nn-said" role="status"></span></div></form>\n'
    )


def panel(tree: ET.Element, sentence: str) -> str:
    """One figure at its natural width or less, so that two stand side by side.

    96 pixels to the inch, where the SVG has 72; all panels of an experiment keep one
    scale. The first figure speaks for all of them: `sentence`. What the reader takes
    hold of stands beside the picture, which is silent itself.
    """
    width = float(tree.get("viewBox", "").split()[2]) * 96 / 72
    style = f"flex:{width:.0f} 1 {0.7 * width:.0f}px;max-width:min(100%,{width:.0f}px)"
    said = f' role="img" aria-label="{html.escape(sentence)}"' if sentence else ""
    drawn = ET.tostring(tree, encoding="unicode")
    return (
        f'<div class="nn-panel" style="{style}"><div class="nn-picture"{said}>{drawn}'
        "</div></div>"
    )


def control_row(name: str, experiment: Definition, index: int) -> str:
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


def step_row(name: str, experiment: Definition, step: dict[str, Any]) -> str:
    field, label = f"{name}-{experiment.step}", html.escape(experiment.step_label)
    start = step["start"]
    text = html.escape(step["texts"][start])
    speeds = "".join(
        f'<option value="{v}"{" selected" if v == 1 else ""}>{t}</option>'
        for v, t in ((0.25, "¼ ×"), (0.5, "½ ×"), (1, "1 ×"), (2, "2 ×"), (4, "4 ×"))
    )
    return (
        f'<div class="nn-row nn-step"><label for="{field}">{label}</label>'
        f'<input type="range" id="{field}" data-control="step" step="1" min="0" '
        f'max="{step["count"] - 1}" value="{start}" aria-valuetext="{text}">'
        f'<output for="{field}">{text}</output>'
        f'<div class="nn-play"><button type="button" data-do="play">▶ Play</button>'
        f'<label>speed <select data-do="speed">{speeds}</select></label></div></div>\n'
    )
