"""The Python side of the page's code: a cell runs as in Jupyter, and says what it shows piece by piece."""

import importlib.util
import json
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest

import bookkit.live
from bookkit.exercises import check_close
from bookkit.live import connection, errors, kernel, values
from bookkit.notebook import claim, glue, show_source

STANDINS = Path(bookkit.live.__file__).parent / "standins"


class Page:
    """A kernel and all that it sent."""

    def __init__(self):
        self.pieces = []
        self.kernel = kernel.connect(self.pieces.append)

    def run(self, code, cell="c", show=True):
        self.pieces.clear()
        self.ok = self.kernel.run(cell, code, show)
        return self

    def of(self, kind):
        return [piece for piece in self.pieces if piece["kind"] == kind]

    @property
    def text(self):
        return "".join(piece["text"] for piece in self.of("stream"))

    @property
    def value(self):
        (piece,) = self.of("display")
        return piece["data"]


@pytest.fixture
def page(monkeypatch):
    shown = matplotlib.get_backend()
    monkeypatch.setattr(connection, "_kernel", None)
    matplotlib.use("module://bookkit.live.pictures")
    yield Page()
    matplotlib.use(shown)


@pytest.mark.parametrize(
    "code, shown",
    [
        ("1 + 1", "2"),
        ("x = 3\nx * 2  # a remark", "6"),
        ("[1,\n 2]", "[1, 2]"),
        ("list(range(40))", "[" + ",\n ".join(map(str, range(40))) + "]"),
        ("def f(a, b=1): pass\nf", "<function __main__.f(a, b=1)>"),
        ("'a'", "'a'"),
    ],
)
def test_the_last_line_is_shown(page, code, shown):
    assert page.run(code).value["text/plain"] == shown


@pytest.mark.parametrize("code", ["x = 1", "1;", "None", "", "print", "# nothing"])
def test_what_has_no_value_to_show(page, code):
    pieces = page.run(code).of("display")
    assert (pieces == []) == (code != "print")
    assert page.ok


def test_names_live_from_cell_to_cell_and_are_reported(page):
    page.run("import math\nx = [1]")
    assert set(page.of("bound")[0]["names"]) >= {"math", "x"}
    page.run("x.append(2)\ny = x")
    assert page.of("bound")[0]["names"] == ["y"]
    assert page.run("y").value["text/plain"] == "[1, 2]"
    page.run("x = [1]\n1 / 0")
    assert page.of("bound")[0]["names"] == ["x"], "bound before the error"


def test_print_is_sent_while_the_cell_runs_and_in_order(page):
    page.run(
        "import time\nprint('a')\ntime.sleep(0.1)\nprint('b')\nfrom bookkit.live.connection import current\n"
        "current().display(5)\nprint('c')"
    )
    place = page.pieces.index(page.of("display")[0])
    before, after = page.pieces[:place], page.pieces[place + 1 : -1]
    assert "".join(piece["text"] for piece in before) == "a\nb\n"
    assert len(before) > 1, "nothing was sent before the cell ended"
    assert "".join(piece["text"] for piece in after) == "c\n"


def test_an_error_names_the_readers_lines_only(page):
    page.run("def halve(x):\n    return np.linalg.inv(x)", cell="above")
    page.run("import numpy as np\nprint('so far')\nhalve(np.zeros((2, 2)))", cell="own")
    (told,) = page.of("error")
    assert not page.ok and page.text == "so far\n"
    assert told["type"] == "LinAlgError" and told["message"] == "Singular matrix"
    assert told["lines"] == [
        {"cell": "own", "line": 3, "code": "halve(np.zeros((2, 2)))"},
        {"cell": "above", "line": 2, "code": "    return np.linalg.inv(x)"},
    ]


def test_a_syntax_error_says_where(page):
    (told,) = page.run("x = 1\ny = = 2").of("error")
    (line,) = told["lines"]
    assert told["type"] == "SyntaxError"
    assert (line["line"], line["code"], line["column"]) == (2, "y = = 2", 5)


@pytest.mark.parametrize(
    "code, hint",
    [
        ("import torch_absent", "NumPy, Matplotlib"),
        ("raise ModuleNotFoundError(name='torch')", "PyTorch does not run in the page"),
        ("raise NotImplementedError()", "blank"),
        ("raise MemoryError()", "Restart"),
        ("1 / 0", ""),
    ],
)
def test_a_hint_where_one_helps(page, code, hint):
    told = page.run(code).of("error")[0]["hint"]
    assert hint in told and bool(told) == bool(hint)


def test_an_exercise_hint_stands_alone(page):
    page.kernel.main.check_close = check_close
    (told,) = page.run("check_close('slope', -2.0, 2.0)").of("error")
    assert told["type"] == "" and told["lines"] == []
    assert told["message"].startswith("✗ slope") and "sign" in told["message"]


def test_deep_recursion_is_an_error_like_any_other(page):
    (told,) = page.run("def f(n): return f(n + 1)\nf(0)").of("error")
    assert told["type"] == "RecursionError" and len(told["lines"]) <= 3


def test_figures_come_at_the_end_in_the_books_form_with_words(page):
    page.run(
        "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.plot([0, 1], [2, 8], label='loss')\n"
        "ax.set(xlabel='epoch', ylabel='nats', title='A run')\nprint('drawn')"
    )
    (picture,) = page.of("display")
    assert picture["data"]["image/svg+xml"].lstrip().startswith("<?xml")
    assert "<dc:date>" not in picture["data"]["image/svg+xml"]
    for word in ("A run", "epoch", "nats", "loss"):
        assert word in picture["alt"]
    assert page.pieces.index(picture) > page.pieces.index(page.of("stream")[0])
    assert page.run("plt.get_fignums()").value["text/plain"] == "[]"


def test_plt_show_shows_what_is_drawn_so_far(page):
    page.run(
        "import matplotlib.pyplot as plt\nplt.plot([1]);\nplt.show()\nprint('after')"
    )
    assert page.pieces[0]["kind"] == "display" and page.text == "after\n"
    assert len(page.of("display")) == 1


def test_a_figure_left_by_a_failing_cell_does_not_appear_later(page):
    page.run("import matplotlib.pyplot as plt\nplt.plot([1])\n1 / 0")
    assert page.of("display") == []
    assert page.run("x = 1").of("display") == []


def test_a_cell_run_for_another_one_shows_nothing_but_its_error(page):
    page.run(
        "print('quiet')\nimport matplotlib.pyplot as plt\nplt.plot([1])\n5", show=False
    )
    assert page.ok and [p["kind"] for p in page.pieces] == ["bound"]
    page.run("print('quiet')\n1 / 0", show=False)
    assert [p["kind"] for p in page.pieces] == ["error", "bound"]


def test_commands_are_json_and_end_with_done(page):
    kernel.command(json.dumps({"cell": "a", "code": "print('é\"')"}))
    assert page.text == 'é"\n' and page.pieces[-1] == {"kind": "done", "ok": True}
    kernel.command(json.dumps({"cell": "a", "code": "1 / 0"}))
    assert page.pieces[-1] == {"kind": "done", "ok": False}


def test_sources_of_the_packages_and_of_the_readers_own_functions(page):
    page.kernel.main.__dict__.update(show_source=show_source, np=np)
    page.run("def mine(x):\n    return x + 1\n\nshow_source(mine)")
    assert "return x + 1" in page.value["text/markdown"]
    page.run("from nntrain.losses import MSELoss\nshow_source(MSELoss)")
    assert page.value["text/markdown"].startswith("From `nntrain/losses.py`")


def load_standin(monkeypatch):
    """The stand-ins under their real names, as in the page."""
    for name in [n for n in sys.modules if n == "IPython" or n.startswith("IPython.")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("IPython", "IPython.display"):
        path = STANDINS / Path(*name.split("."))
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        places = [str(path)] if path.is_dir() else None
        spec = importlib.util.spec_from_file_location(
            name, file, submodule_search_locations=places
        )
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        if name == "IPython":
            package = spec
        else:
            spec.loader.exec_module(module)
    package.loader.exec_module(sys.modules["IPython"])


def test_glue_and_claim_work_and_a_figure_too(page, monkeypatch):
    load_standin(monkeypatch)
    monkeypatch.setenv("NNTRAIN_STATIC", "1")
    monkeypatch.delenv("NNTRAIN_CLAIMS", raising=False)
    page.kernel.main.__dict__.update(glue=glue, claim=claim)
    assert page.run("glue('.1f', loss=0.25)").pieces == [{"kind": "bound", "names": []}]
    page.run("claim('it falls', False, found='0.3')")
    assert "it did not hold that it falls" in page.value["text/markdown"]
    page.run(
        "from IPython.display import Markdown, display\ndisplay(Markdown('*x*'), 7)"
    )
    assert [p["data"]["text/plain"] for p in page.of("display")] == ["*x*", "7"]
    page.run("import matplotlib.pyplot as plt\nfig, ax = plt.subplots()")
    assert page.ok and len(page.of("display")) == 1


def test_the_digits_of_the_stand_in_are_scikit_learns(monkeypatch, tmp_path):
    from importlib import resources

    from sklearn.datasets import load_digits

    content = (resources.files("sklearn.datasets.data") / "digits.csv.gz").read_bytes()
    (tmp_path / "digits.csv.gz").write_bytes(content)
    monkeypatch.setenv("NNTRAIN_DIGITS", str(tmp_path / "digits.csv.gz"))
    spec = importlib.util.spec_from_file_location(
        "standin", STANDINS / "sklearn" / "datasets.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    ours, theirs = module.load_digits(), load_digits()
    assert np.array_equal(ours.images, theirs.images)
    assert np.array_equal(ours.target, theirs.target)


def test_an_experiment_is_named_and_its_grid_is_not_computed():
    from bookkit.experiments import Experiment

    class Costly(Experiment):
        def __init__(self):
            self.id, self.title = "walk", "A walk"

        @property
        def html(self):
            raise AssertionError("the grid was computed")

    assert values.bundle(Costly()) == {
        "text/plain": "Experiment: A walk",
        "experiment": "walk",
    }


def test_explained_key_errors_are_sentences():
    assert errors.explain(KeyError("lr"))["message"] == "there is no key 'lr'"
