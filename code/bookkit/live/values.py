"""A cell's result as MIME types, richest last, as Jupyter would show it."""

from __future__ import annotations

import inspect
import pprint
from types import FunctionType
from typing import Any

WIDTH = 79

_METHODS = {
    "text/html": "_repr_html_",
    "text/markdown": "_repr_markdown_",
    "image/svg+xml": "_repr_svg_",
    "text/latex": "_repr_latex_",
}


def bundle(thing: Any) -> dict[str, Any]:
    """MIME type → value. An experiment is sent by its name: its element stands in the page."""
    if _is_figure(thing):
        from bookkit.live import pictures

        return {"text/plain": plain(thing), "image/svg+xml": pictures.svg(thing)}
    if is_experiment(thing):
        return {"text/plain": f"Experiment: {thing.title}", "experiment": thing.id}
    data: dict[str, Any] = {}
    whole = getattr(type(thing), "_repr_mimebundle_", None)
    if whole is not None:
        found = whole(thing)
        data.update(found[0] if isinstance(found, tuple) else found or {})
    for mime, method in _METHODS.items():
        shown = getattr(type(thing), method, None)
        value = shown(thing) if shown is not None and mime not in data else None
        if value is not None:
            data[mime] = value
    data.setdefault("text/plain", plain(thing))
    return data


def plain(thing: Any) -> str:
    """The value as text; a long list or dictionary has one element on a line."""
    if isinstance(thing, FunctionType):
        return f"<function {thing.__module__}.{thing.__qualname__}{inspect.signature(thing)}>"
    if isinstance(thing, type):
        return thing.__name__ if thing.__module__ == "builtins" else _dotted(thing)
    text = repr(thing)
    if len(text) > WIDTH and isinstance(thing, dict | list | tuple | set):
        return pprint.pformat(thing, width=WIDTH + 1, sort_dicts=False)
    return text


def describe(thing: Any) -> str:
    """A figure in words, for who cannot see it."""
    if not _is_figure(thing):
        return "picture drawn by this cell"
    from bookkit.live import pictures

    return pictures.in_words(thing)


def _dotted(thing: type) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"


def _is_figure(thing: Any) -> bool:
    return any(kind.__module__ == "matplotlib.figure" for kind in type(thing).__mro__)


def is_experiment(thing: Any) -> bool:
    return any(
        kind.__module__.startswith("bookkit.experiments")
        and kind.__name__ == "Experiment"
        for kind in type(thing).__mro__
    )
