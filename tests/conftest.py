"""What several test modules share."""

import importlib
import json
import os
import shutil
import time
from collections import defaultdict
from pathlib import Path
from unittest import mock

import nbformat
import numpy as np
import pytest

from nntrain import Linear, ReLU, Sequential

STARTED = time.time()


@pytest.fixture(scope="session")
def torch():
    """PyTorch as an independent oracle; without it the test is skipped, but on CI that is a failure."""
    try:
        module = importlib.import_module("torch")
    except ImportError:
        if os.environ.get("CI") == "true":
            pytest.fail(
                "PyTorch is missing: install the extra [torch], its tests must run on CI"
            )
        pytest.skip("PyTorch is not installed (pip install -e .[torch])")
    module.set_num_threads(
        1
    )  # for arrays this small two threads mostly wait for each other
    return module


@pytest.fixture(scope="session")
def browser():
    """A browser driven by Playwright; without one the test is skipped, but on CI that is a failure."""
    api = pytest.importorskip(
        "playwright.sync_api", reason="without Playwright the site is NOT tested"
    )
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = next(filter(None, map(shutil.which, names)), None)
    flags = [
        "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync",
    ]  # fmt: skip
    with api.sync_playwright() as playwright:
        try:
            opened = playwright.chromium.launch(executable_path=found, args=flags)
        except api.Error as error:
            if os.environ.get("CI") == "true":
                pytest.fail(f"no browser to test the site in: {error}")
            pytest.skip(
                "no browser found (install chromium): the built site is NOT tested in one"
            )
        yield opened
        opened.close()


@pytest.fixture(autouse=True)
def own_environment():
    """Variables that a test or the code under it sets end with it: no later test or notebook sees them."""
    with mock.patch.dict(os.environ):
        yield


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def make_network():
    """A function that builds the small network several modules train: 8 inputs, 3 classes."""

    def make(seed=0, dtype=np.float32):
        rng = np.random.default_rng(seed)
        return Sequential(
            Linear(8, 16, rng=rng), ReLU(), Linear(16, 3, rng=rng), dtype=dtype
        )

    return make


@pytest.fixture
def small_data():
    """32 examples of 8 features in 3 classes: x (32, 8) float32, y (32,) int."""
    rng = np.random.default_rng(7)
    return rng.normal(size=(32, 8)).astype(np.float32), rng.integers(0, 3, 32)


# What takes longest begins first: it would keep one process busy when the other is done. In
# rough order of what they took; the rest follows as collected. (`loadscope` keeps a file in one
# process; `--no-loadscope-reorder` keeps this order.)
LONGEST = (
    "test_pages.py", "12_frameworks.ipynb", "museum.ipynb", "10_mnist.ipynb",
    "09_generalisation.ipynb", "02_gradient_descent.ipynb", "07_momentum.ipynb",
    "test_course.py", "test_site_extension.py", "test_execution.py", "01_losses.ipynb",
    "03_backpropagation.ipynb", "06_learning_rates.ipynb", "04_automatic_differentiation.ipynb",
    "05_batching.ipynb", "intro.ipynb", "08_initialisation.ipynb",
)  # fmt: skip


def pytest_collection_modifyitems(items):
    """Add the check of a chapter's experiments behind its last cell, and begin with the longest."""
    last = {item.path: item for item in items if item.path.suffix == ".ipynb"}
    for item in last.values():
        check = experiments_check(item)
        if check is not None:
            items.insert(items.index(item) + 1, check)
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.name, len(ranks)))


# Runs in the kernel in which nbval has just run the whole chapter. First every cell that shows an
# experiment is run once more: a reader may run cells in any order. Then each experiment is driven
# to the ends and corners of its controls.
DRIVE = """
from bookkit.experiments import Experiment as _Experiment

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
    added = nbformat.v4.new_code_cell(DRIVE.format(sources=sources))
    return type(cell).from_parent(
        cell.parent,
        name="Experiments",
        cell_num=cell.cell_num + 1,
        cell=added,
        options=defaultdict(bool),
    )


def pytest_terminal_summary(terminalreporter):
    """What the browser measured on every page that this run looked at (test_pages.py writes it)."""
    folder = Path(__file__).parent.parent / "_build" / "pages"
    fresh = [p for p in sorted(folder.glob("*.json")) if p.stat().st_mtime >= STARTED]
    if not fresh:
        return
    terminalreporter.section(
        "pages in the browser: work until ready, weight compressed"
    )
    for path in fresh:
        for name, page in json.loads(path.read_text()).items():
            ready, weight = page.get("ready_ms"), page.get("page_kb")
            terminalreporter.write_line(f"{name}: {ready} ms, {weight} kB")
            for experiment, found in page.get("experiments", {}).items():
                terminalreporter.write_line(f"    {experiment}: {found}")
