"""Times one training epoch of the same networks side by side (``make bench``).

The contenders take turns, round after round, each with the same number of threads, so that whatever else the
machine does falls on all of them alike. Reported are medians over the rounds, and the median of each round's
own ratio. On a machine that is busy with other things, ``--clock cpu`` counts processor time instead.

- *floor*: only the matrix products of the epoch, in NumPy, every one in the storage order that is fastest for
  it by itself, on operands that stay in the cache. No training can reach it: it gathers no data.
- *bare loop*: the same steps in NumPy with nothing left to take away, for one kind of network only. The
  distance to it is what layers, checks and readable code cost.
- *nntrain*: ``fit`` with its history and no callbacks.
- *PyTorch*: eager, as an expert writes it.
- *PyTorch tuned*: fused optimiser, losses read once an epoch.
- *JAX*: one compiled program an epoch (``jit`` of a ``scan`` over the batches); the data lies on its device.
- *scikit-learn*: ``MLPClassifier.partial_fit``, which is one epoch.

Then it prints how the time of ``nntrain`` grows with the data, the width and the depth: the slope of log time
against log size, 1 where twice as much takes twice as long.

All but the floor shuffle and gather their mini-batches inside the timed loop, in float32.
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from nntrain import (
    SGD,
    Adam,
    Batches,
    CrossEntropyLoss,
    Linear,
    ReLU,
    Sequential,
    Sigmoid,
    fit,
)
from nntrain.datasets import DatasetError, load_mnist

Epoch = Callable[[], object]


@dataclass(frozen=True)
class Case:
    """One network, how it is trained, and the ratios ``nntrain`` must reach."""

    sizes: tuple[int, ...]
    batch_size: int
    optimizer: str
    activation: str
    faster_than_torch: float
    times_floor: float

    def __str__(self) -> str:
        return f"{'–'.join(map(str, self.sizes))}, batch {self.batch_size}, {self.optimizer}"


CASES = (
    Case((784, 30, 10), 10, "SGD", "sigmoid", 5.0, 3.2),
    Case((784, 100, 10), 32, "SGD", "sigmoid", 2.1, 1.45),
    Case((784, 100, 10), 128, "SGD", "sigmoid", 1.5, 1.3),
    Case((784, 512, 512, 10), 128, "SGD", "relu", 1.1, 1.10),
    Case((784, 512, 512, 10), 128, "Adam", "relu", 1.1, 1.4),
)
RATES = {"SGD": 0.1, "Adam": 0.001}


def network_of(case: Case, rng: np.random.Generator) -> Sequential:
    bend = {"sigmoid": Sigmoid, "relu": ReLU}[case.activation]
    layers = []
    for fan_in, fan_out in itertools.pairwise(case.sizes):
        layers += [Linear(fan_in, fan_out, rng=rng), bend()]
    return Sequential(*layers[:-1])


def nntrain_epoch(case: Case, x: np.ndarray, y: np.ndarray) -> Epoch:
    rng = np.random.default_rng(0)
    network, loss = network_of(case, rng), CrossEntropyLoss()
    optimizer = {"SGD": SGD, "Adam": Adam}[case.optimizer](
        network, lr=RATES[case.optimizer]
    )
    train = Batches(x, y, case.batch_size, rng=rng)
    return lambda: (
        fit(network, loss, optimizer, train, epochs=1, progress=False).step_loss
    )


def bare_epoch(case: Case, x: np.ndarray, y: np.ndarray) -> Epoch:
    """The same steps for one kind of network only: a sigmoid hidden layer, softmax, plain gradient descent.

    What reading, checking and reuse ask for is left out: arrays are written over, η/B is folded into the
    output's error (so that ``grads`` is the step, not the gradient), logarithms are taken once an epoch.
    """
    rng = np.random.default_rng(0)
    network, size, (n_in, n_hidden, n_out) = (
        network_of(case, rng),
        case.batch_size,
        case.sizes,
    )
    params, grads, (hidden, _, output) = network.params, network.grads, network.layers
    w1, b1, w2, b2 = (
        hidden.weight.T,
        hidden.bias[:, None],
        output.weight.T,
        output.bias[:, None],
    )
    one_hot = np.eye(n_out, dtype=x.dtype).take(y, axis=0)

    @cache
    def buffers(n: int) -> list[np.ndarray]:
        shapes = (n,), (n, n_in), (n_hidden, n), (n_hidden, n), (n_out, n)
        return [np.ones(shape, x.dtype) for shape in shapes]

    def step(index: np.ndarray) -> np.ndarray:
        ones, image, h, e, p = buffers(len(index))
        x.take(index, axis=0, out=image, mode="clip")
        t = one_hot.take(index, axis=0)
        np.add(np.dot(w1, image.T, h), b1, h)
        np.exp(np.negative(h, h), h)
        np.divide(1, np.add(h, 1, h), h)
        np.add(np.dot(w2, h, p), b2, p)
        np.exp(np.subtract(p, np.maximum.reduce(p, axis=0), p), p)
        p /= np.add.reduce(p, axis=0)
        right = np.vecdot(p.T, t)
        np.multiply(np.subtract(p, t.T, p), RATES["SGD"] / len(index), p)
        np.dot(h, p.T, output.grad_weight)
        np.dot(p, ones, output.grad_bias)
        np.multiply(np.dot(w2.T, p, e), h, e)
        np.multiply(np.subtract(1, h, h), e, e)
        np.dot(image.T, e.T, hidden.grad_weight)
        np.dot(e, ones, hidden.grad_bias)
        np.subtract(params, grads, params)
        return right

    def epoch() -> list[float]:
        order = rng.permutation(len(x))
        shares = [step(order[start : start + size]) for start in range(0, len(x), size)]
        return [-float(np.log(right).mean()) for right in shares]

    return epoch


def torch_epoch(case: Case, x: np.ndarray, y: np.ndarray, tuned: bool = False) -> Epoch:
    import torch
    import torch.nn.functional as functional

    torch.manual_seed(0)
    bend = {"sigmoid": torch.nn.Sigmoid, "relu": torch.nn.ReLU}[case.activation]
    layers: list[torch.nn.Module] = []
    for fan_in, fan_out in itertools.pairwise(case.sizes):
        layers += [torch.nn.Linear(fan_in, fan_out), bend()]
    network = torch.nn.Sequential(*layers[:-1])
    kind = {"SGD": torch.optim.SGD, "Adam": torch.optim.Adam}[case.optimizer]
    optimizer = kind(
        network.parameters(), lr=RATES[case.optimizer], fused=True if tuned else None
    )
    inputs, labels, size = torch.from_numpy(x), torch.from_numpy(y), case.batch_size

    def plain() -> list[float]:
        history = []
        order = torch.randperm(len(inputs))
        for start in range(0, len(inputs), size):
            index = order[start : start + size]
            loss = functional.cross_entropy(network(inputs[index]), labels[index])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            history.append(float(loss.detach()))
        return history

    def faster() -> list[float]:
        history = []
        for index in torch.randperm(len(inputs)).split(size):
            outputs = network(inputs.index_select(0, index))
            loss = functional.cross_entropy(outputs, labels.index_select(0, index))
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            history.append(loss.detach())
        return torch.stack(history).tolist()

    return faster if tuned else plain


def jax_epoch(case: Case, x: np.ndarray, y: np.ndarray) -> Epoch:
    """The same epoch as one compiled program; short last batches are left out, for a scan has one shape."""
    import jax
    import jax.numpy as jnp

    network, size, rate = (
        network_of(case, np.random.default_rng(0)),
        min(case.batch_size, len(x)),
        RATES[case.optimizer],
    )
    bend = {"sigmoid": jax.nn.sigmoid, "relu": jax.nn.relu}[case.activation]
    params = [
        (jnp.array(layer.weight), jnp.array(layer.bias))
        for layer in network.layers
        if isinstance(layer, Linear)
    ]
    inputs, labels = jnp.array(x), jnp.array(y)

    def loss(params, index):  # type: ignore[no-untyped-def]
        h = inputs[index]
        for weight, bias in params[:-1]:
            h = bend(h @ weight + bias)
        z = h @ params[-1][0] + params[-1][1]
        right = jnp.take_along_axis(z, labels[index][:, None], axis=1)[:, 0]
        return (jax.nn.logsumexp(z, axis=1) - right).mean()

    def step(state, index):  # type: ignore[no-untyped-def]
        params, m, r, tau = state
        value, grads = jax.value_and_grad(loss)(params, index)
        if case.optimizer == "SGD":
            moved = jax.tree.map(lambda p, g: p - rate * g, params, grads)
            return (moved, m, r, tau), value
        tau = tau + 1
        m = jax.tree.map(lambda a, g: 0.9 * a + 0.1 * g, m, grads)
        r = jax.tree.map(lambda a, g: 0.999 * a + 0.001 * g * g, r, grads)
        scale = rate * jnp.sqrt(1 - 0.999**tau) / (1 - 0.9**tau)
        moved = jax.tree.map(
            lambda p, a, b: p - scale * a / (jnp.sqrt(b) + 1e-8), params, m, r
        )
        return (moved, m, r, tau), value

    @jax.jit
    def whole(state, key):  # type: ignore[no-untyped-def]
        order = jax.random.permutation(key, len(x))
        batches = order[: len(x) // size * size].reshape(-1, size)
        return jax.lax.scan(step, state, batches)

    zeros = jax.tree.map(jnp.zeros_like, params)
    run = {"state": (params, zeros, zeros, jnp.array(0.0)), "key": jax.random.key(0)}

    def epoch() -> list[float]:
        run["key"], key = jax.random.split(run["key"])
        run["state"], losses = whole(run["state"], key)
        return np.asarray(losses).tolist()

    return epoch


def sklearn_epoch(case: Case, x: np.ndarray, y: np.ndarray) -> Epoch:
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(
        case.sizes[1:-1],
        activation={"sigmoid": "logistic", "relu": "relu"}[case.activation],
        solver=case.optimizer.lower(),
        alpha=0.0,
        batch_size=case.batch_size,
        learning_rate_init=RATES[case.optimizer],
        momentum=0.0,
        nesterovs_momentum=False,
        random_state=0,
    )
    model.partial_fit(
        x[: case.batch_size], y[: case.batch_size], classes=np.arange(case.sizes[-1])
    )
    return lambda: model.partial_fit(x, y)


def floor_epoch(case: Case, n_examples: int) -> Epoch:
    """The products of all steps: forward, for the weights' gradient, and back (not to the inputs)."""
    batch = min(case.batch_size, n_examples)
    shapes = []
    for i, (fan_in, fan_out) in enumerate(itertools.pairwise(case.sizes)):
        shapes += [(batch, fan_in, fan_out), (fan_in, batch, fan_out)]
        shapes += [(batch, fan_out, fan_in)] if i else []
    products = [fastest_product(*shape) for shape in shapes]

    def epoch() -> None:
        dot = np.dot
        for _ in range(math.ceil(n_examples / batch)):
            for a, b, out in products:
                dot(a, b, out)

    return epoch


def fastest_product(
    rows: int, inner: int, columns: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Operands and result of an (rows, inner) · (inner, columns) product, stored as is fastest for it.

    ``np.dot`` writes row-major results only; a column-major one is the transposed product.
    """
    rng = np.random.default_rng(0)
    a = rng.random((rows, inner), dtype=np.float32)
    b = rng.random((inner, columns), dtype=np.float32)
    repeats = min(max(5, int(2e7 / (rows * inner * columns))), 300)
    best: tuple[float, tuple[np.ndarray, np.ndarray, np.ndarray]] | None = None
    for order_a, order_b, transposed in itertools.product("CF", "CF", (False, True)):
        one, two = np.array(a, order=order_a), np.array(b, order=order_b)
        if transposed:
            one, two = two.T, one.T
        operands = (one, two, np.empty((one.shape[0], two.shape[1]), np.float32))
        seconds = math.inf
        for _ in range(5):
            began = time.perf_counter()
            for _ in range(repeats):
                np.dot(*operands)
            seconds = min(seconds, time.perf_counter() - began)
        if best is None or seconds < best[0]:
            best = (seconds, operands)
    assert best is not None
    return best[1]


def time_rounds(
    contenders: dict[str, Epoch],
    repeats: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, np.ndarray]:
    """Seconds of each contender in each round; a first round warms up and is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(repeats + 1):
        for name, epoch in contenders.items():
            began = clock()
            epoch()
            if turn:
                seconds[name].append(clock() - began)
    return {name: np.array(values) for name, values in seconds.items()}


def contenders_of(
    case: Case, x: np.ndarray, y: np.ndarray, only: str
) -> dict[str, Epoch]:
    """The contenders that can run here; PyTorch and scikit-learn may be absent."""
    found: dict[str, Epoch] = {
        "floor": floor_epoch(case, len(x)),
        "nntrain": nntrain_epoch(case, x, y),
    }
    if (len(case.sizes), case.activation, case.optimizer) == (3, "sigmoid", "SGD"):
        found["bare loop"] = bare_epoch(case, x, y)
    makers: dict[str, Callable[[], Epoch]] = {
        "PyTorch": lambda: torch_epoch(case, x, y),
        "PyTorch tuned": lambda: torch_epoch(case, x, y, tuned=True),
        "JAX": lambda: jax_epoch(case, x, y),
        "scikit-learn": lambda: sklearn_epoch(case, x, y),
    }
    for name, make in makers.items():
        if name.lower().startswith(tuple(only.lower().split(","))):
            try:
                found[name] = make()
            except ImportError:
                print(
                    f"{name} is not installed: its column stays empty", file=sys.stderr
                )
    return found


NAMES = (
    "floor",
    "bare loop",
    "nntrain",
    "PyTorch",
    "PyTorch tuned",
    "JAX",
    "scikit-learn",
)


def ratio(seconds: dict[str, np.ndarray], over: str, under: str) -> float:
    """Median over the rounds of each round's own ratio; nan where one of the two did not run."""
    if over not in seconds or under not in seconds:
        return math.nan
    return float(np.median(seconds[over] / seconds[under]))


def mark(value: float, passed: bool, demand: str) -> str:
    if math.isnan(value):
        return f"not measured (needs {demand})"
    return f"{value:.2f} {'✓' if passed else '✗'} (needs {demand})"


def table(results: dict[Case, dict[str, np.ndarray]]) -> str:
    """The results in Markdown."""
    lines = [
        "| network | "
        + " | ".join(f"{name} (s)" for name in NAMES)
        + " | PyTorch ÷ nntrain | nntrain ÷ floor | bare loop ÷ nntrain | JAX ÷ nntrain |",
        "|---" * (len(NAMES) + 5) + "|",
    ]
    for case, seconds in results.items():
        medians = [
            f"{np.median(seconds[name]):.3f}" if name in seconds else "–"
            for name in NAMES
        ]
        against_torch, against_floor = (
            ratio(seconds, "PyTorch", "nntrain"),
            ratio(seconds, "nntrain", "floor"),
        )
        marks = [
            mark(
                against_torch,
                against_torch >= case.faster_than_torch,
                f"≥ {case.faster_than_torch}",
            ),
            mark(
                against_floor,
                against_floor <= case.times_floor,
                f"≤ {case.times_floor}",
            ),
        ]
        others = [ratio(seconds, name, "nntrain") for name in ("bare loop", "JAX")]
        marks += ["–" if math.isnan(value) else f"{value:.2f}" for value in others]
        lines.append(f"| {' | '.join([str(case), *medians, *marks])} |")
    return "\n".join(lines)


# What is made larger, and the sizes: examples, width and depth of the hidden layers.
GROWTH = {
    "examples": [(n, 128, 2) for n in (1000, 2000, 4000, 8000)],
    "width": [(1000, n, 2) for n in (128, 256, 512, 1024)],
    "depth": [(1000, 128, n) for n in (2, 4, 8, 16)],
}


def growth(repeats: int, clock: Callable[[], float]) -> dict[str, float]:
    """The slope of log(time of an epoch) against log(size), by what grows."""
    slopes, rng = {}, np.random.default_rng(0)
    for name, settings in GROWTH.items():
        epochs: dict[str, Epoch] = {}
        for examples, width, depth in settings:
            case = Case((784, *[width] * depth, 10), 128, "SGD", "relu", 0, 0)
            x = rng.random((examples, 784), dtype=np.float32)
            y = rng.integers(0, 10, examples)
            epochs[str((examples, width, depth))] = nntrain_epoch(case, x, y)
        seconds = time_rounds(epochs, repeats, clock)
        place = ["examples", "width", "depth"].index(name)
        grown = np.log([setting[place] for setting in settings])
        times = np.log([np.median(values) for values in seconds.values()])
        slopes[name] = float(np.polyfit(grown, times, 1)[0])
    return slopes


def machine() -> str:
    """The processor, and the library that multiplies matrices for NumPy."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        found = [line.split(":")[1].strip() for line in lines if "model name" in line]
    except OSError:
        found = []
    processor = found[0] if found else platform.processor() or platform.machine()
    blas = [
        f"{library['internal_api']} {library['version']} ({library['architecture']})"
        for library in threadpool_info()
        if library["user_api"] == "blas" and "numpy" in library["filepath"]
    ]
    return f"{processor}, BLAS {', '.join(blas) or 'unknown'}"


def plot(results: dict[Case, dict[str, np.ndarray]], path: Path, note: str) -> None:
    """Bars, one group a network, on a logarithmic axis of seconds."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5.5), layout="constrained")
    axes = figure.subplots()
    height = 0.8 / len(NAMES)
    for i, name in enumerate(NAMES):
        shown = [
            (row, np.median(s[name]))
            for row, s in enumerate(results.values())
            if name in s
        ]
        axes.barh(
            [row + (i - len(NAMES) // 2) * height for row, _ in shown],
            [s for _, s in shown],
            height,
            label=name,
            color=f"C{i}",
        )
    axes.set_yticks(
        range(len(results)),
        [str(case).replace(", batch", "\nbatch") for case in results],
    )
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel("seconds an epoch (median; logarithmic)")
    axes.set_title(note, fontsize="small")
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(path)


def load(n_examples: int) -> tuple[np.ndarray, np.ndarray, str]:
    """MNIST's first training images, or random data of the same shape, and which it is."""
    try:
        data = load_mnist()
        return (
            data.x_train[:n_examples].copy(),
            data.y_train[:n_examples].copy(),
            "MNIST",
        )
    except DatasetError:
        rng = np.random.default_rng(0)
        x = rng.random((n_examples, 784), dtype=np.float32)
        return x, rng.integers(0, 10, n_examples), "random data in the shape of MNIST"


def main(arguments: list[str] | None = None) -> dict[Case, dict[str, np.ndarray]]:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--repeats", type=int, default=5, help="rounds that count (default 5)"
    )
    parser.add_argument(
        "--threads", type=int, default=1, help="for every contender (default 1)"
    )
    parser.add_argument(
        "--examples", type=int, default=50_000, help="in an epoch (default 50000)"
    )
    parser.add_argument(
        "--rows", default="12345", help="which networks, for example 123"
    )
    parser.add_argument(
        "--only",
        default="pytorch,jax,scikit-learn",
        help="contenders beside the floor and nntrain",
    )
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parents[1] / "_build" / "bench"
    )
    chosen = parser.parse_args(arguments)
    if chosen.repeats < 1 or chosen.threads < 1 or chosen.examples < 1:
        parser.error("repeats, threads and examples must be at least 1")

    x, y, data = load(chosen.examples)
    if "torch" in chosen.only.lower():
        try:
            import torch

            torch.set_num_threads(chosen.threads)
        except ImportError:
            pass
    clock = {"wall": time.perf_counter, "cpu": time.process_time}[chosen.clock]
    results = {}
    with threadpool_limits(chosen.threads):
        for case in (CASES[int(row) - 1] for row in chosen.rows):
            print(f"timing {case} …", file=sys.stderr, flush=True)
            results[case] = time_rounds(
                contenders_of(case, x, y, chosen.only), chosen.repeats, clock
            )
    note = (
        f"One epoch of {len(x):,} images ({data}), {chosen.threads} thread(s), {chosen.repeats} rounds, "
        f"{chosen.clock} clock, "
        f"NumPy {np.__version__}, Python {platform.python_version()}, {os.cpu_count()} cores, {machine()}"
    )
    with threadpool_limits(chosen.threads):
        slopes = growth(chosen.repeats, clock)
    grown = ", ".join(f"{name} {slope:.2f}" for name, slope in slopes.items())
    text = f"{table(results)}\n\n{note}. Times are medians, ratios medians of each round's own.\n\n"
    text += f"Slopes of log time against log size: {grown}.\n"
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "bench.md").write_text(text, encoding="utf-8")
    plot(results, chosen.out / "bench.svg", note.replace(", NumPy", "\nNumPy"))
    print(text)
    return results


if __name__ == "__main__":
    main()
