"""Writing a digit on the page: the browser's network is nntrain's, drawings become images as MNIST's are."""

import base64
import gzip
import json
import zlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from bookkit.digitpad.pad import DrawADigit
from bookkit.digitpad.strokes import samples
from nntrain import Dropout, Linear, ReLU, Sequential, Sigmoid, Tanh
from nntrain.activations import sigmoid, softmax
from nntrain.datasets import DatasetError, load_mnist

STORED = Path(__file__).parents[2] / "book" / "data" / "digit_network.npz"
RENDER = "strokes => [...document.querySelector('nn-draw').render(strokes)]"
PREDICT = "images => images.map((x) => document.querySelector('nn-draw').predict(x))"
FRAMES = (
    "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
)
BARS = """() => [...document.querySelectorAll('.nn-bar-row')].map((row) =>
    [row.querySelector('.nn-share').textContent, parseFloat(row.querySelector('.nn-fill').style.width)])"""


def untrained(*activations, widths=(784, 20, 10)):
    rng = np.random.default_rng(0)
    layers = []
    for k, (n, m) in enumerate(pairwise(widths)):
        layers += [Linear(n, m, rng=rng), *activations[k : k + 1]]
    return Sequential(*layers)


@pytest.fixture(scope="module")
def reader():
    """The network that the book stores."""
    with np.load(STORED, allow_pickle=False) as file:
        stored = {name: file[name] for name in file.files}
    network = untrained(ReLU(), widths=(784, stored["weight1"].shape[1], 10))
    for k, layer in ((1, network.layers[0]), (2, network.layers[2])):
        layer.weight[...], layer.bias[...] = stored[f"weight{k}"], stored[f"bias{k}"]
    return network


@pytest.fixture(scope="module")
def pad(browser, reader, tmp_path_factory):
    """The live face in a page by itself, and the experiment."""
    experiment = DrawADigit(reader)
    page = browser.new_context(
        viewport={"width": 900, "height": 900}, reduced_motion="reduce"
    ).new_page()
    show(page, experiment, tmp_path_factory.mktemp("draw"))
    yield page, experiment
    page.context.close()


def show(page, experiment, folder):
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    path = folder / "page.html"
    path.write_text(
        f'<!doctype html><meta charset="utf-8"><body>{experiment._repr_mimebundle_()["text/html"]}',
        "utf-8",
    )
    page.goto(path.as_uri())
    page.wait_for_selector("nn-draw[data-ready]")


def drawings():
    """Every sample as (digit, strokes in the pad's 280 units)."""
    return [
        (digit, [[[2.8 * x, 2.8 * y] for x, y in stroke] for stroke in drawing])
        for digit, several in samples().items()
        for drawing in several
    ]


def bars(page):
    """What the ten bars show; the element draws at most once a frame."""
    page.evaluate(FRAMES)
    return page.evaluate(BARS)


def rendered(page):
    return np.array([page.evaluate(RENDER, strokes) for _, strokes in drawings()])


def test_the_browser_computes_what_nntrain_does(pad):
    page, experiment = pad
    images = rendered(page)
    try:
        more = load_mnist().x_test[: 100 - len(images)]
    except DatasetError:  # no MNIST here: noise of every darkness is as good for this
        darkness = np.linspace(0.2, 5, 100 - len(images))[:, None]
        more = np.random.default_rng(1).random((100 - len(images), 784)) ** darkness
    images = np.concatenate([images, more]).astype(np.float32)
    got = np.array(page.evaluate(PREDICT, images.tolist()))
    assert got.shape == (100, 10)
    np.testing.assert_allclose(
        got, softmax(experiment.rounded.predict(images)), atol=1e-5
    )


@pytest.mark.parametrize(
    "layers", [(Sigmoid(),), (Tanh(), ReLU())], ids=["sigmoid", "two hidden layers"]
)
def test_other_activations_agree_too(browser, tmp_path, layers):
    widths = (784, 12, 10) if len(layers) == 1 else (784, 12, 9, 10)
    network, one = untrained(*layers, widths=widths), {1: [[[(50, 10), (50, 90)]]]}
    experiment = DrawADigit(network, one, output="sigmoid")
    page = browser.new_page()
    show(page, experiment, tmp_path)
    images = np.random.default_rng(2).random((5, 784)).astype(np.float32)
    got = np.array(page.evaluate(PREDICT, images.tolist()))
    page.close()
    np.testing.assert_allclose(
        got, sigmoid(experiment.rounded.predict(images)), atol=1e-5
    )


def test_every_sample_is_recognised(pad):
    page, _ = pad
    probs = np.array(page.evaluate(PREDICT, rendered(page).tolist()))
    digits = np.array([digit for digit, _ in drawings()])
    assert set(digits) == set(range(10))
    np.testing.assert_array_equal(probs.argmax(axis=1), digits)


def test_an_image_is_centred_and_scaled_as_those_of_mnist(pad):
    page, _ = pad
    for image in rendered(page).reshape(-1, 28, 28):
        rows, columns = np.nonzero(image)
        # MNIST's own images were moved by whole pixels: their centres lie up to half a pixel off.
        centre = np.arange(28) + 0.5
        mass = image.sum()
        assert abs(image.sum(axis=1) @ centre / mass - 14.5) < 0.3
        assert abs(image.sum(axis=0) @ centre / mass - 14.5) < 0.3
        size = max(np.ptp(rows), np.ptp(columns)) + 1
        assert 19 <= size <= 22, size
        assert image.min() == 0 and image.max() == 1
        assert np.any((image > 0.1) & (image < 0.9))  # edges are smoothed


def test_size_and_place_on_the_pad_make_no_difference_but_shape_does(pad):
    page, _ = pad
    tall = [[[100, 20], [120, 140], [100, 260]]]
    small = [[[x / 2 + 90, y / 2 - 5] for x, y in tall[0]]]
    wide = [[[y, x] for x, y in tall[0]]]
    image = np.array(page.evaluate(RENDER, tall))
    np.testing.assert_allclose(page.evaluate(RENDER, small), image, atol=1e-9)
    np.testing.assert_allclose(
        np.reshape(page.evaluate(RENDER, wide), (28, 28)).T.ravel(), image, atol=1e-9
    )
    dot = np.reshape(page.evaluate(RENDER, [[[30, 30]]]), (28, 28))
    assert 1 < dot.sum() < 12  # a dot is not blown up
    assert not np.any(page.evaluate(RENDER, []))


def test_a_digit_drawn_with_the_mouse_is_read_undone_and_cleared(pad):
    page, _ = pad
    page.click("nn-draw [data-do=clear]")
    box = page.locator(".nn-pad").bounding_box()

    def stroke(*points):
        at = [
            (box["x"] + box["width"] * x, box["y"] + box["height"] * y)
            for x, y in points
        ]
        page.mouse.move(*at[0])
        page.mouse.down()
        for point in at[1:]:
            page.mouse.move(*point, steps=8)
        page.mouse.up()

    stroke((0.32, 0.15), (0.3, 0.5), (0.72, 0.5))
    half = bars(page)
    stroke((0.65, 0.12), (0.62, 0.9))
    whole = bars(page)
    assert whole != half and whole[4][1] > 50
    page.mouse.move(box["x"] + 5, box["y"] + 5)  # moving without pressing draws nothing
    assert bars(page) == whole
    page.click("nn-draw [data-do=undo]")
    assert bars(page) == half
    page.click("nn-draw [data-do=clear]")
    assert {share for share, _ in bars(page)} == {"–"}
    assert page.text_content(".nn-sentence") == "The pad is empty."
    assert page.complaints == []


def test_keyboard_and_screen_reader_get_the_same(pad):
    page, _ = pad
    page.focus("nn-draw [data-digit='7']")
    page.keyboard.press("Enter")
    spoken = "document.querySelector('.nn-spoken').textContent"
    page.wait_for_function(f"{spoken}.startsWith('The network reads a 7')")
    label = page.get_attribute(".nn-bars", "aria-label")
    assert label.startswith("Probabilities of the ten digits. The network reads a 7")
    assert page.get_attribute(".nn-spoken", "role") == "status"
    first = page.evaluate("JSON.stringify(document.querySelector('nn-draw').strokes)")
    page.keyboard.press("Enter")  # the next sample of the same digit
    assert (
        page.evaluate("JSON.stringify(document.querySelector('nn-draw').strokes)")
        != first
    )
    assert (
        page.evaluate("getComputedStyle(document.querySelector('.nn-pad')).touchAction")
        == "none"
    )


def test_without_javascript_a_sentence_says_what_is_missing(browser, reader, tmp_path):
    page = browser.new_context(java_script_enabled=False).new_page()
    path = tmp_path / "page.html"
    path.write_text(
        f'<!doctype html><meta charset="utf-8"><body>{DrawADigit(reader).html}', "utf-8"
    )
    page.goto(path.as_uri())
    assert page.is_visible(".nn-nojs") and not page.is_visible(".nn-pad")
    page.context.close()


def test_the_face_of_the_built_book_has_no_script_and_fits_its_budget(
    reader, monkeypatch
):
    experiment = DrawADigit(reader)
    monkeypatch.setenv("NNTRAIN_STATIC", "1")
    bundle = experiment._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert "<script>" not in bundle["text/html"]
    assert len(gzip.compress(bundle["text/html"].encode())) < 250_000
    monkeypatch.delenv("NNTRAIN_STATIC")
    assert "customElements.define" in experiment._repr_mimebundle_()["text/html"]


def test_packing_keeps_the_weights_to_half_a_step(reader):
    experiment = DrawADigit(reader)
    for layer, twin in zip(
        reader.layers[::2], experiment.rounded.layers[::2], strict=True
    ):
        step = np.abs(layer.weight).max(axis=0) / 127
        assert np.all(np.abs(layer.weight - twin.weight) <= 0.501 * step)
        np.testing.assert_array_equal(layer.bias, twin.bias)
    text = experiment.html.split('<script type="application/json">')[1].split(
        "</script>"
    )[0]
    data = zlib.decompress(base64.b64decode(json.loads(text)["data"]))
    assert len(data) == sum(
        (spec["inputs"] + 8) * spec["outputs"] for spec in experiment.specs
    )


def test_networks_that_cannot_run_in_the_page_are_refused(reader):
    rng = np.random.default_rng(0)
    DrawADigit(Sequential(Linear(784, 10, rng=rng)))
    DrawADigit(
        Sequential(
            Linear(784, 5, rng=rng), ReLU(), Dropout(0.5, rng), Linear(5, 10, rng=rng)
        )
    )
    for network, words in (
        (untrained(ReLU(), widths=(64, 20, 10)), "784"),
        (untrained(ReLU(), widths=(784, 20, 9)), "ten logits"),
        (untrained(ReLU(), ReLU()), "ten logits"),
        (Sequential(ReLU(), Linear(784, 10, rng=rng)), "only Linear"),
    ):
        with pytest.raises(ValueError, match=words):
            DrawADigit(network)
    with pytest.raises(ValueError, match="budget"):
        _ = DrawADigit(reader, budget_kb=10).html
    with pytest.raises(ValueError, match="output"):
        DrawADigit(reader, output="max")
    with pytest.raises(ValueError, match="samples"):
        DrawADigit(reader, {})
