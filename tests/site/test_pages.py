"""The built site as a reader meets it: every page in a browser, with the rest of the internet unplugged.

Each page is visited once and looked at in every way on that visit. Nothing here is timed by the
clock on the wall, which other work on the machine would stretch: budgets are processor time of the
page's own thread. Set NNTRAIN_SCREENSHOTS to a folder to have pictures of every page put there.
"""

from __future__ import annotations

import gzip
import json
import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

from browser import OPEN, Watched, missing, serve

ROOT = Path(__file__).parents[2]
SITE = Path(os.environ.get("NNTRAIN_SITE", ROOT / "_build" / "html"))
BUILD = SITE.parent
SCREENSHOTS = os.environ.get("NNTRAIN_SCREENSHOTS", "")
LARGEST_PAGE_KB, LARGEST_EXPERIMENT_KB = 1500, 250
READY_MS, REDRAW_MS = 2000, 17  # of the page's thread
NO_READING = {
    "index.html",
    "genindex.html",
    "py-modindex.html",
    "search.html",
}  # made by Sphinx, without content


def site_pages() -> list[str]:
    found = (
        [path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html")]
        if SITE.is_dir()
        else []
    )
    hidden = [
        name
        for name in found
        if name.startswith(("_", "."))
        or name.split("/")[-1] in NO_READING
        or "<title>This page has moved</title>" in (SITE / name).read_text()
    ]
    return sorted(set(found) - set(hidden)) or ["(no site)"]


@pytest.fixture(scope="module")
def address():
    if not (SITE / "index.html").is_file():
        missing("the site is not built (make book), so no page was looked at")
    with serve(SITE) as url:
        yield url


@pytest.mark.parametrize("name", site_pages())
def test_page(name, address, browser):
    found: dict = {}
    problems: list[str] = []
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, color_scheme="light"
    )
    seen = Watched(context)
    try:
        clock = Clock(context, seen.page)
        found["ready_ms"] = ready_time(seen.page, clock, f"{address}/{name}")
        found["page_kb"] = round(weight(seen))
        if found["page_kb"] > LARGEST_PAGE_KB:
            problems.append(f"{found['page_kb']} kB compressed")
        problems += pictures_without_words(seen.page)
        problems += experiments(
            seen.page, clock, (SITE / name).read_text("utf-8"), found
        )
        problems += elsewhere(seen.page, context, name)
        problems += looks(seen.page, name)
        if (
            found["ready_ms"] > READY_MS
        ):  # the machine was busy, or the page is heavy: once more
            found["ready_ms"] = ready_time(seen.page, clock, f"{address}/{name}")
            late = found["ready_ms"] > READY_MS
            problems += (
                [f"ready only after {found['ready_ms']} ms of work"] if late else []
            )
        problems += [f"asked {url}" for url in seen.outside] + [
            f"console: {text}" for text in seen.complaints
        ]
    finally:
        context.close()
    folder = BUILD / "pages"
    folder.mkdir(exist_ok=True)
    (folder / f"{stem(name)}.json").write_text(json.dumps({name: found}))
    assert not problems, f"{name}:\n" + "\n".join(
        f"- {problem}" for problem in problems
    )


def stem(name: str) -> str:
    return name.removesuffix(".html").replace("/", "-")


class Clock:
    """How long a page's main thread has worked, in milliseconds of processor time."""

    def __init__(self, context, page) -> None:
        self.session = context.new_cdp_session(page)
        self.session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def __call__(self) -> float:
        metrics = self.session.send("Performance.getMetrics")["metrics"]
        return 1000 * next(m["value"] for m in metrics if m["name"] == "ThreadTime")


def ready_time(page, clock: Clock, url: str) -> int:
    """The work until all is loaded and the experiments in sight can be used."""
    page.goto("about:blank")
    page.goto(url)
    page.wait_for_function(READY)
    return round(clock())


READY = """() => document.readyState === "complete" &&
  [...document.querySelectorAll("nn-experiment")]
    .filter(e => e.getBoundingClientRect().top < innerHeight)
    .every(e => "ready" in e.dataset)"""


def weight(seen: Watched) -> float:
    """Kilobytes of everything the page loaded, each file compressed; files loaded twice count once."""
    paths = {
        unquote(urlsplit(response.url).path).lstrip("/")
        for response in seen.responses
        if response.ok
    }
    return (
        sum(
            len(gzip.compress((SITE / path).read_bytes()))
            for path in paths
            if (SITE / path).is_file()
        )
        / 1000
    )


def pictures_without_words(page) -> list[str]:
    """Every picture in the text needs an alternative text, and a caption when a cell has drawn it."""
    return page.evaluate("""() => {
      const problems = [], article = document.querySelector("article") || document.body;
      for (const image of article.querySelectorAll("img")) {
        const name = (image.getAttribute("src") || "").slice(-60);
        if (!(image.getAttribute("alt") || "").trim()) problems.push(`no alternative text: ${name}`);
        if (image.closest(".cell_output") && !image.closest("figure")) problems.push(`no caption: ${name}`);
      }
      for (const figure of article.querySelectorAll("figure"))
        if (!figure.textContent.trim()) problems.push("figure without caption");
      const count = id => document.querySelectorAll(`[id="${CSS.escape(id)}"]`).length;
      const ids = [...article.querySelectorAll("nn-experiment [id], nn-experiment[id]")].map(e => e.id);
      for (const id of new Set(ids))
        if (count(id) > 1) problems.push(`id twice: ${id}`);
      return problems;
    }""")


# What an experiment shows now, as a string: vector pictures without hidden marks, and pixels.
PICTURE = """e => [...e.querySelectorAll(".nn-svg, .nn-canvas")].map(p => {
  if (p.toDataURL) return p.toDataURL();
  const copy = p.cloneNode(true);
  copy.querySelectorAll("[visibility=hidden]").forEach(hidden => hidden.remove());
  return copy.innerHTML.replace(/\\s+</g, "<");
}).join("|")"""


def experiments(page, clock: Clock, source: str, found: dict) -> list[str]:
    """Drive every control to both ends and back by the keyboard, and time the redrawing."""
    problems = []
    found["experiments"] = {}
    for text in re.findall(
        r"<nn-experiment.*?</nn-experiment>", source, flags=re.DOTALL
    ):
        size = len(gzip.compress(text.encode())) / 1000
        identity = re.search(r'id="([^"]+)"', text).group(1)
        found["experiments"][identity] = {"kb": round(size)}
        problems += (
            [f"{identity}: {size:.0f} kB compressed"]
            if size > LARGEST_EXPERIMENT_KB
            else []
        )
    page.evaluate(OPEN)
    for element in page.query_selector_all("nn-experiment"):
        identity = element.get_attribute("id")
        element.scroll_into_view_if_needed()
        element.evaluate("e => e.ready()")
        names = element.evaluate(
            "e => [...new Set([...e.querySelectorAll('[data-control]')].map(f => f.dataset.control))]"
        )
        start = element.evaluate(PICTURE)
        for name in names:
            shown = [act() for act in moves(element, name, page)]
            if all(picture == start for picture in shown):
                problems.append(f"{identity}: control {name} changes nothing")
            element.query_selector("[data-do=reset]").click()
            if element.evaluate(PICTURE) != start:
                problems.append(
                    f"{identity}: reset after {name} does not bring the start back"
                )
        began = clock()
        count = element.evaluate(REDRAW)
        found["experiments"][identity]["redraw_ms"] = round(
            (clock() - began) / count, 1
        )
        if found["experiments"][identity]["redraw_ms"] > REDRAW_MS:
            problems.append(f"{identity}: {found['experiments'][identity]} a redraw")
    return problems


def moves(element, name: str, page):
    """Actions that bring one control to its ends, each returning the picture then shown."""

    def press(field, key):
        field.focus()
        page.keyboard.press(key)
        return element.evaluate(PICTURE)

    def pick(field):
        field.check(force=True)
        return element.evaluate(PICTURE)

    def choose(field, value):
        field.select_option(value)
        return element.evaluate(PICTURE)

    fields = element.query_selector_all(f'[data-control="{name}"]')
    if fields[0].get_attribute("type") == "range":
        return [lambda key=key: press(fields[0], key) for key in ("Home", "End")]
    if fields[0].get_attribute("type") == "radio":
        return [lambda field=field: pick(field) for field in fields]
    values = fields[0].evaluate("f => [...f.options].map(o => o.value)")
    return [
        lambda value=value: choose(fields[0], value)
        for value in (values[0], values[-1])
    ]


# From a moved slider to a laid-out picture, 60 times, all over the ranges.
REDRAW = """e => {
  const fields = [...e.querySelectorAll("input[type=range], select[data-control]")];
  for (let i = 0; i < 60; i++) {
    const field = fields[i % fields.length], last = +(field.max || field.options.length - 1);
    field.value = (i * 7919) % (last + 1);
    field.dispatchEvent(new Event("input", { bubbles: true }));
    e.querySelector(".nn-svg").getBoundingClientRect();
  }
  e.querySelector("[data-do=reset]").click();
  return 60;
}"""

STATE = """() => [...document.querySelectorAll("nn-experiment")]
  .map(e => [e.id, ...e.position, e.step].join(" "))"""


def elsewhere(page, context, name: str) -> list[str]:
    """The same page from a memory stick, by a link to settings: the experiments stand as they were left."""
    page.evaluate("""() => document.querySelectorAll("nn-experiment").forEach(e => {
      const last = e.packed.step ? e.packed.step.count - 1 : 0;
      const first = e.packed.step ? e.packed.step.start : 0;
      e.show(e.packed.controls.map(c => (c.start ? 0 : c.values.length - 1)), last - first);
      e.querySelector("[data-do=link]").click();
    })""")
    page.wait_for_timeout(50)
    wanted, settings = page.evaluate(STATE), urlsplit(page.url)
    other = Watched(context)
    url = (SITE / name).as_uri()
    url += f"?{settings.query}" if settings.query else ""
    url += f"#{settings.fragment}" if settings.fragment else ""
    other.page.goto(url)
    other.page.evaluate(
        "() => Promise.all([...document.querySelectorAll('nn-experiment')].map(e => e.ready()))"
    )
    problems = []
    if (state := other.page.evaluate(STATE)) != wanted:
        problems.append(f"a link restores {state}, not {wanted}")
    if wanted:
        other.page.wait_for_timeout(100)
        top = other.page.evaluate(
            "document.querySelector(location.hash)?.getBoundingClientRect().top ?? 1e6"
        )
        if not -200 < top < 900:
            problems.append(f"a link does not scroll to its experiment (top at {top})")
    other.page.close()
    page.evaluate(
        "() => document.querySelectorAll('nn-experiment [data-do=reset]').forEach(b => b.click())"
    )
    return problems + [f"file: {text}" for text in other.outside + other.complaints]


def looks(page, name: str) -> list[str]:
    """Mathematics, accessibility in light and dark, and no sideways scrolling on a phone."""
    page.evaluate("""async () => {
      document.querySelectorAll("nn-experiment details").forEach(d => { d.open = true; });
      document.activeElement?.blur();
      scrollTo({ top: 0, behavior: "instant" });
      if (window.MathJax) await MathJax.startup.promise;
    }""")
    problems = [
        f"mathematics: {text}" for text in page.locator("mjx-merror").all_inner_texts()
    ]
    for theme in ("light", "dark") if SCREENSHOTS else ():
        for width in (1280, 390):
            page.evaluate(THEME, theme)
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(300)
            path = Path(SCREENSHOTS) / f"{stem(name)}-{width}-{theme}.jpg"
            page.screenshot(path=path, full_page=True, type="jpeg", quality=60)
    folds = "opened => document.querySelectorAll('article details').forEach(d => { d.open = opened; })"
    page.evaluate(folds, True)
    for width in (820, 320, 390):  # ends at the phone's
        page.set_viewport_size({"width": width, "height": 844})
        # Boxes that scroll are marked half a second after a resize.
        page.wait_for_timeout(700)
        problems += [f"at {width} px {text}" for text in page.evaluate(CUT)]
    page.evaluate(folds, False)
    return problems + accessibility(page)


# Formulas, code and pages that are wider than what shows them, unless the box scrolls, shows an
# edge and can be reached by the keyboard; and numbers that take an equation's width.
CUT = """() => {
  const found = [], article = document.querySelector("article");
  for (const e of article?.querySelectorAll("mjx-container, pre") || []) {
    if (!e.getClientRects().length) continue;
    const drawn = e.querySelector(":scope > svg") || e;
    const right = Math.max(drawn.getBoundingClientRect().right,
      e.matches("pre") ? e.getBoundingClientRect().left + e.scrollWidth : 0);
    for (let box = e; box !== article; box = box.parentElement) {
      const { overflowX, backgroundImage } = getComputedStyle(box);
      const edge = box.getBoundingClientRect().left + box.clientLeft + box.clientWidth;
      if (overflowX === "visible" || right <= edge + 1.5) continue;
      if (overflowX === "hidden" || backgroundImage === "none" || box.tabIndex < 0)
        found.push(`${Math.round(right - edge)} px are cut off `
          + (e.closest(".math")?.id || e.textContent.slice(0, 60)));
      break;
    }
  }
  for (const e of article?.querySelectorAll("div.math:has(.eqno) > mjx-container") || [])
    if (e.getClientRects().length && e.clientWidth < e.parentElement.clientWidth - 4)
      found.push(`its number narrows ${e.parentElement.id}`);
  const width = document.documentElement.scrollWidth;
  return width > innerWidth ? [...found, `the page is ${width} wide`] : found;
}"""
THEME = "t => { document.documentElement.dataset.theme = document.documentElement.dataset.mode = t; }"
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]},
    "rules": {"color-contrast": {"enabled": False}},
    "resultTypes": ["violations"],
    "preload": False,
}
CONTRAST = {
    "runOnly": ["color-contrast"],
    "resultTypes": ["violations"],
    "preload": False,
}
# MathJax writes all formulas in one way, and so does the highlighter code: a few of each will do.
# Together they are two thirds of a page's elements, and axe takes its time with every one.
THIN_OUT = """() => {
  [...document.querySelectorAll("article mjx-container")].slice(6).forEach(e => e.remove());
  [...document.querySelectorAll("article pre")].slice(12)
    .forEach(e => { if (e.scrollWidth <= e.clientWidth) e.textContent = e.textContent; });
}"""
# One element for every look (colours, size, weight) that text has on the page.
LOOKS = """() => {
  document.querySelectorAll("[data-look]").forEach(e => { delete e.dataset.look; });
  const seen = new Set();
  for (const e of document.querySelectorAll("body *")) {
    if (e.closest("mjx-container, svg, script, style, noscript")) continue;
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    let up = e;
    while (up && getComputedStyle(up).backgroundColor === "rgba(0, 0, 0, 0)") up = up.parentElement;
    const { color, fontSize, fontWeight, opacity } = getComputedStyle(e);
    const back = up ? getComputedStyle(up).backgroundColor : "";
    const look = [color, back, fontSize, fontWeight, opacity].join();
    if (!seen.has(look)) { seen.add(look); e.dataset.look = ""; }
  }
}"""


def accessibility(page) -> list[str]:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page.evaluate(THIN_OUT)
    results = {"": axe.run(page, options=RULES)}
    for theme in ("light", "dark"):
        page.evaluate(THEME, theme)
        page.wait_for_timeout(200)  # colours fade over
        page.evaluate(LOOKS)
        looks = {"include": [["[data-look]"]]}
        results[theme] = axe.run(page, context=looks, options=CONTRAST)
    return [
        f"{theme} {violation['id']} ({len(violation['nodes'])} ×) "
        + "; ".join(node["html"][:90] for node in violation["nodes"][:3])
        for theme, result in results.items()
        for violation in result.response["violations"]
    ]


@pytest.mark.parametrize("name", site_pages())
def test_without_javascript_an_experiment_is_a_picture_with_words(name):
    if not (SITE / name).is_file():
        missing("the site is not built (make book)")
    page = BeautifulSoup((SITE / name).read_bytes(), "html.parser")
    for element in page.select("nn-experiment"):
        assert element.select("svg.nn-svg path"), f"{element['id']}: no picture"
        assert element.select_one(".nn-sentence").get_text().strip(), element["id"]
        dead = [form for form in element.select("form") if not form.has_attr("hidden")]
        assert not dead, f"{element['id']} would show dead controls"


def test_hidden_controls_stay_hidden_without_javascript(address, browser):
    """What the test above takes on trust, seen in the browser on one page."""
    text = {name: (SITE / name).read_text("utf-8") for name in site_pages()}
    name = max(text, key=lambda name: text[name].count("<nn-experiment"))
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    try:
        page.goto(f"{address}/{name}")
        elements = page.query_selector_all("nn-experiment")
        assert elements
        for element in elements:
            picture = element.query_selector(".nn-svg")
            assert picture.is_visible() and picture.bounding_box()["height"] > 80
            assert not element.query_selector("form").is_visible()
    finally:
        context.close()


def test_on_paper_the_light_is_on_and_solutions_are_open(address, browser):
    name = next(name for name in site_pages() if "losses" in name)
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    state = """() => [document.documentElement.dataset.theme,
      document.querySelectorAll("article details:not([open], .hide)").length]"""
    try:
        page.goto(f"{address}/{name}")
        before = page.evaluate(state)
        assert before[0] == "dark" and before[1] > 5
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.evaluate(state) == ["light", 0]
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.evaluate(state) == before
    finally:
        context.close()


def test_a_planted_fault_is_found(address, browser):
    """Thinning a page out and looking at one of each kind does not hide what is wrong with it."""
    name = next(name for name in site_pages() if "losses" in name)
    page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    try:
        page.goto(f"{address}/{name}")
        page.evaluate("""() => {
          const place = document.querySelector("article p");
          place.insertAdjacentHTML("beforebegin",
            '<p style="color: #aaa; background: #fff">pale</p><button></button><img src="x.png">');
        }""")
        found = " ".join(accessibility(page))
    finally:
        page.context.close()
    assert all(
        rule in found for rule in ("color-contrast", "button-name", "image-alt")
    ), found
