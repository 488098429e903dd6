"""What every page says about the book itself."""

import os
import re
import shutil
import subprocess
from urllib.parse import parse_qs, urlsplit

import nbformat
import pytest
from bs4 import BeautifulSoup

from small_book import COMMAND, ROOT, environment, small_book


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A small book whose repository is known."""
    folder = tmp_path_factory.mktemp("book")
    small_book(folder, nbformat.v4.new_markdown_cell("Words."))
    shutil.copy(ROOT / "CITATION.cff", folder)
    known = {**os.environ, **environment(), "GITHUB_REPOSITORY": "Some/book"}
    done = subprocess.run(
        COMMAND, cwd=folder, env=known, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return folder / "_build" / "html"


def test_a_page_describes_the_book_and_names_its_licence(site):
    page = BeautifulSoup((site / "book" / "intro.html").read_text(), "html.parser")
    assert len(page.select('meta[name="description"]')) == 1
    assert "neural network" in page.select_one('meta[name="description"]')["content"]
    footer = page.select_one(".about-the-book").get_text()
    version = re.search(r"(?m)^version: (.+)$", (ROOT / "CITATION.cff").read_text())[1]
    assert f"version {version}" in footer and "CC BY 4.0" in footer
    assert "Cite as: The authors" in footer


def test_an_error_is_reported_with_page_and_version_filled_in(site):
    page = BeautifulSoup((site / "book" / "intro.html").read_text(), "html.parser")
    link = page.select_one('.about-the-book a[href*="issues/new"]')["href"]
    asked = parse_qs(urlsplit(link).query)
    assert link.startswith("https://github.com/Some/book/issues/new?")
    assert asked["title"] == ["A page, intro: "]
    assert "Page: book/intro\nVersion: " in asked["body"][0]


def test_the_map_lists_the_pages_at_their_public_address(site):
    text = (site / "sitemap.xml").read_text()
    assert "<loc>https://some.github.io/book/book/intro.html</loc>" in text


def test_launch_and_download_lead_to_the_edition(site):
    page = (site / "book" / "intro.html").read_text()
    assert "github/Some/book/blob/notebooks/book/intro.ipynb" in page
    behind = nbformat.read(site / "_sources" / "book" / "intro.ipynb", as_version=4)
    assert "git+https://github.com/Some/book@" in behind.cells[1].source
    assert "(https://some.github.io/book/)" in behind.cells[0].source
