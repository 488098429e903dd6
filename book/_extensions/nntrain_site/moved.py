"""Old addresses keep working: a page that has moved leads on, and so does a place that has moved.

A chapter's old page becomes a small page with a link. A chapter that was divided sends the
places that went elsewhere after them, by the names that stand in both finished pages. Without
JavaScript the small pages lead to the chapter's beginning.
"""

from __future__ import annotations

import html
import json
import re
import shutil
from pathlib import Path

from sphinx.application import Sphinx

# What led where in the first edition: the page's heir, and whoever else took a part of it.
PAGES = {
    "04_batching": ("05_batching",),
    "05_learning_rates": ("06_learning_rates", "07_momentum"),
    "06_initialisation": ("08_initialisation",),
    "07_generalisation": ("09_generalisation",),
    "08_mnist": ("10_mnist",),
    "09_frameworks": ("12_frameworks",),
}
# Pages that stayed where they are and gave a part away.
DIVIDED = {"03_backpropagation": ("04_automatic_differentiation",)}

SCRIPT = '<script src="../_static/moved.js" data-moved="{moved}"{home}></script>'
OLD_SCRIPT = re.compile(r'\s*<script src="\.\./_static/moved\.js"[^>]*></script>')
SIGNPOST = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>This page has moved</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<link rel="canonical" href="{home}">
{script}
<noscript><meta http-equiv="refresh" content="0; url={home}"></noscript>
</head>
<body><main><h1>This page has moved</h1><p><a href="{home}">Go to its new place</a></p></main></body>
</html>
"""


def places(page: str) -> list[str]:
    """The names in a page that an address can end in."""
    return list(dict.fromkeys(re.findall(r'\sid="([^"]+)"', page)))


def gone_to(heirs: dict[str, str], staying: str) -> dict[str, list[str]]:
    """For each heir, by its file name, the places that it has and `staying` has not."""
    kept = set(places(staying))
    return {
        name: [place for place in places(page) if place not in kept]
        for name, page in heirs.items()
    }


def script(moved: dict[str, list[str]], home: str | None = None) -> str:
    """The element that leads on: to the place's new page, else to `home` where there is one."""
    told = html.escape(json.dumps(moved, separators=(",", ":"), ensure_ascii=False))
    return SCRIPT.format(moved=told, home=f' data-home="{home}"' if home else "")


def write(app: Sphinx) -> None:
    """Write the small pages, and let divided pages send on what they have given away."""
    site = Path(app.outdir)
    book = site / "book"
    shutil.copy(Path(__file__).with_name("moved.js"), site / "_static" / "moved.js")

    def read(names: tuple[str, ...]) -> dict[str, str]:
        files = (book / f"{name}.html" for name in names)
        return {f.name: f.read_text(encoding="utf-8") for f in files if f.exists()}

    for old, names in PAGES.items():
        pages = read(names)
        if names and f"{names[0]}.html" in pages:
            home = f"{names[0]}.html"
            moved = gone_to(pages, pages[home])
            # Exercises have new numbers: `moved.js` finds them by what follows the number.
            moved[home] = [p for p in places(pages[home]) if p.startswith("exercise-")]
            text = SIGNPOST.format(home=home, script=script(moved, home))
            (book / f"{old}.html").write_text(text, encoding="utf-8")
    for name, heirs in DIVIDED.items():
        for staying in read((name,)).values():
            text = OLD_SCRIPT.sub("", staying)
            element = script(gone_to(read(heirs), text))
            text = text.replace("</head>", f"  {element}\n</head>", 1)
            (book / f"{name}.html").write_text(text, encoding="utf-8")
