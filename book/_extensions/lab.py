"""Copies the Jupyter edition into a folder of the reader's own: `make lab`.

What the reader has changed there is never overwritten; what still is as it was copied becomes
the newest build's.
"""

import hashlib
import json
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RECORD = ".copied.json"  # name → hash of what was copied


def copy_edition(edition: Path, own: Path) -> list[str]:
    """Bring `own` up to date; return the names of files kept because the reader changed them."""
    own.mkdir(exist_ok=True)
    record = own / RECORD
    copied: dict[str, str] = {}
    if record.is_file():
        copied = json.loads(record.read_text("utf-8"))
    kept = []
    for source in sorted(path for path in edition.rglob("*") if path.is_file()):
        name = source.relative_to(edition).as_posix()
        target, new = own / name, _hash(source)
        if target.exists() and _hash(target) not in (new, copied.get(name)):
            kept.append(name)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        copied[name] = new
    record.write_text(json.dumps(copied, indent=1), encoding="utf-8")
    return kept


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    edition, own = ROOT / "_build" / "jupyter", ROOT / "notebooks"
    if not any(edition.glob("*.ipynb")):
        sys.exit("There are no notebooks yet: run `make book` first.")
    kept = copy_edition(edition, own)
    print(f"The chapters are in {own}, for you to change.")
    if kept:
        print(
            f"Kept as you left them: {', '.join(kept)}. Rename one to get it as it was."
        )


if __name__ == "__main__":
    main()
