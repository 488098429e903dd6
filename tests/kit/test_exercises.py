"""The checks of the exercises: right answers pass, and each likely mistake is named."""

import numpy as np
import pytest

from bookkit.exercises.checks import (
    ExerciseError,
    answer,
    check_close,
    check_function,
    check_gradient_function,
    check_true,
)

RIGHT = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]])


@pytest.mark.parametrize(
    "answer", [RIGHT, RIGHT.tolist(), RIGHT.astype(np.float32), RIGHT + 1e-9]
)
def test_right_answers_pass_and_say_so(answer, capsys):
    check_close("gradient", answer, RIGHT)
    assert capsys.readouterr().out == "✓ gradient\n"


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (-RIGHT, "wrong sign"),
        (2 * RIGHT, "factor ½ is missing"),
        (RIGHT / 2, "2 times too small|factor 2 is missing"),
        (-2 * RIGHT, "wrong sign, and twice too large"),
        (1.7 * RIGHT, "1.7 times the right one"),
        (RIGHT.T, "transposed"),
        (RIGHT.ravel(), "shape"),
        (RIGHT.sum(), "too much was summed"),
        (RIGHT[:, :2], "shape should be"),
        (RIGHT + 1, "off by the same constant"),
        (RIGHT[::-1], "reverse order"),
        (RIGHT * np.nan, "NaN"),
        (np.where(RIGHT == 4, np.inf, RIGHT), "infinity"),
        (np.where(RIGHT == 4, 40, RIGHT), r"1 of 6 elements.*\(1, 1\)"),
        (RIGHT + 0.003 * (RIGHT == 1), "nearly right: was something rounded"),
        (None, "not filled in"),
        (..., "not filled in"),
        (lambda: RIGHT, "is a function"),
        ("0.5", "type str"),
        ([[1, 2], [3]], "different lengths"),
    ],
)
def test_mistakes_are_named(answer, hint):
    with pytest.raises(ExerciseError, match=hint):
        check_close("gradient", answer, RIGHT)


def test_factors_of_the_number_of_examples_are_named():
    right = np.arange(1.0, 6.0)
    with pytest.raises(
        ExerciseError, match="5 times too large: is a factor 1/5 missing, or a sum"
    ):
        check_close("mean", 5 * right, right)
    with pytest.raises(
        ExerciseError, match="5 times too small: is a factor 5 missing, or a mean"
    ):
        check_close("sum", right / 5, right)
    with pytest.raises(ExerciseError, match="natural logarithm"):
        check_close("entropy", np.log2(right + 1), np.log(right + 1))


def test_square_matrices_can_be_transposed_too():
    square = np.array([[1.0, 2.0], [3.0, 4.0]])
    with pytest.raises(ExerciseError, match="rows and columns are exchanged"):
        check_close("product", square.T, square)


def test_scalars_and_types():
    check_close("loss", 0.3362, 0.33620000001)
    with pytest.raises(ExerciseError, match="sum or average"):
        check_close("loss", [0.1, 0.2], 0.3)
    with pytest.raises(ExerciseError, match="type should be int64"):
        check_close("labels", np.array([1.0, 2.0]), np.array([1, 2], dtype=np.int64))


@pytest.mark.parametrize("right", [0.3, [0.3]])
def test_a_wrong_number_is_not_called_a_factor_too_large(right):
    with pytest.raises(ExerciseError) as caught:
        check_close("loss", np.multiply(0.951, right), right)
    assert "factor" not in str(caught.value)


def test_a_nearly_right_number_is_called_that():
    with pytest.raises(ExerciseError, match="nearly right"):
        check_close("loss", 6666.9, 6666.7)


def test_a_listed_mistake_comes_before_the_general_ones():
    with pytest.raises(ExerciseError, match=r"^loss: you forgot the bias\.$"):
        check_close("loss", 6.0, 3.0, hints={"you forgot the bias": 6.0})
    check_close("loss", 3.0, 3.0, hints={"never for a right answer": 3.0})


def test_a_true_answer_of_zero_has_no_factor():
    check_close("gradient", [0.0, 0.0], [0.0, 0.0])
    with pytest.raises(ExerciseError, match="1 of 2 elements"):
        check_close("gradient", [0.0, 1.0], [0.0, 0.0])


def square(x):
    return x * x


def test_functions_are_compared_case_by_case(capsys):
    check_function(square, lambda x: x**2, [2.0, np.array([1.0, -3.0])])
    assert capsys.readouterr().out == "✓ square\n"
    with pytest.raises(ExerciseError, match=r"^square\(3\): .*right"):
        check_function(square, lambda x: x**3, [1.0, 3.0])
    with pytest.raises(ExerciseError, match="you cubed it"):
        check_function(
            lambda x: x**3, square, [2.0], hints={"you cubed it": lambda x: x**3}
        )


def in_place(x):
    x *= x
    return x


def blank(x):
    raise NotImplementedError()


@pytest.mark.parametrize(
    ("f", "hint"),
    [
        (blank, "not filled in"),
        (lambda x: None, "not filled in"),
        (None, "not filled in"),
        (3.0, "must be a function"),
        (in_place, "changes its arguments"),
        (lambda x: x + undefined, "NameError"),  # noqa: F821
        (lambda x, y: x, "TypeError"),
    ],
)
def test_what_is_wrong_with_a_function(f, hint):
    with pytest.raises(ExerciseError, match=hint):
        check_function(f, square, [np.array([1.0, 2.0])])


def test_gradients_are_judged_by_finite_differences():
    points = [np.array([0.3, -1.2]), np.ones((2, 3))]
    check_gradient_function(lambda x: np.sum(np.sin(x)), np.cos, points)
    with pytest.raises(ExerciseError, match="wrong sign"):
        check_gradient_function(lambda x: np.sum(np.cos(x)), np.sin, points)
    with pytest.raises(ExerciseError, match="½ is missing"):
        check_gradient_function(lambda x: 0.5 * np.sum(x**2), lambda x: 2 * x, points)


def test_conditions():
    check_true("order", np.bool_(True), "")
    with pytest.raises(ExerciseError, match="order: sort first"):
        check_true("order", np.bool_(False), "sort first")
    with pytest.raises(ExerciseError, match="not filled in"):
        check_true("order", None, "sort first")


def test_notebooks_show_the_hint_alone():
    error = ExerciseError("gradient: wrong sign.")
    assert error._render_traceback_() == ["✗ gradient: wrong sign."]
    assert isinstance(error, AssertionError)


def test_an_answer_is_handed_on_and_a_blank_or_an_error_becomes_a_hint():
    assert answer(lambda a, b: a + b, 1, 2) == 3

    def blank(x): ...

    def unwritten(x):
        raise NotImplementedError()

    for f in (blank, unwritten):
        with pytest.raises(ExerciseError, match="not filled in the blank"):
            answer(f, 1)
    with pytest.raises(ExerciseError, match="stops with ZeroDivisionError"):
        answer(lambda x: 1 / x, 0)
