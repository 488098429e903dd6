"""A layer of the reader's own, written as everybody writes the first one: it trains or says why not."""

import copy
import pickle
import time

import numpy as np
import pytest

from nntrain import SGD, Batches, CrossEntropyLoss, Layer, Linear, Sequential, fit
from nntrain.autograd import Tensor
from nntrain.callbacks import LearningRateLog

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(20, 4)), np.arange(20) % 3


class Scale(Layer):
    """y = s x, as the documentation asks for it."""

    parameter_names = ("scale",)

    def __init__(self):
        self.scale = np.ones(4)

    def forward(self, x, training=False):
        self.x = x
        return x * self.scale

    def backward(self, dy, need_dx=True):
        self.grad_scale = (dy * self.x).sum(axis=0)
        return dy * self.scale


def trained(layer):
    """Train a network with the layer in front; has the layer's parameter moved?"""
    linear = Linear(4, 3, rng=np.random.default_rng(0))
    network = Sequential(layer, linear)
    train = Batches(X, Y, 5, rng=np.random.default_rng(0))
    fit(network, CrossEntropyLoss(), SGD(network, 0.1), train, epochs=2, progress=False)
    return network.params


def variant(**members):
    """Scale, with some members replaced."""
    return type("Scale", (Scale,), members)()


def with_scale(value):
    def __init__(self):
        self.scale = value

    return variant(__init__=__init__)


def test_it_trains_however_its_numbers_are_written():
    as_documented = trained(Scale())
    assert not np.allclose(as_documented[:4], 1)
    for value in ([1.0] * 4, np.ones(4, int), np.ones(4, np.float32)):
        np.testing.assert_array_equal(trained(with_scale(value)), as_documented)
    named_in_a_list = variant(parameter_names=["scale"])
    np.testing.assert_array_equal(trained(named_in_a_list), as_documented)


def test_a_single_number_is_a_parameter_too():
    def backward(self, dy, need_dx=True):
        self.grad_scale = (dy * self.x).sum()
        return dy * self.scale

    layer = with_scale(1.0)
    type(layer).backward = backward
    assert trained(layer)[0] != 1


class Wrapped(Layer):
    def __init__(self):
        self.inner = Linear(4, 4, rng=RNG)

    def forward(self, x, training=False):
        return self.inner.forward(x, training)

    def backward(self, dy, need_dx=True):
        return self.inner.backward(dy, need_dx)


class Unnamed(Scale):
    parameter_names = ()

    def backward(self, dy, need_dx=True):
        self.weight_gradient = (dy * self.x).sum(axis=0)
        return dy * self.scale


def no_dx(self, dy, need_dx=True):
    self.grad_scale = (dy * self.x).sum(axis=0)


def summed_dx(self, dy, need_dx=True):
    self.grad_scale = (dy * self.x).sum(axis=0)
    return (dy * self.scale).sum(axis=0)


def wide_gradient(self, dy, need_dx=True):
    self.grad_scale = (dy * self.x).sum(axis=0, keepdims=True)
    return dy * self.scale


WRONG = {
    "forward(self, x, training=False)": {"forward": lambda self, x: x},
    "backward(self, dy, need_dx=True)": {"backward": lambda self, dy: dy},
    "has no method backward": {"backward": Layer.backward},
    "must be a tuple of names, such as ('scale',)": {"parameter_names": "scale"},
    "must return the gradient with respect to its inputs, shape (2, 4), got None": {
        "backward": no_dx
    },
    "inputs, shape (2, 4), got shape (4,)": {"backward": summed_dx},
    "must have shape (4,), got (1, 4)": {"backward": wide_gradient},
    "has no 'shift'": {"parameter_names": ("scale", "shift")},
}


@pytest.mark.parametrize("message", WRONG)
def test_or_it_says_why_not(message):
    with pytest.raises(ValueError) as caught:
        trained(variant(**WRONG[message]))
    assert message in str(caught.value)


def test_nothing_is_left_untrained_in_silence():
    with pytest.raises(ValueError, match=r"holds Linear\(4, 4\) as 'inner', but not"):
        trained(Wrapped())
    with pytest.raises(ValueError, match="array 'scale' that nothing trains: name it"):
        trained(Unnamed())
    kept = type("Kept", (Unnamed,), {"buffer_names": ("scale",)})()
    np.testing.assert_array_equal(kept.scale, 1)
    trained(kept)
    np.testing.assert_array_equal(kept.scale, 1)


def test_its_weights_can_be_saved_and_read_in_another_session(tmp_path):
    one, other = (
        Sequential(Scale(), Linear(4, 3, rng=np.random.default_rng(k))) for k in (0, 1)
    )
    assert repr(one) == "Sequential(Scale(), Linear(4, 3))"
    one.save(tmp_path / "own.npz")
    other.load(tmp_path / "own.npz")
    np.testing.assert_array_equal(other.params, one.params)


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    network = Sequential(Scale())
    network.params[0] = np.inf
    with pytest.raises(ValueError, match="params must be finite"):
        network.save(tmp_path / "own.npz")
    assert not list(tmp_path.iterdir())


def test_a_schedule_that_ends_below_zero_is_refused_before_it_begins():
    network = Sequential(Linear(4, 3, rng=np.random.default_rng(0)))
    before = network.params.copy()
    optimizer = SGD(network, lr=lambda step: 0.1 * (1 - step / 6))
    train = Batches(X, Y, 5, shuffle=False)
    with pytest.raises(ValueError, match="the rate of step 7 must be a number"):
        fit(network, CrossEntropyLoss(), optimizer, train, epochs=2, progress=False)
    np.testing.assert_array_equal(network.params, before)
    fit(network, CrossEntropyLoss(), optimizer, train, epochs=1, progress=False)


def test_recorded_rates_stand_beside_their_steps():
    network = Sequential(Linear(4, 3, rng=np.random.default_rng(0)))
    parts = network, CrossEntropyLoss(), SGD(network, 0.1)
    train = Batches(X, Y, 5, shuffle=False)
    history = fit(*parts, train, epochs=1, progress=False)
    logs = [LearningRateLog(), LearningRateLog()]
    fit(*parts, train, epochs=2, progress=False, callbacks=logs, history=history)
    assert np.isnan(history.lr[:4]).all() and history.lr[4:] == [0.1] * 4


def test_an_epochs_seconds_are_those_it_took():
    network = Sequential(Linear(4, 3, rng=np.random.default_rng(0)))
    parts = network, CrossEntropyLoss(), SGD(network, 0.1)
    began = time.perf_counter()
    history = fit(*parts, Batches(X, Y, 5, shuffle=False), epochs=3, progress=False)
    assert 0 < history["seconds"].min()
    assert history["seconds"].sum() <= time.perf_counter() - began


def test_a_tensor_is_copied_and_pickled_as_an_input():
    x = Tensor([0.5, 1.0])
    y = (x * x).sum()
    for twin in (copy.deepcopy(y), copy.copy(y), pickle.loads(pickle.dumps(y))):
        assert float(twin) == 1.25 and not twin.operands and twin.requires_grad
    assert y and not Tensor(0.0)
    y.backward()
    np.testing.assert_array_equal(x.grad, [1, 2])
