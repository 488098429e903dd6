"""The built site as a reader meets it: every page in a browser, with the rest of the internet unplugged."""

from __future__ import annotations

import gzip
import json
import os
import re
import statistics
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from browser import Watched, missing, serve

ROOT = Path(__file__).parents[2]
SITE = Path(os.environ.get("NNTRAIN_SITE", ROOT / "_build" / "html"))
BUILD = SITE.parent
LARGEST_PAGE_KB, LARGEST_EXPERIMENT_KB, READY_MS, FRAME_MS = 1500, 250, 1000, 17
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
        if name.startswith(("_", ".")) or name.split("/")[-1] in NO_READING
    ]
    return sorted(set(found) - set(hidden)) or ["(no site)"]


@pytest.fixture(scope="module")
def address():
    if not (SITE / "index.html").is_file():
        missing("the site is not built (make book), so no page was looked at")
    with serve(SITE) as url:
        yield url


@pytest.fixture(scope="module")
def report():
    pages: dict[str, dict] = {}
    yield pages
    (BUILD / "pages.json").write_text(json.dumps(pages, indent=1) + "\n")


@pytest.mark.parametrize("name", site_pages())
def test_page(name, address, browser, report):
    found = report.setdefault(name, {})
    problems: list[str] = []
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, color_scheme="light"
    )
    seen = Watched(context)
    try:
        found["ready_ms"] = ready_time(seen.page, f"{address}/{name}")
        found["page_kb"] = round(weight(seen))
        late = found["ready_ms"] > READY_MS * crowding()
        problems += [f"ready only after {found['ready_ms']} ms"] if late else []
        problems += (
            [f"{found['page_kb']} kB compressed"]
            if found["page_kb"] > LARGEST_PAGE_KB
            else []
        )
        problems += pictures_without_words(seen.page)
        problems += experiments(
            seen.page, (SITE / name).read_text(encoding="utf-8"), found
        )
        problems += restored(seen.page, context)
        problems += looks(seen.page, name, found)
        problems += from_disk(context, name)
        problems += without_script(browser, f"{address}/{name}")
        problems += [f"asked {url}" for url in seen.outside] + [
            f"console: {text}" for text in seen.complaints
        ]
    finally:
        context.close()
    assert not problems, f"{name}:\n" + "\n".join(
        f"- {problem}" for problem in problems
    )


def crowding() -> float:
    """How many share a processor, at least 1: the budgets are for a machine with nothing else to do."""
    beside = int(
        os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1)
    )  # tests that run at the same time
    return max(1.0, beside, os.getloadavg()[0] / (os.cpu_count() or 1))


def ready_time(page, url: str) -> int:
    """Milliseconds until all is loaded and the experiments in sight can be used; the best of five."""
    best = 10**6
    for _ in range(
        5
    ):  # the first page also waits for the browser to warm up, any for other tests
        page.goto(url)
        page.wait_for_function(READY)
        best = min(
            best, page.evaluate("Math.round(window.nnReady || performance.now())")
        )
        if best <= READY_MS:
            break
    return best


READY = """() => {
  const near = [...document.querySelectorAll("nn-experiment")]
    .filter(e => e.getBoundingClientRect().top < innerHeight);
  const done = document.readyState === "complete" && near.every(e => "ready" in e.dataset);
  if (done) window.nnReady = performance.now();
  return done;
}"""


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


def experiments(page, source: str, found: dict) -> list[str]:
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
        times = element.evaluate(REDRAW)
        found["experiments"][identity]["redraw_ms"] = round(statistics.median(times), 2)
        if statistics.median(times) > FRAME_MS * crowding():
            problems.append(f"{identity}: {statistics.median(times):.1f} ms a redraw")
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


# The time from a moved slider to a laid-out picture, 60 times, all over the ranges.
REDRAW = """e => {
  const fields = [...e.querySelectorAll("input[type=range], select[data-control]")], times = [];
  for (let i = 0; i < 60; i++) {
    const field = fields[i % fields.length], last = +(field.max || field.options.length - 1);
    field.value = (i * 7919) % (last + 1);
    const begin = performance.now();
    field.dispatchEvent(new Event("input", { bubbles: true }));
    e.querySelector(".nn-svg").getBoundingClientRect();
    times.push(performance.now() - begin);
  }
  e.querySelector("[data-do=reset]").click();
  return times;
}"""

STATE = """() => [...document.querySelectorAll("nn-experiment")]
  .map(e => [e.id, ...e.position, e.step].join(" "))"""


def restored(page, context) -> list[str]:
    """Links to settings: all experiments of the page moved away from their start, in one address."""
    if not page.query_selector("nn-experiment"):
        return []
    page.evaluate("""() => document.querySelectorAll("nn-experiment").forEach(e => {
      const last = e.packed.step ? e.packed.step.count - 1 : 0;
      const first = e.packed.step ? e.packed.step.start : 0;
      e.show(e.packed.controls.map(c => (c.start ? 0 : c.values.length - 1)), last - first);
      e.querySelector("[data-do=link]").click();
    })""")
    page.wait_for_timeout(50)
    wanted, url = page.evaluate(STATE), page.url
    other = Watched(context)
    other.page.goto(url)
    other.page.wait_for_function(
        "() => [...document.querySelectorAll('nn-experiment')].every(e => 'ready' in e.dataset)"
    )
    problems = (
        []
        if other.page.evaluate(STATE) == wanted
        else [f"a link restores {other.page.evaluate(STATE)}, not {wanted}"]
    )
    other.page.wait_for_timeout(100)
    top = other.page.evaluate(
        "document.querySelector(location.hash)?.getBoundingClientRect().top ?? 1e6"
    )
    problems += (
        [f"a link does not scroll to its experiment (top at {top})"]
        if not -200 < top < 900
        else []
    )
    other.page.close()
    page.evaluate(
        "() => document.querySelectorAll('nn-experiment [data-do=reset]').forEach(b => b.click())"
    )
    return problems


def looks(page, name: str, found: dict) -> list[str]:
    """Accessibility in light and dark, no sideways scrolling on a phone, and a picture of each."""
    axe_module = pytest.importorskip("axe_playwright_python.sync_playwright")
    problems = []
    folder = BUILD / "screenshots"
    folder.mkdir(exist_ok=True)
    stem = name.removesuffix(".html").replace("/", "-")
    page.evaluate("""() => {
      document.querySelectorAll("nn-experiment details").forEach(d => { d.open = true; });
      document.activeElement?.blur();
      scrollTo({ top: 0, behavior: "instant" });
    }""")
    options = {
        "runOnly": {
            "type": "tag",
            "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"],
        },
        "resultTypes": ["violations"],
        "preload": False,
    }
    for theme in ("light", "dark"):
        page.evaluate(
            "t => { document.documentElement.dataset.theme = t; document.documentElement.dataset.mode = t; }",
            theme,
        )
        page.set_viewport_size({"width": 1280, "height": 900})
        page.wait_for_timeout(300)
        page.screenshot(
            path=folder / f"{stem}-desktop-{theme}.jpg",
            full_page=True,
            type="jpeg",
            quality=60,
        )
        violations = axe_module.Axe().run(page, options=options).response["violations"]
        found[f"axe_{theme}"] = len(violations)
        for violation in violations:
            places = "; ".join(node["html"][:90] for node in violation["nodes"][:3])
            problems.append(
                f"{theme}: {violation['id']} ({len(violation['nodes'])} ×) {places}"
            )
        page.set_viewport_size({"width": 390, "height": 844})
        page.wait_for_timeout(200)
        page.screenshot(
            path=folder / f"{stem}-phone-{theme}.jpg",
            full_page=True,
            type="jpeg",
            quality=60,
        )
    width = page.evaluate("document.documentElement.scrollWidth")
    if width > 390:
        wide = page.evaluate("""() => [...document.querySelectorAll("article *")].filter(e =>
          e.getBoundingClientRect().right > 391).slice(0, 3).map(e => e.tagName + "." + e.className)""")
        problems.append(f"on a phone the page is {width} pixels wide: {wide}")
    return problems


def from_disk(context, name: str) -> list[str]:
    """The same page from a memory stick."""
    seen = Watched(context)
    seen.page.goto((SITE / name).as_uri())
    seen.page.evaluate(
        "() => Promise.all([...document.querySelectorAll('nn-experiment')].map(e => e.ready()))"
    )
    ready = seen.page.evaluate(
        "() => [...document.querySelectorAll('nn-experiment')].every(e => !!e.data)"
    )
    seen.page.close()
    return (
        [f"file: asked {url}" for url in seen.outside]
        + [f"file: {text}" for text in seen.complaints]
        + ([] if ready else ["file: an experiment does not start"])
    )


def without_script(browser, url: str) -> list[str]:
    """With JavaScript off, every experiment still shows its picture and its texts, and no dead controls."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(url)
    problems = []
    for element in page.query_selector_all("nn-experiment"):
        picture, form = (
            element.query_selector(".nn-svg"),
            element.query_selector("form"),
        )
        sentence = element.query_selector(".nn-sentence")
        if not (
            picture.is_visible()
            and picture.bounding_box()["height"] > 80
            and sentence.inner_text().strip()
        ):
            problems.append("without JavaScript an experiment has no picture")
        if form.is_visible():
            problems.append("without JavaScript an experiment shows dead controls")
    context.close()
    return problems
