"""Where a copy of MNIST may lie: under which names, and in which folders.

Archives and libraries disagree about both. 7-Zip writes `train-images.idx3-ubyte`, some
archives put each file into a folder of its own name, torchvision keeps all of them in
`MNIST/raw`.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from .idx import DatasetError

FOLDERS = ("mnist", ".", "MNIST/raw", "mnist/MNIST/raw", "raw")  # in this order
OWN_COPY = (
    "put the four files, as published (.gz) or unpacked, into a folder named mnist "
    "and set the environment variable NNTRAIN_DATA to the folder that holds it"
)


def spellings(name: str) -> list[str]:
    """All names under which archives give a published file.

    >>> spellings("t10k-labels-idx1-ubyte")[:2]
    ['t10k-labels-idx1-ubyte', 't10k-labels.idx1-ubyte']
    """
    dotted = name.replace("-idx", ".idx")
    return [name, dotted, f"{name}.gz", f"{dotted}.gz"]


def cache() -> Path | None:
    """The folder that downloads are kept in; None without the package pooch."""
    try:
        import pooch
    except ImportError:
        return None
    return Path(pooch.os_cache("nntrain")) / "mnist"


def given(root: str | os.PathLike[str] | None) -> tuple[Path, str] | None:
    """The folder the user pointed at, and how: by `root` or by `NNTRAIN_DATA`.

    Raises:
        DatasetError: it is not a folder.
    """
    named = os.environ.get("NNTRAIN_DATA") if root is None else root
    if not named:
        return None
    asked, base = "NNTRAIN_DATA" if root is None else "root", Path(named).expanduser()
    if not base.is_dir():
        raise DatasetError(f"{asked} names {base}, which is not a folder; {OWN_COPY}")
    return base, asked


def places(root: str | os.PathLike[str] | None = None) -> list[Path]:
    """All folders in which `load_mnist` looks for MNIST, in its order.

    Those of the user's own copy, and last the cache of downloads. They need not exist.
    """
    own, downloads = given(root), cache()
    folders = [] if own is None else [own[0] / folder for folder in FOLDERS]
    return folders if downloads is None else [*folders, downloads]


def own_copy(base: Path, asked: str, names: Iterable[str]) -> dict[str, Path] | None:
    """Return where each of the files lies, all in one folder; None if there is none.

    Raises:
        DatasetError: some files are missing; a folder cannot be read; there is none at
            all though `root`, or a folder named mnist, was there to hold them.
    """
    names, incomplete = list(names), None
    for folder in FOLDERS:
        found = _files_in(base / folder, names)
        if len(found) == len(names):
            return found
        if found and incomplete is None:
            incomplete = next(name for name in names if name not in found)
            where = base / folder
    if incomplete is not None:
        plain, dotted, *_ = spellings(incomplete)
        raise DatasetError(
            f"{where}: has some files of MNIST, but neither {plain} nor {dotted}, with "
            "or without .gz; add it, or take the others away to have MNIST downloaded"
        )
    if asked == "root" or os.path.lexists(base / "mnist"):
        raise DatasetError(nothing_in(base, asked, names))
    return None


def nothing_in(base: Path, asked: str, names: Iterable[str]) -> str:
    """What to say of a folder that was given and has no MNIST."""
    first = spellings(next(iter(names)))
    folders = ", ".join(str(base / folder) for folder in FOLDERS)
    return (
        f"{asked} names {base}, which contains no MNIST files: looked for "
        f"{', '.join(first)} and three others like it in {folders}; {OWN_COPY}"
    )


def _files_in(folder: Path, names: Iterable[str]) -> dict[str, Path]:
    """Which of the files lie in a folder, under any of their names."""
    try:
        with os.scandir(folder) as listing:
            entries = {entry.name: entry for entry in listing}
    except FileNotFoundError as error:
        if folder.is_symlink():
            raise DatasetError(
                f"{folder}: is a link to a place that is gone"
            ) from error
        return {}
    except OSError as error:
        raise DatasetError(
            f"{folder}: cannot be looked into ({error.strerror or error})"
        ) from error
    found: dict[str, Path] = {}
    for name in names:
        for spelling in spellings(name):
            entry = entries.get(spelling)
            if entry is None or name in found:
                continue
            if not entry.is_dir():
                found[name] = folder / spelling
            elif (folder / spelling / spelling).is_file():
                found[name] = folder / spelling / spelling
    return found
