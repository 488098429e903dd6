"""What a chapter's notebook needs: the book's figure style, measured numbers in prose, and real source code.

Three tools. `use_book_style()` sets Matplotlib up once, in a chapter's first cell. `glue(name, value)` hands
a measured number to the text around the cell, so that no number is typed by hand. `show_source(obj)` shows a
function of this package from its own file, so that the text never quotes code that has since changed.
"""

from __future__ import annotations

import ast
import inspect
import os
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

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


def glue(name: str, value: Any, fmt: str = "{:.2f}") -> None:
    """Keep a measured value under `name`, for use in prose as ``{glue:text}`name```.

    In Jupyter one line `name = value` is shown as well. Numbers are written with `fmt`; text stays as it is.

    Parameters: `name` must be unique in the chapter and hold no colon (MyST reads one as a format);
    `fmt` is a `str.format` pattern, such as ``"{:.1%}"``.
    """
    if not name or ":" in name or "`" in name:
        raise ValueError(f"a glued name must be non-empty and without ':' or '`', got {name!r}")
    text = value if isinstance(value, str) else fmt.format(value)
    if not in_static_book():
        print(f"{name} = {text}")
    if _shell() is None:
        return
    from IPython.display import display

    # The form in which myst-nb's own `glue` leaves a value.
    display(  # type: ignore[no-untyped-call, unused-ignore]
        {_GLUE_PREFIX + "text/plain": _literal(text)},
        raw=True,
        metadata={"scrapbook": {"name": name, "mime_prefix": _GLUE_PREFIX}},
    )


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
        raise ValueError(f"a standard deviation needs at least two values, got {array.size}")
    return f"{fmt.format(array.mean())} ± {fmt.format(array.std(ddof=1))}"


class Source:
    """Source code that Jupyter and the book highlight in their own colours."""

    def __init__(self, code: str, origin: str) -> None:
        self.code = code
        self.origin = origin

    def _repr_markdown_(self) -> str:
        return f"From `{self.origin}`:\n\n```python\n{self.code}\n```"

    def __repr__(self) -> str:
        return f"# From {self.origin}\n{self.code}"


def show_source(obj: Any, *, docstring: bool = True, lines: Sequence[int] | None = None) -> Source:
    """The source of a function, class or method, as it stands in its file.

    `docstring=False` leaves out docstrings; `lines=(first, last)`, counted from 1 in what is left, shows
    a part.
    Let it be the last line of a cell.
    """
    target = inspect.unwrap(obj)
    try:
        code = textwrap.dedent(inspect.getsource(target))
        file = Path(inspect.getsourcefile(target) or "")
    except (TypeError, OSError) as error:
        raise ValueError(f"no Python source to show for {obj!r}") from error
    if not docstring:
        code = _without_docstrings(code)
    kept = code.strip("\n").split("\n")
    if lines is not None:
        first, last = lines
        if not 1 <= first <= last <= len(kept):
            raise ValueError(f"lines must lie within 1 to {len(kept)}, got {tuple(lines)}")
        kept = kept[first - 1 : last]
    return Source(textwrap.dedent("\n".join(kept)), _origin(file))


def _origin(file: Path) -> str:
    """`nntrain/losses.py`, not where it is installed."""
    parts = file.parts
    if "nntrain" in parts:
        start = len(parts) - 1 - parts[::-1].index("nntrain")
        return "/".join(parts[start:])
    return file.name


def _without_docstrings(code: str) -> str:
    gone: set[int] = set()
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef | ast.Module):
            continue
        # A body that is nothing but its docstring must keep it to stay Python.
        if ast.get_docstring(node) is not None and len(node.body) > 1:
            gone.update(range(node.body[0].lineno, node.body[1].lineno - _decorators(node.body[1])))
    return "\n".join(line for number, line in enumerate(code.split("\n"), 1) if number not in gone)


def _decorators(node: ast.stmt) -> int:
    """How many lines above its `def` a statement's decorators begin."""
    marks = getattr(node, "decorator_list", [])
    return node.lineno - min(mark.lineno for mark in marks) if marks else 0
