"""The ready panels: what they show lies where the data say, with true shapes and names that can be read."""

from __future__ import annotations

import json
import re

import matplotlib
import numpy as np
import pytest

matplotlib.use("agg")

from bookkit.experiments import (
    Bars,
    Curves,
    DecisionMap,
    Experiment,
    Graph,
    Heatmap,
    Landscape,
    Layers,
    frames,
)
from bookkit.experiments.drawing import draw
from bookkit.experiments.geometry import BREAK
from bookkit.experiments.pack import Unpacked
from bookkit.experiments.picture import freeze
from nntrain import SGD
from nntrain.landscapes import Bowl, Ravine, walk


def define(panel, compute, controls=None, **more):
    words = {"predict": "?", "seen": "!", "alt": lambda s, d: f"At {s}."}
    controls = {"a": [1.0, 2.0]} if controls is None else controls
    return Experiment(
        "panel", "Panel", controls, panels=[panel], compute=compute, **words, **more
    )


def built(experiment):
    data = re.search(r'json">(.*?)</script>', experiment.html, re.DOTALL).group(1)
    return Unpacked(json.loads(data))


def scales(experiment, name):
    """Pixels to one unit along x and along y, where the artist is drawn."""
    figures, moving = draw(experiment)
    freeze(figures)
    kind = moving[name]
    transform = kind.artist.get_transform()
    origin, right, up = kind.to_picture(transform, [0, 1, 0], [0, 0, 1])
    return right[0] - origin[0], origin[1] - up[1]


RAVINE = Ravine(b=5)


def down(surface, lr):
    return walk(surface, surface.start, lambda model: SGD(model, lr=lr), 10)


def landscape(**more):
    return define(
        Landscape(surface=RAVINE, paths={"w": "SGD"}, **more),
        lambda a: {"w": down(RAVINE, 0.05 * a)},
        step="step",
    )


def test_a_landscape_keeps_true_shapes():
    across, up = scales(landscape(), "0-w")
    assert across == pytest.approx(up, rel=1e-6)


def test_steps_leave_contours_at_right_angles():
    shown = built(landscape())
    (path,) = shown.show("0-w", (0,), 10)
    first, second = path.points[:2] / 10
    # Along a contour of ½(x² + 5y²) one moves at right angles to (x, 5y); up is down in a picture.
    x, y = RAVINE.start
    along = np.array([5 * y, x])
    cosine = (second - first) @ along
    cosine /= np.linalg.norm(second - first) * np.linalg.norm(along)
    assert abs(cosine) < 0.01
    (head,) = shown.show("0-w now", (0,), 3)
    assert head.points.tolist() == [path.points[3].tolist()]


def test_several_surfaces_share_a_window_of_one_scale():
    grounds = {"ravine": RAVINE, "bowl": Bowl()}

    def compute(ground):
        return {"w": down(grounds[ground], 0.1)}

    panel = Landscape(surface=grounds, by="ground", paths={"w": ""})
    experiment = define(panel, compute, {"ground": list(grounds)}, step="step")
    across, up = scales(experiment, "0-w")
    assert across == pytest.approx(up, rel=1e-6)
    shown = built(experiment)
    # The bowl's steps lead straight to its minimum.
    (path,), (star,) = (shown.show(name, (1,), 10) for name in ("0-w", "0-minima"))
    points = path.points.astype(float)
    a, b = points[1] - points[0], star.points[0] - points[0]
    assert abs(a[0] * b[1] - a[1] * b[0]) < 0.01 * np.linalg.norm(a) * np.linalg.norm(b)
    # Its contours are circles around it.
    (rings,) = shown.show("0-contours", (1,))
    pieces, piece = [], []
    for point in rings.points:
        if point[0] == BREAK:
            pieces.append(np.array(piece).reshape(-1, 2))
            piece = []
        else:
            piece.append(point)
    closed = [p for p in pieces if len(p) > 20 and (p[0] == p[-1]).all()]
    assert closed
    for ring in closed:
        radii = np.linalg.norm(ring - star.points[0], axis=1)
        assert radii.std() < 0.01 * radii.mean()
    (left,), (right,) = (shown.show(f"0-{end}", (1,)) for end in ("x0", "x1"))
    assert float(right.text) == -float(left.text.replace("−", "-")) >= 3


def test_curves_carry_their_names_at_their_ends_and_apart():
    def compute(a):
        return {"one": a * np.linspace(1, 0, 6), "two": a * np.linspace(1, 0.02, 6)}

    panel = Curves({"one": "first", "two": "second"}, xlim=(0, 5), ylim=(0, 2))
    shown = built(define(panel, compute, step="step"))
    for step in range(6):
        (one,), (two,) = (shown.show(f"0-{n} name", (0,), step) for n in ("one", "two"))
        assert (one.text, two.text) == ("first", "second")
        assert abs(one.at[1] - two.at[1]) >= 100  # a line of 10 points, in tenths
        (head,) = shown.show("0-one now", (0,), step)
        assert abs(one.at[1] - head.points[0][1]) < 120
    (line,) = shown.show("0-one", (1,), 2)
    assert len(line.points) == 3


@pytest.mark.parametrize("log", ["", "y"])
def test_names_follow_the_axis_and_bear_diverged_curves(log):
    panel = Curves({"y": "loss"}, log=log, xlim=(0, 3), ylim=(0.01, 100))
    heights = panel.height([0.01, 1.0, np.nan, np.inf])
    assert heights[0] == 0 and heights[2] == heights[1] and heights[3] == 1
    assert heights[1] == pytest.approx(0.5 if log else 0.99 / 99.99)


def test_data_are_cut_at_the_step_for_the_sentence():
    panel = Curves({"y": ""}, xlim=(0, 3), ylim=(0, 1))
    experiment = define(panel, lambda a: {"y": np.arange(4), "end": a}, step="step")
    experiment.alt = lambda s, d: f"{s['step']}: {d['y'].tolist()}, {d['end']}"
    data = experiment.values()
    assert experiment.sentence({"a": 2.0}, data, 1) == "1: [0, 1], 2.0"


def test_bars_by_name_and_as_a_histogram():
    named = define(
        Bars("share", ["x", "y"], ylim=(0, 1)), lambda a: {"share": [a / 2, 0]}
    )
    assert len(built(named).show("0-bars", (0,))) == 2
    edges = np.array([0.0, 1.0, 3.0])
    panel = Bars("share", edges, xlim=(0, 3), ylim=(0, 1), lying=False)
    moving = draw(define(panel, lambda a: {"share": [0, a]}))[1]
    first, second = moving["0-bars"].parts
    assert second.get_width() == pytest.approx(2 * first.get_width())
    lying = Bars("share", ["x", "y"], xlim=(0, 1), lying=True)
    face = define(
        lying, lambda a: {"share": frames([[0, a / 2], [1, a / 2]])}, step="k"
    )
    assert face.check_live()["visited"] >= 3


def test_the_border_of_a_decision_map_runs_where_the_answer_is_one_half():
    cells = np.linspace(-1.9, 1.9, 20)  # the middles of 20 cells from -2 to 2
    share = 1 / (1 + np.exp(-4 * (cells - 0.7)))
    image = np.tile(share, (20, 1))
    panel = DecisionMap(map="p", cells=20, xlim=(-2, 2), ylim=(-2, 2))
    x, y = panel.border(image)
    there = np.isfinite(x)
    np.testing.assert_allclose(x[there], 0.7, atol=0.02)
    assert y[there].min() < -1.8 and y[there].max() > 1.8
    experiment = define(
        panel, lambda a: {"p": frames([image, a * image[::-1, ::-1] / 2])}, step="epoch"
    )
    assert experiment.check_live()["visited"] >= 3
    assert "nn-image" in experiment.html


def test_a_heatmaps_dot_stands_at_the_settings():
    image = {"plain": np.zeros((4, 5)), "steep": np.ones((4, 5))}
    panel = Heatmap(
        image=image, by="kind", dot=("lr", "beta"), xlim=(0, 2), ylim=(0, 1)
    )
    controls = {"kind": list(image), "lr": [0.5, 1.5], "beta": [0.0, 0.5]}
    experiment = define(panel, lambda kind, lr, beta: {}, controls)
    shown = built(experiment)
    (low,), (high,) = (shown.show("0-dot", (0, i, i)) for i in (0, 1))
    figures, moving = draw(experiment)
    freeze(figures)
    box = moving["0-dot"].artist.axes.bbox
    dx, dy = (high.points[0] - low.points[0]) / 10
    assert dx == pytest.approx(box.width / 2, abs=0.2)
    assert dy == pytest.approx(-box.height / 2, abs=0.2)


def test_graphs_have_a_key_for_what_they_name():
    panel = Graph(
        lines={"fit": "the fit"}, points={"one": "outlier", "two": ""}, note="told",
        xlim=(0, 1), ylim=(0, 1),
    )  # fmt: skip
    data = {"fit": ([0, 1], [0, 1]), "one": ([0], [0]), "two": ([1], [1]), "told": "x"}
    experiment = define(panel, lambda a: {**data, "fit": ([0, 1], [0, a])})
    (figure,), _ = draw(experiment)
    key = figure.axes[0].get_legend()
    assert [text.get_text() for text in key.get_texts()] == ["the fit", "outlier"]
    assert built(experiment).show("0-note", (0,))[0].text == "x"
    del data["told"]
    with pytest.raises(ValueError, match="needs 'told'"):
        _ = define(panel, lambda a: data).html


def network_panel(words, flow):
    panel = Layers(sizes=(2, 1), units="words", flow="flow", titles=["in", "out"])
    return Experiment(
        "layers", "Layers", {"x": [1, 2]}, panels=[panel], step="step", predict="?",
        compute=lambda x: {"words": frames(words), "flow": frames(flow)},
        seen="!", alt=lambda s, d: "A.",
    )  # fmt: skip


def test_layers_show_words_in_units_and_what_flows_which_way():
    words = [["a", "b", ""], ["a", "b", "c"], ["d", "e", "c"]]
    experiment = network_panel(words, [0, 1, -1])
    moved = experiment.panels[0].move({}, experiment.values())
    shown = [[moved[f"unit {i}"][k] for i in range(3)] for k in range(3)]
    assert shown == words
    ways = [
        [np.isfinite(moved[name][k][0]).sum() for name in ("forwards", "backwards")]
        for k in range(3)
    ]
    assert ways == [[0, 0], [4, 0], [0, 4]]  # two weights, each with two ends
    assert "unit 2" in experiment.html


def test_layers_need_a_word_for_every_unit():
    with pytest.raises(ValueError, match="3 words, one a unit"):
        _ = network_panel([["a", "b"]], [0]).html


def test_a_long_note_is_not_cut_beside_long_names():
    note = (
        "Of 10,000 images: 937 found, 63 missed,\n54 false alarms, 8946 left in peace"
    )
    panel = Bars(
        "share", ["specificity", "F1"], lying=True, note="note", size=(4.2, 3.4)
    )
    figure, artists = panel.draw()
    artists["note"].set_text(note)
    figure.draw_without_rendering()
    box = artists["note"].get_window_extent()
    assert box.x0 > 0 and box.x1 < figure.bbox.x1
    assert box.y0 > figure.axes[0].bbox.y1 and box.y1 < figure.bbox.y1
