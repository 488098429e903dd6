"""The sweeps of the chapter on practice: where to look for a setting, and how many seeds decide.

`search`: the validation loss over two pairs of knobs, 25 values each, so that any search of few
runs can be replayed thousands of times. `seeds`: two settings that differ in one number, from many
seeds. All on the small digits; one run takes a few hundredths of a second.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bookkit.runs import validation_run
from longruns import provenance, store, sweep

SETTING = (
    "the bundled 8×8 digits, 1142 training and 300 validation images; 64–32–10 network "
    "with ReLU units, SGD, ten epochs in batches of 32"
)
RATES = np.geomspace(0.003, 10, 25).round(5).tolist()
# Momentum runs evenly in the logarithm of 1 − μ, since μ/(1 − μ) old steps act together.
SECONDS = {
    "weight_decay": np.geomspace(1e-7, 1e-3, 25).tolist(),
    "momentum": (1 - np.geomspace(1, 0.01, 25)).round(5).tolist(),
}
SEARCH_SEEDS = list(range(4))
SEEDS = list(range(400))
WIDTHS = (32, 48)
DIVERGED = 99.0  # stands for whatever is larger, inf or nan


def search_losses(pair: str, lr: float) -> dict[str, Any]:
    """Validation loss for every value of the second knob (rows) and every seed (columns)."""
    losses = [
        [validation_run(seed, lr, **{pair: second})[0] for seed in SEARCH_SEEDS]
        for second in SECONDS[pair]
    ]
    return {"losses": np.fmin(losses, DIVERGED).round(4).tolist()}


def seed_results(width: int) -> dict[str, Any]:
    """Validation loss and accuracy of one hidden layer's width, for every seed."""
    found = np.array([validation_run(seed, 0.2, width=width) for seed in SEEDS])
    losses, accuracies = found.round(4).T.tolist()
    return {"losses": losses, "accuracies": accuracies}


def make_practice(path: Path, jobs: int) -> None:
    """Both sweeps, into one file."""
    kept = path.with_suffix(".jsonl")
    settings = [{"pair": pair, "lr": lr} for pair in SECONDS for lr in RATES]
    search = sweep(search_losses, settings, kept, jobs=jobs)
    seeds = sweep(seed_results, [{"width": width} for width in WIDTHS], kept, jobs=jobs)
    facts = provenance(
        "--part practice",
        seeds={"search": SEARCH_SEEDS, "seeds": [SEEDS[0], SEEDS[-1]]},
        setting=f"{SETTING}; in `seeds` the rate is 0.2 and the width is named",
        seconds=SECONDS,
    )
    store(path, facts, search=search, seeds=seeds)
