"""The checker must pass right gradients and name what is wrong with wrong ones."""

import numpy as np
import pytest

from nntrain import (
    BatchNorm1d,
    CrossEntropyLoss,
    Dropout,
    Linear,
    MSELoss,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    Tanh,
)
from nntrain.gradcheck import check_gradient, numerical_gradient
from nntrain.networkcheck import check_network

rng = np.random.default_rng(0)
A = rng.normal(size=(4, 3))
X = rng.normal(size=(3, 3))


def f(x):
    return np.sin(A @ x).sum()


def gradient(x):
    return A.T @ np.cos(A @ x)


def test_numerical_gradient_is_good_to_nine_digits_in_float64_and_leaves_x_alone():
    before = X.copy()
    np.testing.assert_allclose(numerical_gradient(f, X), gradient(X), rtol=1e-9)
    np.testing.assert_array_equal(X, before)
    assert numerical_gradient(lambda x: x**3, 2.0) == pytest.approx(12)  # a bare number
    assert numerical_gradient(f, X.astype(np.float32)).dtype == np.float64


def test_float32_is_far_worse_than_float64():
    """The reason why checks run in float64."""
    errors = {
        dtype: np.abs(
            numerical_gradient(lambda x: (np.sin(x) ** 2).sum(), X, dtype=dtype)
            - np.sin(2 * X)
        ).max()
        for dtype in (np.float32, np.float64)
    }
    assert errors[np.float32] > 1e4 * errors[np.float64]


def test_error_is_a_v_in_h():
    """Too large a step bends, too small a step drowns in rounding; 1e-5 lies between."""
    error = {
        h: np.abs(numerical_gradient(f, X, h) - gradient(X)).max()
        for h in (1e-1, 1e-5, 1e-12)
    }
    assert error[1e-5] < 1e-4 * error[1e-1] and error[1e-5] < 1e-4 * error[1e-12]


def test_a_right_gradient_passes():
    report = check_gradient(f, X, gradient(X))
    assert report and report.ok and report.error < 1e-8
    assert report.message == "" and str(report).startswith("The gradient is right")
    assert report._repr_markdown_().startswith("✓")


def bad_entry(x):
    g = gradient(x)
    g[1, 2] *= 1.001
    return g


@pytest.mark.parametrize(
    "wrong, message",
    [
        (lambda x: -gradient(x), "wrong sign: this is minus the right one"),
        (
            lambda x: 2 * gradient(x),
            "twice too large: a factor ½ is missing",
        ),
        (
            lambda x: gradient(x) / 2,
            "half as large as it should be: a factor 2 is missing",
        ),
        (
            lambda x: 32 * gradient(x),
            "32 times too large: is a factor 1/32 missing, or a sum taken for a mean?",
        ),
        (
            lambda x: gradient(x) / 10,
            "10 times too small: is a factor 10 missing, or a mean taken for a sum?",
        ),
        (
            lambda x: -gradient(x) / 3,
            "wrong sign, and 3 times too small",
        ),
        (lambda x: 1.37 * gradient(x), "every element is 1.37 times the right one"),
        (lambda x: gradient(x).T, "transposed"),
        (lambda x: 0 * gradient(x), "zero everywhere"),
        (lambda x: gradient(x).astype(np.float32) * (1 + 1e-5), "nearly right"),
        (lambda x: gradient(x) * np.nan, "not finite"),
        (lambda x: gradient(x)[:2], r"it has shape (2, 3), but x has shape (3, 3)."),
    ],
)
@pytest.mark.parametrize("directions", [None, 8])
def test_usual_mistakes_are_named(wrong, message, directions):
    report = check_gradient(
        f, X, wrong(X), directions=directions, rng=np.random.default_rng(1)
    )
    assert not report and not report.ok
    assert message in report.message
    assert message in str(report) and report._repr_markdown_().startswith("✗")


def test_mistakes_in_some_elements_are_named():
    assert (
        check_gradient(f, X, gradient(X) * [1, -1, 1]).message
        == "some signs are wrong."
    )
    assert (
        check_gradient(f, X, gradient(X) + np.array([0, 0.1, 0])).message
        == "3 of 9 values differ."
    )


def test_a_function_that_is_not_finite_is_named():
    report = check_gradient(lambda x: np.nan * x.sum(), X, X)
    assert not report.ok and "f is not finite" in report.message


def test_a_transposed_shape_is_named():
    report = check_gradient(lambda w: (w**2).sum(), A, 2 * A.T)
    assert not report.ok and "It looks transposed" in report.message


def test_the_worst_entry_is_found():
    report = check_gradient(f, X, bad_entry(X))
    assert report.index == (1, 2) and report.where == "x[1, 2]"
    assert (
        report.numeric == pytest.approx(gradient(X)[1, 2])
        and report.analytic == bad_entry(X)[1, 2]
    )
    assert report.error == pytest.approx(1e-3, rel=0.01)
    named = check_gradient(
        lambda v: f(v.reshape(3, 3)), X.ravel(), bad_entry(X).ravel(), names="abcdefghi"
    )
    assert named.where == "f" and named.index == (5,)


def test_one_wrong_element_among_many_shows_in_random_directions():
    w = rng.normal(size=(100, 50))
    wrong = np.cos(w)
    wrong[7, 7] += 0.5
    calls = []

    def g(w):
        calls.append(1)
        return np.sin(w).sum()

    assert check_gradient(
        g, w, np.cos(w), directions=4, rng=np.random.default_rng(0)
    ).ok
    assert len(calls) < 12
    assert not check_gradient(
        g, w, wrong, directions=4, rng=np.random.default_rng(0)
    ).ok


def test_rounding_in_tiny_gradients_is_no_mistake():
    """A saturated function: true slopes of 1e-9 beside a value of 1 are below what differences can see."""
    x = np.array([20.0, 0.5])
    assert check_gradient(lambda x: np.tanh(x).sum(), x, 1 - np.tanh(x) ** 2).ok
    assert check_gradient(lambda x: 5.0, x, np.zeros(2)).ok


def test_a_kink_is_named():
    report = check_gradient(
        lambda x: np.abs(x).sum(), np.array([0.0, 1.0]), np.array([1.0, 1.0])
    )
    assert not report.ok and "kink" in report.message
    assert str(report).startswith("This check can't tell")
    smooth = check_gradient(
        lambda x: (x**2).sum(), np.array([0.0, 1.0]), np.array([1.0, 2.0])
    )
    assert (
        not smooth.ok and "kink" not in smooth.message
    )  # curved, with slope 0: not a kink


@pytest.mark.parametrize(
    "bad, message",
    [
        (lambda: numerical_gradient(np.sin, X), "one number"),
        (lambda: numerical_gradient(f, X, h=0), "0 < h < inf, got 0"),
        (lambda: check_gradient(f, X, gradient(X), names=["a"]), "9 names"),
        (lambda: check_gradient(f, X, gradient(X), directions=3), "rng"),
        (
            lambda: check_gradient(f, X, gradient(X), directions=0, rng=rng),
            "directions",
        ),
        (lambda: check_gradient(f, np.zeros(0), np.zeros(0)), "no elements"),
    ],
)
def test_bad_arguments(bad, message):
    with pytest.raises(ValueError, match=message):
        bad()


def make_network():
    rng = np.random.default_rng(4)
    return Sequential(
        Linear(4, 6, rng=rng),
        BatchNorm1d(6),
        Tanh(),
        Dropout(0.3, rng),
        Linear(6, 3, rng=rng),
        Sigmoid(),
        Linear(3, 3, rng=rng),
    )


INPUTS = np.random.default_rng(8).normal(size=(7, 4)).astype(np.float32)
CLASSES = np.array([0, 1, 2, 2, 1, 0, 1])


@pytest.mark.parametrize("training", [True, False])
def test_a_whole_network_passes_and_is_left_alone(training):
    network = make_network()
    before, state = network.params.copy(), network.layers[3].rng.bit_generator.state
    report = check_network(
        network, CrossEntropyLoss(), INPUTS, CLASSES, training=training
    )
    assert report.ok and report.error < 1e-6, str(report)
    arrays = [
        f"layers[{i}].{name}" for i in (0, 1, 4, 6) for name in ("weight", "bias")
    ]
    assert list(report.reports) == [*arrays, "x"]
    np.testing.assert_array_equal(network.params, before)
    assert network.params.dtype == np.float32
    assert network.layers[3].rng.bit_generator.state == state


def test_a_network_in_random_directions():
    rng = np.random.default_rng(2)
    network = Sequential(Linear(50, 40, rng=rng), ReLU(), Linear(40, 5, rng=rng))
    x, targets = rng.normal(size=(6, 50)), rng.normal(size=(6, 5))
    report = check_network(network, MSELoss(), x, targets, directions=3, rng=rng)
    assert report.ok, str(report)


class ForgottenTanh(Tanh):
    """Its backward pass passes the gradient on unchanged."""

    def backward(self, dy, need_dx=True):
        return dy


class SubtractedBias(Linear):
    """Its gradient for the bias has the wrong sign."""

    def backward(self, dy, need_dx=True):
        dx = super().backward(dy, need_dx)
        self.grad_bias *= -1
        return dx


def test_the_faulty_layer_is_named():
    rng = np.random.default_rng(4)
    network = Sequential(
        Linear(4, 5, rng=rng), ForgottenTanh(), SubtractedBias(5, 3, rng=rng)
    )
    report = check_network(network, CrossEntropyLoss(), INPUTS, CLASSES)
    assert not report.ok
    right = {name for name, r in report.reports.items() if r.ok}
    assert right == {"layers[2].weight"}
    assert report.reports["layers[2].bias"].message.startswith("wrong sign")
    assert "layers[2].bias: The gradient is wrong" in str(report)
    assert "- `layers[2].weight` ✓" in report._repr_markdown_()


def test_nested_layers_are_checked_by_name():
    rng = np.random.default_rng(4)
    network = Sequential(
        Linear(4, 5, rng=rng), Residual(SubtractedBias(5, 5, rng=rng), Tanh())
    )
    report = check_network(network, MSELoss(), INPUTS, np.ones((7, 5)))
    wrong = {name for name, r in report.reports.items() if not r.ok}
    assert wrong == {"layers[1].layers[0].bias"}


class Rebinding(Linear):
    def backward(self, dy, need_dx=True):
        self.grad_weight, self.grad_bias = self.x.T @ dy, dy.sum(axis=0)
        return dy @ self.weight.T


class Unnamed(Rebinding):
    """Its weights are trained by nobody."""

    def __init__(self, *sizes, rng):
        super().__init__(*sizes, rng=rng)
        self.parameter_names = ()
        del self.grad_weight, self.grad_bias


def test_layers_that_rebind_are_right_and_unnamed_ones_are_named():
    rng = np.random.default_rng(4)
    network = Sequential(Rebinding(4, 3, rng=rng))
    assert check_network(network, CrossEntropyLoss(), INPUTS, CLASSES)
    network = Sequential(Unnamed(4, 3, rng=rng))
    with pytest.raises(ValueError, match="computes grad_weight, but does not name"):
        check_network(network, CrossEntropyLoss(), INPUTS, CLASSES)


def test_check_network_checks_the_pass_it_is_asked_for():
    """The two differ for batch normalisation, so a layer wrong in one shows there alone."""

    class WrongInTraining(BatchNorm1d):
        def backward(self, dy, need_dx=True):
            dx = super().backward(dy, need_dx)
            return 2 * dx if self.training else dx

    rng = np.random.default_rng(4)
    network = Sequential(Linear(4, 3, rng=rng), WrongInTraining(3))
    for training in (True, False):
        report = check_network(
            network, CrossEntropyLoss(), INPUTS, CLASSES, training=training
        )
        assert report.ok != training
