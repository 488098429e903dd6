"""`Experiment`: one definition in Python, two faces (widgets in Jupyter, a web component in the book)."""

from __future__ import annotations

import html
import os
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any

from bookkit.experiments import artists
from bookkit.experiments.controls import Control, make_controls
from bookkit.experiments.moving import length


class Experiment:
    """Something to predict, to try out and to explain; leave it as the last line of a cell to show it.

    Args:
        id: short name for links, of letters, digits and hyphens, unique in the book.
        title: one line above the picture.
        controls: name → values. Words or booleans make a choice; increasing numbers a slider (`np.linspace`,
            `Log(low, high, n)`, `range`, or any list of numbers).
        setup: `setup() -> (figure or [figures], {name: artist})` draws the fixed picture once, each figure at
            most 4.6 in wide, and names the artists that move. Axis limits stay as setup leaves them.
        compute: `compute(**controls) -> {name: data}` for every named artist, without side effects. Data by
            artist: plot, axhline, axvline, scatter `(x, y)`; imshow a 2-D array of the shape set up; text a
            `str`; bar the heights; fill_between `(x, y1, y2)`. With a step control, also `trail(x, y)`,
            `head(x, y)` and `frames(list)`.
        step: name of the step control, which plays along `trail`, `head` and `frames`, without grid points;
            or `(name, count)` to fix the number of its positions.
        start: name → starting value, the nearest listed (default: first choice, middle number, last step).
        labels: name → words beside the control.
        choices: name → {value: words shown}.
        formats: name → format of numbers, such as "{:.2f}" (default "{:.3g}").
        predict: the question asked before the reader touches anything.
        seen: what the reader should have seen, and why; folded. In both texts `*word*` is emphasis, and words
            between backticks are code.
        alt: `alt(settings, data) -> str`, a sentence on what the picture shows, printed under it and spoken
            as its alternative text; `settings` maps names to values, `data` is what compute returned.
        levels: shades of an image in the built book.
        budget_kb: largest allowed compressed size there.

    Raises:
        ValueError: for a definition that cannot work; when built, also for a wrong name or shape from
            `compute`, a grid above 5,000 settings and an exceeded budget. What `compute` raises is passed on.

    Example:

    >>> import numpy as np
    >>> import matplotlib.pyplot as plt
    >>> def setup():
    ...     figure, ax = plt.subplots(figsize=(4, 3), layout="constrained")
    ...     x = np.linspace(-2, 2, 50)
    ...     ax.plot(x, x**2, color="C7")
    ...     ax.set(xlabel="$x$", ylabel="$f(x)$")
    ...     (path,) = ax.plot([], [], "o-", color="C0")
    ...     return figure, {"path": path}
    >>> def compute(lr):
    ...     x = 1.8 * (1 - 2 * lr) ** np.arange(11)
    ...     return {"path": trail(x, x**2)}
    >>> from bookkit.experiments import Experiment, trail
    >>> experiment = Experiment(
    ...     "descent-parabola", "Descent on a parabola", {"lr": [0.05, 0.3, 0.8, 0.95]}, setup, compute,
    ...     step="step", labels={"lr": "learning rate η"}, predict="Which η reaches the bottom first?",
    ...     seen="Above 0.5 every step jumps across the valley.",
    ...     alt=lambda s, d: f"With η = {s['lr']} ten steps end at x = {d['path'].x[-1]:.2f}.")
    >>> round(float(experiment.values(lr=0.3)["path"].x[1]), 2)
    0.72
    """

    def __init__(
        self,
        id: str,
        title: str,
        controls: Mapping[str, Iterable[Any]],
        setup: Callable[[], tuple[Any, dict[str, Any]]],
        compute: Callable[..., dict[str, Any]],
        *,
        predict: str,
        seen: str,
        alt: Callable[[dict[str, Any], dict[str, Any]], str],
        step: str | tuple[str, int] | None = None,
        start: Mapping[str, Any] | None = None,
        labels: Mapping[str, str] | None = None,
        choices: Mapping[str, Mapping[Any, str]] | None = None,
        formats: Mapping[str, str] | None = None,
        levels: int = 64,
        budget_kb: float = 250,
    ) -> None:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", id):
            raise ValueError(
                f"an experiment's id is made of letters, digits and hyphens, got {id!r}"
            )
        for what, text in (("title", title), ("predict", predict), ("seen", seen)):
            if not isinstance(text, str) or not text.strip():
                raise ValueError(f"experiment {id!r} needs a {what}, got {text!r}")
        if not 2 <= levels <= 255:
            raise ValueError(f"levels must be between 2 and 255, got {levels}")
        self.id, self.title, self.predict, self.seen, self.alt = (
            id,
            title,
            predict,
            seen,
            alt,
        )
        self.setup, self.compute, self.levels, self.budget_kb = (
            setup,
            compute,
            levels,
            budget_kb,
        )
        self.step: str | None = step[0] if isinstance(step, tuple) else step
        self.step_count: int | None = step[1] if isinstance(step, tuple) else None
        names = {*controls, *([self.step] if self.step else [])}
        for given in (start, labels, choices, formats):
            if unknown := set(given or {}) - names:
                raise ValueError(
                    f"experiment {id!r} has no control {sorted(unknown)}; it has {sorted(names)}"
                )
        if not controls or self.step in controls:
            raise ValueError(
                f"experiment {id!r} needs a control besides the step control, got {list(controls)}"
            )
        self.controls: list[Control] = make_controls(
            controls, start or {}, labels or {}, choices or {}, formats or {}
        )
        self.step_label = (labels or {}).get(self.step, self.step) if self.step else ""
        self.step_start = (start or {}).get(self.step) if self.step else None
        self.errors: list[Exception] = []

    @property
    def start(self) -> dict[str, Any]:
        """The starting value of every control (without the step)."""
        return {
            control.name: control.values[control.start] for control in self.controls
        }

    def draw(self) -> tuple[list[Any], dict[str, Any]]:
        """Run `setup` and return its figures and artists, checked and taken out of pyplot's hands."""
        import matplotlib.pyplot as plt

        drawn = self.setup()
        if not (
            isinstance(drawn, tuple)
            and len(drawn) == 2
            and isinstance(drawn[1], dict)
            and drawn[1]
        ):
            raise ValueError(
                f"setup of {self.id!r} must return (figure or figures, {{name: artist}})"
            )
        figures = list(drawn[0]) if isinstance(drawn[0], list | tuple) else [drawn[0]]
        for figure in figures:
            plt.close(figure)
            if figure.get_figwidth() > 4.61:
                raise ValueError(
                    f"{self.id!r}: a figure may be 4.6 in wide (a phone), got {figure.get_figwidth():.2f}"
                )
            for ax in figure.axes:
                ax.autoscale(False)
        for name, artist in drawn[1].items():
            artists.kind_of(name, artist)
            if artists.figure_of(artist) not in figures:
                raise ValueError(
                    f"artist {name!r} of {self.id!r} is not in a figure that setup returned"
                )
        return figures, drawn[1]

    def values(self, **settings: Any) -> dict[str, Any]:
        """What `compute` gives at these settings, the others at their start; its names checked."""
        if unknown := set(settings) - set(self.start):
            raise ValueError(
                f"experiment {self.id!r} has no control {sorted(unknown)}; it has {sorted(self.start)}"
            )
        data = self.compute(**{**self.start, **settings})
        if not isinstance(data, dict):
            raise ValueError(
                f"compute of {self.id!r} must return a dict, got {type(data).__name__}"
            )
        for name, value in data.items():
            if length(value) and not self.step:
                raise ValueError(
                    f"{self.id!r}: {name!r} moves along a step, but no step control is defined"
                )
            if self.step_count and length(value) > self.step_count:
                raise ValueError(
                    f"{self.id!r}: {name!r} has {length(value)} steps, the control {self.step_count}"
                )
        return data

    def sentence(self, settings: dict[str, Any], data: dict[str, Any]) -> str:
        """The alternative text at these settings."""
        text = self.alt(settings, data)
        if not isinstance(text, str) or not text.strip():
            raise ValueError(
                f"alt of {self.id!r} must give a sentence, got {text!r} at {settings}"
            )
        return text

    def check_live(self, max_corners: int = 64) -> dict[str, float]:
        """Drive the live face to both ends of every control and to every corner; raise what goes wrong.

        Returns the number of settings visited and the median and longest time of an update, in seconds.
        """
        from bookkit.experiments.drive import check_live

        return check_live(self, max_corners)

    @cached_property
    def html(self) -> str:
        """The static face: the whole grid is computed here, so this may take a while."""
        from bookkit.experiments.static import render

        return render(self)

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> dict[str, Any]:
        if os.environ.get("NNTRAIN_STATIC", "") not in ("", "0"):
            return {"text/html": self.html, "text/plain": f"Experiment: {self.title}"}
        from bookkit.experiments.live import LiveFace

        return LiveFace(self).widget._repr_mimebundle_()


def marked(text: str) -> str:
    """Escape for HTML, with `*emphasis*`, `` `code` `` and blank-line paragraphs."""
    safe = html.escape(text.strip(), quote=False)
    safe = re.sub(r"`([^`]+)`", r"<code>\1</code>", safe)
    safe = re.sub(r"(?<![\w*])\*([^*\s][^*]*)\*", r"<em>\1</em>", safe)
    return re.sub(r"\n\s*\n", "<br><br>", safe)
