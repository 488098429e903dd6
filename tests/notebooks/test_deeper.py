"""The core of a chapter is one lecture; what goes deeper is marked, and nothing else needs it."""

import builtins
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_chapters import CHAPTERS, NOTEBOOKS, defined_and_used, prose

MOST_WORDS = 3500


def cells_of(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def is_deeper(cell: dict[str, Any]) -> bool:
    return "deeper" in cell["metadata"].get("tags", [])


def headings(cell: dict[str, Any]) -> list[tuple[int, str]]:
    """Level and words of each heading; a `#` in a block of code is none."""
    if cell["cell_type"] != "markdown":
        return []
    text = re.sub(r"```.*?```", "", "".join(cell["source"]), flags=re.DOTALL)
    found = re.findall(r"^(#+) (.*)$", text, flags=re.MULTILINE)
    return [(len(signs), words) for signs, words in found]


def begins_with_heading(cell: dict[str, Any]) -> bool:
    return re.match(r"(\([\w-]+\)=\n)*#+ ", "".join(cell["source"])) is not None


def core_words(cells: list[dict[str, Any]]) -> int:
    """Words of prose without teaching notes, deeper sections, exercises and their solutions."""
    words, part = 0, ""
    for cell in cells:
        if cell["cell_type"] != "markdown":
            continue
        tags = cell["metadata"].get("tags", [])
        text = "".join(cell["source"])
        for piece in re.split(r"(?m)^(?=## )", text):
            if piece.startswith("## "):
                part = piece.splitlines()[0].removeprefix("## ")
            skipped = part == "Exercises" or {"instructor", "deeper"} & set(tags)
            if not skipped and "nbgrader" not in cell["metadata"]:
                words += len(prose(piece).split())
    return words


def misplaced(cells: list[dict[str, Any]]) -> Iterator[str]:
    """Cells whose tag and place do not agree."""
    level = 0  # of the deeper section that we are in
    for cell in cells:
        inside = headings(cell)
        if inside and (level == 0 or min(n for n, _ in inside) <= level):
            level = 0
            for n, (depth, words) in enumerate(inside):
                if words.startswith("Deeper: "):
                    level = depth
                    if n or not begins_with_heading(cell):
                        yield f"{cell['id']}: {words!r} does not begin its cell"
                elif level and n and depth <= level:
                    yield f"{cell['id']}: {words!r} does not begin its cell"
        if is_deeper(cell) != bool(level):
            yield f"{cell['id']}: {'lacks' if level else 'has'} the tag `deeper`"


def needs_of_core(cells: list[dict[str, Any]]) -> dict[str, str]:
    """Names that a core cell, or an exercise, uses and only a deeper cell has defined."""
    core, deeper, lost = set(dir(builtins)), set(), {}
    for cell in cells:
        if cell["cell_type"] != "code":
            continue
        bound, read = defined_and_used("".join(cell["source"]))
        if is_deeper(cell):
            deeper |= bound
        else:
            lost.update(dict.fromkeys((read & deeper) - core - bound, cell["id"]))
            core |= bound
    return lost


def markdown(text: str, *tags: str) -> dict[str, Any]:
    return {
        "cell_type": "markdown", "id": text[:9], "metadata": {"tags": list(tags)},
        "source": [text],
    }  # fmt: skip


def code(text: str, *tags: str) -> dict[str, Any]:
    return {**markdown(text, *tags), "cell_type": "code"}


def test_words_are_counted_without_deeper_sections_and_exercises():
    cells = [
        markdown("# Title\n\nTwo words, and a formula $x$."),
        markdown("### Deeper: more\n\nNot counted.", "deeper"),
        markdown("Nor this.", "instructor"),
        markdown("Last.\n\n## Exercises\n\n### Exercise 1.1\n\nNot this."),
        markdown("## Summary\n\nCounted."),
    ]
    assert (
        core_words(cells) == len("# Title Two words, and a formula . Last.".split()) + 3
    )


def test_a_mark_in_the_wrong_place_is_found():
    right = [
        markdown("## One"),
        markdown("(label)=\n### Deeper: two\n\nText\n\n#### Below", "deeper"),
        code("x = 1", "deeper"),
        markdown("### Three"),
    ]
    assert not list(misplaced(right))
    assert list(misplaced([markdown("## Deeper: one")]))
    assert list(misplaced([markdown("## One", "deeper")]))
    assert list(misplaced([*right[:2], code("x = 1"), right[3]]))
    assert list(misplaced([*right, code("x = 1", "deeper")]))
    assert list(misplaced([markdown("Text\n\n## Deeper: one", "deeper")]))
    assert list(misplaced([*right[:2], markdown("Text\n\n## Next", "deeper")]))


def test_a_core_cell_that_needs_a_deeper_one_is_found():
    first, second = code("a = 1", "deeper"), code("b = a")
    assert needs_of_core([first, second]) == {"a": "b = a"}
    assert not needs_of_core([code("a = 2"), first, second])
    assert not needs_of_core([first, code("a = 3"), second])
    assert not needs_of_core([first, code("b = a", "deeper")])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_deeper_sections_are_marked_and_can_be_skipped(path):
    cells = cells_of(path)
    assert not list(misplaced(cells))
    assert not needs_of_core(cells), "name: the core cell that uses it"


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_the_core_of_a_chapter_is_one_lecture(path):
    words = core_words(cells_of(path))
    assert words <= MOST_WORDS, f"{words} words of prose"
