"""The benchmark runs, on sizes too small to mean anything; stored results are what the script makes."""

import dataclasses
import importlib.util
import json
import math
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from nntrain import accuracy
from nntrain.datasets import DatasetError, load_mnist

ROOT = Path(__file__).parents[1]


sys.path.insert(0, str(ROOT / "benchmarks"))  # the scripts import each other


def script(name):
    spec = importlib.util.spec_from_file_location(
        f"benchmarks_{name}", ROOT / "benchmarks" / f"{name}.py"
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # joblib and dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def bench():
    return script("bench")


@pytest.fixture(scope="module")
def runs():
    return importlib.import_module("mnist")


@pytest.fixture(scope="module")
def data():
    try:
        return load_mnist()
    except DatasetError as error:
        pytest.skip(f"MNIST is not here, so stored results are not checked: {error}")


@pytest.fixture
def random_data(bench, monkeypatch):
    rng = np.random.default_rng(0)
    x, y = rng.random((64, 784), dtype=np.float32), rng.integers(0, 10, 64)
    monkeypatch.setattr(bench, "load", lambda n: (x, y, "random data"))
    sizes = {
        "examples": [(16, 4, 1), (32, 4, 1)],
        "width": [(16, 4, 1), (16, 8, 1)],
        "depth": [(16, 4, 1), (16, 4, 2)],
    }
    monkeypatch.setattr(bench, "GROWTH", sizes)


def test_the_benchmark_runs_and_writes_table_and_plot(
    bench, random_data, tmp_path, capsys
):
    options = [
        "--repeats",
        "1",
        "--rows",
        "12",
        "--only",
        "scikit-learn",
        "--out",
        str(tmp_path),
    ]
    results = bench.main(options)
    printed = capsys.readouterr().out
    assert (
        printed.strip() == (tmp_path / "bench.md").read_text(encoding="utf-8").strip()
    )
    assert "| 784–30–10, batch 10, SGD |" in printed
    assert (
        "| – | – |" in printed and "not measured (needs ≥ 5.0)" in printed
    )  # no PyTorch this time
    assert "random data" in printed and ", BLAS " in printed
    assert "Slopes of log time against log size: examples " in printed
    svg = (tmp_path / "bench.svg").read_text(encoding="utf-8")
    assert "<svg" in svg
    for seconds in results.values():
        assert set(seconds) == {"floor", "bare loop", "nntrain", "scikit-learn"}
        assert all((values > 0).all() for values in seconds.values())


def test_slopes_tell_how_time_grows(bench, monkeypatch):
    """With a clock that says time is 3 · examples · width² · depth^0.5."""
    sizes = {
        "examples": [(n, 4, 2) for n in (10, 20, 40)],
        "width": [(10, n, 2) for n in (4, 8, 16)],
        "depth": [(10, 4, n) for n in (1, 2, 4)],
    }
    monkeypatch.setattr(bench, "GROWTH", sizes)

    def times(epochs, repeats, clock):
        settings = {name: eval(name) for name in epochs}
        return {
            name: np.full(repeats, 3 * n * width**2 * depth**0.5)
            for name, (n, width, depth) in settings.items()
        }

    monkeypatch.setattr(bench, "time_rounds", times)
    slopes = bench.growth(3, None)
    assert slopes == pytest.approx({"examples": 1, "width": 2, "depth": 0.5})


@pytest.mark.parametrize("row", [0, 4])
def test_jax_trains_the_same_network(row, bench, rng):
    """From the same weights and in one batch, JAX's first losses are those of the package."""
    pytest.importorskip("jax", reason="JAX is not installed")
    case = dataclasses.replace(bench.CASES[row], batch_size=64)
    x, y = rng.random((64, 784), dtype=np.float32), rng.integers(0, 10, 64)
    ours, theirs = bench.nntrain_epoch(case, x, y), bench.jax_epoch(case, x, y)
    for _ in range(3):
        assert ours()[-1] == pytest.approx(theirs()[0], rel=1e-4)


@pytest.mark.parametrize("row", [0, 4])
def test_every_contender_learns_in_as_many_steps(row, bench, torch):
    case, rng = bench.CASES[row], np.random.default_rng(0)
    y = rng.integers(0, 10, 100)
    x = rng.random((100, 784), dtype=np.float32)
    bench.floor_epoch(case, 100)()
    ours = bench.nntrain_epoch(case, x, y)
    contenders = [
        ours,
        bench.torch_epoch(case, x, y),
        bench.torch_epoch(case, x, y, True),
    ]
    for epoch in contenders:
        first = epoch()
        assert len(first) == math.ceil(100 / case.batch_size)
        assert 2 < first[0] < 3  # about log 10
        for _ in range(20):
            last = epoch()
        assert np.mean(last) < np.mean(first)


def test_the_bare_loop_takes_the_very_steps_of_nntrain(bench):
    case, rng = bench.CASES[1], np.random.default_rng(0)
    x, y = (
        rng.random((100, 784), dtype=np.float32),
        rng.integers(0, 10, 100),
    )  # the last batch is short
    bare, ours = bench.bare_epoch(case, x, y), bench.nntrain_epoch(case, x, y)
    for _ in range(20):
        np.testing.assert_allclose(bare(), ours(), rtol=1e-4)


def test_the_fastest_product_is_that_product(bench):
    a, b, out = bench.fastest_product(7, 5, 3)
    np.dot(a, b, out)
    rng = np.random.default_rng(0)
    expected = rng.random((7, 5), dtype=np.float32) @ rng.random(
        (5, 3), dtype=np.float32
    )
    np.testing.assert_allclose(
        out if out.shape == (7, 3) else out.T, expected, rtol=1e-5
    )


def test_ratios_are_medians_of_each_rounds_own(bench):
    seconds = {
        "PyTorch": np.array([2.0, 40.0, 6.0]),
        "nntrain": np.array([1.0, 10.0, 2.0]),
    }
    assert bench.ratio(seconds, "PyTorch", "nntrain") == 3.0
    assert math.isnan(bench.ratio(seconds, "nntrain", "floor"))
    assert bench.mark(1.2, True, "≤ 1.3") == "1.20 ✓ (needs ≤ 1.3)"


def test_a_sweep_goes_on_where_it_stopped_and_keeps_the_order(tmp_path):
    import longruns

    called = []

    def run(base, lr, seed):
        called.append((lr, seed))
        if len(called) == 3:
            raise KeyboardInterrupt
        return {"loss": base * lr + seed}

    settings = [{"lr": lr, "seed": seed} for lr in (0.1, 0.2) for seed in (0, 1)]
    with pytest.raises(KeyboardInterrupt):
        longruns.sweep(run, settings, tmp_path / "kept.jsonl", 10, jobs=1)
    results = longruns.sweep(run, settings, tmp_path / "kept.jsonl", 10, jobs=1)
    assert called == [(0.1, 0), (0.1, 1), (0.2, 0), (0.2, 0), (0.2, 1)]
    assert [result["loss"] for result in results] == [1, 2, 2, 3]
    assert [{"lr": r["lr"], "seed": r["seed"]} for r in results] == settings


def test_a_sweep_on_a_cluster_survives_the_loss_of_a_worker(tmp_path):
    """Two local workers of Dask; one is killed by its third task and comes back."""
    distributed = pytest.importorskip("distributed")
    import joblib

    import longruns

    died, data = tmp_path / "died", np.arange(1000.0)

    def run(data, seed):
        if seed == 2 and not died.exists():
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return {"sum": float(data.sum()) + seed}

    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        client.upload_file(str(ROOT / "benchmarks" / "longruns.py"))
        settings = [{"seed": seed} for seed in range(6)]
        with joblib.parallel_config(backend="dask", scatter=[data]):
            results = longruns.sweep(run, settings, tmp_path / "kept.jsonl", data)
    assert died.exists()
    assert [r["sum"] for r in results] == [data.sum() + seed for seed in range(6)]


def test_a_stored_result_tells_where_it_was_made(tmp_path):
    import longruns

    facts = longruns.provenance("--part x", seeds=[0, 1])
    longruns.store(tmp_path / "x.json", facts, runs=[{"a": 1}, {"a": 2}])
    stored = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    assert stored == {"provenance": facts, "runs": [{"a": 1}, {"a": 2}]}
    assert {"command", "date", "versions", "processor", "blas"} <= set(facts)
    assert facts["processor"] and facts["versions"]["numpy"] == np.__version__


def test_an_image_is_shifted_by_at_most_one_pixel_and_loses_nothing(runs):
    image = np.zeros((1, 28, 28), np.float32)
    image[0, 10, 20] = 1
    places = set()
    rng = np.random.default_rng(0)
    for _ in range(200):
        moved = runs.shifted(image.reshape(1, 784), rng).reshape(28, 28)
        places.add(tuple(int(i) for i in np.argwhere(moved == 1)[0]))
        assert moved.sum() == 1
    assert places == {(10 + i, 20 + j) for i in (-1, 0, 1) for j in (-1, 0, 1)}


def test_summary_by_hand(runs):
    results = [
        {
            "hidden": 30,
            "cost": "quadratic",
            "weights": "N(0, 1)",
            "test_accuracy": test,
            "validation_accuracy": val,
        }
        for test, val in [
            ([0.5, 0.9, 0.8], [0.9, 0.1, 0.1]),
            ([0.6, 0.7, 0.6], [0.1, 0.2, 0.3]),
        ]
    ]
    (row,) = runs.summarise(results)
    assert (row["last_mean"], row["peak_mean"], row["chosen_mean"]) == (0.7, 0.8, 0.55)
    assert row["last_std"] == pytest.approx(0.2 / math.sqrt(2), abs=1e-5)


@pytest.fixture(scope="module")
def table():
    return json.loads(
        (ROOT / "book" / "data" / "mnist_table.json").read_text(encoding="utf-8")
    )


def test_the_stored_table_is_whole_and_its_summary_follows_from_its_runs(table, runs):
    assert table["summary"] == runs.summarise(table["runs"])
    assert len(table["summary"]) == 8
    assert {row["seeds"] for row in table["summary"]} == {10}
    assert all(
        len(run["test_accuracy"]) == table["provenance"]["epochs"]
        for run in table["runs"]
    )
    assert {"command", "date", "versions", "seeds"} <= set(table["provenance"])


def test_the_stored_table_is_reproduced_in_part(table, runs, data):
    (stored,) = [
        run
        for run in table["runs"]
        if (run["hidden"], run["cost"], run["weights"], run["seed"])
        == (30, "cross-entropy", "N(0, 1/fan_in)", 0)
    ]
    again = runs.published_run(
        data, 30, "cross-entropy", "N(0, 1/fan_in)", seed=0, epochs=2
    )
    # another processor rounds differently, and 10,000 steps make that visible in the third digit
    np.testing.assert_allclose(
        again["test_accuracy"], stored["test_accuracy"][:2], atol=0.004
    )
    np.testing.assert_allclose(
        again["validation_accuracy"], stored["validation_accuracy"][:2], atol=0.004
    )


def test_the_stored_digit_network_is_as_good_as_it_says(runs, data):
    path = ROOT / "book" / "data" / "digit_network.npz"
    assert path.stat().st_size <= 180_000
    network, facts = runs.load_digit_network(path)
    found = accuracy(network.predict(data.x_test[:1000]), data.y_test[:1000])
    assert found == pytest.approx(facts["test_accuracy_of_first_1000"], abs=0.0011)
    assert facts["test_accuracy"] >= 0.98
    assert {"command", "date", "versions", "seeds"} <= set(facts)


@pytest.fixture(scope="module")
def sweeps():
    return importlib.import_module("sweeps")


def stored(name):
    return json.loads((ROOT / "book" / "data" / name).read_text(encoding="utf-8"))


def test_what_is_stored_for_chapter_9_is_what_its_cells_measure(torch):
    """Its first curve, from its own cells, and every entry that a later cell asks for."""
    import frameworks

    kept = stored("frameworks.json")["numbers"]
    names = frameworks.names_of(frameworks.CHAPTER, last="a46bb368")
    measured = names["pytorch"]
    assert set(measured) <= set(kept) and measured["forward"] < 1e-13
    np.testing.assert_allclose(measured["losses"], kept["losses"], atol=1e-2)
    np.testing.assert_allclose(measured["losses"][:20], kept["losses"][:20], atol=1e-4)


def test_the_stored_losses_of_jax_and_keras_are_the_curve_of_nntrain():
    import frameworks

    kept = stored("jax_keras.json")
    names = frameworks.names_of(frameworks.CHAPTER, last="a46bb368")
    for library in ("JAX", "Keras"):
        assert library.lower() in kept["provenance"]["versions"]
        found = np.array(kept["numbers"][library])
        np.testing.assert_allclose(found, names["curves"]["nntrain"], atol=1e-2)
        np.testing.assert_allclose(
            found[:20], names["curves"]["nntrain"][:20], atol=1e-4
        )


def test_the_stored_search_looked_twice_at_the_best(runs):
    search = stored("mnist_search.json")
    first = search["first"]
    best = [{key: r[key] for key in runs.SETTING} for r in runs.best_of(first)]
    again = [{key: r[key] for key in runs.SETTING} for r in search["second"]]
    assert all(setting in best for setting in again)
    assert len(again) == len(best) * len(search["provenance"]["seeds"]["second"])
    draws = sum(run["widths"] == [200] for run in first)
    assert runs.draw_settings(draws) == [
        {key: run[key] for key in runs.SETTING} for run in first
    ]
    seeds = search["provenance"]["seeds"]
    assert not set(seeds["first"]) & set(seeds["second"])


def test_the_stored_search_is_reproduced_in_part(runs, data):
    """The run with the fewest steps, to within what rounding may do."""
    quick = max(
        stored("mnist_search.json")["first"],
        key=lambda r: (r["batch"], -len(r["widths"])),
    )
    setting = {key: quick[key] for key in (*runs.SETTING, "seed")}
    again = runs.better_run(data, **setting)
    assert again["validation_accuracy"] == pytest.approx(
        quick["validation_accuracy"], abs=0.006
    )


def test_the_ablation_changes_one_thing_of_the_winner_at_a_time(runs):
    kept = stored("mnist_ablation.json")
    base, seeds = kept["provenance"]["base"], kept["provenance"]["seeds"]
    assert base == runs.winner(stored("mnist_search.json")["second"])
    whole = sum(map(len, runs.ABLATION.values())) * len(seeds)
    assert len(kept["runs"]) == whole
    for run in kept["runs"]:
        setting = {key: run.get(key) for key in runs.SETTING}
        changed = {key for key in base if setting[key] != base[key]} - {"lr"}
        changed |= {"units", "schedule", "optimizer"} & set(run)
        assert len(changed) == (run["change"] != "nothing changed"), run


def test_the_winner_has_the_best_mean_and_not_the_best_run(runs):
    setting = dict(zip(runs.SETTING, ([9], 0.1, 0.0, 0.0, 5), strict=True))
    found = [
        {**setting, "lr": lr, "validation_accuracy": value}
        for lr, value in ((0.1, 0.9), (0.1, 0.7), (0.2, 0.85), (0.2, 0.84))
    ]
    assert runs.winner(found) == {**setting, "lr": 0.2}


def test_the_runs_beside_the_table_are_whole_and_begin_as_stored(runs, data):
    kept = stored("mnist_outputs.json")
    seeds, epochs = kept["provenance"]["seeds"], kept["provenance"]["epochs"]
    assert len(kept["runs"]) == len(runs.OUTPUTS) * len(seeds)
    assert {len(run["test_accuracy"]) for run in kept["runs"]} == {epochs}
    first = next(r for r in kept["runs"] if (r["hidden"], r["cost"]) == (10, "softmax"))
    again = runs.published_run(data, 10, "softmax", first["weights"], seed=0, epochs=1)
    assert again["test_accuracy"][0] == pytest.approx(
        first["test_accuracy"][0], abs=0.006
    )


def test_the_stored_rounding_twins_are_whole_and_begin_alike():
    rounding = stored("mnist_rounding.json")
    pairs = list(zip(rounding["runs"], rounding["twins"], strict=True))
    assert [run["seed"] for run, _ in pairs] == rounding["provenance"]["seeds"]
    for run, twin in pairs:
        assert run["seed"] == twin["seed"]
        assert len(run["test_accuracy"]) == len(twin["test_accuracy"]) == 30
        assert abs(run["test_accuracy"][0] - twin["test_accuracy"][0]) < 0.01


def test_the_stored_sweeps_are_whole_and_choose_by_the_tuning_seeds(sweeps):
    batching, rates = stored("batching.json"), stored("learning_rates.json")
    settings = len(sweeps.BUDGETS) * len(sweeps.BATCH_SIZES) * len(sweeps.BATCH_RATES)
    assert len(batching["runs"]) == settings
    assert {len(row["losses"]) for row in batching["runs"]} == {len(sweeps.SEEDS)}
    assert len(batching["adam"]) == len(sweeps.BATCH_SIZES) * len(sweeps.ADAM_RATES)
    assert len(batching["goal"]) == len(sweeps.GOAL_SIZES) * len(sweeps.GOAL_RATES)
    assert {len(row["updates"]) for row in batching["goal"]} == {len(sweeps.SEEDS)}
    for kind, entries in (
        ("optimizers", sweeps.OPTIMIZERS),
        ("schedules", sweeps.SCHEDULES),
    ):
        assert [row["name"] for row in rates[kind]] == list(entries)
        for row in rates[kind]:
            tuning = [
                other
                for other in rates[f"{kind}_tuning"]
                if other["name"] == row["name"]
            ]
            assert {other["second"] for other in tuning} == set(entries[row["name"]][1])
            best = min(tuning, key=lambda other: sum(other["losses"]))
            assert (row["second"], row["lr"]) == (best["second"], best["lr"])
            assert len(row["losses"]) == len(sweeps.SEEDS)
    assert not set(sweeps.SEEDS) & set(sweeps.TUNING)


def test_the_stored_sweeps_are_reproduced_in_part(sweeps):
    # Another processor rounds differently; so the middle of several runs, and not to the last digit.
    for row in stored("batching.json")["runs"]:
        if (
            row["budget"] == "updates"
            and row["batch_size"] == 64
            and 0.3 < row["lr"] < 0.6
        ):
            found = sweeps.batch_losses(row["budget"], row["batch_size"], row["lr"])
            assert np.median(found["losses"]) == pytest.approx(
                np.median(row["losses"]), rel=0.05
            )
    for row in stored("batching.json")["adam"]:
        if row["batch_size"] == 64 and 0.04 < row["lr"] < 0.06:
            found = sweeps.adam_losses(row["batch_size"], row["lr"])
            assert np.median(found["losses"]) == pytest.approx(
                np.median(row["losses"]), rel=0.1
            )
    for row in stored("batching.json")["goal"]:
        if row["batch_size"] == 64 and 0.4 < row["lr"] < 0.6:
            found = sweeps.goal_updates(row["batch_size"], row["lr"])
            assert np.median(found["updates"]) == pytest.approx(
                np.median(row["updates"]), rel=0.1
            )
    rates = stored("learning_rates.json")
    for kind, run, name in (
        ("optimizers", sweeps.race_losses, "Nesterov"),
        ("schedules", sweeps.schedule_losses, "linear"),
    ):
        (row,) = [row for row in rates[kind] if row["name"] == name]
        found = run(name, row["second"], row["lr"], sweeps.SEEDS[:5])
        assert np.median(found["losses"]) == pytest.approx(
            np.median(row["losses"][:5]), rel=0.2
        )
    for row in rates["warm_up"]:
        if row["name"] == "Adam" and row["lr"] == 0.02:
            found = sweeps.warm_losses("Adam", row["warm"], row["lr"])
            assert np.median(found["losses"]) == pytest.approx(
                np.median(row["losses"]), rel=0.1
            )


def test_the_stored_sweeps_on_practice_are_whole_and_reproduced_in_part():
    practice = importlib.import_module("practice")
    kept = stored("practice.json")
    assert [(row["pair"], row["lr"]) for row in kept["search"]] == [
        (pair, lr) for pair in practice.SECONDS for lr in practice.RATES
    ]
    shape = (len(practice.RATES), len(practice.SEARCH_SEEDS))
    assert all(np.shape(row["losses"]) == shape for row in kept["search"])
    middle = kept["search"][practice.RATES.index(0.17321)]
    again = practice.search_losses(middle["pair"], middle["lr"])["losses"]
    np.testing.assert_allclose(again, middle["losses"], rtol=0.1)
    for row in kept["seeds"]:
        assert len(row["losses"]) == len(row["accuracies"]) == len(practice.SEEDS)
        few = [
            practice.validation_run(seed, 0.2, width=row["width"]) for seed in range(10)
        ]
        found = np.median(np.array(few), axis=0)
        assert found[0] == pytest.approx(np.median(row["losses"][:10]), rel=0.05)
        assert found[1] == pytest.approx(np.median(row["accuracies"][:10]), abs=0.01)
