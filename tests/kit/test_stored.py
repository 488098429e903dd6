"""Results of long runs are found from wherever a notebook runs, and say where they come from."""

import json

import pytest

from bookkit import stored

FACTS = {
    "date": "2026-01-31",
    "versions": {"numpy": "2.4.6"},
    "blas": "openblas 0.3",
    "processor": "Model 7",
}


@pytest.mark.parametrize("folder", ["data", "book/data"])
def test_results_are_found_beside_the_notebook_and_beside_the_book(
    folder, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / folder).mkdir(parents=True)
    content = {"provenance": FACTS, "runs": [1, 2]}
    (tmp_path / folder / "mine.json").write_text(json.dumps(content))
    results = stored.load_results("mine.json")
    assert results["runs"] == [1, 2]
    told = stored.facts_of(results)
    assert told == "2026-01-31; numpy 2.4.6; openblas 0.3; Model 7"


def test_the_books_own_results_are_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert stored.load_results("mnist_table.json")["runs"]


def test_a_missing_file_is_told_with_its_cure():
    with pytest.raises(FileNotFoundError, match="copy the folder book/data"):
        stored.stored_file("nobody_has_this.json")
