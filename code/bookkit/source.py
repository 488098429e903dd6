"""Real source code on the page: a function of the packages, shown from its own file.

So the text never quotes code that has since changed.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class Source:
    """Source code that Jupyter and the book highlight in their own colours."""

    def __init__(self, code: str, origin: str) -> None:
        self.code = code
        self.origin = origin

    def _repr_markdown_(self) -> str:
        return f"From `{self.origin}`:\n\n```python\n{self.code}\n```"

    def __repr__(self) -> str:
        return f"# From {self.origin}\n{self.code}"


def show_source(
    obj: Any,
    *,
    docstring: bool = True,
    methods: Sequence[str] | None = None,
    lines: Sequence[int] | None = None,
) -> Source:
    """The source of a function, class or method, as it stands in its file.

    `docstring=False` leaves out docstrings; `methods=("forward", "backward")` shows these
    of a class and leaves out the rest; `lines=(first, last)`, counted from 1 in what is
    left, shows a part. Let it be the last line of a cell.
    """
    target = inspect.unwrap(obj)
    try:
        code = textwrap.dedent(inspect.getsource(target))
        file = Path(inspect.getsourcefile(target) or "")
    except (TypeError, OSError) as error:
        raise ValueError(f"no Python source to show for {obj!r}") from error
    if methods is not None:
        code = _with_methods(code, methods)
    if not docstring:
        code = _without_docstrings(code)
    kept = code.strip("\n").split("\n")
    if lines is not None:
        first, last = lines
        if not 1 <= first <= last <= len(kept):
            raise ValueError(
                f"lines must lie within 1 to {len(kept)}, got {tuple(lines)}"
            )
        kept = kept[first - 1 : last]
    return Source(textwrap.dedent("\n".join(kept)), _origin(file))


def _origin(file: Path) -> str:
    """`nntrain/losses.py`, not where it is installed."""
    for package in ("nntrain", "bookkit"):
        if package in file.parts:
            start = len(file.parts) - 1 - file.parts[::-1].index(package)
            return "/".join(file.parts[start:])
    return file.name


def _with_methods(code: str, names: Sequence[str]) -> str:
    """A class with the methods `names` alone, in their order in the file."""
    (node,) = ast.parse(code).body
    if not isinstance(node, ast.ClassDef):
        raise ValueError("methods can be chosen of a class only")
    found = [
        part
        for part in node.body
        if isinstance(part, ast.FunctionDef) and part.name in names
    ]
    if missing := set(names) - {part.name for part in found}:
        raise ValueError(f"{node.name} has no methods {sorted(missing)} of its own")
    rows = code.split("\n")
    head = rows[node.lineno - 1 : node.body[0].lineno - 1 - _decorators(node.body[0])]
    shown = [rows[p.lineno - 1 - _decorators(p) : p.end_lineno] for p in found]
    return "\n\n".join("\n".join(part) for part in ([*head, *shown[0]], *shown[1:]))


def _without_docstrings(code: str) -> str:
    gone: set[int] = set()
    for node in ast.walk(ast.parse(code)):
        if not isinstance(
            node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef | ast.Module
        ):
            continue
        # A body that is nothing but its docstring must keep it to stay Python.
        if ast.get_docstring(node) is not None and len(node.body) > 1:
            gone.update(
                range(
                    node.body[0].lineno, node.body[1].lineno - _decorators(node.body[1])
                )
            )
    return "\n".join(
        line for number, line in enumerate(code.split("\n"), 1) if number not in gone
    )


def _decorators(node: ast.stmt) -> int:
    """How many lines above its `def` a statement's decorators begin."""
    marks = getattr(node, "decorator_list", [])
    return node.lineno - min(mark.lineno for mark in marks) if marks else 0
