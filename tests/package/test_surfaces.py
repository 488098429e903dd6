"""Surfaces against differences of their own values, and walks against closed forms."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nntrain.landscapes.surfaces import (
    Bowl,
    Cliff,
    Plateau,
    Ravine,
    Rosenbrock,
    Saddle,
    TwoValleys,
    condition_number,
)
from nntrain.landscapes.walks import Walker, walk
from nntrain.optimizers import SGD

SURFACES = [
    Bowl(),
    Bowl(a=3),
    Ravine(),
    Ravine(a=2, b=7),
    Saddle(),
    Plateau(),
    Plateau(w=2),
    Cliff(),
    Cliff(s=1, h=5, k=3),
    TwoValleys(),
    TwoValleys(q=0),
    Rosenbrock(),
    Rosenbrock(a=0.5, b=10),
]
every_surface = pytest.mark.parametrize("surface", SURFACES, ids=repr)


def points_within(surface, n=25):
    x0, x1, y0, y1 = surface.bounds
    return np.random.default_rng(0).uniform((x0, y0), (x1, y1), size=(n, 2))


def scale(surface):
    return max(1.0, np.abs(surface.gradient(points_within(surface))).max())


@every_surface
def test_gradient_is_the_difference_of_values(surface):
    points, h = points_within(surface), 1e-5
    for axis, step in enumerate(np.eye(2) * h):
        ahead, behind = (surface.value(*(points + s * step).T) for s in (1, -1))
        np.testing.assert_allclose(
            surface.gradient(points)[:, axis],
            (ahead - behind) / (2 * h),
            rtol=1e-6,
            atol=1e-7 * scale(surface),
        )


@every_surface
def test_hessian_is_the_difference_of_gradients(surface):
    points, h = points_within(surface), 1e-5
    hessian = surface.hessian(points)
    for axis, step in enumerate(np.eye(2) * h):
        difference = (
            surface.gradient(points + step) - surface.gradient(points - step)
        ) / (2 * h)
        np.testing.assert_allclose(
            hessian[:, axis], difference, rtol=1e-6, atol=1e-7 * scale(surface)
        )
    np.testing.assert_array_equal(hessian, hessian.transpose(0, 2, 1))


@every_surface
def test_minima_are_strict_minima_the_lowest_first(surface):
    heights = []
    for minimum in surface.minima:
        np.testing.assert_allclose(surface.gradient(minimum), 0, atol=1e-12)
        assert np.linalg.eigvalsh(surface.hessian(minimum)).min() > 0
        heights.append(float(surface.value(*minimum)))
    assert heights == sorted(heights)
    x0, x1, y0, y1 = surface.bounds
    grid = surface.value(np.linspace(x0, x1, 81), np.linspace(y0, y1, 81)[:, None])
    assert heights[0] <= grid.min() + 1e-12


@every_surface
def test_shapes_broadcast(surface):
    assert surface.value(1.0, 2.0).shape == ()
    assert surface.value(np.zeros((1, 4)), np.zeros((3, 1))).shape == (3, 4)
    assert surface.gradient((1, 2)).shape == (2,) and surface.hessian((1, 2)).shape == (
        2,
        2,
    )
    stack = np.random.default_rng(1).normal(size=(3, 4, 2))
    assert surface.gradient(stack).shape == (3, 4, 2) and surface.hessian(
        stack
    ).shape == (3, 4, 2, 2)
    np.testing.assert_array_equal(
        surface.gradient(stack)[1, 2], surface.gradient(stack[1, 2])
    )
    np.testing.assert_array_equal(
        surface.hessian(stack)[1, 2], surface.hessian(stack[1, 2])
    )
    assert surface.gradient(np.zeros((0, 2))).shape == (0, 2)


@every_surface
def test_bounds_hold_start_and_minima(surface):
    x0, x1, y0, y1 = surface.bounds
    for x, y in (surface.start, *surface.minima):
        assert x0 <= x <= x1 and y0 <= y <= y1


def test_formulas_are_the_values():
    """At one point each, worked out by hand."""
    assert Bowl(a=2).value(1, 2) == 5
    assert Ravine(a=1, b=20).value(2, 1) == 12
    assert Saddle().value(2, 2) == 2 - 2 + 4
    assert Plateau(w=2).value(2, 2) == pytest.approx(1 - np.exp(-1))
    assert TwoValleys(q=0.3).value(2, 1) == pytest.approx(4 - 0.8 - 2 + 0.6 + 0.5)
    assert Rosenbrock().value(0, 2) == 1 + 400
    s, h, k = 0.5, 20, 10
    height = (s + h) / k * (np.log(1 + s / h * np.exp(k)) - np.log(1 + s / h)) - s + 2
    assert Cliff(s, h, k).value(1, 2) == pytest.approx(height)


@every_surface
def test_formulas_can_be_drawn_by_matplotlib(surface):
    mathtext = pytest.importorskip("matplotlib.mathtext")
    mathtext.MathTextParser("path").parse(
        f"${surface.formula}$"
    )  # raises for commands it lacks


def test_special_points():
    np.testing.assert_array_equal(Saddle().gradient((0, 0)), 0)
    assert np.linalg.eigvalsh(Saddle().hessian((0, 0))).tolist() == [-1, 1]
    np.testing.assert_allclose(TwoValleys(q=0.3).gradient((0.3, 0)), 0, atol=1e-15)
    assert TwoValleys(q=0.3).value(-1, 0) < TwoValleys(q=0.3).value(1, 0)
    assert np.abs(Plateau().gradient((4, 4))).max() < 1e-5
    cliff = Cliff(s=0.5, h=20)
    np.testing.assert_allclose(
        cliff.gradient([(-6, 0), (1.5, 0)])[:, 0], [-0.5, 20], atol=1e-3
    )
    with np.errstate(all="raise", under="ignore"):  # far out it stays finite
        assert np.isfinite(cliff.gradient([(-1e3, 0), (1e3, 0)])).all() and np.isfinite(
            cliff.value(1e3, 0)
        )


def test_condition_number():
    assert condition_number(Ravine(a=1, b=20).hessian((3, 3))) == 20
    assert condition_number(Bowl().hessian((3, 3))) == 1
    assert condition_number([[1, 0], [0, 0]]) == np.inf
    assert condition_number(Saddle().hessian((0, 0))) == 1
    stack = Rosenbrock().hessian(np.random.default_rng(0).normal(size=(5, 2)))
    np.testing.assert_allclose(
        condition_number(stack), np.linalg.cond(stack), rtol=1e-8
    )


@given(lr=st.floats(0.001, 0.15), x=st.floats(-5, 5), y=st.floats(-5, 5))
@settings(max_examples=25, deadline=None)
def test_a_walk_on_a_ravine_has_a_closed_form(lr, x, y):
    """Each coordinate shrinks by its own factor, 1 − lr·curvature, a step; it diverges for lr > 2/b."""
    path = walk(Ravine(a=1, b=20), (x, y), lambda model: SGD(model, lr=lr), steps=30)
    k = np.arange(31)
    assert path.shape == (31, 2)
    np.testing.assert_allclose(
        path,
        np.stack([x * (1 - lr) ** k, y * (1 - 20 * lr) ** k], axis=1),
        rtol=1e-9,
        atol=1e-12,
    )


def test_a_diverging_walk_ends_quietly_in_inf_and_nan():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for surface in (Rosenbrock(), Saddle(), TwoValleys(), Ravine()):
            path = walk(
                surface, surface.start, lambda model: SGD(model, lr=10.0), steps=400
            )
            assert path.shape == (401, 2) and not np.isfinite(path[-1]).all()


def test_each_start_shows_what_its_surface_is_for():
    def end(surface, lr, steps, start=None):
        return walk(
            surface, start or surface.start, lambda model: SGD(model, lr=lr), steps
        )

    assert np.abs(end(Bowl(), 1.0, 1)[-1]).max() == 0  # one step is enough
    ravine = end(Ravine(), 0.09, 6)
    assert (np.diff(np.sign(ravine[:, 1])) != 0).all()  # zig-zag across
    saddle = end(Saddle(), 0.1, 200)
    assert (
        np.abs(saddle[50]).max() < 0.15 and abs(saddle[-1, 1]) > 0.99
    )  # lingers, then leaves
    plateau = end(Plateau(), 0.5, 300)
    assert (
        np.linalg.norm(plateau[20] - plateau[0]) < 1
        and np.abs(plateau[-1]).max() < 1e-6
    )
    cliff = end(Cliff(), 0.2, 1)
    assert cliff[1, 0] < -2  # thrown back by one step
    assert end(TwoValleys(), 0.1, 300)[-1] == pytest.approx(
        [1, 0], abs=1e-6
    )  # the worse valley
    assert (
        np.linalg.norm(end(Rosenbrock(), 0.001, 500)[-1] - [1, 1]) > 0.5
    )  # slow along the bend


def test_walker_is_what_optimisers_expect():
    walker = Walker(Bowl(), (1, 2))
    walker.backward()
    assert walker.params.tolist() == walker.grads.tolist() == [1, 2]
    assert walker.params.dtype == walker.grads.dtype == np.float64


@pytest.mark.parametrize(
    "bad",
    [
        lambda: Ravine(b=0),
        lambda: Bowl(a=-1),
        lambda: Plateau(w=np.inf),
        lambda: Cliff(k=0),
        lambda: TwoValleys(q=1),
        lambda: Rosenbrock(b=np.nan),
        lambda: Bowl().gradient([1, 2, 3]),
        lambda: Bowl().hessian(1.0),
        lambda: Walker(Bowl(), [1.0]),
        lambda: walk(Bowl(), (1, 1), SGD, -1),
    ],
)
def test_bad_input(bad):
    with pytest.raises(ValueError, match=r"must be a number|shape|steps"):
        bad()
