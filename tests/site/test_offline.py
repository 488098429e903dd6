"""The archive of the site, and the version that names it."""

import re
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "book" / "_extensions"))

import offline  # noqa: E402


def test_the_archive_holds_the_site_in_one_folder_and_is_the_same_again(tmp_path):
    site = tmp_path / "_build" / "html"
    (site / "book").mkdir(parents=True)
    (site / "index.html").write_text("front")
    (site / "book" / "intro.html").write_text("page")
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n')
    first = offline.pack(tmp_path)
    assert first.name == "training-neural-networks-1.2.3.zip"
    before = first.read_bytes()
    assert offline.pack(tmp_path).read_bytes() == before
    with zipfile.ZipFile(first) as archive:
        names = set(archive.namelist())
        folder = "training-neural-networks"
        assert names == {f"{folder}/index.html", f"{folder}/book/intro.html"}
        assert archive.read(f"{folder}/book/intro.html") == b"page"
    assert [path.name for path in first.parent.iterdir() if path.is_file()] == [
        first.name
    ]


def test_without_a_site_one_sentence_says_what_to_do(tmp_path):
    with pytest.raises(SystemExit, match="make book"):
        offline.pack(tmp_path)


def test_one_version_everywhere_and_what_changed_in_it():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert str(citation["version"]) == project["version"]
    released = re.findall(
        r"(?m)^## ([\d.]+) \((.+)\)$", (ROOT / "CHANGELOG.md").read_text()
    )
    assert released[0] == (project["version"], str(citation["date-released"]))
