"""A pad to write a digit on: the reader's own digit, read by a network the chapter has trained."""

from bookkit.digitpad.pad import DrawADigit

__all__ = ["DrawADigit"]
