"""Experiments from the author's side: definitions, packed numbers, the starting picture, the live face."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from itertools import pairwise
from xml.etree import ElementTree as ET

import ipykernel
import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ipywidgets import Widget
from ipywidgets.widgets.widget_link import Link
from matplotlib.collections import LineCollection

matplotlib.use("agg")
import matplotlib.pyplot as plt

from bookkit.experiments import Curves, Experiment, Log, frames, head, trail
from bookkit.experiments.geometry import BREAK, clip_band, clip_line, tenths
from bookkit.experiments.kinds import Kind
from bookkit.experiments.live import LiveFace
from bookkit.experiments.pack import Unpacked
from bookkit.experiments.shapes import Outline
from bookkit.notebook import in_static_book
from nntrain.progress import progress_bar

WIDTH, HEIGHT = 4.0, 3.0  # inches
LEFT, BOTTOM, WIDE, HIGH = 0.2, 0.2, 0.7, 0.7  # the axes, in shares of the figure


def pixel(x, y, x_range=(0, 10), y_range=(0, 1)):
    """Where a data point lies in a picture of 72 pixels to the inch: worked out without Matplotlib."""
    right = (
        72
        * WIDTH
        * (LEFT + WIDE * (np.asarray(x) - x_range[0]) / (x_range[1] - x_range[0]))
    )
    up = (
        72
        * HEIGHT
        * (BOTTOM + HIGH * (np.asarray(y) - y_range[0]) / (y_range[1] - y_range[0]))
    )
    return np.column_stack([right, 72 * HEIGHT - up])


def axes():
    figure = plt.figure(figsize=(WIDTH, HEIGHT), layout="none")
    ax = figure.add_axes((LEFT, BOTTOM, WIDE, HIGH))
    ax.set(xlim=(0, 10), ylim=(0, 1))
    return figure, ax


def line_setup():
    figure, ax = axes()
    (line,) = ax.plot([], [], "o-")
    return figure, {"line": line}


def define(setup=line_setup, compute=None, controls=None, **more):
    compute = compute or (lambda slope: {"line": ([0, 10], [0, slope])})
    controls = {"slope": [0.25, 0.5, 1.0]} if controls is None else controls
    words = {
        "predict": "Which is steeper?",
        "seen": "The larger.",
        "alt": lambda s, d: f"A line at {s}.",
    }
    return Experiment("steep", "Slopes", controls, setup, compute, **{**words, **more})


class Shown:
    """The numbers of a built element, read back: points in tenths of a pixel, texts, levels."""

    def __init__(self, experiment):
        data = re.search(r'json">(.*?)</script>', experiment.html, re.DOTALL).group(1)
        self.packed = json.loads(data)
        self.unpacked = Unpacked(self.packed)
        self.records = self.unpacked.reader.records

    def points(self, name, position, step=0, part=0):
        return self.unpacked.show(name, position, step)[part].points

    def text(self, name, position, step=0):
        return self.unpacked.show(name, position, step)[0].text

    def levels(self, name, position, step=0):
        return self.unpacked.show(name, position, step)[0].levels


unpacked = Shown


# ------------------------------------------------------------------------------------------------ definitions


@pytest.mark.parametrize(("values", "kind"), [
    (["a", "b"], "choice"), ([True, False], "choice"), (range(1, 9), "integer"), ([1, 8, 64], "listed"),
    (np.linspace(0, 1, 5), "linear"), (Log(0.01, 1, 5), "log"), (np.geomspace(1e-3, 10, 9), "log"),
])  # fmt: skip
def test_kind_of_control_follows_from_its_values(values, kind):
    (control,) = define(controls={"slope": values}).controls
    assert control.kind == kind
    assert len(control.texts) == len(values) == len(set(control.texts))


def test_values_reach_compute_as_plain_python_numbers():
    seen = []
    experiment = define(
        compute=lambda slope: seen.append(slope) or {},
        controls={"slope": np.linspace(0, 0.6, 3)},
    )
    experiment.values(slope=0.6)
    experiment.values()
    assert seen == [0.6, 0.3] and all(type(value) is float for value in seen)


@pytest.mark.parametrize("wrong", [
    {"controls": {}}, {"controls": {"slope": [1.0]}}, {"controls": {"slope": [2.0, 1.0]}},
    {"controls": {"slope": [0.10001, 0.10002]}}, {"start": {"slop": 1}}, {"start": {"slope": 9}},
    {"labels": {"lr": "rate"}}, {"predict": " "}, {"seen": ""}, {"levels": 256}, {"step": "slope"},
])  # fmt: skip
def test_impossible_definitions_are_refused(wrong):
    with pytest.raises(ValueError):
        define(**wrong)


@pytest.mark.parametrize(("compute", "message"), [
    (lambda slope: {"lime": ([0], [0])}, "setup named"),
    (lambda slope: {}, "setup named"),
    (lambda slope: [1], "must return a dict"),
    (lambda slope: {"line": ([0, 1], [0])}, "equal length"),
    (lambda slope: {"line": [0, 1, 2]}, "needs \\(x, y\\)"),
    (lambda slope: {"line": trail([0, 1], [0, 1])}, "no step control"),
])  # fmt: skip
def test_wrong_data_fails_the_build(compute, message):
    with pytest.raises(ValueError, match=message):
        _ = define(compute=compute).html


def test_an_exception_in_compute_fails_the_build():
    def compute(slope):
        return {"line": ([0, 1], [0, 1 / (slope - 0.5)])}

    with pytest.raises(ZeroDivisionError):
        _ = define(compute=compute).html


def test_too_large_a_grid_or_a_card_fails_the_build():
    with pytest.raises(ValueError, match="at most 5000"):
        _ = define(
            controls={"slope": range(101), "b": range(100)},
            compute=lambda slope, b: {"line": ([0], [0])},
        ).html
    with pytest.raises(ValueError, match="budget"):
        _ = define(budget_kb=1).html


def test_steps_must_fit_the_step_control():
    def compute(slope):
        return {"line": trail([0, 1, 2], [0, slope, 0])}

    with pytest.raises(ValueError, match="3 steps"):
        _ = define(compute=compute, step=("step", 2)).html
    with pytest.raises(ValueError, match="no trail"):
        _ = define(step="step").html
    assert '"count":3' in define(compute=compute, step="step").html


def test_artists_that_cannot_move_are_named():
    def setup():
        figure, ax = axes()
        return figure, {"lines": ax.plot([0], [0])}

    with pytest.raises(ValueError, match="'lines' is a list"):
        _ = define(setup=setup).html


# ------------------------------------------------------------------------------------------- packed numbers


def test_packed_points_lie_where_the_axes_put_them():
    shown = unpacked(define())
    for i, slope in enumerate([0.25, 0.5, 1.0]):
        np.testing.assert_allclose(
            shown.points("line", (i,)) / 10, pixel([0, 10], [0, slope]), atol=0.051
        )


def test_trail_head_and_frames_follow_the_step():
    def setup():
        figure, ax = axes()
        (path,), (tip,), note = (
            ax.plot([], []),
            ax.plot([], [], "o"),
            ax.text(1, 0.5, ""),
        )
        return figure, {"path": path, "tip": tip, "note": note}

    x, y = np.arange(5.0), np.linspace(0, 1, 5)
    shown = unpacked(
        define(
            setup=setup,
            step="step",
            compute=lambda slope: {
                "path": trail(x, slope * y),
                "tip": head(x, slope * y),
                "note": frames([f"step {k}" for k in range(5)]),
            },
        )
    )
    for k in range(5):
        np.testing.assert_allclose(
            shown.points("path", (2,), k) / 10,
            pixel(x[: k + 1], y[: k + 1]),
            atol=0.051,
        )
        np.testing.assert_allclose(
            shown.points("tip", (2,), k) / 10,
            pixel(x[k : k + 1], y[k : k + 1]),
            atol=0.051,
        )
        assert shown.text("note", (2,), k) == f"step {k}"
    assert (
        len(shown.records) < 9
    )  # the head shares the trail's numbers, and x is stored once


def test_bars_images_bands_and_scattered_points():
    def setup():
        figure, ax = axes()
        image = ax.imshow(
            np.zeros((2, 3)),
            extent=(0, 10, 0, 1),
            aspect="auto",
            vmin=0,
            vmax=1,
            cmap="gray",
            origin="lower",
        )
        bars = ax.bar([1, 2], [0, 0])
        band = ax.fill_between([], [], [])
        dots = ax.scatter([], [])
        return figure, {"image": image, "bars": bars, "band": band, "dots": dots}

    picture = np.array([[0, 0.5, 1], [np.nan, 2, -1]])
    shown = unpacked(
        define(
            setup=setup,
            levels=4,
            compute=lambda slope: {
                "image": picture,
                "bars": [slope, 2],
                "band": ([1, 2], [0, 0], [slope, slope]),
                "dots": ([5, 50], [slope, 0]),
            },
        )
    )
    assert shown.levels("image", (0,)).tolist() == [
        [4, 3, 0],
        [0, 2, 3],
    ]  # the top row first; 4 is "missing"
    x = [0.6, 0.6, 1.4, 1.4]  # a bar is 0.8 wide and stands on 0
    np.testing.assert_allclose(
        shown.points("bars", (0,)) / 10, pixel(x, [0, 0.25, 0.25, 0]), atol=0.051
    )
    corners = {tuple(point) for point in np.round(shown.points("band", (0,)) / 10)}
    assert corners == {
        tuple(point) for point in np.round(pixel([1, 2, 2, 1], [0, 0, 0.25, 0.25]))
    }
    dots = shown.points("dots", (0,))
    np.testing.assert_allclose(dots[0] / 10, pixel(5, 0.25)[0], atol=0.051)
    assert dots[1, 0] == BREAK  # a point far outside is not drawn


BOX = (0.0, 0.0, 100.0, 100.0)


def test_a_diverging_line_leaves_in_its_own_direction():
    points, stops = clip_line(
        np.array([[50.0, 50.0], [1e300, 5e299], [np.inf, 0], [np.nan, 3], [10, 10]]),
        BOX,
    )
    assert points[1].tolist() == [
        1000,
        750,
    ]  # half as steep as wide, from the middle to the right edge
    assert points[2, 0] == BREAK and points[3].tolist() == [100, 100]
    assert stops.tolist() == [1, 3, 3, 3, 4]


coordinate = st.one_of(
    st.floats(-300, 400), st.sampled_from([np.nan, np.inf, 1e200, -1e200])
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=8))
def test_clipping_keeps_exactly_what_is_inside(corners):
    points = np.array(corners)
    clipped, stops = clip_line(points, BOX)
    drawn = clipped[clipped[:, 0] != BREAK] / 10
    assert ((drawn >= -0.1) & (drawn <= 100.1)).all()
    assert stops is None or (np.diff(stops) >= 0).all()
    pieces = [
        (a / 10, b / 10) for a, b in pairwise(clipped) if BREAK not in (a[0], b[0])
    ]
    for a, b in pairwise(points):  # sample every segment of moderate length
        if np.abs(a).max() < 1e3 and np.abs(b).max() < 1e3:
            for t in np.linspace(0.01, 0.99, 9):
                p = a + t * (b - a)
                if (p > 1).all() and (p < 99).all():
                    assert min(distance(p, *piece) for piece in pieces) < 0.3


def distance(p, a, b):
    along = np.clip((p - a) @ (b - a) / max((b - a) @ (b - a), 1e-12), 0, 1)
    return float(np.linalg.norm(p - a - along * (b - a)))


def test_a_band_is_cut_at_gaps_and_edges():
    x = np.array([10.0, 20, 30, 40, 50])
    low, high = (
        np.column_stack([x, [10.0, 10, np.nan, 10, 10]]),
        np.column_stack([x, [20.0, 20, 20, 20, 1e200]]),
    )
    outline = clip_band(low, high, BOX)
    assert (outline[:, 0] == BREAK).sum() == 1
    assert outline[:, 1].max() == 1000


# --------------------------------------------------------------------------------------------- one new kind


class Spans(Kind):
    """Vertical bars from low to high: the results of vlines."""

    drives = (LineCollection,)
    needs = "(x, low, high)"

    def check(self, data):
        return self.arrays(data, 3)

    def apply(self, data):
        x, low, high = data
        self.artist.set_segments(np.stack([[x, low], [x, high]]).transpose(2, 0, 1))

    def shapes(self, data):
        x, low, high = data
        gap = np.full(len(x), np.nan)
        ends = np.stack([np.column_stack([x, y]) for y in (low, high, gap)], axis=1)
        points = ends.reshape(-1, 2)
        return [
            Outline(tenths(self.to_picture(self.artist.get_transform(), *points.T)))
        ]

    def stand_in(self, rows):
        self.apply(([5.0], [0.2], [0.8]))


def spans_setup():
    figure, ax = axes()
    return figure, {"spans": ax.vlines([1], [0], [1])}


def spans_compute(slope):
    return {"spans": ([2, 4], [0, 0.5], [slope, 1])}


def test_a_new_kind_is_one_class_and_works_on_the_page():
    experiment = define(spans_setup, spans_compute, start={"slope": 0.5})
    drawn = Shown(experiment).points("spans", (1,))
    ends = pixel([2, 2, 4, 4], [0, 0.5, 0.5, 1])
    np.testing.assert_allclose(drawn[[0, 1, 3, 4]] / 10, ends, atol=0.051)
    (start,) = re.findall(r'data-move="spans".*?</g>', experiment.html, re.DOTALL)
    written = re.search(r'\bd="([^"]+)"', start)[1]
    np.testing.assert_allclose(
        [float(n) for n in re.findall(r"[\d.]+", written)], ends.ravel(), atol=0.051
    )


def test_a_new_kind_is_one_class_and_works_in_jupyter():
    face = LiveFace(define(spans_setup, spans_compute))
    before = face.pictures[0].value
    face.fields["slope"].value = 0.9
    (one, two) = face.moving["spans"].artist.get_segments()
    assert one.tolist() == [[2, 0], [2, 0.9]] and two.tolist() == [[4, 0.5], [4, 1]]
    assert face.pictures[0].value != before


# ------------------------------------------------------------------------------------------------- the step


def rising(slope):
    return {"line": trail(np.arange(4), slope * np.arange(4) / 3)}


def epochs(**more):
    words = {"alt": lambda s, d: f"Epoch {s['epoch']}: {d['line'].y[-1]:.2f}."}
    return define(compute=rising, step=("epoch", [0, 5, 10, 15]), **{**words, **more})


def test_sentences_speak_of_the_step_on_both_faces():
    experiment = epochs(start={"slope": 1.0, "epoch": 10})
    said = Shown(experiment).unpacked.sentence
    assert [said((2,), k) for k in range(4)] == [
        f"Epoch {5 * k}: {k / 3:.2f}." for k in range(4)
    ]
    label = 'role="img" aria-label="Epoch 10: 0.67."'
    assert label in experiment.html and ">10 of 15<" in experiment.html
    face = LiveFace(experiment)
    assert face.step.value == 2 and face.sentence.value == "Epoch 10: 0.67."
    face.step.value = 1
    assert face.sentence.value == face.pictures[0].alt == "Epoch 5: 0.33."
    assert face.outputs["step"].value == "5 of 15"
    with pytest.raises(ValueError, match="goes from 0 to 15"):
        _ = epochs(start={"epoch": 7}).html


def test_the_live_face_opens_at_the_step_of_the_start(monkeypatch):
    made: list[Widget] = []
    monkeypatch.setattr(Widget, "_widget_construction_callback", made.append)
    face = LiveFace(epochs())
    assert face.step.value == 3 and face.play.value == 3 and face.play.max == 3
    # On the screen a link sets its second member first: the player, not the slider.
    linked = [
        w
        for w in made
        if isinstance(w, Link) and face.play in (w.source[0], w.target[0])
    ]
    assert len(linked) == 2 and all(w.target[0] is face.play for w in linked)
    # what the reader moves then changes the picture at once
    before = face.pictures[0].value
    face.fields["slope"].value = 0.25
    assert face.pictures[0].value != before


def test_two_live_pictures_keep_their_own_heights():
    def setup():
        (first, one), (second, two) = line_setup(), line_setup()
        second.set_size_inches(4, 1.5)
        return [first, second], {"one": one["line"], "two": two["line"]}

    face = LiveFace(
        define(setup, lambda slope: {"one": ([0], [slope]), "two": ([1], [1])})
    )
    for picture in face.pictures:
        assert picture.layout.align_self == "flex-start"
        assert picture.layout.height == "auto"


# -------------------------------------------------------------------------------------------- the static face


def test_the_starting_picture_and_texts_need_no_script():
    page = define(start={"slope": 1.0}, seen="*Steeper* by `slope` & more.")
    (x0, y0), (x1, y1) = pixel([0, 10], [0, 1])
    d = re.search(
        r'class="nn-line"[^>]*\bd="([^"]+)"|\bd="([^"]+)"[^>]*class="nn-line"',
        page.html,
    )
    numbers = [float(n) for n in re.findall(r"[\d.]+", d.group(1) or d.group(2))]
    np.testing.assert_allclose(numbers, [x0, y0, x1, y1], atol=0.051)
    assert "<em>Steeper</em> by <code>slope</code> &amp; more." in page.html
    assert (
        page.html.count("A line at {'slope': 1.0}.".replace("'", "&#x27;")) == 2
    )  # label and sentence


def test_pictures_keep_to_themselves():
    def setup():
        (first, one), (second, two) = line_setup(), line_setup()
        return [first, second], {"one": one["line"], "two": two["line"]}

    page = define(
        setup=setup,
        compute=lambda slope: {"one": ([0], [slope]), "two": ([1], [slope])},
    ).html
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids)) and all(
        i.startswith(("steep-", "experiment_steep")) for i in ids
    )
    used = set(re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', page))
    assert used and {a or b for a, b in used} <= set(ids)
    assert "<style" not in page and "<metadata" not in page
    for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        assert "var(--nn-c0, " in svg and not re.search(r"#000000|#ffffff", svg)
        ET.fromstring(svg)


def test_texts_cannot_close_the_data():
    def setup():
        figure, ax = axes()
        return figure, {"note": ax.text(0, 0, "")}

    page = define(
        setup=setup,
        compute=lambda slope: {"note": f"</script><b> {slope}"},
        alt=lambda s, d: "</script>\"'&",
    ).html
    assert page.count("</script>") == 1
    assert (
        unpacked(
            define(setup=setup, compute=lambda slope: {"note": "a</script>b"})
        ).text("note", (0,))
        == "a</script>b"
    )


@pytest.mark.parametrize(
    ("value", "static"), [(None, False), ("", False), ("0", False), ("1", True)]
)
def test_one_variable_chooses_the_face_everywhere(monkeypatch, value, static):
    monkeypatch.delenv("NNTRAIN_STATIC", raising=False)
    if value is not None:
        monkeypatch.setenv("NNTRAIN_STATIC", value)
    monkeypatch.setitem(sys.modules, "ipykernel", ipykernel)  # as in a notebook
    bundle = define()._repr_mimebundle_()
    assert ("application/vnd.jupyter.widget-view+json" not in bundle) == static
    assert in_static_book() == static
    bar = progress_bar(1, 0, wanted=True)  # shown to whoever watches a live notebook
    assert bar.disable == static
    bar.close()


def test_the_static_face_makes_no_widget():
    program = """
import sys, matplotlib; matplotlib.use("agg")
import matplotlib.pyplot as plt
from bookkit.experiments import Experiment
def setup():
    figure, ax = plt.subplots(figsize=(3, 2)); line, = ax.plot([], []); ax.set(xlim=(0, 1), ylim=(0, 1))
    return figure, {"line": line}
e = Experiment("e", "E", {"a": [0.0, 1.0]}, setup, lambda a: {"line": ([0, 1], [0, a])}, predict="?",
               seen="!", alt=lambda s, d: "A line.")
assert "<svg" in e._repr_mimebundle_()["text/html"]
assert "ipywidgets" not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"NNTRAIN_STATIC": "1", "PATH": "", "HOME": "/tmp"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


# ---------------------------------------------------------------------------------------------- the live face


def test_live_sliders_reach_values_between_those_listed():
    face = LiveFace(define(controls={"slope": np.linspace(0, 1, 3)}))
    before = face.pictures[0].value
    face.fields["slope"].value = 0.35
    assert face.data["line"][1][1] == pytest.approx(0.35)
    assert face.pictures[0].value != before and "0.35" in face.outputs["slope"].value
    face.reset()
    assert face.fields["slope"].value == 0.5 and face.pictures[0].value == before


def test_live_errors_are_shown_and_kept():
    def compute(slope):
        if slope > 0.5:
            raise FloatingPointError("too <steep>")
        return {"line": ([0, 1], [0, slope])}

    face = LiveFace(define(compute=compute))
    face.fields["slope"].value = 1.0
    assert "too &lt;steep&gt;" in face.status.value and isinstance(
        face.errors[0], FloatingPointError
    )
    face.fields["slope"].value = 0.25
    assert face.status.value == ""
    with pytest.raises(FloatingPointError):
        define(compute=compute).check_live()


def test_check_live_visits_every_corner_and_notices_a_dead_control():
    def compute(slope, name):
        return {"line": trail(np.arange(4), slope * np.arange(4) / 4)}

    controls = {"slope": np.linspace(0.1, 1, 4), "name": ["a", "b"]}
    with pytest.raises(ValueError, match="'name' of 'steep' never changes"):
        define(compute=compute, controls=controls, step="step").check_live()
    visited = []

    def lively(slope, name):
        visited.append((slope, name))
        return {
            "line": trail(
                np.arange(4), slope * np.arange(4) / (4 if name == "a" else 8)
            )
        }

    result = define(compute=lively, controls=controls, step="step").check_live()
    assert {(0.1, "a"), (0.1, "b"), (1.0, "a"), (1.0, "b")} <= set(visited)
    assert result["longest"] >= result["median"] > 0


def test_an_experiment_is_packed_for_one_setting_between_the_listed_ones():
    from bookkit.live.experiments import Face

    def compute(rate):
        return {"y": rate ** np.arange(5.0)}

    experiment = Experiment(
        "any-value", "Any value", {"rate": [0.1, 0.5, 0.9]}, step="step",
        panels=[Curves({"y": "y"}, xlim=(0, 4), ylim=(0, 1), xlabel="x")],
        compute=compute, predict="?", seen="!", alt=lambda s, d: f"{d['y'][-1]:.4f}",
    )  # fmt: skip
    face = Face(experiment)
    between, listed = face.answer([0.5]), face.answer([1])
    assert between["controls"] == [{"value": 0.3, "text": "0.3"}]
    assert Unpacked(between["packed"]).sentence((0,), 4) == f"{0.3**4:.4f}"
    whole = Unpacked(json.loads(_packed_of(experiment.html)))
    one = Unpacked(listed["packed"])
    for spec in listed["packed"]["artists"]:
        (here,), (there,) = (
            one.show(spec["name"], (0,), 4),
            whole.show(spec["name"], (1,), 4),
        )
        assert str(here) == str(there)


def _packed_of(text):
    return re.search(r'<script type="application/json">(.*?)</script>', text, re.S)[1]


@pytest.mark.parametrize(
    "values, format, place, expected",
    [
        ([1, 3, 5], None, 0.5, 2),
        ([1, 3, 10], None, 1.5, 5),
        ([0.0, 1.0], "{:.2f}", 0.333, 0.33),
        ([0.0, 1.0], "{:.0%}", 0.25, 0.25),
        (["a", "b"], None, 1, "b"),
    ],
)
def test_what_a_place_between_two_values_holds(values, format, place, expected):
    from bookkit.experiments.controls import make_controls

    formats = {"c": format} if format else {}
    (control,) = make_controls({"c": values}, {}, {}, {}, formats)
    assert control.between(place) == expected
