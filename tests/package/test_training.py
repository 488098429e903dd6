"""Training: fit does what the printed loop does, records it, and survives interruption."""

import copy
import io
import sys
from functools import partial

import numpy as np
import pytest

from nntrain import (
    SGD,
    Adam,
    Batches,
    BatchNorm1d,
    CrossEntropyLoss,
    Dropout,
    Layer,
    Linear,
    MSELoss,
    Sequential,
    accuracy,
    evaluate,
    fit,
)
from nntrain.callbacks import Callback
from nntrain.runchecks import HOOKS


def batches(data, size=8, seed=1, **options):
    return Batches(*data, size, rng=np.random.default_rng(seed), **options)


def test_fit_is_the_printed_loop(make_network, small_data):
    network, by_hand, loss = make_network(), make_network(), CrossEntropyLoss()
    history = fit(
        network,
        loss,
        SGD(network, lr=0.1),
        batches(small_data),
        epochs=3,
        progress=False,
    )
    optimizer, train, losses = SGD(by_hand, lr=0.1), batches(small_data), []
    for _ in range(3):
        for x, y in train:
            losses.append(loss.forward(by_hand.forward(x, training=True), y))
            by_hand.backward(loss.backward())
            optimizer.step()
    assert history.step_loss == losses
    np.testing.assert_array_equal(network.params, by_hand.params)


def test_a_seeded_network_overfits_32_examples(make_network, small_data):
    network = make_network()
    history = fit(
        network,
        CrossEntropyLoss(),
        Adam(network, lr=0.02),
        batches(small_data),
        epochs=150,
    )
    assert history["train_loss"][-1] < 0.01
    assert (
        evaluate(network, CrossEntropyLoss(), *small_data, metrics=(accuracy,))[
            "accuracy"
        ]
        == 1
    )


def test_equal_seeds_give_equal_runs_bit_for_bit(make_network, small_data):
    runs = []
    for _ in range(2):
        network = make_network(seed=5)
        history = fit(
            network,
            CrossEntropyLoss(),
            SGD(network, lr=0.1, momentum=0.9),
            batches(small_data),
            epochs=4,
        )
        runs.append((network.params, history.step_loss))
    np.testing.assert_array_equal(runs[0][0], runs[1][0])
    assert runs[0][1] == runs[1][1]


def test_training_agrees_with_pytorch_from_equal_weights_and_batches(
    make_network, small_data, torch
):
    network = make_network()
    modules = [torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3)]
    with torch.no_grad():
        for layer, module in zip(network.layers, modules, strict=True):
            for name in layer.parameter_names:
                getattr(module, name).copy_(torch.tensor(getattr(layer, name).T.copy()))
    model = torch.nn.Sequential(*modules)
    other = torch.optim.SGD(model.parameters(), lr=0.1)
    expected = []
    train = batches(small_data)
    for _ in range(25):
        for x, y in train:
            loss = torch.nn.functional.cross_entropy(
                model(torch.tensor(x)), torch.tensor(y)
            )
            other.zero_grad()
            loss.backward()
            other.step()
            expected.append(float(loss.detach()))
    history = fit(
        network,
        CrossEntropyLoss(),
        SGD(network, lr=0.1),
        batches(small_data),
        epochs=25,
    )
    np.testing.assert_allclose(history.step_loss, expected, rtol=1e-3)


def test_train_loss_weights_a_short_last_batch_by_its_size(small_data):
    x, y = small_data[0][:5], np.zeros((5, 1))
    network = Sequential(Linear(8, 1, rng=np.random.default_rng(0)))
    train = Batches(x, y, 3, shuffle=False)
    history = fit(network, MSELoss(), SGD(network, lr=0.0), train, epochs=1)
    assert history["train_loss"][0] == pytest.approx(
        evaluate(network, MSELoss(), x, y)["loss"], rel=1e-6
    )


def test_history_has_a_value_an_epoch_and_a_value_a_step(make_network, small_data):
    network = make_network()
    loss, train = CrossEntropyLoss(), batches(small_data, size=10)
    history = fit(
        network,
        loss,
        SGD(network, lr=0.1),
        train,
        small_data,
        epochs=3,
        metrics=(accuracy,),
    )
    assert len(history) == 3
    assert len(history.step_loss) == 3 * 4
    assert all(type(value) is float for value in history.step_loss)
    for name in ("train_loss", "val_loss", "val_accuracy", "seconds"):
        assert history[name].shape == (3,)
    final = evaluate(network, loss, *small_data, metrics=(accuracy,))
    assert (history["val_loss"][-1], history["val_accuracy"][-1]) == (
        final["loss"],
        final["accuracy"],
    )
    with pytest.raises(
        ValueError,
        match="no 'val_acuracy'; it has train_loss, seconds, val_loss, val_accuracy",
    ):
        history["val_acuracy"]


def test_going_on_with_a_history_is_one_long_run(make_network, small_data):
    whole, parts = make_network(), make_network()
    fit(whole, CrossEntropyLoss(), SGD(whole, lr=0.1), batches(small_data), epochs=4)
    train, optimizer = batches(small_data), SGD(parts, lr=0.1)
    history = fit(parts, CrossEntropyLoss(), optimizer, train, epochs=2)
    assert (
        fit(parts, CrossEntropyLoss(), optimizer, train, epochs=4, history=history)
        is history
    )
    assert len(history) == 4
    np.testing.assert_array_equal(parts.params, whole.params)


class CtrlC(Callback):
    def __init__(self, moment, step):
        self.step = step
        setattr(self, moment, self.interrupt)

    def interrupt(self, run):
        if len(run.history.step_loss) == self.step:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("moment", "step", "epochs"),
    [("on_gradient", 6, 1), ("on_step_end", 6, 1), ("on_epoch_end", 8, 2)],
)
def test_ctrl_c_leaves_a_usable_network_and_history(
    moment, step, epochs, make_network, small_data
):
    network, train = make_network(), batches(small_data)  # four steps an epoch
    optimizer, ended = SGD(network, lr=0.1), []
    interrupter = CtrlC(moment, step)
    interrupter.on_train_end = lambda run: ended.append(True)
    history = fit(
        network, CrossEntropyLoss(), optimizer, train, epochs=5, callbacks=[interrupter]
    )
    assert (
        history.stop_reason
        == f"interrupted after {epochs} whole epochs, at step {step}"
    )
    assert (len(history), len(history.step_loss), ended) == (epochs, step, [True])
    assert np.isfinite(network.predict(small_data[0])).all()
    fit(network, CrossEntropyLoss(), optimizer, train, epochs=5, history=history)
    assert len(history) == 5
    assert history.stop_reason == ""


def test_other_errors_are_not_swallowed(make_network, small_data):
    class Broken(Callback):
        def on_step_end(self, run):
            raise RuntimeError("broken")

    network = make_network()
    with pytest.raises(RuntimeError, match="broken"):
        fit(
            network,
            CrossEntropyLoss(),
            SGD(network, lr=0.1),
            batches(small_data),
            epochs=1,
            callbacks=[Broken()],
        )


def test_callbacks_are_called_at_their_moments(make_network, small_data):
    calls = []

    class Diary(Callback):
        pass

    for event in HOOKS:
        setattr(Diary, event, lambda self, run, event=event: calls.append(event))

    network = make_network()
    train = batches(small_data, size=16)
    fit(
        network,
        CrossEntropyLoss(),
        SGD(network, lr=0.1),
        train,
        epochs=2,
        callbacks=[Diary()],
    )
    epoch = ["on_gradient", "on_step_end"] * 2 + ["on_epoch_end"]
    assert calls == ["on_train_begin", *epoch, *epoch, "on_train_end"]


def test_a_diverging_run_records_what_happened_without_a_warning(
    make_network, small_data
):
    network = make_network()
    history = fit(
        network,
        CrossEntropyLoss(),
        SGD(network, lr=1e30),
        batches(small_data),
        epochs=2,
    )
    assert len(history) == 2
    assert not np.isfinite(history["train_loss"][-1])


def test_evaluate_leaves_the_network_alone(make_network, small_data):
    network = make_network()
    before = copy.deepcopy(network.params)
    results = evaluate(network, CrossEntropyLoss(), *small_data)
    assert set(results) == {"loss"}
    np.testing.assert_array_equal(network.params, before)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": -1}, "epochs must be a whole number of at least 0, got -1"),
        (
            {"loss": CrossEntropyLoss("none")},
            "a loss that is one number, got CrossEntropyLoss",
        ),
        ({"loss": CrossEntropyLoss}, "expected a loss, such as CrossEntropyLoss"),
        ({"epochs": 2.5}, "epochs must be a whole number .* got 2.5"),
        ({"val": 5}, r"val must be \(x, y\), got 5"),
        ({"history": {}}, "history must be the History of an earlier run, got {}"),
        ({"optimizer": "none"}, "expected a network and an optimizer"),
        ({"metrics": accuracy}, "metrics must be a sequence of functions"),
        ({"metrics": [0.5]}, r"a function \(outputs, targets\) -> float, got 0.5"),
        (
            {"metrics": [accuracy, partial(accuracy)]},
            "two results would be called 'accuracy'",
        ),
        ({"callbacks": Callback()}, "callbacks must be a sequence"),
        ({"callbacks": [Callback]}, "must be an instance, got the class Callback"),
        (
            {"callbacks": [print]},
            "instance of a Callback, got .* which lacks the hook on_train_begin",
        ),
        (
            {"train": [(1, 2)]},
            r"train must be Batches\(x, y, batch_size, rng=…\), got list",
        ),
        ({"optimizer": "other"}, "parameters of another network"),
        ({"val": (np.ones((2, 8)), np.zeros(3, int))}, r"shapes \(2, 8\) and \(3,\)"),
        (
            {"val": (np.full((2, 8), np.nan), np.zeros(2, int))},
            "inputs must be finite, got 16",
        ),
        ({"val": (np.ones((2, 8)),)}, r"val must be \(x, y\), got 1 values"),
        ({"val": (np.ones((2, 8)), np.array([0, 3]))}, r"labels must lie in 0 … 2"),
        ({"metrics": [accuracy]}, r"the metrics accuracy .* pass val=\(x, y\) too"),
        ({"val": (np.ones((0, 8)), np.ones(0, int))}, "at least one, got shapes"),
        ({"val": (np.ones((2, 7)), np.zeros(2, int))}, r"shape \(N, 8\), got \(2, 7\)"),
    ],
)
def test_bad_input_is_named(change, message, make_network, small_data):
    network = make_network()
    if change.get("optimizer") == "other":
        change = {"optimizer": SGD(make_network(), lr=0.1)}
    settings = {
        "loss": CrossEntropyLoss(),
        "optimizer": SGD(network, lr=0.1),
        "train": batches(small_data),
    }
    with pytest.raises(ValueError, match=message):
        fit(network, **{"epochs": 1, **settings, **change})


def test_assigned_weights_are_trained(make_network, small_data):
    network, twin = make_network(), make_network()
    network.layers[0].weight = np.ones((8, 16), np.float32)
    twin.layers[0].weight[...] = 1
    for one in (network, twin):
        train = batches(small_data)
        fit(one, CrossEntropyLoss(), SGD(one, lr=0.1), train, epochs=1)
    np.testing.assert_array_equal(network.params, twin.params)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stream", "progress", "shown"),
    [(Terminal, True, True), (Terminal, False, False), (io.StringIO, True, False)],
)
def test_the_progress_bar_shows_in_a_terminal_and_not_in_logs(
    stream, progress, shown, make_network, small_data, monkeypatch
):
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    monkeypatch.setattr(sys, "stderr", stream())
    network = make_network()
    loss, optimizer = CrossEntropyLoss(), SGD(network, lr=0.1)
    fit(
        network,
        loss,
        optimizer,
        batches(small_data),
        small_data,
        epochs=2,
        progress=progress,
    )
    written = sys.stderr.getvalue()
    assert ("2/2" in written and "val_loss" in written) == shown
    assert shown or not written


def test_the_progress_bar_is_silent_in_the_static_book(
    make_network, small_data, monkeypatch
):
    monkeypatch.setitem(sys.modules, "ipykernel", sys)
    monkeypatch.setenv("NNTRAIN_STATIC", "1")
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    network = make_network()
    fit(
        network, CrossEntropyLoss(), SGD(network, lr=0.1), batches(small_data), epochs=2
    )
    assert sys.stderr.getvalue() == ""


@pytest.mark.parametrize("answer", [np.ones(3), None, "0.9"], ids=str)
def test_a_metric_that_gives_no_number_is_named(answer, make_network, small_data):
    def odd(outputs, targets):
        return answer

    with pytest.raises(ValueError, match="the metric odd must return one number, got"):
        evaluate(make_network(), CrossEntropyLoss(), *small_data, metrics=[odd])


def test_a_metric_with_settings_goes_by_the_name_of_its_function(
    make_network, small_data
):
    def share_above(outputs, targets, *, threshold):
        return np.mean(outputs > threshold)

    metrics = [partial(share_above, threshold=-np.inf)]
    assert (
        evaluate(make_network(), CrossEntropyLoss(), *small_data, metrics=metrics)[
            "share_above"
        ]
        == 1
    )


def test_evaluation_needs_a_loss_of_one_number(make_network, small_data):
    with pytest.raises(ValueError, match="a loss that is one number, got"):
        evaluate(make_network(), CrossEntropyLoss("none"), *small_data)


@pytest.mark.parametrize("at", [0, 1])
def test_epochs_without_validation_are_gaps_in_the_column(at, make_network, small_data):
    network = make_network()
    optimizer, train, history = SGD(network, lr=0.1), batches(small_data), None
    for epoch in range(2):
        val = small_data if epoch != at else None
        history = fit(
            network,
            CrossEntropyLoss(),
            optimizer,
            train,
            val,
            epochs=epoch + 1,
            history=history,
            progress=False,
        )
    np.testing.assert_array_equal(np.isnan(history["val_loss"]), [at == 0, at == 1])


def never_called(self, run):
    raise AssertionError("training began")


@pytest.mark.parametrize("size", [1, 8])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": np.repeat([0, 1, 2, 3], 8)}, "labels must lie in 0 … 2"),
        ({"y": np.repeat([0, 1, 2, -1], 8)}, "labels must lie in 0 … 2"),
        ({"y": np.zeros((32, 2))}, r"\(\d, 3\)"),
        ({"x": np.zeros((32, 7))}, r"shape \(N, 8\), got \(\d, 7\)"),
    ],
)
def test_unfit_data_are_refused_before_training(
    size, change, message, make_network, small_data, monkeypatch
):
    data = {"x": small_data[0], "y": small_data[1], **change}
    train = Batches(data["x"], data["y"], size, shuffle=False)
    monkeypatch.setattr(Callback, "on_train_begin", never_called)
    network = make_network()
    with pytest.raises(ValueError, match=message):
        sgd = SGD(network, lr=0.1)
        fit(network, CrossEntropyLoss(), sgd, train, epochs=1, callbacks=[Callback()])


def test_a_short_last_batch_that_cannot_be_normalised_is_refused_at_once(
    small_data, monkeypatch
):
    rng = np.random.default_rng(0)
    network = Sequential(Linear(8, 3, rng=rng), BatchNorm1d(3))
    train = Batches(small_data[0][:9], small_data[1][:9], 8, shuffle=False)
    monkeypatch.setattr(Callback, "on_train_begin", never_called)
    with pytest.raises(ValueError, match="two examples or more, got 1; use drop_last"):
        sgd = SGD(network, lr=0.1)
        fit(network, CrossEntropyLoss(), sgd, train, epochs=1, callbacks=[Callback()])


class Lazy(Linear):
    """Its backward pass computes no gradient for its parameters."""

    def backward(self, dy, need_dx=True):
        return dy @ self.weight.T


class Adding(Lazy):
    """It adds to its gradients, as in PyTorch, and nobody sets them to zero."""

    def backward(self, dy, need_dx=True):
        self.grad_weight += self.x.T @ dy
        self.grad_bias += dy.sum(axis=0)
        return super().backward(dy)


class Unnamed(Layer):
    """A layer that forgot to name its parameters."""

    def __init__(self, rng):
        self.weight = rng.normal(size=(8, 3)).astype(np.float32)

    def forward(self, x, training=False):
        self.x = x
        return x @ self.weight

    def backward(self, dy, need_dx=True):
        self.grad_weight = self.x.T @ dy
        return dy @ self.weight.T


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda rng: Lazy(8, 3, rng=rng), "leaves grad_weight as it was"),
        (lambda rng: Adding(8, 3, rng=rng), "or adds to it: it must write it"),
        (Unnamed, "computes grad_weight, but does not name 'weight'"),
    ],
)
def test_a_layer_that_would_not_train_is_refused(make, message, small_data):
    network = Sequential(make(np.random.default_rng(0)))
    with pytest.raises(ValueError, match=message):
        sgd = SGD(network, lr=0.1)
        fit(network, CrossEntropyLoss(), sgd, batches(small_data), epochs=1)


def test_the_trial_before_training_leaves_no_trace(small_data):
    rng = np.random.default_rng(0)
    dropout = Dropout(0.5, np.random.default_rng(1))
    network = Sequential(Linear(8, 3, rng=rng), BatchNorm1d(3), dropout)
    before, drawn = network.state(), dropout.rng.bit_generator.state
    sgd, train = SGD(network, lr=0.1), batches(small_data)
    fit(network, CrossEntropyLoss(), sgd, train, small_data, epochs=0)
    for name, array in network.state().items():
        np.testing.assert_array_equal(array, before[name])
    assert dropout.rng.bit_generator.state == drawn


def test_fit_trains_with_dropout_and_the_batchs_own_statistics(small_data):
    """As `forward(training=True)` has them; validation uses neither."""
    network = Sequential(BatchNorm1d(8), Linear(8, 3, rng=np.random.default_rng(0)))
    sgd, train = SGD(network, lr=0.1), Batches(*small_data, 32, shuffle=False)
    x, y = small_data[0] * 3 + 1, small_data[1]
    train = Batches(x, y, 32, shuffle=False)
    history = fit(network, CrossEntropyLoss(), sgd, train, (x, y), epochs=1)
    np.testing.assert_allclose(
        network.layers[0].running_mean, 0.1 * x.mean(axis=0), rtol=1e-4, atol=1e-6
    )
    assert history["val_loss"][0] == evaluate(network, CrossEntropyLoss(), x, y)["loss"]


@pytest.mark.parametrize("size", [5, 8, 32])
def test_losses_in_a_history_can_be_compared_whatever_the_reduction(
    size, make_network, small_data
):
    results = {}
    for reduction in ("mean", "sum"):
        network, loss = make_network(), CrossEntropyLoss(reduction)
        train = batches(small_data, size)
        history = fit(network, loss, SGD(network, lr=0.0), train, small_data, epochs=1)
        results[reduction] = history.epochs[0]
        assert history["train_loss"][0] == pytest.approx(
            history["val_loss"][0], rel=1e-5
        )
    for name in ("train_loss", "val_loss"):
        assert results["sum"][name] == pytest.approx(results["mean"][name], rel=1e-5)


@pytest.mark.parametrize("lr", [1e-300, 1e300])
def test_extreme_rates_neither_warn_nor_raise(lr, make_network, small_data):
    network = make_network()
    before = network.params.copy()
    sgd = SGD(network, lr=lr)
    history = fit(network, CrossEntropyLoss(), sgd, batches(small_data), epochs=2)
    assert len(history) == 2
    assert np.array_equal(network.params, before) == (lr < 1)


def test_one_example_is_enough_to_train(make_network, small_data):
    network, one = make_network(), (small_data[0][:1], small_data[1][:1])
    sgd, train = SGD(network, lr=0.5), Batches(*one, 1, shuffle=False)
    history = fit(network, CrossEntropyLoss(), sgd, train, one, epochs=20)
    assert history["val_loss"][-1] < 0.1 * history["train_loss"][0]
