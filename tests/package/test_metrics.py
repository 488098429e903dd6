"""Metrics against hand-counted examples, scikit-learn, and what must hold for any data."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nntrain import metrics
from nntrain.activations import sigmoid, softmax
from nntrain.calibration import expected_calibration_error, reliability_table
from nntrain.curves import roc_auc, roc_curve, threshold_metrics
from nntrain.metrics import (
    accuracy,
    balanced_accuracy,
    binary_accuracy,
    binary_counts,
    confusion_matrix,
    f1,
    precision,
    recall,
    specificity,
)

OUTPUTS = np.array(
    [[2.0, 1.0, 0.0], [0.0, 3.0, 9.0], [5.0, 1.0, 1.0], [-3.0, -1.0, -2.0]]
)
TARGETS = np.array([0, 2, 1, 1])


def test_accuracy_takes_the_largest_output():
    assert accuracy(OUTPUTS, TARGETS) == 0.75
    assert accuracy(OUTPUTS.astype(np.float32), np.eye(3)[TARGETS]) == 0.75
    assert accuracy(np.array([0, 2, 0, 1]), TARGETS) == 0.75
    assert isinstance(accuracy(OUTPUTS, TARGETS), float)


def test_a_diverged_network_has_no_right_answers():
    outputs = np.full((4, 3), np.nan)
    assert (
        accuracy(outputs, np.zeros(4, dtype=int)) == 0
    )  # argmax would say 0, and be right
    assert binary_accuracy(outputs[:, :1], np.zeros((4, 1))) == 0
    assert accuracy([[np.inf, 0.0], [np.nan, 9.0]], [0, 1]) == 0.5


def test_binary_accuracy_at_logit_and_at_probability():
    logits, targets = (
        np.array([[3.0], [-2.0], [0.1], [-0.1]]),
        np.array([[1.0], [0.0], [0.0], [1.0]]),
    )
    assert binary_accuracy(logits, targets) == 0.5
    probs = 1 / (1 + np.exp(-logits))
    assert binary_accuracy(probs, targets[:, 0], threshold=0.5) == 0.5
    assert binary_accuracy([0.0], [1], threshold=0) == 1  # on the threshold is "yes"


def test_binary_accuracy_does_not_take_probabilities_for_logits():
    """A perfect network would score no more than the share of "yes"."""
    logits, truth = np.array([4.0, -3.0, -2.0, 1.0]), np.array([1, 0, 0, 1])
    with pytest.raises(ValueError, match=r"from 0\.0474.* threshold=0 for logits, thr"):
        binary_accuracy(sigmoid(logits), truth)
    assert binary_accuracy(sigmoid(logits), truth, threshold=0.5) == 1
    assert binary_accuracy(logits, truth) == 1
    assert binary_accuracy([0.2, 1.5], [1, 1]) == 1  # beyond 1: these are logits
    with pytest.raises(ValueError, match=r"2 others, such as 0\.5"):
        binary_accuracy(logits, [0, 1, 0.5, 0.5])
    assert binary_accuracy([0.5, 0.9], [1, 0]) == 0.5  # both thresholds say so
    assert binary_accuracy([0.2, 0.9], [1, 0], threshold=0) == 0.5


@pytest.mark.parametrize(
    ("outputs", "targets", "message"),
    [
        (np.zeros(4), TARGETS, "binary_accuracy"),  # one output each: which threshold?
        (np.zeros((4, 1)), TARGETS, "binary_accuracy"),
        (np.zeros((2, 2, 2)), TARGETS, "expected"),
        (OUTPUTS, TARGETS[:3], "4 examples, targets 3"),
        (OUTPUTS, TARGETS[:1], "4 examples, targets 1"),  # would broadcast
        (OUTPUTS, np.array([0, 2, 1, 3]), "0 to 3"),
        (OUTPUTS, np.array([0, 2, 1, -1]), "-1 to 2"),
        (OUTPUTS, TARGETS.astype(float), "integers"),
        (OUTPUTS, np.full((4, 3), 1 / 3), "one-hot"),
        (OUTPUTS, np.array([[1, 1, 0]] * 4), "one-hot"),  # several ones
        (OUTPUTS, np.zeros((4, 3)), "one-hot"),  # none
        (OUTPUTS, np.array([[2, -1, 0]] * 4), "one-hot"),
        (OUTPUTS, np.eye(4), "integers"),
        (np.zeros((0, 3)), np.zeros(0, dtype=int), "integers"),
        (np.zeros(0, dtype=int), np.zeros(0, dtype=int), "N ≥ 1"),
    ],
)
def test_accuracy_refuses(outputs, targets, message):
    with pytest.raises(ValueError, match=message):
        accuracy(outputs, targets)


@pytest.mark.parametrize(
    ("outputs", "targets"),
    [([0.3], [2]), ([0.3, 0.1], [1]), ([], []), (np.zeros((2, 2)), [0, 1])],
)
def test_binary_accuracy_refuses(outputs, targets):
    with pytest.raises(ValueError):
        binary_accuracy(outputs, targets)


def test_hand_counted():
    # truth 3 3 3 3 8 8 1 1 1 1, found 3 3 3 8 3 3 1 1 1 1
    truth = np.array([3, 3, 3, 3, 8, 8, 1, 1, 1, 1])
    found = np.array([3, 3, 3, 8, 3, 3, 1, 1, 1, 1])
    assert binary_counts(found, truth, positive=3) == (3, 2, 1, 4)
    assert precision(found, truth, positive=3) == 3 / 5
    assert recall(found, truth, positive=3) == 3 / 4
    assert specificity(found, truth, positive=3) == 4 / 6
    assert f1(found, truth, positive=3) == pytest.approx(2 * 0.6 * 0.75 / (0.6 + 0.75))
    matrix = confusion_matrix(found, truth, 9)
    assert matrix[3, 8] == 1 and matrix[8, 3] == 2 and matrix.sum() == 10


def test_nothing_over_nothing():
    never, always, no, yes = [False] * 3, [True] * 3, [False] * 3, [True] * 3
    assert precision(never, yes) == 0 and recall(never, no) == 0
    assert specificity(always, yes) == 0 and f1(never, no) == 0
    assert precision(never, yes, zero_division=1.0) == 1
    assert np.isnan(f1(never, no, zero_division=np.nan))
    assert f1(never, yes) == 0  # 0/3: a number, not the value of 0/0
    assert f1(never, yes, zero_division=1.0) == 0


@pytest.mark.parametrize("metric", [precision, recall, specificity, f1])
def test_class_metrics_refuse(metric):
    for predictions, targets, message in [
        ([0, 1, 2], [0, 1, 2], "positive"),
        ([0, 1, 2], [0, 1, 1], "positive"),
        ([0, 1, 1], [0, 1, 2], "positive"),
        ([-1, 1], [0, 1], "positive"),
        ([0, 1], [0, 1, 1], "2 examples"),
        ([0.2, 0.9], [0, 1], "integers"),
        ([], [], "N ≥ 1"),
        ([[0, 1]], [[0, 1]], "integers"),
    ]:
        with pytest.raises(ValueError, match=message):
            metric(predictions, targets)


def test_confusion_matrix_refuses():
    cases = [([0, 3], [0, 1], 3), ([0, 1], [0, -1], 3), ([0], [0, 1], 3), ([0], [0], 0)]
    for predictions, targets, n_classes in cases:
        with pytest.raises(ValueError):
            confusion_matrix(predictions, targets, n_classes)


LABELS = st.integers(1, 40).flatmap(
    lambda n: st.tuples(*[hnp.arrays(np.int64, n, elements=st.integers(0, 4))] * 2)
)


@settings(deadline=None)  # the first call imports scikit-learn
@given(LABELS)
def test_agree_with_scikit_learn(labels):
    reference = pytest.importorskip("sklearn.metrics")
    found, truth = labels
    every = list(range(5))
    matrix = confusion_matrix(found, truth, 5)
    np.testing.assert_array_equal(
        matrix, reference.confusion_matrix(truth, found, labels=every)
    )
    assert (
        accuracy(found, truth)
        == reference.accuracy_score(truth, found)
        == np.trace(matrix) / len(truth)
    )
    for ours, theirs in [
        (precision, reference.precision_score),
        (recall, reference.recall_score),
        (f1, reference.f1_score),
    ]:
        expected = theirs(truth, found, labels=every, average=None, zero_division=0)
        np.testing.assert_allclose(
            [ours(found, truth, positive=k) for k in every], expected, atol=1e-15
        )
    # Specificity is the recall of the rest.
    assert specificity(found, truth, positive=2) == recall(found != 2, truth != 2)


@given(LABELS)
def test_renaming_the_classes_changes_nothing(labels):
    found, truth = labels
    names = np.array([3, 0, 4, 1, 2])
    assert accuracy(names[found], names[truth]) == accuracy(found, truth)
    assert f1(names[found], names[truth], positive=names[1]) == f1(
        found, truth, positive=1
    )
    np.testing.assert_array_equal(
        confusion_matrix(names[found], names[truth], 5)[np.ix_(names, names)],
        confusion_matrix(found, truth, 5),
    )


@given(
    st.integers(1, 30).flatmap(
        lambda n: st.tuples(
            hnp.arrays(  # with many ties
                np.float64,
                n,
                elements=st.sampled_from([-np.inf, *range(-4, 5), np.inf]),
            ),
            hnp.arrays(np.bool_, n),
        )
    ),
    hnp.arrays(
        np.float64,
        st.integers(0, 6),
        elements=st.sampled_from([-np.inf, -4, -1.5, 0, 1, 4, np.inf]),
    ),
)
def test_the_sweep_is_each_metric_at_each_threshold(data, thresholds):
    scores, truth = data
    sweep = threshold_metrics(scores, truth, thresholds)
    for i, threshold in enumerate(thresholds):
        called = scores >= threshold
        assert tuple(
            sweep[name][i] for name in ("tp", "fp", "fn", "tn")
        ) == binary_counts(called, truth)
        for name in ("precision", "recall", "specificity", "f1", "accuracy"):
            assert sweep[name][i] == getattr(metrics, name)(called, truth), name
    order = np.argsort(thresholds)
    assert (np.diff(sweep["recall"][order]) <= 0).all() and (
        np.diff(sweep["specificity"][order]) >= 0
    ).all()


def test_the_sweep_leaves_a_gap_where_asked():
    sweep = threshold_metrics([0.2, 0.7], [0, 1], [0.5, 0.9], zero_division=np.nan)
    np.testing.assert_array_equal(sweep["precision"], [1, np.nan])
    np.testing.assert_array_equal(sweep["recall"], [1, 0])


@pytest.mark.parametrize(
    ("scores", "targets", "thresholds", "message"),
    [
        ([0.1, np.nan], [0, 1], [0.5], "1 values that are NaN"),
        ([[0.1], [0.2]], [0, 1], [0.5], "shape"),
        ([0.1, 0.2], [0, 2], [0.5], "0 to 2"),
        ([0.1, 0.2], [0], [0.5], "2 examples"),
        ([], [], [0.5], "N ≥ 1"),
        ([0.1, 0.2], [0, 1], 0.5, "thresholds"),
        ([0.1, 0.2], [0, 1], [np.nan], "thresholds"),
        (["a", "b"], [0, 1], [0.5], "scores"),
    ],
)
def test_the_sweep_refuses(scores, targets, thresholds, message):
    with pytest.raises(ValueError, match=message):
        threshold_metrics(scores, targets, thresholds)


AVERAGED = st.integers(1, 40).flatmap(
    lambda n: st.tuples(*[hnp.arrays(np.int64, n, elements=st.integers(-2, 4))] * 2)
)


@settings(deadline=None, max_examples=30)
@given(AVERAGED, st.sampled_from(["macro", "weighted"]), st.sampled_from([0.0, 1.0]))
def test_averages_agree_with_scikit_learn(labels, average, zero):
    reference = pytest.importorskip("sklearn.metrics")
    found, truth = labels
    for ours, theirs in [
        (precision, reference.precision_score),
        (recall, reference.recall_score),
        (f1, reference.f1_score),
    ]:
        expected = theirs(truth, found, average=average, zero_division=zero)
        value = ours(found, truth, average=average, zero_division=zero)
        assert value == pytest.approx(expected, abs=1e-14)


@pytest.mark.filterwarnings("ignore:y_pred contains", "ignore:A single label")
@settings(deadline=None)
@given(LABELS)
def test_balanced_accuracy_agrees_with_scikit_learn(labels):
    reference = pytest.importorskip("sklearn.metrics")
    found, truth = labels
    expected = reference.balanced_accuracy_score(truth, found)
    assert balanced_accuracy(found, truth) == pytest.approx(expected, abs=1e-14)
    outputs = np.eye(5)[found]
    assert balanced_accuracy(outputs, truth) == balanced_accuracy(found, truth)
    outputs[0] = np.nan
    assert balanced_accuracy(outputs, truth) <= balanced_accuracy(found, truth)


def test_averages_refuse():
    for options in ({"average": "micro"}, {"average": "macro", "positive": 1}):
        with pytest.raises(ValueError, match=r'average must be "macro" or "weighted"'):
            recall([0, 1, 2], [0, 1, 1], **options)


SCORES = st.integers(2, 30).flatmap(
    lambda n: st.tuples(
        hnp.arrays(
            np.float64, n, elements=st.sampled_from([-3.0, -0.5, 0.0, 0.5, 1.0, 7.0])
        ),
        hnp.arrays(np.int64, n, elements=st.integers(0, 1)).filter(
            lambda truth: 0 < truth.sum() < len(truth)
        ),
    )
)


@settings(deadline=None)
@given(SCORES)
def test_roc_agrees_with_scikit_learn_and_with_counted_pairs(data):
    reference = pytest.importorskip("sklearn.metrics")
    scores, truth = data
    fpr, tpr, cuts = reference.roc_curve(truth, scores, drop_intermediate=False)
    curve = roc_curve(scores, truth)
    np.testing.assert_allclose(curve["fpr"], fpr, atol=1e-15)
    np.testing.assert_allclose(curve["tpr"], tpr, atol=1e-15)
    np.testing.assert_array_equal(curve["threshold"], cuts)
    yes, no = scores[truth == 1][:, None], scores[truth == 0]
    pairs = np.mean((yes > no) + 0.5 * (yes == no))
    assert roc_auc(scores, truth) == pytest.approx(pairs, abs=1e-14)
    assert roc_auc(-scores, truth) == pytest.approx(1 - pairs, abs=1e-14)


def test_roc_of_infinite_scores_and_of_one_class():
    assert roc_auc([-np.inf, 0.0, np.inf, np.inf], [0, 0, 1, 0]) == 2.5 / 3
    with pytest.raises(ValueError, match="both classes, got 0 positive and 2 negative"):
        roc_auc([0.1, 0.2], [0, 0])
    with pytest.raises(ValueError, match="both classes, got 2 positive and 0 negative"):
        roc_curve([0.1, 0.2], [True, True])
    with pytest.raises(ValueError, match="1 values that are NaN"):
        roc_auc([0.1, np.nan], [0, 1])


def test_calibration_agrees_with_scikit_learn(rng):
    reference = pytest.importorskip("sklearn.calibration")
    probs = rng.uniform(size=400) ** 2
    truth = rng.uniform(size=400) < probs**1.5
    table = reliability_table(probs, truth, bins=12)
    frequency, confidence = reference.calibration_curve(truth, probs, n_bins=12)
    full = table["count"] > 0
    np.testing.assert_allclose(table["frequency"][full], frequency)
    np.testing.assert_allclose(table["confidence"][full], confidence)
    assert table["count"].sum() == 400
    np.testing.assert_allclose(table["low"][1:], table["high"][:-1])


def test_calibration_error_of_several_classes_by_hand():
    probs = np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.45, 0.55]])
    # Confidences 0.9, 0.8 | 0.6, 0.55; right: yes, no | yes, yes.
    table = reliability_table(probs, [0, 1, 1, 1], bins=4)
    np.testing.assert_array_equal(table["count"], [0, 0, 2, 2])
    np.testing.assert_allclose(table["confidence"][2:], [0.575, 0.85])
    np.testing.assert_allclose(table["frequency"][2:], [1, 0.5])
    assert np.isnan(table["frequency"][:2]).all()
    error = expected_calibration_error(probs, [0, 1, 1, 1], bins=4)
    assert error == pytest.approx((2 * 0.425 + 2 * 0.35) / 4)
    assert expected_calibration_error(np.eye(3), [0, 1, 2]) == 0  # sure and right


def test_a_network_that_draws_from_its_own_probabilities_is_calibrated(rng):
    probs = softmax(3 * rng.normal(size=(20_000, 3)))
    truth = (rng.uniform(size=(20_000, 1)) > probs.cumsum(axis=1)).sum(axis=1)
    assert expected_calibration_error(probs, truth) < 0.01
    assert expected_calibration_error(softmax(3 * np.log(probs)), truth) > 0.05


@pytest.mark.parametrize(
    ("probs", "targets", "message"),
    [
        ([0.5, 2.0], [0, 1], "probabilities in 0 … 1, got 0.5 … 2"),
        ([[0.5, 0.4]], [0], "sum to one, got a sum off by 0.1"),
        ([0.5, np.nan], [0, 1], "1 NaN"),
        ([], [], r"shape \(0,\)"),
        ([0.5, 0.5], [0], "2 examples, targets 1"),
        ([0.5], [2], "0 … 1"),
        (["a"], [0], "expected"),
    ],
)
def test_calibration_refuses(probs, targets, message):
    with pytest.raises(ValueError, match=message):
        expected_calibration_error(probs, targets)
    with pytest.raises(ValueError, match=r"shape \(2, 2, 2\), expected"):
        reliability_table(np.full((2, 2, 2), 0.5), [0, 1])
    with pytest.raises(ValueError, match="bins must be a whole number"):
        reliability_table([0.5], [1], bins=0)


def test_every_metric_says_in_which_direction_it_improves():
    lower = {"expected_calibration_error"}
    for metric in (accuracy, balanced_accuracy, binary_accuracy, precision, recall,
                   specificity, f1, roc_auc, expected_calibration_error):  # fmt: skip
        assert metric.higher_is_better is (metric.__name__ not in lower)
