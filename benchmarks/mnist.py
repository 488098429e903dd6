"""The long runs behind the chapter on MNIST: published experiments, a search, a network for drawn digits.

`mnist_table.json`: the published experiments, ten seeds each. `mnist_outputs.json`: the same with a
softmax, and with ten hidden units. `mnist_rounding.json`: one of them again, on this processor and
as another one might round it. `mnist_search.json`: a search for the better network, on validation
data. `mnist_ablation.json`: that network with one thing changed at a time. `digit_network.npz`: a
small network that reads digits drawn with the mouse. All hold their provenance.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from longruns import provenance, store, sweep
from nntrain import (
    SGD,
    Adam,
    AdamW,
    Batches,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    Dropout,
    Linear,
    QuadraticLoss,
    ReLU,
    Sequential,
    Sigmoid,
    accuracy,
    fit,
    one_hot,
    train_val_split,
)
from nntrain.callbacks import Callback, EarlyStopping
from nntrain.datasets import Dataset, load_mnist
from nntrain.datasets.rounding import VARIABLE
from nntrain.initializers import he_normal, lecun_normal, normal
from nntrain.optimizers import Optimizer
from nntrain.schedules import constant, cosine
from nntrain.training import History, Run

HIDDEN, COSTS, WEIGHTS = (
    (30, 100),
    ("cross-entropy", "quadratic"),
    ("N(0, 1)", "N(0, 1/fan_in)"),
)
PUBLISHED = (
    "sigmoid units, batch 10, SGD; cross-entropy lr 0.5, quadratic lr 3; biases N(0, 1); "
    "float32; 50000 training, 10000 validation, 10000 test images"
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

    Cross-entropy with η = 0.5, quadratic cost with η = 3; biases from N(0, 1). The cost "softmax"
    has one softmax in place of the ten sigmoid outputs, and η = 0.5.
    """
    rng = np.random.default_rng(seed)
    init = {"N(0, 1)": normal(1.0), "N(0, 1/fan_in)": lecun_normal}[weights]
    layers = [
        Linear(784, hidden, rng=rng, init=init, bias_init=normal(1.0)),
        Sigmoid(),
        Linear(hidden, 10, rng=rng, init=init, bias_init=normal(1.0)),
    ]
    if cost == "quadratic":
        layers.append(Sigmoid())
    network = Sequential(*layers)
    loss, lr = {
        "quadratic": (QuadraticLoss(), 3.0),
        "cross-entropy": (BCEWithLogitsLoss(reduction="batchmean"), 0.5),
        "softmax": (CrossEntropyLoss(), 0.5),
    }[cost]
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
    optimizer = SGD(network, lr=lr)
    fit(network, loss, optimizer, train, epochs=epochs, callbacks=[log], progress=False)
    return {
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


def make_table(data: Dataset, path: Path, jobs: int, seeds: int, epochs: int) -> None:
    """Every configuration from every seed. The summary of another processor's table is kept."""
    settings = [
        {"hidden": h, "cost": c, "weights": w, "seed": seed, "epochs": epochs}
        for h, c, w, seed in itertools.product(HIDDEN, COSTS, WEIGHTS, range(seeds))
    ]
    runs = sweep(published_run, settings, path.with_suffix(".jsonl"), data, jobs=jobs)
    facts = provenance(
        f"--part table --seeds {seeds} --epochs {epochs}",
        seeds=list(range(seeds)),
        epochs=epochs,
        setting=PUBLISHED,
    )
    earlier = other_processors(path, facts["processor"])
    store(path, facts, summary=summarise(runs), runs=runs, earlier=earlier)


# What the table lacks: one softmax in place of ten sigmoids, and a hidden layer of ten units.
OUTPUTS = (
    (30, "softmax", "N(0, 1)"),
    (30, "softmax", "N(0, 1/fan_in)"),
    (10, "softmax", "N(0, 1/fan_in)"),
    (10, "cross-entropy", "N(0, 1/fan_in)"),
)


def make_outputs(data: Dataset, path: Path, jobs: int, seeds: int, epochs: int) -> None:
    """The runs that stand beside the table: other outputs, fewer hidden units."""
    settings = [
        {"hidden": h, "cost": c, "weights": w, "seed": seed, "epochs": epochs}
        for seed in range(seeds)
        for h, c, w in OUTPUTS
    ]
    runs = sweep(published_run, settings, path.with_suffix(".jsonl"), data, jobs=jobs)
    facts = provenance(
        f"--part outputs --seeds {seeds} --epochs {epochs}",
        seeds=list(range(seeds)),
        epochs=epochs,
        setting=PUBLISHED + "; softmax lr 0.5",
    )
    store(path, facts, runs=runs)


@contextmanager
def rounded() -> Iterator[None]:
    """Within it the loaders give a rounding twin of the data."""
    os.environ[VARIABLE] = "1"
    yield
    del os.environ[VARIABLE]


def make_rounding(
    data: Dataset, path: Path, jobs: int, seeds: int, epochs: int
) -> None:
    """The first configuration once more, as this processor rounds and as another one might."""
    setting = {"hidden": 30, "cost": "cross-entropy", "weights": "N(0, 1)"}
    settings = [{**setting, "seed": seed, "epochs": epochs} for seed in range(seeds)]
    kept = path.with_suffix(".jsonl")
    runs = sweep(published_run, settings, kept, data, jobs=jobs)
    with rounded():
        nearly = load_mnist()
    kept = path.with_suffix(".twins")
    twins = sweep(published_run, settings, kept, nearly, jobs=jobs)
    facts = provenance(
        f"--part rounding --seeds {seeds} --epochs {epochs}",
        seeds=list(range(seeds)),
        epochs=epochs,
        setting=PUBLISHED,
        twins="the same runs, half of the pixels moved to the neighbouring float32 (NNTRAIN_ROUNDING=1)",
    )
    store(path, facts, runs=runs, twins=twins)


def other_processors(path: Path, processor: str) -> list[dict[str, Any]]:
    """Provenance and summary of the tables that were made before, on other processors."""
    if not path.exists():
        return []
    old = json.loads(path.read_text(encoding="utf-8"))
    tables = [
        *old.get("earlier", []),
        {key: old[key] for key in ("provenance", "summary")},
    ]
    return [t for t in tables if t["provenance"].get("processor") != processor]


# The two shapes of the search, and the share of draws each gets: about the same computing time.
SHAPES = {(200,): 1.0, (256, 128): 0.5}
EPOCHS = 10


def draw_settings(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Settings at random, rate and decay evenly in the logarithm: `count` for the first shape."""
    rng = np.random.default_rng(seed)
    return [
        {
            "widths": list(widths),
            "lr": _two_digits(10 ** rng.uniform(np.log10(3e-4), np.log10(1e-2))),
            "decay": _two_digits(10 ** rng.uniform(-3, 0)),
            "drop": round(0.1 * float(rng.integers(0, 6)), 1),
            "batch": int(rng.choice([50, 100, 200, 400])),
        }
        for widths, share in SHAPES.items()
        for _ in range(round(share * count))
    ]


def _two_digits(value: float) -> float:
    return float(f"{value:.1e}")


def better_run(
    data: Dataset,
    widths: list[int],
    lr: float,
    decay: float,
    drop: float,
    batch: int,
    seed: int,
    units: str = "ReLU",
    schedule: str = "cosine",
    optimizer: str = "AdamW",
) -> dict[str, Any]:
    """One training of the chapter's better network; its accuracy on validation data.

    The parts are those of the chapter: ReLU layers from He's start, dropout, AdamW with a rate
    that falls along a cosine, and the weights of the epoch with the lowest validation loss.
    The test images are not looked at. The last three are for the ablation.
    """
    rng, layers, n = np.random.default_rng(seed), [], data.x_train.shape[1]
    unit, init = {"ReLU": (ReLU, he_normal), "sigmoid": (Sigmoid, lecun_normal)}[units]
    x, y, x_val, y_val = train_val_split(
        data.x_train, data.y_train, len(data.x_train) // 6, rng=np.random.default_rng(8)
    )
    for width in widths:
        layers += [
            Linear(n, width, rng=rng, init=init),
            unit(),
            Dropout(drop, rng),
        ]
        n = width
    network = Sequential(*layers, Linear(n, 10, rng=rng))
    train = Batches(x, y, batch, rng=rng)
    rate = cosine(lr, EPOCHS * len(train)) if schedule == "cosine" else constant(lr)
    if optimizer == "AdamW":
        method: Optimizer = AdamW(network, lr=rate, weight_decay=decay)
    else:  # about the decay a step that AdamW has, lr · decay
        method = SGD(network, lr=rate, momentum=0.9, weight_decay=decay / 100)
    stop = EarlyStopping(patience=3)
    fit(
        network,
        CrossEntropyLoss(),
        method,
        train,
        (x_val, y_val),
        epochs=EPOCHS,
        callbacks=[stop],
        progress=False,
    )
    return {"validation_accuracy": accuracy(network.predict(x_val), y_val)}


def make_search(data: Dataset, path: Path, jobs: int, draws: int, seeds: int) -> None:
    """Random search, and a second look at the best.

    First every setting from one seed; then the best two of all from `seeds` other seeds, since
    the best of many single runs was partly lucky.
    """
    kept = path.with_suffix(".jsonl")
    drawn = draw_settings(draws)
    first = sweep(better_run, [{**s, "seed": 0} for s in drawn], kept, data, jobs=jobs)
    again = [
        {**{key: run[key] for key in SETTING}, "seed": seed}
        for run in best_of(first)
        for seed in range(1, seeds + 1)
    ]
    second = sweep(better_run, again, kept, data, jobs=jobs)
    facts = provenance(
        f"--part search --draws {draws} --seeds {seeds}",
        seeds={
            "first": [0],
            "second": list(range(1, seeds + 1)),
        },
        epochs=EPOCHS,
        setting="ReLU, He's start, dropout, AdamW, cosine, best epoch by validation loss; "
        "lr in [0.0003, 0.01] and decay in [0.001, 1] evenly in the logarithm; "
        "50000 training and 10000 validation images, test images unused",
    )
    store(path, facts, first=first, second=second)


SETTING = ("widths", "lr", "decay", "drop", "batch")


def best_of(runs: list[dict[str, Any]], count: int = 2) -> list[dict[str, Any]]:
    """The runs with the highest validation accuracy, the best first."""
    return sorted(runs, key=lambda run: -run["validation_accuracy"])[:count]


# One change at a time from the better network. Where the change asks for another rate, several
# are tried, and the one with the best mean counts.
ABLATION: dict[str, list[dict[str, Any]]] = {
    "nothing changed": [{}],
    "no dropout": [{"drop": 0.0}],
    "no weight decay": [{"decay": 0.0}],
    "constant rate": [{"schedule": "constant", "lr": lr} for lr in (0.0028, 0.001)],
    "SGD with momentum": [{"optimizer": "SGD", "lr": lr} for lr in (0.03, 0.1)],
    "sigmoid units": [{"units": "sigmoid", "lr": lr} for lr in (0.0028, 0.008)],
    "30 hidden units": [{"widths": [30], "lr": lr} for lr in (0.0028, 0.008)],
}


def make_ablation(
    data: Dataset, path: Path, search: Path, jobs: int, seeds: int
) -> None:
    """The winner of the search, and each change to it, from the same seeds."""
    found = json.loads(search.read_text(encoding="utf-8"))["second"]
    base = winner(found)
    asked = [
        (name, {**base, **change, "seed": seed})
        for seed in range(1, seeds + 1)
        for name, changes in ABLATION.items()
        for change in changes
    ]
    settings = [setting for _, setting in asked]
    runs = sweep(better_run, settings, path.with_suffix(".jsonl"), data, jobs=jobs)
    facts = provenance(
        f"--part ablation --ablation-seeds {seeds}",
        seeds=list(range(1, seeds + 1)),
        epochs=EPOCHS,
        setting="the winner of the search with one thing changed; 50000 training and 10000 validation "
        "images, test images unused; a rate of its own where the change asks for one",
        base=base,
    )
    named = [
        {"change": name, **run} for (name, _), run in zip(asked, runs, strict=True)
    ]
    store(path, facts, runs=named)


def winner(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The setting with the highest mean accuracy."""
    found: dict[str, list[float]] = {}
    for run in runs:
        key = json.dumps({name: run[name] for name in SETTING})
        found.setdefault(key, []).append(run["validation_accuracy"])
    best: dict[str, Any] = json.loads(max(found, key=lambda key: np.mean(found[key])))
    return best


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
