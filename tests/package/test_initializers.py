"""Initialisers: the spread they promise, and the same draw for the same seed."""

import numpy as np
import pytest

from nntrain.initializers import (
    he_normal,
    lecun_normal,
    normal,
    xavier_normal,
    xavier_uniform,
    zeros,
)

SHAPE = (400, 100)  # fan_in and fan_out differ, so a mix-up shows


@pytest.mark.parametrize(
    ("init", "variance"),
    [
        (normal(0.3), 0.09),
        (lecun_normal, 1 / 400),
        (he_normal, 2 / 400),
        (xavier_normal, 2 / 500),
        (xavier_uniform, 2 / 500),
    ],
)
def test_mean_and_variance(init, variance, rng):
    weights = init(SHAPE, rng)
    assert weights.shape == SHAPE
    # 40,000 draws: the mean is off by at most 5 of its standard errors, the variance by 5 %
    assert abs(weights.mean()) < 5 * np.sqrt(variance / weights.size)
    assert weights.var() == pytest.approx(variance, rel=0.05)


def test_xavier_uniform_fills_its_interval_and_no_more(rng):
    weights = xavier_uniform(SHAPE, rng)
    bound = np.sqrt(6 / 500)
    assert np.abs(weights).max() <= bound
    assert np.abs(weights).max() > 0.99 * bound


def test_zeros_are_zero():
    assert not zeros((3, 2)).any()


@pytest.mark.parametrize(
    "init", [normal(1.0), lecun_normal, he_normal, xavier_normal, xavier_uniform]
)
def test_a_seed_gives_the_same_weights(init):
    one, two, other = (init((5, 4), np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()


@pytest.mark.parametrize(
    "init", [lecun_normal, he_normal, xavier_normal, xavier_uniform]
)
@pytest.mark.parametrize("shape", [(0, 3), (3,), (2, 3, 4)])
def test_wrong_shapes_are_named(init, shape, rng):
    with pytest.raises(ValueError, match=r"\(fan_in, fan_out\)") as caught:
        init(shape, rng)
    assert str(shape) in str(caught.value)


@pytest.mark.parametrize("std", [-1.0, np.nan, np.inf])
def test_wrong_deviations_are_named(std):
    with pytest.raises(ValueError, match=f"got {std}"):
        normal(std)
