"""Rounding twins: the same data, changed in the last place."""

import numpy as np
import pytest

from nntrain.datasets import line_with_outlier, load_digits, two_moons
from nntrain.datasets.rounding import VARIABLE, twin


@pytest.fixture
def plain():
    return np.random.default_rng(1).random((5000, 3)).astype(np.float32)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_half_of_the_numbers_move_by_one_place_towards_zero(plain, dtype, monkeypatch):
    monkeypatch.setenv(VARIABLE, "1")
    values = (plain - 0.5).astype(dtype)
    values[0] = 0, 1, -1
    moved = twin(values.copy())
    changed = moved != values
    assert moved.dtype == dtype and 0.4 < changed.mean() < 0.6
    np.testing.assert_array_equal(
        moved[changed], np.nextafter(values, dtype(0))[changed]
    )
    assert moved[0, 0] == 0 and np.abs(moved).max() <= 1


def test_twins_differ_from_one_another_and_repeat(plain, monkeypatch):
    seen = []
    for k in ("1", "2", "1"):
        monkeypatch.setenv(VARIABLE, k)
        seen.append(twin(plain.copy()))
    assert (seen[0] != seen[1]).any()
    np.testing.assert_array_equal(seen[0], seen[2])


@pytest.mark.parametrize("value", ["", "0", " 0 "])
def test_without_the_variable_nothing_moves(plain, value, monkeypatch):
    monkeypatch.setenv(VARIABLE, value)
    np.testing.assert_array_equal(twin(plain.copy()), plain)


@pytest.mark.parametrize("value", ["one", "-1", "1.5"])
def test_a_variable_that_is_no_number_is_refused(plain, value, monkeypatch):
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(
        ValueError, match=f"{VARIABLE} is '{value}', expected a whole number"
    ):
        twin(plain)


@pytest.mark.parametrize(
    "load",
    [
        lambda: load_digits().x_train,
        lambda: two_moons(50, rng=np.random.default_rng(0))[0],
        lambda: line_with_outlier(50, rng=np.random.default_rng(0))[1],
    ],
    ids=["digits", "moons", "line"],
)
def test_loaders_give_twins(load, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    before = load()
    monkeypatch.setenv(VARIABLE, "3")
    after = load()
    assert (before != after).any()
    np.testing.assert_allclose(after, before, rtol=2e-7)
