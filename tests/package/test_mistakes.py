"""Usual mistakes are named, and nothing is called a mistake by chance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nntrain.mistakes import usual_mistake

RIGHT = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0], [2.0, 0.1, 7.0]])


@pytest.mark.parametrize(
    ("got", "message"),
    [
        (-RIGHT, "wrong sign: this is minus the right one."),
        (RIGHT.T, "transposed: rows and columns are exchanged."),
        (2 * RIGHT, "twice too large: a factor ½ is missing."),
        (-RIGHT / 2, "wrong sign, and half as large as it should be: a factor 2"),
        (7 * RIGHT, "7 times too large: is a factor 1/7 missing, or a sum taken"),
        (RIGHT / 12, "12 times too small: is a factor 12 missing, or a mean taken"),
        (1.7 * RIGHT, "every element is 1.7 times the right one: a constant factor"),
        (RIGHT / np.log(2), "the natural logarithm is needed, not log2"),
        (RIGHT * np.log(10), "log10 is needed, not the natural logarithm"),
        (RIGHT[::-1], "the right numbers in reverse order."),
        (RIGHT - 0.5, "every element is off by the same constant, -0.5."),
        (RIGHT + 1e-4, "nearly right: was something rounded, or computed in float32?"),
        (RIGHT * [1, -1, 1], "some signs are wrong."),
        (RIGHT + np.eye(3), ""),
        (RIGHT, ""),
        (0 * RIGHT, ""),
    ],
)
def test_a_mistake_is_known_by_its_numbers(got, message):
    assert message in usual_mistake(got, RIGHT)
    assert bool(message) == bool(usual_mistake(got, RIGHT))


@given(st.floats(-10, 10), st.floats(-10, 10))
def test_of_single_numbers_no_factor_is_believed_but_two(got, right):
    """Any two numbers differ by some factor and by some constant."""
    message = usual_mistake(np.array(got), np.array(right))
    assert "constant" not in message and "times" not in message


def test_single_numbers_with_a_usual_mistake():
    assert "a factor ½ is missing" in usual_mistake(np.array(3.0), np.array(1.5))
    assert "wrong sign" in usual_mistake(np.array(-3.0), np.array(3.0))
