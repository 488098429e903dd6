"""Checks for exercises: they compare an answer with the right one and say what seems wrong with it."""

from bookkit.exercises.checks import (
    ExerciseError,
    answer,
    check_close,
    check_function,
    check_gradient_function,
    check_true,
)

__all__ = [
    "ExerciseError",
    "answer",
    "check_close",
    "check_function",
    "check_gradient_function",
    "check_true",
]
