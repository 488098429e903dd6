"""The Jupyter edition: nothing raw in it, numbers as on the page, and one notebook alone runs anywhere."""

import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from functools import cache, partial
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from markdown_it import MarkdownIt
from nbclient import NotebookClient

from bookkit.stored import fetch
from browser import missing

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "book" / "_extensions"))

import lab  # noqa: E402
from nntrain_site import edition, plain  # noqa: E402
from nntrain_site.numbers import Numbers  # noqa: E402

EDITION, SITE = ROOT / "_build" / "jupyter", ROOT / "_build" / "html"
CHAPTERS = sorted(path.stem for path in (ROOT / "book").glob("*.ipynb"))
NAMES = [*CHAPTERS, "glossary", "notation", "bibliography"]
every_notebook = pytest.mark.parametrize("name", NAMES)
every_chapter = pytest.mark.parametrize("name", CHAPTERS)


@cache
def read(name):
    path = EDITION / f"{name}.ipynb"
    if not path.is_file():
        missing("the Jupyter edition is not built (make book)")
    return nbformat.read(path, as_version=4)


def texts(name):
    """Each text cell without its code and formulas, where a brace is a brace."""
    for cell in read(name).cells:
        if cell.cell_type == "markdown":
            text = re.sub(r"^ *```.*?^ *```", "", cell.source, flags=re.M | re.S)
            text = re.sub(r"\$\$.*?\$\$|`[^`\n]+`", "x", text, flags=re.S)
            yield cell.id, re.sub(r"(?<!\\)\$[^$]+\$", "x", text)


RAW = {
    "role": r"\{[a-zA-Z][\w:+-]*\}",
    "directive": r"^\s*[`:~]{3,}",
    "label": r"^\([\w:-]+\)=",
    "attributes": r"^\{[.#]",
    "comment": r"^%|<!--",
    "definition": r"^: ",
    "substitution": r"\{\{",
    "footnote": r"\[\^",
    "numbered formula": r"\$\$ *\([\w:-]+\)",
    "mark of nbgrader": r"### (BEGIN|END)|(BEGIN|END) (SOLUTION|HIDDEN)",
}


@every_notebook
def test_nothing_is_raw(name):
    found = [
        f"{cell}: {kind}: {match[0]}"
        for cell, text in texts(name)
        for kind, pattern in RAW.items()
        for match in re.finditer(pattern, text, re.M)
    ]
    assert found == []
    assert not re.search(RAW["mark of nbgrader"], nbformat.writes(read(name)))


@cache
def anchors(name):
    return set(re.findall(r'<a id=\\"([^"\\]+)', nbformat.writes(read(name))))


@every_notebook
def test_every_link_leads_somewhere(name):
    dead = []
    for cell in read(name).cells:
        if cell.cell_type != "markdown":
            continue
        tokens = MarkdownIt("commonmark").enable("table").parse(cell.source)
        links = [
            child.attrs["href"]
            for token in tokens
            for child in token.children or []
            if child.type == "link_open"
        ]
        for link in links:
            page, _, place = str(link).partition("#")
            if ":" in page:
                continue
            target = page.removesuffix(".ipynb") or name
            ids = anchors(target)
            if place and place not in ids:
                dead.append(str(link))
    assert dead == []


@every_chapter
def test_numbers_and_references_are_those_of_the_page(name):
    page = BeautifulSoup(
        (SITE / "book" / f"{name}.html").read_text("utf-8"), "html.parser"
    )
    article = page.select_one("article").get_text()
    source = nbformat.read(ROOT / "book" / f"{name}.ipynb", as_version=4)
    glued = [
        cell
        for cell in source.cells
        if "{glue:text}" in cell.source and cell.cell_type == "markdown"
        and "instructor" not in cell.metadata.get("tags", [])
    ]  # fmt: skip
    mine = "\n".join(c.source for c in read(name).cells if c.cell_type == "markdown")
    values = re.findall(r"<ins>(.*?)</ins>", mine)
    wanted = sum(cell.source.count("{glue:text}") for cell in glued)
    assert len(values) >= wanted + 1  # one in the note above
    flat = re.sub(r"\s+", " ", article)
    for value in values[1:]:
        assert BeautifulSoup(value, "html.parser").get_text() in flat
    for words in re.findall(r"\[(Fig(?:ure|\.) [\d.]+)\]", mine):
        assert words in flat.replace("\xa0", " ")
    for who, year in re.findall(r"\[([^\]\[]+), (\d{4})\]\(bibl", mine):
        assert f"{who.replace('*', '')}, {year}" in flat


@every_chapter
def test_what_is_for_the_lecturer_is_gone_and_solutions_are_folded(name):
    source = nbformat.read(ROOT / "book" / f"{name}.ipynb", as_version=4)
    mine = {cell.id: cell for cell in read(name).cells}
    for cell in source.cells:
        if "instructor" in cell.metadata.get("tags", []):
            assert cell.id not in mine
        elif "BEGIN SOLUTION" in cell.source and cell.cell_type == "code":
            assert "NotImplementedError" in mine[cell.id].source
            folded = mine[f"{cell.id}-solution"].source
            assert folded.startswith("<details><summary>▸ Solution</summary>")
    for cell in mine.values():
        assert not {"nbgrader", "nntrain"} & set(cell.metadata)


@every_chapter
def test_what_the_page_hides_is_folded(name):
    source = nbformat.read(ROOT / "book" / f"{name}.ipynb", as_version=4)
    mine = {cell.id: cell for cell in read(name).cells}
    for cell in source.cells:
        hidden = edition.HIDES_SOURCE & set(cell.metadata.get("tags", []))
        if cell.cell_type == "code" and hidden and "BEGIN SOL" not in cell.source:
            assert mine[cell.id].metadata.jupyter.source_hidden, cell.id


@every_chapter
def test_the_download_button_leads_to_the_edition(name):
    page = (SITE / "book" / f"{name}.html").read_text("utf-8")
    link = re.search(r'href="([^"]+\.ipynb)"[^>]*\n?[^>]*title="Download source', page)
    link = link or re.search(r'href="(\.\./_sources/[^"]+\.ipynb)"', page)
    behind = nbformat.read(SITE / "book" / link[1], as_version=4)
    assert behind.cells[1].id == "run-this-first"
    assert len(behind.cells) == len(read(name).cells)


def run_alone(name, folder):
    """Run one notebook in an empty folder; return the errors, none of which ends the run."""
    source = SITE / "_sources" / "book" / f"{name}.ipynb"
    notebook = nbformat.read(source, as_version=4)
    client = NotebookClient(
        notebook, timeout=900, resources={"metadata": {"path": folder}}
    )
    client.execute()
    return [
        output.ename
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "error"
    ]


def test_one_notebook_runs_from_an_empty_folder(tmp_path):
    read("prerequisites")  # the shortest
    errors = run_alone("prerequisites", tmp_path)
    assert errors and set(errors) <= {"NotImplementedError", "ExerciseError"}


def test_stored_results_are_fetched_once_and_whole(tmp_path, monkeypatch, capsys):
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir(), here.mkdir()
    (there / "a-table.json").write_text('{"a": 1}')
    monkeypatch.chdir(here)
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=there)
    handler.log_message = lambda *args: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}"
        fetch(base, "a-table.json")
        (there / "a-table.json").unlink()
        fetch(base, "a-table.json", "absent.json")
        server.shutdown()
    assert json.loads((here / "data" / "a-table.json").read_text()) == {"a": 1}
    assert "data/absent.json cannot be fetched" in capsys.readouterr().out
    assert [path.name for path in (here / "data").iterdir()] == ["a-table.json"]
    fetch("", "another.json")
    assert "address is not known" in capsys.readouterr().out


def test_the_first_cell_says_what_is_missing(tmp_path):
    """Without the packages and without an address to get them from, one sentence."""
    code = edition.FIRST.format(source="", fetch="")
    bare = [sys.executable, "-S", "-c", code]  # -S: nothing that is installed is seen
    done = subprocess.run(bare, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert "install the book's packages first" in done.stderr.splitlines()[-1]


def test_the_readers_work_is_never_overwritten(tmp_path):
    made, own = tmp_path / "made", tmp_path / "own"
    (made / "data").mkdir(parents=True)
    for name in ("a.ipynb", "b.ipynb", "data/c.json"):
        (made / name).write_text("first")
    assert lab.copy_edition(made, own) == []
    (own / "a.ipynb").write_text("the reader's")
    for name in ("a.ipynb", "b.ipynb"):
        (made / name).write_text("second")
    assert lab.copy_edition(made, own) == ["a.ipynb"]
    assert (own / "a.ipynb").read_text() == "the reader's"
    assert (own / "b.ipynb").read_text() == "second"
    assert (own / "data" / "c.json").read_text() == "first"
    (own / "a.ipynb").rename(own / "mine.ipynb")
    assert lab.copy_edition(made, own) == []
    assert (own / "a.ipynb").read_text() == "second"
    assert (own / "mine.ipynb").read_text() == "the reader's"


def test_the_folder_of_the_readers_work_is_ignored_by_git():
    command = ["git", "-C", ROOT, "check-ignore", "notebooks/intro.ipynb"]
    assert subprocess.run(command, capture_output=True).returncode == 0


def test_the_branch_that_colab_opens_holds_the_edition(tmp_path):
    """Pushed to a repository of its own; the clone's files and index stay as they are."""
    origin, clone = tmp_path / "origin.git", tmp_path / "clone"
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "init", "-q", "--bare", origin], check=True)
    subprocess.run(["git", "clone", "-q", origin, clone], check=True)
    (clone / ".ci").mkdir()
    script = shutil.copy(ROOT / ".ci" / "publish-notebooks", clone / ".ci")
    built = clone / "_build" / "html" / "_sources" / "book"
    for folder in (built, clone / "book" / "data"):
        folder.mkdir(parents=True)
    (built / "intro.ipynb").write_text("{}")
    (clone / "book" / "data" / "a.json").write_text("{}")
    (clone / ".gitignore").write_text("_build/\n")
    git = ["git", "-C", clone, *who]
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-qm", "all"], check=True)
    named = {**os.environ, "GITHUB_REPOSITORY": "some/book"}
    subprocess.run(["sh", script], env=named, check=True)

    def told(*command):
        done = subprocess.run(
            ["git", "-C", *command], capture_output=True, text=True, check=True
        )
        return done.stdout

    listed = told(origin, "ls-tree", "-r", "--name-only", "notebooks").split()
    needed = {"book/intro.ipynb", "book/data/a.json", ".binder/requirements.txt"}
    assert needed | {"README.md"} == set(listed)
    wanted = told(origin, "show", "notebooks:.binder/requirements.txt")
    head = told(clone, "rev-parse", "HEAD").strip()
    assert f"git+https://github.com/some/book@{head}" in wanted
    assert told(clone, "status", "--short") == ""


def numbers():
    found = Numbers()
    found.figures = {
        "fig-a": ("book/one", "Fig. 1.2"),
        "fig-b": ("book/two", "Fig. 2.1"),
    }
    found.equations = {"eq-a": ("book/one", "1.3")}
    found.labels = {"part": ("book/two", "part", "A part")}
    found.terms = {"loss": ("book/glossary", "term-loss")}
    found.works = {"he2015": ("He *et al.*", "2015", "id7", "He. 2015.")}
    found.titles = {"book/two": "Two"}
    found.glued = {"book/one": {"share": "3 < 4"}, "two": {"far": "7"}}
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{glue:text}`share` it is", "<ins>3 &lt; 4</ins> it is"),
        ("{glue:text}`two::far`", "<ins>7</ins>"),
        ("{numref}`fig-a`", "[Fig. 1.2](#fig-a)"),
        ("{numref}`fig-b`", "[Fig. 2.1](two.ipynb#fig-b)"),
        ("{eq}`eq-a`", "[(1.3)](#eq-a)"),
        ("{cite}`he2015`", "([He *et al.*, 2015](bibliography.ipynb#he2015))"),
        ("{cite:t}`he2015` say", "[He *et al.* (2015)](bibliography.ipynb#he2015) say"),
        ("{term}`Losses <loss>`", "[Losses](glossary.ipynb#term-loss)"),
        ("[there](part)", "[there](two.ipynb#part)"),
        ("[next](two.ipynb)", "[next](two.ipynb)"),
        ("`{term}` in code", "`{term}` in code"),
        ("```python\n{1: 2}\n% 3\n```", "```python\n{1: 2}\n% 3\n```"),
        ("(part)=\n## Part", '<a id="part"></a>\n\n## Part'),
        ("Word\n: what it means", "**Word**  \nwhat it means"),
        ("% a comment\ntext", "text"),
        (":::{note}\nMind {eq}`eq-a`.\n:::", "> **Note**\n>\n> Mind [(1.3)](#eq-a)."),
        ("$$\na\n$$ (eq-a)", '<a id="eq-a"></a>\n\n$$\na \\tag{1.3}\n$$'),
        ("```{math}\n:label: eq-a\na\n```", '<a id="eq-a"></a>\n\n$$\na \\tag{1.3}\n$$'),
        ("costs $a_1$ and $b$", "costs $a_1$ and $b$"),
    ],
)  # fmt: skip
def test_each_construct_becomes_plain_markdown(text, expected):
    page = numbers().page("book/one", "", ROOT)
    assert plain.plain(text, page) == expected


def test_links_lead_to_the_site_where_its_address_is_known():
    page = numbers().page("book/one", "https://a.org/book", ROOT)
    assert page.numref("fig-a") == "[Fig. 1.2](#fig-a)"
    assert page.numref("fig-b") == "[Fig. 2.1](https://a.org/book/book/two.html#fig-b)"
    assert page.cite("he2015", True).endswith("/book/bibliography.html#id7)")


@pytest.mark.parametrize(
    "text",
    ["{unknown}`x`", ":::{unknown}\nx\n:::", "{numref}`nowhere`", "{glue:text}`x`"],
)
def test_what_cannot_be_shown_fails_the_build(text):
    with pytest.raises(Exception, match=r"Jupyter edition|no cell measures"):
        plain.plain(text, numbers().page("book/one", "", ROOT))
