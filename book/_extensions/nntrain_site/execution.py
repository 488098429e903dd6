"""How chapters are executed, and which cached results may stand for a run."""

import hashlib
import os
import platform
import shutil
from importlib import metadata
from pathlib import Path

from sphinx.application import Sphinx

# What can change a chapter's output. Absent ones count too: a chapter may say that they are absent.
LIBRARIES = (
    "numpy scipy matplotlib matplotlib-inline scikit-learn joblib threadpoolctl pooch tqdm "
    "torch ipykernel ipython ipywidgets nbclient myst-nb"
).split()
KEPT = 3  # caches of the latest states, so that going back and forth between two of them costs nothing


def prepare_environment() -> None:
    """Set what the chapters' kernels inherit."""
    os.environ["NNTRAIN_STATIC"] = (
        "1"  # experiments choose the face that needs no kernel
    )
    os.environ["JUPYTER_PREFER_ENV_PATH"] = (
        "1"  # this environment's kernel before a user's own
    )
    os.environ.pop("MPLBACKEND", None)  # so that the kernel chooses inline pictures
    for library in ("OPENBLAS", "OMP", "MKL"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")


def configure(app: Sphinx, config) -> None:
    """Key the cache by all that is not in the chapter itself but can change what it prints."""
    caches = Path(app.outdir).parent / ".jupyter_cache"
    cache = caches / fingerprint(Path(app.srcdir))
    cache.mkdir(parents=True, exist_ok=True)
    os.utime(cache)
    for old in sorted(
        (c for c in caches.iterdir() if c.is_dir()), key=lambda c: c.stat().st_mtime
    )[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    config.nb_execution_cache_path = str(cache)
    # No page shows an ipywidget, so the libraries that would draw one are not fetched.
    config.nb_ipywidgets_js = {}


def fingerprint(root: Path) -> str:
    """Hash of the package's sources, the stored and the downloaded data, and the libraries' versions."""
    digest = hashlib.sha256()
    for folder in (
        root / "code" / "nntrain",
        root / "code" / "bookkit",
        root / "book" / "data",
        *data_folders(),
    ):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(folder)}\0".encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
        digest.update(b"\0\0")
    digest.update(
        f"{platform.python_version()} {os.environ.get('NNTRAIN_OFFLINE', '')}\n".encode()
    )
    for name in LIBRARIES:
        digest.update(f"{name} {_version(name)}\n".encode())
    return digest.hexdigest()[:16]


def data_folders() -> list[Path]:
    """The folders in which the package looks for MNIST, those that exist, in its order."""
    folders = []
    if os.environ.get("NNTRAIN_DATA"):
        folders.append(Path(os.environ["NNTRAIN_DATA"]) / "mnist")
    try:
        import pooch

        folders.append(Path(pooch.os_cache("nntrain")) / "mnist")
    except ImportError:
        pass
    return [folder for folder in folders if folder.is_dir()]


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "absent"
