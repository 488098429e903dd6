"""Packs the built site as one archive, which reads the same unpacked anywhere: `make offline`."""

import sys
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = "training-neural-networks"


def pack(root: Path) -> Path:
    """Write `_build/<name>-<version>.zip`, whose one folder holds the site; return its path.

    The same site gives the same bytes, and an archive that was not finished is never left there.
    """
    site = root / "_build" / "html"
    if not (site / "index.html").is_file():
        sys.exit("There is no site yet: run `make book` first.")
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    target = root / "_build" / f"{NAME}-{project['version']}.zip"
    part = target.with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in site.rglob("*") if path.is_file()):
            inside = f"{NAME}/{path.relative_to(site).as_posix()}"
            entry = zipfile.ZipInfo(inside, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes())
    return part.replace(target)


if __name__ == "__main__":
    print(f"The site as one archive: {pack(ROOT)}")
