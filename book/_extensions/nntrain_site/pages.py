"""Repairs to built pages that the themes leave to be made."""

from pathlib import Path

from sphinx.application import Sphinx

REPAIRS = (
    # All content belongs to a landmark: the sidebar holds the logo and the search button beside its <nav>.
    (
        'class="bd-sidebar-primary bd-sidebar">',
        'class="bd-sidebar-primary bd-sidebar" role="region" aria-label="Book">',
    ),
    # ARIA has given up this role; within role="list", an entry is a list item.
    ('role="doc-biblioentry"', 'role="listitem"'),
)
FRONT_DOOR = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title><meta http-equiv="refresh" content="0; url={page}"></head>
<body><main><h1>{title}</h1><p><a href="{page}">Open the book</a></p></main></body>
</html>
"""


def repair(app: Sphinx) -> None:
    """Drop pages whose chapter is no longer in the book, and write a front door that any reader can use."""
    site = Path(app.outdir)
    for page in (site / "book").glob("*.html"):
        if f"book/{page.stem}" not in app.env.found_docs:
            page.unlink()
    for template in (site / "_static").glob("*webpack-macros.html"):
        template.unlink()  # no page: a template that the themes leave behind
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        better = text
        for old, new in REPAIRS:
            better = better.replace(old, new)
        if better != text:
            page.write_text(better, encoding="utf-8")
    root = app.config.root_doc
    (site / "index.html").write_text(
        FRONT_DOOR.format(title=app.config.html_title, page=f"{root}.html"),
        encoding="utf-8",
    )
