"""Makes the results that the chapters show and that take long (`make reproduce`), into `book/data`.

Each part is a sweep of independent runs, spread over all cores and resumable: `--part` chooses one,
and a sweep that was interrupted goes on where it stopped. Every file holds its provenance.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import frameworks
import mnist
import practice
import sweeps
from longruns import DATA
from nntrain.datasets import load_mnist

PARTS = (
    "batching",
    "learning_rates",
    "practice",
    "frameworks",
    "digits",
    "search",
    "ablation",
    "rounding",
    "outputs",
    "table",
    "jax_keras",
)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--part", choices=("all", *PARTS), default="all")
    parser.add_argument("--seeds", type=int, help="default: 10, in the search 3")
    parser.add_argument("--ablation-seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--draws", type=int, default=16)
    parser.add_argument("--digit-epochs", type=int, default=60)
    parser.add_argument(
        "--jobs", type=int, default=-1, help="runs side by side (default: one a core)"
    )
    parser.add_argument("--out", type=Path, default=DATA)
    chosen = parser.parse_args(arguments)
    out, jobs, epochs = chosen.out, chosen.jobs, chosen.epochs
    out.mkdir(parents=True, exist_ok=True)
    for part in PARTS if chosen.part == "all" else (chosen.part,):
        if part == "batching":
            sweeps.make_batching(out / "batching.json", jobs)
        elif part == "learning_rates":
            sweeps.make_learning_rates(out / "learning_rates.json", jobs)
        elif part == "practice":
            practice.make_practice(out / "practice.json", jobs)
        elif part == "frameworks":
            frameworks.make_frameworks(out / "frameworks.json")
        elif part == "jax_keras":
            frameworks.make_others(out / "jax_keras.json")
        elif part == "digits":
            path = out / "digit_network.npz"
            mnist.make_digit_network(load_mnist(), path, chosen.digit_epochs)
        elif part == "search":
            path, seeds = out / "mnist_search.json", chosen.seeds or 3
            mnist.make_search(load_mnist(), path, jobs, chosen.draws, seeds)
        elif part == "ablation":
            path, found = out / "mnist_ablation.json", DATA / "mnist_search.json"
            mnist.make_ablation(load_mnist(), path, found, jobs, chosen.ablation_seeds)
        elif part == "outputs":
            path, seeds = out / "mnist_outputs.json", chosen.seeds or 10
            mnist.make_outputs(load_mnist(), path, jobs, seeds, epochs)
        elif part == "rounding":
            path, seeds = out / "mnist_rounding.json", chosen.seeds or 10
            mnist.make_rounding(load_mnist(), path, jobs, seeds, epochs)
        elif part == "table":
            path, seeds = out / "mnist_table.json", chosen.seeds or 10
            mnist.make_table(load_mnist(), path, jobs, seeds, epochs)


if __name__ == "__main__":
    sys.exit(main())
