"""Reading values off a picture: by mouse, finger and arrow keys, in the words of the axes."""

from __future__ import annotations

import re

import matplotlib
import numpy as np
import pytest

from browser import OPEN, Watched, page_of

matplotlib.use("agg")

from bookkit.experiments import (
    Bars,
    Curves,
    DecisionMap,
    Experiment,
    Graph,
    Heatmap,
    Landscape,
)  # fmt: skip
from bookkit.experiments.reading import in_words
from nntrain.landscapes import Bowl, Ravine

STEPS = np.arange(11)


def compute(ground, lr):
    x, _y = np.meshgrid(np.linspace(0.1, 0.9, 5), np.linspace(0.1, 0.9, 5))
    return {
        "loss": 2.0 * lr**STEPS,
        "path": np.column_stack([1 - STEPS / 10, STEPS / 20]),
        "rest": [0.25, 0.75],
        "share": x * lr,
        "line": ([0, 4], [0, 2 * lr]),
    }


EXPERIMENT = Experiment(
    "read", "Read", {"ground": ["bowl", "ravine"], "lr": [0.1, 0.5, 1.0]}, step="step",
    panels=[
        Curves({"loss": "training"}, log="y", xlim=(0, 10), ylim=(1e-12, 10),
               xlabel="step", ylabel="loss (nats)"),
        Landscape(surface={"bowl": Bowl(), "ravine": Ravine()}, by="ground",
                  paths={"path": ""}),
        Bars("rest", ["left", "right"], ylim=(0, 1), ylabel="share"),
        DecisionMap(map="share", cells=5, xlim=(0, 1), ylim=(0, 1), xlabel="$x_1$",
                    ylabel="$x_2$"),
        Graph(lines={"line": "wall"}, xlim=(0, 5), ylim=(-1, 2),
              xlabel=r"learning rate $\eta$"),
        Heatmap(image=np.array([[0.0, 0.5], [0.5, 1.0]]), dot=("lr", "lr"),
                value="rate", xlim=(0, 1), ylim=(0, 1), xlabel="a", ylabel="b"),
    ],
    compute=compute, start={"lr": 1.0}, predict="?", seen="!", alt=lambda s, d: "A.",
)  # fmt: skip


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return page_of(tmp_path_factory.mktemp("reading"), EXPERIMENT.html)


@pytest.fixture(params=[390, 900])
def page(browser, address, request):
    size = {"width": request.param, "height": 3000}
    context = browser.new_context(viewport=size, has_touch=True)
    seen = Watched(context)
    seen.page.goto(address)
    seen.page.wait_for_selector("#experiment_read[data-ready]")
    seen.page.evaluate(OPEN)
    yield seen.page
    assert not seen.complaints
    context.close()


def screen(page, panel, x, y):
    """Where the share (x, y) of a panel's axes is on the screen."""
    return page.evaluate("""([n, x, y]) => {
      const e = document.querySelector("nn-experiment"), axes = e.packed.axes.find(a => a.panel === n);
      const svg = e.querySelectorAll(".nn-panel")[n].querySelector("svg"), seen = svg.getBoundingClientRect();
      const [x0, y0, x1, y1] = axes.box, k = seen.width / svg.viewBox.baseVal.width;
      return [seen.x + k * (x0 + x * (x1 - x0)), seen.y + k * (y1 - y * (y1 - y0))];
    }""", [panel, x, y])  # fmt: skip


def label(page, panel):
    shown = page.query_selector_all(".nn-panel")[panel].query_selector(".nn-read")
    return shown.inner_text() if shown.is_visible() else None


def numbers(text):
    return [float(n.replace("−", "-")) for n in re.findall(r"−?\d+(?:\.\d+)?", text)]


def hover(page, panel, x, y):
    page.mouse.move(*screen(page, panel, x, y))
    return label(page, panel)


def show(page, ground, lr, step):
    page.evaluate(
        f"document.querySelector('nn-experiment').show([{ground}, {lr}], {step})"
    )


def test_the_mouse_reads_curves_points_bars_and_maps(page):
    show(page, 0, 2, 10)
    right = 10.2  # the axis's room for the last head
    height = (np.log10(2) + 12) / 13
    assert hover(page, 0, 4 / right, height) == "training: step 4, loss 2 nats"
    assert hover(page, 0, 4 / right, 0.3) is None
    # a long piece is read between its ends
    x, y = numbers(hover(page, 4, 2 / 5, 2 / 3).split("wall: ")[1])
    assert (x, y) == pytest.approx((2, 1), abs=0.03)
    assert "learning rate η 2" in label(page, 4)
    assert hover(page, 2, 0.25, 0.1) == "left: share 0.25"
    assert hover(page, 2, 0.75, 0.9) == "right: share 0.75"
    words = hover(page, 3, 0.3, 0.9)
    assert words.startswith("x₁ 0.3, x₂ 0.9: probability of class 1 about 0.3")
    assert "rate at least" in hover(page, 5, 0.75, 0.75)
    page.mouse.move(1, 1)
    assert label(page, 5) is None


@pytest.mark.parametrize("ground", [0, 1])
def test_a_landscape_is_read_in_its_own_scale(page, ground):
    show(page, ground, 2, 4)
    probe = page.query_selector_all(".nn-probe")[1]
    probe.focus()
    words = label(page, 1)
    while not words.startswith("step 4"):
        page.keyboard.press("Enter")
        words = label(page, 1)
    assert numbers(words) == pytest.approx([4, 0.6, 0.2], abs=0.02)


def test_arrow_keys_read_along_and_say_it(page):
    show(page, 0, 1, 6)
    probe = page.query_selector_all(".nn-probe")[0]
    probe.focus()
    assert "arrow keys" in probe.get_attribute("aria-label")
    for key, step in (("", 6), ("ArrowLeft", 5), ("Home", 0), ("ArrowRight", 1)):
        if key:
            page.keyboard.press(key)
        said = probe.get_attribute("aria-valuetext")
        assert said == label(page, 0)
        name, rest = said.split(": step ")
        assert name == "training"
        assert numbers(rest) == pytest.approx([step, 2 * 0.5**step], rel=0.05)
        assert probe.get_attribute("aria-valuenow") == str(step)
    show(page, 0, 1, 0)  # the picture changes under the reading
    assert probe.get_attribute("aria-valuetext").startswith("training: step 0")
    page.keyboard.press("Tab")
    assert label(page, 0) is None


def test_a_finger_reads_too_and_it_is_announced(page):
    page.touchscreen.tap(*screen(page, 2, 0.25, 0.1))
    assert label(page, 2) == "left: share 0.25"
    assert page.inner_text(".nn-spoken") == "left: share 0.25"


def test_small_and_large_values_are_written_for_people(page):
    show(page, 0, 0, 10)
    page.query_selector_all(".nn-probe")[0].focus()
    assert label(page, 0) == "training: step 10, loss 2·10⁻¹⁰ nats"


def test_labels_of_axes_become_words():
    assert in_words("loss, mean of 25 steps (nats)") == [
        "loss, mean of 25 steps",
        "nats",
    ]
    assert in_words(r"curvature $\lambda$ (steep)") == ["curvature λ", "steep"]
    assert in_words("height left (start = 1)") == ["height left", ""]
    assert in_words("parameter θ (grey: the mean)") == ["parameter θ", ""]
