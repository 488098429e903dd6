"""Layers by finite differences, by hand and against PyTorch."""

from functools import partial

import numpy as np
import pytest

from nntrain import (
    BatchNorm1d,
    Dropout,
    Layer,
    LayerNorm,
    Linear,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
)
from nntrain.gradcheck import numerical_gradient
from nntrain.initializers import normal


def make_linear(rng):
    return Linear(5, 3, rng=rng, bias_init=normal(1.0))


def make_unbiased(rng):
    return Linear(5, 3, rng=rng, bias=False)


def make_norm(rng):
    layer = BatchNorm1d(5)
    layer.weight[...], layer.bias[...] = rng.normal(size=(2, 5))
    return layer


def make_layer_norm(rng):
    layer = LayerNorm(5)
    layer.weight[...], layer.bias[...] = rng.normal(size=(2, 5))
    return layer


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "make", [make_linear, make_unbiased, make_norm, make_layer_norm]
)
def test_gradients_by_finite_differences(make, training, rng):
    layer, x = make(rng), rng.normal(size=(7, 5))
    if make is make_norm:
        layer.running_mean[...], layer.running_var[...] = (
            rng.normal(size=5),
            rng.uniform(0.5, 2, 5),
        )
    y = layer.forward(x, training)
    dy = rng.normal(size=y.shape)

    def value(x):
        return float((layer.forward(x, training) * dy).sum())

    def value_with(name, values):
        getattr(layer, name)[...] = values
        return value(x)

    kept = [
        buffer.copy()
        for buffer in (getattr(layer, name) for name in layer.buffer_names)
    ]
    start = {name: getattr(layer, name).copy() for name in layer.parameter_names}
    expected = {}
    for name, values in start.items():
        expected[name] = numerical_gradient(partial(value_with, name), values)
        getattr(layer, name)[...] = values
    expected_dx = numerical_gradient(value, x)
    for name, buffer in zip(layer.buffer_names, kept, strict=True):
        getattr(layer, name)[...] = buffer
    layer.forward(x, training)
    np.testing.assert_allclose(layer.backward(dy), expected_dx, rtol=1e-6, atol=1e-7)
    for name, gradient in expected.items():
        np.testing.assert_allclose(
            getattr(layer, f"grad_{name}"), gradient, rtol=1e-6, atol=1e-7
        )
    assert layer.backward(dy, need_dx=False) is None


def test_linear_by_hand(rng):
    layer = Linear(2, 1, rng=rng)
    layer.weight[...], layer.bias[...] = [[2.0], [3.0]], [1.0]
    np.testing.assert_array_equal(
        layer.forward(np.array([[1.0, 1.0], [0.0, -1.0]])), [[6.0], [-2.0]]
    )
    np.testing.assert_array_equal(
        layer.backward(np.array([[1.0], [10.0]])), [[2, 3], [20, 30]]
    )
    np.testing.assert_array_equal(layer.grad_weight, [[1.0], [-9.0]])
    np.testing.assert_array_equal(layer.grad_bias, [11.0])


def test_backward_overwrites_the_gradients(rng):
    layer, x, dy = make_linear(rng), rng.normal(size=(4, 5)), rng.normal(size=(4, 3))
    layer.forward(x)
    layer.backward(dy)
    once = layer.grad_weight.copy()
    layer.backward(dy)
    np.testing.assert_array_equal(layer.grad_weight, once)


def test_batch_norm_agrees_with_pytorch_over_many_batches(rng, torch):
    ours, theirs = BatchNorm1d(6, momentum=0.2), torch.nn.BatchNorm1d(6, momentum=0.2)
    network = Sequential(ours)
    gamma, beta = rng.normal(size=(2, 6)).astype(np.float32)
    ours.weight[...], ours.bias[...] = gamma, beta
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(gamma))
        theirs.bias.copy_(torch.tensor(beta))
    for n in [8, 8, 3, 2] * 5:  # short last batches too
        x, dy = rng.normal(3, 2, (2, n, 6)).astype(np.float32)
        x_torch = torch.tensor(x, requires_grad=True)
        theirs.zero_grad()
        y_torch = theirs(x_torch)
        y_torch.backward(torch.tensor(dy))
        np.testing.assert_allclose(
            network.forward(x, training=True),
            y_torch.detach().numpy(),
            rtol=1e-3,
            atol=1e-4,
        )
        dx = network.backward(dy, need_dx=True)
        np.testing.assert_allclose(dx, x_torch.grad.numpy(), rtol=1e-2, atol=2e-3)
        np.testing.assert_allclose(
            ours.grad_weight, theirs.weight.grad.numpy(), rtol=1e-3, atol=1e-4
        )
        np.testing.assert_allclose(
            ours.grad_bias, theirs.bias.grad.numpy(), rtol=1e-4, atol=1e-5
        )
    np.testing.assert_allclose(
        ours.running_mean, theirs.running_mean.numpy(), rtol=1e-5
    )
    np.testing.assert_allclose(ours.running_var, theirs.running_var.numpy(), rtol=1e-5)
    theirs.eval()
    x = rng.normal(size=(4, 6)).astype(np.float32)
    np.testing.assert_allclose(
        network.forward(x, training=False),
        theirs(torch.tensor(x)).detach().numpy(),
        rtol=1e-4,
        atol=1e-5,
    )


def test_batch_norm_output_has_mean_zero_and_variance_one(rng):
    y = BatchNorm1d(4).forward(rng.normal(50, 9, (100, 4)), training=True)
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-10)
    np.testing.assert_allclose(y.var(axis=0), 1, rtol=1e-4)


def test_batch_norm_does_not_learn_averages_while_predicting(rng):
    layer = BatchNorm1d(3)
    layer.forward(rng.normal(5, 1, (10, 3)), training=False)
    assert (layer.running_mean == 0).all() and (layer.running_var == 1).all()


def test_dropout_keeps_the_share_and_the_mean_it_promises():
    layer = Dropout(0.3, np.random.default_rng(0))
    y = layer.forward(np.ones((400, 250), np.float32), training=True)
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.7)}
    assert (y == 0).mean() == pytest.approx(0.3, abs=0.01)
    assert y.mean() == pytest.approx(1, abs=0.02)
    np.testing.assert_array_equal(
        layer.backward(np.ones_like(y)), y
    )  # the gradient passes the same gates


def test_dropout_does_nothing_when_not_training(rng):
    layer, x = Dropout(0.9, rng), rng.normal(size=(3, 4))
    np.testing.assert_array_equal(layer.forward(x, training=False), x)
    np.testing.assert_array_equal(layer.backward(x), x)


def test_dropout_repeats_with_its_seed():
    one, two = (
        Dropout(0.5, np.random.default_rng(4)).forward(np.ones((9, 9)), training=True)
        for _ in range(2)
    )
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    "make",
    [
        make_linear,
        make_norm,
        lambda rng: Dropout(np.float64(0.5), rng),
        lambda rng: BatchNorm1d(5, eps=np.float64(1e-5)),
    ],
)
def test_float32_stays_float32_in_a_network(make, rng):
    network = Sequential(make(rng))
    y = network.forward(np.ones((4, 5), np.float32))
    dx = network.backward(np.ones_like(y), need_dx=True)
    assert (
        y.dtype == dx.dtype == network.params.dtype == network.grads.dtype == np.float32
    )
    assert (
        network.forward(np.ones((4, 5), np.float32), training=False).dtype == np.float32
    )


def bad_init(shape, rng):
    return np.zeros(3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Linear(0, 3, rng=np.random.default_rng()),
            "in_features must be a whole number of at least 1, got 0",
        ),
        (lambda: Linear(3, 2, rng=7), r"np.random.default_rng\(0\), got 7"),
        (lambda: Linear(3, 2, rng=np.random), "got <module 'numpy.random'"),
        (
            lambda: Linear(2, 2, rng=np.random.default_rng(), init=bad_init),
            r"returned shape \(3,\), expected \(2, 2\)",
        ),
        (lambda: Dropout(1.0, np.random.default_rng()), "0 ≤ p < 1, got 1.0"),
        (lambda: Dropout(-0.1, np.random.default_rng()), "0 ≤ p < 1, got -0.1"),
        (lambda: Dropout(0.5, None), "needs rng, .* got None"),
        (lambda: BatchNorm1d(0), "num_features must .* at least 1, got 0"),
        (lambda: BatchNorm1d(3, momentum=2), "0 ≤ momentum ≤ 1, got 2"),
        (lambda: BatchNorm1d(3, eps=0), "0 < eps < inf, got 0"),
        (
            lambda: BatchNorm1d(3).forward(np.ones((1, 3)), training=True),
            "two examples or more, got 1; use drop_last=True",
        ),
        (
            lambda: BatchNorm1d(3).forward(np.ones((2, 4))),
            r"inputs of shape \(N, 3\), got \(2, 4\)",
        ),
        (
            lambda: Linear(3, 2, rng=np.random.default_rng()).forward(np.ones(3)),
            r"\(N, 3\), got \(3,\)",
        ),
        (
            lambda: Linear(3, 2, rng=np.random.default_rng()).forward(np.ones((5, 4))),
            r"\(N, 3\), got \(5, 4\)",
        ),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_layer_norm_agrees_with_pytorch(rng, torch):
    ours, theirs = make_layer_norm(rng), torch.nn.LayerNorm(5).double()
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(ours.weight))
        theirs.bias.copy_(torch.tensor(ours.bias))
    x, dy = rng.normal(3, 2, (2, 4, 5))
    x[2] = 7.0  # one row that does not vary
    x_torch = torch.tensor(x, requires_grad=True)
    expected = theirs(x_torch)
    expected.backward(torch.tensor(dy))
    np.testing.assert_allclose(ours.forward(x), expected.detach().numpy(), rtol=1e-9)
    np.testing.assert_allclose(ours.backward(dy), x_torch.grad.numpy(), rtol=1e-6)
    np.testing.assert_allclose(ours.grad_weight, theirs.weight.grad.numpy())
    np.testing.assert_allclose(ours.grad_bias, theirs.bias.grad.numpy())


def test_a_residual_block_agrees_with_pytorch(rng, torch):
    block = Residual(Linear(5, 8, rng=rng), ReLU(), Linear(8, 5, rng=rng))
    parts = [torch.nn.Linear(5, 8), torch.nn.ReLU(), torch.nn.Linear(8, 5)]
    inner = torch.nn.Sequential(*parts).double()
    for layer, module in zip(block.layers, parts, strict=True):
        for name in layer.parameter_names:
            array = getattr(layer, name)
            getattr(module, name).data = torch.tensor(array.T.copy())
    x, dy = rng.normal(size=(2, 4, 5))
    x_torch = torch.tensor(x, requires_grad=True)
    expected = x_torch + inner(x_torch)
    expected.backward(torch.tensor(dy))
    np.testing.assert_allclose(block.forward(x), expected.detach().numpy())
    np.testing.assert_allclose(block.backward(dy), x_torch.grad.numpy())
    for layer, module in zip(block.layers, parts, strict=True):
        for name in layer.parameter_names:
            gradient = getattr(module, name).grad.numpy().T
            np.testing.assert_allclose(getattr(layer, f"grad_{name}"), gradient)


def test_a_constant_feature_is_normalised_to_its_bias():
    layer = BatchNorm1d(2)
    layer.bias[...] = 0.25
    x = np.array([[3.0, 1.0], [3.0, 2.0], [3.0, 4.0]])
    y = layer.forward(x, training=True)
    np.testing.assert_array_equal(y[:, 0], 0.25)
    dx = layer.backward(np.ones_like(y))
    assert np.isfinite(dx).all() and np.isfinite(layer.grad_weight).all()


EVERY = {
    "Linear": lambda: Linear(3, 3, rng=np.random.default_rng(0)),
    "BatchNorm1d": lambda: BatchNorm1d(3),
    "LayerNorm": lambda: LayerNorm(3),
    "Dropout": lambda: Dropout(0.5, np.random.default_rng(0)),
    "Residual": lambda: Residual(Linear(3, 3, rng=np.random.default_rng(0))),
    "Sigmoid": Sigmoid,
    "Tanh": Tanh,
    "ReLU": ReLU,
    "Softmax": Softmax,
}


@pytest.mark.parametrize("name", EVERY)
def test_backward_before_forward_says_so(name):
    with pytest.raises(ValueError, match="call forward before backward"):
        EVERY[name]().backward(np.ones((2, 3)))


@pytest.mark.parametrize("name", ["Linear", "BatchNorm1d", "LayerNorm"])
def test_a_list_given_to_a_lone_layer_is_named(name):
    with pytest.raises(ValueError, match=r"shape \(N, 3\), got a list"):
        EVERY[name]().forward([[1.0, 2.0, 3.0]])


@pytest.mark.parametrize("name", EVERY)
def test_a_forward_pass_for_prediction_changes_nothing(name, rng):
    layer, x = EVERY[name](), rng.normal(size=(4, 3))
    before = {n: np.array(getattr(layer, n)) for n in layer.buffer_names}
    state = layer.rng.bit_generator.state if layer.rng else None
    np.testing.assert_array_equal(layer.forward(x), layer.forward(x, training=False))
    for buffer, values in before.items():
        np.testing.assert_array_equal(getattr(layer, buffer), values)
    assert state == (layer.rng.bit_generator.state if layer.rng else None)


def test_a_residual_block_must_keep_the_shape(rng):
    with pytest.raises(
        ValueError, match=r"must keep the shape .* \(2, 3\), but return"
    ):
        Residual(Linear(3, 4, rng=rng)).forward(np.ones((2, 3)))
    with pytest.raises(ValueError, match="one or more layers, got"):
        Residual()


def test_the_default_start_has_the_variance_that_keeps_a_sum_at_one():
    layer = Linear(400, 300, rng=np.random.default_rng(0))
    assert layer.weight.std() == pytest.approx(1 / 20, rel=0.01)
    assert not layer.bias.any()


def test_layers_know_their_settings():
    assert repr(BatchNorm1d(3)) == "BatchNorm1d(3)"
    assert repr(BatchNorm1d(3, eps=0.1)) == "BatchNorm1d(3, eps=0.1)"
    assert repr(BatchNorm1d(3, momentum=0.5)) == "BatchNorm1d(3, momentum=0.5)"
    assert repr(LayerNorm(3, eps=0.1)) == "LayerNorm(3, eps=0.1)"
    linear = Linear(3, 2, rng=np.random.default_rng(0), bias=False)
    assert repr(linear) == "Linear(3, 2, bias=False)"
    with pytest.raises(ValueError, match="bias_init has no effect with bias=False"):
        Linear(2, 2, rng=np.random.default_rng(0), bias=False, bias_init=normal(1))
    assert isinstance(linear, Layer)
