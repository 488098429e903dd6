"""Makes the results that chapter 8 shows and that take long (``make reproduce``), into ``book/data``.

``mnist_table.json``: the published MNIST experiments, ten seeds each. ``digit_network.npz``: a small network
that reads digits drawn with the mouse. Both hold their provenance. Each training run is one call of a
function, so joblib spreads the runs over all cores, or over a cluster with another joblib backend.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from nntrain import (
    SGD,
    Adam,
    Batches,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    Linear,
    QuadraticLoss,
    ReLU,
    Sequential,
    Sigmoid,
    accuracy,
    fit,
    one_hot,
)
from nntrain.callbacks import Callback
from nntrain.datasets import Dataset, load_mnist
from nntrain.initializers import lecun_normal, normal
from nntrain.schedules import cosine
from nntrain.training import History, Run

DATA = Path(__file__).parents[1] / "book" / "data"
HIDDEN, COSTS, WEIGHTS = (
    (30, 100),
    ("cross-entropy", "quadratic"),
    ("N(0, 1)", "N(0, 1/fan_in)"),
)
N_TRAIN = 50_000  # as published; the other 10,000 training images are for validation


class Accuracies(Callback):
    """After every epoch, the share of right answers on each of the named data sets."""

    def __init__(self, **sets: tuple[np.ndarray, np.ndarray]) -> None:
        self.sets = sets
        self.values: dict[str, list[float]] = {name: [] for name in sets}

    def on_epoch_end(self, run: Run) -> None:
        for name, (x, y) in self.sets.items():
            self.values[name].append(round(accuracy(run.network.predict(x), y), 4))


def published_run(
    data: Dataset, hidden: int, cost: str, weights: str, seed: int, epochs: int = 30
) -> dict[str, Any]:
    """One run of the published experiment: sigmoid units, batches of 10, plain gradient descent.

    Cross-entropy with η = 0.5, quadratic cost with η = 3; biases from N(0, 1). One thread, so that runs side
    by side do not hinder each other and the numbers do not depend on the number of cores.
    """
    rng = np.random.default_rng(seed)
    init = {"N(0, 1)": normal(1.0), "N(0, 1/fan_in)": lecun_normal}[weights]
    layers = [
        Linear(784, hidden, rng=rng, init=init, bias_init=normal(1.0)),
        Sigmoid(),
        Linear(hidden, 10, rng=rng, init=init, bias_init=normal(1.0)),
    ]
    if cost == "quadratic":
        network, loss, lr = Sequential(*layers, Sigmoid()), QuadraticLoss(), 3.0
    else:
        network, loss, lr = (
            Sequential(*layers),
            BCEWithLogitsLoss(reduction="batchmean"),
            0.5,
        )
    train = Batches(
        data.x_train[:N_TRAIN],
        one_hot(data.y_train[:N_TRAIN], 10),
        batch_size=10,
        rng=rng,
    )
    log = Accuracies(
        test=(data.x_test, data.y_test),
        validation=(data.x_train[N_TRAIN:], data.y_train[N_TRAIN:]),
    )
    began = time.perf_counter()
    with threadpool_limits(1):
        fit(
            network,
            loss,
            SGD(network, lr=lr),
            train,
            epochs=epochs,
            callbacks=[log],
            progress=False,
        )
    return {
        "hidden": hidden,
        "cost": cost,
        "weights": weights,
        "seed": seed,
        "seconds": round(time.perf_counter() - began, 1),
        "test_accuracy": log.values["test"],
        "validation_accuracy": log.values["validation"],
    }


def summarise(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mean and standard deviation (divisor n − 1) over the seeds, a row for each configuration.

    ``last`` is the accuracy after the last epoch, ``peak`` the highest of any epoch. The peak is chosen by
    looking at the test data, so it flatters; ``chosen`` is at the epoch that was best on the validation data.
    """
    rows = []
    for hidden, cost, weights in itertools.product(HIDDEN, COSTS, WEIGHTS):
        same = [
            r
            for r in runs
            if (r["hidden"], r["cost"], r["weights"]) == (hidden, cost, weights)
        ]
        if not same:
            continue
        row: dict[str, Any] = {
            "hidden": hidden,
            "cost": cost,
            "weights": weights,
            "seeds": len(same),
        }
        columns = {
            "last": [r["test_accuracy"][-1] for r in same],
            "peak": [max(r["test_accuracy"]) for r in same],
            "chosen": [
                r["test_accuracy"][int(np.argmax(r["validation_accuracy"]))]
                for r in same
            ],
        }
        for name, values in columns.items():
            row[f"{name}_mean"] = round(float(np.mean(values)), 5)
            row[f"{name}_std"] = (
                round(float(np.std(values, ddof=1)), 5) if len(values) > 1 else 0.0
            )
        rows.append(row)
    return rows


def make_table(data: Dataset, path: Path, seeds: int, epochs: int, jobs: int) -> None:
    """Train every configuration from every seed; write runs and summary to ``path``."""
    began = time.perf_counter()
    settings = list(itertools.product(HIDDEN, COSTS, WEIGHTS, range(seeds)))
    runs = Parallel(n_jobs=jobs, verbose=5)(
        delayed(published_run)(data, *setting, epochs=epochs) for setting in settings
    )
    facts = provenance(
        f"--part table --seeds {seeds} --epochs {epochs}",
        time.perf_counter() - began,
        seeds=list(range(seeds)),
        epochs=epochs,
        jobs=jobs,
        setting="sigmoid units, batch 10, SGD; cross-entropy lr 0.5, quadratic lr 3; biases N(0, 1); "
        "float32; 50000 training, 10000 validation, 10000 test images",
    )
    lines = ",\n".join(json.dumps(run) for run in runs)
    rows = ",\n".join(json.dumps(row) for row in summarise(runs))
    path.write_text(
        f'{{"provenance": {json.dumps(facts, indent=1)},\n'
        f'"summary": [\n{rows}\n],\n"runs": [\n{lines}\n]}}\n',
        encoding="utf-8",
    )
    print(rows, f"\nwritten to {path}")


def shifted(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each flat 28×28 image moved by −1, 0 or 1 pixels down and across, at random; what enters is blank."""
    padded = np.pad(images.reshape(-1, 28, 28), ((0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (28, 28), axis=(1, 2))
    down, across = rng.integers(0, 3, (2, len(images)))
    return windows[np.arange(len(images)), down, across].reshape(-1, 784)


def digit_network(data: Dataset, epochs: int = 60, seed: int = 0) -> Sequential:
    """A 784–100–10 ReLU network that has seen each training digit shifted differently in every epoch."""
    rng = np.random.default_rng(seed)
    network = Sequential(Linear(784, 100, rng=rng), ReLU(), Linear(100, 10, rng=rng))
    steps = len(data.x_train) // 100
    optimizer = Adam(network, lr=cosine(2e-3, total_steps=steps * epochs))
    history = History()
    with threadpool_limits(1):
        for epoch in range(epochs):
            train = Batches(
                shifted(data.x_train, rng), data.y_train, 100, drop_last=True, rng=rng
            )
            fit(
                network,
                CrossEntropyLoss(),
                optimizer,
                train,
                epochs=epoch + 1,
                history=history,
                progress=False,
            )
    return network


def load_digit_network(path: Path) -> tuple[Sequential, dict[str, Any]]:
    """The stored network, ready to predict in float32, and its facts."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    rng = np.random.default_rng(0)
    hidden, classes = arrays["weight2"].shape
    network = Sequential(
        Linear(784, hidden, rng=rng), ReLU(), Linear(hidden, classes, rng=rng)
    )
    for number, layer in ((1, network.layers[0]), (2, network.layers[2])):
        layer.weight[...], layer.bias[...] = (
            arrays[f"weight{number}"],
            arrays[f"bias{number}"],
        )
    return network, json.loads(str(arrays["provenance"]))


def make_digit_network(data: Dataset, path: Path, epochs: int) -> None:
    """Train the network for drawn digits and store it in float16: two bytes a weight are enough."""
    began = time.perf_counter()
    network = digit_network(data, epochs)
    first, second = network.layers[0], network.layers[2]
    arrays = {
        "weight1": first.weight,
        "bias1": first.bias,
        "weight2": second.weight,
        "bias2": second.bias,
    }
    small = {name: array.astype(np.float16) for name, array in arrays.items()}
    for name, array in arrays.items():
        array[...] = small[name]  # measure what is stored
    facts = provenance(
        f"--part digits --digit-epochs {epochs}",
        time.perf_counter() - began,
        seeds=[0],
        epochs=epochs,
        setting="784–100–10, ReLU, Adam lr 0.002 falling along a cosine, batch 100, every image shifted by "
        "up to one pixel; trained on the 60000 training images, values in [0, 1]; "
        "logits = relu(x·weight1 + bias1)·weight2 + bias2",
        test_accuracy=round(accuracy(network.predict(data.x_test), data.y_test), 4),
        test_accuracy_of_first_1000=round(
            accuracy(network.predict(data.x_test[:1000]), data.y_test[:1000]), 4
        ),
    )
    np.savez_compressed(path, **small, provenance=np.array(json.dumps(facts)))
    print(
        f"test accuracy {facts['test_accuracy']:.2%}, {path.stat().st_size / 1000:.0f} kB, written to {path}"
    )


def provenance(options: str, seconds: float, **facts: Any) -> dict[str, Any]:
    return {
        "command": f"make reproduce (python benchmarks/reproduce.py {options})",
        **facts,
        "date": datetime.now(UTC).date().isoformat(),
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "seconds": round(seconds, 1),
    }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--part", choices=("all", "table", "digits"), default="all")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--digit-epochs", type=int, default=60)
    parser.add_argument(
        "--jobs", type=int, default=-1, help="runs side by side (default: one a core)"
    )
    parser.add_argument("--out", type=Path, default=DATA)
    chosen = parser.parse_args(arguments)
    data = load_mnist()
    chosen.out.mkdir(parents=True, exist_ok=True)
    if chosen.part in ("all", "digits"):
        make_digit_network(data, chosen.out / "digit_network.npz", chosen.digit_epochs)
    if chosen.part in ("all", "table"):
        make_table(
            data,
            chosen.out / "mnist_table.json",
            chosen.seeds,
            chosen.epochs,
            chosen.jobs,
        )


if __name__ == "__main__":
    sys.exit(main())
