"""Rules of the repository that no other test would notice being broken."""

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "book").glob("*.ipynb"))


def tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, text=True
    )
    if listed.returncode != 0:
        pytest.skip("not a git repository")
    return [
        ROOT / name
        for name in listed.stdout.split("\0")
        if name and (ROOT / name).is_file()
    ]


def test_the_standard_library_is_not_hidden():
    assert not (ROOT / "code" / "__init__.py").exists()
    assert hasattr(importlib.import_module("code"), "InteractiveConsole")
    names = {path.stem for path in (ROOT / "code" / "nntrain").rglob("*.py")} - {
        "__init__"
    }
    assert names & set(sys.stdlib_module_names) == set()


def test_every_page_is_in_the_table_of_contents_and_the_reverse():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    listed = [
        toc["root"],
        *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"]),
    ]
    pages = [
        path for path in (ROOT / "book").iterdir() if path.suffix in (".ipynb", ".md")
    ]
    assert sorted(listed) == sorted(f"book/{path.stem}" for path in pages)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_keep_only_outputs_that_are_compared(notebook):
    content = json.loads(notebook.read_text(encoding="utf-8"))
    assert content["metadata"]["kernelspec"]["name"] == "python3"
    assert "version" not in content["metadata"].get("language_info", {})
    for cell in content["cells"]:
        tags = cell["metadata"].get("tags", [])
        kept = "keep_output" in tags
        assert kept == ("nbval-check-output" in tags), (
            f"{cell['id']}: the two tags go together"
        )
        if cell["cell_type"] == "code":
            assert bool(cell["outputs"]) == kept, (
                f"{cell['id']}: outputs are for comparison only"
            )
            if not kept:
                assert cell["execution_count"] is None, cell["id"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_the_page_hides_is_folded_in_jupyter(notebook, tmp_path):
    before = notebook.read_text(encoding="utf-8")
    copy = tmp_path / notebook.name
    copy.write_text(before, encoding="utf-8")
    subprocess.run([sys.executable, ROOT / ".ci" / "tidy", copy], check=True)
    assert copy.read_text(encoding="utf-8") == before, "run make format"


def test_no_file_is_large():
    assert [
        str(path) for path in tracked_files() if path.stat().st_size > 600_000
    ] == []


def test_nothing_names_one_persons_machine_or_a_package_host():
    folders, hosts = (
        r"(?<![\w.])/(?:home|root|Users|work)/\w|file:///\w",
        r"pypi\.org|pythonhosted\.org",
    )
    machine = re.compile(f"{folders}|{hosts}")
    found = []
    for path in tracked_files():
        if path.suffix in (".png", ".npz", ".gz", ".pdf", ".woff") or path == Path(
            __file__
        ):
            continue
        for number, line in enumerate(
            path.read_text(encoding="utf-8", errors="ignore").splitlines(), 1
        ):
            if machine.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert found == []


def locked(group: str) -> dict[str, str]:
    """The pinned versions of one group, by name."""
    lock = (ROOT / "locks" / f"{group}.txt").read_text()
    return dict(re.findall(r"(?m)^([\w.-]+)==([^\s;]+)", lock))


def wanted() -> dict[str, list[str]]:
    """The requirements of each group, as ranges."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    book = [line for line in lines if line and line[0] not in "-#"]
    book += groups.pop("build") + project["project"]["dependencies"]
    return {
        "book": book + project["project"]["optional-dependencies"]["book"],
        **groups,
    }


def test_each_lock_pins_its_requirements_within_their_ranges_and_all_locks_agree():
    from packaging.requirements import Requirement

    assert sorted(wanted()) == sorted(p.stem for p in (ROOT / "locks").iterdir())
    versions: dict[str, str] = {}
    for group, needs in wanted().items():
        pinned = locked(group)
        missing = [
            str(need)
            for need in map(Requirement, needs)
            if not need.specifier.contains(pinned.get(need.name, "0"))
        ]
        assert missing == (["torch==2.13.0"] if group == "torch" else []), group
        for name, version in pinned.items():
            assert versions.setdefault(name, version) == version, (group, name)


@pytest.mark.parametrize(
    "lock", sorted((ROOT / "locks").iterdir()), ids=lambda path: path.stem
)
def test_every_pinned_package_has_its_hashes(lock):
    bare = re.findall(
        r"(?m)^[\w.-]+==[^\\\n]*\n(?!    --hash=sha256:)", lock.read_text()
    )
    assert bare == []


def test_building_the_book_needs_nothing_that_only_tests_teaches_or_edits():
    extra = "jupyterlab notebook nbgrader pytest ruff mypy uv playwright torch"
    assert set(locked("book")) & set(extra.split()) == set()


def test_actions_are_pinned_by_commit():
    workflows = list((ROOT / ".github" / "workflows").glob("*.yml"))
    uses = [
        line for path in workflows for line in re.findall(r"uses:.*", path.read_text())
    ]
    assert uses
    assert [line for line in uses if not re.search(r"@[0-9a-f]{40}  # v\d", line)] == []


def test_the_hooks_before_a_commit_run_what_the_makefile_runs():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    makefile = (ROOT / "Makefile").read_text()
    for repository in config["repos"]:
        assert repository["repo"] == "local"  # nothing is downloaded
        for hook in repository["hooks"]:
            command = hook["entry"].removeprefix(".venv/bin/python ")
            assert f"$(PY) {command.replace(' check --fix', ' check')}" in (
                makefile.replace(" --quiet", "").replace("check --fix", "check")
            )


@pytest.fixture
def clone(tmp_path):
    """A copy of what `make environment` reads, and a PATH with shell tools but no Python."""
    for name in ("Makefile", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "locks", tmp_path / "locks")
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "environment", tmp_path / ".ci")
    (tmp_path / "code" / "nntrain").mkdir(parents=True)
    (tmp_path / "tools").mkdir()
    for tool in (
        "sh",
        "make",
        "cat",
        "cksum",
        "dirname",
        "grep",
        "head",
        "mkdir",
        "rm",
        "tail",
    ):
        (tmp_path / "tools" / tool).symlink_to(shutil.which(tool))
    return tmp_path


def make_environment(clone: Path, *arguments: str, **variables: str) -> tuple[int, str]:
    bare = {"PATH": str(clone / "tools"), "HOME": str(clone), **variables}
    command = ["make", "environment", *arguments]
    done = subprocess.run(command, cwd=clone, env=bare, capture_output=True, text=True)
    sentences = [
        line for line in done.stderr.splitlines() if not line.startswith("make:")
    ]
    assert done.returncode == 0 or len(sentences) == 1, done.stderr
    return done.returncode, "".join(sentences)


def pretend_python(clone: Path, name: str, script: str) -> None:
    (clone / "tools" / name).write_text(f"#!/bin/sh\n{script}\n")
    (clone / "tools" / name).chmod(0o755)


OLD = 'case "$2" in *version_info*) exit 1;; *python_version*) echo 3.9.2;; esac'
WITHOUT_PIP = 'case "$2" in *ensurepip*) exit 1;; *python_version*) echo 3.11.2;; esac'


@pytest.mark.skipif(
    os.name == "nt" or not shutil.which("make"), reason="needs make and a POSIX shell"
)
def test_a_missing_or_unusable_python_is_told_in_one_sentence(clone):
    code, told = make_environment(clone)
    assert code != 0 and "no Python was found" in told

    pretend_python(clone, "python3.12", 'echo "shim: command not found" >&2; exit 127')
    pretend_python(clone, "python3", OLD)
    code, told = make_environment(clone)
    assert code != 0 and "needs Python 3.11 or newer, and python3 is 3.9.2" in told

    code, told = make_environment(clone, "PYTHON=/nowhere/python")
    assert code != 0 and "PYTHON=/nowhere/python does not run" in told

    pretend_python(clone, "python3.11", WITHOUT_PIP)
    code, told = make_environment(clone)
    assert code != 0 and "python3.11 lacks the venv and pip modules" in told
    assert not (clone / ".venv").exists()


@pytest.mark.skipif(
    os.name == "nt" or not shutil.which("make"), reason="needs make and a POSIX shell"
)
def test_an_install_without_network_leaves_nothing_behind(clone):
    nowhere = {
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "0",
        "PIP_NO_CACHE_DIR": "1",
    }
    code, told = make_environment(clone, f"PYTHON={sys.executable}", **nowhere)
    assert code != 0 and "the package index cannot be reached" in told
    assert not (clone / ".venv").exists()


@pytest.mark.skipif(
    os.name == "nt" or not shutil.which("make"), reason="needs make and a POSIX shell"
)
def test_two_installs_at_once_are_refused_and_a_killed_one_is_not_waited_for(clone):
    (clone / "_build").mkdir()
    busy = clone / "_build" / ".installing"
    busy.write_text(str(os.getpid()))
    code, told = make_environment(clone)
    assert code != 0 and "another make is installing" in told
    ended = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True
    )
    busy.write_bytes(ended.stdout)
    code, told = make_environment(clone)
    assert code != 0 and "no Python was found" in told
    assert not busy.exists()


@pytest.mark.skipif(
    os.name == "nt" or not shutil.which("make") or os.geteuid() == 0,
    reason="needs make, a POSIX shell, and a user whom rights bind",
)
def test_a_read_only_checkout_is_told_in_one_sentence(clone):
    clone.chmod(0o555)
    try:
        code, told = make_environment(clone)
    finally:
        clone.chmod(0o755)
    assert code != 0 and "is read-only" in told
