"""The prediction: asked before the controls open, kept, and set beside what happens."""

from __future__ import annotations

import re

import matplotlib
import numpy as np
import pytest

from browser import Watched, page_of

matplotlib.use("agg")

from bookkit.experiments import Curves, Experiment, Predict
from bookkit.experiments.live import LiveFace

ANSWERS = ["it shrinks", "it grows", "it stays"]


def grow(base):
    return {"value": 0.5 * base ** np.arange(9)}


def define(identity, predict, **more):
    return Experiment(
        identity, "Powers", {"base": [0.5, 1.0, 2.0]}, step="step",
        panels=[Curves({"value": "value"}, xlim=(0, 8), ylim=(0, 4), xlabel="step",
                       ylabel="size (nats)")],
        compute=grow, **more,
        start={"base": 1.0, "step": 2}, predict=predict, seen="Powers.",
        alt=lambda s, d: f"Base {s['base']:g}, step {s['step']}: {d['value'][-1]:g}.",
    )  # fmt: skip


def fate(values):
    last = values(base=2.0)["value"][-1]
    return ANSWERS[1] if last > 0.5 else ANSWERS[2] if last == 0.5 else ANSWERS[0]


CHOICE = Predict("And for base 2?", ANSWERS, right=fate, at={"base": 2.0, "step": 4})
LINE = Predict("Draw base 1.", draw="0-value", at={"base": 1.0})
EXPERIMENTS = [
    define("choice", CHOICE),
    define("line", LINE),
    define("words", "Predict: what will you see?"),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    cards = "".join(experiment.html for experiment in EXPERIMENTS)
    return page_of(tmp_path_factory.mktemp("predict"), cards)


@pytest.fixture(params=[390, 900])
def page(browser, address, request):
    size = {"width": request.param, "height": 900}
    context = browser.new_context(viewport=size, reduced_motion="reduce")
    seen = Watched(context)
    come(seen.page, address)
    yield seen.page
    assert not seen.complaints
    context.close()


def come(page, address):
    page.goto(address)
    page.evaluate(
        "() => document.querySelectorAll('nn-experiment').forEach(e => e.ready())"
    )
    page.wait_for_function(
        "[...document.querySelectorAll('nn-experiment')].every(e => 'ready' in e.dataset)"
    )


def box(page, name):
    return page.query_selector(f"#experiment_{name}")


def state(element):
    return element.evaluate("e => [...e.position, e.step]")


def told(element):
    return element.query_selector(".nn-guess").inner_text().split("\n")[0]


def test_controls_open_with_an_answer_and_nothing_moves(page, address):
    card = box(page, "choice")
    controls, asked = (card.query_selector(f".nn-{n}") for n in ("controls", "ask"))
    assert asked.is_visible() and not controls.is_visible()
    before = controls.bounding_box()
    page.keyboard.press("Tab")  # by the keyboard: the first answer, then the next
    card.query_selector(".nn-ask input").focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert controls.is_visible() and not asked.is_visible()
    assert controls.bounding_box() == before
    assert page.evaluate("document.activeElement.dataset.control") == "0"
    assert told(card) == "You predicted: “it stays”. Now try it."
    come(page, address)  # kept
    card = box(page, "choice")
    assert card.query_selector(".nn-controls").is_visible()
    assert told(card) == "You predicted: “it stays”. Now try it."
    card.query_selector("[data-ask=happens]").click()
    assert state(card) == [2, 4]
    assert told(card) == "You predicted: “it stays”. What happens: “it grows”."
    assert card.query_selector(".nn-sentence").inner_text() == "Base 2, step 4: 8."
    card.query_selector("[data-ask=again]").click()
    assert not card.query_selector(".nn-controls").is_visible()
    card.query_selector(".nn-ask label:nth-of-type(2)").click()
    card.query_selector(".nn-ask [type=submit]").click()
    page.keyboard.press("End")  # the reader comes there without help
    card.query_selector("[data-control=step]").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert told(card) == "You predicted: “it grows”. And so it is."


def test_without_an_answer_nothing_opens_but_skipping_does(page, address):
    card = box(page, "choice")
    card.query_selector(".nn-ask [type=submit]").click()
    assert not card.query_selector(".nn-controls").is_visible()
    card.query_selector("[data-ask=skip]").click()
    assert card.query_selector(".nn-controls").is_visible()
    assert not card.query_selector(".nn-guess").is_visible()
    come(page, address)
    assert box(page, "choice").query_selector(".nn-controls").is_visible()
    assert not box(page, "line").query_selector(".nn-controls").is_visible()


def test_whoever_comes_by_a_link_to_a_setting_is_not_asked(page, address):
    come(page, f"{address}?experiment_choice.base=2")
    card = box(page, "choice")
    assert card.query_selector(".nn-controls").is_visible()
    assert page.evaluate("localStorage.length") == 0


def test_words_of_ones_own_stand_beside_what_happens(page):
    card = box(page, "words")
    assert "what will you see?" in card.query_selector(".nn-predict").inner_text()
    card.query_selector("[type=text]").fill("<b>more</b>")
    page.keyboard.press("Enter")
    assert told(card) == "You predicted: “<b>more</b>”. Now try it."
    card.query_selector("[data-ask=happens]").click()
    assert card.query_selector(".nn-seen p").is_visible()
    assert "what happens" in told(card)


def test_a_line_is_drawn_by_mouse_kept_and_compared(page, address):
    card = box(page, "line")
    card.query_selector(".nn-ask [type=submit]").click()
    assert "Draw a line first" in card.query_selector(".nn-ask .nn-said").inner_text()
    card.scroll_into_view_if_needed()
    frame = card.evaluate("""e => {
      const svg = e.querySelector(".nn-sketch"), seen = svg.getBoundingClientRect();
      const [x0, y0, x1, y1] = e.packed.axes[0].box, k = seen.width / svg.viewBox.baseVal.width;
      return [seen.x + k * x0, seen.y + k * y0, seen.x + k * x1, seen.y + k * y1];
    }""")
    x0, y0, x1, y1 = frame
    height = y1 - (y1 - y0) / 4  # a quarter of the axis; the curve lies at an eighth
    page.mouse.move(x0 - 5, height)
    page.mouse.down()
    page.mouse.move((x0 + x1) / 2, height)
    page.mouse.move(x1 + 5, height)
    page.mouse.up()
    card.query_selector(".nn-ask [type=submit]").click()
    assert told(card) == "Your line is dashed. Now try it."
    for _ in range(2):
        card.query_selector("[data-ask=happens]").click()
        assert state(card) == [1, 8]
        assert re.search(r"On average it lies 1[23] % of the axis", told(card))
        assert (
            card.evaluate("e => e.querySelector('.nn-sketch path').getTotalLength()")
            > 100
        )
        come(page, address)
        card = box(page, "line")


def test_a_line_is_drawn_by_keys_which_say_where_they_are(page):
    pen = box(page, "line").query_selector(".nn-pen")
    pen.focus()
    for key in ("ArrowUp", "ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    assert pen.get_attribute("aria-valuetext") == "step 0.255, size 2.4 nats"
    page.evaluate("document.querySelector('#experiment_line .nn-ask').requestSubmit()")
    line = page.evaluate("JSON.parse(localStorage['nn-predict:experiment_line']).line")
    assert line[:3] == [550, 600, None]


def test_nothing_can_be_moved_before_the_answer(page):
    card = box(page, "choice")
    assert card.evaluate("e => e.querySelector('.nn-controls').inert")
    assert not card.query_selector(".nn-choices").is_visible()


def test_without_scripts_the_answers_are_plain_words(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    text = page.inner_text("#experiment_choice .nn-predict")
    assert text == "Predict: And for base 2? (it shrinks; it grows; it stays.)"
    assert not page.is_visible("#experiment_choice .nn-ask")
    context.close()


def test_in_jupyter_an_answer_opens_the_controls_and_is_compared():
    face = LiveFace(EXPERIMENTS[0])
    question, opened = face.question, face.question.opened
    predict, _skip = question.form.children[1].children
    assert opened.layout.display == "none"
    predict.click()  # nothing chosen yet
    assert opened.layout.display == "none"
    question.answer.value = "it stays"
    predict.click()
    assert opened.layout.display is None
    assert question.told.value == "You predicted: “it stays”. Now try it."
    question.shown.children[1].click()
    assert "What happens: “it grows”" in question.told.value
    assert (face.fields["base"].value, face.step.value) == (2.0, 4)
    assert "Base 2, step 4: 8." in face.sentence.value
    other = LiveFace(EXPERIMENTS[2])
    other.question.form.children[1].children[1].click()  # skip
    assert other.question.opened.layout.display is None
    assert not other.question.widget.children


@pytest.mark.parametrize(
    ("given", "message"),
    [({"question": ""}, "needs a question"),
     ({"question": "?", "answers": ["one"], "right": "one"}, "two to six"),
     ({"question": "?", "answers": ["a", "a"], "right": "a"}, "two to six"),
     ({"question": "?", "answers": ["a", "b"]}, "together with the right one"),
     ({"question": "?", "right": "b"}, "together with the right one"),
     ({"question": "?", "answers": ["a", "b"], "right": "c"}, "not among"),
     ({"question": "?", "draw": "x"}, "settings at which it shows")],
)  # fmt: skip
def test_predictions_that_cannot_work_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        Predict(**given)


@pytest.mark.parametrize(
    ("predict", "message"),
    [(Predict("?", ["a", "b"], right=lambda values: "c"), "not among"),
     (Predict("?", at={"base": 2.0}, draw="0-other"), "no artist '0-other'"),
     (Predict("?", ["a", "b"], right="a", at={"base": 2.0, "step": 99}), "stand at 99")],
)  # fmt: skip
def test_what_only_the_build_can_know_is_checked_there(predict, message):
    with pytest.raises(ValueError, match=message):
        _ = define("e", predict).html


def test_a_card_says_in_one_line_what_it_runs_and_names_the_code(browser, tmp_path):
    said = "eight products; *no* seed."
    card = define("seeds", CHOICE, runs=said).html
    line = '<em>no</em> seed. <span class="nn-code">Code: <code>grow</code>.</span>'
    assert f'<p class="nn-runs">Runs: eight products; {line}</p>' in card
    # in a page of cells, the name leads to the cell that defines it, and opens it
    body = f"""
      <div class="cell" id="first"><details><summary>code</summary>
        <div class="cell_input">def grow(base):</div></details></div>
      <div class="cell"><div class="cell_input">Experiment()</div>{card}</div>"""
    page = browser.new_page()
    page.goto(page_of(tmp_path, body))
    page.click(".nn-code a")
    assert page.url.endswith("#first") and page.inner_text("#first .cell_input")
    page.close()


def test_a_prediction_shows_at_controls_that_are_there():
    with pytest.raises(ValueError, match="no control"):
        define("e", Predict("?", ["a", "b"], right="a", at={"rate": 2.0}))
