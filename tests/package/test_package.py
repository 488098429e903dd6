"""The package as a whole: quick to import, small modules, documented, and its examples are true."""

import ast
import doctest
import importlib
import inspect
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import nntrain
from nntrain import Batches, History, Layer, Sequential
from nntrain.callbacks import Callback
from nntrain.history import Run
from nntrain.losses import Loss
from nntrain.optimizers import Optimizer

FOLDER = Path(nntrain.__file__).parent
FILES = sorted(FOLDER.rglob("*.py"))
MODULES = [
    "nntrain",
    *(module.name for module in pkgutil.walk_packages(nntrain.__path__, "nntrain.")),
]


def test_import_is_quick_and_brings_nothing_heavy():
    program = (
        "import sys, time; began = time.process_time(); import nntrain; print(time.process_time() - began);"
        "print(*({'matplotlib', 'ipywidgets', 'sklearn', 'scipy', 'torch', 'IPython', 'tqdm', 'pooch'}"
        " & set(sys.modules)))"
    )
    times = []
    for _ in range(3):  # the least of three: the first may have to compile
        answer = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
        seconds, *heavy = answer.stdout.split()
        assert heavy == []
        times.append(float(seconds))
    assert min(times) < 0.25


NUMPY_ALONE = """
import os, sys
known = {*sys.stdlib_module_names, "numpy", "nntrain"}
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in known:
            raise ImportError(f"{name} is not installed here")
sys.meta_path.insert(0, Refuse())
from nntrain import *
import nntrain, numpy as np, pkgutil, importlib
for module in pkgutil.walk_packages(nntrain.__path__, "nntrain."):
    importlib.import_module(module.name)
rng = np.random.default_rng(0)
network = Sequential(Linear(2, 3, rng=rng), Tanh(), Linear(3, 2, rng=rng))
x = rng.normal(size=(20, 2)).astype(np.float32)
batches = Batches(x, (x[:, 0] > 0).astype(int), batch_size=5, rng=rng)
print(len(fit(network, CrossEntropyLoss(), SGD(network, lr=0.1), batches, epochs=2)))
try:
    nntrain.datasets.load_mnist()
except nntrain.datasets.DatasetError as error:
    print(error)
"""


def test_numpy_is_enough_to_import_and_to_train():
    env = {name: value for name, value in os.environ.items() if name != "NNTRAIN_DATA"}
    answer = subprocess.run(
        [sys.executable, "-c", NUMPY_ALONE], env=env, capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr
    epochs, told = answer.stdout.splitlines()
    assert epochs == "2" and "pip install pooch" in told


def test_every_name_promised_is_there():
    for name in MODULES:
        module = importlib.import_module(name)
        for promised in getattr(module, "__all__", ()):
            assert hasattr(module, promised), f"{name}.{promised}"


def code_lines(path: Path) -> int:
    """How many lines hold code: neither blank, nor comment, nor part of a docstring."""
    text = path.read_text(encoding="utf-8")
    words = set()
    for node in ast.walk(ast.parse(text)):
        kinds = ast.Module | ast.ClassDef | ast.FunctionDef
        if isinstance(node, kinds) and ast.get_docstring(node):
            words.update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    lines = enumerate(text.splitlines(), 1)
    return sum(bool(s.split("#")[0].strip()) and k not in words for k, s in lines)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_modules_are_small_and_say_what_they_are_about(path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert code_lines(path) <= 210


@pytest.mark.parametrize("name", [name for name in MODULES if name.count(".") == 1])
def test_public_names_are_documented(name):
    module = importlib.import_module(name)
    own = [
        item
        for item in vars(module).values()
        if getattr(item, "__module__", "") == name
    ]
    for item in own:
        if inspect.isfunction(item) or inspect.isclass(item):
            assert item.__name__.startswith("_") or item.__doc__, item.__name__


@pytest.mark.parametrize(
    "kind",
    [Layer, Loss, Sequential, Batches, Optimizer, History, Run, Callback],
    ids=lambda kind: kind.__name__,
)
def test_methods_of_the_core_are_documented(kind):
    """Where they are first defined; what a subclass does is in its class's docstring."""
    for name, method in vars(kind).items():
        assert (
            name.startswith("_") or not inspect.isfunction(method) or method.__doc__
        ), name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_functions_fit_on_a_screen(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            documentation = ast.get_docstring(node, clean=False) or ""
            lines = (
                (node.end_lineno or 0)
                - node.lineno
                + 1
                - len(documentation.splitlines())
            )
            assert lines <= 65, f"{node.name} has {lines} lines"


def test_docstrings_have_one_kind_of_backticks():
    """Single ones, as in Markdown; two are reStructuredText's, and pages would show them."""
    for path in FOLDER.parent.rglob("*.py"):
        tree = ast.parse(path.read_text())
        kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
        for node in ast.walk(tree):
            if isinstance(node, kinds):
                text = ast.get_docstring(node) or ""
                assert not re.search(r"(?<![`{}\w])``(?! )[^`\n]+``(?!`)", text), (
                    path,
                    text,
                )


def test_no_module_draws_from_the_global_random_state():
    allowed = {"default_rng", "Generator"}
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(
                node.value, ast.Attribute
            ):
                if (
                    node.value.attr == "random"
                    and getattr(node.value.value, "id", "") == "np"
                ):
                    assert node.attr in allowed, f"{path.name}: np.random.{node.attr}"


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_are_true(name):
    module = importlib.import_module(name)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    result = doctest.testmod(module, extraglobs={"np": np}, optionflags=flags)
    assert result.failed == 0
