"""The built site, as a reader has it: opened from files, in light and dark, on a desk and on a phone."""

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from bs4 import BeautifulSoup

ROOT = Path(__file__).parents[1]
SITE = ROOT / "_build" / "html"
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
PAGES = [TOC["root"], *(chapter["file"] for part in TOC["parts"] for chapter in part["chapters"])]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]


@pytest.fixture(scope="module", autouse=True)
def site():
    if not (SITE / "index.html").exists():
        if os.environ.get("CI") == "true":
            pytest.fail("the site is not built: run `make book`")
        pytest.skip("the site is not built (make book)")
    return SITE


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1280)])
def test_page_works_by_itself_for_everyone(browser, page, scheme, width):
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    tab = context.new_page()
    requests, errors = [], []
    tab.on("request", lambda request: requests.append(request.url))
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    try:
        tab.goto((SITE / f"{page}.html").as_uri())
        tab.evaluate("async () => { if (window.MathJax) await MathJax.startup.promise; }")
        tab.wait_for_timeout(200)  # boxes that scroll are made focusable after typesetting

        assert [url for url in requests if not url.startswith(("file:", "data:", "blob:", "about:"))] == []
        assert errors == []
        assert tab.locator("mjx-merror").count() == 0, "mathematics that does not render"
        too_wide = tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert too_wide <= 0, f"the page scrolls sideways by {too_wide} px"
        report = Axe().run(tab, options={"runOnly": RULES})
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
    pages = {path: BeautifulSoup(path.read_bytes(), "html.parser") for path in SITE.rglob("*.html")}
    anchors = {path: {tag["id"] for tag in page.find_all(id=True)} for path, page in pages.items()}
    dead = []
    for path, page in pages.items():
        for link in page.find_all("a", href=True):
            parts = urlsplit(link["href"])
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchor = unquote(parts.fragment)
            if not target.exists() or (anchor and target in anchors and anchor not in anchors[target]):
                dead.append(f"{path.relative_to(SITE)}: {link['href']}")
    assert dead == []


def test_every_picture_has_words():
    without = []
    for page in (SITE / "book").glob("*.html"):
        soup = BeautifulSoup(page.read_bytes(), "html.parser")
        for picture in soup.select("article img"):
            words = picture.get("alt", "").strip()
            if not words or "_images/" in words:
                without.append(f"{page.name}: {picture.get('src')}")
    assert without == []
