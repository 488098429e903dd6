"""Legal extremes: one table for arrays, tensors, losses and metrics, with PyTorch's answers.

What PyTorch gives as nan because it multiplies 0 by ∞ is here the limit; those cases are
worked out by hand.
"""

import warnings

import numpy as np
import pytest

from nntrain import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    MAELoss,
    MSELoss,
    ProbsCrossEntropyLoss,
    QuadraticLoss,
    accuracy,
    activations,
    functional,
)
from nntrain.autograd import Tensor
from nntrain.metrics import balanced_accuracy

INF, NAN = np.inf, np.nan
EXTREMES = {
    "a masked class": ([-INF, 0.0, 1.0], 2),
    "all but one masked": ([-INF, 3.0, -INF], 1),
    "the answer is masked": ([-INF, 0.0, 1.0], 0),
    "all masked": ([-INF, -INF, -INF], 1),
    "infinite": ([INF, 0.0, 1.0], 0),
    "infinite and masked": ([INF, -INF, 1.0], 1),
    "nan": ([NAN, 0.0, 1.0], 1),
    "large and right": ([1e4, -1e4, 0.0], 0),
    "large and wrong": ([1e4, -1e4, 0.0], 1),
    "all large": ([1e4, 1e4 - 8, 1e4], 1),
    "all very small": ([-1e4, -1e4 - 8, -1e4], 1),
    "tiny": ([1e-7, 0.0, -1e-7], 0),
    "equal": ([7.0, 7.0, 7.0], 2),
    "one class": ([5.0], 0),
}
DTYPES = [np.float16, np.float32, np.float64]
TOLERANCE = {np.float16: 2e-3, np.float32: 2e-6, np.float64: 1e-13}
extremes = pytest.mark.parametrize(("logits", "label"), EXTREMES.values(), ids=EXTREMES)
dtypes = pytest.mark.parametrize("dtype", DTYPES)


def agree(ours, theirs, dtype):
    rtol = TOLERANCE[dtype]
    np.testing.assert_allclose(
        np.asarray(ours, float), np.asarray(theirs, float), rtol=rtol, atol=rtol
    )


@extremes
@dtypes
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_functions_of_arrays_and_of_tensors_agree_with_pytorch(
    name, logits, label, dtype, torch
):
    z = np.array([logits], dtype)
    expected = getattr(torch, name)(torch.tensor(z.astype(float)), 1).numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        array = getattr(activations, name)(z)
    with np.errstate(all="ignore"):
        tensor = getattr(functional, name)(Tensor(z)).data
    agree(array, expected, dtype)
    agree(tensor, expected, dtype)
    assert array.dtype == tensor.dtype == dtype


@extremes
@dtypes
@pytest.mark.parametrize("soft", [False, True])
def test_cross_entropies_agree_with_pytorch(logits, label, soft, dtype, torch):
    z, labels = np.array([logits], dtype), np.array([label])
    theirs = torch.tensor(z.astype(float), requires_grad=True)
    value = torch.nn.functional.cross_entropy(theirs, torch.tensor(labels))
    value.backward()
    targets = np.eye(len(logits))[labels] if soft else labels
    with np.errstate(all="ignore"):
        loss, tensor = CrossEntropyLoss(), Tensor(z)
        ours = loss.forward(z, targets)
        composed = functional.cross_entropy(tensor, targets)
        composed.backward()
    agree(ours, value.item(), dtype)
    agree(composed.item(), value.item(), dtype)
    agree(loss.backward(), theirs.grad.numpy(), dtype)
    if np.isfinite(value.item()):  # by a graph, 1/0 · 0 has no value
        agree(tensor.grad, theirs.grad.numpy(), dtype)
    assert loss.backward().dtype == tensor.grad.dtype == dtype


def test_one_extreme_example_leaves_the_others_as_they_are():
    rows = [(z, t) for z, t in EXTREMES.values() if len(z) == 3]
    z, labels = np.array([row for row, _ in rows]), np.array([t for _, t in rows])
    with np.errstate(all="ignore"):
        loss = CrossEntropyLoss("none")
        together, gradient = loss.forward(z, labels), loss.backward()
        alone = [loss.forward(z[[n]], labels[[n]])[0] for n in range(len(z))]
    np.testing.assert_array_equal(together, alone)
    settled = np.isfinite(together)
    assert settled.sum() == 8 and np.isfinite(gradient[settled]).all()


def test_rows_of_very_different_size_do_not_feel_each_other():
    z = np.array([[1000.0, 999.0], [-1000.0, -1001.0], [0.0, -1.0]], np.float32)
    values = CrossEntropyLoss("none").forward(z, np.array([1, 1, 1]))
    np.testing.assert_allclose(values, np.log1p(np.exp(1)), rtol=1e-6)
    np.testing.assert_allclose(activations.softmax(z)[:, 0], 1 / (1 + np.exp(-1)))
    np.testing.assert_allclose(activations.logsumexp(z) - z[:, 0], np.log1p(np.exp(-1)),
                               atol=1e-4)  # fmt: skip


@pytest.mark.parametrize(
    ("logit", "target", "value", "slope"),
    [
        (INF, 1.0, 0, 0),
        (-INF, 0.0, 0, 0),
        (INF, 0.0, INF, 1),
        (-INF, 1.0, INF, -1),
        (INF, 0.25, INF, 0.75),
        (-INF, 0.25, INF, -0.25),
        (NAN, 1.0, NAN, NAN),
        (1e4, 1.0, 0, 0),
        (1e4, 0.0, 1e4, 1),
        (-1e4, 0.25, 2.5e3, -0.25),
        (40.0, 1.0, np.exp(-40.0), -np.exp(-40.0)),
    ],
)
@dtypes
def test_binary_cross_entropy_at_the_limits(logit, target, value, slope, dtype):
    z, t, loss = np.array([logit, 0.0], dtype), [target, 1.0], BCEWithLogitsLoss("none")
    with np.errstate(invalid="ignore"):
        ours, gradient = loss.forward(z, t), loss.backward()
    assert ours.dtype == gradient.dtype == dtype
    np.testing.assert_allclose(
        np.float64(ours[0]),
        value,
        rtol=TOLERANCE[dtype],
        atol=6e-8 * (dtype == np.float16),
    )
    agree(gradient[0], slope, dtype)
    agree(ours[1], np.log(2), dtype)


@pytest.mark.parametrize("value", [0.0, 1e-30, 1.0])
@pytest.mark.parametrize("answer", [0.0, 1.0])
@dtypes
def test_certain_probabilities(value, answer, dtype):
    """Right and certain costs nothing; wrong and certain is a large finite number."""
    p = np.array([[value, 1 - value]], dtype)
    t = np.array([[answer, 1 - answer]])
    for loss in (BCELoss(), ProbsCrossEntropyLoss()):
        ours, gradient = loss.forward(p, t), loss.backward()
        assert ours < 1e-3 if round(value) == answer else ours > 2
        assert np.isfinite(gradient).all() and gradient.dtype == dtype


def test_small_probabilities_are_not_clipped_before_they_must_be():
    p = np.array([1e-30], np.float32)
    assert BCELoss().forward(p, [1.0]) == pytest.approx(-np.log(1e-30), rel=1e-6)


def test_half_precision_does_not_overflow_in_a_sum():
    z, labels = np.zeros((9000, 1000), np.float16), np.zeros(9000, int)
    assert CrossEntropyLoss("sum").forward(z, labels) == pytest.approx(
        9000 * np.log(1000), rel=1e-5
    )
    outputs, targets = np.full(4, 300, np.float16), np.zeros(4)
    for loss, expected in ((MSELoss(), 9e4), (QuadraticLoss("mean"), 4.5e4)):
        assert loss.forward(outputs, targets) == expected  # 300² is beyond 65504
        assert loss.backward().dtype == np.float16
    assert MAELoss("sum").forward(np.full(400, 300, np.float16), np.zeros(400)) == 1.2e5


@pytest.mark.parametrize("axis", [0, 1, 2, -2])
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_every_axis_is_the_one_asked_for(name, axis, rng, torch):
    x = rng.normal(size=(2, 3, 4))
    expected = getattr(torch, name)(torch.tensor(x), axis).numpy()
    np.testing.assert_allclose(
        getattr(activations, name)(x, axis), expected, rtol=1e-13
    )
    ours = getattr(functional, name)(Tensor(x), axis).data
    np.testing.assert_allclose(ours, expected, rtol=1e-13)


def test_sums_of_nothing():
    nothing = np.zeros((3, 0))
    np.testing.assert_array_equal(activations.logsumexp(nothing), [-INF] * 3)
    with np.errstate(divide="ignore"):
        np.testing.assert_array_equal(
            functional.logsumexp(Tensor(nothing)).data, [-INF] * 3
        )
    total = Tensor(nothing).sum()
    total.backward()
    assert total.item() == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert activations.softmax(nothing).shape == (3, 0)
        assert activations.log_softmax(nothing).shape == (3, 0)
    with np.errstate(divide="ignore"):
        assert functional.softmax(Tensor(nothing)).shape == (3, 0)
    for refused in (
        lambda: Tensor(nothing).mean(),
        lambda: Tensor(nothing).max(),
        lambda: CrossEntropyLoss().forward(nothing, np.zeros(3, int)),
        lambda: functional.cross_entropy(Tensor(nothing), [0, 0, 0]),
        lambda: MSELoss().forward(nothing, nothing),
        lambda: accuracy(nothing, [0, 0, 0]),
        lambda: accuracy(np.zeros((0, 3)), np.zeros(0, int)),
    ):
        with pytest.raises(ValueError):
            refused()


@pytest.mark.parametrize("x", [np.uint8(3), True, 3, np.array(3, np.float16), [3]])
def test_functions_take_any_real_numbers(x, torch):
    """No unsigned integer wraps round, and a number is an array without axes."""
    z = torch.tensor(np.asarray(x, float))
    for name in ("softmax", "log_softmax", "logsumexp"):
        ours = getattr(activations, name)(x)
        np.testing.assert_allclose(ours, getattr(torch, name)(z, -1), rtol=1e-3)
        assert np.shape(ours) == (() if name == "logsumexp" else np.shape(x))
    np.testing.assert_allclose(activations.sigmoid(x), torch.sigmoid(z), rtol=1e-3)


@pytest.mark.parametrize("name", ["sigmoid", "softmax", "log_softmax", "logsumexp"])
def test_functions_refuse_what_is_no_number(name):
    for wrong in ("a", None, [1j]):
        with pytest.raises(ValueError, match="logits must be real numbers"):
            getattr(activations, name)(wrong)
    if name != "sigmoid":
        with pytest.raises(ValueError, match="expected logits as a Tensor, got ndarr"):
            getattr(functional, name)(np.zeros((2, 3)))


def test_an_infinite_logit_that_is_right_needs_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value = BCEWithLogitsLoss().forward(np.array([INF, -INF]), np.array([1.0, 0]))
        half = activations.softmax(np.array([6e4, -6e4], np.float16))
    assert value == 0
    np.testing.assert_array_equal(half, [1, 0])


def test_one_example_and_one_class():
    assert CrossEntropyLoss().forward(np.array([[3.0]]), [0]) == 0
    assert ProbsCrossEntropyLoss().forward(np.array([[1.0]]), [0]) == 0
    assert accuracy([[0.0, -INF]], [0]) == balanced_accuracy([[0.0, INF]], [1]) == 1


def test_a_refused_batch_leaves_no_gradient_behind():
    loss = CrossEntropyLoss()
    loss.forward(np.zeros((2, 3)), [0, 1])
    with pytest.raises(ValueError, match="labels must lie"):
        loss.forward(np.zeros((2, 3)), [0, 3])
    with pytest.raises(ValueError, match="no gradient yet"):
        loss.backward()
