"""Repairs to built pages that the themes leave to be made."""

from pathlib import Path

from sphinx.application import Sphinx

REPAIRS = (
    # All content belongs to a landmark: the sidebar holds the logo and the search button beside its <nav>.
    ('<div class="bd-sidebar-primary bd-sidebar">', '<div class="bd-sidebar-primary bd-sidebar" role="region" aria-label="Book">'),
    # ARIA has given up this role; within role="list", an entry is a list item.
    ('role="doc-biblioentry"', 'role="listitem"'),
)


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
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Training Neural Networks</title>\n'
        f'<meta http-equiv="refresh" content="0; url={root}.html"></head>\n'
        f'<body><main><h1>Training Neural Networks</h1><p><a href="{root}.html">Open the book</a></p></main></body></html>\n',
        encoding="utf-8",
    )
