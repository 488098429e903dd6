"""Which stored results of a chapter may stand for a run: everything outside it that could change its output.

The chapter's own cells are compared by jupyter-cache; all the rest makes one key, the name of a
cache's folder.
"""

import hashlib
import os
import platform
from importlib import metadata
from pathlib import Path

from nntrain.datasets import DatasetError, DatasetUnavailable, mnist

# Absent ones count too: a chapter may say that they are absent.
LIBRARIES = (
    "numpy scipy matplotlib matplotlib-inline scikit-learn joblib threadpoolctl pooch tqdm "
    "torch ipykernel ipython ipywidgets nbclient myst-nb"
).split()
# How claims are checked and data rounded. Where the data is looked for only decides which there is.
VARIABLES = ("NNTRAIN_CLAIMS", "NNTRAIN_ROUNDING")


def settle_data() -> str:
    """Return the name of the handwritten digits that all chapters will run on.

    The loader itself is asked, before anything is executed: it looks in all its places and,
    where MNIST is in none of them, downloads it. So the build that downloads MNIST has the key of
    the next one, which finds it, and pages built on the small digits are not kept once MNIST is
    there. Without MNIST the chapters do not try again: they would wait for nothing, or half of
    them would run on other data than the rest.
    """
    try:
        mnist.load_files(None, may_download=True)
    except DatasetUnavailable:
        os.environ["NNTRAIN_OFFLINE"] = "1"
        return "digits"
    except DatasetError as error:
        raise SystemExit(f"The book cannot be built: {error}.") from None
    return "MNIST"


def fingerprint(root: Path, data: str) -> str:
    """Hash of the packages' sources, the stored results, the name of the data and the libraries' versions."""
    digest = hashlib.sha256()
    for folder in ("code/nntrain", "code/bookkit", "book/data"):
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(root)}\0".encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    facts = {"data": data, "python": platform.python_version()}
    facts |= {name: os.environ.get(name, "") for name in VARIABLES}
    facts |= {name: _version(name) for name in LIBRARIES}
    digest.update(repr(sorted(facts.items())).encode())
    return digest.hexdigest()[:16]


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "absent"
