"""What a reader is asked before the controls open, and how it is told afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Find = Callable[..., str]  # right(values): the answer that compute's own numbers give


@dataclass(frozen=True)
class Predict:
    """A question with answers to choose from, or a curve to draw.

    Args:
        question: what is asked.
        answers: two to six answers to choose from; none when a curve is drawn, or when
            the reader answers in words of her own.
        right: the right one, or `right(values) -> str`, which finds it from what
            `values(**settings)` computes: so an answer cannot go stale.
        at: the settings at which it shows, for "Show what happens".
        draw: name of the curve in the picture that the reader draws beforehand, as it
            will be at the settings `at`.

    Raises:
        ValueError: for answers that nobody can choose between, a right answer that is
            none of them, and a curve without settings.
    """

    question: str
    answers: Sequence[str] = ()
    right: str | Find = ""
    at: Mapping[str, Any] = field(default_factory=dict)
    draw: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.question, str) or not self.question.strip():
            raise ValueError(f"Predict needs a question, got {self.question!r}")
        few, twice = len(self.answers) == 1, len(set(self.answers)) < len(self.answers)
        if few or twice or len(self.answers) > 6:
            raise ValueError(
                f"Predict needs two to six different answers, got {list(self.answers)}"
            )
        if bool(self.answers) != bool(self.right):
            raise ValueError(
                "Predict needs answers together with the right one, got "
                f"{list(self.answers)} and {self.right!r}"
            )
        if isinstance(self.right, str) and self.right:
            self.checked(self.right)
        if self.draw and (self.answers or not self.at):
            raise ValueError(
                "a curve to draw needs the settings at which it shows and no answers, "
                f"got {dict(self.at)} and {list(self.answers)}"
            )

    def checked(self, right: str) -> str:
        if right not in self.answers:
            raise ValueError(
                f"the right answer is {right!r}, which is not among "
                f"{list(self.answers)}"
            )
        return right

    def found(self, values: Callable[..., dict[str, Any]]) -> str:
        """The right answer ("" if there is none), computed where it can be."""
        if callable(self.right):
            return self.checked(self.right(values))
        return self.right


def read_predict(given: str | Predict) -> Predict:
    """The author's prompt, without a leading "Predict:", which the card writes itself."""
    if isinstance(given, Predict):
        return given
    text, start = given.strip(), "predict:"
    if text.lower().startswith(start):
        text = text[len(start) :].strip()
    return Predict(text)
