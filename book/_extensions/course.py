"""Course material from the chapters: `make course`.

From each `book/*.ipynb` come, in `_build/course`,

`student/`     the chapter with solutions cleared, teaching notes and outputs removed
`instructor/`  the chapter executed, with solutions, teaching notes and timings
`slides/`      one HTML file a chapter that needs nothing beside it: its cells tagged `slide` and `slide-more`

Solutions are cleared by nbgrader's own preprocessors, so the chapters can be given to nbgrader as they
are.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import time
from copy import deepcopy
from functools import cache
from pathlib import Path

import nbformat
from nbformat import NotebookNode

sys.path.insert(0, str(Path(__file__).parent))

from slides import slides

ROOT = Path(__file__).resolve().parents[2]
STUBS = {"python": "# Your code here\nraise NotImplementedError()"}


def chapters(book: Path = ROOT / "book") -> list[Path]:
    """The notebooks of the book, in the order of their names."""
    return sorted(path for path in book.glob("*.ipynb"))


def tags(cell: NotebookNode) -> list[str]:
    return list(cell.metadata.get("tags", []))


def student_edition(notebook: NotebookNode) -> NotebookNode:
    """A copy without solutions, hidden tests, teaching notes, outputs, and the answers listed as wrong."""
    from nbgrader.preprocessors import (
        ClearHiddenTests,
        ClearOutput,
        ClearSolutions,
        LockCells,
    )

    copy = deepcopy(notebook)
    copy.cells = [cell for cell in copy.cells if "instructor" not in tags(cell)]
    resources: dict = {}
    for step in (
        LockCells(),
        ClearSolutions(code_stub=STUBS),
        ClearHiddenTests(),
        ClearOutput(),
    ):
        step.log.setLevel(logging.ERROR)
        copy, resources = step.preprocess(copy, resources)
    for cell in copy.cells:
        cell.metadata.pop("nntrain", None)
        # Folding is for the book; a student who types an answer must see it.
        cell.metadata["tags"] = [
            tag for tag in tags(cell) if not tag.startswith(("hide-", "remove-"))
        ]
    return copy


def instructor_edition(notebook: NotebookNode, seconds: float | None) -> NotebookNode:
    """A copy with everything shown, opened by a note on how long it takes to teach and to run."""
    copy = deepcopy(notebook)
    for cell in copy.cells:
        cell.metadata["tags"] = [
            tag for tag in tags(cell) if not tag.startswith(("hide-", "remove-"))
        ]
    points = sum(
        cell.metadata.get("nbgrader", {}).get("points", 0) for cell in copy.cells
    )
    minutes = copy.metadata.get("nntrain", {}).get("teaching_minutes")
    lines = [
        "**For the lecturer.**",
        f"Teaching time: about {minutes} minutes." if minutes else "",
        f"Run time: {seconds:.0f} s, when last measured."
        if seconds is not None
        else "",
        f"Exercises: {points:g} points in all." if points else "",
    ]
    note = nbformat.v4.new_markdown_cell(
        " ".join(filter(None, lines)), id="for-the-lecturer"
    )
    copy.cells.insert(0, note)
    return copy


def executed(path: Path, root: Path = ROOT) -> tuple[NotebookNode, float | None]:
    """The chapter with its outputs, and how many seconds it ran.

    From the book's own build where that is there and of the same sources; otherwise it is run here.
    """
    notebook = nbformat.read(path, as_version=4)
    cached = _from_book(notebook, root)
    if cached is not None:
        return cached
    from nbclient import NotebookClient

    print(f"  running {path.name} (not in the book's build)", flush=True)
    start = time.perf_counter()
    NotebookClient(
        notebook, timeout=1800, resources={"metadata": {"path": str(path.parent)}}
    ).execute()
    return notebook, time.perf_counter() - start


@cache
def _runs(root: Path) -> Path:
    from nntrain_site.execution import cache_folder

    return cache_folder(root / "_build", root)


def _from_book(
    notebook: NotebookNode, root: Path
) -> tuple[NotebookNode, float | None] | None:
    """The run that `make book` has stored, found by the cells' contents."""
    from jupyter_cache import get_cache

    folder = _runs(root)
    if not folder.is_dir():
        return None
    stored = get_cache(folder)
    try:
        key, merged = stored.merge_match_into_notebook(deepcopy(notebook))
        seconds = stored.get_cache_record(key).data.get("execution_seconds")
    except KeyError:
        return None
    return merged, seconds


def write(notebook: NotebookNode, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


def main(root: Path = ROOT) -> None:
    """Make all three kinds for every chapter."""
    from nntrain_site.execution import prepare_environment

    prepare_environment()
    target = root / "_build" / "course"
    shutil.rmtree(target, ignore_errors=True)
    found = chapters(root / "book")
    if not found:
        sys.exit(f"No chapters in {root / 'book'}.")
    glued: dict[str, str] = {}
    for path in found:
        print(path.name, flush=True)
        source = nbformat.read(path, as_version=4)
        write(student_edition(source), target / "student" / path.name)
        run, seconds = executed(path, root)
        write(instructor_edition(run, seconds), target / "instructor" / path.name)
        page = slides(run, path.stem, glued)
        if page:
            (target / "slides").mkdir(parents=True, exist_ok=True)
            (target / "slides" / f"{path.stem}.slides.html").write_text(
                page, encoding="utf-8"
            )
    for edition in ("student", "instructor"):
        for folder in ("data", "_static"):
            if (root / "book" / folder).is_dir():
                shutil.copytree(
                    root / "book" / folder,
                    target / edition / folder,
                    dirs_exist_ok=True,
                )
    shown = os.path.relpath(target)
    print(f"\nIn {shown}:\n  student/     {len(found)} notebooks, solutions cleared")
    print(
        f"  instructor/  {len(found)} notebooks, with solutions, teaching notes and timings"
    )
    pages = list(target.glob("slides/*.html"))
    print(f"  slides/      {len(pages)} files; open one in a browser, arrow keys turn")


if __name__ == "__main__":
    main()
