"""What several test modules share."""

import importlib
import os

import pytest


@pytest.fixture(scope="session")
def torch():
    """PyTorch as an independent oracle; without it the test is skipped, but on CI that is a failure."""
    try:
        return importlib.import_module("torch")
    except ImportError:
        if os.environ.get("CI") == "true":
            pytest.fail("PyTorch is missing: install the extra [torch], its tests must run on CI")
        pytest.skip("PyTorch is not installed (pip install -e .[torch])")
