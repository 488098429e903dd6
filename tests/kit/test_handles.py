"""Handles: what a reader takes hold of in the picture, by mouse, finger and arrow keys."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest

from browser import OPEN, Watched, page_of

matplotlib.use("agg")

from bookkit.experiments import Experiment, Graph, Heatmap, head

RATES = [0.01, 0.1, 1.0, 10.0]
MOMENTA = [0.0, 0.25, 0.5, 0.75]


def compute(lr, beta):
    k = np.arange(11)
    return {
        "dragged": ([lr], [beta]),
        "wall": ([lr, lr], [-1, 1]),
        "now": head(k, np.sin(k)),
        "curve": (k, np.sin(k)),
    }


EXPERIMENT = Experiment(
    "held", "Held", {"lr": RATES, "beta": MOMENTA}, step="step",
    panels=[
        Graph(points={"dragged": ""}, lines={"wall": ""}, log="x", xlim=(0.001, 100),
              ylim=(-1, 1), handles={"dragged": ("lr", "beta"), "wall": ["lr"]}),
        Heatmap(image=np.zeros((2, 2)), dot=("lr", "beta"), log="x", xlim=(0.001, 100),
                ylim=(-1, 1)),
        Graph(lines={"curve": ""}, points={"now": ""}, handles={"now": ["step"]},
              xlim=(0, 10), ylim=(-1, 1)),
    ],
    compute=compute, start={"lr": 0.1, "beta": 0.5}, predict="?", seen="!",
    labels={"lr": "rate"}, alt=lambda s, d: f"{s['lr']}, {s['beta']}, {s['step']}.",
)  # fmt: skip


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return page_of(tmp_path_factory.mktemp("handles"), EXPERIMENT.html)


@pytest.fixture(params=[390, 900])
def page(browser, address, request):
    size = {"width": request.param, "height": 1400}
    context = browser.new_context(viewport=size, has_touch=True)
    seen = Watched(context)
    seen.page.goto(address)
    seen.page.wait_for_selector("#experiment_held[data-ready]")
    seen.page.evaluate(OPEN)
    yield seen.page
    assert not seen.complaints
    context.close()


def state(page):
    """What the component holds; the sliders must show the same."""
    held, shown = page.evaluate("""() => {
      const e = document.querySelector("nn-experiment");
      const fields = [...e.querySelectorAll("input[type=range]")].map(f => +f.value);
      return [[...e.position, e.step], fields];
    }""")
    assert held == shown
    return held


def grips(page):
    return page.query_selector_all(".nn-grip")


def centre(box):
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def mark(page, panel):
    """Where the visible mark of a panel stands on the screen."""
    return page.evaluate("""n => {
      const panel = document.querySelectorAll(".nn-panel")[n];
      const marks = [...panel.querySelectorAll("[data-move] .nn-mark:not([visibility])")];
      const box = marks[marks.length - 1].getBoundingClientRect();
      return [box.x + box.width / 2, box.y + box.height / 2];
    }""", panel)  # fmt: skip


def test_a_mouse_drags_a_point_over_both_controls_at_once(page):
    point = grips(page)[0]
    assert state(page) == [1, 2, 10]
    x, y = centre(point.bounding_box())
    assert mark(page, 0) == pytest.approx([x, y], abs=2)
    figure = page.query_selector(".nn-panel").bounding_box()
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 5, y)
    page.mouse.move(figure["x"] + figure["width"], figure["y"] + figure["height"])
    assert state(page) == [3, 0, 10]  # the last rate, the least momentum
    moved = centre(point.bounding_box())
    assert moved[0] > x + 20 and moved[1] > y + 10
    assert mark(page, 0) == pytest.approx(moved, abs=2)
    page.mouse.up()
    page.mouse.move(x, y)
    assert state(page) == [3, 0, 10]  # let go
    assert page.inner_text(".nn-sentence") == "10.0, 0.0, 10."


def test_a_finger_drags(page):
    x, y = centre(grips(page)[0].bounding_box())
    touch = page.context.new_cdp_session(page)

    def send(kind, *places):
        points = [{"x": a, "y": b} for a, b in places]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    send("touchStart", (x, y))
    send("touchMove", (x - 30, y))
    send("touchMove", (x - 300, y))
    send("touchEnd")
    assert state(page) == [0, 2, 10]


def test_arrow_keys_move_it_the_way_they_point_and_say_so(page):
    point, wall, dot, now = grips(page)
    point.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    assert state(page) == [2, 3, 10]
    page.keyboard.press("ArrowUp")  # no further
    assert state(page) == [2, 3, 10]
    assert point.get_attribute("aria-valuetext") == "1, 0.75"
    assert "rate and beta" in point.get_attribute("aria-label")
    page.wait_for_function(
        "document.querySelector('.nn-spoken').textContent === '1.0, 0.75, 10.'"
    )
    wall.focus()
    page.keyboard.press("ArrowLeft")
    assert state(page) == [1, 3, 10]
    dot.focus()
    page.keyboard.press("ArrowDown")
    assert state(page) == [1, 2, 10]
    now.focus()  # along a curve, by its steps
    page.keyboard.press("ArrowLeft")
    assert state(page) == [1, 2, 9]


def test_a_map_can_be_pressed_anywhere(page):
    (x, y), (a, b) = mark(page, 1), mark(page, 1)
    page.get_by_role("slider", name="rate", exact=True).focus()
    page.keyboard.press("End")
    a, b = mark(page, 1)
    assert a > x
    page.mouse.click(x, y)
    assert state(page) == [1, 2, 10]
    page.mouse.click(a, b)
    assert state(page) == [3, 2, 10]


@pytest.mark.parametrize(
    ("handles", "message"),
    [({"dragged": ["rate"]}, "one or two of the controls"),
     ({"dragged": []}, "one or two of the controls")],
)  # fmt: skip
def test_handles_that_move_nothing_are_refused(handles, message):
    panel = Graph(points={"dragged": ""}, xlim=(0, 1), ylim=(0, 1), handles=handles)
    with pytest.raises(ValueError, match=message):
        Experiment(
            "e", "E", {"lr": RATES}, panels=[panel], predict="?", seen="!",
            compute=lambda lr: {"dragged": ([lr], [lr])}, alt=lambda s, d: "A.",
        )  # fmt: skip


def test_a_handle_needs_an_artist_of_the_picture():
    panel = Graph(points={"dot": ""}, xlim=(0, 1), ylim=(0, 1), handles={"x": ["lr"]})
    experiment = Experiment(
        "e", "E", {"lr": RATES}, panels=[panel], predict="?", seen="!",
        compute=lambda lr: {"dot": ([lr], [lr])}, alt=lambda s, d: "A.",
    )  # fmt: skip
    with pytest.raises(ValueError, match="no artist '0-x'"):
        _ = experiment.html
