"""What several test modules share."""

import importlib
import json
import os
import shutil
import time
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from chapters import ChapterRuns
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


def pytest_configure(config):
    """Chapters that nbval runs are looked at more closely, and their runs serve the book."""
    config.pluginmanager.register(ChapterRuns(config), "chapters")


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
