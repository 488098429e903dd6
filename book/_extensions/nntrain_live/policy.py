"""A content security policy in every page: nothing but the site itself may be loaded, asked or run.

A page's own inline scripts and handlers are named by their hashes, so no other inline script runs.
`wasm-unsafe-eval` lets WebAssembly compile; it does not allow `eval`. Pages opened as files have no
origin, hence `file:`.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from pathlib import Path

from sphinx.application import Sphinx

INLINE = re.compile(r"<script\b([^>]*)>(.*?)</script>", re.DOTALL | re.IGNORECASE)
HANDLER = re.compile(r'<[a-z][^<>]*\son[a-z]+="([^"]*)"', re.IGNORECASE)
META = '<meta http-equiv="Content-Security-Policy" content="{}">'
OLD = re.compile(r'\s*<meta http-equiv="Content-Security-Policy"[^>]*>')


def write(app: Sphinx, exception: Exception | None) -> None:
    """Put the policy into every page of the finished site."""
    if exception is not None or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        held = with_policy(text)
        if held != text:
            page.write_text(held, encoding="utf-8")


def with_policy(text: str) -> str:
    """The page with its policy right after the character set, before anything it loads."""
    text = OLD.sub("", text)
    place = re.search(r"<meta charset=[^>]*>", text)
    if place is None:
        raise ValueError("a page without a character set has no place for its policy")
    meta = META.format(policy(text))
    return f"{text[: place.end()]}\n    {meta}{text[place.end() :]}"


def policy(text: str) -> str:
    """The policy for a page with these inline scripts."""
    scripts = " ".join(f"'sha256-{digest}'" for digest in sorted(inline_hashes(text)))
    rules = {
        "default-src": "'self' file:",
        "script-src": f"'self' file: 'wasm-unsafe-eval' 'unsafe-hashes' {scripts}".strip(),
        "style-src": "'self' file: 'unsafe-inline'",
        "img-src": "'self' file: data: blob:",
        "font-src": "'self' file: data:",
        "connect-src": "'self'",
        "worker-src": "'self'",
        "frame-src": "'none'",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self' file:",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def inline_hashes(text: str) -> set[str]:
    """SHA-256, in base64, of the inline scripts that a browser would run, and of `onclick` and its like."""
    scripts = [
        code
        for attributes, code in INLINE.findall(text)
        if "src=" not in attributes
        and not re.search(r'type="(?!module|text/java)', attributes)
    ]
    handlers = [html.unescape(code) for code in HANDLER.findall(text)]
    return {
        base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
        for code in [*scripts, *handlers]
    }
