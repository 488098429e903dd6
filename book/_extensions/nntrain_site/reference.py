"""The package reference: one section a module, written from the package itself, so it cannot fall behind."""

import pkgutil
import re
import shutil
from importlib import import_module
from pathlib import Path

from sphinx.application import Sphinx

PAGE = "book/reference"
PLACE = "<!-- one section a module -->"

# The pages that teach, by a short name; Sphinx puts their titles into the links.
CHAPTERS = {
    "intro": "intro.ipynb",
    "1": "01_losses.ipynb",
    "2": "02_gradient_descent.ipynb",
    "3": "03_backpropagation.ipynb",
    "4": "04_automatic_differentiation.ipynb",
    "5": "05_batching.ipynb",
    "6": "06_learning_rates.ipynb",
    "7": "07_momentum.ipynb",
    "8": "08_initialisation.ipynb",
    "9": "09_generalisation.ipynb",
    "10": "10_mnist.ipynb",
    "course": "instructors.md",
}
# Where each module, or a folder of modules, is taught. A test fails when one is missing here.
TAUGHT = {
    "nntrain.activations": "1 3",
    "nntrain.autograd": "4",
    "nntrain.calibration": "10",
    "nntrain.callbacks": "9",
    "nntrain.curves": "10",
    "nntrain.checkpoints": "9",
    "nntrain.checks": "intro",
    "nntrain.data": "5",
    "nntrain.datasets": "10",
    "nntrain.evaluation": "intro",
    "nntrain.functional": "4",
    "nntrain.gradcheck": "4",
    "nntrain.graph": "4",
    "nntrain.history": "intro 9",
    "nntrain.information": "1",
    "nntrain.initializers": "8",
    "nntrain.landscapes": "2 6 7",
    "nntrain.layers": "3",
    "nntrain.losses": "1",
    "nntrain.metrics": "10",
    "nntrain.mistakes": "4",
    "nntrain.network": "3",
    "nntrain.networkcheck": "4",
    "nntrain.normalisation": "9",
    "nntrain.optimizers": "7",
    "nntrain.progress": "intro",
    "nntrain.runchecks": "intro",
    "nntrain.schedules": "6",
    "nntrain.targets": "1 10",
    "nntrain.storage": "9",
    "nntrain.training": "intro 9",
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
        f"[]({CHAPTERS[key]})" for key in TAUGHT.get(module, "").split()
    )
    return (
        f"## `{module}`\n\n"
        + (f"Taught in {links}.\n\n" if links else "")
        + f"```{{eval-rst}}\n.. automodule:: {module}\n   :members:\n   :show-inheritance:\n```\n"
    )
