"""The web component by itself: it draws the numbers Python packed, plays, links, speaks, prints."""

from __future__ import annotations

import json
import re

import matplotlib
import numpy as np
import pytest

from browser import OPEN, Watched, page_of

matplotlib.use("agg")
import matplotlib.pyplot as plt

from bookkit.experiments import Experiment, frames, head, trail
from bookkit.experiments.geometry import BREAK
from bookkit.experiments.pack import Unpacked


def setup():
    first, ax = plt.subplots(figsize=(3, 2.4), layout="constrained")
    (path,), (tip,), dots = ax.plot([], []), ax.plot([], [], "o"), ax.scatter([0], [0])
    ax.set(xlim=(0, 10), ylim=(-1, 1))
    note = ax.text(0.5, 0.9, "", transform=ax.transAxes)
    second, below = plt.subplots(figsize=(3, 2.4), layout="constrained")
    image = below.imshow(np.zeros((3, 4)), vmin=0, vmax=1, extent=(0, 4, 0, 3))
    bars = below.bar([1, 2], [0, 0], width=0.3)
    band = below.fill_between([], [], [], alpha=0.5)
    below.set(xlim=(0, 4), ylim=(0, 3))
    names = {
        "path": path,
        "tip": tip,
        "dots": dots,
        "note": note,
        "image": image,
        "bars": bars,
        "band": band,
    }
    return [first, second], names


def compute(growth, sign):
    x = np.arange(11.0)
    with np.errstate(over="ignore"):
        y = (1 if sign == "plus" else -1) * 0.01 * growth**x * (-1) ** x
    return {
        "path": trail(x, y), "tip": head(x, y), "dots": frames([(x[:k], y[:k] / 2) for k in range(11)]),
        "note": frames([f"η < {k}" for k in range(11)]),
        "image": np.linspace(0, growth / 1e3, 12).reshape(3, 4),
        "bars": frames([(k / 5, min(growth, 2)) for k in range(11)]),
        "band": ([0, 1, 2, 3], [0, 0, np.nan, 0], [growth, 1, 1, 2]),
    }  # fmt: skip


LONG = " It stays in the picture for as long as anybody cares to look at it." * 2


def define(identity):
    return Experiment(
        identity, "Growing & falling", {"growth": [1.0, 1.5, 30.0, 1e200], "sign": ["plus", "minus"]},
        setup, compute,
        step="step", predict="Where to?", seen="Away.",
        alt=lambda s, d: f"Growth {s['growth']:.3g}, {s['sign']}, step {s['step']}"
        f" at {d['path'].x[-1]:.0f}." + LONG * (s["growth"] == 1 and s["sign"] == "minus"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def card():
    return define("one").html


@pytest.fixture(scope="module")
def address(card, tmp_path_factory):
    body = card + '<p style="height: 3000px">far</p>' + define("two").html
    return page_of(tmp_path_factory.mktemp("page"), f"<main>{body}</main>")


@pytest.fixture
def page(browser, address):
    context = browser.new_context(viewport={"width": 900, "height": 800})
    seen = Watched(context)
    seen.page.goto(address)
    seen.page.wait_for_selector("#experiment_one[data-ready]")
    seen.page.evaluate(OPEN)
    yield seen.page
    assert not seen.complaints and not seen.outside
    context.close()


def numbers(path):
    return [
        [float(n) for n in pair]
        for pair in re.findall(r"(-?[\d.]+) (-?[\d.]+)", path or "")
    ]


SHOWN = """e => {
  const group = name => e.querySelector(`[data-move=${name}]`);
  const line = name => group(name).querySelector(".nn-line, .nn-area")?.getAttribute("d");
  const marks = name => [...group(name).querySelectorAll(".nn-mark:not([visibility])")]
    .map(m => m.getAttribute("transform"));
  const canvas = e.querySelector("canvas");
  const image = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return { path: line("path"), band: line("band"), tip: marks("tip").join(" "), dots: marks("dots").join(" "),
    note: group("note").textContent.trim(), pixels: [...image.data],
    bars: [...e.querySelectorAll("[data-move=bars] .nn-area")].map(b => b.getAttribute("d")) };
}"""


def test_the_browser_draws_what_python_packed(page, card):
    packed = json.loads(re.search(r'json">(.*?)</script>', card, re.DOTALL).group(1))
    unpacked, element = Unpacked(packed), page.query_selector("#experiment_one")
    palette = next(
        spec["palette"] for spec in packed["artists"] if spec["name"] == "image"
    )
    for growth in range(4):
        for sign in range(2):
            for step in (0, 4, 10):
                element.evaluate(
                    "(e, at) => e.show(at.slice(0, 2), at[2])", [growth, sign, step]
                )
                shown = element.evaluate(SHOWN)
                for name in ("path", "band", "tip", "dots"):
                    (shape,) = unpacked.show(name, (growth, sign), step)
                    points = shape.points
                    points = points[points[:, 0] != BREAK] / 10
                    drawn = np.array(numbers(shown[name])).reshape(-1, 2)
                    np.testing.assert_allclose(
                        drawn, points.reshape(-1, 2), atol=0.01, err_msg=name
                    )
                assert shown["note"] == f"η < {step}"
                bars = unpacked.show("bars", (growth, sign), step)
                for drawn, bar in zip(shown["bars"], bars, strict=True):
                    np.testing.assert_allclose(numbers(drawn), bar.points / 10)
                (raster,) = unpacked.show("image", (growth, sign))
                levels = raster.levels.ravel()
                colours = np.array(shown["pixels"]).reshape(-1, 4)
                wanted = [
                    [int(palette[i][k : k + 2], 16) for k in (0, 2, 4)] + [255]
                    for i in levels
                ]
                assert colours.tolist() == wanted
    assert (
        element.query_selector(".nn-sentence").inner_text()
        == "Growth 1e+200, minus, step 10 at 10."
    )


def test_nothing_jumps_when_the_component_starts(page, card):
    start = re.search(r'data-move="path".*?\bd="([^"]+)"', card, re.DOTALL).group(1)
    assert numbers(
        page.query_selector("#experiment_one").evaluate(SHOWN)["path"]
    ) == numbers(start)


def test_far_experiments_are_decoded_when_they_come_near(page):
    assert page.query_selector("#experiment_two[data-ready]") is None
    page.query_selector("#experiment_two").scroll_into_view_if_needed()
    page.wait_for_selector("#experiment_two[data-ready]")


def test_values_are_written_and_spoken(page):
    slider = page.get_by_role("slider", name="growth")
    slider.first.focus()
    page.keyboard.press("Home")
    assert slider.first.get_attribute("aria-valuetext") == "1"
    page.wait_for_function(
        "document.querySelector('#experiment_one .nn-spoken').textContent.startsWith('Growth 1, plus,')"
    )
    assert (
        page.query_selector("#experiment_one .nn-picture[role=img]")
        .get_attribute("aria-label")
        .endswith("step 10 at 10.")
    )


def test_play_runs_from_the_start_to_the_end_and_can_be_paused(page):
    button = page.query_selector("#experiment_one [data-do=play]")
    button.click()
    page.wait_for_function("document.querySelector('#experiment_one').step === 2")
    assert "Pause" in button.inner_text()
    button.click()
    assert "Play" in button.inner_text()
    page.select_option("#experiment_one [data-do=speed]", "4")
    button.click()
    page.wait_for_function("document.querySelector('#experiment_one').step === 10")
    page.wait_for_function("!document.querySelector('#experiment_one').playing")
    assert "Play" in button.inner_text()


CLOCK = """() => {
  const clock = customElements.get("nn-experiment").time;
  clock.at = 1000; clock.waiting = null; clock.now = () => clock.at;
  clock.frame = tick => { clock.waiting = tick; return 7; };
  clock.cancel = () => { clock.waiting = null; };
}"""
TICK = """at => {
  const clock = customElements.get("nn-experiment").time, tick = clock.waiting;
  [clock.at, clock.waiting] = [at, null];
  tick?.(at - 500);
  return document.querySelector("#experiment_one").step;
}"""


def test_play_follows_the_clock_and_nothing_else(page):
    page.evaluate(CLOCK)
    button = page.query_selector("#experiment_one [data-do=play]")

    def played(times):
        button.click()
        steps = [page.evaluate(TICK, at) for at in times]
        page.evaluate("document.querySelector('#experiment_one').pause()")
        page.evaluate("customElements.get('nn-experiment').time.at = 1000")
        page.evaluate("document.querySelector('#experiment_one').reset()")
        return steps

    # four steps a second; a frame's own stamp, before the click, says nothing
    assert played([1000, 990, 1260, 1510, 1520]) == [0, 0, 1, 2, 2]
    # the same at any frame rate, and at the end it stops
    assert played([1510])[-1] == played(range(1010, 1511, 10))[-1] == 2
    assert played([60_000, 70_000]) == [10, 10]
    assert page.evaluate("customElements.get('nn-experiment').time.waiting") is None
    assert "Play" in button.inner_text()


def test_the_page_says_the_step_it_shows(page):
    for step in (0, 3, 10):
        page.evaluate(
            "k => document.querySelector('#experiment_one').show([1, 0], k)", step
        )
        said = page.inner_text("#experiment_one .nn-sentence")
        assert said == f"Growth 1.5, plus, step {step} at {step}."
        assert page.inner_text("#experiment_one .nn-step output") == f"{step} of 10"


@pytest.mark.parametrize("width", [390, 900])
def test_controls_stay_where_they_are_while_the_sentence_changes(page, width):
    page.set_viewport_size({"width": width, "height": 800})
    tops = page.evaluate("""() => {
      const e = document.querySelector("#experiment_one"), form = e.querySelector(".nn-controls"), tops = [];
      for (let g = 0; g < 4; g++) for (let k = 0; k < 11; k++) {
        e.show([g, 1], k); tops.push(form.getBoundingClientRect().top);
      }
      return tops;
    }""")
    assert max(tops) - min(tops) < 0.5


def test_links_keep_the_settings_of_both(page, browser):
    page.evaluate("document.querySelector('#experiment_one').show([3, 1], 4)")
    page.evaluate("document.querySelector('#experiment_two').show([1, 0], 7)")
    for name in ("two", "one"):
        page.evaluate(
            f"document.querySelector('#experiment_{name} [data-do=link]').click()"
        )
    assert "growth=1e%2B200" in page.url and page.url.endswith("#experiment_one")
    page.goto(page.url)
    state = "n => (e => [...e.position, e.step])(document.querySelector('#experiment_' + n))"
    assert page.evaluate(state, "one") == [3, 1, 4] and page.evaluate(state, "two") == [
        1,
        0,
        7,
    ]


def test_a_damaged_link_leaves_the_start(page):
    page.goto(
        page.url.split("#")[0]
        + "?experiment_one.growth=x&experiment_one.step=999&experiment_one.sign=up"
    )
    assert page.evaluate(
        "(e => [...e.position, e.step])(document.querySelector('#experiment_one'))"
    ) == [
        2,
        0,
        10,
    ]


def test_paper_shows_the_start(page):
    page.evaluate("document.querySelector('#experiment_one').show([0, 1], 3)")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert (
        page.inner_text("#experiment_one .nn-sentence")
        == "Growth 30, plus, step 10 at 10."
    )
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.inner_text("#experiment_one .nn-sentence") == (
        "Growth 1, minus, step 3 at 3." + LONG
    )
    page.emulate_media(media="print")
    assert not page.is_visible("#experiment_one .nn-controls")


def test_readers_who_want_no_motion_step_by_hand(browser, address):
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("#experiment_one[data-ready]")
    page.evaluate(OPEN)
    button = page.query_selector("#experiment_one [data-do=play]")
    assert button.inner_text() == "Next"
    for step in (0, 1, 2):
        button.click()
        page.wait_for_function(
            f"document.querySelector('#experiment_one').step === {step}"
        )
    page.wait_for_timeout(300)
    assert page.evaluate("document.querySelector('#experiment_one').step") == 2
    context.close()


def test_an_old_browser_keeps_the_starting_picture(browser, address):
    context = browser.new_context()
    page = context.new_page()
    page.add_init_script("delete window.DecompressionStream")
    page.goto(address)
    assert page.is_visible("#experiment_one .nn-svg") and not page.is_visible(
        "#experiment_one .nn-controls"
    )
    context.close()
