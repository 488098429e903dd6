"""Glued numbers, shown sources and the book's style."""

import io
import os
import subprocess
import sys
from itertools import combinations

import matplotlib
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest

from bookkit import notebook
from bookkit.notebook import (
    COLOURS,
    ClaimError,
    book_style,
    claim,
    glue,
    mean_sd,
    power_of_ten,
    show_source,
    use_book_style,
)


def linear(colour: str) -> np.ndarray:
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(
        channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4
    )


@pytest.mark.parametrize("colour", COLOURS)
def test_colours_are_dark_enough_for_letters_on_white(colour):
    luminance = linear(colour) @ [
        0.2126,
        0.7152,
        0.0722,
    ]  # WCAG 2.2, relative luminance
    assert 1.05 / (luminance + 0.05) >= 4.5


def lab(rgb: np.ndarray) -> np.ndarray:
    to_xyz = np.array(
        [[0.4125, 0.3576, 0.1804], [0.2127, 0.7152, 0.0722], [0.0193, 0.1192, 0.9503]]
    )
    x, y, z = np.cbrt(np.maximum(to_xyz @ rgb / [0.9505, 1, 1.0888], 1e-6))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


# How the two common red-green deficiencies mix the channels (Machado et al. 2009, severity 1).
PROTAN = np.array(
    [[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0520]]
)
DEUTAN = np.array(
    [[0.3673, 0.8606, -0.2280], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]]
)


@pytest.mark.parametrize(
    "vision", [np.eye(3), PROTAN, DEUTAN], ids=["usual", "protan", "deutan"]
)
def test_colours_stay_apart_for_colour_blind_readers(vision):
    seen = [lab(np.clip(vision @ linear(colour), 0, 1)) for colour in COLOURS]
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 12


def test_the_style_is_valid_legible_and_repeatable():
    style = book_style()
    assert all(
        size >= 9
        for key, size in style.items()
        if key.endswith(("size", "font.size")) and key != "figure.figsize"
    )
    pictures = []
    for _ in range(2):
        with plt.rc_context(style):
            figure, ax = plt.subplots()
            ax.plot([1, 2], [3, 4])
            file = io.BytesIO()
            figure.savefig(file, format="svg", metadata={"Date": None})
            pictures.append(file.getvalue())
            plt.close(figure)
    assert pictures[0] == pictures[1]


def test_the_style_works_outside_jupyter():
    with matplotlib.rc_context():
        use_book_style()
        assert plt.rcParams["axes.prop_cycle"].by_key()["color"] == list(COLOURS)


def test_importing_the_package_does_not_import_matplotlib():
    code = "import sys, nntrain; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_mean_and_sample_standard_deviation():
    assert mean_sd([1, 2, 3], "{:.2f}") == "2.00 ± 1.00"
    with pytest.raises(ValueError, match="at least two"):
        mean_sd([1.0])


def test_glue_prints_outside_the_book_and_refuses_bad_names(capsys, monkeypatch):
    monkeypatch.delenv("NNTRAIN_STATIC", raising=False)
    glue(".1%", accuracy=0.95234, data="MNIST")
    assert capsys.readouterr().out == "accuracy = 95.2%\ndata = MNIST\n"
    monkeypatch.setenv("NNTRAIN_STATIC", "1")
    glue(accuracy=0.95)
    assert capsys.readouterr().out == ""
    for bad in ("", "a:b"):
        with pytest.raises(ValueError, match="name"):
            glue(**{bad: 1.0})


def test_a_claim_is_silent_or_says_so_on_the_page_or_stops_the_checks(
    capsys, monkeypatch
):
    monkeypatch.delenv("NNTRAIN_CLAIMS", raising=False)
    claim("Adam ends lower", np.True_)
    assert capsys.readouterr().out == ""
    claim("Adam ends lower.", 0.2 < 0.1, found="0.2 against 0.1")
    told = "On this machine: it did not hold that Adam ends lower (0.2 against 0.1).\n"
    assert capsys.readouterr().out == told
    monkeypatch.setenv("NNTRAIN_CLAIMS", "strict")
    claim("Adam ends lower", True)
    with pytest.raises(ClaimError, match="did not hold that Adam ends lower"):
        claim("Adam ends lower", float("nan") < 1)


@pytest.mark.parametrize(
    ("sentence", "holds"), [("", True), ("x", np.array([True])), ("x", 1), ("x", None)]
)
def test_a_claim_needs_a_sentence_and_one_yes_or_no(sentence, holds):
    with pytest.raises(ValueError, match="claim"):
        claim(sentence, holds)


@pytest.mark.parametrize(
    "text", ["0.50", "23,860", "1e-05", "95.2 ± 0.3", "MNIST", "12"]
)
def test_what_is_glued_is_what_myst_nb_prints(text):
    from myst_nb.core.variables import format_plain_text

    from bookkit.notebook import _literal

    assert format_plain_text(_literal(text), "") == text


@pytest.fixture(scope="module")
def run_cells():
    """Run cells in a real kernel, as the book's build does; gives the notebook with its outputs."""
    from nbclient import NotebookClient

    def run(*sources):
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        nb = nbformat.v4.new_notebook(cells=cells)
        NotebookClient(nb, timeout=60).execute(
            env={**os.environ, "NNTRAIN_STATIC": "1"}
        )
        return nb

    return run


def test_myst_nb_reads_what_glue_leaves_and_figures_are_repeatable_svg(run_cells):
    from myst_nb.ext.glue import extract_glue_data_cell

    figure = "import matplotlib.pyplot as plt\nplt.plot([1, 2])[0];"
    nb = run_cells(
        "from bookkit.notebook import *\nuse_book_style()",
        "glue('.3f', loss=0.12345, both='95.2 ± 0.3')",
        figure,
        figure,
    )
    found = {
        name: output["data"] for name, output in extract_glue_data_cell(nb.cells[1])
    }
    assert found == {
        "loss": {"text/plain": "0.123"},
        "both": {"text/plain": "95.2 ± 0.3"},
    }
    assert nb.cells[1].outputs == []  # nothing is left for the page to show
    first, second = (
        [o for o in nb.cells[k].outputs if "data" in o][-1]["data"] for k in (2, 3)
    )
    assert first["image/svg+xml"] == second["image/svg+xml"]
    assert "image/png" not in first


def documented(x):
    """What it does."""

    @staticmethod
    def inner():
        """Also described."""
        return x

    return inner


class OnlyWords:
    """Nothing but words."""


def test_sources_are_shown_from_their_file():
    shown = show_source(mean_sd)
    assert "def mean_sd(" in shown.code and "±" in shown.code
    markdown = shown._repr_markdown_()
    assert (
        markdown.startswith("From `bookkit/notebook.py`")
        and "\n```python\ndef mean_sd(" in markdown
    )
    bare = show_source(mean_sd, docstring=False)
    assert ">>>" not in bare.code and "ValueError" in bare.code
    assert show_source(mean_sd, lines=(1, 1)).code == shown.code.split("\n")[0]
    assert show_source(notebook.Source.__repr__).code.startswith("def __repr__")


def test_sources_without_docstrings_are_still_python():
    code = show_source(documented, docstring=False).code
    assert "What" not in code and "Also" not in code and "@staticmethod" in code
    compile(code, "shown", "exec")
    compile(show_source(OnlyWords, docstring=False).code, "shown", "exec")


def test_of_a_class_some_methods_can_be_shown():
    code = show_source(notebook.Source, methods=("__repr__",), docstring=False).code
    assert code.startswith("class Source:\n    def __repr__(self)")
    assert "__init__" not in code and "Jupyter" not in code
    compile(code, "shown", "exec")


@pytest.mark.parametrize(
    "call",
    [
        lambda: show_source(len),
        lambda: show_source(mean_sd, lines=(0, 3)),
        lambda: show_source(mean_sd, methods=("values",)),
        lambda: show_source(notebook.Source, methods=("__repr__", "absent")),
    ],
)
def test_what_cannot_be_shown_is_refused(call):
    with pytest.raises(ValueError):
        call()


@pytest.mark.parametrize(
    "value, text", [(1e-12, "10⁻¹²"), (4e3, "10⁴"), (1.0, "10⁰"), (3e-5, "10⁻⁵")]
)
def test_a_power_of_ten_is_the_nearest(value, text):
    assert power_of_ten(value) == text


@pytest.mark.parametrize("value", [0.0, -1.0, np.inf, np.nan])
def test_only_positive_numbers_have_a_power_of_ten(value):
    with pytest.raises(ValueError, match="only a positive number"):
        power_of_ten(value)
