"""How long each cell took when this site's chapters were executed."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from nntrain_site.execution import CELL_SECONDS


def seconds(build: Path, chapter: str) -> dict[str, float]:
    """Seconds by cell id; a cell that was never executed here is missing."""
    with suppress(OSError, ValueError):
        return json.loads((build / CELL_SECONDS).read_text()).get(chapter, {})
    return {}
