"""The few marks that an author may use in the words of an experiment."""

from __future__ import annotations

import html
import re

SEEN = "What you should have seen"


def marked(text: str) -> str:
    """Escape for HTML, with `*emphasis*`, `` `code` `` and blank-line paragraphs."""
    safe = html.escape(text.strip(), quote=False)
    safe = re.sub(r"`([^`]+)`", r"<code>\1</code>", safe)
    safe = re.sub(r"(?<![\w*])\*([^*\s][^*]*)\*", r"<em>\1</em>", safe)
    return re.sub(r"\n\s*\n", "<br><br>", safe)


def runs_line(runs: str, code: str) -> str:
    """What an experiment runs, and the name of the function that does it."""
    said = f"Runs: {marked(runs)}" if runs else ""
    if code:
        said += f' <span class="nn-code">Code: <code>{html.escape(code)}</code>.</span>'
    return said.strip()
