"""Results of long runs, stored with the book in `book/data` together with where they come from.

`make reproduce` makes them; a chapter shows them and runs one case itself.
"""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

__all__ = ["facts_of", "fetch", "load_results", "stored_file"]

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


def fetch(base: str, *names: str) -> None:
    """Download into `data` those files that are in none of the places, from the address `base`.

    A notebook that was downloaded alone calls this first. Where a file cannot be had it says so
    and goes on: only the cells that show stored results need them.
    """
    for name in names:
        if any((place / name).is_file() for place in _PLACES):
            continue
        target = _PLACES[0] / name
        part = target.with_name(f"{name}.part")
        try:
            if not base:
                raise OSError("the book's address is not known")
            with urllib.request.urlopen(f"{base}/{name}", timeout=60) as answer:
                content = answer.read()
            target.parent.mkdir(exist_ok=True)
            part.write_bytes(content)  # whole, or not at all
            part.replace(target)
        except (OSError, ValueError) as error:
            print(f"data/{name} cannot be fetched: {error}.")


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
