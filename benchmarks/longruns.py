"""What every long run of the book needs: spread over the cores, resumable, and with its provenance.

`sweep` calls one function for many settings, side by side, and keeps each result as soon as it is
there, so that an interrupted sweep goes on where it stopped. `store` writes the results with
`provenance`: command, seeds, date, versions, processor and BLAS. Results of another processor differ
in their last digits, and after a long training in more than those: so it is recorded on which one
they were made.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from threadpoolctl import threadpool_info, threadpool_limits

DATA = Path(__file__).parents[1] / "book" / "data"


def sweep(
    run: Callable[..., dict[str, Any]],
    settings: Iterable[dict[str, Any]],
    kept: Path,
    *fixed: Any,
    jobs: int = -1,
) -> list[dict[str, Any]]:
    """`run(*fixed, **setting)` for every setting; the settings with their results, in order.

    Each call is one task of joblib, with one BLAS thread: runs side by side do not get in each
    other's way, and the numbers do not depend on the number of cores. Finished runs are kept
    in the file `kept`, a line each, and not run again.
    """
    wanted = [dict(setting) for setting in settings]
    results = {}
    if kept.exists():
        for line in kept.read_text(encoding="utf-8").splitlines():
            setting, result = json.loads(line)
            results[_key(setting)] = result
    left = [setting for setting in wanted if _key(setting) not in results]
    tasks = (delayed(_one)(run, setting, *fixed) for setting in left)
    pool = Parallel(n_jobs=jobs, return_as="generator_unordered")
    with kept.open("a", encoding="utf-8") as file:
        for setting, result in pool(tasks):
            results[_key(setting)] = result
            file.write(json.dumps([setting, result]) + "\n")
            file.flush()
            print(f"{len(results)} runs done, the last one: {setting}", flush=True)
    return [{**setting, **results[_key(setting)]} for setting in wanted]


def _one(
    run: Callable[..., dict[str, Any]], setting: dict[str, Any], *fixed: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    with threadpool_limits(1):
        return setting, run(*fixed, **setting)


def _key(setting: dict[str, Any]) -> str:
    return json.dumps(setting, sort_keys=True)


def provenance(options: str, **facts: Any) -> dict[str, Any]:
    """Where a stored result comes from; `options` are those of `benchmarks/reproduce.py`."""
    return {
        "command": f"make reproduce (python benchmarks/reproduce.py {options})",
        **facts,
        "date": datetime.now(UTC).date().isoformat(),
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "processor": processor(),
        "blas": blas(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }


def processor() -> str:
    """The processor's name, as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [
        line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
    ]
    return names[0] if names else platform.processor() or platform.machine()


def blas() -> str:
    """The library that multiplies NumPy's matrices, and the kind of processor it runs its code for."""
    found = [library for library in threadpool_info() if library["user_api"] == "blas"]
    found.sort(
        key=lambda library: "numpy" not in library["filepath"]
    )  # SciPy has its own
    if not found:
        return "unknown"
    kind = found[0].get("architecture", "")
    return f"{found[0]['internal_api']} {found[0]['version']} {kind}".strip()


def store(
    path: Path, facts: dict[str, Any], **tables: Sequence[Any] | dict[str, Any]
) -> None:
    """Write the provenance and the tables to `path` as JSON, a row or an entry a line."""
    parts = [f'"provenance": {json.dumps(facts, indent=1, ensure_ascii=False)}']
    for name, table in tables.items():
        if isinstance(table, dict):
            rows = [f"{json.dumps(key)}: {json.dumps(table[key])}" for key in table]
            left, right = "{}"
        else:
            rows = [json.dumps(row, ensure_ascii=False) for row in table]
            left, right = "[]"
        lines = ",\n".join(rows)
        parts.append(f'"{name}": {left}\n{lines}\n{right}')
    path.write_text("{" + ",\n".join(parts) + "}\n", encoding="utf-8")
    print(f"written to {path}")
