"""The book's figures: they say what they show, nothing overlaps, nothing warns, and bad input is refused."""

import warnings
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from bookkit import figures
from bookkit.figures import curves
from bookkit.notebook import book_style
from nntrain.autograd import Tensor


@pytest.fixture(autouse=True)
def style():
    with plt.rc_context({**book_style(), "backend": "Agg"}), warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
        plt.close("all")


class Valley:
    bounds = (-2.0, 2.0, -1.0, 3.0)
    minima = ((1.0, 1.0),)

    def value(self, x, y):
        return (1 - x) ** 2 + 100 * (y - x * x) ** 2


RNG = np.random.default_rng(7)
EPOCHS = np.arange(1, 31)
POINTS = RNG.normal(size=(60, 2))
CLASSES = np.digitize(POINTS[:, 0], [-0.5, 0.5])
WALK = np.cumsum(RNG.normal(0, 0.1, (40, 2)), axis=0)


def loss(rate):
    return np.exp(-EPOCHS / rate) + 0.02 * RNG.random((5, 30))


def small_graph():
    w, x, b = (
        Tensor(value, name=name)
        for value, name in ((2.0, "w"), (3.0, "x"), (-1.0, "b"))
    )
    result = (w * x + b - 4) * (w * x + b - 4) * 0.5
    result.backward()
    return result


FIGURES = {
    "curves": lambda: figures.loss_curves(
        {"SGD": loss(8), "momentum": loss(7.9), "Adam": loss(4)}
    ),
    "log curves": lambda: figures.loss_curves(
        {"SGD": loss(8), "Adam": loss(4)[0]}, log=True
    ),
    "contour": lambda: figures.contour(Valley(), {"plain": WALK, "momentum": -WALK}),
    "boundary": lambda: figures.decision_boundary(
        lambda p: p[:, 0], POINTS, CLASSES > 1
    ),
    "boundaries": lambda: figures.decision_boundary(
        lambda p: np.stack([-p[:, 0] - 0.5, 0 * p[:, 0], p[:, 0] - 0.5], 1),
        POINTS,
        CLASSES,
    ),
    "methods": lambda: figures.methods(
        {"SGD": loss(8)[:, -1], "Adam, tuned rate": [0.03]}, "test loss"
    ),
    "confusion": lambda: figures.confusion(
        RNG.integers(0, 9, (10, 10)) + 990 * np.eye(10, dtype=int)
    ),
    "graph": lambda: figures.computational_graph(small_graph()),
    "images": lambda: figures.image_grid(
        RNG.random((7, 8, 8)), [f"{k}, read as 9" for k in range(7)]
    ),
    "weights": lambda: figures.weight_images(RNG.normal(size=(64, 12))),
    "histograms": lambda: figures.layer_histograms(
        [RNG.normal(0, 0.5**k, 400) for k in range(5)]
    ),
}


def draw(name):
    made = FIGURES[name]()
    figure = made if isinstance(made, plt.Figure) else made.get_figure()
    figure.draw_without_rendering()
    return figure


def words(figure):
    """All visible texts, with the boxes they cover."""
    found = [
        t for t in figure.findobj(plt.Text) if t.get_visible() and t.get_text().strip()
    ]
    hidden = {
        t
        for ax in figure.axes
        if not ax.axison
        for t in ax.xaxis.findobj(plt.Text) + ax.yaxis.findobj(plt.Text)
    }
    # Matplotlib makes ticks just outside the limits, and does not draw them.
    for ax in figure.axes:
        for axis, limits in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
            low, high = sorted(limits)
            hidden |= {
                t
                for tick in axis.get_major_ticks()
                if not low <= tick.get_loc() <= high
                for t in (tick.label1, tick.label2)
            }
            hidden |= set(axis.get_minorticklabels())
    return [(t.get_text(), t.get_window_extent()) for t in found if t not in hidden]


@pytest.mark.parametrize("name", FIGURES)
def test_no_words_overlap_or_leave_the_figure(name):
    figure = draw(name)
    texts = words(figure)
    assert texts
    for (first, a), (second, b) in combinations(texts, 2):
        width = min(a.x1, b.x1) - max(a.x0, b.x0)
        height = min(a.y1, b.y1) - max(a.y0, b.y0)
        assert width < 1 or height < 1.5, f"{first!r} and {second!r} overlap"
    for text, box in texts:
        assert (
            box.x0 > -1
            and box.y0 > -1
            and box.x1 < figure.bbox.x1 + 1
            and box.y1 < figure.bbox.y1 + 1
        ), text


@pytest.mark.parametrize("name", FIGURES)
def test_axes_say_what_they_show_in_letters_large_enough(name):
    figure = draw(name)
    shared = figure.get_supxlabel() and figure.get_supylabel()
    for ax in figure.axes:
        named = any(
            t.get_text().isalpha() for t in ax.get_yticklabels()
        )  # rows with names need no label
        assert not ax.axison or shared or ax.get_ylabel() or named
        assert (
            not ax.axison or shared or ax.get_xlabel() or ax.get_label() == "<colorbar>"
        )
    assert all(t.get_fontsize() >= 9 for t in figure.findobj(plt.Text))
    assert figure.get_size_inches()[0] <= 7


@pytest.mark.parametrize(
    "name", ["curves", "contour", "boundary", "methods", "confusion", "graph"]
)
def test_figures_draw_into_given_axes(name):
    calls = {
        "curves": lambda ax: figures.loss_curves({"a": EPOCHS}, ax=ax),
        "contour": lambda ax: figures.contour(Valley(), ax=ax),
        "boundary": lambda ax: figures.decision_boundary(
            lambda p: p[:, 0], POINTS, CLASSES, ax=ax
        ),
        "methods": lambda ax: figures.methods({"a": [1, 2]}, "loss", ax=ax),
        "confusion": lambda ax: figures.confusion(np.eye(3, dtype=int), ax=ax),
        "graph": lambda ax: figures.computational_graph(small_graph(), ax=ax),
    }
    _, ax = plt.subplots()
    assert calls[name](ax) is ax
    assert len(plt.get_fignums()) == 1


def test_curves_show_the_mean_and_its_spread():
    runs = np.array([[1.0, 2.0], [3.0, 6.0]])
    ax = figures.loss_curves({"a": runs})
    assert np.allclose(ax.get_lines()[0].get_ydata(), [2, 4])
    edges = ax.collections[0].get_paths()[0].vertices
    assert np.isclose(edges[:, 1].max(), 4 + np.std([2, 6], ddof=1))


def test_a_diverged_curve_leaves_a_gap_and_keeps_its_name():
    ax = figures.loss_curves(
        {"rate 10": [1.0, 50.0, np.inf, np.nan], "rate 1": [1.0, 0.5, 0.3, 0.2]},
        log=True,
    )
    assert {t.get_text() for t in ax.texts} == {"rate 10", "rate 1"}


@pytest.mark.parametrize(
    "heights", [[0.5] * 4, [0.1, 0.11, 0.9], [0.3, 0.1, 0.2], [0.0, 1.0]]
)
def test_names_are_moved_apart_and_keep_their_order(heights):
    placed = curves.spread(np.array(heights), 0.08)
    assert np.diff(np.sort(placed)).min() >= 0.08 - 1e-12
    assert np.array_equal(
        np.argsort(placed, kind="stable"), np.argsort(heights, kind="stable")
    )
    assert np.isclose(placed.mean(), np.mean(heights))


def test_decision_regions_follow_the_network():
    class Network:
        def predict(self, points):
            assert points.shape == (40000, 2)
            return np.stack([points[:, 0], -points[:, 0]], axis=1)

    ax = figures.decision_boundary(
        Network(), POINTS, CLASSES % 2, names=["left", "right"]
    )
    boundary = np.concatenate(
        [
            p.vertices
            for c in ax.collections
            for p in c.get_paths()
            if len(c.get_facecolor()) == 0
        ]
    )
    assert np.abs(boundary[:, 0]).max() < 0.05
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["left", "right"]


def test_many_points_do_not_become_a_heavy_svg():
    points = RNG.normal(size=(3000, 2))
    ax = figures.decision_boundary(
        lambda p: p[:, 0], points, (points[:, 0] > 0).astype(int)
    )
    assert any(c.get_rasterized() for c in ax.collections)


def test_the_graph_shows_values_and_gradients():
    x = Tensor(3.0, name="x")
    y = x * x
    y.backward()
    shown = " ".join(t.get_text() for t in figures.computational_graph(y).texts)
    assert "x\n3" in shown and "9" in shown and "∂ 6" in shown


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: figures.loss_curves({"a": np.ones((2, 2, 2))}), "shape"),
        (lambda: figures.loss_curves({"a": [1, 2]}, x=[1]), "2 values, but x has 1"),
        (lambda: figures.contour(Valley(), {"a": [1, 2, 3]}), "path 'a'"),
        (lambda: figures.decision_boundary(len, POINTS, CLASSES[:5]), "shape"),
        (lambda: figures.confusion(np.ones((2, 3))), "square"),
        (lambda: figures.image_grid(np.ones((2, 15))), "15 pixels"),
        (lambda: figures.image_grid(np.ones((2, 4)), ["one"]), "titles"),
        (lambda: figures.weight_images(np.ones(4)), "weight matrix"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_methods_say_mean_and_deviation_or_median_and_range():
    results = {"a": [1.0, 2.0, 9.0], "b": [3.0]}
    for median, words in (
        (False, ["4.0 ± 4.4", "3.0"]),
        (True, ["2.0 (1.0–9.0)", "3.0"]),
    ):
        ax = figures.methods(results, "loss", median=median)
        assert [text.get_text() for text in ax.texts] == words
        (bar,) = ax.containers[0][2]
        ends = bar.get_segments()[0][:, 0]
        mean, deviation = np.mean(results["a"]), np.std(results["a"], ddof=1)
        assert np.allclose(
            ends, [1, 9] if median else [mean - deviation, mean + deviation]
        )
