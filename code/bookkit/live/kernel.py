"""Run one cell as Jupyter would, and hand everything it shows to the page at once."""

from __future__ import annotations

import ast
import io
import json
import linecache
import sys
import time
from collections.abc import Callable
from types import CodeType, ModuleType
from typing import Any

from bookkit.live import connection, errors, values

Send = Callable[[dict[str, Any]], None]

_GLUED = "application/papermill.record/"


class Stream(io.TextIOBase):
    """Standard output or error: text goes to the page, in pieces of a twentieth of a second."""

    def __init__(self, name: str, send: Send, pause: float = 0.05) -> None:
        super().__init__()
        self.name, self.send, self.pause = name, send, pause
        self._parts: list[str] = []
        self._sent = 0.0

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"only text can be printed, got {type(text).__name__}")
        self._parts.append(text)
        if time.monotonic() - self._sent > self.pause:
            self.flush()
        return len(text)

    def flush(self) -> None:
        text = "".join(self._parts)
        self._parts.clear()
        self._sent = time.monotonic()
        if text:
            self.send({"kind": "stream", "name": self.name, "text": text})


class Kernel:
    """Names that live from cell to cell, and a way to show things.

    `send` takes what a cell shows, one dictionary a piece: `{"kind": "stream", "name", "text"}`,
    `{"kind": "display", "data": {mime type: value}, "alt"}`, `{"kind": "error", ...}` as
    `errors.explain` gives it, and at the end `{"kind": "bound", "names"}`, what the cell bound.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._shown = True
        self._redraw = False
        self.out = Stream("stdout", self.send)
        self.err = Stream("stderr", self.send)
        self.main = ModuleType("__main__")
        self.main.__dict__["__builtins__"] = __builtins__

    def send(self, piece: dict[str, Any]) -> None:
        if self._shown:
            self._send(piece)

    def display(self, *things: Any, raw: bool = False) -> None:
        """IPython's `display`: show things before the cell ends. `raw` takes them as MIME bundles."""
        self.out.flush()
        self.err.flush()
        if not self._shown:
            return
        for thing in things:
            data = dict(thing) if raw else values.bundle(thing)
            data = {
                mime: value
                for mime, value in data.items()
                if not mime.startswith(_GLUED)
            }
            if data:
                piece = {"kind": "display", "data": data}
                if "image/svg+xml" in data:
                    piece["alt"] = values.describe(thing)
                if not raw and values.is_experiment(thing):
                    from bookkit.live import experiments

                    data["experiment"] = experiments.meet(thing, self._redraw)
                self.send(piece)

    def run(
        self, cell: str, source: str, show: bool = True, redraw: bool = False
    ) -> bool:
        """Run the cell with that id; False when it ended in an error, which has been shown.

        With `show=False` nothing but an error is shown: the cell is needed by another one.
        With `redraw` an experiment's element is drawn anew: its definition was edited.
        """
        streams = sys.stdout, sys.stderr, sys.modules["__main__"]
        sys.stdout, sys.stderr, sys.modules["__main__"] = self.out, self.err, self.main
        self._shown, self._redraw = show, redraw
        before = dict(self.main.__dict__)
        try:
            self._execute(f"<cell {cell}>", source)
            self._show_figures()
        except BaseException as error:
            self.out.flush()
            self._forget_figures()
            self._shown = True
            self.send({"kind": "error", **errors.explain(error)})
            return False
        finally:
            self.out.flush()
            self.err.flush()
            self._shown = True
            bound = [
                name
                for name, value in self.main.__dict__.items()
                if name not in before or before[name] is not value
            ]
            self.send({"kind": "bound", "names": bound})
            sys.stdout, sys.stderr, sys.modules["__main__"] = streams
        return True

    def ask(self, experiment: str, places: list[float]) -> bool:
        """Answer for an experiment that a cell has shown, at any setting of its controls."""
        from bookkit.live import experiments

        try:
            found = experiments.answer(experiment, places)
        except Exception as error:
            self.send({"kind": "error", **errors.explain(error)})
            return False
        self.send({"kind": "answer", **found})
        return True

    def _execute(self, name: str, source: str) -> None:
        # Tracebacks and `inspect.getsource` read the reader's code from here.
        linecache.cache[name] = (
            len(source),
            None,
            source.splitlines(keepends=True),
            name,
        )
        tree = ast.parse(source, name)
        last = tree.body.pop() if tree.body and _is_value(tree, source) else None
        exec(_compiled(tree, name), self.main.__dict__)
        if last is not None:
            assert isinstance(last, ast.Expr)
            expression = ast.Expression(last.value)
            value = eval(compile(expression, name, "eval"), self.main.__dict__)
            if value is not None:
                self.main.__dict__["_"] = value
                self.display(value)

    def _show_figures(self) -> None:
        if "matplotlib.pyplot" in sys.modules:
            from bookkit.live import pictures

            pictures.show_all(self.display if self._shown else None)

    def _forget_figures(self) -> None:
        if "matplotlib.pyplot" in sys.modules:
            sys.modules["matplotlib.pyplot"].close("all")


def _is_value(tree: ast.Module, source: str) -> bool:
    """The last line is an expression, and no semicolon says that its value is of no interest."""
    return isinstance(tree.body[-1], ast.Expr) and not _without_comment(
        source
    ).endswith(";")


def _without_comment(source: str) -> str:
    import tokenize

    kept = [
        token
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type
        not in (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER)
    ]
    return kept[-1].string if kept else ""


def _compiled(tree: ast.Module, name: str) -> CodeType:
    return compile(tree, name, "exec")


def connect(send: Send) -> Kernel:
    """Start the page's kernel."""
    kernel = Kernel(send)
    connection.set_current(kernel)
    return kernel


def command(text: str) -> None:
    """Do what the page asks, as JSON, and say how it ended.

    Either `{"cell", "code", "show", "redraw"}`, to run a cell, or `{"experiment", "places"}`.
    The last piece sent is `{"kind": "done", "ok": whether it came to its end}`.
    """
    asked = json.loads(text)
    kernel = connection.current()
    if "experiment" in asked:
        done = kernel.ask(asked["experiment"], asked["places"])
    else:
        done = kernel.run(
            asked["cell"],
            asked["code"],
            asked.get("show", True),
            asked.get("redraw", False),
        )
    kernel.send({"kind": "done", "ok": done})
