"""The book's own Sphinx extension: what a plain configuration file cannot decide.

`execution`  how the chapters' kernels are set up, and when a cached run may be used again
`assets`     MathJax from an installed wheel, launch buttons, one way of loading icons
`reference`  the package reference, one section a module, from the docstrings
`icons`      the few icons in use, in place of three copies of all of them
`pages`      small repairs to the theme's pages for readers who use a keyboard or a screen reader
`requests`   refuses a site that would load anything from another host
"""

import shutil
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util import logging

from . import assets, execution, icons, pages, reference, requests

logger = logging.getLogger(__name__)


def _marker(app: Sphinx) -> Path:
    return Path(app.outdir).parent / ".unfinished"


def _begin(app: Sphinx, config) -> None:
    """Start from nothing after a build that failed or was killed: Sphinx would trust what it left."""
    marker = _marker(app)
    if marker.exists():
        shutil.rmtree(app.doctreedir, ignore_errors=True)
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.touch()


def _finish(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None:
        return
    if app.builder.format == "html":
        pages.repair(app)
        icons.shrink(Path(app.outdir))
        found = requests.problems(Path(app.outdir))
        if found:
            raise ExtensionError(
                "The site would not work by itself:\n  " + "\n  ".join(found)
            )
    strict = app.warningiserror or app.keep_going  # -W alone, or with --keep-going
    if not (strict and app._warncount):
        _marker(app).unlink(missing_ok=True)


def setup(app: Sphinx) -> dict[str, bool | str]:
    execution.prepare_environment()
    app.add_config_value(
        "comments_config", {}, "html"
    )  # Jupyter Book sets it even without that extension
    app.add_config_value(
        "book_files", "", "html"
    )  # a hash, so that a changed style reaches the pages
    app.connect("config-inited", _begin, priority=100)
    app.connect("config-inited", execution.configure)
    app.connect("config-inited", assets.configure)
    app.connect("builder-inited", assets.copy_mathjax)
    app.connect("builder-inited", assets.add_experiments)
    app.connect("html-page-context", assets.lighten, priority=900)
    app.connect(
        "html-collect-pages", reference.forget_listings, priority=400
    )  # before viewcode's own
    app.connect("viewcode-follow-imported", reference.home_of)
    app.connect("source-read", reference.write_sections)
    app.connect("autodoc-process-docstring", reference.escape_bars, priority=400)
    app.connect("autodoc-skip-member", reference.skip_member)
    app.connect("build-finished", _finish, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
