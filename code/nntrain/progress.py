"""A progress bar for long loops, where somebody watches and tqdm is installed."""

from __future__ import annotations

import os
import sys
from typing import Any

__all__ = ["progress_bar"]


class _NoBar:
    """What is used of a tqdm bar, and nothing to see."""

    def __enter__(self) -> _NoBar:
        return self

    def __exit__(self, *exception: object) -> None: ...

    def update(self) -> None: ...

    def set_postfix(self, numbers: dict[str, str]) -> None: ...


def progress_bar(total: int, done: int = 0, wanted: bool = True) -> Any:
    """A tqdm bar of epochs in a live notebook or a terminal; elsewhere a silent one."""
    building = os.environ.get("NNTRAIN_STATIC", "") not in ("", "0")  # the book's site
    live_notebook = "ipykernel" in sys.modules and not building
    if not wanted:
        return _NoBar()
    try:
        if live_notebook:
            from tqdm.auto import tqdm
        else:
            from tqdm import tqdm
    except ImportError:
        return _NoBar()
    # disable=None: tqdm itself stays silent where standard error is not a terminal
    silent = False if live_notebook else None
    return tqdm(total=total, initial=done, unit="epoch", disable=silent)
