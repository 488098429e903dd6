"""Activations against SciPy-free oracles: their definitions in exact or wider arithmetic, and PyTorch."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nntrain import LeakyReLU, ReLU, Sigmoid, Softmax, Tanh
from nntrain.activations import log_softmax, logsumexp, sigmoid, softmax
from nntrain.gradcheck import numerical_gradient

EXTREME = np.array([[-1e4, -100.0, -1.0, 0.0, 1.0, 100.0, 1e4]])
logits = arrays(
    np.float64,
    st.tuples(st.integers(1, 4), st.integers(2, 6)),
    elements=st.floats(-50, 50),
)


@given(st.floats(-700, 700))
def test_sigmoid_is_its_definition(x):
    assert float(sigmoid(x)) == pytest.approx(1 / (1 + math.exp(-x)), rel=1e-14)


@given(st.floats(-30, 30))
def test_sigmoid_is_symmetric(x):
    assert sigmoid(x) + sigmoid(-x) == pytest.approx(1, abs=1e-15)


@given(logits, st.floats(-1000, 1000))
def test_softmax_does_not_feel_a_shift(z, shift):
    np.testing.assert_allclose(softmax(z + shift), softmax(z), atol=1e-12)


@given(logits)
def test_softmax_gives_distributions_and_log_softmax_their_logarithm(z):
    p = softmax(z)
    assert (p > 0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_allclose(np.exp(log_softmax(z)), p, atol=1e-15)


@given(logits)
def test_logsumexp_is_its_definition(z):
    np.testing.assert_allclose(
        logsumexp(z), [math.log(math.fsum(map(math.exp, row))) for row in z], atol=1e-12
    )
    np.testing.assert_allclose(
        logsumexp(z, axis=0, keepdims=True), logsumexp(z.T)[None]
    )


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("function", [sigmoid, softmax, log_softmax, logsumexp])
def test_huge_logits_are_finite_without_a_warning_and_the_dtype_is_kept(
    function, dtype
):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = function(EXTREME.astype(dtype))
    assert result.dtype == dtype
    assert np.isfinite(result).all()


def test_softmax_by_hand():
    np.testing.assert_allclose(
        softmax(np.log([[1.0, 2.0, 5.0]])), [[0.125, 0.25, 0.625]]
    )


LAYERS = [Sigmoid, Softmax, Tanh, ReLU, LeakyReLU, lambda: LeakyReLU(0.2)]


@pytest.mark.parametrize("make", LAYERS)
def test_layer_gradients_by_finite_differences(make, rng):
    x, dy, layer = rng.normal(size=(4, 5)), rng.normal(size=(4, 5)), make()
    layer.forward(x)
    expected = numerical_gradient(
        lambda v: float((layer.forward(v) * dy).sum()), x.copy()
    )
    layer.forward(x)
    np.testing.assert_allclose(layer.backward(dy), expected, atol=1e-8)


@pytest.mark.parametrize("make", LAYERS)
def test_layers_agree_with_pytorch(make, rng, torch):
    layer = make()
    theirs = {
        "Sigmoid": torch.sigmoid,
        "Softmax": lambda t: torch.softmax(t, dim=1),
        "Tanh": torch.tanh,
        "ReLU": torch.relu,
        "LeakyReLU": lambda t: torch.nn.functional.leaky_relu(
            t, getattr(layer, "negative_slope", 0.0)
        ),
    }[type(layer).__name__]
    x = np.concatenate([rng.normal(size=(6, 7)), EXTREME]).astype(np.float32)
    dy = rng.normal(size=x.shape).astype(np.float32)
    x_torch = torch.tensor(x, requires_grad=True)
    y_torch = theirs(x_torch)
    y_torch.backward(torch.tensor(dy))
    np.testing.assert_allclose(
        layer.forward(x), y_torch.detach().numpy(), rtol=1e-5, atol=1e-7
    )
    np.testing.assert_allclose(
        layer.backward(dy), x_torch.grad.numpy(), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("make", [*LAYERS, lambda: LeakyReLU(np.float64(0.01))])
def test_layers_keep_shape_dtype_and_input(make):
    x = EXTREME.astype(np.float32)
    before, layer = x.copy(), make()
    y = layer.forward(x)
    dx = layer.backward(np.ones_like(y))
    assert y.dtype == dx.dtype == np.float32
    assert y.shape == dx.shape == x.shape
    assert np.isfinite(y).all() and np.isfinite(dx).all()
    np.testing.assert_array_equal(x, before)


def test_relu_has_slope_zero_at_the_kink():
    layer = ReLU()
    layer.forward(np.array([[-1.0, 0.0, 2.0]]))
    np.testing.assert_array_equal(layer.backward(np.ones((1, 3))), [[0, 0, 1]])


@pytest.mark.parametrize("slope", [-0.1, 1.0, math.nan])
def test_leaky_relu_rejects_slopes_outside_its_range(slope):
    with pytest.raises(ValueError, match=f"0 ≤ negative_slope < 1, got {slope}"):
        LeakyReLU(slope)
