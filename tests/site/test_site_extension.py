"""The site's own Sphinx extension: when it runs chapters again, and which sites it refuses to build."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from small_book import build, small_book

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "book" / "_extensions"))

from nntrain_site import assets, reference, requests  # noqa: E402


@pytest.mark.parametrize(
    "planted",
    [
        '<script src="https://cdn.example.org/x.js"></script>',
        '<script async src="//cdn.example.org/x.js"></script>',
        '<link rel="preload stylesheet" href="http://example.org/x.css">',
        '<link rel="preconnect" href="https://fonts.example.org">',
        '<img alt="" src="https://example.org/x.png">',
        '<img alt="" srcset="a.png 1x, https://example.org/b.png 2x">',
        '<iframe src="https://example.org/"></iframe>',
        "<style>@import 'https://example.org/x.css';</style>",
        '<p style="background: url(https://example.org/x.png)">x</p>',
        '<svg><image href="https://example.org/x.png"/></svg>',
        '<meta http-equiv="refresh" content="0; url=https://example.org/">',
        '<script>fetch("https://example.org/data.json")</script>',
    ],
)
def test_a_planted_request_is_found(tmp_path, planted):
    (tmp_path / "page.html").write_text(f"<html><body>{planted}</body></html>")
    (tmp_path / "a.png").touch()
    assert len(requests.problems(tmp_path)) == 1


def test_style_sheets_and_missing_files_are_looked_at_and_hyperlinks_left_alone(
    tmp_path,
):
    (tmp_path / "style.css").write_text(
        "/* url(https://a.org/) */ @font-face { src: url('https://b.org/f.woff'); }"
    )
    (tmp_path / "page.html").write_text(
        '<a href="https://example.org/">x</a><link rel="canonical" href="https://example.org/">'
        '<img alt="" src="data:image/png;base64,AA=="><link rel="stylesheet" href="style.css?v=1">'
        '<img alt="" src="gone.png">'
        '<script type="application/json">{"svg": "http://www.w3.org/2000/svg", "see": "https://a.org/"}</script>'
    )
    assert requests.problems(tmp_path) == [
        "page.html loads gone.png, which is not in the site",
        "style.css loads https://b.org/f.woff from another host",
    ]


def test_every_module_of_the_package_has_its_place_in_the_reference():
    modules = reference.modules(ROOT / "code")
    assert set(modules) == set(reference.TAUGHT), (
        "say in TAUGHT which chapter teaches each module, and no other"
    )
    assert all(
        key in reference.CHAPTERS
        for keys in reference.TAUGHT.values()
        for key in keys.split()
    )
    assert reference.PLACE in (ROOT / f"{reference.PAGE}.md").read_text()


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("git@github.com:someone/book.git", "https://github.com/someone/book"),
        ("https://github.com/someone/book", "https://github.com/someone/book"),
        ("/srv/book.git", ""),
        (None, ""),
    ],
)
def test_launch_buttons_need_a_known_address(tmp_path, monkeypatch, remote, address):
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    if remote:
        subprocess.run(
            ["git", "-C", tmp_path, "remote", "add", "origin", remote], check=True
        )
    assert assets.repository_url(tmp_path) == address


def test_a_book_that_failed_keeps_failing_until_it_is_corrected(tmp_path):
    small_book(tmp_path, nbformat.v4.new_code_cell("1 / 0"))
    failed = build(tmp_path)
    assert failed.returncode != 0 and "ZeroDivisionError" in failed.stderr

    small_book(
        tmp_path, nbformat.v4.new_markdown_cell("See {numref}`nowhere`.")
    )  # a warning only
    assert build(tmp_path).returncode != 0
    assert build(tmp_path).returncode != 0

    small_book(
        tmp_path,
        nbformat.v4.new_markdown_cell('<img alt="x" src="https://example.org/x.png">'),
    )
    refused = build(tmp_path)
    assert (
        refused.returncode != 0
        and "example.org/x.png from another host" in refused.stderr
    )

    small_book(
        tmp_path,
        nbformat.v4.new_code_cell("import os; print(os.environ['NNTRAIN_STATIC'])"),
    )
    corrected = build(tmp_path)
    assert corrected.returncode == 0, corrected.stderr
    page = (tmp_path / "_build" / "html" / "book" / "intro.html").read_text()
    assert "launch-buttons" not in page and "thebe" not in page
