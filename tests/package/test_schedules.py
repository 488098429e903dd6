"""Schedules: values by hand, against PyTorch's, and always Python floats."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nntrain import SGD, Batches, CrossEntropyLoss
from nntrain.schedules import (
    constant,
    cosine,
    exponential,
    inverse_time,
    linear,
    lr_range_test,
    one_cycle,
    per_epoch,
    step_decay,
    warmup,
)

MAKERS = {
    "constant": lambda lr: constant(lr),
    "step_decay": lambda lr: step_decay(lr, factor=0.5, every=3),
    "exponential": lambda lr: exponential(lr, factor=0.9),
    "inverse_time": lambda lr: inverse_time(lr, rate=0.1),
    "cosine": lambda lr: cosine(lr, total_steps=20),
    "linear": lambda lr: linear(lr, total_steps=20),
    "warmup": lambda lr: warmup(cosine(lr, total_steps=20), steps=5),
    "warmup of a number": lambda lr: warmup(lr, steps=np.int64(5)),
    "per_epoch": lambda lr: per_epoch(lambda epoch: np.float64(lr), 4),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@given(lr=st.floats(1e-6, 10), step=st.integers(0, 100))
def test_rates_are_python_floats_and_never_negative_nor_above_the_start(make, lr, step):
    rate = make(np.float64(lr))(np.int64(step))
    assert type(rate) is float
    assert 0 <= rate <= lr * (1 + 1e-12)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_schedules_are_pure(make):
    schedule = make(0.1)
    forwards = [schedule(step) for step in range(30)]
    assert [schedule(step) for step in reversed(range(30))] == forwards[::-1]


def test_values_by_hand():
    assert [step_decay(1.0, 0.5, 2)(step) for step in range(5)] == [
        1,
        1,
        0.5,
        0.5,
        0.25,
    ]
    assert [exponential(1.0, 0.5)(step) for step in range(3)] == [1, 0.5, 0.25]
    assert [inverse_time(1.0, 1.0)(step) for step in range(4)] == [
        1,
        1 / 2,
        1 / 3,
        1 / 4,
    ]
    assert [cosine(2.0, 4, final=1.0)(step) for step in (0, 2, 4, 9)] == [2, 1.5, 1, 1]
    assert [warmup(step_decay(1.0, 0.1, 2), 2)(step) for step in range(5)] == [
        0.5,
        1,
        1,
        1,
        0.1,
    ]
    assert [per_epoch(exponential(1.0, 0.5), 3)(step) for step in range(7)] == [
        1,
        1,
        1,
        0.5,
        0.5,
        0.5,
        0.25,
    ]


def test_schedules_agree_with_pytorch(torch):
    schedulers = torch.optim.lr_scheduler
    for ours, kind, options in [
        (step_decay(0.1, 0.3, 4), schedulers.StepLR, {"step_size": 4, "gamma": 0.3}),
        (exponential(0.1, 0.9), schedulers.ExponentialLR, {"gamma": 0.9}),
        (
            cosine(0.1, 12, final=0.01),
            schedulers.CosineAnnealingLR,
            {"T_max": 12, "eta_min": 0.01},
        ),
    ]:
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
        scheduler = kind(optimizer, **options)
        for step in range(12):
            assert ours(step) == pytest.approx(scheduler.get_last_lr()[0], rel=1e-6)
            optimizer.step()
            scheduler.step()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: constant(-0.1), "lr must be a number with 0 < lr < inf, got -0.1"),
        (lambda: constant(np.nan), "got nan"),
        (lambda: step_decay(0.1, 0.5, 0), "every must .* got 0"),
        (lambda: exponential(0.1, -1), "factor must .* got -1"),
        (lambda: inverse_time(0.1, np.inf), "rate must .* got inf"),
        (lambda: cosine(0.1, 0), "total_steps must .* got 0"),
        (lambda: cosine(0.1, 10, final=0.2), "0 ≤ final ≤ 0.1, got 0.2"),
        (lambda: warmup(0.1, 0), "steps must .* got 0"),
        (lambda: per_epoch(constant(0.1), 0), "steps_per_epoch must .* got 0"),
    ],
)
def test_bad_settings_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def range_test(network, data, **options):
    train = Batches(*data, 8, rng=np.random.default_rng(0))
    return lr_range_test(
        network, CrossEntropyLoss(), lambda n, lr: SGD(n, lr), train, **options
    )


def test_range_test_climbs_by_a_constant_factor_and_spares_the_network(
    make_network, small_data
):
    network = make_network()
    before = network.params.copy()
    rates, losses = range_test(network, small_data, lr_min=1e-4, lr_max=1e-2, steps=21)
    np.testing.assert_allclose(rates, np.geomspace(1e-4, 1e-2, 21))
    assert losses.shape == (21,)
    np.testing.assert_array_equal(network.params, before)


def test_range_test_spares_the_order_of_the_batches(make_network, small_data):
    def train():
        return Batches(*small_data, 8, rng=np.random.default_rng(0))

    tested, fresh = train(), train()
    lr_range_test(make_network(), CrossEntropyLoss(), SGD, tested, steps=10)
    for (_, y), (_, expected) in zip(tested, fresh, strict=True):
        np.testing.assert_array_equal(y, expected)


def test_range_test_stops_when_the_loss_explodes(make_network, small_data):
    rates, losses = range_test(make_network(), small_data, lr_max=1e6, steps=200)
    assert len(rates) == len(losses) < 200
    assert not losses[-1] <= 4 * losses.min()
    assert rates[-1] > 0.1


def test_range_test_names_a_wrong_range(make_network, small_data):
    with pytest.raises(ValueError, match=r"0\.1 < lr_max < inf, got 0\.01"):
        range_test(make_network(), small_data, lr_min=0.1, lr_max=0.01)


MADE = [
    constant(0.1),
    step_decay(1.0, 0.5, 10),
    exponential(1.0, factor=0.9),
    inverse_time(1.0, 0.1),
    cosine(1.0, total_steps=7),
    linear(1.0, 7, final=0.2),
    one_cycle(1.0, 20),
    warmup(cosine(1.0, 7), steps=3),
    per_epoch(linear(1.0, 3), 4),
]


@pytest.mark.parametrize("schedule", MADE, ids=repr)
def test_schedules_can_be_copied_and_pickled(schedule):
    for twin in (copy.deepcopy(schedule), pickle.loads(pickle.dumps(schedule))):
        assert [twin(step) for step in range(12)] == [schedule(s) for s in range(12)]
    assert type(schedule(3)) is float


def test_a_schedule_shows_how_it_was_made():
    assert repr(warmup(cosine(1.0, total_steps=7), 3)) == (
        "warmup(cosine(1.0, total_steps=7), 3)"
    )


@pytest.mark.parametrize("steps", [10, 25])
def test_linear_and_one_cycle_agree_with_pytorch(steps, torch):
    for ours, kind, options in [
        (linear(0.1, steps), "LinearLR", {"start_factor": 1.0, "end_factor": 0.0}),
        (linear(0.1, steps, 0.02), "LinearLR", {"start_factor": 1, "end_factor": 0.2}),
        (one_cycle(0.5, steps), "OneCycleLR", {"max_lr": 0.5}),
        (
            one_cycle(0.5, steps, rise=0.6, start=0.1, final=0.05),
            "OneCycleLR",
            {"max_lr": 0.5, "pct_start": 0.6, "div_factor": 5, "final_div_factor": 2},
        ),
    ]:
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
        count = "total_iters" if kind == "LinearLR" else "total_steps"
        scheduler = getattr(torch.optim.lr_scheduler, kind)(
            optimizer, **options, **{count: steps}
        )
        for step in range(steps):
            expected = scheduler.get_last_lr()[0]
            assert ours(step) == pytest.approx(expected, rel=1e-6, abs=1e-9)
            optimizer.step()
            if step < steps - 1:
                scheduler.step()
        assert ours(steps + 5) == pytest.approx(
            ours(steps if count == "total_iters" else steps - 1)
        )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: linear(0.1, 0), "total_steps must .* got 0"),
        (lambda: linear(0.1, 10, 0.2), "0 ≤ final ≤ 0.1, got 0.2"),
        (lambda: one_cycle(0.1, 1), "total_steps must .* got 1"),
        (lambda: one_cycle(0.1, 9, rise=1.0), "0 ≤ rise < 1, got 1.0"),
        (lambda: one_cycle(0.1, 9, start=0.2), "0 ≤ start < 0.1, got 0.2"),
    ],
)
def test_bad_cycles_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_range_test_refuses_an_optimiser_of_another_network(make_network, small_data):
    network, other = make_network(), make_network()
    before, train = network.params.copy(), Batches(*small_data, 8, shuffle=False)
    for wrong in (
        network,
        other,
    ):  # the caller's own is another one too: the test copies
        with pytest.raises(ValueError, match="parameters of another network"):
            lr_range_test(
                network,
                CrossEntropyLoss(),
                lambda n, lr, wrong=wrong: SGD(wrong, lr),
                train,
                steps=5,
            )
    np.testing.assert_array_equal(network.params, before)


def test_range_test_refuses_an_optimiser_with_another_rate(make_network, small_data):
    train = Batches(*small_data, 8, shuffle=False)
    with pytest.raises(ValueError, match=r"1e-05 at first, but .* begins with 0\.1"):
        lr_range_test(
            make_network(), CrossEntropyLoss(), lambda n, lr: SGD(n, 0.1), train
        )


def test_range_test_stops_at_a_loss_that_is_not_a_number(make_network, small_data):
    network = make_network()
    network.params[...] = np.nan
    _, losses = range_test(network, small_data, stop_factor=np.inf, steps=50)
    assert len(losses) == 1
