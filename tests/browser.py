"""A local server and a watched tab for the tests that look at built pages."""

from __future__ import annotations

import functools
import http.server
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import bookkit.experiments

# What a reader does who opens the deeper sections and skips the predictions: the controls of
# all experiments open.
OPEN = """() => {
  document.querySelectorAll("details.deeper").forEach(fold => { fold.open = true; });
  document.querySelectorAll("nn-experiment")
    .forEach(e => { if (e.asking) e.querySelector("[data-ask=skip]").click(); });
}"""


def page_of(folder: Path, body: str) -> str:
    """Write a page with experiments in its body, and what moves them; gives its address."""
    own = Path(bookkit.experiments.__file__).parent
    style, script = ((own / f"experiment.{kind}").read_text() for kind in ("css", "js"))
    (folder / "page.html").write_text(
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>page</title>'
        f"<style>{style}</style><body>{body}<script>{script}</script></body>",
        encoding="utf-8",
    )
    return (folder / "page.html").as_uri()


def missing(reason: str) -> None:
    """Skip with a reason; on the build server, where all must run, fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder on a free port of this machine; gives the address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


class Watched:
    """A page that may reach this machine only, and remembers what it asked for and complained of."""

    def __init__(self, context: Any) -> None:
        self.page = context.new_page()
        self.outside: list[str] = []
        self.complaints: list[str] = []
        self.responses: list[Any] = []
        self.page.route("**/*", self._route)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("requestfailed", self._failed)
        self.page.on("response", lambda response: self.responses.append(response))

    def _failed(self, request: Any) -> None:
        if (
            request.failure != "net::ERR_ABORTED"
        ):  # aborted because the test reloads the page
            self.complaints.append(f"failed: {request.url}: {request.failure}")

    def _console(self, message: Any) -> None:
        advice = (
            "willReadFrequently" in message.text
        )  # meant for these tests, which read the canvases back
        if message.type in ("error", "warning") and not advice:
            self.complaints.append(
                f"{message.text} ({message.location.get('url', '')})"
            )

    def _route(self, route: Any) -> None:
        address = route.request.url
        if address.startswith(("http://127.0.0.1", "file:", "data:", "blob:")):
            route.continue_()
        else:
            self.outside.append(address)
            route.abort()
