"""Code that runs in the page: what a reader's browser needs for it, made when the site is built.

`runtime`   Python itself, from an installed package, cut to what the book uses
`library`   the book's packages and data, and its digits
`bundle`    the page's scripts with their editor, bundled by esbuild from a lock file
`store`     compressed files with their sizes and hashes, kept between builds
`cells`     a chapter's cells for the page: code, the student's version, what each needs from above
`pages`     marks the cells in the pages and links the scripts
`policy`    the content security policy that holds every page to its own site

Where the runtime or the scripts cannot be had the site is built without them, one line says so, and on the
build server (CI=true) the build fails.
"""

import os
import shutil
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util import logging

from . import bundle, library, pages, policy, runtime
from .missing import Missing
from .store import Store

logger = logging.getLogger(__name__)


def _prepare(app: Sphinx) -> None:
    """Write what the browser fetches into `_static/live`, or say why the pages will have no Python."""
    app.env.nntrain_live = None  # type: ignore[attr-defined]
    if app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    site = static / "live"
    for name in bundle.PLAIN:
        site.mkdir(parents=True, exist_ok=True)
        shutil.copy(bundle.PAGE / name, static / name)
    store = Store(site, Path(app.outdir).parent / "live-cache")
    try:
        bundle.write(store)
        runtime.write(store)
        library.write(store, Path(app.srcdir))
    except Missing as error:
        if os.environ.get("CI") == "true":
            raise ExtensionError(f"Code would not run in the pages: {error}") from error
        logger.info("Code will not run in the pages: %s", error)
        shutil.rmtree(site)
        return
    app.env.nntrain_live = store.finish()  # type: ignore[attr-defined]


def setup(app: Sphinx) -> dict[str, bool | str]:
    app.connect("builder-inited", _prepare)
    pages.connect(app)
    app.connect("build-finished", policy.write, priority=950)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
