"""How the chapters are executed: side by side, and only those of which no run is stored.

myst-nb would execute each chapter when it comes to read it, one after the other. So what its
cache lacks is executed beforehand, on all cores; myst-nb then finds every run in the cache.
"""

import json
import os
import shutil
import subprocess
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

from . import faults
from .cachekey import fingerprint, settle_data

logger = logging.getLogger(__name__)

KEPT = 3  # caches of the latest states, so that going back and forth between two of them costs nothing
DATA = {
    "MNIST": "MNIST",
    "digits": "scikit-learn's small digits, since MNIST is not here and cannot be downloaded",
}
SECONDS_PER_CELL = 0.5  # assumed of a chapter that was never timed
CELL_SECONDS = ".jupyter_cache/cell-seconds.json"  # chapter → cell id → seconds


def prepare_environment() -> None:
    """Set what the chapters' kernels inherit."""
    # Experiments choose the face that needs no kernel.
    os.environ["NNTRAIN_STATIC"] = "1"
    # This environment's kernel before a user's own.
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    os.environ.pop("MPLBACKEND", None)  # so that the kernel chooses inline pictures
    # The chapters share the cores already, and small products are faster on one.
    for library in ("OPENBLAS", "OMP", "MKL"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")


def cache_folder(build: Path, root: Path, data: str | None = None) -> Path:
    """The folder of the results that hold for the present state of everything but the chapters."""
    folder = build / ".jupyter_cache" / fingerprint(root, data or settle_data())
    folder.mkdir(parents=True, exist_ok=True)
    os.utime(folder)
    return folder


def configure(app: Sphinx, config) -> None:
    """Choose the cache, and forget the oldest."""
    data = settle_data()
    logger.info("The chapters show %s.", DATA[data])
    cache = cache_folder(Path(app.outdir).parent, Path(app.srcdir), data)
    kept = sorted(
        (folder for folder in cache.parent.iterdir() if folder.is_dir()),
        key=lambda folder: folder.stat().st_mtime,
    )
    for old in kept[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    config.nb_execution_cache_path = str(cache)
    # No page shows an ipywidget, so the libraries that would draw one are not fetched.
    config.nb_ipywidgets_js = {}


def execute_chapters(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Execute the chapters about to be read of which the cache has no run, and store their runs."""
    folder = Path(app.config.nb_execution_cache_path)
    paths = [Path(env.doc2path(name)) for name in docnames]
    try:
        store = Store(folder)
        missing = [
            path for path in paths if path.suffix == ".ipynb" and not store.has(path)
        ]
        failures = Runs(store, app).run(missing)
    except Exception as error:
        told = faults.sentence(error)
        if told is None:
            raise
        raise SystemExit(told) from None
    if failures:
        raise SystemExit("\n".join(failures))


@dataclass
class Chapter:
    """One chapter on its way: where its kernel stands, and how long it took."""

    path: Path
    notebook: nbformat.NotebookNode
    client: NotebookClient | None = None
    cell: int = 0  # as Jupyter counts them: code cells only, from 1
    seconds: float = 0.0
    cells: dict[str, float] = field(default_factory=dict)  # seconds by cell id

    def run(self, config, stopped: threading.Event) -> None:
        """Execute all cells in a kernel of their own, just as myst-nb would."""

        def starts(cell, cell_index: int) -> None:
            if stopped.is_set():
                raise RuntimeError("stopped")
            if cell.cell_type == "code" and cell.source.strip():
                self.cell += 1
                self.cells[cell.id] = time.perf_counter()

        def ends(cell, cell_index: int, execute_reply) -> None:
            if cell.id in self.cells:
                self.cells[cell.id] = time.perf_counter() - self.cells[cell.id]

        if stopped.is_set():
            return
        self.client = NotebookClient(
            self.notebook,
            timeout=config.nb_execution_timeout,
            allow_errors=config.nb_execution_allow_errors,
            record_timing=False,  # it would be metadata, part of what is compared
            resources={"metadata": {"path": str(self.path.parent)}},
            on_cell_start=starts,
            on_cell_executed=ends,
        )
        start = time.perf_counter()
        # Its kernel warns of connections without encryption, but they do not leave the machine.
        self.client.execute(stderr=subprocess.DEVNULL)
        self.seconds = time.perf_counter() - start

    def kill(self) -> None:
        """End the kernel at once, whatever it is doing."""
        with suppress(AttributeError):  # not started yet, or ended already
            self.client.km.provisioner.process.kill()  # type: ignore[union-attr]


class Store:
    """Where runs are kept: in myst-nb's cache, and beside it how long chapters and cells took."""

    def __init__(self, folder: Path) -> None:
        """Open the cache; one whose database a killed build left broken is begun again."""
        self.cache = get_cache(folder)
        try:
            self.cache.list_cache_records()
        except RuntimeError:
            shutil.rmtree(folder)
            folder.mkdir()
            self.cache = get_cache(folder)
        self._times = folder.with_name("seconds.json")
        self._cell_times = folder.with_name(Path(CELL_SECONDS).name)
        self.seconds: dict[str, float] = _read(self._times)

    def has(self, path: Path) -> bool:
        """Whether there is a run of these cells, and not only a record without its file."""
        try:
            self.cache.merge_match_into_notebook(nbformat.read(path, as_version=4))
        except (KeyError, ValueError):  # no record or no file; or not a notebook
            return False
        return True

    def keep(self, chapter: Chapter) -> None:
        """Store a run as myst-nb would, in place of what a killed build may have left of one."""
        _, name = self.cache.create_hashed_notebook(chapter.notebook)
        shutil.rmtree(self.cache.path / "executed" / name, ignore_errors=True)
        data = {"execution_seconds": chapter.seconds}
        bundle = CacheBundleIn(chapter.notebook, str(chapter.path), data=data)
        self.cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
        # The longest chapter begins first, and pages tell a reader before a long cell runs there.
        self.seconds[chapter.path.stem] = round(chapter.seconds, 1)
        self._times.write_text(json.dumps(self.seconds, indent=1))
        cells = _read(self._cell_times)
        cells[chapter.path.stem] = {
            cell: round(seconds, 3) for cell, seconds in chapter.cells.items()
        }
        self._cell_times.write_text(json.dumps(cells, indent=1))


def _read(path: Path) -> dict:
    """What a file of times holds; nothing, if it is missing or was left half written."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return {}


class Runs:
    """Chapters executed as many at a time as there are cores, the longest first."""

    def __init__(self, store: Store, app: Sphinx) -> None:
        self.store, self.app = store, app

    def run(self, paths: list[Path]) -> list[str]:
        """Return a sentence about each chapter that failed; the runs of all others are stored."""
        chapters = [Chapter(path, nbformat.read(path, as_version=4)) for path in paths]
        chapters.sort(key=self._expected, reverse=True)
        if not chapters:
            return []
        workers = min(_cores(), len(chapters))
        logger.info("Executing %d chapters, %d at a time.", len(chapters), workers)
        stopped = threading.Event()
        pool = ThreadPoolExecutor(workers)
        runs = {
            pool.submit(chapter.run, self.app.config, stopped): chapter
            for chapter in chapters
        }
        failures = []
        try:
            for number, run in enumerate(as_completed(runs), 1):
                place = f"[{number}/{len(chapters)}] {runs[run].path.stem}"
                failure = self._store(run, runs[run])
                if failure is None:
                    logger.info("%s %.0f s", place, runs[run].seconds)
                else:
                    logger.info("%s failed", place)
                    failures.append(failure)
        finally:  # nothing runs any more, unless we were interrupted
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            for chapter in chapters:
                chapter.kill()
        return failures

    def _store(self, run: Future, chapter: Chapter) -> str | None:
        error = run.exception()
        if error is not None:
            return self._sentence(chapter, error)
        self.store.keep(chapter)
        return None

    def _sentence(self, chapter: Chapter, error: BaseException) -> str:
        """Which cell of which chapter failed and how; the traceback goes into a file."""
        if isinstance(error, CellExecutionError):
            found = f"{error.ename}: {error.evalue}".strip().splitlines()[0]
        else:  # a time-out, a kernel that died
            found = str(error).strip().splitlines()[0]
        report = Path(self.app.outdir).with_name("failed") / f"{chapter.path.stem}.txt"
        report.parent.mkdir(exist_ok=True)
        report.write_text(str(error), encoding="utf-8")
        name = os.path.relpath(chapter.path, self.app.srcdir)
        where = os.path.relpath(report, self.app.srcdir)
        return f"{name}, cell [{chapter.cell}] fails: {found} (all of it: {where})"

    def _expected(self, chapter: Chapter) -> float:
        cells = sum(cell.cell_type == "code" for cell in chapter.notebook.cells)
        return self.store.seconds.get(chapter.path.stem, SECONDS_PER_CELL * cells)


def _cores() -> int:
    """The processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
