"""The built site, opened from files: search and links. `test_pages.py` looks at the rest."""

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"


@pytest.fixture(scope="module", autouse=True)
def site():
    if not (SITE / "index.html").exists():
        if os.environ.get("CI") == "true":
            pytest.fail("the site is not built: run `make book`")
        pytest.skip("the site is not built (make book)")
    return SITE


def test_search_finds_a_word_from_files(browser):
    tab = browser.new_page()
    try:
        tab.goto((SITE / "search.html").as_uri() + "?q=backpropagation")
        tab.wait_for_selector("#search-results li a", timeout=10_000)
    finally:
        tab.close()


def test_no_link_within_the_book_is_dead():
    pages = {
        path: BeautifulSoup(path.read_bytes(), "html.parser")
        for path in SITE.rglob("*.html")
    }
    anchors = {
        path: {tag["id"] for tag in page.find_all(id=True)}
        for path, page in pages.items()
    }
    dead = []
    for path, page in pages.items():
        for link in page.find_all("a", href=True):
            parts = urlsplit(link["href"])
            if parts.scheme or parts.netloc:
                continue
            target = (
                (path.parent / unquote(parts.path)).resolve() if parts.path else path
            )
            anchor = unquote(parts.fragment)
            if not target.exists() or (
                anchor and target in anchors and anchor not in anchors[target]
            ):
                dead.append(f"{path.relative_to(SITE)}: {link['href']}")
    assert dead == []
