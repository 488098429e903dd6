"""A book of a few cells under the real configuration and extension, and how to build it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[1]
COMMAND = [
    str(Path(sys.executable).with_name("jupyter-book")),
    *("build", "-W", "--keep-going", "."),
]
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def small_book(
    folder: Path,
    *cells: nbformat.NotebookNode,
    **chapters: list[nbformat.NotebookNode],
) -> None:
    """Write the cells of the first page, and those of further pages by name."""
    (folder / "book").mkdir(exist_ok=True)
    shutil.copy(ROOT / "_config.yml", folder)
    listed = "".join(f"  - file: book/{name}\n" for name in chapters)
    toc = "format: jb-book\nroot: book/intro\n"
    (folder / "_toc.yml").write_text(toc + (f"chapters:\n{listed}" if listed else ""))
    for part in ("_extensions", "_static"):
        shutil.copytree(
            ROOT / "book" / part, folder / "book" / part, dirs_exist_ok=True
        )
    (folder / "book" / "references.bib").write_text("")
    for name, content in {"intro": cells, **chapters}.items():
        title = nbformat.v4.new_markdown_cell(f"# A page, {name}")
        notebook = nbformat.v4.new_notebook(
            cells=[title, *content], metadata={"kernelspec": KERNEL}
        )
        nbformat.write(notebook, folder / "book" / f"{name}.ipynb")


def environment() -> dict[str, str]:
    """This process's own, without attempts to download the data."""
    return {**os.environ, "NNTRAIN_OFFLINE": "1"}


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        COMMAND, cwd=folder, env=environment(), capture_output=True, text=True
    )
