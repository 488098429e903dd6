"""A progress bar for long loops, where somebody watches."""

from __future__ import annotations

import os
import sys
from typing import Any

__all__ = ["progress_bar"]


def progress_bar(total: int, done: int = 0, wanted: bool = True) -> Any:
    """A tqdm bar of epochs in a live notebook or a terminal; elsewhere a silent one."""
    building = os.environ.get("NNTRAIN_STATIC", "") not in ("", "0")  # the book's site
    live_notebook = "ipykernel" in sys.modules and not building
    if wanted and live_notebook:
        from tqdm.auto import tqdm
    else:
        from tqdm import tqdm
    # disable=None: tqdm itself stays silent where standard error is not a terminal
    silent = (False if live_notebook else None) if wanted else True
    return tqdm(total=total, initial=done, unit="epoch", disable=silent)
