"""The checks that all modules share, and that each way in goes through them: what was given is named."""

import numpy as np
import pytest

from nntrain import (
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    Batches,
    BatchNorm1d,
    CrossEntropyLoss,
    Dropout,
    LeakyReLU,
    Linear,
    RMSProp,
    Sequential,
    evaluate,
    one_hot,
    standardise,
    train_val_split,
)
from nntrain.callbacks import EarlyStopping, StopOnDivergence
from nntrain.checkpoints import Checkpoint
from nntrain.checks import number, whole_number
from nntrain.datasets import spirals, two_moons
from nntrain.gradcheck import check_gradient, numerical_gradient
from nntrain.initializers import (
    he_normal,
    lecun_normal,
    normal,
    xavier_normal,
    xavier_uniform,
)
from nntrain.landscapes.surfaces import Bowl, Ravine, TwoValleys
from nntrain.landscapes.walks import walk
from nntrain.metrics import binary_accuracy, confusion_matrix, precision
from nntrain.optimizers import clip_grad_norm
from nntrain.schedules import (
    constant,
    cosine,
    exponential,
    inverse_time,
    lr_range_test,
    per_epoch,
    warmup,
)

RNG, NAN = np.random.default_rng(0), np.nan
X, Y = np.eye(6, 3), np.arange(6) % 3


def network():
    return Sequential(Linear(3, 3, rng=np.random.default_rng(0)))


def square(x):
    return (x**2).sum()


def range_test(**options):
    return lr_range_test(
        network(), CrossEntropyLoss(), SGD, Batches(X, Y, 2, shuffle=False), **options
    )


COUNTS = {
    "in_features": lambda n: Linear(n, 3, rng=RNG),
    "out_features": lambda n: Linear(3, n, rng=RNG),
    "num_features": BatchNorm1d,
    "predict": lambda n: network().predict(X, batch_size=n),
    "batch_size": lambda n: Batches(X, Y, n, shuffle=False),
    "n_val": lambda n: train_val_split(X, Y, n, rng=RNG),
    "one_hot": lambda n: one_hot([0], n),
    "confusion_matrix": lambda n: confusion_matrix([0], [0], n),
    "patience": EarlyStopping,
    "every": lambda n: Checkpoint("run.npz", every=n),
    "warmup": lambda n: warmup(0.1, n),
    "per_epoch": lambda n: per_epoch(constant(0.1), n),
    "range test": lambda n: range_test(steps=n),
    "two_moons": lambda n: two_moons(n, rng=RNG),
    "spirals": lambda n: spirals(10, rng=RNG, arms=n),
    "directions": lambda n: check_gradient(square, X, 2 * X, directions=n, rng=RNG),
    "walk": lambda n: walk(Bowl(), (1, 1), lambda model: SGD(model, lr=0.1), n),
}


@pytest.mark.parametrize("way_in", COUNTS.values(), ids=COUNTS)
@pytest.mark.parametrize("n", [2.5, True, "3", None, -1, np.nan], ids=str)
def test_a_count_is_a_whole_number(way_in, n):
    if way_in is COUNTS["directions"] and n is None:
        return  # which means all elements
    with pytest.raises(
        ValueError, match=f"must be a whole number of at least [012], got {n!r}"
    ):
        way_in(n)


NUMBERS = {
    "lr": lambda v: SGD(network(), lr=v),
    "momentum": lambda v: SGD(network(), lr=0.1, momentum=v),
    "weight_decay": lambda v: SGD(network(), lr=0.1, weight_decay=v),
    "beta2": lambda v: Adam(network(), betas=(0.9, v)),
    "eps": lambda v: Adam(network(), eps=v),
    "norm eps": lambda v: BatchNorm1d(3, eps=v),
    "dropout": lambda v: Dropout(v, RNG),
    "leaky": LeakyReLU,
    "std": normal,
    "constant": constant,
    "factor": lambda v: exponential(0.1, v),
    "rate": lambda v: inverse_time(0.1, v),
    "final": lambda v: cosine(0.1, 10, v),
    "max_norm": lambda v: clip_grad_norm(np.ones(2), v),
    "min_delta": lambda v: EarlyStopping(2, v),
    "divergence": StopOnDivergence,
    "lr_min": lambda v: range_test(lr_min=v),
    "lr_max": lambda v: range_test(lr_max=v),
    "stop_factor": lambda v: range_test(stop_factor=v),
    "a": Ravine,
    "q": TwoValleys,
    "noise": lambda v: two_moons(4, noise=v, rng=RNG),
    "h": lambda v: numerical_gradient(square, X, v),
    "tolerance": lambda v: check_gradient(square, X, 2 * X, tolerance=v),
    "threshold": lambda v: binary_accuracy(
        [0.1], [0], threshold="none" if v is None else v
    ),
}


@pytest.mark.parametrize("way_in", NUMBERS.values(), ids=NUMBERS)
@pytest.mark.parametrize(
    "value", ["0.1", None, True, [0.1], np.nan, 1j, -(10**400)], ids=str
)
def test_a_setting_is_a_real_number(way_in, value):
    with pytest.raises(ValueError, match=r"must be a number with .*, got ") as caught:
        way_in(value)
    given = value if way_in is not NUMBERS["threshold"] or value is not None else "none"
    assert str(caught.value).endswith(f"got {given!r}")


FLAGS = {
    "bias": lambda v: Linear(2, 2, rng=RNG, bias=v),
    "shuffle": lambda v: Batches(X, Y, 2, shuffle=v, rng=RNG),
    "drop_last": lambda v: Batches(X, Y, 2, drop_last=v, rng=RNG),
    "nesterov": lambda v: SGD(network(), 0.1, momentum=0.9, nesterov=v),
    "decay_biases": lambda v: SGD(network(), 0.1, weight_decay=0.1, decay_biases=v),
    "restore_best": lambda v: EarlyStopping(2, restore_best=v),
}


@pytest.mark.parametrize("name", FLAGS)
def test_no_does_not_mean_yes(name):
    for value in ("no", None, 0, [False]):
        with pytest.raises(ValueError, match=rf"{name} must be True or False, got"):
            FLAGS[name](value)
    FLAGS[name](np.bool(False))


@pytest.mark.parametrize("kind", [AdaGrad, Adam, AdamW, RMSProp])
def test_what_guards_a_division_is_not_zero(kind):
    with pytest.raises(ValueError, match="0 < eps < inf, got 0"):
        kind(network(), eps=0)
    half = Sequential(Linear(3, 3, rng=RNG), dtype=np.float16)
    with pytest.raises(ValueError, match="eps=1e-08 is 0 in float16"):
        kind(half, eps=1e-8)
    optimizer = kind(half, eps=1e-4)  # no gradient, no step: 0/eps is 0
    before = half.params.copy()
    optimizer.weight_decay = 0.0
    optimizer.step()
    np.testing.assert_array_equal(half.params, before)


GENERATORS = {
    "Linear": lambda rng: Linear(2, 2, rng=rng),
    "Dropout": lambda rng: Dropout(0.5, rng),
    "Batches": lambda rng: Batches(X, Y, 2, rng=rng),
    "split": lambda rng: train_val_split(X, Y, 2, rng=rng),
    "moons": lambda rng: two_moons(4, rng=rng),
    **{make.__name__: lambda rng, make=make: make((2, 3), rng) for make in (
        lecun_normal, he_normal, xavier_normal, xavier_uniform)},
    "normal": lambda rng: normal(1.0)((2, 3), rng),
}  # fmt: skip


@pytest.mark.parametrize("way_in", GENERATORS.values(), ids=GENERATORS)
def test_randomness_comes_from_a_generator(way_in):
    for rng in (None, 0, np.random.RandomState(0)):
        with pytest.raises(
            ValueError, match=r"needs rng, a np\.random\.Generator such as .*, got"
        ):
            way_in(rng)


@pytest.mark.parametrize(
    ("way_in", "message"),
    [
        (
            lambda: SGD(network().params, lr=0.1),
            "a model with flat arrays .* got ndarray",
        ),
        (lambda: SGD(None, lr=0.1), "a model with flat arrays .* got NoneType"),
        (lambda: Adam(network(), betas=0.9), "betas must be two numbers, .* got 0.9"),
        (lambda: Adam(network(), betas=(0.9,)), r"two numbers, .* got \(0.9,\)"),
        (lambda: Adam(network(), betas={0.9, 0.8}), "betas must be two numbers"),
        (lambda: per_epoch(0.1, 10), "per_epoch needs a schedule, .* got 0.1"),
        (
            lambda: Linear(2, 2, rng=RNG, init="he"),
            "init must be a function .* got 'he'",
        ),
        (
            lambda: Linear(2, 2, rng=RNG, init=lambda shape, rng: None),
            "must be real numbers",
        ),
        (
            lambda: Linear(2, 2, rng=RNG, init=lambda shape, rng: np.full(shape, NAN)),
            "what init returns must be finite in float64, got 4",
        ),
        (lambda: network().predict(X * NAN), "inputs must be finite in float32"),
        (lambda: network().predict(X * 1e200), "inputs must be finite in float32"),
        (lambda: network().set_state(None), r"expected a state\(\), .* got None"),
        (lambda: network().set_state({"params": [1, 2]}), "another network"),
        (lambda: network().save("/"), "/ is a folder, expected the name of a file"),
        (lambda: network().save("/none/x.npz"), "needs a folder to write to, /none is"),
        (lambda: network().save(None), "path must be a file name, got None"),
        (lambda: evaluate(network(), None, X, Y), "expected a loss"),
        (lambda: evaluate(None, CrossEntropyLoss(), X, Y), "a network, got None"),
        (
            lambda: evaluate(network(), CrossEntropyLoss(), X, Y, metrics=None),
            "metrics must be a sequence of functions",
        ),
        (
            lambda: Sequential(Linear(2, 2, rng=RNG), dtype="real"),
            "floating-point type, got 'real'",
        ),
        (
            lambda: standardise([[1.0, np.nan], [2.0, 3.0]]),
            r"train must be finite, .* columns \[1\]",
        ),
        (lambda: he_normal((2.5, 3), RNG), r"got \(2.5, 3\)"),
        (
            lambda: precision([0], [0], positive="7"),
            "positive must be a class number, got '7'",
        ),
        (
            lambda: binary_accuracy([0.1, 0.2], [0, 3]),
            "zeros and ones, got 1 others, such as 3",
        ),
    ],
)
def test_other_ways_in_name_what_came(way_in, message):
    with pytest.raises(ValueError, match=message):
        way_in()


def test_what_is_in_order_comes_back_as_plain_python_numbers():
    assert type(whole_number("n", np.uint8(3))) is int
    assert type(number("lr", np.float64(0.5))) is type(number("lr", 1)) is float
    assert number("factor", np.inf, 1, open_low=True, closed_high=True) == np.inf
