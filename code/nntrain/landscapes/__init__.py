"""Loss surfaces of two parameters, and the walks of optimisers on them."""

from nntrain.landscapes.surfaces import (
    Bowl,
    Cliff,
    Plateau,
    Ravine,
    Rosenbrock,
    Saddle,
    Surface,
    TwoValleys,
    condition_number,
)
from nntrain.landscapes.walks import Walker, walk

__all__ = [
    "Bowl",
    "Cliff",
    "Plateau",
    "Ravine",
    "Rosenbrock",
    "Saddle",
    "Surface",
    "TwoValleys",
    "Walker",
    "condition_number",
    "walk",
]
