"""The exercises of every chapter, and the editions made from the chapters.

Every solution earns full marks, every listed wrong answer fails with its hint, and the student edition holds
no solution and runs up to its blanks. A chapter's exercises depend on its cells tagged `setup` and on nothing
else.
"""

import re
import sys
import textwrap
from functools import cache
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import nbformat
import pytest

from bookkit.exercises.checks import ExerciseError

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book" / "_extensions"))

import course  # noqa: E402
import slides  # noqa: E402

SAMPLE = ROOT / "tests" / "site" / "fixtures" / "exercises.ipynb"
REGION = re.compile(
    r"^(?P<indent>[ \t]*)### BEGIN SOLUTION\n(?P<answer>.*?)^[ \t]*### END SOLUTION[ \t]*$",
    re.M | re.S,
)


class Exercise(NamedTuple):
    notebook: Path
    id: str
    solution: str
    test: str
    wrong: list
    right: list


@cache
def read(path):
    return nbformat.read(path, as_version=4)


def grading(cell):
    return cell.metadata.get("nbgrader", {})


def by_code(path):
    """The code exercises: each test cell with the solution cell before it."""
    found, solution = [], None
    for cell in read(path).cells:
        if cell.cell_type != "code":
            continue
        if grading(cell).get("solution"):
            solution = cell.source
        elif grading(cell).get("grade"):
            listed = cell.metadata.get("nntrain", {})
            answers = listed.get("wrong", []), listed.get("right", [])
            found.append(
                Exercise(
                    path, grading(cell)["grade_id"], solution, cell.source, *answers
                )
            )
    return found


NOTEBOOKS = [SAMPLE, *course.chapters()]
EXERCISES = [exercise for path in NOTEBOOKS for exercise in by_code(path)]
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
each_exercise = pytest.mark.parametrize(
    "exercise", EXERCISES, ids=lambda e: f"{e.notebook.stem}-{e.id}"
)


@cache
def prepared(path):
    """The names a chapter's cells tagged `setup` define."""
    names = {"__name__": "__main__"}
    for cell in read(path).cells:
        if cell.cell_type == "code" and "setup" in course.tags(cell):
            exec(compile(cell.source, f"{path.name}: setup", "exec"), names)
    return names


@pytest.fixture(autouse=True)
def as_in_the_chapter(monkeypatch):
    monkeypatch.chdir(ROOT / "book")
    plt.switch_backend("Agg")
    with plt.rc_context():
        yield
    plt.close("all")


def run(exercise, answer):
    names = dict(prepared(exercise.notebook))
    for part, source in (("answer", answer), ("test", exercise.test)):
        exec(
            compile(source, f"{exercise.notebook.name}: {exercise.id} {part}", "exec"),
            names,
        )


def answered(exercise, code):
    """The solution cell with its (first) solution replaced."""

    def replace(match):
        return textwrap.indent(textwrap.dedent(code).strip("\n"), match["indent"])

    return REGION.sub(replace, exercise.solution, count=1)


@each_exercise
def test_the_solution_earns_full_marks(exercise):
    run(exercise, exercise.solution)


@each_exercise
def test_likely_mistakes_fail_with_the_right_hint(exercise):
    assert len(exercise.wrong) >= 2, (
        "list at least two likely wrong answers in the test cell's metadata"
    )
    for mistake in exercise.wrong:
        with pytest.raises(ExerciseError) as caught:
            run(exercise, answered(exercise, mistake["code"]))
        assert mistake["hint"] in str(caught.value)


@each_exercise
def test_other_right_forms_pass(exercise):
    for form in exercise.right:
        run(exercise, answered(exercise, form))


@each_exercise
def test_a_blank_is_called_a_blank(exercise):
    with pytest.raises((ExerciseError, NotImplementedError)) as caught:
        run(exercise, answered(exercise, course.STUBS["python"]))
    assert caught.type is NotImplementedError or "not filled in" in str(caught.value)


@each_notebook
def test_nbgrader_accepts_the_chapter(path):
    from nbgrader.preprocessors import CheckCellMetadata

    CheckCellMetadata().preprocess(read(path), {})
    for cell in read(path).cells:
        if "BEGIN SOLUTION" in cell.source:
            assert grading(cell).get("solution"), (
                "a solution stands in a cell that is not marked as one"
            )
        if grading(cell).get("solution") and cell.cell_type == "code":
            assert REGION.search(cell.source), (
                f"{grading(cell)['grade_id']} has no solution between its marks"
            )
    ids = [
        grading(cell)["grade_id"]
        for p in NOTEBOOKS
        for cell in read(p).cells
        if grading(cell)
    ]
    assert len(ids) == len(set(ids)), (
        "each grade_id must be used once in the whole book"
    )


@each_notebook
def test_written_answers_are_folded_in_the_book_and_shown_by_no_mark(path):
    for cell in read(path).cells:
        if cell.cell_type == "markdown" and grading(cell).get("solution"):
            lines = [line for line in cell.source.split("\n") if line.strip()]
            begin = lines.index("<!-- BEGIN SOLUTION -->")
            assert lines[begin + 1] == "<details><summary>Solution</summary>"
            assert lines[-2:] == ["</details>", "<!-- END SOLUTION -->"]


def solution_lines(path):
    """What must not be in the student edition: each line of a solution that says something."""
    for cell in read(path).cells:
        for answer in re.findall(
            r"BEGIN SOLUTION.*?\n(.*?)\n[^\n]*END SOLUTION", cell.source, re.S
        ):
            yield from (
                line.strip() for line in answer.split("\n") if len(line.strip()) > 12
            )


@each_notebook
def test_the_student_edition_holds_no_solution(path):
    edition = course.student_edition(read(path))
    text = nbformat.writes(edition)
    assert "SOLUTION" not in text and '"wrong"' not in text
    assert not any("instructor" in course.tags(cell) for cell in edition.cells)
    assert not any(cell.get("outputs") for cell in edition.cells)
    for source, cell in (
        (c.source, c) for c in edition.cells if grading(c).get("solution")
    ):
        kept = [line.strip() for line in source.split("\n")]
        leaked = [
            line
            for line in solution_lines(path)
            if line in kept and "details>" not in line
        ]
        assert not leaked, f"{grading(cell)['grade_id']}: {leaked}"
    nbformat.validate(edition)


HIDDEN_TESTS = re.compile(
    r"^[ \t]*### BEGIN HIDDEN TESTS\n.*?^[ \t]*### END HIDDEN TESTS(\n|\Z)",
    re.DOTALL | re.MULTILINE,
)


@each_notebook
def test_the_student_edition_keeps_the_chapter_and_runs_up_to_its_blanks(path):
    edition = course.student_edition(read(path))
    kept = [cell for cell in read(path).cells if "instructor" not in course.tags(cell)]
    assert [cell.id for cell in edition.cells] == [cell.id for cell in kept]
    for before, after in zip(kept, edition.cells, strict=True):
        shown = HIDDEN_TESTS.sub("", before.source).rstrip("\n")
        assert shown == after.source.rstrip("\n") or grading(before).get("solution")
        assert "HIDDEN TESTS" not in after.source
    names = {"__name__": "__main__"}
    for cell in edition.cells:
        if cell.cell_type != "code" or not (
            "setup" in course.tags(cell) or grading(cell)
        ):
            continue
        try:
            exec(compile(cell.source, path.name, "exec"), names)
        except (NotImplementedError, ExerciseError) as stop:
            assert grading(cell), "a setup cell failed"
            assert isinstance(stop, NotImplementedError) or "not filled in" in str(stop)
            break
    else:
        assert not by_code(path), "no exercise was left blank"


@each_notebook
def test_the_instructor_edition_adds_timing_and_loses_nothing(path):
    edition = course.instructor_edition(read(path), 12.4)
    assert "Run time: 12 s" in edition.cells[0].source
    assert [cell.source for cell in edition.cells[1:]] == [
        cell.source for cell in read(path).cells
    ]
    assert not any(
        tag.startswith(("hide-", "remove-"))
        for cell in edition.cells
        for tag in course.tags(cell)
    )
    nbformat.validate(edition)


@each_notebook
def test_slides_say_everything_in_plain_markdown(path):
    for cell in read(path).cells:
        if cell.cell_type == "markdown" and {"slide", "slide-more"} & set(
            course.tags(cell)
        ):
            glued = dict.fromkeys(
                re.findall(r"\{glue:text\}`([^`]+)`", cell.source), "1.0"
            )
            assert not re.search(
                r"\{[\w:-]+\}`|^[`:]{3,}\{", slides.plain(cell.source, glued), re.M
            )


def test_the_sample_is_graded_by_nbgrader_itself():
    """In a real kernel, by nbgrader's own rules, solutions get all points and the student edition none."""
    from nbclient import NotebookClient
    from nbgrader.utils import determine_grade

    def points(notebook):
        NotebookClient(notebook, timeout=60, allow_errors=True).execute()
        return [
            determine_grade(cell)
            for cell in notebook.cells
            if cell.cell_type == "code" and grading(cell).get("grade")
        ]

    assert points(nbformat.read(SAMPLE, 4)) == [(2, 2), (1, 1)]
    assert points(course.student_edition(read(SAMPLE))) == [(0, 2), (0, 1)]


def test_course_writes_all_three_kinds(tmp_path, capsys):
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "01_sample.ipynb").write_bytes(SAMPLE.read_bytes())
    course.main(tmp_path)
    target = tmp_path / "_build" / "course"
    assert "student/     1 notebooks" in capsys.readouterr().out
    assert nbformat.read(target / "student" / "01_sample.ipynb", 4)
    assert any(
        cell.get("outputs")
        for cell in nbformat.read(target / "instructor" / "01_sample.ipynb", 4).cells
    )
    page = (target / "slides" / "01_sample.slides.html").read_text("utf-8")
    body = page[page.index("<main") : page.index("</main>")]
    assert body.count("<section>") == 2
    assert (
        r"\[" in body
        and "The mean is 2.50." in body
        and "{" not in re.sub(r"\\[\[(].*?\\[\])]", "", body, flags=re.S)
    )
    assert 'alt="A rising line."' in body and "data:image/svg+xml;base64," in body
    assert "https://" not in body and not re.search(
        r"<(script|link|img)[^>]+(src|href)=\"(?!data:)", page
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Loss {glue:text}`final`.", "Loss 0.12."),
        ("{math}`a<b`", "$a<b$"),
        ("As shown ({cite:p}`nielsen`).", "As shown."),
        ("{term}`Epoch <epoch>`", "Epoch"),
        ("{numref}`fig-a` falls ({numref}`fig-b`).", "The figure falls."),
        (
            "Look at {numref}`fig-a`. {eq}`eq-a` holds.",
            "Look at the figure. The formula holds.",
        ),
        ("(label)=\n# Title", "# Title"),
        ("$$\na\n$$ (eq-a)", "$$\na\n$$"),
        ("```{math}\n:label: eq-a\n\na = b\n```", "$$\na = b\n$$"),
        (":::{note}\nMind.\n:::", "> **Note**\n> \n> Mind."),
        (
            "```{admonition} Predict\n:class: tip\nWhich?\n```",
            "> **Predict**\n> \n> Which?",
        ),
        ("```python\nd = {1: 2}\n```", "```python\nd = {1: 2}\n```"),
    ],
)
def test_myst_becomes_plain_markdown(text, expected):
    assert slides.plain(text, {"final": "0.12"}).strip() == expected


def test_a_slide_cannot_use_a_number_that_nothing_measured():
    with pytest.raises(ValueError, match="no cell sets"):
        slides.plain("{glue:text}`absent`", {})
