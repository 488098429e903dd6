"""Batches and the small tools around them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nntrain import Batches, one_hot, standardise, train_val_split


@given(
    n=st.integers(1, 60),
    size=st.integers(1, 70),
    seed=st.integers(0, 1000),
    shuffle=st.booleans(),
)
def test_an_epoch_visits_every_example_once(n, size, seed, shuffle):
    x = np.arange(n, dtype=np.float32)[:, None]
    batches = Batches(
        x, np.arange(n), size, shuffle=shuffle, rng=np.random.default_rng(seed)
    )
    parts = list(batches)
    np.testing.assert_array_equal(
        np.sort(np.concatenate([y for _, y in parts])), np.arange(n)
    )
    for inputs, targets in parts:
        np.testing.assert_array_equal(inputs[:, 0], targets)  # x and y stay together
    assert [len(y) for _, y in parts] == batches.sizes.tolist()
    assert len(parts) == len(batches) == -(-n // size)
    assert all(len(y) == size for _, y in parts[:-1])


@given(n=st.integers(1, 60), size=st.integers(1, 60))
def test_drop_last_leaves_whole_batches(n, size):
    x = np.zeros((n, 1))
    if size > n:
        with pytest.raises(
            ValueError, match=f"drop_last with batch_size {size} leaves nothing of {n}"
        ):
            Batches(x, x, size, shuffle=False, drop_last=True)
        return
    batches = Batches(x, x, size, shuffle=False, drop_last=True)
    assert (
        [len(y) for _, y in batches] == [size] * (n // size) == batches.sizes.tolist()
    )
    assert len(batches) == n // size


def test_orders_differ_between_epochs_and_repeat_with_the_seed():
    x = np.zeros((50, 1), np.float32)
    first, again = (
        Batches(x, np.arange(50), 50, rng=np.random.default_rng(3)) for _ in range(2)
    )
    epochs = [next(iter(first))[1] for _ in range(3)]
    np.testing.assert_array_equal(epochs, [next(iter(again))[1] for _ in range(3)])
    assert (epochs[0] != epochs[1]).any()


def test_dtypes_and_shapes_are_kept():
    x, y = np.zeros((5, 2, 3), np.float32), np.zeros((5, 4), np.float16)
    inputs, targets = next(iter(Batches(x, y, 2, shuffle=False)))
    assert (inputs.shape, inputs.dtype) == ((2, 2, 3), np.float32)
    assert (targets.shape, targets.dtype) == ((2, 4), np.float16)


GOOD_X, GOOD_Y = np.ones((4, 2)), np.arange(4)
HOLED = np.array([[1.0], [np.nan], [np.inf], [-np.inf]])


def test_data_in_another_storage_order_give_the_same_batches(rng):
    x, y = rng.normal(size=(7, 3)), np.arange(7)
    turned = Batches(np.asfortranarray(x), y, 2, shuffle=False)
    assert turned.x.flags.c_contiguous  # or every batch would copy all of x
    for (a, b), (c, d) in zip(turned, Batches(x, y, 2, shuffle=False), strict=True):
        np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(b, d)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.ones((3, 2)), GOOD_Y, r"shapes \(3, 2\) and \(4,\)"),
        (np.ones((0, 2)), np.ones(0), r"at least one, got shapes \(0, 2\)"),
        (np.array(1.0), np.array(1), "as many inputs as targets"),
        (HOLED, GOOD_Y, "inputs must be finite, got 3 values"),
        (GOOD_X, HOLED[:, 0], "targets must be finite, got 3 values"),
        (
            np.array(["a", "b", "c", "d"]),
            GOOD_Y,
            "inputs must be real numbers, got dtype <U1",
        ),
        (GOOD_X, GOOD_Y * 1j, "targets must be real numbers, got dtype complex128"),
    ],
)
def test_unusable_data_are_named(x, y, message):
    with pytest.raises(ValueError, match=message):
        Batches(x, y, 2, shuffle=False)


def test_finite_data_whose_sum_overflows_are_accepted():
    Batches(np.full((4, 1), 1e308), GOOD_Y, 2, shuffle=False)


@pytest.mark.parametrize("size", [0, -3, 2.5, "4"])
def test_wrong_batch_sizes_are_named(size):
    with pytest.raises(
        ValueError,
        match=f"batch_size must be a whole number of at least 1, got {size!r}",
    ):
        Batches(GOOD_X, GOOD_Y, size, shuffle=False)


def test_shuffling_needs_a_generator():
    with pytest.raises(ValueError, match=r"default_rng\(0\), got 42"):
        Batches(GOOD_X, GOOD_Y, 2, rng=42)


def test_train_val_split_parts_all_examples(rng):
    x, y = np.arange(20).reshape(10, 2), np.arange(10)
    x_train, y_train, x_val, y_val = train_val_split(x, y, 3, rng=rng)
    assert (len(x_train), len(x_val)) == (7, 3)
    np.testing.assert_array_equal(np.sort(np.concatenate([y_train, y_val])), y)
    np.testing.assert_array_equal(x_val, x[y_val])
    np.testing.assert_array_equal(x_train, x[y_train])


@pytest.mark.parametrize("n_val", [0, 4, -1])
def test_train_val_split_leaves_neither_part_empty(n_val, rng):
    with pytest.raises(ValueError, match=f"n_val must .* got {n_val}"):
        train_val_split(GOOD_X, GOOD_Y, n_val, rng=rng)


@given(st.lists(st.integers(0, 6), min_size=1))
def test_one_hot_can_be_undone(labels):
    rows = one_hot(np.array(labels), 7)
    assert rows.dtype == np.float32
    assert rows.argmax(axis=1).tolist() == labels
    assert (rows.sum(axis=1) == 1).all()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.array([0, 3]), r"0 … 2, got 0 … 3"),
        (np.array([-1, 2]), r"0 … 2, got -1 … 2"),
        (np.array([0.0]), "integer labels of shape"),
        (np.array([[1]]), r"shape \(1, 1\)"),
    ],
)
def test_one_hot_names_wrong_labels(labels, message):
    with pytest.raises(ValueError, match=message):
        one_hot(labels, 3)


def test_standardise_agrees_with_scikit_learn(rng):
    scaler = pytest.importorskip("sklearn.preprocessing").StandardScaler()
    train, test = rng.normal(5, 3, (200, 4)), rng.normal(size=(50, 4))
    ours = standardise(train, test)
    np.testing.assert_allclose(ours[0], scaler.fit_transform(train))
    np.testing.assert_allclose(ours[1], scaler.transform(test))


def test_standardise_only_shifts_a_constant_feature():
    (result,) = standardise(np.full((1000, 1), 0.1))
    assert np.abs(result).max() < 1e-12


def test_standardise_takes_integers_and_keeps_float32():
    (result,) = standardise(np.array([[0], [1], [2]], np.uint8))
    np.testing.assert_allclose(result[:, 0], np.array([-1, 0, 1]) * np.sqrt(1.5))
    assert standardise(np.eye(3, dtype=np.float32))[0].dtype == np.float32


def test_standardise_names_wrong_shapes():
    with pytest.raises(ValueError, match=r"shape \(N, D\), got \(3, 2\), \(3, 4\)"):
        standardise(np.ones((3, 2)), np.ones((3, 4)))


def test_unaligned_arrays_are_copied_once_and_not_for_every_batch():
    raw = np.zeros(1 + 8 * 12, np.uint8)
    x = raw[1:].view(np.float64).reshape(6, 2)
    x[...] = np.arange(12).reshape(6, 2)
    assert not x.flags.aligned
    batches = Batches(x, np.arange(6), 2, shuffle=False)
    assert batches.x.flags.aligned and np.array_equal(batches.x, x)
    aligned = np.zeros((6, 2))
    assert Batches(aligned, np.arange(6), 2, shuffle=False).x is aligned


def unaligned(array):
    """The same numbers, stored one byte beside where the processor likes them."""
    room = np.empty(array.nbytes + 1, np.uint8)[1:].view(array.dtype)
    odd = room.reshape(array.shape)
    odd[...] = array
    assert not odd.flags.aligned
    return odd


@pytest.mark.parametrize("store", [unaligned, np.asfortranarray, lambda a: a[::2]])
def test_batches_are_cut_from_rows_in_one_piece(store):
    x, y = np.arange(24.0).reshape(12, 2), np.arange(12)
    batches = Batches(store(x), store(y), 4, shuffle=False)
    for array, stored in ((batches.x, store(x)), (batches.y, store(y))):
        assert array.flags.aligned and array.flags.c_contiguous
        np.testing.assert_array_equal(array, stored)
    fine = np.ones((5, 2)), np.arange(5)
    kept = Batches(*fine, 2, shuffle=False)
    assert kept.x is fine[0] and kept.y is fine[1]  # no copy where none is needed


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("constant", [0.0, 0.1, 1e8, -1e-30])
def test_a_constant_feature_is_only_shifted(dtype, constant):
    train = np.full((50_000, 2), constant, dtype)
    train[::2, 1] += 1
    result, other = standardise(train, train[:3] + dtype(2))
    assert not result[:, 0].any()
    np.testing.assert_allclose(other[:, 0], train[:3, 0] + dtype(2) - train[:3, 0])
