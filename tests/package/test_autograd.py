"""The engine against finite differences, PyTorch, and what can be worked out by hand."""

import gc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from nntrain.autograd import Tensor, sum_to_shape, topological_order
from nntrain.functional import (
    concatenate,
    cross_entropy,
    log_softmax,
    logsumexp,
    softmax,
)
from nntrain.graph import graph


def numeric(f, arrays, weights, h=1e-5):
    """Gradients of Σ weights · f(arrays) by central differences, written out apart from nntrain.gradcheck."""
    gradients = []
    for k, array in enumerate(arrays):
        gradient = np.zeros_like(array)
        for i in np.ndindex(array.shape):
            ends = []
            for sign in (1, -1):
                moved = [a.copy() for a in arrays]
                moved[k][i] += sign * h
                ends.append((weights * f(*map(Tensor, moved)).data).sum())
            gradient[i] = (ends[0] - ends[1]) / (2 * h)
        gradients.append(gradient)
    return gradients


def check(f, *arrays):
    """Backward of f, seeded with random weights, must agree with differences."""
    tensors = [Tensor(a) for a in arrays]
    out = f(*tensors)
    weights = np.random.default_rng(5).normal(size=out.shape)
    out.backward(weights)
    for tensor, expected in zip(tensors, numeric(f, arrays, weights), strict=True):
        assert tensor.grad.shape == tensor.shape
        np.testing.assert_allclose(tensor.grad, expected, rtol=1e-7, atol=1e-8)


rng = np.random.default_rng(0)
X = rng.normal(size=(3, 4))  # no element within 1e-3 of a kink
POSITIVE = rng.uniform(0.5, 2, size=(3, 4))
assert np.abs(X).min() > 1e-3

UNARY = {
    "neg": (lambda x: -x, X),
    "exp": (lambda x: x.exp(), X),
    "log": (lambda x: x.log(), POSITIVE),
    "sqrt": (lambda x: x.sqrt(), POSITIVE),
    "tanh": (lambda x: x.tanh(), X),
    "sigmoid": (lambda x: x.sigmoid(), X),
    "relu": (lambda x: x.relu(), X),
    "abs": (lambda x: x.abs(), X),
    "square": (lambda x: x**2, X),
    "cube root": (lambda x: x ** (1 / 3), POSITIVE),
    "inverse": (lambda x: x**-1, X),
    "power of 2": (lambda x: 2**x, X),
    "sum": (lambda x: x.sum(), X),
    "sum 0": (lambda x: x.sum(axis=0), X),
    "sum -1 keep": (lambda x: x.sum(axis=-1, keepdims=True), X),
    "sum (0, 1)": (lambda x: x.sum(axis=(0, 1)), X),
    "mean": (lambda x: x.mean(), X),
    "mean 1": (lambda x: x.mean(axis=1), X),
    "mean 0 keep": (lambda x: x.mean(axis=0, keepdims=True), X),
    "max": (lambda x: x.max(), X),
    "max 0": (lambda x: x.max(axis=0), X),
    "max 1 keep": (lambda x: x.max(axis=1, keepdims=True), X),
    "reshape": (lambda x: x.reshape(2, -1), X),
    "reshape tuple": (lambda x: x.reshape((6, 2)), X),
    "T": (lambda x: x.T, X),
    "transpose": (lambda x: x.transpose(1, -3, 2), rng.normal(size=(2, 3, 4))),
    "transpose cycle": (
        lambda x: x.transpose(1, 2, 0),  # not its own inverse
        rng.normal(size=(2, 3, 4)),
    ),
    "index row": (lambda x: x[1], X),
    "index slice": (lambda x: x[:, 1:3], X),
    "index repeated": (lambda x: x[[0, 0, 2]], X),
    "index pairs": (lambda x: x[[0, 0, 1], [1, 1, 2]], X),
    "index mask": (lambda x: x[X > 0], X),
    "index new axis": (lambda x: x[None, ..., None], X),
    "logsumexp": (logsumexp, X),
    "logsumexp 0 keep": (lambda x: logsumexp(x, axis=0, keepdims=True), X),
    "log_softmax": (log_softmax, X),
    "softmax": (softmax, X),
    "softmax 0": (lambda x: softmax(x, axis=0), X),
    "cross_entropy": (lambda x: cross_entropy(x, [0, 3, 3]), X),
    "cross_entropy of probabilities": (
        lambda x: cross_entropy(x, np.full((3, 4), 0.25)),
        X,
    ),
    "array - x": (lambda x: X - x, POSITIVE),
    "array / x": (lambda x: X / x, POSITIVE),
    "array @ x": (lambda x: X.T @ x, POSITIVE),
    "1 - x": (lambda x: 1 - x, X),
}


@pytest.mark.parametrize("name", UNARY)
def test_one_operand(name):
    check(*UNARY[name])


BINARY = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
    "maximum": lambda a, b: a.maximum(b),
}


@pytest.mark.parametrize("name", BINARY)
@given(
    shapes=mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3),
    seed=st.integers(0, 1000),
)
@settings(max_examples=12, deadline=None)
def test_two_operands_of_any_shapes_that_broadcast(name, shapes, seed):
    rng = np.random.default_rng(seed)
    a = rng.uniform(0.5, 1.0, size=shapes.input_shapes[0])
    b = rng.uniform(
        1.01, 2.0, size=shapes.input_shapes[1]
    )  # never equal: maximum has a kink there
    check(BINARY[name], a, b)
    check(BINARY[name], b, a)


@given(
    shapes=mutually_broadcastable_shapes(
        signature="(n?,k),(k,m?)->(n?,m?)", max_dims=1, max_side=3
    ),
    seed=st.integers(0, 1000),
)
@settings(max_examples=40, deadline=None)
def test_matmul_of_vectors_matrices_and_stacks(shapes, seed):
    rng = np.random.default_rng(seed)
    check(
        lambda a, b: a @ b, *(rng.normal(size=shape) for shape in shapes.input_shapes)
    )


def test_concatenate():
    check(lambda a, b, c: concatenate([a, b, c], axis=1), X, X[:, :1], POSITIVE)
    check(lambda a, b: concatenate([a, b, a]), X, X[:1])


@given(
    shapes=mutually_broadcastable_shapes(num_shapes=1, base_shape=(2, 3, 2), max_dims=3)
)
@settings(max_examples=30, deadline=None)
def test_sum_to_shape_is_the_adjoint_of_broadcasting(shapes):
    """⟨broadcast(a), g⟩ = ⟨a, sum_to_shape(g)⟩ for all a and g."""
    rng = np.random.default_rng(1)
    a, g = rng.normal(size=shapes.input_shapes[0]), rng.normal(size=(2, 3, 2))
    back = sum_to_shape(g, a.shape)
    assert back.shape == a.shape
    np.testing.assert_allclose(
        (np.broadcast_to(a, g.shape) * g).sum(), (a * back).sum(), atol=1e-12
    )


def test_agrees_with_pytorch_on_a_composed_graph(torch):
    """Dense, batch-normalised by hand, attention-like, with shared nodes and every kind of shape change."""
    rng = np.random.default_rng(3)
    arrays = {
        "x": rng.normal(size=(5, 4)),
        "w": rng.normal(size=(4, 6)),
        "b": rng.normal(size=6),
        "v": rng.normal(size=(6, 3)),
    }
    targets = np.array([0, 2, 1, 1, 0])

    def forward(x, w, b, v, log_softmax, cat, concat_axis):
        z = x @ w + b
        h = z.tanh() * z.sigmoid() + z.relu() / (1 + z.abs())
        h = (h - h.mean(0, True)) / (
            ((h - h.mean(0, True)) ** 2).mean(0, True) + 0.1
        ).sqrt()
        stacks = h.reshape(5, 2, 3).transpose(*concat_axis) @ h.reshape(5, 2, 3)
        h = cat([h[:, ::2], h[[1, 1, 0, 4, 2]][:, :3]], 1) + stacks.sum() * 0.01
        return (
            -log_softmax(h @ v, 1)[np.arange(5), targets].mean()
            + (w * w).sum() * 0.1
            + v.max().exp()
        )

    ours = {name: Tensor(a) for name, a in arrays.items()}
    theirs = {name: torch.tensor(a, requires_grad=True) for name, a in arrays.items()}
    loss = forward(
        **ours, log_softmax=log_softmax, cat=concatenate, concat_axis=(0, 2, 1)
    )
    expected = forward(
        **theirs, log_softmax=torch.log_softmax, cat=torch.cat, concat_axis=(1, 2)
    )
    loss.backward()
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-12)
    for name, tensor in ours.items():
        np.testing.assert_allclose(
            tensor.grad, theirs[name].grad.numpy(), rtol=1e-9, atol=1e-12
        )


def test_where_there_is_a_kink_pytorch_chooses_the_same(torch):
    for f in (lambda x: x.relu(), lambda x: x.abs(), lambda x: x**0, lambda x: x**2):
        x, x_torch = (
            Tensor([-1.0, 0.0, 2.0]),
            torch.tensor([-1.0, 0.0, 2.0], requires_grad=True),
        )
        f(x).sum().backward()
        f(x_torch).sum().backward()
        np.testing.assert_array_equal(x.grad, x_torch.grad.numpy())
    a, b = Tensor([1.0, 2.0]), Tensor([1.0, 3.0])
    a_torch, b_torch = (torch.tensor(t.data, requires_grad=True) for t in (a, b))
    a.maximum(b).sum().backward()
    torch.maximum(a_torch, b_torch).sum().backward()
    np.testing.assert_array_equal(a.grad, a_torch.grad.numpy())
    np.testing.assert_array_equal(b.grad, b_torch.grad.numpy())
    x, x_torch = (
        Tensor([[2.0, 2.0, 1.0]]),
        torch.tensor([[2.0, 2.0, 1.0]], requires_grad=True),
    )
    x.max(axis=1).sum().backward()
    x_torch.amax(1).sum().backward()
    np.testing.assert_array_equal(x.grad, x_torch.grad.numpy())


def test_cross_entropy_agrees_with_pytorch_at_large_logits(torch):
    logits = np.array([[1e4, -1e4, 0.0], [-1e4, 0.0, 3.0]])
    for targets in ([1, 2], np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]])):
        ours, theirs = Tensor(logits), torch.tensor(logits, requires_grad=True)
        loss = cross_entropy(ours, targets)
        expected = torch.nn.functional.cross_entropy(
            theirs, torch.tensor(np.asarray(targets))
        )
        loss.backward()
        expected.backward()
        assert loss.item() == pytest.approx(expected.item(), rel=1e-12)
        np.testing.assert_allclose(ours.grad, theirs.grad.numpy(), atol=1e-15)


def test_a_diamond_is_walked_once_and_summed():
    x = Tensor(3.0)
    y = x * x  # 9
    z = y + y * x  # x² + x³
    z.backward()
    assert x.grad == 2 * 3 + 3 * 9
    assert y.grad == 1 + 3


def test_a_tower_of_diamonds_takes_linear_time():
    x = y = Tensor(1.0)
    for _ in range(60):  # 2⁶⁰ paths
        y = y + y
    y.backward()
    assert x.grad == 2.0**60


def test_a_deep_chain_needs_no_recursion_neither_backward_nor_when_it_is_freed():
    x = Tensor(np.ones(2))
    y = x
    for _ in range(10_000):
        y = y * 1.0 + 0.001
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, [1, 1])
    assert (
        len(topological_order(y)) == 1 + 2 * 20_000
    )  # x; each operation brings its constant
    del y
    gc.collect()


def test_gradients_accumulate_until_zeroed():
    x = Tensor([1.0, 2.0])
    y = x.exp()
    loss = y.sum()
    loss.backward()
    once = x.grad.copy()
    loss.backward()  # the same graph again: inner nodes must not count twice
    np.testing.assert_allclose(x.grad, 2 * once)
    (x * 3).sum().backward()
    np.testing.assert_allclose(x.grad, 2 * once + 3)
    x.zero_grad()
    assert x.grad is None


def test_gradients_are_arrays_of_their_own():
    a, b = Tensor([1.0]), Tensor([2.0])
    seed = np.array([1.0])
    (a + b).backward(seed)
    a.grad += 5
    assert b.grad == 1 and seed == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(dtype):
    x = Tensor(np.array([[0.5, -1.0], [2.0, 0.3]], dtype=dtype))
    y = (
        (1 - 2.0 * x) / 3
        + x**2
        + 2**x
        + x.sigmoid()
        + x.tanh()
        + x.relu()
        + x.exp()
        + x.maximum(0)
        + x.abs()
    )
    y = (
        softmax(y @ x)
        + x.mean()
        + x.max(axis=0)
        + logsumexp(x)
        + concatenate([x, x])[1:3]
    )
    assert y.dtype == dtype
    loss = cross_entropy(y, [0, 1])
    loss.backward()
    assert loss.dtype == x.grad.dtype == y.grad.dtype == dtype


def test_mixed_precision_gives_each_operand_its_own_dtype():
    x, y = Tensor(np.ones(2, np.float32)), Tensor(np.ones(2))
    (x * y).sum().backward()
    assert x.grad.dtype == np.float32 and y.grad.dtype == np.float64


def test_arrays_are_constants_on_both_sides():
    x, array = Tensor([1.0, 2.0]), np.array([3.0, 4.0])
    for y in (
        x * array,
        array * x,
        array + x,
        array - x,
        array / x,
        array @ x,
        array**x,
    ):
        assert isinstance(y, Tensor)
    np.testing.assert_array_equal((array / x).data, [3.0, 2.0])
    assert ([5, 6] - x).data.tolist() == [4.0, 4.0]


def test_constants_get_no_gradient_and_keep_no_graph():
    c, w = Tensor([2.0], requires_grad=False), Tensor([3.0])
    (w * (c * 5)).backward()
    assert w.grad == 10 and c.grad is None
    assert (c * 5).operands == ()


def test_stable_at_both_ends():
    with np.errstate(all="raise", under="ignore"):
        x = Tensor([-1e4, 0.0, 1e4])
        np.testing.assert_array_equal(x.sigmoid().data, [0, 0.5, 1])
        (
            log_softmax(x).sum() + logsumexp(x) + softmax(x).sum() + x.sigmoid().sum()
        ).backward()
    assert np.isfinite(x.grad).all()
    np.testing.assert_array_equal(log_softmax(x).data, [-2e4, -1e4, 0])


def test_softmax_is_shift_invariant_and_uniform_cross_entropy_is_log_k():
    np.testing.assert_allclose(
        softmax(Tensor(X)).data, softmax(Tensor(X + 500)).data, rtol=1e-12
    )
    assert cross_entropy(
        Tensor(np.zeros((4, 7))), [0, 1, 2, 6]
    ).item() == pytest.approx(np.log(7))


def test_graph_is_plain_data_in_topological_order():
    x, w = (
        Tensor([1.0, 2.0], requires_grad=False, name="x"),
        Tensor([3.0, 4.0], name="w"),
    )
    z = x * w
    z.name = "z"
    loss = z.sum()
    assert all(node.grad is None for node in graph(loss)[0])
    loss.backward()
    nodes, edges = graph(loss)
    assert [(n.id, n.op, n.name, n.shape) for n in nodes] == [
        (0, "", "x", (2,)),
        (1, "", "w", (2,)),
        (2, "×", "z", (2,)),
        (3, "sum", "", ()),
    ]
    assert edges == [(0, 2), (1, 2), (2, 3)]
    assert (
        nodes[0].grad is None
        and nodes[1].grad.tolist() == [1, 2]
        and nodes[3].value == 11
    )
    w.data[0] = 9  # a snapshot does not follow
    assert nodes[1].value.tolist() == [3, 4]


def test_linear_regression_learns():
    rng = np.random.default_rng(0)
    x, true = rng.normal(size=(50, 3)), np.array([1.0, -2.0, 0.5])
    w = Tensor(np.zeros(3))
    for _ in range(200):
        w.zero_grad()
        ((x @ w - x @ true) ** 2).mean().backward()
        w.data -= 0.1 * w.grad
    np.testing.assert_allclose(w.data, true, atol=1e-6)


@pytest.mark.parametrize(
    "wrong, message",
    [
        (lambda x: x.backward(), r"needs one number, got shape \(3, 4\)"),
        (lambda x: x.backward(np.ones(4)), r"shape \(4,\), expected \(3, 4\)"),
        (lambda x: Tensor(X, requires_grad=False).sum().backward(), "requires_grad"),
        (lambda x: Tensor(["a"]), "real numbers"),
        (lambda x: Tensor([1j]), "real numbers"),
        (lambda x: x + np.ones(3), "broadcast"),
        (lambda x: x @ np.ones(3), "mismatch"),
        (lambda x: x @ 2.0, "matmul"),
        (lambda x: x.sum(axis=2), "out of bounds"),
        (lambda x: x.reshape(5, 5), "reshape"),
        (lambda x: x.transpose(0, 3), "axis 3 is out of bounds"),
        (lambda x: x[:0].mean(), r"at least one element, got shape \(0, 4\)"),
        (lambda x: concatenate([x, x[:, :2]]), "concatenation"),
        (lambda x: concatenate([x, x], axis=2), "out of bounds"),
        (lambda x: concatenate([x, X]), "expected tensors, got Tensor, ndarray"),
        (lambda x: cross_entropy(X, [0, 1, 2]), "logits as a Tensor, got ndarray"),
        (lambda x: cross_entropy(x, [0, 1]), r"\(3, 4\), \(2,\)"),
        (
            lambda x: cross_entropy(x, [0, 1, 4]),
            r"labels must lie in 0 … 3 .* got 0 … 4",
        ),
        (lambda x: cross_entropy(x, [0, 1, -1]), r"must lie in 0 … 3 .* got -1 … 1"),
        (lambda x: cross_entropy(x, [0.0, 1.0, 2.0]), "integer labels, got float64"),
        (lambda x: cross_entropy(x, -np.eye(3, 4)), "non-negative and summing to one"),
        (lambda x: cross_entropy(x, np.ones((3, 4))), "a sum off by 3"),
        (lambda x: cross_entropy(x, ["a"] * 3), "targets must be real numbers"),
        (lambda x: cross_entropy(x[:0], np.zeros(0, int)), "none empty"),
    ],
)
def test_bad_input_is_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong(Tensor(X))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (np.exp, r"use the tensor's own methods, such as x\.exp\(\)"),
        (np.asarray, "lose the gradient"),
        (lambda x: np.add(X, x), "lose the gradient"),
        (np.sum, r"np\.sum would lose the gradient: use .* such as x\.sum\(\)"),
        (np.mean, "np.mean would lose"),
        (lambda x: np.where(X > 0, x, 0), "np.where would lose"),
        (lambda x: np.concatenate([x, x]), "np.concatenate would lose"),
    ],
)
def test_numpy_functions_say_what_to_use_instead(function, message):
    with pytest.raises(TypeError, match=message):
        function(Tensor(X))


def test_a_power_of_zero_has_slope_zero_by_its_exponent():
    exponent = Tensor([2.0, 1.0, 3.0])
    (Tensor([0.0, 0.0, 2.0]) ** exponent).sum().backward()
    np.testing.assert_allclose(
        exponent.grad, [0, 0, 8 * np.log(2)]
    )  # the first two without a warning


def test_powers_at_their_edges_have_the_slopes_of_pytorch(torch):
    bases, exponents = np.meshgrid([0.0, 0.5, 2.0, np.inf], [-1.0, 0.0, 1.0, 2.0])
    a, b = Tensor(bases), Tensor(exponents)
    with np.errstate(divide="ignore", invalid="ignore"):
        (a**b).backward(np.ones_like(bases))
    theirs = [torch.tensor(x, requires_grad=True) for x in (bases, exponents)]
    (theirs[0] ** theirs[1]).sum().backward()
    np.testing.assert_array_equal(a.grad, theirs[0].grad.numpy())
    expected = theirs[1].grad.numpy()
    settled = ~np.isnan(expected)  # there PyTorch multiplies 0 by log ∞
    np.testing.assert_allclose(b.grad[settled], expected[settled], rtol=1e-15)
    np.testing.assert_array_equal(b.grad[~settled], 0)
