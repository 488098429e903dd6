"""The package reference: one section a module, written from the package itself, so it cannot fall behind."""

import pkgutil
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
# Where each module is taught. A module that is missing here stops the build.
TAUGHT = {
    "activations": "1 3",
    "autograd": "3",
    "callbacks": "7",
    "data": "4",
    "datasets": "8",
    "exercises": "course",
    "experiments": "course",
    "gradcheck": "3",
    "initializers": "6",
    "layers": "3",
    "losses": "1",
    "metrics": "8",
    "network": "3",
    "notebook": "course",
    "optimizers": "5",
    "plotting": "2",
    "schedules": "5",
    "surfaces": "2",
    "training": "intro 7",
}


def modules(package: Path) -> list[str]:
    """The public modules and subpackages of the package, in alphabetical order."""
    return sorted(m.name for m in pkgutil.iter_modules([str(package)]) if not m.name.startswith("_"))


def write_sections(app: Sphinx, docname: str, content: list[str]) -> None:
    if docname == PAGE:
        package = Path(app.srcdir) / "code" / "nntrain"
        content[0] = content[0].replace(PLACE, "\n".join(section(name) for name in modules(package)))


def section(module: str) -> str:
    if module not in TAUGHT:
        raise ValueError(f"say in {__name__}.TAUGHT which chapter teaches nntrain.{module}")
    links = " and ".join("[{1}]({0})".format(*CHAPTERS[key]) for key in TAUGHT[module].split())
    return (
        f"## `nntrain.{module}`\n\nTaught in {links}.\n\n"
        f"```{{eval-rst}}\n.. automodule:: nntrain.{module}\n   :members:\n   :show-inheritance:\n```\n"
    )
