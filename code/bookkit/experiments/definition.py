"""What an experiment is: controls, a picture, `compute`, and the words around them.

A definition knows nothing of how it is shown: see `page` and `live`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from bookkit.experiments.controls import Control, make_controls, position
from bookkit.experiments.moving import cut, length
from bookkit.experiments.predict import Predict, read_predict

Setup = Callable[[], tuple[Any, dict[str, Any]]]
Step = str | tuple[str, int | Sequence[Any]]


class Panel(Protocol):
    """One figure of an experiment, which knows what it takes from `compute`'s data."""

    def draw(self) -> tuple[Any, dict[str, Any]]:
        """The figure, and its moving artists by name."""

    def move(self, settings: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        """Data for each of those artists."""

    def series(self) -> set[str]:
        """Names of the data that grow along the step."""

    def grips(self) -> Mapping[str, Sequence[str]]:
        """Artists that the reader takes hold of: name → the controls they set."""

    def words(self) -> Mapping[str, str | Sequence[str]]:
        """What artists are called when their values are read; of bars, one each."""

    def windows(self) -> tuple[str, Mapping[Any, Sequence[float]]] | None:
        """The control that changes the scales, and its value → x0, x1, y0, y1."""


class Definition:
    """An experiment's controls, picture, computation and words, checked."""

    def __init__(
        self,
        id: str,
        title: str,
        controls: Mapping[str, Iterable[Any]],
        setup: Setup | None = None,
        compute: Callable[..., dict[str, Any]] | None = None,
        *,
        predict: str | Predict,
        seen: str,
        alt: Callable[[dict[str, Any], dict[str, Any]], str],
        panels: Sequence[Panel] = (),
        step: Step | None = None,
        start: Mapping[str, Any] | None = None,
        labels: Mapping[str, str] | None = None,
        choices: Mapping[str, Mapping[Any, str]] | None = None,
        formats: Mapping[str, str] | None = None,
        handles: Mapping[str, Sequence[str]] | None = None,
        runs: str = "",
        levels: int = 64,
        budget_kb: float = 250,
    ) -> None:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", id):
            raise ValueError(
                f"an experiment's id is made of letters, digits and hyphens, got {id!r}"
            )
        for what, text in (("title", title), ("predict", predict), ("seen", seen)):
            if isinstance(text, Predict):
                continue
            if not isinstance(text, str) or not text.strip():
                raise ValueError(f"experiment {id!r} needs a {what}, got {text!r}")
        if not 2 <= levels <= 255:
            raise ValueError(f"levels must be between 2 and 255, got {levels}")
        if compute is None or (setup is None) == (not panels):
            raise ValueError(
                f"experiment {id!r} needs compute, and either panels or setup"
            )
        self.id, self.title, self.seen = id, title, seen
        self.predict, self.runs = read_predict(predict), runs
        self.alt, self.compute, self.panels = alt, compute, list(panels)
        self.setup: Setup = setup or self._draw_panels
        self.levels, self.budget_kb = levels, budget_kb
        self.step, self.step_values = read_step(id, step)
        names = {*controls, *([self.step] if self.step else [])}
        for given in (start, labels, choices, formats):
            if unknown := set(given or {}) - names:
                raise ValueError(
                    f"experiment {id!r} has no control {sorted(unknown)}; "
                    f"it has {sorted(names)}"
                )
        if not controls or self.step in controls:
            raise ValueError(
                f"experiment {id!r} needs a control besides the step control, "
                f"got {list(controls)}"
            )
        self.controls: list[Control] = make_controls(
            controls, start or {}, labels or {}, choices or {}, formats or {}
        )
        key = self.step or ""
        self.step_label = (labels or {}).get(key, key)
        self.step_start = (start or {}).get(key)
        self.step_format = (formats or {}).get(key)
        if unknown := set(self.predict.at) - names:
            raise ValueError(
                f"the prediction of {id!r} shows at {sorted(unknown)}, which is no "
                f"control; it has {sorted(names)}"
            )
        self.handles = {name: list(moved) for name, moved in (handles or {}).items()}
        for number, panel in enumerate(self.panels):
            for name, moved in panel.grips().items():
                self.handles[f"{number}-{name}"] = list(moved)
        for name, moved in self.handles.items():
            if not 1 <= len(moved) <= 2 or set(moved) - names:
                raise ValueError(
                    f"handle {name!r} of {id!r} moves one or two of the controls "
                    f"{sorted(names)}, got {moved}"
                )

    # ----------------------------------------------------------------------- controls

    @property
    def start(self) -> dict[str, Any]:
        """The starting value of every control (without the step)."""
        return {
            control.name: control.values[control.start] for control in self.controls
        }

    @property
    def code(self) -> str:
        """Name of the function that computes; "" for one without a name."""
        name = getattr(self.compute, "__name__", "")
        return name if name.isidentifier() else ""

    def place(self, name: str, value: Any) -> int:
        """The position of a value that a control lists, or the nearest one's."""
        control = next(c for c in self.controls if c.name == name)
        return position(name, control.kind, control.values, value)

    def values(self, **settings: Any) -> dict[str, Any]:
        """What `compute` gives at these settings, the others at their start."""
        if unknown := set(settings) - set(self.start):
            raise ValueError(
                f"experiment {self.id!r} has no control {sorted(unknown)}; "
                f"it has {sorted(self.start)}"
            )
        data = self.compute(**{**self.start, **settings})
        if not isinstance(data, dict):
            raise ValueError(
                f"compute of {self.id!r} must return a dict, got {type(data).__name__}"
            )
        return data

    # ------------------------------------------------------------------- what moves

    def _draw_panels(self) -> tuple[Any, dict[str, Any]]:
        figures, artists = [], {}
        for number, panel in enumerate(self.panels):
            figure, moving = panel.draw()
            figures.append(figure)
            artists.update({f"{number}-{name}": a for name, a in moving.items()})
        return figures, artists

    def moves(
        self, settings: dict[str, Any], data: dict[str, Any], artists: set[str]
    ) -> dict[str, Any]:
        """The data of every artist, by its name, from what `compute` returned."""
        moved = dict(data)
        if self.panels:
            try:
                moved = {
                    f"{number}-{name}": value
                    for number, panel in enumerate(self.panels)
                    for name, value in panel.move(settings, data).items()
                }
            except KeyError as missing:
                raise ValueError(
                    f"a panel of {self.id!r} needs {missing}; "
                    f"compute gave {sorted(data)}"
                ) from missing
        if set(moved) != artists:
            raise ValueError(
                f"compute of {self.id!r} gave {sorted(moved)}, "
                f"setup named {sorted(artists)}"
            )
        for name, value in moved.items():
            if length(value) and not self.step:
                raise ValueError(
                    f"{self.id!r}: {name!r} moves along a step, "
                    "but no step control is defined"
                )
            if self.step_values and length(value) > len(self.step_values):
                raise ValueError(
                    f"{self.id!r}: {name!r} has {length(value)} steps, "
                    f"the control {len(self.step_values)}"
                )
        return moved

    def handle_specs(self, artists: Sequence[str]) -> list[dict[str, Any]]:
        """The handles as the page needs them: artist, controls by place, and words."""
        names = [control.name for control in self.controls]
        words = {control.name: control.label for control in self.controls}
        specs = []
        for artist, moved in self.handles.items():
            if artist not in artists:
                raise ValueError(
                    f"{self.id!r} has no artist {artist!r} for a handle; "
                    f"it has {sorted(artists)}"
                )
            specs.append(
                {
                    "artist": artists.index(artist),
                    "controls": [
                        names.index(n) if n in names else "step" for n in moved
                    ],
                    "label": " and ".join(words.get(n, self.step_label) for n in moved),
                }
            )
        return specs

    # ------------------------------------------------------------------------ the step

    def series(self) -> set[str]:
        """Names of compute's data that grow along the step, as the panels say."""
        return set().union(*(panel.series() for panel in self.panels))

    def steps(self, found: Iterable[dict[str, Any]]) -> int:
        """How many positions the step control has, for data found at some settings."""
        if not self.step:
            return 1
        if self.step_values:
            return len(self.step_values)
        series = self.series()
        longest = max(
            len(value) if name in series else length(value)
            for data in found
            for name, value in data.items()
        )
        if not longest:
            raise ValueError(
                f"{self.id!r} has a step control, "
                "but compute returns no trail, head or frames"
            )
        return longest

    def step_value(self, k: int) -> Any:
        """What the step control stands at in position k."""
        return self.step_values[k] if self.step_values else k

    def step_text(self, k: int, count: int) -> str:
        """How the step is written: "50 of 300", or as its format says."""
        value, last = self.step_value(k), self.step_value(count - 1)
        if self.step_format:
            return self.step_format.format(value)
        return f"{value} of {last}" if isinstance(value, int | float) else str(value)

    def step_begin(self, count: int) -> int:
        """The position the step starts from: the last, unless `start` says otherwise."""
        return self.step_place(self.step_start, count)

    def step_place(self, wanted: Any, count: int) -> int:
        """The position of a value of the step; of none (None) the last."""
        values = [self.step_value(k) for k in range(count)]
        if wanted is None:
            return count - 1
        if wanted not in values:
            raise ValueError(
                f"{self.step!r} shall stand at {wanted}, but it goes from {values[0]} "
                f"to {values[-1]}"
            )
        return values.index(wanted)

    def step_spec(self, count: int) -> dict[str, Any] | None:
        """The step control as the page needs it."""
        if not self.step:
            return None
        return {
            "name": self.step,
            "label": self.step_label,
            "count": count,
            "start": self.step_begin(count),
            "values": [self.step_value(k) for k in range(count)],
            "texts": [self.step_text(k, count) for k in range(count)],
        }

    # ----------------------------------------------------------------------- the words

    def words(self) -> dict[str, str | Sequence[str]]:
        """What each moving artist is called, as the panels say."""
        return {
            f"{number}-{name}": words
            for number, panel in enumerate(self.panels)
            for name, words in panel.words().items()
        }

    # ------------------------------------------------------------------ the prediction

    def predict_spec(self, count: int, artists: Sequence[str]) -> dict[str, Any]:
        """The prediction as the page needs it: answer, places to show it, curve."""
        asked = self.predict
        spec: dict[str, Any] = {"right": asked.found(self.values)}
        if asked.at:
            spec["at"] = [
                self.place(c.name, asked.at[c.name]) if c.name in asked.at else -1
                for c in self.controls
            ]
            step = asked.at.get(self.step) if self.step else None
            spec["step"] = self.step_place(step, count) if self.step else 0
        if asked.draw:
            if asked.draw not in artists:
                raise ValueError(
                    f"{self.id!r} has no artist {asked.draw!r} to draw; it has "
                    f"{sorted(artists)}"
                )
            spec["draw"] = list(artists).index(asked.draw)
        return spec

    def sentence(self, settings: dict[str, Any], data: dict[str, Any], k: int) -> str:
        """What the picture shows at these settings and step k, as `alt` says it."""
        series = self.series()
        shown = {name: cut(value, k, name in series) for name, value in data.items()}
        where = {self.step: self.step_value(k)} if self.step else {}
        text = self.alt({**settings, **where}, shown)
        if not isinstance(text, str) or not text.strip():
            raise ValueError(
                f"alt of {self.id!r} must give a sentence, got {text!r} at {settings}"
            )
        return " ".join(text.split())


def read_step(id: str, step: Step | None) -> tuple[str | None, list[Any] | None]:
    """The step control's name, and its values if the author fixed them."""
    if not isinstance(step, tuple):
        return step, None
    name, given = step
    values = list(range(given)) if isinstance(given, int) else list(given)
    values = [v.item() if isinstance(v, np.generic) else v for v in values]
    if len(values) < 2 or len(set(values)) < len(values):
        raise ValueError(
            f"the step control of {id!r} needs two or more different values, "
            f"got {values}"
        )
    return name, values
