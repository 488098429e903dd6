"""Callbacks: stopping at the right moment for the right reason, and going on from a file bit for bit."""

import math
import warnings
from functools import partial

import numpy as np
import pytest

from nntrain import (
    SGD,
    Adam,
    AdamW,
    Batches,
    BatchNorm1d,
    CrossEntropyLoss,
    Dropout,
    Linear,
    Sequential,
    Tanh,
    accuracy,
    fit,
)
from nntrain.callbacks import (
    Callback,
    EarlyStopping,
    LearningRateLog,
    StopOnDivergence,
)
from nntrain.checkpoints import Checkpoint, resume
from nntrain.schedules import exponential


class Scripted(Callback):
    """Records the given numbers as results, and keeps the weights of every epoch."""

    columns = ("val_loss", "val_score")

    def __init__(self, *values):
        self.values, self.params = values, []

    def on_epoch_end(self, run):
        self.params.append(run.network.params.copy())
        value = self.values[len(self.params) - 1]
        run.history.epochs[-1] |= {"val_loss": value, "val_score": value}


def scripted_run(make_network, small_data, values, stopper):
    network, script = make_network(), Scripted(*values)
    train = Batches(*small_data, 8, rng=np.random.default_rng(0))
    optimizer, callbacks = SGD(network, lr=0.1), [script, stopper]
    epochs = len(values)
    history = fit(
        network,
        CrossEntropyLoss(),
        optimizer,
        train,
        small_data,
        epochs=epochs,
        callbacks=callbacks,
    )
    return network, history, script


def test_early_stopping_waits_for_its_patience_and_restores_the_best(
    make_network, small_data
):
    stopper = EarlyStopping(patience=2)
    values = (5.0, 3.0, 4.0, 3.5, 1.0)
    network, history, script = scripted_run(make_network, small_data, values, stopper)
    assert len(history) == 4
    assert (
        history.stop_reason
        == "stopped early after epoch 4: the best val_loss was 3 in epoch 2"
    )
    assert (stopper.best, stopper.best_epoch) == (3.0, 2)
    np.testing.assert_array_equal(network.params, script.params[1])


def test_early_stopping_restores_the_best_also_when_the_epochs_run_out(
    make_network, small_data
):
    network, history, script = scripted_run(
        make_network, small_data, (5.0, 3.0, 4.0), EarlyStopping(5)
    )
    assert (len(history), history.stop_reason) == (3, "")
    np.testing.assert_array_equal(network.params, script.params[1])


def test_early_stopping_can_leave_the_last_weights(make_network, small_data):
    stopper = EarlyStopping(1, restore_best=False)
    network, _, script = scripted_run(make_network, small_data, (3.0, 4.0), stopper)
    np.testing.assert_array_equal(network.params, script.params[-1])


@pytest.mark.parametrize(
    ("options", "values", "epochs"),
    [
        # 0.4 is no improvement, 0.8 in two epochs is; of 0.2 more nothing comes
        ({"min_delta": 0.5}, (5.0, 4.6, 4.2, 4.1, 4.0, 3.9, 3.8), 5),
        ({"min_delta": 0.05}, (5.0, 4.6, 4.2, 4.1, 4.0, 3.9, 3.8), 7),
        (
            {"monitor": "val_score", "mode": "max"},
            (0.5, 0.9, 0.8, 0.7, 1.0),
            4,
        ),
        (
            {"monitor": "val_score", "mode": "max", "min_delta": 0.2},
            (0.5, 0.9, 1.0, 1.05, 1.2),
            4,
        ),
        ({}, (math.nan, math.nan, 1.0), 2),
        ({}, (2.0, 2.0, 2.0, 2.0), 3),
    ],
)
def test_early_stopping_counts_what_is_an_improvement(
    options, values, epochs, make_network, small_data
):
    _, history, _ = scripted_run(
        make_network, small_data, values, EarlyStopping(2, **options)
    )
    assert len(history) == epochs


def test_early_stopping_says_when_there_never_was_a_best(make_network, small_data):
    _, history, _ = scripted_run(
        make_network, small_data, (math.nan,) * 3, EarlyStopping(2)
    )
    assert (
        history.stop_reason
        == "stopped early after epoch 2: val_loss was never a finite number"
    )


@pytest.mark.parametrize("order", [1, -1], ids=["checkpoint last", "checkpoint first"])
@pytest.mark.parametrize("cut", [1, 2, 3])
def test_early_stopping_goes_on_from_a_checkpoint_as_if_never_interrupted(
    cut, order, tmp_path, small_data
):
    def run(parts, values, epochs, history=None, keep=()):
        script = Scripted(*values)
        callbacks = [script, *[EarlyStopping(3), *keep][::order]]
        return fit(
            *parts, small_data, epochs=epochs, callbacks=callbacks, history=history
        ), script

    values, path = (5.0, 3.0, 4.0, 3.5, 3.2, 1.0), tmp_path / "run.npz"
    whole = everything(small_data)
    expected, script = run(whole, values, 6)
    assert len(expected) == 5 and np.array_equal(whole[0].params, script.params[1])

    run(everything(small_data), values, cut, keep=[Checkpoint(path)])
    second = everything(small_data, seed=99)
    history = resume(path, second[0], second[2], second[3])
    history, _ = run(second, values[cut:], 6, history)
    assert history.stop_reason == expected.stop_reason
    np.testing.assert_array_equal(second[0].params, whole[0].params)


def test_a_checkpoint_that_cannot_be_written_stops_the_run_before_it_starts(
    tmp_path, make_network, small_data
):
    network = make_network()
    before = network.params.copy()
    for path, message in (
        (tmp_path, "is a folder"),
        (tmp_path / "none" / "run.npz", "needs a folder"),
    ):
        with pytest.raises(ValueError, match=message):
            fit(
                network, CrossEntropyLoss(), SGD(network, lr=0.1), Batches(*small_data, 10, shuffle=False),
                epochs=1, callbacks=[Checkpoint(path)],
            )  # fmt: skip
    np.testing.assert_array_equal(network.params, before)


def test_a_resumption_that_fails_changes_nothing(tmp_path, small_data):
    path = tmp_path / "run.npz"
    network, loss, _, train = everything(small_data)
    sgd, keep = SGD(network, lr=0.1, momentum=0.9), [Checkpoint(path)]
    fit(network, loss, sgd, train, epochs=1, callbacks=keep)
    for kind, momentum, message in (
        (np.random.PCG64, 0.5, "has momentum 0.9, this run has momentum 0.5"),
        (np.random.PCG64, 0.0, "has momentum 0.9, this run has momentum 0.0"),
        (np.random.MT19937, 0.9, "does not fit this run"),
    ):
        other, _, _, batches = everything(small_data, kind, seed=5)
        optimizer, before = SGD(other, lr=0.1, momentum=momentum), other.params.copy()
        with pytest.raises(ValueError, match=message):
            resume(path, other, optimizer, batches)
        np.testing.assert_array_equal(other.params, before)
        assert optimizer.steps == 0


def test_the_settings_of_layers_are_compared_on_resuming(tmp_path, small_data):
    def run(**settings):
        rng = np.random.default_rng(0)
        network = Sequential(BatchNorm1d(8, **settings), Linear(8, 3, rng=rng))
        return network, SGD(network, lr=0.1), Batches(*small_data, 8, rng=rng)

    path = tmp_path / "run.npz"
    network, sgd, train = run()
    keep = [Checkpoint(path)]
    fit(network, CrossEntropyLoss(), sgd, train, epochs=1, callbacks=keep)
    for settings in ({"eps": 0.1}, {"momentum": 0.5}):
        with pytest.raises(ValueError, match=r"this run has network .*(eps|momentum)="):
            resume(path, *run(**settings))
    assert len(resume(path, *run())) == 1


def share_wrong(outputs, targets):
    return 1 - accuracy(outputs, targets)


def run_with(stopper, metrics, make_network, small_data):
    network = make_network()
    train = Batches(*small_data, 8, rng=np.random.default_rng(0))
    loss, sgd = CrossEntropyLoss(), SGD(network, lr=0.1)
    return fit(
        network, loss, sgd, train, small_data,
        epochs=30, metrics=metrics, callbacks=[stopper],
    )  # fmt: skip


@pytest.mark.parametrize("metric", [accuracy, partial(accuracy)])
def test_of_an_accuracy_the_largest_is_the_best(metric, make_network, small_data):
    stopper = EarlyStopping(3, monitor="val_accuracy")
    history = run_with(stopper, [metric], make_network, small_data)
    assert stopper.best == history["val_accuracy"].max() > history["val_accuracy"][0]
    assert stopper.best_epoch == history["val_accuracy"].argmax() + 1


@pytest.mark.parametrize(
    ("monitor", "mode", "message"),
    [
        ("val_accuracy", "min", "mode='min' would keep the worst epoch: .* maximum"),
        ("val_loss", "max", "mode='max' would keep the worst epoch: .* minimum"),
        ("val_share_wrong", None, "is a larger val_share_wrong better or a smaller"),
        ("val_acuracy", None, "but this run records train_loss, .*val_accuracy"),
    ],
)
def test_a_wrong_direction_is_refused_before_training(
    monitor, mode, message, make_network, small_data
):
    stopper = EarlyStopping(3, monitor=monitor, mode=mode)
    calls = []
    stopper.on_step_end = lambda run: calls.append(run)
    with pytest.raises(ValueError, match=message):
        run_with(stopper, [accuracy, share_wrong], make_network, small_data)
    assert not calls


def test_early_stopping_names_what_it_cannot_monitor(make_network, small_data):
    network = make_network()
    train = Batches(*small_data, 10, shuffle=False)
    with pytest.raises(
        ValueError,
        match="monitors 'val_loss', but this run records train_loss, seconds",
    ):
        fit(
            network,
            CrossEntropyLoss(),
            SGD(network, lr=0.1),
            train,
            epochs=1,
            callbacks=[EarlyStopping(1)],
        )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: EarlyStopping(0),
            "patience must be a whole number of at least 1, got 0",
        ),
        (lambda: EarlyStopping(2.5), "patience must .* got 2.5"),
        (lambda: EarlyStopping(1, -0.1), "min_delta must .* got -0.1"),
        (
            lambda: EarlyStopping(1, monitor=None),
            "monitor must be the name .* got None",
        ),
        (lambda: EarlyStopping(1, mode="best"), "'min' or 'max', got 'best'"),
        (lambda: StopOnDivergence(1.0), "1 < factor ≤ inf, got 1.0"),
        (
            lambda: Checkpoint("c.npz", every=0),
            "every must be a whole number of at least 1, got 0",
        ),
        (lambda: Checkpoint(None), "path must be a file name, got None"),
    ],
)
def test_bad_settings_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_divergence_names_step_losses_and_cause(make_network, small_data):
    network = make_network()
    train = Batches(*small_data, 8, rng=np.random.default_rng(0))
    history = fit(
        network,
        CrossEntropyLoss(),
        SGD(network, lr=5000),
        train,
        epochs=50,
        callbacks=[StopOnDivergence()],
    )
    step = len(history.step_loss)
    assert 1 < step < 20
    assert (
        f"diverged at step {step}: the loss went from {history.step_loss[0]:.4g} to "
        in history.stop_reason
    )
    assert "the learning rate 5000 is probably too high" in history.stop_reason


@pytest.mark.parametrize("scale", [1e38, np.inf])
def test_a_first_loss_that_is_not_finite_has_another_cause(
    scale, make_network, small_data
):
    network = make_network()
    network.params *= 1e30
    network.params[0] = scale
    train = Batches(*small_data, 8, rng=np.random.default_rng(0))
    stop = StopOnDivergence()
    history = fit(
        network,
        CrossEntropyLoss(),
        SGD(network, lr=0.1),
        train,
        epochs=2,
        callbacks=[stop],
    )
    assert len(history.step_loss) == 1
    assert (
        "look at the initial weights and the scale of the inputs" in history.stop_reason
    )


def test_a_healthy_run_does_not_diverge(make_network, small_data):
    network = make_network()
    train = Batches(*small_data, 8, rng=np.random.default_rng(0))
    stop = StopOnDivergence(factor=3)
    history = fit(
        network,
        CrossEntropyLoss(),
        SGD(network, lr=0.1),
        train,
        epochs=5,
        callbacks=[stop],
    )
    assert (len(history), history.stop_reason) == (5, "")


def test_learning_rates_are_logged_a_value_a_step(make_network, small_data):
    network = make_network()
    train, optimizer = (
        Batches(*small_data, 16, shuffle=False),
        SGD(network, lr=exponential(0.1, 0.5)),
    )
    history = fit(
        network,
        CrossEntropyLoss(),
        optimizer,
        train,
        epochs=2,
        callbacks=[LearningRateLog()],
    )
    assert history.lr == [0.1, 0.05, 0.025, 0.0125]


def test_clipped_gradients_move_the_weights_by_at_most_lr_times_the_norm(
    make_network, small_data
):
    network = make_network()
    before, train = network.params.copy(), Batches(*small_data, 32, shuffle=False)
    fit(
        network,
        CrossEntropyLoss(),
        SGD(network, lr=1.0, max_norm=0.01),
        train,
        epochs=1,
    )
    assert np.linalg.norm(network.params - before) == pytest.approx(0.01, rel=1e-3)


def everything(data, bit_generator=np.random.PCG64, seed=3):
    """A run that uses all that a checkpoint must bring back: averages, momenta, schedule, dropout, order."""
    rng = np.random.Generator(bit_generator(seed))
    dropout = Dropout(0.3, np.random.Generator(bit_generator(seed + 1)))
    network = Sequential(
        Linear(8, 12, rng=rng), BatchNorm1d(12), Tanh(), dropout, Linear(12, 3, rng=rng)
    )
    optimizer = Adam(network, lr=exponential(0.05, 0.99))
    return network, CrossEntropyLoss(), optimizer, Batches(*data, 10, rng=rng)


@pytest.mark.parametrize(
    "bit_generator",
    [np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64],
)
def test_a_resumed_run_is_the_same_bit_for_bit(bit_generator, tmp_path, small_data):
    log = LearningRateLog()
    whole = everything(small_data, bit_generator)
    expected = fit(*whole, small_data, epochs=6, callbacks=[log])

    first, path = everything(small_data, bit_generator), tmp_path / "run.npz"
    fit(
        *first, small_data, epochs=4, callbacks=[log, Checkpoint(path, every=3)]
    )  # the file is of epoch 3
    second = everything(small_data, bit_generator, seed=99)
    history = resume(path, second[0], second[2], second[3])
    assert len(history) == 3
    fit(*second, small_data, epochs=6, callbacks=[log], history=history)

    np.testing.assert_array_equal(second[0].params, whole[0].params)
    np.testing.assert_array_equal(
        second[0].layers[1].running_var, whole[0].layers[1].running_var
    )
    assert history.step_loss == expected.step_loss
    assert history.lr == expected.lr
    np.testing.assert_array_equal(history["val_loss"], expected["val_loss"])


def test_a_checkpoint_of_something_else_is_rejected(tmp_path, small_data):
    path = tmp_path / "run.npz"
    network, loss, optimizer, train = everything(small_data)
    fit(network, loss, optimizer, train, epochs=1, callbacks=[Checkpoint(path)])
    before = network.params.copy()
    with pytest.raises(
        ValueError,
        match="has optimizer Adam, this run has optimizer AdamW",
    ):
        resume(path, network, AdamW(network), train)
    other = Sequential(Linear(8, 3, rng=np.random.default_rng(0)))
    with pytest.raises(
        ValueError, match=r"this run has network Sequential\(Linear\(8, 3\)\)"
    ):
        resume(path, other, Adam(other), train)
    for name, batches in (
        ("shuffle", Batches(*small_data, 10, shuffle=False)),
        ("batch_size", Batches(*small_data, 9, rng=np.random.default_rng(0))),
        (
            "examples",
            Batches(*(a[:20] for a in small_data), 10, rng=np.random.default_rng(0)),
        ),
    ):
        with pytest.raises(ValueError, match=f"has {name} .*, this run has {name}"):
            resume(path, network, optimizer, batches)
    with pytest.raises(ValueError, match="parameters of another network"):
        resume(path, network, Adam(other), train)
    with pytest.raises(ValueError, match="train must be Batches"):
        resume(path, network, optimizer, small_data)
    with pytest.raises(ValueError, match="there is no file"):
        resume(tmp_path / "none.npz", network, optimizer, train)
    network.save(tmp_path / "weights.npz")
    with pytest.raises(ValueError, match="is not a checkpoint"):
        resume(tmp_path / "weights.npz", network, optimizer, train)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ValueError, match="not a readable"):
        resume(path, network, optimizer, train)
    np.testing.assert_array_equal(network.params, before)


def test_a_run_that_diverges_does_not_overwrite_its_last_good_checkpoint(
    tmp_path, small_data
):
    path = tmp_path / "run.npz"
    network, loss, optimizer, train = everything(small_data)
    history = fit(
        network, loss, optimizer, train, epochs=1, callbacks=[Checkpoint(path)]
    )
    good = path.read_bytes()
    network.params[...] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(
            network,
            loss,
            optimizer,
            train,
            epochs=9,
            callbacks=[Checkpoint(path)],
            history=history,
        )
    assert len(history) == 2
    assert history.stop_reason.startswith("the weights after epoch 2 are not finite")
    assert path.read_bytes() == good
    assert len(resume(path, network, optimizer, train)) == 1
