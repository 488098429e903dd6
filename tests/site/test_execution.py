"""How the book is executed: side by side, each chapter once, on one set of data, and how it stops."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from nntrain.datasets import mnist
from small_book import COMMAND, build, environment, small_book
from tiny_mnist import FILES, PACKED, PLAIN

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "book" / "_extensions"))

from nntrain_site import cachekey, execution, faults  # noqa: E402

# -- which stored runs hold ------------------------------------------------------------------


def test_the_key_follows_sources_results_libraries_data_and_switches(
    tmp_path, monkeypatch
):
    for variable in cachekey.VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    seen = [cachekey.fingerprint(tmp_path, "digits")]

    def note(data="MNIST"):
        seen.append(cachekey.fingerprint(tmp_path, data))

    note()
    source = tmp_path / "code" / "nntrain" / "losses.py"
    for file in (source, tmp_path / "book" / "data" / "table.json"):
        file.parent.mkdir(parents=True)
        file.write_text("1")
        note()
    source.write_text("2")
    note()
    monkeypatch.setattr(cachekey, "_version", lambda name: "9.9")
    note()
    for variable in ("NNTRAIN_CLAIMS", "NNTRAIN_ROUNDING"):
        monkeypatch.setenv(variable, "1")
        note()
    assert len(set(seen)) == len(seen)
    (source.parent / "__pycache__").mkdir()
    (source.parent / "__pycache__" / "losses.pyc").write_text("compiled")
    note()
    assert seen[-1] == seen[-2]


@pytest.fixture
def no_data(monkeypatch, tmp_path):
    """A machine without MNIST and without a mirror; what counts as published is tiny."""
    monkeypatch.setattr(mnist, "FILES", FILES)
    monkeypatch.setattr(mnist, "MIRRORS", ())
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / "cache" / project)
    for variable in ("NNTRAIN_DATA", "NNTRAIN_OFFLINE"):
        monkeypatch.delenv(variable, raising=False)


def test_pages_built_on_small_digits_are_not_kept_when_mnist_comes(
    no_data, monkeypatch, tmp_path
):
    assert cachekey.settle_data() == "digits"
    assert os.environ["NNTRAIN_OFFLINE"] == "1"  # no chapter tries again
    for folder, name in ((tmp_path / "a", "a"), (tmp_path / "b" / "mnist", "b")):
        folder.mkdir(parents=True)
        for file, data in PLAIN.items():
            (folder / file).write_bytes(data)
        monkeypatch.setenv("NNTRAIN_DATA", str(tmp_path / name))
        assert cachekey.settle_data() == "MNIST"
    (tmp_path / "b" / "mnist" / FILES[0].name).write_bytes(b"broken")
    with pytest.raises(SystemExit, match=f"cannot be built: .*{FILES[0].name}"):
        cachekey.settle_data()


class Mirror(BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.send_response(200)
        self.end_headers()

    def do_GET(self):
        self.do_HEAD()
        self.wfile.write(PACKED[self.path.rsplit("/", 1)[-1]])

    def log_message(self, *args):
        pass


def test_the_build_after_the_one_that_downloaded_mnist_has_its_key(
    no_data, monkeypatch, tmp_path
):
    with ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setattr(mnist, "MIRRORS", (address,))
        first = execution.cache_folder(tmp_path / "_build", tmp_path)
        server.shutdown()
    monkeypatch.setattr(mnist, "MIRRORS", ())
    assert sorted(p.name for p in tmp_path.rglob("*.gz")) == sorted(PACKED)
    assert execution.cache_folder(tmp_path / "_build", tmp_path) == first
    assert "NNTRAIN_OFFLINE" not in os.environ


def test_what_a_killed_build_left_half_written_counts_for_nothing(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[new_code_cell("1")])
    path = tmp_path / "page.ipynb"
    nbformat.write(notebook, path)
    folder = tmp_path / "runs"
    folder.mkdir()
    store, chapter = execution.Store(folder), execution.Chapter(path, notebook)
    assert not store.has(path)
    store.keep(chapter)
    assert store.has(path)
    (stored,) = folder.rglob("base.ipynb")
    stored.write_text(stored.read_text()[:20])
    assert not store.has(path)
    stored.unlink()
    assert not store.has(path)
    store.keep(chapter)
    assert execution.Store(folder).has(path)

    (folder / "global.db").write_bytes(b"")
    assert not execution.Store(folder).has(path)


# -- the execution itself --------------------------------------------------------------------


def test_the_longest_chapter_is_first(tmp_path, monkeypatch):
    paths = []
    for name, cells in {"short": 2, "unknown": 6, "long": 1, "empty": 0}.items():
        code = [new_code_cell("1") for _ in range(cells)]
        notebook = nbformat.v4.new_notebook(cells=code)
        paths.append(tmp_path / f"{name}.ipynb")
        nbformat.write(notebook, paths[-1])
    times = tmp_path / "seconds.json"
    times.write_text(json.dumps({"short": 1.5, "long": 40}))
    order = []

    def run(chapter, config, stopped):
        order.append(chapter.path.stem)
        chapter.seconds = 2.0

    monkeypatch.setattr(execution, "_cores", lambda: 1)
    monkeypatch.setattr(execution.Chapter, "run", run)
    app = SimpleNamespace(config=None)
    store = execution.Store(tmp_path / "runs")
    assert execution.Runs(store, app).run(paths) == []
    assert order == ["long", "unknown", "short", "empty"]
    assert json.loads(times.read_text()) == dict.fromkeys(order, 2.0)


def runs(folder: Path) -> list[str]:
    """What the cells of `ran` have noted since the last call, sorted."""
    notes = folder / "book" / "notes"
    noted = notes.read_text().split() if notes.exists() else []
    notes.unlink(missing_ok=True)
    return sorted(noted)


def ran(name: str, more: str = "") -> nbformat.NotebookNode:
    """A cell that notes that it was executed."""
    return new_code_cell(f"print('{name}', file=open('notes', 'a'))\n{more}")


MEET = """
import pathlib, time
pathlib.Path("{me}").touch()
start = time.monotonic()
while not pathlib.Path("{other}").exists():
    assert time.monotonic() < start + 60, "the other chapter does not run"
    time.sleep(0.02)
"""


@pytest.mark.skipif(execution._cores() < 2, reason="needs two cores")
def test_chapters_run_side_by_side_and_only_those_that_changed(tmp_path):
    a = [ran("a", MEET.format(me="a.there", other="b.there"))]
    b = [ran("b", MEET.format(me="b.there", other="a.there"))]
    small_book(tmp_path, ran("c"), new_code_cell("1 / 0"), a=a, b=b)
    failed = build(tmp_path)
    assert failed.returncode != 0 and runs(tmp_path) == ["a", "b", "c"]
    assert failed.stderr.strip() == (
        "book/intro.ipynb, cell [2] fails: ZeroDivisionError: division by zero "
        "(all of it: _build/failed/intro.txt)"
    )
    assert "1 / 0" in (tmp_path / "_build" / "failed" / "intro.txt").read_text()

    # b's run is kept. No chapter is executed twice, so Sphinx executed nothing.
    a = [ran("a2"), new_markdown_cell("See the code.")]
    small_book(tmp_path, ran("c2"), a=a, b=b)
    mended = build(tmp_path)
    assert mended.returncode == 0, mended.stderr
    assert runs(tmp_path) == ["a2", "c2"]
    assert "[2/2]" in mended.stdout and "[1/2]" in mended.stdout

    # Words alone are no reason to execute.
    a[-1].source = "Other words."
    small_book(tmp_path, ran("c2"), a=a, b=b)
    assert build(tmp_path).returncode == 0 and runs(tmp_path) == []
    assert (
        "Other words" in (tmp_path / "_build" / "html" / "book" / "a.html").read_text()
    )


# -- faults ----------------------------------------------------------------------------------


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{process}/stat")
    return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def wait(condition, what: str) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_build_leaves_no_kernel_and_while_it_runs_no_other_begins(
    tmp_path, how
):
    sleeps = (
        "import os, time; print(os.getpid(), file=open('kernel', 'w')); time.sleep(900)"
    )
    small_book(tmp_path, new_code_cell(sleeps))
    pid = tmp_path / "book" / "kernel"
    running = subprocess.Popen(
        COMMAND,
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait(lambda: pid.exists() and pid.read_text().strip(), "no kernel")
        if how == signal.SIGINT:
            second = build(tmp_path)
            assert second.returncode != 0
            assert second.stderr.strip().startswith("Another build is running")
        running.send_signal(how)
        _, told = running.communicate(timeout=120)
    finally:
        running.kill()
    assert running.returncode != 0
    if how != signal.SIGKILL:
        assert told.startswith("Interrupted.") and len(told.splitlines()) == 1
    kernel = int(pid.read_text())
    wait(lambda: not alive(kernel), "the kernel lives on")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (errno.ENOSPC, "The disk is full"),
        (errno.EROFS, "/book/_build cannot be written"),
        (errno.ENOENT, None),
    ],
)
def test_faults_of_the_disk_are_told_in_a_sentence(code, told):
    cause = OSError(code, os.strerror(code), "/book/_build")
    wrapped = RuntimeError("what Sphinx makes of it")
    wrapped.__cause__ = cause
    for error in (cause, wrapped):
        found = faults.sentence(error)
        assert found is None if told is None else found.startswith(told)
