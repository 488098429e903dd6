"""The book's own Sphinx extension: what a plain configuration file cannot decide.

`execution`  executes the chapters side by side, before Sphinx reads them
`cachekey`   when a stored run may be used again
`faults`     interruptions, full disks and the like end in a sentence
`assets`     MathJax from an installed wheel, launch buttons, one way of loading icons
`reference`  the package reference, one section a module, from the docstrings
`icons`      the few icons in use, in place of three copies of all of them
`front`      what each page says of the book: description, licence, citation, where to report an error
`edition`    the chapters as notebooks for readers, with `numbers` and `plain`
`pages`      small repairs to the theme's pages for readers who use a keyboard or a screen reader
`moved`      old addresses lead to the new ones
`deeper`     sections that go deeper are folded
`requests`   refuses a site that would load anything from another host
"""

from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util import logging

from . import (
    assets,
    deeper,
    edition,
    execution,
    faults,
    front,
    icons,
    moved,
    pages,
    reference,
    requests,
)

logger = logging.getLogger(__name__)


def _finish(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None:
        told = faults.sentence(exception)
        if told is not None:
            raise SystemExit(told)
        return
    if app.builder.format == "html":
        pages.repair(app)
        moved.write(app)
        edition.write(app)
        front.write_map(app)
        icons.shrink(Path(app.outdir))
        found = requests.problems(Path(app.outdir))
        if found:
            raise ExtensionError(
                "The site would not work by itself:\n  " + "\n  ".join(found)
            )
    strict = app.warningiserror or app.keep_going  # -W alone, or with --keep-going
    if not (strict and app._warncount):
        faults.finished(app)


def setup(app: Sphinx) -> dict[str, bool | str]:
    execution.prepare_environment()
    app.add_config_value(
        "comments_config", {}, "html"
    )  # Jupyter Book sets it even without that extension
    app.add_config_value(
        "book_files", "", "html"
    )  # a hash, so that a changed style reaches the pages
    app.connect("config-inited", faults.begin, priority=100)
    app.connect("config-inited", execution.configure)
    app.connect("config-inited", assets.configure)
    app.connect("env-before-read-docs", execution.execute_chapters)
    app.connect("builder-inited", assets.copy_mathjax)
    app.connect("builder-inited", assets.add_experiments)
    app.connect("html-page-context", assets.lighten, priority=900)
    app.connect("html-page-context", front.describe, priority=900)
    deeper.connect(app)
    app.connect(
        "html-collect-pages", reference.forget_listings, priority=400
    )  # before viewcode's own
    app.connect("viewcode-follow-imported", reference.home_of)
    app.connect("source-read", reference.write_sections)
    app.connect("autodoc-process-docstring", reference.escape_bars, priority=400)
    app.connect("autodoc-skip-member", reference.skip_member)
    app.connect("build-finished", _finish, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
