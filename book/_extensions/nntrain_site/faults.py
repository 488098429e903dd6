"""Builds that cannot go on end in one sentence, and the next one starts from a sound state."""

import errno
import shutil
import signal
import sys
import threading
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO

from sphinx.application import Sphinx

_lock: IO[str] | None = None  # held until the process ends, however it ends


def begin(app: Sphinx, config) -> None:
    """Let no second build into the folder, and trust nothing that an unfinished one left there."""
    sys.excepthook = _last_word
    folder = Path(app.outdir).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _take(folder / ".lock")
        if _marker(app).exists():  # Sphinx would take its half-made pages for done
            shutil.rmtree(app.doctreedir, ignore_errors=True)
        _marker(app).touch()
    except OSError as error:
        raise SystemExit(sentence(error) or str(error)) from None
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _interrupted)
        signal.signal(signal.SIGTERM, _interrupted)


def finished(app: Sphinx) -> None:
    """The build is whole, so the next one may go on from it."""
    _marker(app).unlink(missing_ok=True)


def sentence(error: BaseException | None) -> str | None:
    """A full disk or a folder that cannot be written, told plainly; None if it is something else.

    The cause may lie deeper: Sphinx and the database of results wrap what they catch.
    """
    while error is not None:
        code = getattr(error, "errno", None)
        if code in (errno.ENOSPC, errno.EDQUOT) or "disk is full" in str(error):
            return (
                "The disk is full: free some space and build again. "
                "The chapters that were executed before are kept."
            )
        if code in (errno.EROFS, errno.EACCES, errno.EPERM):
            place = getattr(error, "filename", None) or "The folder of the book"
            return (
                f"{place} cannot be written: copy the book to a folder of your own "
                "and build it there."
            )
        error = error.__cause__ or error.__context__
    return None


def _marker(app: Sphinx) -> Path:
    return Path(app.outdir).parent / ".unfinished"


def _take(path: Path) -> None:
    global _lock
    file = open(path, "a")
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise SystemExit(
            "Another build is running in this folder: wait until it is done."
        ) from None
    _lock = file


def _last_word(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """In place of the traceback of a fault that came before or after Sphinx's own build."""
    told = sentence(error)
    if told is None:
        sys.__excepthook__(kind, error, trace)
    else:
        print(told, file=sys.stderr)


def _interrupted(number: int, frame: FrameType | None) -> None:
    raise SystemExit(
        "Interrupted. The chapters executed so far are kept; the next build goes on from there."
    )
