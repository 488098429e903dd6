"""What a chapter's notebook needs: figure style, measured numbers in prose, claims, source code.

Four tools. `use_book_style()` sets Matplotlib up once, in a chapter's first cell.
`glue(name=value)` hands a measured number to the text around the cell, so that no number is
typed by hand. `claim(sentence, holds)` guards a sentence of the text. `show_source(obj)`
shows a function of the packages from its own file (see `bookkit.source`).
"""

from __future__ import annotations

import ast
import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bookkit.source import Source, show_source

__all__ = [
    "COLOURS",
    "ClaimError",
    "Source",
    "book_style",
    "claim",
    "glue",
    "in_static_book",
    "mean_sd",
    "power_of_ten",
    "show_source",
    "use_book_style",
]

# Chosen so that every colour has a contrast of at least 4.5:1 on white, enough for letters, and that any two
# stay apart for readers with red-green colour blindness.
COLOURS = (
    "#0072b2",  # C0 blue
    "#c45300",  # C1 orange-brown
    "#1d8566",  # C2 teal
    "#4a22c9",  # C3 violet
    "#8a1717",  # C4 dark red
    "#45455c",  # C5 slate
    "#b4008c",  # C6 magenta
    "#857138",  # C7 khaki
    "#205040",  # C8 dark green
    "#3c64dc",  # C9 royal blue
)

_GLUE_PREFIX = "application/papermill.record/"


def in_static_book() -> bool:
    """True while the book's web site is being built (it sets `NNTRAIN_STATIC=1` for its kernels)."""
    return os.environ.get("NNTRAIN_STATIC", "") not in ("", "0")


def book_style() -> dict[str, Any]:
    """The book's Matplotlib settings, as a dictionary for `plt.rcParams.update` or `plt.rc_context`.

    Letters are 10 points or more, in a figure 5 inches wide: on a phone's screen they shrink to about 7.
    """
    from cycler import cycler

    return {
        "figure.figsize": (5.0, 3.2),
        "figure.dpi": 100,
        "savefig.dpi": 200,
        "figure.constrained_layout.use": True,
        "font.size": 11,
        "axes.titlesize": 11,
        "axes.labelsize": 11,
        "xtick.labelsize": 10,
        "ytick.labelsize": 10,
        "legend.fontsize": 10,
        "legend.frameon": False,
        "axes.prop_cycle": cycler(color=COLOURS),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": "#e3e6e8",
        "grid.linewidth": 0.8,
        "lines.linewidth": 1.8,
        "image.cmap": "viridis",
        "image.interpolation": "nearest",
        "svg.fonttype": "path",  # the same letters on every machine, so labels laid out apart stay apart
        "svg.hashsalt": "nntrain",  # the same figure gives the same bytes
    }


def use_book_style() -> None:
    """Use the book's style for every figure from here on, and draw figures as SVG inside Jupyter.

    SVG is sharp at any zoom, and small for lines; figures with thousands of points rasterise just those
    points (`rasterized=True`). Outside Jupyter only the style is set.
    """
    import matplotlib.pyplot as plt

    plt.rcParams.update(book_style())  # type: ignore[arg-type, unused-ignore]
    shell = _shell()
    if shell is None or not hasattr(shell, "kernel"):
        return
    from matplotlib_inline.backend_inline import set_matplotlib_formats
    from matplotlib_inline.config import InlineBackend

    backend = InlineBackend.instance(parent=shell)
    # No date and no cropping: a figure is the same on every run, with letters of the size they were given.
    settings: Any = {"bbox_inches": None, "metadata": {"Date": None}}
    backend.print_figure_kwargs = settings
    backend.figure_formats = {"svg"}
    set_matplotlib_formats("svg")


def _shell() -> Any:
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    return get_ipython()  # type: ignore[no-untyped-call, unused-ignore]


def glue(spec: str = ".2f", /, **values: Any) -> None:
    """Keep measured values under their names, for use in prose as ``{glue:text}`name```.

    `glue(".1%", share=0.254)` keeps the text 25.4%. `spec` is a format specification as in an
    f-string, the same for all values of the call; text stays as it is. A name must be unique
    in the chapter. In Jupyter one line `name = text` is shown as well.
    """
    for name, value in values.items():
        if (
            not name or ":" in name or "`" in name
        ):  # MyST reads a colon as the beginning of a format
            raise ValueError(
                f"a glued name must be non-empty and without ':' or '`', got {name!r}"
            )
        text = value if isinstance(value, str) else format(value, spec)
        if not in_static_book():
            print(f"{name} = {text}")
        if _shell() is not None:
            from IPython.display import display

            # The form in which myst-nb's own `glue` leaves a value.
            display(  # type: ignore[no-untyped-call, unused-ignore]
                {_GLUE_PREFIX + "text/plain": _literal(text)},
                raw=True,
                metadata={"scrapbook": {"name": name, "mime_prefix": _GLUE_PREFIX}},
            )


class ClaimError(AssertionError):
    """A sentence of the book that this run does not bear out."""


class _Failed:
    """What the page shows under a sentence that did not hold."""

    def __init__(self, sentence: str, found: str) -> None:
        reason = f" ({found})" if found else ""
        self.text = f"it did not hold that {sentence.rstrip('.')}{reason}."

    def _repr_markdown_(self) -> str:
        return f"**On this machine:** {self.text}"

    def __repr__(self) -> str:
        return f"On this machine: {self.text}"


def claim(sentence: str, holds: Any, found: Any = "") -> None:
    """State a sentence of the text that this run must bear out.

    `claim("Adam ends lower than SGD", adam < sgd, found=f"{adam:.3f} and {sgd:.3f}")` shows
    nothing when it holds. Otherwise the page says so under the sentence, with what was
    `found`, and goes on: another processor rounds differently, and a reader's build must not
    end there. With the variable `NNTRAIN_CLAIMS=strict`, which the book's own checks set, a
    claim that fails raises `ClaimError`.

    Raises ValueError for a sentence without words and for a condition that is not one yes or no.
    """
    if not isinstance(sentence, str) or not sentence.strip():
        raise ValueError(f"a claim needs its sentence first, got {sentence!r}")
    condition = np.asarray(holds)
    if condition.dtype != bool or condition.ndim:
        raise ValueError(
            f"claim {sentence!r} needs one True or False, got {holds!r}: is an .all() missing?"
        )
    if condition:
        return
    failed = _Failed(sentence, str(found))
    if os.environ.get("NNTRAIN_CLAIMS") == "strict":
        raise ClaimError(str(failed))
    if _shell() is None:
        print(failed)
    else:
        from IPython.display import display

        display(failed)  # type: ignore[no-untyped-call, unused-ignore]


def _literal(text: str) -> str:
    """What MyST turns back into `text`. It evaluates literals: bare, 0.50 becomes 0.5 and 23,860 a tuple."""
    try:
        same = str(ast.literal_eval(text)) == text
    except (SyntaxError, ValueError):
        return text
    return text if same else repr(text)


def mean_sd(values: ArrayLike, fmt: str = "{:.1f}") -> str:
    """Mean ± sample standard deviation (n − 1 below the line) of repeated runs, as text.

    >>> mean_sd([95.0, 95.2, 95.4])
    '95.2 ± 0.2'
    """
    array = np.asarray(values, dtype=float).ravel()
    if array.size < 2:
        raise ValueError(
            f"a standard deviation needs at least two values, got {array.size}"
        )
    return f"{fmt.format(array.mean())} ± {fmt.format(array.std(ddof=1))}"


def power_of_ten(value: float) -> str:
    """The power of ten nearest to `value`, as text for prose.

    >>> power_of_ten(0.9e-12)
    '10⁻¹²'
    """
    if not 0 < value < np.inf:
        raise ValueError(f"only a positive number has a power of ten, got {value!r}")
    exponent = str(round(np.log10(value)))
    return "10" + exponent.translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
