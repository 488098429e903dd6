"""The reader's own handwritten digit, made to look as those of MNIST do.

Source: LeCun, Cortes and Burges, The MNIST database: each digit was scaled into 20×20
pixels, keeping its shape, and placed in 28×28 with its centre of mass in the middle.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .idx import DatasetError
from .pictures import Source, grey, resized

SIZE, BOX = 28, 20  # pixels of the picture, and of the box the digit is scaled into
PAPER = 0.25  # fainter than this share of the darkest stroke is paper, not ink
CONTRAST = 0.1  # between ink and paper, of black to white, at least


@dataclass(frozen=True, eq=False, repr=False)
class OwnDigit:
    """What `read_digit` made of a picture, step by step.

    Attributes:
        grey: the picture as it came, 0 black to 1 white; shape (height, width).
        ink: how much ink there is, 0 paper to 1 the strongest stroke; same shape.
        cropped: the part of `ink` that holds the digit.
        image: what a network sees; (28, 28), float32, 0 to 1, as MNIST has it.
        inverted: whether the picture was dark on light.
    """

    grey: np.ndarray
    ink: np.ndarray
    cropped: np.ndarray
    image: np.ndarray
    inverted: bool

    @property
    def x(self) -> np.ndarray:
        """The image as a batch of one, shape (1, 784), for `network.predict`."""
        return self.image.reshape(1, -1)

    def show(self) -> Any:
        """Draw the four steps side by side; return the Matplotlib figure."""
        import matplotlib.pyplot as plt

        steps = {
            "as it came": 1 - self.grey,
            "inverted" if self.inverted else "light on dark": self.ink,
            "cropped": self.cropped,
            "scaled and centred": self.image,
        }
        figure, axes = plt.subplots(1, len(steps), figsize=(2 * len(steps), 2.2))
        for ax, (title, picture) in zip(axes, steps.items(), strict=True):
            ax.imshow(picture, cmap="gray_r", vmin=0, vmax=1)
            ax.set(title=title, xticks=[], yticks=[])
        return figure

    def __repr__(self) -> str:
        height, width = self.grey.shape
        rows, columns = self.cropped.shape
        kind = "dark on light" if self.inverted else "light on dark"
        return f"OwnDigit({width}×{height} pixels, {kind}, digit of {columns}×{rows})"


def read_digit(picture: Source) -> OwnDigit:
    """Make of any picture of one digit what a network trained on MNIST expects.

    The border tells what is paper: a picture that is light there is inverted, so that
    ink is 1 and paper 0. The ink is cropped, scaled into 20×20 pixels without changing
    its shape, and placed in 28×28 with its centre of mass in the middle.

    Args:
        picture: the path of a file (PNG, JPEG, …), or an array: see
            `nntrain.datasets.pictures.grey`. Of any size, dark on light or the reverse.

    Returns:
        The `image` and the steps towards it; `.x` goes into a network, and `.show()`
        draws what was made of the picture.

    Raises:
        DatasetError: (a ValueError) no picture, or none with anything on it.

    >>> page = np.ones((60, 40)); page[10:50, 18:22] = 0  # a black 1 on white
    >>> digit = read_digit(page)
    >>> digit.image.shape, digit.cropped.shape, digit.inverted
    ((28, 28), (40, 4), True)
    """
    shades = grey(picture)
    border = np.concatenate([shades[0], shades[-1], shades[:, 0], shades[:, -1]])
    paper = float(np.median(border))
    inverted = bool(paper - shades.min() > shades.max() - paper)
    ink = paper - shades if inverted else shades - paper
    if ink.max() < CONTRAST:
        raise DatasetError(
            "the picture is all of one shade: expected a digit with a contrast to its "
            f"paper of at least {CONTRAST:g} (black to white is 1), got {ink.max():.2g}"
        )
    ink = np.clip(ink / ink.max(), 0, 1)
    rows = np.flatnonzero((ink > PAPER).any(axis=1))
    columns = np.flatnonzero((ink > PAPER).any(axis=0))
    cropped = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return OwnDigit(shades, ink, cropped, _centred(cropped), inverted)


def _centred(ink: np.ndarray) -> np.ndarray:
    """Scale the longer side to 20 pixels and place the centre of mass in the middle."""
    scale = BOX / max(ink.shape)
    height, width = (max(1, round(scale * side)) for side in ink.shape)
    small = np.clip(resized(ink, height, width), 0, 1)
    small = small / small.max()
    image = np.zeros((SIZE, SIZE), dtype=np.float32)
    top = _offset(small.sum(axis=1))
    left = _offset(small.sum(axis=0))
    image[top : top + height, left : left + width] = small
    return image


def _offset(mass: np.ndarray) -> int:
    """Where a profile must begin for its centre of mass to lie on the middle pixel.

    With an even number of pixels that is the 15th, whose range is 14 to 15: the centres
    of MNIST's own images all lie there.
    """
    centre = (mass * (np.arange(len(mass)) + 0.5)).sum() / mass.sum()
    return int(np.clip(np.ceil(SIZE / 2 - centre), 0, SIZE - len(mass)))
