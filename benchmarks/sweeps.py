"""The sweeps over rates and seeds that chapters 5 to 7 show, on small real digits.

What a chapter reports are the runs of `SEEDS`. Whatever is chosen beforehand, a rate or an
optimiser's second number, is chosen on `TUNING`, other seeds. One training run takes a few
hundredths of a second, so one task of the sweep is one setting with all its seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from bookkit.runs import digits_run, loss_after_updates, updates_to_goal
from longruns import provenance, store, sweep
from nntrain import SGD, AdaGrad, Adam, RMSProp
from nntrain.schedules import (
    Schedule,
    constant,
    cosine,
    exponential,
    inverse_time,
    linear,
    step_decay,
    warmup,
)

SEEDS, TUNING = list(range(20)), list(range(100, 110))
SETTING = "the bundled 8×8 digits, 64–32–10 network with ReLU units, float32"
DIVERGED = 99.0  # stands for whatever is larger, inf or nan

# Chapter 5: what is held fixed, as the number of updates for a batch size.
BUDGETS: dict[str, Callable[[int], int]] = {
    "examples": lambda batch_size: 3840 // batch_size,
    "updates": lambda batch_size: 60,
}
BATCH_SIZES = (1, 4, 16, 64, 256)
BATCH_RATES = np.geomspace(0.01, 4, 25).round(4).tolist()
# The same for Adam at equal examples, and the way of plain SGD to a goal.
ADAM_RATES = np.geomspace(0.0002, 0.2, 25).round(6).tolist()
GOAL, GOAL_SIZES = 0.3, (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1442)
GOAL_RATES = np.geomspace(0.05, 1.5, 11).round(4).tolist()

# Chapters 6 and 7: each entry of a race is made from a rate and a second number, to be chosen from
# those given (None: there is no second number).
STEPS = 540  # three epochs in batches of eight
RACE_RATES = np.geomspace(0.0003, 3, 21).round(5).tolist()
OPTIMIZERS: dict[str, tuple[Callable[..., Any], tuple[float | None, ...]]] = {
    "SGD": (lambda net, lr, _: SGD(net, lr), (None,)),
    "momentum": (lambda net, lr, mu: SGD(net, lr, momentum=mu), (0.8, 0.9, 0.95, 0.98)),
    "Nesterov": (
        lambda net, lr, mu: SGD(net, lr, momentum=mu, nesterov=True),
        (0.8, 0.9, 0.95, 0.98),
    ),
    "AdaGrad": (lambda net, lr, _: AdaGrad(net, lr), (None,)),
    "RMSProp": (
        lambda net, lr, alpha: RMSProp(net, lr, alpha=alpha),
        (0.8, 0.9, 0.99, 0.999),
    ),
    "Adam": (
        lambda net, lr, beta2: Adam(net, lr, betas=(0.9, beta2)),
        (0.9, 0.99, 0.999, 0.9999),
    ),
}
START_RATES = (0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.2)
SCHEDULES: dict[str, tuple[Callable[..., Schedule], tuple[float | None, ...]]] = {
    "constant": (lambda lr, _: constant(lr), (None,)),
    "one drop": (
        lambda lr, when: step_decay(lr, 0.1, int(when * STEPS)),
        (0.5, 0.7, 0.85, 0.95),
    ),
    "exponential": (
        lambda lr, end: exponential(lr, end ** (1 / STEPS)),
        (0.03, 0.1, 0.3, 0.5),
    ),
    "1/t": (lambda lr, times: inverse_time(lr, times / STEPS), (1, 3, 6, 12)),
    "linear": (lambda lr, _: linear(lr, STEPS), (None,)),
    "cosine": (lambda lr, _: cosine(lr, STEPS), (None,)),
    "warm-up, cosine": (
        lambda lr, steps: warmup(cosine(lr, STEPS - steps), steps),
        (20, 60, 120, 180),
    ),
}
WARM_STEPS = 60
WARM: dict[str, tuple[Callable[..., Any], tuple[float, ...]]] = {
    "SGD": (SGD, (0.2, 0.4, 0.6, 0.8, 1.0, 1.2)),
    "Adam": (Adam, (0.01, 0.02, 0.03, 0.06, 0.1, 0.15)),
}


def batch_losses(budget: str, batch_size: int, lr: float) -> dict[str, Any]:
    """Training loss of plain SGD for each seed, at equal examples or equal updates."""
    updates = BUDGETS[budget](batch_size)
    return _losses(
        lambda seed: loss_after_updates(batch_size, lr, seed, updates), SEEDS
    )


def adam_losses(batch_size: int, lr: float) -> dict[str, Any]:
    """Training loss of Adam for each seed, at equal examples."""
    updates = BUDGETS["examples"](batch_size)
    return _losses(
        lambda seed: loss_after_updates(batch_size, lr, seed, updates, Adam), SEEDS
    )


def goal_updates(batch_size: int, lr: float) -> dict[str, Any]:
    """Updates of plain SGD until the training loss is below the goal, for each seed."""
    most = max(300, 5000 // batch_size)
    return {"updates": [updates_to_goal(batch_size, lr, s, GOAL, most) for s in SEEDS]}


def race_losses(
    name: str, second: float | None, lr: float, seeds: list[int]
) -> dict[str, Any]:
    """Training loss after five epochs with an optimiser of the race."""
    make, _ = OPTIMIZERS[name]
    return _losses(
        lambda seed: digits_run(lambda net: make(net, lr, second), seed)[1], seeds
    )


def schedule_losses(
    name: str, second: float | None, lr: float, seeds: list[int]
) -> dict[str, Any]:
    """Training loss of SGD after three epochs in batches of eight, its rate on a schedule."""
    schedule = SCHEDULES[name][0](lr, second)
    return _losses(lambda seed: _three_epochs(SGD, schedule, seed), seeds)


def warm_losses(name: str, warm: bool, lr: float) -> dict[str, Any]:
    """The same along a cosine, with or without a warm-up of 60 steps before it."""
    after = warmup(cosine(lr, STEPS - WARM_STEPS), WARM_STEPS)
    schedule = after if warm else cosine(lr, STEPS)
    return _losses(lambda seed: _three_epochs(WARM[name][0], schedule, seed), SEEDS)


def _three_epochs(make: Callable[..., Any], schedule: Schedule, seed: int) -> float:
    return digits_run(lambda net: make(net, schedule), seed, epochs=3, batch_size=8)[1]


def _losses(run: Callable[[int], float], seeds: list[int]) -> dict[str, Any]:
    with np.errstate(over="ignore", invalid="ignore"):
        found = np.array([run(seed) for seed in seeds])
    # of a number and nan, fmin takes the number
    return {"losses": np.fmin(found, DIVERGED).round(4).tolist()}


def make_batching(path: Path, jobs: int) -> None:
    """Loss by rate and seed for each batch size, and the updates that a goal takes."""
    settings = [
        {"budget": budget, "batch_size": size, "lr": lr}
        for budget in BUDGETS
        for size in BATCH_SIZES
        for lr in BATCH_RATES
    ]
    kept = path.with_suffix(".jsonl")
    runs = sweep(batch_losses, settings, kept, jobs=jobs)
    settings = [
        {"batch_size": size, "lr": lr} for size in BATCH_SIZES for lr in ADAM_RATES
    ]
    adam = sweep(adam_losses, settings, path.with_suffix(".adam.jsonl"), jobs=jobs)
    settings = [
        {"batch_size": size, "lr": lr} for size in GOAL_SIZES for lr in GOAL_RATES
    ]
    goal = sweep(goal_updates, settings, path.with_suffix(".goal.jsonl"), jobs=jobs)
    what = (
        f"{SETTING}; SGD, training loss after 3840 examples or 60 updates; Adam, after "
        f"3840 examples; SGD, updates until the training loss is below {GOAL}"
    )
    facts = provenance("--part batching", seeds=SEEDS, setting=what)
    store(path, facts, runs=runs, adam=adam, goal=goal)


def make_learning_rates(path: Path, jobs: int) -> None:
    """The race of optimisers, the race of schedules, and warm-up."""
    kept = path.with_suffix(".jsonl")
    optimizers = {name: seconds for name, (_, seconds) in OPTIMIZERS.items()}
    schedules = {name: seconds for name, (_, seconds) in SCHEDULES.items()}
    tables = {
        **_race("optimizers", race_losses, optimizers, RACE_RATES, kept, jobs),
        **_race("schedules", schedule_losses, schedules, START_RATES, kept, jobs),
    }
    settings = [
        {"name": name, "warm": warm, "lr": lr}
        for name, (_, rates) in WARM.items()
        for warm in (False, True)
        for lr in rates
    ]
    tables["warm_up"] = sweep(warm_losses, settings, kept, jobs=jobs)
    what = (
        f"{SETTING}; training loss after 5 epochs in batches of 32 (optimisers) or 3 in "
        "batches of 8 (schedules, warm-up); chosen by the mean over the tuning seeds"
    )
    facts = provenance(
        "--part learning_rates", seeds=SEEDS, tuning_seeds=TUNING, setting=what
    )
    store(path, facts, **tables)


def _race(
    kind: str,
    run: Callable[..., dict[str, Any]],
    entries: dict[str, tuple[float | None, ...]],
    rates: Iterable[float],
    kept: Path,
    jobs: int,
) -> dict[str, Any]:
    """Each entry's losses on the tuning seeds, and with its best pair on the seeds that count."""
    settings = [
        {"name": name, "second": second, "lr": lr, "seeds": TUNING}
        for name, seconds in entries.items()
        for second in seconds
        for lr in rates
    ]
    tuning = sweep(run, settings, kept, jobs=jobs)
    best = [
        min(
            (row for row in tuning if row["name"] == name),
            key=lambda row: sum(row["losses"]),
        )
        for name in entries
    ]
    chosen = [
        {"name": row["name"], "second": row["second"], "lr": row["lr"], "seeds": SEEDS}
        for row in best
    ]
    final = sweep(run, chosen, kept, jobs=jobs)
    for row in [*tuning, *final]:
        del row["seeds"]  # the provenance has them
    return {f"{kind}_tuning": tuning, kind: final}
