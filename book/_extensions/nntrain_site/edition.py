"""The Jupyter edition: the chapters as a reader opens them, made from the sources and this build.

The sources are for authors: roles that only the site resolves, teaching notes, solutions in clear.
Here each becomes a notebook of plain Markdown with the numbers this build measured. It is written
twice: `_build/jupyter`, whose links lead from notebook to notebook (`make lab` copies it), and
into the site, behind its download buttons, whose links lead to the site where its address is known.
"""

import ast
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat
from jupyter_cache import get_cache
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from .assets import repository_url, site_url
from .numbers import Numbers, Page, picture
from .plain import anchor, linked_headings, plain

TITLE = "Training Neural Networks"
GLUE = "application/papermill.record/text/plain"
HIDES_SOURCE = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
HIDES_OUTPUT = {"hide-output", "hide-cell", "remove-output", "remove-cell"}
TEXTS = ("glossary", "notation", "bibliography")
BLANK = "# Your code here\nraise NotImplementedError()"
SOLUTION = re.compile(
    r"^(?P<indent>[ \t]*)### BEGIN SOLUTION\n(?P<answer>.*?)^[ \t]*### END SOLUTION[ \t]*\n?",
    re.DOTALL | re.MULTILINE,
)
HIDDEN = re.compile(r"^[ \t]*### (?:BEGIN|END) HIDDEN TESTS[ \t]*\n?", re.MULTILINE)
STORED = re.compile(r"""(?:load_results|stored_file)\(\s*["']([^"']+)["']""")
UNUSED = "Run this cell, and those above it, to try the experiment."
NOTE = (
    "*A notebook of the book {book}, made when it was built. Numbers "
    "<ins>underlined like this</ins> were measured then; running the cells measures "
    "them again. Run the next cell first.*"
)
FIRST = """\
# Installs what this chapter needs and is missing here, and fetches the stored results it shows.
import importlib.util, subprocess, sys

needed = "bookkit matplotlib ipywidgets joblib pooch sklearn threadpoolctl tqdm".split()
if any(importlib.util.find_spec(name) is None for name in needed):
    source = {source!r}
    if not source:
        raise ModuleNotFoundError("install the book's packages first: in its folder, pip install '.[book]'")
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", source], check=True)
{fetch}"""
FETCH = """
from bookkit.stored import fetch

fetch({base!r}, {names})
"""


def write(app: Sphinx) -> None:
    """Write both forms of every page of which there is a notebook."""
    root, out = Path(app.srcdir), Path(app.outdir)
    numbers, runs = Numbers.of(app), {}
    for name in sorted(app.env.found_docs):
        path = Path(app.env.doc2path(name))
        if path.suffix == ".ipynb":
            runs[name] = _run(path, Path(app.config.nb_execution_cache_path))
            numbers.glued[name] = dict(_glued(runs[name]))
    for page, values in list(numbers.glued.items()):  # other pages name them by file
        numbers.glued[Path(page).name] = values
    lab, site = out.with_name("jupyter"), out / "_sources"
    lab.mkdir(exist_ok=True)
    for old in lab.glob("*.ipynb"):
        old.unlink()
    if (root / "book" / "data").is_dir():
        shutil.copytree(root / "book" / "data", lab / "data", dirs_exist_ok=True)
    for base, place in (("", lab), (site_url(root), site / "book")):
        place.mkdir(parents=True, exist_ok=True)
        for name, run in runs.items():
            made = chapter(run, numbers.page(name, base, root), root)
            _save(made, place / f"{Path(name).name}.ipynb")
        if place == lab:
            for name in sorted(app.env.found_docs - set(runs)):
                text = _page(Path(app.env.doc2path(name)), name, numbers, root)
                _save(text, lab / f"{Path(name).name}.ipynb")


def _page(path: Path, name: str, numbers: Numbers, root: Path) -> NotebookNode:
    """A page of text as a notebook, or where it is found."""
    if path.stem in TEXTS:
        page = numbers.page(name, "", root)
        source = path.read_text("utf-8")
        text = plain(source, page, linked_headings(source))
    else:
        title, place = numbers.titles[name], f"_build/html/{name}.html"
        text = f"# {title}\n\nThis page is part of the site only: open `{place}`."
    return _notebook([new_markdown_cell(text, id="text")])


def _run(path: Path, cache: Path) -> NotebookNode:
    """The notebook with its outputs, from the runs this build used."""
    notebook = nbformat.read(path, as_version=4)
    if not any(cell.cell_type == "code" for cell in notebook.cells):
        return notebook
    try:
        _, merged = get_cache(cache).merge_match_into_notebook(deepcopy(notebook))
    except KeyError:
        raise ExtensionError(
            f"{path.name} was changed while the book was built: build it again."
        ) from None
    return merged


def _glued(notebook: NotebookNode) -> Iterator[tuple[str, str]]:
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            record = output.get("metadata", {}).get("scrapbook")
            if record and GLUE in output.get("data", {}):
                value = output["data"][GLUE]
                quoted = value[:1] in "'\""
                yield record["name"], ast.literal_eval(value) if quoted else value


def chapter(run: NotebookNode, page: Page, root: Path) -> NotebookNode:
    """One chapter of the edition."""
    cells: list[NotebookNode] = []
    texts = [cell.source for cell in run.cells if cell.cell_type == "markdown"]
    page.wanted = linked_headings("\n".join(texts))
    for cell in run.cells:
        if "instructor" in cell.metadata.get("tags", []):
            continue
        make = _text if cell.cell_type == "markdown" else _code
        cells += make(cell, page)
    book = f"[{TITLE}]({page.base}/)" if page.base else TITLE
    note = new_markdown_cell(NOTE.format(book=book), id="about-this-notebook")
    code = "\n".join(c.source for c in run.cells if c.cell_type == "code")
    names = ", ".join(map(repr, dict.fromkeys(STORED.findall(code))))
    repository, revision = repository_url(root), _revision(root)
    raw = repository.replace("github.com", "raw.githubusercontent.com", 1)
    data = f"{raw}/{revision}/book/data" if repository else ""
    source = f"nntrain[book] @ git+{repository}@{revision}" if repository else ""
    fetch = FETCH.format(base=data, names=names) if names else ""
    first = new_code_cell(
        FIRST.format(source=source, fetch=fetch).rstrip(), id="run-this-first"
    )
    return _notebook([note, first, *cells])


def _notebook(cells: list[NotebookNode]) -> NotebookNode:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    about = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return new_notebook(cells=cells, metadata=about)


def _revision(root: Path) -> str:
    command = ["git", "-C", str(root), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "main"
    return done.stdout.strip()


def _text(cell: NotebookNode, page: Page) -> list[NotebookNode]:
    source = re.sub(r"<!-- (?:BEGIN|END) SOLUTION -->\n?", "", cell.source)
    source = re.sub(r"<summary>(?!▸)", "<summary>▸ ", plain(source, page, page.wanted))
    return [new_markdown_cell(source, id=cell.id)] if source else []


def _code(cell: NotebookNode, page: Page) -> list[NotebookNode]:
    tags = set(cell.metadata.get("tags", []))
    graded = cell.metadata.get("nbgrader", {})
    settings = cell.metadata.get("mystnb", {})
    source, made = HIDDEN.sub("", cell.source).rstrip("\n"), []
    solution = SOLUTION.search(cell.source) if graded.get("solution") else None
    folds = {
        "source_hidden": bool(tags & HIDES_SOURCE) and solution is None,
        "outputs_hidden": bool(tags & HIDES_OUTPUT) and not graded,
    }
    about: dict[str, Any] = {}
    if any(folds.values()):
        about["jupyter"] = {name: True for name, folded in folds.items() if folded}
    if folds["source_hidden"]:
        about["cellView"] = "form"  # Colab's word for the same
    if graded:  # a blank stops neither "Run all" nor the chapter below it
        about["tags"] = ["raises-exception"]
    if solution:
        source = _blanked(cell.source)
    outputs = [] if graded else list(_outputs(cell, page))
    made.append(new_code_cell(source, id=cell.id, metadata=about, outputs=outputs))
    if solution:
        answer = SOLUTION.sub(lambda match: match["answer"], cell.source).strip("\n")
        text = f"<details><summary>▸ Solution</summary>\n\n```python\n{answer}\n```\n\n</details>"
        made.append(new_markdown_cell(text, id=f"{cell.id[:50]}-solution"))
    figure = settings.get("figure", {})
    if figure.get("caption"):
        label = figure.get("name", "")
        words = page.book.figures.get(label, ("", ""))[1]
        caption = plain(figure["caption"], page)
        place = f"{anchor(label)}\n\n" if label else ""
        text = f"{place}**{words}** {caption}" if words else f"{place}{caption}"
        made.append(new_markdown_cell(text, id=f"{cell.id[:50]}-caption"))
    return made


def _blanked(source: str) -> str:
    def blank(match: re.Match[str]) -> str:
        return "".join(f"{match['indent']}{line}\n" for line in BLANK.split("\n"))

    return SOLUTION.sub(blank, source).rstrip("\n")


def _outputs(cell: NotebookNode, page: Page) -> Iterator[NotebookNode]:
    """What the cell gave, as every program shows it; numbers for the prose are in the prose."""
    alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if output.output_type == "stream":
            if output.name == "stdout":
                yield deepcopy(output)
        elif GLUE in data or output.output_type == "error":
            continue
        elif "image/svg+xml" in data:
            svg = _joined(data["image/svg+xml"]).encode()
            yield _shown({"text/html": picture(svg, "image/svg+xml", alt)}, alt)
        elif "image/png" in data:
            image = _joined(data["image/png"]).replace("\n", "")
            yield _shown({"image/png": image}, alt)
        elif "<nn-" in _joined(data.get("text/html", "")):
            yield _shown({}, UNUSED)
        elif "text/markdown" in data:
            text = plain(_joined(data["text/markdown"]), page)
            yield _shown({"text/markdown": text}, _joined(data.get("text/plain", "")))
        elif data:
            yield _shown(
                {k: v for k, v in data.items() if k.startswith("text/html")},
                _joined(data.get("text/plain", "")),
            )


def _shown(data: dict[str, str], text: str) -> NotebookNode:
    return new_output("display_data", data={**data, "text/plain": text})


def _joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)


def _save(notebook: NotebookNode, path: Path) -> None:
    nbformat.validate(notebook)
    text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    if not path.is_file() or path.read_text("utf-8") != text:
        path.write_text(text, encoding="utf-8")
