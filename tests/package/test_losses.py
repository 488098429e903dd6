"""Losses: by hand, by finite differences, and against PyTorch, for every reduction."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nntrain import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    MAELoss,
    MSELoss,
    ProbsCrossEntropyLoss,
    QuadraticLoss,
)
from nntrain.activations import sigmoid, softmax
from nntrain.gradcheck import numerical_gradient
from nntrain.losses import cross_entropy, entropy, kl_divergence

REDUCTIONS = ("mean", "batchmean", "sum", "none")
LOSSES = (
    MSELoss,
    QuadraticLoss,
    MAELoss,
    BCEWithLogitsLoss,
    BCELoss,
    CrossEntropyLoss,
    ProbsCrossEntropyLoss,
)
ON_PROBABILITIES, CATEGORICAL = (
    (BCELoss, ProbsCrossEntropyLoss),
    (CrossEntropyLoss, ProbsCrossEntropyLoss),
)


def case(kind, rng, dtype=np.float64, hard=False):
    """Outputs and targets that suit the loss; `hard` targets are labels or zeros and ones."""
    raw, other = rng.normal(size=(2, 6, 4))
    outputs = {BCELoss: sigmoid, ProbsCrossEntropyLoss: softmax}.get(kind, lambda z: z)(
        raw
    )
    if kind in CATEGORICAL:
        targets = rng.integers(0, 4, 6) if hard else softmax(other)
    elif kind in (BCELoss, BCEWithLogitsLoss):
        targets = rng.integers(0, 2, (6, 4)) if hard else sigmoid(other)
    else:
        targets = other
    return outputs.astype(dtype), targets


@pytest.mark.parametrize("hard", [True, False])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("kind", LOSSES)
def test_gradients_by_finite_differences(kind, reduction, hard, rng):
    outputs, targets = case(kind, rng, hard=hard)
    loss = kind(reduction)
    expected = numerical_gradient(
        lambda o: float(np.sum(loss.forward(o, targets))), outputs.copy()
    )
    loss.forward(outputs, targets)
    np.testing.assert_allclose(loss.backward(), expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(
    "kind", [MSELoss, MAELoss, BCEWithLogitsLoss, BCELoss, CrossEntropyLoss]
)
def test_values_and_gradients_agree_with_pytorch(kind, reduction, rng, torch):
    theirs = {MAELoss: "L1Loss"}.get(kind, kind.__name__)
    outputs, targets = case(kind, rng, np.float32)
    outputs_torch = torch.tensor(outputs, requires_grad=True)
    value = getattr(torch.nn, theirs)(reduction=reduction)(
        outputs_torch, torch.tensor(np.float32(targets))
    )
    value.sum().backward()
    loss = kind(reduction)
    np.testing.assert_allclose(
        loss.forward(outputs, targets), value.detach().numpy(), rtol=2e-6, atol=1e-6
    )
    np.testing.assert_allclose(
        loss.backward(), outputs_torch.grad.numpy(), rtol=1e-4, atol=1e-6
    )


def test_cross_entropy_of_labels_agrees_with_pytorch(rng, torch):
    outputs, labels = case(CrossEntropyLoss, rng, np.float32, hard=True)
    outputs_torch = torch.tensor(outputs, requires_grad=True)
    value = torch.nn.functional.cross_entropy(outputs_torch, torch.tensor(labels))
    value.backward()
    loss = CrossEntropyLoss()
    assert loss.forward(outputs, labels) == pytest.approx(
        float(value.detach()), rel=1e-6
    )
    np.testing.assert_allclose(
        loss.backward(), outputs_torch.grad.numpy(), rtol=1e-5, atol=1e-7
    )


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (MSELoss, [[1, 0], [9, 4]]),
        (MAELoss, [[1, 0], [3, 2]]),
        (QuadraticLoss, [[0.5, 0], [4.5, 2]]),
    ],
)
def test_reductions_by_hand(kind, values):
    outputs, targets = (
        np.array([[1.0, 2.0], [0.0, 0.0]]),
        np.array([[0.0, 2.0], [3.0, -2.0]]),
    )
    total = np.sum(values)
    assert kind("sum").forward(outputs, targets) == total
    assert kind("mean").forward(outputs, targets) == total / 4
    assert kind("batchmean").forward(outputs, targets) == total / 2
    np.testing.assert_array_equal(kind("none").forward(outputs, targets), values)


def test_binary_cross_entropy_by_hand():
    # σ(log 3) = 3/4
    value = BCEWithLogitsLoss().forward(np.array([math.log(3)]), np.array([1.0]))
    assert value == pytest.approx(-math.log(0.75))
    assert BCELoss().forward(np.array([0.75]), np.array([0])) == pytest.approx(
        -math.log(0.25)
    )


@given(k=st.integers(2, 50), logit=st.floats(-100, 100), n=st.integers(1, 5))
def test_cross_entropy_of_equal_logits_is_log_k(k, logit, n):
    value = CrossEntropyLoss().forward(np.full((n, k), logit), np.zeros(n, int))
    assert value == pytest.approx(math.log(k))


@pytest.mark.parametrize("kind", CATEGORICAL)
def test_labels_and_one_hot_rows_are_the_same(kind, rng):
    outputs, labels = case(kind, rng, hard=True)
    one, two = kind(), kind()
    assert one.forward(outputs, labels) == two.forward(outputs, np.eye(4)[labels])
    np.testing.assert_array_equal(one.backward(), two.backward())


def test_losses_on_probabilities_match_those_on_logits(rng):
    logits, targets = case(BCEWithLogitsLoss, rng)
    assert BCELoss().forward(sigmoid(logits), targets) == pytest.approx(
        BCEWithLogitsLoss().forward(logits, targets)
    )
    logits, labels = case(CrossEntropyLoss, rng, hard=True)
    assert ProbsCrossEntropyLoss().forward(softmax(logits), labels) == pytest.approx(
        CrossEntropyLoss().forward(logits, labels)
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", LOSSES)
def test_the_dtype_is_kept_and_the_value_is_a_python_float(kind, dtype, rng):
    outputs, targets = case(kind, rng, dtype)
    before, loss = outputs.copy(), kind()
    assert type(loss.forward(outputs, targets)) is float
    gradient = loss.backward()
    assert gradient.dtype == dtype
    assert gradient.shape == outputs.shape
    np.testing.assert_array_equal(outputs, before)
    once = gradient.copy()
    np.testing.assert_array_equal(loss.backward(), once)  # asking twice changes nothing


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", [BCEWithLogitsLoss, CrossEntropyLoss])
def test_huge_logits_give_finite_losses_without_a_warning(kind, dtype):
    outputs = np.array([[1e4, -1e4, 0], [-1e4, 1e4, 1e4]], dtype)
    targets = np.array([[0, 1, 0], [1, 0, 0]])
    loss = kind()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value, gradient = loss.forward(outputs, targets), loss.backward()
    assert value == pytest.approx(
        50_000 / 6 if kind is BCEWithLogitsLoss else 20_000, rel=1e-3
    )
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("kind", ON_PROBABILITIES)
def test_certain_and_wrong_probabilities_give_finite_losses(kind):
    loss = kind()
    value = loss.forward(np.array([[0.0, 1.0]], np.float32), np.array([[1.0, 0.0]]))
    assert 10 < value < 200
    assert np.isfinite(loss.backward()).all()


def test_integer_outputs_are_not_rounded():
    loss = MSELoss()
    assert loss.forward(np.array([1, 2]), np.array([0.5, 2.0])) == 0.125
    np.testing.assert_array_equal(loss.backward(), [0.5, 0])


Z, LABELS = np.zeros((4, 3), np.float32), np.array([0, 1, 2, 0])


@pytest.mark.parametrize(
    ("kind", "outputs", "targets", "message"),
    [
        (
            MSELoss,
            np.zeros((4, 1)),
            np.zeros(4),
            r"outputs \(4, 1\) and targets \(4,\)",
        ),
        (MAELoss, np.zeros((0, 2)), np.zeros((0, 2)), "one non-empty shape"),
        (
            BCEWithLogitsLoss,
            np.zeros(2),
            np.array([-1.0, 1.0]),
            r"targets in 0 … 1, got -1 … 1",
        ),
        (
            BCELoss,
            np.full(2, 0.5),
            np.array([0.0, 2.0]),
            r"targets in 0 … 1, got 0 … 2",
        ),
        (
            BCELoss,
            np.full(2, 0.5),
            np.array([0.0, np.nan]),
            "targets in 0 … 1, got nan",
        ),
        (
            CrossEntropyLoss,
            Z,
            LABELS[:3],
            r"expected 4 integer labels or a \(4, 3\) array, got int64 .*\(3,\)",
        ),
        (MSELoss, 0.5, 1.0, r"outputs \(N, …\), got one number"),
        (
            MSELoss,
            Z,
            np.full((4, 3), 1j),
            "targets must be real numbers, .* complex128",
        ),
        (MSELoss, Z, np.full((4, 3), None), "targets must be real numbers, .* object"),
        (MSELoss, Z * 1j, Z, "outputs must be real numbers, .* complex"),
        (
            BCELoss,
            np.array([[1.5, -0.5]]),
            np.eye(1, 2),
            "probabilities in 0 … 1, got -0.5 … 1.5; for logits",
        ),
        (BCELoss, np.array([-0.1, 0.5]), np.zeros(2), "got -0.1 … 0.5; for logits"),
        (BCELoss, np.array([0.1, 1.5]), np.zeros(2), "got 0.1 … 1.5; for logits"),
        (
            ProbsCrossEntropyLoss,
            np.array([[0.9, 0.8]]),
            [0],
            "rows of probabilities that sum to one, got a sum off by 0.7",
        ),
        (CrossEntropyLoss, Z, np.array([[1, 1, 0]] * 4), "a sum off by 1"),
        (CrossEntropyLoss, Z, np.array([[0.5, 0.6, -0.1]] * 4), "lowest value of -0.1"),
        (
            ProbsCrossEntropyLoss,
            np.array([[2.0, -1.0]]),
            [0],
            "probabilities in 0 … 1, got -1 … 2; for logits",
        ),
        (CrossEntropyLoss, Z, LABELS.astype(float), "integer labels .* got float64"),
        (
            CrossEntropyLoss,
            Z,
            np.array([0, 1, 2, 3]),
            r"labels must lie in 0 … 2 for 3 outputs, got 0 … 3",
        ),
        (
            CrossEntropyLoss,
            Z,
            np.array([0, 1, 2, -1]),
            r"labels must lie in 0 … 2 .* got -1 … 2",
        ),
        (
            CrossEntropyLoss,
            Z,
            np.array([0, 1, 2, 7]),
            r"labels must lie in 0 … 2 .* got 0 … 7",
        ),
        (
            CrossEntropyLoss,
            Z,
            np.array([-4, 1, 2, 0]),
            r"labels must lie in 0 … 2 .* got -4 … 2",
        ),
        (
            ProbsCrossEntropyLoss,
            Z + 1 / 3,
            np.array([0, 1, 2, 5]),
            r"labels must lie in 0 … 2 .* got 0 … 5",
        ),
        (
            CrossEntropyLoss,
            Z,
            np.ones((4, 3)),
            "to be a distribution, .* a sum off by 2",
        ),
        (CrossEntropyLoss, Z, np.array([[2.0, -1, 0]] * 4), "lowest value of -1"),
        (CrossEntropyLoss, Z, np.full((4, 3), np.nan), "to be a distribution"),
        (CrossEntropyLoss, Z, np.eye(4), r"outputs \(4, 3\) and targets \(4, 4\)"),
        (
            ProbsCrossEntropyLoss,
            np.zeros(4),
            LABELS,
            r"outputs of shape \(N, K\), got \(4,\)",
        ),
    ],
)
def test_unusable_targets_are_named(kind, outputs, targets, message):
    with pytest.raises(ValueError, match=message):
        kind().forward(outputs, targets)


@pytest.mark.parametrize("kind", LOSSES)
def test_unknown_reductions_are_named(kind):
    with pytest.raises(ValueError, match="mean, batchmean, sum, none, got 'average'"):
        kind("average")


@pytest.mark.parametrize("kind", [BCELoss, ProbsCrossEntropyLoss])
def test_losses_on_probabilities_let_a_diverged_run_be_seen(kind):
    assert math.isnan(kind().forward(np.full((2, 2), np.nan), np.eye(2)))


def test_no_loss_is_zero_and_not_minus_zero():
    values = (entropy([1.0, 0.0]), ProbsCrossEntropyLoss().forward(np.eye(2), [0, 1]))
    assert [math.copysign(1, value) for value in values] == [1, 1]


def test_backward_needs_forward():
    with pytest.raises(
        ValueError, match=r"call forward\(outputs, targets\) before backward"
    ):
        MSELoss().backward()


probabilities = st.lists(st.floats(0.01, 1), min_size=2, max_size=6).map(
    lambda v: np.array(v) / sum(v)
)


@given(probabilities)
def test_entropy_is_largest_for_the_uniform_distribution(p):
    assert -1e-12 <= entropy(p) <= math.log(len(p)) + 1e-12


@given(
    st.integers(2, 6).flatmap(
        lambda k: st.tuples(*[st.lists(st.floats(0.01, 1), min_size=k, max_size=k)] * 2)
    )
)
def test_kl_divergence_is_never_negative(lists):
    p, q = (np.array(values) / sum(values) for values in lists)
    assert kl_divergence(p, q) >= -1e-12
    assert kl_divergence(p, p) == 0
    assert cross_entropy(p, q) == pytest.approx(entropy(p) + kl_divergence(p, q))


def test_cross_entropy_is_the_loss_of_the_same_distributions(rng):
    p, z = softmax(rng.normal(size=5)), rng.normal(size=5)
    assert cross_entropy(p, softmax(z)) == pytest.approx(
        CrossEntropyLoss().forward(z[None], p[None])
    )


def test_impossible_events():
    assert entropy(np.array([1.0, 0.0])) == 0
    assert cross_entropy(np.array([0.5, 0.5]), np.array([1.0, 0.0])) == math.inf


@pytest.mark.parametrize("p", [[0.5, 0.6], [1.5, -0.5], [], [[0.5, 0.5]]])
def test_what_is_no_distribution_is_named(p):
    with pytest.raises(ValueError, match="non-negative and summing to one"):
        entropy(np.array(p))
    with pytest.raises(ValueError, match=r"of one shape, got \(2,\) and \(1,\)"):
        kl_divergence(np.array([0.5, 0.5]), np.array([1.0]))


WEIGHTS = np.array([0.5, 2.0, 0.0, 1.5])


@pytest.mark.parametrize("hard", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_smoothing_and_class_weights_agree_with_pytorch(
    reduction, smoothing, weighted, hard, rng, torch
):
    outputs, targets = case(CrossEntropyLoss, rng, hard=hard)
    outputs_torch = torch.tensor(outputs, requires_grad=True)
    value = torch.nn.functional.cross_entropy(
        outputs_torch,
        torch.tensor(targets),
        weight=torch.tensor(WEIGHTS) if weighted else None,
        label_smoothing=smoothing,
        reduction=reduction,
    )
    value.sum().backward()
    loss = CrossEntropyLoss(
        reduction,
        label_smoothing=smoothing,
        class_weights=WEIGHTS if weighted else None,
    )
    np.testing.assert_allclose(
        loss.forward(outputs, targets), value.detach().numpy(), rtol=1e-12, atol=1e-15
    )
    np.testing.assert_allclose(
        loss.backward(), outputs_torch.grad.numpy(), rtol=1e-10, atol=1e-15
    )


@pytest.mark.parametrize("kind", CATEGORICAL)
def test_options_by_finite_differences_for_probabilities_too(kind, rng):
    outputs, targets = case(kind, rng)
    loss = kind(label_smoothing=0.2, class_weights=WEIGHTS)
    expected = numerical_gradient(lambda o: loss.forward(o, targets), outputs.copy())
    loss.forward(outputs, targets)
    np.testing.assert_allclose(loss.backward(), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_the_weight_of_yes_agrees_with_pytorch(reduction, rng, torch):
    outputs, targets = case(BCEWithLogitsLoss, rng)
    outputs_torch = torch.tensor(outputs, requires_grad=True)
    value = torch.nn.functional.binary_cross_entropy_with_logits(
        outputs_torch,
        torch.tensor(targets),
        pos_weight=torch.tensor(3.0, dtype=torch.float64),
        reduction=reduction,
    )
    value.sum().backward()
    loss = BCEWithLogitsLoss(reduction, pos_weight=3.0)
    np.testing.assert_allclose(
        loss.forward(outputs, targets), value.detach().numpy(), rtol=1e-12
    )
    np.testing.assert_allclose(
        loss.backward(), outputs_torch.grad.numpy(), rtol=1e-10, atol=1e-15
    )


EXAMPLES = np.array([1.0, 0.5, 0.0, 2.0, 1.0, 3.0])


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("kind", LOSSES)
def test_weights_of_examples_are_repetitions(kind, reduction, rng):
    """An example of weight 2 counts as if it were there twice, one of 0 not at all."""
    outputs, targets = case(kind, rng)
    loss, index = kind(reduction), np.repeat(np.arange(6), [2, 1, 0, 4, 2, 6])
    value = loss.forward(outputs, targets, 2 * EXAMPLES)
    gradient = loss.backward()
    plain = kind(reduction)
    repeated = plain.forward(outputs[index], targets[index])
    added = np.zeros_like(outputs)
    np.add.at(added, index, plain.backward())
    if reduction == "none":
        singles = kind("none").forward(outputs, targets)
        repeated = (singles.T * 2 * EXAMPLES).T
    np.testing.assert_allclose(value, repeated, rtol=1e-12)
    np.testing.assert_allclose(gradient, added, rtol=1e-12)
    once = gradient.copy()
    np.testing.assert_array_equal(loss.backward(), once)
    # The next call has no weights: they do not stay.
    np.testing.assert_array_equal(
        loss.forward(outputs, targets), kind(reduction).forward(outputs, targets)
    )


def test_class_weights_are_example_weights_of_the_labels(rng):
    outputs, labels = case(CrossEntropyLoss, rng, np.float32, hard=True)
    by_class = CrossEntropyLoss(class_weights=WEIGHTS)
    by_example = CrossEntropyLoss()
    assert by_class.forward(outputs, labels) == pytest.approx(
        by_example.forward(outputs, labels, WEIGHTS[labels]), rel=1e-6
    )
    np.testing.assert_allclose(by_class.backward(), by_example.backward(), rtol=1e-5)
    assert by_class.backward().dtype == np.float32
    both = by_class.forward(outputs, labels, EXAMPLES)
    assert both == pytest.approx(
        by_example.forward(outputs, labels, WEIGHTS[labels] * EXAMPLES), rel=1e-6
    )


def test_an_example_that_counts_nothing_may_be_anything(rng):
    outputs, targets = case(MSELoss, rng)
    outputs[2] = np.nan
    loss = MSELoss()
    assert np.isfinite(loss.forward(outputs, targets, EXAMPLES))
    assert np.isfinite(loss.backward()).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: CrossEntropyLoss(label_smoothing=1.1), "label_smoothing ≤ 1, got 1.1"),
        (lambda: CrossEntropyLoss(class_weights=[1, -1]), "finite and ≥ 0, .* got"),
        (lambda: CrossEntropyLoss(class_weights=[0, 0]), "at least one above 0"),
        (lambda: CrossEntropyLoss(class_weights=[1, np.nan]), "finite and ≥ 0"),
        (lambda: CrossEntropyLoss(class_weights=[1, np.inf]), "finite and ≥ 0"),
        (lambda: CrossEntropyLoss(class_weights=[[1, 1]]), r"got shape \(1, 2\)"),
        (lambda: BCEWithLogitsLoss(pos_weight=0), "0 < pos_weight"),
        (
            lambda: CrossEntropyLoss(class_weights=[1, 1]).forward(Z, LABELS),
            "class_weights must have 3 values, one a class, got 2",
        ),
        (
            lambda: CrossEntropyLoss(class_weights=[1, 0, 1]).forward(Z[:1], [1]),
            "weights of this batch are all 0",
        ),
        (
            lambda: MSELoss().forward(Z, Z, np.ones(3)),
            r"weights must be of shape \(4,\), got shape \(3,\)",
        ),
        (lambda: MSELoss().forward(Z, Z, np.zeros(4)), "at least one above 0"),
    ],
)
def test_unusable_options_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_options_show_in_the_name():
    loss = CrossEntropyLoss(label_smoothing=0.1, class_weights=[1, 2])
    assert repr(loss) == (
        "CrossEntropyLoss('mean', label_smoothing=0.1, class_weights=[1. 2.])"
    )
    assert repr(CrossEntropyLoss()) == "CrossEntropyLoss('mean')"
    assert repr(BCEWithLogitsLoss(pos_weight=2)).endswith("'mean', pos_weight=2.0)")
