"""What nbval does with a chapter beyond its cells: the experiments' checks, and one run for tests and book.

nbval executes each chapter as the book's build does, with the experiments' face for pages, and
what came out is put where the build looks for runs: `make test` executes every chapter once.
"""

import json
import os
import sys
from collections import defaultdict
from copy import deepcopy
from pathlib import Path
from unittest import mock

import nbformat
import pytest
from IPython.core.displayhook import DisplayHook
from nbformat.v4 import new_code_cell

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "book" / "_extensions"))

from nntrain_site.cachekey import settle_data  # noqa: E402
from nntrain_site.execution import Chapter, Store, cache_folder  # noqa: E402

# What takes longest begins first: it would keep one process busy when the other is done. In
# rough order of what they took; the rest follows as collected. (`loadscope` keeps a file in one
# process; `--no-loadscope-reorder` keeps this order.)
LONGEST = (
    "test_pages.py", "12_frameworks.ipynb", "11_recipe.ipynb",
    "museum.ipynb", "10_mnist.ipynb",
    "09_generalisation.ipynb", "02_gradient_descent.ipynb", "07_momentum.ipynb",
    "test_course.py", "test_site_extension.py", "test_execution.py", "01_losses.ipynb",
    "03_backpropagation.ipynb", "06_learning_rates.ipynb", "04_automatic_differentiation.ipynb",
    "05_batching.ipynb", "intro.ipynb", "08_initialisation.ipynb",
)  # fmt: skip

# Runs in the kernel in which nbval has just run the whole chapter. First every cell that shows an
# experiment is run once more, now for Jupyter: a reader may run cells in any order. Then each
# experiment is driven to the ends and corners of its controls.
DRIVE = """
import os
from bookkit.experiments import Experiment as _Experiment

os.environ.pop("NNTRAIN_STATIC", None)
for _source in {sources!r}:
    _made, _plain = [], _Experiment.__init__
    def _remember(self, *args, **more):
        _plain(self, *args, **more)
        _made.append(self)
    _Experiment.__init__ = _remember
    try:
        get_ipython().run_cell(_source).raise_error()
    finally:
        _Experiment.__init__ = _plain
    assert _made, "the cell makes no experiment:\\n" + _source
    for _experiment in _made:
        print(_experiment.id, _experiment.check_live(max_corners=32))
"""


class ChapterRuns:
    """The hooks of one pytest process; with xdist, its workers hand their runs to the first."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.worker = hasattr(config, "workerinput")
        self.runs: dict[
            str, dict
        ] = {}  # chapter → outputs and seconds by cell, failure
        if not self.worker and any(map(_is_chapter, config.args)):
            settle_data()  # before any kernel starts, so that all run on the same

    def pytest_collection_modifyitems(self, items):
        """Add the check of a chapter's experiments behind its last cell; begin with the longest."""
        last = {item.path: item for item in items if item.path.suffix == ".ipynb"}
        for item in last.values():
            check = experiments_check(item)
            if check is not None:
                items.insert(items.index(item) + 1, check)
        ranks = {name: rank for rank, name in enumerate(LONGEST)}
        items.sort(key=lambda item: ranks.get(item.path.name, len(ranks)))

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_setup(self, item):
        """A chapter's kernel starts with its first cell: for the book's pages."""
        if not _is_chapter(item.path):
            yield  # what fixtures set must stay
            return
        with mock.patch.dict(os.environ, {"NNTRAIN_STATIC": "1"}):
            yield

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item, call):
        report = (yield).get_result()
        if not _is_chapter(item.path) or item.name == "Experiments":
            return
        run = self.runs.setdefault(str(item.path), {"cells": {}, "whole": True})
        run["whole"] &= report.passed
        if call.when == "call" and report.passed:
            run["cells"][item.cell.id] = call.duration, json.dumps(item.test_outputs)

    def pytest_sessionfinish(self):
        if self.worker:
            self.config.workeroutput["chapters"] = self.runs
        else:
            keep(self.runs)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node):
        self.runs |= getattr(node, "workeroutput", {}).get("chapters", {})


def _is_chapter(path: str | os.PathLike) -> bool:
    path = Path(path).resolve()
    return path.suffix == ".ipynb" and path.parent == ROOT / "book"


def keep(runs: dict[str, dict]) -> None:
    """Store the chapters whose every cell passed where the build looks for runs."""
    done = {Path(path): run for path, run in runs.items() if run["whole"]}
    if not done:
        return
    store = Store(cache_folder(ROOT / "_build", ROOT))
    for path, run in done.items():
        notebook = executed(nbformat.read(path, as_version=4), run["cells"])
        if notebook is not None:
            seconds = {cell: time for cell, (time, _) in run["cells"].items()}
            chapter = Chapter(
                path, notebook, seconds=sum(seconds.values()), cells=seconds
            )
            store.keep(chapter)


def executed(
    notebook: nbformat.NotebookNode, cells: dict[str, tuple[float, str]]
) -> nbformat.NotebookNode | None:
    """The notebook with its outputs; None if one of its cells has not run."""
    notebook = deepcopy(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source]
    if any(cell.id not in cells for cell in code):
        return None
    for number, cell in enumerate(code, 1):
        cell.execution_count = number
        cell.outputs = nbformat.from_dict(json.loads(cells[cell.id][1]))
        if DisplayHook.semicolon_at_end_of_expression(cell.source):
            # IPython looks for it in its history, and nbval has it keep none.
            cell.outputs = [
                o for o in cell.outputs if o.output_type != "execute_result"
            ]
    return notebook


def experiments_check(cell):
    """An item for nbval behind `cell`, the last of its notebook; None for a chapter without experiments."""
    notebook = cell.parent.nb
    skipped = {"raises-exception", "skip-execution", "nbval-skip"}
    sources = [
        code.source
        for code in notebook.cells
        if code.cell_type == "code"
        and "Experiment(" in code.source
        and not skipped & set(code.metadata.get("tags", []))
    ]
    if not sources:
        return None
    return type(cell).from_parent(
        cell.parent,
        name="Experiments",
        cell_num=cell.cell_num + 1,
        cell=new_code_cell(DRIVE.format(sources=sources)),
        options=defaultdict(bool),
    )
