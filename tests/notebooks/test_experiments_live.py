"""Every experiment of every chapter, alive: driven to all ends and corners of its controls, none may raise.

Of a chapter only the cells that an experiment depends on are run, each chapter in a process of its own.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BOOK = Path(__file__).parents[2] / "book"
SLOWEST = 0.5  # seconds a median update may take on a busy machine; the aim is 0.1


def code_cells(path: Path) -> list[str]:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    skipped = {"raises-exception", "skip-execution"}
    return [
        "".join(cell["source"])
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
        and not skipped & set(cell["metadata"].get("tags", []))
    ]


def chapters() -> list[str]:
    return [
        path.name
        for path in sorted(BOOK.glob("*.ipynb"))
        if any("Experiment(" in c for c in code_cells(path))
    ]


class Names(ast.NodeVisitor):
    """What a cell defines, what it uses, and what it may change in place (arguments and owners of calls)."""

    def __init__(self, source: str) -> None:
        self.defined: set[str] = set()
        self.used: set[str] = set()
        self.touched: set[str] = set()
        self.imported: set[str] = set()
        code = "\n".join(
            "" if line.lstrip().startswith(("%", "!")) else line
            for line in source.splitlines()
        )
        self.visit(ast.parse(code))

    def visit_Name(self, node):
        (self.used if isinstance(node.ctx, ast.Load) else self.defined).add(node.id)

    def visit_FunctionDef(self, node):
        self.defined.add(node.name)
        self.generic_visit(node)

    visit_ClassDef = visit_FunctionDef

    def visit_Import(self, node):
        names = {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        self.defined |= names
        self.imported |= names

    visit_ImportFrom = visit_Import

    def visit_Call(self, node):
        owner = [node.func.value] if isinstance(node.func, ast.Attribute) else []
        for part in [*owner, *node.args, *(keyword.value for keyword in node.keywords)]:
            self.touched |= {n.id for n in ast.walk(part) if isinstance(n, ast.Name)}
        self.generic_visit(node)

    def visit_Subscript(self, node):
        if not isinstance(node.ctx, ast.Load):
            self.touched |= {
                n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)
            }
        self.generic_visit(node)

    visit_Attribute = visit_Subscript


def needed(cells: list[str]) -> list[str]:
    """The cells with experiments, and those, before or after, that define or change what they use."""
    names = [Names(cell) for cell in cells]
    imported = set().union(*(n.imported for n in names))
    kept = {i for i, cell in enumerate(cells) if i == 0 or "Experiment(" in cell}
    last = max(kept)
    while True:
        wanted = set().union(*(names[i].used for i in kept))
        more = {
            i
            for i in range(last)
            if names[i].defined & wanted or (names[i].touched - imported) & wanted
        }
        if more <= kept:
            return [cells[i] for i in sorted(kept)]
        kept |= more


RUN = """
import json, sys, time
import matplotlib
matplotlib.use("agg")
from IPython.core.interactiveshell import InteractiveShell
from bookkit.experiments import Experiment

made, plain = [], Experiment.__init__
def remember(self, *args, **more):
    plain(self, *args, **more)
    made.append(self)
Experiment.__init__ = remember
Experiment._repr_mimebundle_ = lambda self, include=None, exclude=None: {"text/plain": self.title}

shell = InteractiveShell.instance()
for cell in json.load(sys.stdin):
    shell.run_cell(cell).raise_error()
for experiment in made:
    began = time.perf_counter()
    result = experiment.check_live(max_corners=32)
    print("RESULT", json.dumps({"id": experiment.id, "seconds": time.perf_counter() - began, **result}))
"""


@pytest.mark.parametrize("name", chapters() or ["(no chapter)"])
def test_experiments_of_a_chapter_are_alive(name):
    if name == "(no chapter)":
        pytest.skip("no chapter has an experiment yet")
    cells = code_cells(BOOK / name)
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in ("NNTRAIN_STATIC", "MPLBACKEND")
    }
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        cwd=BOOK,
        input=json.dumps(needed(cells)),
        text=True,
        capture_output=True,
        timeout=300,
        env=environment,
    )
    assert done.returncode == 0, (
        f"{name}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    )
    results = [
        json.loads(line[7:])
        for line in done.stdout.splitlines()
        if line.startswith("RESULT ")
    ]
    print(*results, sep="\n")
    assert len(results) >= sum("Experiment(" in cell for cell in cells)
    slow = {
        result["id"]: round(result["median"], 2)
        for result in results
        if result["median"] > SLOWEST
    }
    assert not slow, f"{name}: seconds an update takes: {slow}"


def test_only_the_cells_an_experiment_needs_are_run():
    cells = [
        "import numpy as np", "a = np.ones(3)", "b = a + 1", "a[0] = 5", "fit(a)", "print(np.zeros(2))",
        "c = 2",
        "def compute(x):\n    return helper(x, a)", "%matplotlib inline\nhelper = len",
        "Experiment('e', compute)",
        "d = a",
    ]  # fmt: skip
    assert [cells.index(cell) for cell in needed(cells)] == [0, 1, 3, 4, 7, 8, 9]
