"""Fetching a file from several mirrors: checked, retried, and never half there."""

import contextlib
import logging
import queue
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .idx import DatasetError

ANSWER_TIMEOUT = 5.0  # seconds until some mirror must have answered at all, in total
CONNECT_TIMEOUT = 5.0  # seconds to a connection
STALL_TIMEOUT = 10.0  # seconds without a byte before the next mirror is tried
SLOW_AFTER = 15.0  # after so many seconds ...
SLOW_RATE = 20_000.0  # ... fewer bytes a second than this count as a failure
CHUNK = 8192  # bytes between two looks at the speed
ROUNDS = 2  # how often the whole list of mirrors is tried
PAUSE = 1.0  # seconds between two rounds
ABANDONED_AFTER = 60.0  # seconds without a byte: nobody writes to this file any more


class DatasetUnavailable(DatasetError):
    """The data is not on this machine, and it cannot (or must not) be downloaded."""


class _Progress:
    """What pooch calls after each chunk: a bar if somebody watches, and the speed."""

    def __init__(self, name: str) -> None:
        from tqdm import tqdm

        self._bar = tqdm(
            desc=name, unit="B", unit_scale=True, disable=not sys.stderr.isatty()
        )
        self._start, self._received = time.monotonic(), 0
        self.total = 0  # set by pooch when the server has told the size

    def update(self, n: int) -> None:
        if self.total:
            self._bar.total = self.total
        self._bar.update(n)
        self._received += n
        seconds = time.monotonic() - self._start
        if seconds > SLOW_AFTER and self._received < SLOW_RATE * seconds:
            raise TimeoutError(f"too slow, {self._received / seconds / 1000:.1f} kB/s")

    def reset(self) -> None:
        """Pooch resets the bar and fills it, when all has arrived."""
        self._bar.reset(total=self.total)
        self._start = time.monotonic()

    def close(self) -> None:
        self._bar.close()


def answering_first(mirrors: Sequence[str], filename: str) -> list[str]:
    """Return `mirrors` with the first to answer in front, whatever its answer.

    All are asked at once, in threads of their own: neither a name server that keeps
    silent nor a firewall that swallows connections can hold up the caller for longer
    than `ANSWER_TIMEOUT` in all.

    Raises:
        DatasetUnavailable: none has answered.
    """
    import requests

    answers: queue.SimpleQueue[tuple[str, str | None]] = queue.SimpleQueue()

    def ask(mirror: str) -> None:
        try:
            requests.head(mirror + filename, timeout=ANSWER_TIMEOUT)
            answers.put((mirror, None))
        except Exception as error:  # whatever it is, this mirror has not answered
            answers.put((mirror, reason(error)))

    for mirror in mirrors:
        threading.Thread(target=ask, args=(mirror,), daemon=True).start()
    failures: list[str] = []
    deadline = time.monotonic() + ANSWER_TIMEOUT
    while len(failures) < len(mirrors):
        try:
            mirror, failure = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            failures.append(f"no answer within {ANSWER_TIMEOUT:g} s")
            break
        if failure is None:
            return [mirror, *(other for other in mirrors if other != mirror)]
        failures.append(f"{mirror}: {failure}")
    raise DatasetUnavailable(
        f"no mirror of {filename} can be reached ({'; '.join(failures)})"
    )


def fetch(filename: str, sha256: str, folder: Path, mirrors: Sequence[str]) -> Path:
    """Download `mirror + filename` into `folder` and return its path.

    The file grows under a temporary name and is renamed only when its SHA-256 is right,
    so that an interrupted download leaves nothing that could be taken for the file. A
    file already there is kept if its SHA-256 is right and replaced if not. A mirror
    that fails, stalls, crawls or serves other bytes is passed over for the next; the
    list is tried `ROUNDS` times.

    Raises:
        DatasetUnavailable: no mirror delivered the file, or `folder` cannot be written.
    """
    import pooch
    import requests

    failures: dict[str, str] = {}
    for attempt in range(ROUNDS):
        if attempt:
            time.sleep(PAUSE)
        for mirror in mirrors:
            progress = _Progress(filename)
            get = pooch.HTTPDownloader(
                progressbar=progress,
                chunk_size=CHUNK,
                timeout=(CONNECT_TIMEOUT, STALL_TIMEOUT),
            )
            try:
                return _retrieve(mirror + filename, sha256, filename, folder, get)
            except (requests.RequestException, TimeoutError, ValueError) as error:
                failures[mirror] = reason(error)
            except (
                OSError
            ) as error:  # not the network: the disk, the folder, the rights
                raise DatasetUnavailable(
                    f"{folder}: cannot hold the download of {filename} "
                    f"({error.strerror or error})"
                ) from error
            finally:
                progress.close()
    told = "; ".join(f"{mirror}: {failure}" for mirror, failure in failures.items())
    raise DatasetUnavailable(f"{filename} cannot be downloaded ({told})")


def clear_abandoned(folder: Path) -> None:
    """Remove what killed downloads have left: temporary files nobody writes to."""
    oldest = time.time() - ABANDONED_AFTER
    for path in folder.glob("tmp*"):  # the names that pooch takes from tempfile
        with contextlib.suppress(OSError):  # another process may have been quicker
            if path.is_file() and path.stat().st_mtime < oldest:
                path.unlink()


def _retrieve(url: str, sha256: str, filename: str, folder: Path, get: Any) -> Path:
    """`pooch.retrieve` without its log lines, which would end up in a built book."""
    import pooch

    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        return Path(
            pooch.retrieve(
                url, f"sha256:{sha256}", fname=filename, path=folder, downloader=get
            )
        )
    finally:
        logger.setLevel(level)


def reason(error: Exception) -> str:
    """What went wrong with a mirror, in a few words: network errors fill a screen."""
    import requests

    response = getattr(error, "response", None)
    if response is not None:
        return f"answered {response.status_code} {response.reason}"
    if isinstance(error, requests.Timeout):
        return "timed out"
    if isinstance(error, requests.RequestException):
        # Connection refused or broken off, unknown host, certificate refused ...
        return "connection failed or broke off"
    if isinstance(error, TimeoutError):
        return str(error)
    return "served other bytes than were published (the SHA-256 differs)"
