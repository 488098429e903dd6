"""What the chapter on frameworks measures with PyTorch, JAX and Keras, stored for readers without them.

The chapter's own cells are run, with the libraries there, and what they wrote into the chapter's
dictionaries `pytorch` and `others` is kept.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from longruns import provenance, store

CHAPTER = Path(__file__).parents[1] / "book" / "12_frameworks.ipynb"


def names_of(chapter: Path, last: str = "") -> dict[str, Any]:
    """Run the chapter's code cells, without experiments and exercises, up to the cell `last`."""
    import matplotlib

    matplotlib.use("Agg")
    names: dict[str, Any] = {"__name__": "__main__"}
    here = Path.cwd()
    os.chdir(chapter.parent)
    try:
        for cell in json.loads(chapter.read_text(encoding="utf-8"))["cells"]:
            source = "".join(cell["source"])
            other = "nbgrader" in cell["metadata"] or "Experiment(" in source
            if cell["cell_type"] == "code" and not other:
                exec(compile(source, f"{chapter.name}: {cell['id']}", "exec"), names)
            if cell["id"] == last:
                break
    finally:
        os.chdir(here)
    return names


def make_frameworks(path: Path) -> None:
    """Run that chapter and store what PyTorch gave. Raises SystemExit without PyTorch."""
    names = names_of(CHAPTER)
    if names["torch"] is None:
        raise SystemExit("PyTorch is missing: pip install torch, then run this again")
    import sklearn

    facts = provenance(
        "--part frameworks", setting="the cells of book/12_frameworks.ipynb"
    )
    facts["versions"]["torch"] = names["torch"].__version__.split("+")[0]
    facts["versions"]["scikit-learn"] = sklearn.__version__
    store(path, facts, numbers=_rounded(names["pytorch"]))


def make_others(path: Path) -> None:
    """Run the chapter as far as JAX and Keras, and store their losses. SystemExit without them."""
    names = names_of(CHAPTER, last="jax-keras-run")
    if names["jax"] is None:
        raise SystemExit("JAX or Keras is missing: pip install jax keras, then again")
    facts = provenance(
        "--part jax_keras", setting="the cells of book/12_frameworks.ipynb"
    )
    for library in ("jax", "keras"):
        facts["versions"][library] = names[library].__version__
    store(path, facts, numbers=_rounded(names["others"]))


def _rounded(value: Any) -> Any:
    """The same with nine significant digits, as many as a float32 can tell apart."""
    if isinstance(value, float):
        return float(f"{value:.8e}")
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    return value
