"""`Experiment`: a definition with its two faces, widgets in Jupyter and a page element."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from bookkit.experiments.definition import Definition
from bookkit.experiments.page import render
from bookkit.notebook import in_static_book


class Experiment(Definition):
    """Something to predict, to try out and to explain: the last line of a cell shows it.

    Args:
        id: short name for links, of letters, digits and hyphens, unique in the book.
        title: one line above the picture.
        controls: name → values. Words or booleans make a choice; increasing numbers a
            slider (`np.linspace`, `Log(low, high, n)`, `Round(low, high)`, `range`, or
            any list of numbers).
        panels: the pictures, such as `Landscape`, `Curves`, `Bars` and `DecisionMap`,
            which take what they show from the data by name.
        setup: in place of panels, for a picture that none of them fits:
            `setup() -> (figure or [figures], {name: artist})` draws the fixed picture
            once, each figure at most 4.6 in wide, and names the artists that move.
        compute: `compute(**controls) -> {name: data}`, without side effects. With
            panels, what they ask for; with setup, data for every named artist: plot,
            axhline, axvline, scatter `(x, y)`; imshow a 2-D array of the shape set up;
            text a `str` or `(x, y, str)`; bar the lengths; fill_between `(x, y1, y2)`.
            With a step control, also `trail(x, y)`, `head(x, y)` and `frames(list)`.
        step: name of the step control, which plays along trails and frames; or
            `(name, values)`, such as `("epoch", range(0, 301, 5))`.
        start: name → starting value, the nearest listed (default: first choice, middle
            number, last step).
        labels: name → words beside the control.
        choices: name → {value: words shown}.
        formats: name → format of numbers, such as "{:.2f}" (default "{:.3g}").
        handles: name of a line or point → the one or two controls (or the step) that
            the reader sets by moving it in the picture; panels have their own.
        predict: the question asked before the controls open, best with answers to choose
            from (`Predict`); to a plain text the reader answers in words.
        seen: what the reader should have seen, and why; folded. In both texts `*word*`
            is emphasis, and words between backticks are code.
        alt: `alt(settings, data) -> str`, a sentence on what the picture shows, printed
            under it and spoken as its alternative text. `settings` maps names to values,
            the step's too; `data` is what compute returned, *as far as that step*:
            `data["loss"][-1]` is the loss now.
        runs: one line on what is run and with how many seeds; the card adds where the
            code is.
        levels: shades of an image in the built book.
        budget_kb: largest allowed compressed size there.

    Raises:
        ValueError: for a definition that cannot work; when built, also for a wrong name
            or shape from `compute`, a grid above 5,000 settings and an exceeded budget.
            What `compute` raises is passed on.

    Example:

    >>> import numpy as np
    >>> from bookkit.experiments import Curves, Experiment
    >>> experiment = Experiment(
    ...     "descent-parabola", "Descent on a parabola",
    ...     {"lr": [0.05, 0.3, 0.8, 0.95]}, step="step",
    ...     panels=[Curves({"x": "x"}, xlim=(0, 10), ylim=(-2, 2), xlabel="step")],
    ...     compute=lambda lr: {"x": 1.8 * (1 - 2 * lr) ** np.arange(11)},
    ...     labels={"lr": "learning rate η"}, predict="Which η reaches the bottom first?",
    ...     seen="Above 0.5 every step jumps across the valley.",
    ...     alt=lambda s, d: f"With η = {s['lr']}, step {s['step']} is at {d['x'][-1]:.2f}.")
    >>> round(float(experiment.values(lr=0.3)["x"][1]), 2)
    0.72
    >>> experiment.sentence({"lr": 0.3}, experiment.values(lr=0.3), 1)
    'With η = 0.3, step 1 is at 0.72.'
    """

    def check_live(self, max_corners: int = 64) -> dict[str, float]:
        """Drive the live face to the ends of every control and to every corner.

        Raises what goes wrong, and `ValueError` for a control that changes nothing.
        Returns the number of settings visited and the median and longest time of an
        update, in seconds.
        """
        from bookkit.experiments.drive import check_live

        return check_live(self, max_corners)

    @cached_property
    def html(self) -> str:
        """The page element: the whole grid is computed here, so this may take a while."""
        return render(self)

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> dict[str, Any]:
        if in_static_book():
            return {"text/html": self.html, "text/plain": f"Experiment: {self.title}"}
        # ipywidgets is loaded only where widgets are shown: the page needs none
        from bookkit.experiments.live import LiveFace

        bundle: dict[str, Any] = LiveFace(self).widget._repr_mimebundle_()
        return bundle
