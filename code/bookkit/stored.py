"""Results of long runs, stored with the book in `book/data` together with where they come from.

`make reproduce` makes them; a chapter shows them and runs one case itself.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["facts_of", "load_results", "stored_file"]

# Beside the notebook; beside the book; in the clone that bookkit is installed from.
_PLACES = (
    Path("data"),
    Path("book", "data"),
    Path(__file__).parents[2] / "book" / "data",
)


def stored_file(name: str) -> Path:
    """The path of a stored file.

    Raises FileNotFoundError that says where to get the file, if it is in none of the places.
    """
    for place in _PLACES:
        if (place / name).is_file():
            return place / name
    raise FileNotFoundError(
        f"data/{name} is not here. It holds results of long runs and belongs to the book: "
        f"copy the folder book/data of the book's repository next to this notebook, "
        f"or make the file there with 'make reproduce' (that takes long)."
    )


def load_results(name: str) -> dict[str, Any]:
    """A stored JSON file: its tables by name, and under `provenance` where they come from."""
    path = stored_file(name)
    results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return results


def facts_of(results: dict[str, Any]) -> str:
    """The provenance of stored results in one sentence: when, with what, on which processor."""
    facts = results["provenance"]
    versions = ", ".join(f"{name} {text}" for name, text in facts["versions"].items())
    parts = [facts["date"], versions, facts.get("blas"), facts.get("processor")]
    return "; ".join(part for part in parts if part)
