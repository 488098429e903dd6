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
# Where each module is taught. A test fails when a module is missing here.
TAUGHT = {
    "activations": "1 3",
    "autograd": "3",
    "callbacks": "7",
    "checks": "intro",
    "data": "4",
    "datasets": "8",
    "diagnosis": "course",
    "download": "8",
    "exercises": "course",
    "experiments": "course",
    "functional": "3",
    "gradcheck": "3",
    "graphs": "3",
    "idx": "8",
    "information": "1",
    "initializers": "6",
    "layers": "3",
    "losses": "1",
    "metrics": "8",
    "mnist": "8",
    "network": "3",
    "networkcheck": "3",
    "notebook": "course",
    "optimizers": "5",
    "pictures": "6 8",
    "planes": "2",
    "plotting": "2",
    "schedules": "5",
    "surfaces": "2",
    "toys": "4",
    "training": "intro 7",
    "walks": "2 5",
}


def modules(package: Path) -> list[str]:
    """The public modules and subpackages of the package, in alphabetical order."""
    return sorted(m.name for m in pkgutil.iter_modules([str(package)]) if not m.name.startswith("_"))


def write_sections(app: Sphinx, docname: str, content: list[str]) -> None:
    if docname == PAGE:
        package = Path(app.srcdir) / "code" / "nntrain"
        content[0] = content[0].replace(PLACE, "\n".join(section(name) for name in modules(package)))


def skip_member(app: Sphinx, what: str, name: str, obj: object, skip: bool, options) -> bool | None:
    """Describe a name once, in the section of the module that defines it."""
    home = getattr(obj, "__module__", None) or ""
    here = app.env.temp_data.get("autodoc:module")
    listed = home.startswith("nntrain.") and home.removeprefix("nntrain.") in TAUGHT
    return True if what == "module" and listed and here and home != here else None


def home_of(app: Sphinx, module: str, name: str) -> str:
    """The module whose listing shows `name`: where it is defined, as long as that is within the package."""
    if not module:
        return ""
    home = getattr(getattr(import_module(module), name.split(".")[0], None), "__module__", None) or module
    return home if home.startswith("nntrain") else module


def forget_listings(app: Sphinx) -> list:
    """Have all source listings written anew: Sphinx keeps one whose links back have changed."""
    shutil.rmtree(Path(app.outdir) / "_modules", ignore_errors=True)
    return []


def escape_bars(app: Sphinx, what: str, name: str, obj: object, options, lines: list[str]) -> None:
    """Let |y − t| in a docstring mean an absolute value, not a substitution; code keeps its bars."""
    in_example = False
    for k, line in enumerate(lines):
        in_example = bool(line.strip()) and (in_example or line.lstrip().startswith(">>>"))
        if not in_example:
            pieces = re.split(r"(`+[^`]+`+)", line)
            lines[k] = "".join(p if p.startswith("`") else p.replace("|", r"\|") for p in pieces)


def section(module: str) -> str:
    links = " and ".join("[{1}]({0})".format(*CHAPTERS[key]) for key in TAUGHT.get(module, "").split())
    return (
        f"## `nntrain.{module}`\n\n"
        + (f"Taught in {links}.\n\n" if links else "")
        + f"```{{eval-rst}}\n.. automodule:: nntrain.{module}\n   :members:\n   :show-inheritance:\n```\n"
    )
