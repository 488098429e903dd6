"""What went wrong in a cell, in the reader's own lines."""

from __future__ import annotations

import linecache
import traceback
from typing import Any

# What a chapter may use where it was built, and no browser can.
ABSENT = {
    "torch": "PyTorch",
    "sklearn": "scikit-learn",
    "joblib": "joblib",
    "jax": "JAX",
    "threadpoolctl": "threadpoolctl",
    "ipywidgets": "ipywidgets",
    "pandas": "pandas",
    "scipy": "SciPy",
}


def explain(error: BaseException) -> dict[str, Any]:
    """`type`, `message`, the `lines` of the reader's that led to it, and a `hint` where one helps.

    Each line is `{"cell", "line", "code"}`. Lines of the packages are left out: the message of
    their error says what they expected. An exercise's hint (`_render_traceback_`) stands alone.
    """
    told = getattr(error, "_render_traceback_", None)
    if told is not None:
        return {"type": "", "message": "\n".join(told()), "lines": [], "hint": ""}
    message = _message(error)
    return {
        "type": type(error).__name__,
        "message": message,
        "lines": _lines(error),
        "hint": _hint(error),
    }


def _message(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return error.msg
    if isinstance(error, KeyError) and len(error.args) == 1:
        return f"there is no key {error.args[0]!r}"
    return str(error)


def _lines(error: BaseException) -> list[dict[str, Any]]:
    found = [
        _line(frame.f_code.co_filename, number)
        for frame, number in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename.startswith("<cell ")
    ]
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        if error.filename.startswith("<cell "):
            line = _line(error.filename, error.lineno)
            line["column"] = error.offset or 0
            found.append(line)
    if isinstance(error, RecursionError) and len(found) > 4:
        return [*found[:2], *found[-1:]]
    return found


def _line(filename: str, number: int) -> dict[str, Any]:
    return {
        "cell": filename.removeprefix("<cell ").removesuffix(">"),
        "line": number,
        "code": linecache.getline(filename, number).rstrip(),
    }


def _hint(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        name = ABSENT.get(error.name.split(".")[0])
        if name:
            return (
                f"{name} does not run in the page. Run this cell in Jupyter to use it."
            )
        return "In the page there are NumPy, Matplotlib and the book's own packages."
    if isinstance(error, NotImplementedError) and not str(error):
        return "The blank is not filled in yet: put your code in place of this line."
    if isinstance(error, MemoryError):
        return "The page has used up its memory. Restart Python, or make the arrays smaller."
    return ""
