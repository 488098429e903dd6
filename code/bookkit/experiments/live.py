"""The live face: ipywidgets that recompute the picture with any value in a control's range."""

from __future__ import annotations

import html
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as widgets

from bookkit.experiments.canvas import Canvas
from bookkit.experiments.controls import Control
from bookkit.experiments.definition import Definition
from bookkit.experiments.drawing import draw
from bookkit.experiments.markup import SEEN, marked, runs_line
from bookkit.experiments.moving import at_step
from bookkit.experiments.predict import Predict

SLOW = 0.1  # seconds: beyond this a moved slider computes when let go


class LiveFace:
    """The widgets of one experiment; `widget` is what Jupyter shows."""

    def __init__(self, experiment: Definition) -> None:
        self.experiment = experiment
        self.figures, self.moving = draw(experiment)
        # Each keeps its own height: a row would stretch the lower of two pictures.
        shape = {"max_width": "100%", "height": "auto", "align_self": "flex-start"}
        self.pictures = [
            widgets.Image(
                format="png", width=str(round(f.get_figwidth() * 96)), layout=shape
            )
            for f in self.figures
        ]
        kinds = list(self.moving.values())
        self.canvases = [Canvas(figure, kinds) for figure in self.figures]
        self.errors: list[Exception] = []
        self.busy = False
        self.settings: dict[str, Any] = {}
        self.data: dict[str, Any] = {}
        self.moved: dict[str, Any] = {}
        self.seconds = 0.0
        self.fields = {control.name: field(control) for control in experiment.controls}
        self.step = widgets.IntSlider(
            min=0, max=0, readout=False, layout={"width": "18rem"}
        )
        self.play = widgets.Play(min=0, max=0, interval=100, show_repeat=False)
        self.outputs = {name: widgets.HTML() for name in [*self.fields, "step"]}
        self.sentence, self.status = widgets.HTML(), widgets.HTML()
        for widget in (*self.fields.values(), self.step):
            widget.observe(lambda change: self.changed(), names="value")
        self.changed()
        self.reset()
        self.widget = self.arrange()

    def arrange(self) -> widgets.VBox:
        experiment = self.experiment
        rows = [
            self.row(c.label, self.fields[c.name], self.outputs[c.name])
            for c in experiment.controls
        ]
        if experiment.step:
            # In this order: on the screen a link first sets its second member, so the
            # player begins where the slider stands, not the slider at step 0.
            widgets.jslink((self.step, "max"), (self.play, "max"))
            widgets.jslink((self.step, "value"), (self.play, "value"))
            speed = widgets.Dropdown(
                options=[("¼ ×", 400), ("½ ×", 200), ("1 ×", 100), ("2 ×", 50)],
                value=100,
                layout={"width": "5rem"},
            )
            widgets.link((speed, "value"), (self.play, "interval"))
            rows.append(
                self.row(experiment.step_label, self.step, self.outputs["step"])
            )
            rows.append(widgets.HBox([self.play, speed]))
        reset = widgets.Button(description="Reset")
        reset.on_click(lambda _: self.reset())
        opened = widgets.VBox([*rows, reset])
        asked = experiment.predict
        self.question = Question(asked, opened, self.go, experiment.values)
        return widgets.VBox([
            widgets.HTML(f"<b>Experiment: {html.escape(experiment.title)}</b>"),
            widgets.HTML(f"<b>Predict:</b> {marked(asked.question)}"),
            widgets.HBox(self.pictures, layout={"flex_flow": "row wrap"}),
            self.sentence,
            self.question.widget,
            opened,
            self.status,
            widgets.HTML(runs_line(experiment.runs, experiment.code)),
            widgets.HTML(f"<details><summary>{SEEN}</summary>{marked(experiment.seen)}</details>"),
        ])  # fmt: skip

    @staticmethod
    def row(label: str, slider: widgets.Widget, output: widgets.HTML) -> widgets.HBox:
        return widgets.HBox(
            [
                widgets.HTML(html.escape(label), layout={"width": "11rem"}),
                slider,
                output,
            ]
        )

    def go(self, wanted: Mapping[str, Any]) -> None:
        """Set some of the controls, and the step to where it is wanted or to its end."""
        self.busy = True
        for name in set(wanted) & set(self.fields):
            self.fields[name].value = wanted[name]
        self.busy = False
        self.changed()
        if self.experiment.step:
            place = wanted.get(self.experiment.step)
            self.step.value = self.experiment.step_place(place, self.step.max + 1)

    def reset(self) -> None:
        """Back to the starting values, with one redrawing."""
        self.busy = True
        for control in self.experiment.controls:
            self.fields[control.name].value = control.values[control.start]
        if self.experiment.step and self.data:
            self.step.value = self.experiment.step_begin(self.step.max + 1)
            self.play.max, self.play.value = self.step.max, self.step.value
        self.busy = False
        self.changed()

    def changed(self) -> None:
        """Compute if a control moved, then show the step; tell the reader of errors."""
        if self.busy:
            return
        began = time.perf_counter()
        settings = {name: widget.value for name, widget in self.fields.items()}
        try:
            if settings != self.settings:
                self.status.value = "computing…" if self.seconds > SLOW else ""
                self.compute(settings)
            self.show()
            self.status.value = ""
        except Exception as error:  # whatever an edited compute() may raise
            self.errors.append(error)
            message = html.escape(f"{type(error).__name__}: {error}")
            self.status.value = (
                f'<span role="alert" style="color: #b00020">{message}</span>'
            )
        self.seconds = time.perf_counter() - began
        if self.seconds > SLOW:
            for widget in self.fields.values():
                if hasattr(widget, "continuous_update"):
                    widget.continuous_update = False

    def compute(self, settings: dict[str, Any]) -> None:
        data = self.experiment.values(**settings)
        moved = self.experiment.moves(settings, data, set(self.moving))
        last = self.experiment.steps([data]) - 1
        self.settings, self.data, self.moved = settings, data, moved
        self.busy = True
        self.step.max = last
        self.busy = False

    def show(self) -> None:
        """Move the artists to the current step, draw the figures and say what they show."""
        k = self.step.value
        for name, kind in self.moving.items():
            kind.apply(kind.check(at_step(self.moved[name], k)))
        for control in self.experiment.controls:
            text = control.write(self.fields[control.name].value)
            self.outputs[control.name].value = (
                "" if control.kind == "choice" else html.escape(text)
            )
        if self.experiment.step:
            text = self.experiment.step_text(k, self.step.max + 1)
            self.outputs["step"].value = html.escape(text)
        sentence = self.experiment.sentence(self.settings, self.data, k)
        self.sentence.value = html.escape(sentence)
        for canvas, picture in zip(self.canvases, self.pictures, strict=True):
            picture.value, picture.alt = canvas.png(), sentence


class Question:
    """The prediction: an answer or "Skip" opens the controls, "Show" sets them."""

    def __init__(
        self,
        asked: Predict,
        opened: widgets.Widget,
        go: Callable[[Mapping[str, Any]], None],
        values: Callable[..., dict[str, Any]],
    ) -> None:
        self.asked, self.opened, self.go, self.values = asked, opened, go, values
        if asked.answers:
            self.answer: Any = widgets.RadioButtons(
                options=list(asked.answers), value=None, layout={"width": "max-content"}
            )
        else:
            self.answer = widgets.Text(placeholder="Your answer in a few words")
        predict, skip, show = (
            widgets.Button(description=words, layout={"width": "max-content"})
            for words in ("Predict, then try", "Skip", "Show what happens")
        )
        predict.on_click(lambda _: self.leave() if self.answer.value else None)
        skip.on_click(lambda _: self.leave(skipped=True))
        show.on_click(lambda _: self.show())
        self.told = widgets.HTML()
        self.form = widgets.VBox([self.answer, widgets.HBox([predict, skip])])
        self.shown = widgets.VBox([self.told, show] if asked.at else [self.told])
        self.widget = widgets.VBox([self.form])
        opened.layout.display = "none"

    def leave(self, skipped: bool = False) -> None:
        self.opened.layout.display = None
        self.widget.children = [] if skipped else [self.shown]
        self.tell("Now try it.")

    def show(self) -> None:
        """Go where it shows, and set what was predicted beside what happens."""
        self.go(self.asked.at)
        right = self.asked.found(self.values)
        if right and right == self.answer.value:
            self.tell("And so it is.")
        elif right:
            self.tell(f"What happens: “{right}”.")
        else:
            self.tell("Above it stands what happens.")

    def tell(self, more: str) -> None:
        self.told.value = html.escape(f"You predicted: “{self.answer.value}”. {more}")


def field(control: Control) -> widgets.ValueWidget:
    """The widget for a control; its value is what `compute` receives."""
    values, begin = control.values, control.values[control.start]
    common = {"value": begin, "layout": {"width": "18rem"}}
    if control.kind == "choice":
        options = list(zip(control.texts, values, strict=True))
        return widgets.Dropdown(options=options, **common)
    common["readout"] = False
    if control.kind == "listed":
        return widgets.SelectionSlider(
            options=list(zip(control.texts, values, strict=True)), **common
        )
    low, high = values[0], values[-1]
    if control.kind == "integer":
        return widgets.IntSlider(min=low, max=high, step=values[1] - low, **common)
    if control.kind == "log":
        return widgets.FloatLogSlider(
            min=math.log10(low), max=math.log10(high), step=0.01, **common
        )
    return widgets.FloatSlider(
        min=low, max=high, step=(high - low) / (len(values) - 1) / 10, **common
    )
