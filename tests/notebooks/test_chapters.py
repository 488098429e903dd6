"""What every chapter promises: true numbers, described figures, exercises of three kinds, one spelling."""

import ast
import json
import re
import symtable
from pathlib import Path

import pytest

BOOK = Path(__file__).parents[2] / "book"
NOTEBOOKS = sorted(BOOK.glob("*.ipynb"))
CHAPTERS = [path for path in NOTEBOOKS if path.name[0].isdigit()]

# A decimal or a number with a measuring unit, in prose: it should have come from the run.
MEASURED = re.compile(
    r"(?<![\w.–^])\d+\.\d+"
    r"|(?<![\w.–^])\d+(?:,\d{3})*\s?(?:%|per cent\b|percent\b|ms\b|µs\b|seconds?\b|minutes?\b|MB\b|nats\b|× )"
)
AMERICAN = re.compile(
    r"\b(?:initializ|optimiz|normaliz|generaliz|regulariz|vectoriz|memoriz|minimiz|maximiz|summariz|visualiz|penaliz"
    r"|recogniz|standardiz|color|behavior|neighbor|favor|labeled|labeling|center|gray\b|analyz)\w*",
    re.IGNORECASE,
)


def markdown_cells(path):
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "markdown" and "instructor" not in cell["metadata"].get(
            "tags", []
        ):
            yield cell, "".join(cell["source"])


def prose(text):
    """The words alone: no code, mathematics, roles, links, HTML tags or table rows."""
    text = re.sub(
        r"```.*?```|~~~.*?~~~|\$\$.*?\$\$|<!--.*?-->", " ", text, flags=re.DOTALL
    )
    text = re.sub(r"\\begin\{(\w+\*?)\}.*?\\end\{\1\}", " ", text, flags=re.DOTALL)
    text = re.sub(
        r"\{[\w:]+\}`[^`]*`|`[^`]*`|\$[^$]*\$|\]\([^)]*\)|https?://\S+|<[^>]+>",
        " ",
        text,
    )
    return re.sub(r"^\s*(?:\|.*|:::.*|:\w+:.*)$", " ", text, flags=re.MULTILINE)


def bare_numbers(text):
    """Measured-looking numbers in the sentences of `text` that cite nobody."""
    found = []
    for sentence in re.split(r"(?<=[.!?])\s+(?=[A-Z])|\n\s*\n", text):
        if "{cite" not in sentence:
            found += MEASURED.findall(prose(sentence))
    return found


def test_the_search_for_bare_numbers_finds_them_and_spares_what_is_not_measured():
    assert bare_numbers("The network reaches 95.3 % after an epoch.") == ["95.3"]
    assert bare_numbers("It took 12 seconds. Then 40 % were wrong.") == [
        "12 seconds",
        "40 %",
    ]
    assert not bare_numbers(
        "It reaches {glue:text}`accuracy` % with $\\eta = 0.15$, `lr=0.5`, 30 epochs."
    )
    assert not bare_numbers("The published figure is 95.42 % {cite}`nielsen2015`.")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_no_measured_number_is_typed_into_the_prose(path):
    found = []
    for cell, text in markdown_cells(path):
        # The numbers of an exercise are its setting, and its solution is worked by hand.
        exercise = "nbgrader" in cell["metadata"] or re.search(
            r"^### Exercise", text, flags=re.MULTILINE
        )
        if not exercise:
            found += bare_numbers(text)
    assert not found, (
        f"glue these numbers from the run (or write them as mathematics if given): {found}"
    )


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_british_spelling(path):
    found = {
        word
        for _, text in markdown_cells(path)
        for word in AMERICAN.findall(prose(text))
        if text
    }
    assert not found, f"{path.name} spells {sorted(found)}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_every_figure_has_a_caption_a_name_and_an_alternative_text(path):
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        metadata = cell["metadata"].get("mystnb", {})
        if "figure" not in metadata and "image" not in metadata:
            continue
        where = "".join(cell["source"])[:80]
        assert metadata.get("figure", {}).get("caption") and metadata["figure"].get(
            "name"
        ), where
        assert len(metadata.get("image", {}).get("alt", "")) > 30, (
            f"no alt text: {where}"
        )


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_every_chapter_has_its_parts_and_eight_exercises_of_three_kinds(path):
    text = "\n".join(text for _, text in markdown_cells(path))
    for part in ("Pitfalls", "Exercises", "Summary", "Further reading"):
        assert re.search(rf"^## .*{part}", text, flags=re.MULTILINE | re.IGNORECASE), (
            f"no section {part!r}"
        )
    exercises = re.findall(
        r"^### Exercise (\d+\.\d+) \(([^)]+)\)", text, flags=re.MULTILINE
    )
    numbers = [number for number, _ in exercises]
    assert len(numbers) == len(set(numbers)) >= 8, numbers
    kinds = " ".join(kind for _, kind in exercises)
    assert "hand" in kinds and "code" in kinds and "open" in kinds, kinds


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_cells_are_short(path):
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            lines = "".join(cell["source"]).splitlines()
            assert len(lines) <= 30, f"a cell of {len(lines)} lines: {lines[0]}"


REMOVED = {"remove-cell", "remove-input"}


def code_cells(path):
    """Each code cell's id, tags and source, without those that are handed to nbgrader."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code" and "nbgrader" not in cell["metadata"]:
            yield (
                cell["id"],
                set(cell["metadata"].get("tags", [])),
                "".join(cell["source"]),
            )


def defined_and_used(source):
    """The names that a cell binds at its top level, and all names that it reads."""
    tree = ast.parse(
        "\n".join("" if s.startswith(("%", "!")) else s for s in source.split("\n"))
    )
    table = symtable.symtable(ast.unparse(tree), "cell", "exec")
    bound = {
        s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()
    }
    bound |= {s.get_name() for s in table.get_symbols() if s.is_namespace()}
    read, tables = set(), [table]
    while tables:
        inner = tables.pop()
        tables += inner.get_children()
        read |= {
            s.get_name()
            for s in inner.get_symbols()
            if s.is_referenced() and (inner is table or s.is_global())
        }
    return bound, read


def test_names_are_found_in_functions_and_comprehensions_too():
    bound, read = defined_and_used(
        "import numpy as np\nfor k in steps: pass\ndef f(a):\n    b = a + c\n    return [d * b for _ in e]"
    )
    assert bound == {"np", "k", "f"} and read == {"steps", "c", "d", "e"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_no_cell_that_readers_see_needs_one_that_they_do_not(path):
    shown, hidden, used = set(), {}, {}
    for cell, tags, source in code_cells(path):
        bound, read = defined_and_used(source)
        if tags & REMOVED:
            hidden.update(dict.fromkeys(bound, cell))
        else:
            shown |= bound
            for name in read - shown:
                used.setdefault(name, cell)
    lost = {name: (cell, hidden[name]) for name, cell in used.items() if name in hidden}
    assert not lost, f"name: (used in, defined only in the removed cell): {lost}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_code_fits_the_page_and_sentences_are_guarded_by_claims(path):
    wide, bare = [], []
    for cell, _, source in code_cells(path):
        lines = source.split("\n")
        bare += [f"{cell}: {line[:60]}" for line in lines if line.startswith("assert ")]
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        lines = (
            "".join(cell["source"]).split("\n") if cell["cell_type"] == "code" else []
        )
        wide += [f"{cell['id']}: {line[:60]}" for line in lines if len(line) > 88]
    assert not wide, f"lines of more than 88 characters: {wide}"
    assert not bare, f"say in words what must hold, with claim(): {bare}"
