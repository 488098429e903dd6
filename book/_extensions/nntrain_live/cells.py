"""A chapter's code cells as the page gets them: code, the student's version, what each needs from above."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from . import needs

SOLUTION = re.compile(
    r"^([ \t]*)### BEGIN SOLUTION\n.*?^[ \t]*### END SOLUTION[ \t]*\n?",
    re.DOTALL | re.MULTILINE,
)
BLANK = "# Your code here\nraise NotImplementedError()"
SLOWER = 8.0  # a browser's Python against this computer's, at the median of the chapters' cells
LEAST = 0.05  # seconds that any cell takes there


def load(path: Path) -> list[dict[str, Any]]:
    """The notebook's cells, each with its number among all cells of the file."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = []
    for index, cell in enumerate(notebook["cells"]):
        source = cell["source"]
        cells.append(
            {
                "id": cell.get("id", f"cell-{index}"),
                "index": index,
                "type": cell["cell_type"],
                "code": source if isinstance(source, str) else "".join(source),
                "metadata": cell["metadata"],
            }
        )
    return cells


def student(code: str) -> str:
    """The cell without its solution, as in the student edition."""

    def blank(match: re.Match[str]) -> str:
        return "".join(f"{match[1]}{line}\n" for line in BLANK.split("\n"))

    return SOLUTION.sub(blank, code).rstrip("\n")


def exercise(cell: dict[str, Any]) -> str | None:
    """The name of the exercise that this cell's code answers."""
    marks = cell["metadata"].get("nbgrader", {})
    if cell["type"] == "code" and marks.get("solution") and not marks.get("grade"):
        return str(marks["grade_id"])
    return None


def checks_of(name: str, cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The cells that check this exercise, in their order."""
    return [
        cell
        for cell in cells
        if cell["type"] == "code"
        and cell["metadata"].get("nbgrader", {}).get("grade")
        and cell["metadata"]["nbgrader"]["grade_id"].startswith(f"{name}-test")
    ]


def for_page(
    cells: list[dict[str, Any]], seconds: dict[str, float]
) -> list[dict[str, Any]]:
    """What the page needs to run any cell: `seconds` are measured ones, by cell id, of this build."""
    code = [cell for cell in cells if cell["type"] == "code"]
    chains = needs.chains(cell["code"] for cell in code)
    found = []
    for cell, chain in zip(code, chains, strict=True):
        entry: dict[str, Any] = {
            "id": cell["id"],
            "code": cell["code"],
            "uses": {
                name: [code[number]["id"] for number in numbers]
                for name, numbers in chain.items()
            },
            "seconds": round(LEAST + SLOWER * seconds.get(cell["id"], 0.0), 2),
        }
        name = exercise(cell)
        if name:
            entry["student"] = student(cell["code"])
            entry["checks"] = [check["id"] for check in checks_of(name, cells)]
        found.append(entry)
    return found
