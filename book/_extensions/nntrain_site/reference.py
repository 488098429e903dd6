"""The package reference: one section a module, written from the package itself, so it cannot fall behind."""

import pkgutil
import re
import shutil
from importlib import import_module
from pathlib import Path

from sphinx.application import Sphinx

PAGE = "book/reference"
PLACE = "<!-- one section a module -->"

CHAPTERS = {
    "intro": ("intro.ipynb", "the introduction"),
    "1": ("01_losses.ipynb", "chapter 1"),
    "2": ("02_gradient_descent.ipynb", "chapter 2"),
    "3": ("03_backpropagation.ipynb", "chapter 3"),
    "4": ("04_batching.ipynb", "chapter 4"),
    "5": ("05_learning_rates.ipynb", "chapter 5"),
    "6": ("06_initialisation.ipynb", "chapter 6"),
    "7": ("07_generalisation.ipynb", "chapter 7"),
    "8": ("08_mnist.ipynb", "chapter 8"),
    "course": ("instructors.md", "the page for instructors"),
}
# Where each module, or a folder of modules, is taught. A test fails when one is missing here.
TAUGHT = {
    "nntrain.activations": "1 3",
    "nntrain.autograd": "3",
    "nntrain.calibration": "8",
    "nntrain.callbacks": "7",
    "nntrain.curves": "8",
    "nntrain.checkpoints": "7",
    "nntrain.checks": "intro",
    "nntrain.data": "4",
    "nntrain.datasets": "8",
    "nntrain.evaluation": "intro",
    "nntrain.functional": "3",
    "nntrain.gradcheck": "3",
    "nntrain.graph": "3",
    "nntrain.history": "intro 7",
    "nntrain.information": "1",
    "nntrain.initializers": "6",
    "nntrain.landscapes": "2 5",
    "nntrain.layers": "3",
    "nntrain.losses": "1",
    "nntrain.metrics": "8",
    "nntrain.mistakes": "3",
    "nntrain.network": "3",
    "nntrain.networkcheck": "3",
    "nntrain.normalisation": "7",
    "nntrain.optimizers": "5",
    "nntrain.progress": "intro",
    "nntrain.runchecks": "intro",
    "nntrain.schedules": "5",
    "nntrain.targets": "1 8",
    "nntrain.storage": "7",
    "nntrain.training": "intro 7",
    "bookkit.digitpad": "course",
    "bookkit.exercises": "course",
    "bookkit.experiments": "course",
    "bookkit.figures": "course",
    "bookkit.live": "course",
    "bookkit.notebook": "course",
    "bookkit.runs": "course",
    "bookkit.source": "course",
    "bookkit.stored": "course",
}
PACKAGES = ("nntrain", "bookkit")


def modules(code: Path) -> list[str]:
    """The public modules and folders of both packages: what is taught first, each in alphabetical order."""
    return [
        f"{package}.{module.name}"
        for package in PACKAGES
        for module in sorted(
            pkgutil.iter_modules([str(code / package)]), key=lambda module: module.name
        )
        if not module.name.startswith("_")
    ]


def write_sections(app: Sphinx, docname: str, content: list[str]) -> None:
    if docname == PAGE:
        names = modules(Path(app.srcdir) / "code")
        content[0] = content[0].replace(
            PLACE, "\n".join(section(name) for name in names)
        )


def skip_member(
    app: Sphinx, what: str, name: str, obj: object, skip: bool, options
) -> bool | None:
    """Describe a name once, in the section of the module that defines it."""
    home = getattr(obj, "__module__", None) or ""
    here = app.env.temp_data.get("autodoc:module")
    listed = home in TAUGHT
    return True if what == "module" and listed and here and home != here else None


def home_of(app: Sphinx, module: str, name: str) -> str:
    """The module whose listing shows `name`: where it is defined, as long as that is within the package."""
    if not module:
        return ""
    home = (
        getattr(
            getattr(import_module(module), name.split(".")[0], None), "__module__", None
        )
        or module
    )
    return home if home.split(".")[0] in PACKAGES else module


def forget_listings(app: Sphinx) -> list:
    """Rewrite all source listings: Sphinx keeps one whose links back have changed."""
    shutil.rmtree(Path(app.outdir) / "_modules", ignore_errors=True)
    return []


def escape_bars(
    app: Sphinx, what: str, name: str, obj: object, options, lines: list[str]
) -> None:
    """Let |y − t| in a docstring mean an absolute value, not a substitution; code keeps its bars."""
    in_example = False
    for k, line in enumerate(lines):
        in_example = bool(line.strip()) and (
            in_example or line.lstrip().startswith(">>>")
        )
        if not in_example:
            pieces = re.split(r"(`+[^`]+`+)", line)
            lines[k] = "".join(
                p if p.startswith("`") else p.replace("|", r"\|") for p in pieces
            )


def section(module: str) -> str:
    links = " and ".join(
        "[{1}]({0})".format(*CHAPTERS[key]) for key in TAUGHT.get(module, "").split()
    )
    return (
        f"## `{module}`\n\n"
        + (f"Taught in {links}.\n\n" if links else "")
        + f"```{{eval-rst}}\n.. automodule:: {module}\n   :members:\n   :show-inheritance:\n```\n"
    )
