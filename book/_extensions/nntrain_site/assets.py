"""What the pages load: MathJax from an installed wheel, launch buttons only where they lead somewhere."""

import hashlib
import os
import re
import subprocess
from importlib import metadata, resources
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util.fileutil import copy_asset

# Drawn as SVG: no fonts, which some browsers refuse to load from files, as on a memory stick.
MATHJAX = "mathjax/tex-mml-svg.js"
# The component itself, and the macros it fetches on first use (\boldsymbol is one).
MATHJAX_PARTS = (MATHJAX, "mathjax/input/tex/extensions")

# The experiments' web components: the folder of bookkit that holds each one's script and style, and its name.
COMPONENTS = {"experiments": "experiment", "digitpad": "digitpad"}


def configure(app: Sphinx, config) -> None:
    config.mathjax_path = MATHJAX
    # The menu would fetch parts that are not copied. The MathML that screen readers read is in the component.
    config.mathjax3_config = {
        "options": {"enableMenu": False},
        **(config.mathjax3_config or {}),
    }
    config.html_context.setdefault("default_mode", "auto")
    config.book_files = _digest(Path(app.srcdir))
    options = config.html_theme_options
    repository = repository_url(Path(app.srcdir))
    options["repository_url"] = repository
    options["use_repository_button"] = bool(repository)
    options["launch_buttons"] = {}
    if repository:
        options["repository_branch"] = (
            "notebooks"  # where the Jupyter edition is published
        )
        options["path_to_docs"] = ""
        options["launch_buttons"] = {
            "notebook_interface": "jupyterlab",
            "binderhub_url": "https://mybinder.org",
            "colab_url": "https://colab.research.google.com",
        }


def _digest(root: Path) -> str:
    """A hash of the site's own styles and scripts: with no setting changed Sphinx would not copy them."""
    folders = (
        root / "book" / "_static",
        *(Path(str(resources.files(f"bookkit.{part}"))) for part in COMPONENTS),
    )
    kinds = (".css", ".js", ".svg")
    files = sorted(
        file
        for folder in folders
        for file in folder.glob("*.*")
        if file.suffix in kinds
    )
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def repository_url(root: Path) -> str:
    """The book's public address on GitHub, or "" where none is known."""
    name = os.environ.get("GITHUB_REPOSITORY", "")
    if not name:
        try:
            command = ["git", "-C", str(root), "remote", "get-url", "origin"]
            remote = subprocess.run(
                command, capture_output=True, text=True, check=True
            ).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            return ""
        match = re.search(r"github\.com[:/]([\w.-]+/[\w.-]+?)(?:\.git)?/?$", remote)
        name = match.group(1) if match else ""
    return (
        f"https://github.com/{name}" if re.fullmatch(r"[\w.-]+/[\w.-]+", name) else ""
    )


def site_url(root: Path) -> str:
    """Where the book is published, or "" where that is not known: `$BOOK_URL`, or GitHub's own address."""
    given = os.environ.get("BOOK_URL", "").rstrip("/")
    owner, _, name = (
        repository_url(root).removeprefix("https://github.com/").partition("/")
    )
    return given or (f"https://{owner.lower()}.github.io/{name}" if name else "")


def copy_mathjax(app: Sphinx) -> None:
    if app.builder.format != "html":
        return
    wheel = metadata.distribution("sphinx-mathjax-offline")
    source = Path(str(wheel.locate_file("sphinx-mathjax-offline"))) / "static"
    static = Path(app.outdir) / "_static"
    for part in MATHJAX_PARTS:
        if (source / part).is_file():
            (static / part).parent.mkdir(parents=True, exist_ok=True)
            (static / part).write_bytes((source / part).read_bytes())
        else:
            copy_asset(str(source / part), str(static / part))


def add_experiments(app: Sphinx) -> None:
    """The components that experiments use in the page, from the package that defines them."""
    if app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    static.mkdir(parents=True, exist_ok=True)
    for part, name in COMPONENTS.items():
        for file in (f"{name}.js", f"{name}.css"):
            (static / file).write_bytes(
                (resources.files(f"bookkit.{part}") / file).read_bytes()
            )
        app.add_js_file(f"{name}.js", loading_method="defer")
        app.add_css_file(f"{name}.css")


def lighten(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree
) -> None:
    """Put the page's own context right, after the themes have had their turn."""
    context["default_mode"] = "auto"
