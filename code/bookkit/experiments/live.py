"""The live face: ipywidgets that recompute the picture with any value in a control's range."""

from __future__ import annotations

import html
import math
import time
from typing import Any

import ipywidgets as widgets

from bookkit.experiments import artists
from bookkit.experiments.canvas import Canvas
from bookkit.experiments.controls import Control
from bookkit.experiments.experiment import Experiment, marked
from bookkit.experiments.moving import at_step, length
from bookkit.experiments.static import SEEN, start_step, strip_predict

SLOW = 0.1  # seconds: beyond this a moved slider computes when let go


class LiveFace:
    """The widgets of one experiment; `widget` is what Jupyter shows."""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self.figures, self.moving = experiment.draw()
        self.pictures = [
            widgets.Image(format="png", layout={"max_width": "100%"})
            for _ in self.figures
        ]
        for figure, picture in zip(self.figures, self.pictures, strict=True):
            picture.width = str(round(figure.get_figwidth() * 96))
        self.canvases = [
            Canvas(figure, list(self.moving.values())) for figure in self.figures
        ]
        self.busy = False
        self.settings: dict[str, Any] = {}
        self.data: dict[str, Any] = {}
        self.seconds = 0.0
        self.fields = {control.name: field(control) for control in experiment.controls}
        self.step = widgets.IntSlider(
            min=0, max=0, readout=False, layout={"width": "18rem"}
        )
        self.outputs = {name: widgets.HTML() for name in [*self.fields, "step"]}
        self.sentence, self.status = widgets.HTML(), widgets.HTML()
        for name, widget in {**self.fields, "step": self.step}.items():
            widget.observe(lambda change, name=name: self.changed(), names="value")
        self.changed()
        if experiment.step:
            self.reset()
        self.widget = self.arrange()

    def arrange(self) -> widgets.VBox:
        experiment = self.experiment
        rows = [
            self.row(c.label, self.fields[c.name], self.outputs[c.name])
            for c in experiment.controls
        ]
        if experiment.step:
            play = widgets.Play(
                min=0, max=self.step.max, interval=100, show_repeat=False
            )
            widgets.jslink((play, "value"), (self.step, "value"))
            widgets.jslink((self.step, "max"), (play, "max"))
            speed = widgets.Dropdown(
                options=[("¼ ×", 400), ("½ ×", 200), ("1 ×", 100), ("2 ×", 50)],
                value=100,
                layout={"width": "5rem"},
            )
            speed.observe(
                lambda change: setattr(play, "interval", change["new"]), names="value"
            )
            rows.append(
                self.row(experiment.step_label, self.step, self.outputs["step"])
            )
            rows.append(widgets.HBox([play, speed]))
        reset = widgets.Button(description="Reset")
        reset.on_click(lambda _: self.reset())
        return widgets.VBox([
            widgets.HTML(f"<b>Experiment: {html.escape(experiment.title)}</b>"),
            widgets.HTML(f"<b>Predict:</b> {marked(strip_predict(experiment.predict))}"),
            widgets.HBox(self.pictures, layout={"flex_flow": "row wrap"}),
            self.sentence,
            *rows,
            widgets.HBox([reset, self.status]),
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

    def reset(self) -> None:
        """Back to the starting values, with one redrawing."""
        self.busy = True
        for control in self.experiment.controls:
            self.fields[control.name].value = control.values[control.start]
        self.busy = False
        self.changed()
        if self.experiment.step and self.data:
            self.step.value = start_step(self.experiment, self.step.max + 1)

    def changed(self) -> None:
        """Compute if a control moved, then show the step; an exception becomes a message to the reader."""
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
            self.experiment.errors.append(error)
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
        if set(data) != set(self.moving):
            raise ValueError(
                f"compute gave {sorted(data)}, setup named {sorted(self.moving)}"
            )
        sentence = self.experiment.sentence(settings, data)
        self.settings, self.data = settings, data
        self.sentence.value = html.escape(sentence)
        for picture in self.pictures:
            picture.alt = sentence
        self.busy = True
        longest = max(length(value) for value in data.values())
        self.step.max = max((self.experiment.step_count or longest) - 1, 0)
        self.busy = False

    def show(self) -> None:
        """Move the artists to the current step and draw the figures."""
        for name, artist in self.moving.items():
            value = artists.check(
                name, artist, at_step(self.data[name], self.step.value)
            )
            artists.apply(artist, artists.kind_of(name, artist), value)
        for control in self.experiment.controls:
            text = control.write(self.fields[control.name].value)
            self.outputs[control.name].value = (
                "" if control.kind == "choice" else html.escape(text)
            )
        self.outputs["step"].value = str(self.step.value)
        for canvas, picture in zip(self.canvases, self.pictures, strict=True):
            picture.value = canvas.png()


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
