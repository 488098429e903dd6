"""The files that a browser fetches: compressed once, with their sizes and hashes in one manifest."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path


class Store:
    """Files in the site's folder. What took long to make is kept in `cache` under a key of its sources."""

    def __init__(self, site: Path, cache: Path) -> None:
        self.site, self.cache = site, cache
        site.mkdir(parents=True, exist_ok=True)
        cache.mkdir(parents=True, exist_ok=True)
        self._files: dict[str, dict[str, int | str]] = {}
        self._data: list[dict[str, int | str]] = []

    def add_packed(self, name: str, key: str, make: Callable[[], bytes]) -> None:
        """Add `make()`, compressed, to what is fetched before Python starts."""
        content = self.packed(name, key, make)
        self._write(f"{name}.gz", content)
        digest = hashlib.sha256(content).hexdigest()
        self._files[f"{name}.gz"] = {"size": len(content), "sha256": digest}

    def packed(self, name: str, key: str, make: Callable[[], bytes]) -> bytes:
        """`make()`, compressed; not made again while `key` stays the same."""
        kept = self.cache / f"{name}-{key[:16]}.gz"
        if not kept.is_file():
            packed = gzip.compress(make(), compresslevel=6, mtime=0)
            for old in self.cache.glob(f"{name}-*.gz"):
                old.unlink()
            part = kept.with_suffix(".part")
            part.write_bytes(packed)
            part.replace(kept)  # a build that is killed leaves no half file behind
        return kept.read_bytes()

    def add_data(self, path: str, name: str, content: bytes) -> None:
        """Add a file as it is, which Python fetches when a cell opens it; `path` is where it finds it."""
        self._write(path, content)
        self._data.append({"path": path, "name": name, "size": len(content)})

    def add_file(self, name: str, content: bytes) -> None:
        """Add a file as it is, outside the manifest."""
        self._write(name, content)

    def finish(self) -> str:
        """Write the manifest; gives its hash, by which pages ask for it."""
        manifest = json.dumps({"files": self._files, "data": self._data}, indent=1)
        content = f"{manifest}\n".encode()
        self._write("manifest.json", content)
        return hashlib.sha256(content).hexdigest()[:16]

    def _write(self, name: str, content: bytes) -> None:
        path = self.site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not (
            path.is_file()
            and path.stat().st_size == len(content)
            and path.read_bytes() == content
        ):
            path.write_bytes(content)
