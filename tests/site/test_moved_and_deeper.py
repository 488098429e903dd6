"""Old addresses lead on; sections that go deeper are folded, and open by what leads into them."""

import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

from browser import serve
from small_book import build, small_book

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "book" / "_extensions"))

from nntrain_live import policy  # noqa: E402
from nntrain_site import moved, requests  # noqa: E402

PAGE = '<html><head><meta charset="utf-8"><title>t</title></head><body>{}</body></html>'


def page(folder: Path, name: str, *places: str) -> None:
    body = "".join(f'<h2 id="{place}">{place}</h2>' for place in places)
    folder.mkdir(exist_ok=True, parents=True)
    (folder / f"{name}.html").write_text(PAGE.format(body), encoding="utf-8")


@pytest.fixture(scope="module")
def divided(tmp_path_factory):
    """A site whose pages hold a few places each, as the real ones would be named."""
    site = tmp_path_factory.mktemp("site")
    (site / "_static").mkdir()
    page(site / "book", "05_batching", "noise", "exercise-5-4-by-code-an-epoch")
    page(site / "book", "06_learning_rates", "schedules", "search")
    page(
        site / "book",
        "07_momentum",
        "nesterov-look-first",
        "search",
        "exercise-7-6-adamax",
    )
    page(site / "book", "03_backpropagation", "the-chain-rule", "search")
    page(site / "book", "04_automatic_differentiation", "kinks", "search")
    moved.write(SimpleNamespace(outdir=site))
    moved.write(SimpleNamespace(outdir=site))  # a second build changes nothing
    for path in site.rglob("*.html"):
        path.write_text(policy.with_policy(path.read_text()), encoding="utf-8")
    return site


def test_the_site_with_its_signposts_works_by_itself(divided):
    assert requests.problems(divided) == []
    staying = (divided / "book" / "03_backpropagation.html").read_text()
    assert staying.count("moved.js") == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("04_batching.html", "05_batching.html"),
        ("04_batching.html#noise", "05_batching.html#noise"),
        ("04_batching.html?lr=3#noise", "05_batching.html?lr=3#noise"),
        ("04_batching.html#exercise-4-4-by-code-an-epoch", "05_batching.html#exercise-5-4-by-code-an-epoch"),
        ("05_learning_rates.html", "06_learning_rates.html"),
        ("05_learning_rates.html#search", "06_learning_rates.html#search"),
        ("05_learning_rates.html#gone", "06_learning_rates.html#gone"),
        ("05_learning_rates.html#nesterov-look-first", "07_momentum.html#nesterov-look-first"),
        ("05_learning_rates.html#exercise-5-7-adamax", "07_momentum.html#exercise-7-6-adamax"),
        ("03_backpropagation.html", "03_backpropagation.html"),
        ("03_backpropagation.html#the-chain-rule", "03_backpropagation.html#the-chain-rule"),
        ("03_backpropagation.html#kinks", "04_automatic_differentiation.html#kinks"),
    ],
)  # fmt: skip
def test_an_old_address_leads_on(divided, browser, old, new):
    with serve(divided) as address:
        tab = browser.new_page()
        try:
            tab.goto(f"{address}/book/{old}")
            tab.wait_for_url(f"{address}/book/{new}", timeout=20_000)
        finally:
            tab.close()


def test_without_javascript_an_old_page_leads_to_the_new_one(divided, browser):
    context = browser.new_context(java_script_enabled=False)
    try:
        tab = context.new_page()
        tab.goto((divided / "book" / "04_batching.html").as_uri())
        tab.wait_for_url("**/05_batching.html", timeout=20_000)
    finally:
        context.close()


@pytest.fixture(scope="module")
def folded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    new = nbformat.v4
    small_book(
        folder,
        new.new_markdown_cell("## Plain\n\nSee [below](#deeper-the-proof)."),
        new.new_markdown_cell("### Deeper: the proof\n\nA hidden sentence."),
        new.new_code_cell("print(6 * 7)"),
        new.new_markdown_cell("#### A step\n\nOf the proof.\n\n$$x = 1$$ (inside)"),
        new.new_markdown_cell("### After\n\nIn view, with {eq}`inside`."),
    )
    result = build(folder)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder / "_build" / "html" / "book" / "intro.html"


def test_a_deeper_section_is_folded_and_opens_by_link_and_by_key(folded, browser):
    tab = browser.new_page()
    try:
        tab.goto(folded.as_uri())
        assert tab.get_by_text("In view").is_visible()
        assert tab.locator("h3", has_text="Deeper: the proof").is_visible()
        hidden = tab.get_by_text("A hidden sentence.")
        assert not hidden.is_visible()
        tab.locator("details.deeper > summary").focus()
        tab.keyboard.press("Enter")
        assert hidden.is_visible() and tab.get_by_text("42").first.is_visible()
        tab.keyboard.press("Enter")
        assert not hidden.is_visible()
        tab.get_by_role("link", name="below").click()
        hidden.wait_for(state="visible", timeout=10_000)
    finally:
        tab.close()


@pytest.mark.parametrize(
    "place", ["deeper-the-proof", "the-proof", "a-step", "equation-inside"]
)
def test_an_address_within_a_deeper_section_opens_it(folded, browser, place):
    tab = browser.new_page()
    try:
        tab.goto(f"{folded.as_uri()}#{place}")
        tab.get_by_text("A hidden sentence.").wait_for(state="visible", timeout=10_000)
    finally:
        tab.close()


def test_the_contents_name_what_is_folded(folded):
    text = folded.read_text()
    assert 'href="#deeper-the-proof"' in text and 'href="#a-step"' in text
