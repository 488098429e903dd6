"""The built site, opened from files: mathematics, search and links. `test_pages.py` looks at the rest."""

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from bs4 import BeautifulSoup

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
PAGES = [
    TOC["root"],
    *(chapter["file"] for part in TOC["parts"] for chapter in part["chapters"]),
]


@pytest.fixture(scope="module", autouse=True)
def site():
    if not (SITE / "index.html").exists():
        if os.environ.get("CI") == "true":
            pytest.fail("the site is not built: run `make book`")
        pytest.skip("the site is not built (make book)")
    return SITE


@pytest.mark.parametrize("page", PAGES)
def test_mathematics_renders_and_wide_boxes_are_reached_by_keyboard_on_a_phone(
    browser, page
):
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(viewport={"width": 390, "height": 844})
    tab = context.new_page()
    try:
        tab.goto((SITE / f"{page}.html").as_uri())
        tab.evaluate(
            "async () => { if (window.MathJax) await MathJax.startup.promise; }"
        )
        assert tab.locator("mjx-merror").all_inner_texts() == []
        tab.wait_for_timeout(
            200
        )  # boxes that scroll are made focusable after typesetting
        report = Axe().run(tab, options={"runOnly": ["scrollable-region-focusable"]})
        assert report.violations_count == 0, report.generate_report()
    finally:
        context.close()


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
