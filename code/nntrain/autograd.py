"""Reverse-mode automatic differentiation over NumPy arrays.

Every operation computes its result and notes, for each operand, a function that turns ∂L/∂result into
∂L/∂operand. `backward` follows these notes from the result back to the inputs: that is backpropagation.
Gradients *accumulate* over calls of `backward`: call `zero_grad` in between. (The layers of
`nntrain.layers` overwrite theirs.) Softmax, cross-entropy and others are in `nntrain.functional`.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any, NamedTuple

import numpy as np

Axis = int | tuple[int, ...] | None
Pull = Callable[[np.ndarray], np.ndarray]  # ∂L/∂result -> ∂L/∂operand


def result(op: str, data: Any, *operands: tuple[Tensor, Pull]) -> Tensor:
    """What an operation returns: a value, and for each operand the function that pulls the gradient back."""
    out = Tensor(
        data, requires_grad=any(operand.requires_grad for operand, _ in operands)
    )
    if out.requires_grad:
        out.op, out.operands = op, operands
    return out


def topological_order(root: Tensor) -> list[Tensor]:
    """All nodes `root` was computed from, each after its operands; a loop, since graphs can be deep."""
    order: list[Tensor] = []
    seen: set[Tensor] = set()
    stack = [(root, False)]
    while stack:
        node, operands_done = stack.pop()
        if operands_done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((operand, False) for operand, _ in reversed(node.operands))
    return order


def sum_to_shape(grad: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Undo broadcasting: an element used in many places gets the sum of their gradients."""
    grad = np.asarray(grad)
    if grad.shape == shape:
        return grad
    grad = grad.sum(
        axis=tuple(range(grad.ndim - len(shape)))
    )  # axes that broadcasting put in front
    return grad.sum(
        axis=tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True
    ).reshape(shape)


def unary(
    op: str, forward: Callable, derivative: Callable
) -> Callable[[Tensor], Tensor]:
    """The method for y = forward(x), element by element, where dy/dx = derivative(x, y)."""

    def method(self: Tensor) -> Tensor:
        x, y = self.data, forward(self.data)
        return result(op, y, (self, lambda g: g * derivative(x, y)))

    return method


def binary(
    op: str, forward: Callable, by_a: Callable, by_b: Callable
) -> Callable[[Tensor, Any], Tensor]:
    """The method for y = forward(a, b), with ∂y/∂a = by_a(a, b, y) and ∂y/∂b = by_b(a, b, y)."""

    def method(self: Tensor, other: Any) -> Tensor:
        right = self.constant(other)
        a, b = self.data, right.data
        y = forward(a, b)
        return result(
            op,
            y,
            (self, lambda g: g * by_a(a, b, y)),
            (right, lambda g: g * by_b(a, b, y)),
        )

    return method


def swapped(method: Callable[[Tensor, Any], Tensor]) -> Callable[[Tensor, Any], Tensor]:
    """The method for `3 - tensor`, where the tensor stands on the right."""
    return lambda self, other: method(self.constant(other), self)


class Tensor:
    """An array that remembers how it was computed.

    `data` is used as it is, without a copy; integers become float64 if a gradient is wanted. Arrays and
    numbers met in an expression are constants. (In PyTorch `requires_grad` is False unless set.)

    >>> w = Tensor([1.0, 2.0], name="w")
    >>> loss = (w * w).sum()
    >>> loss.backward()
    >>> w.grad
    array([2., 4.])
    """

    __array_ufunc__ = None  # so that `array * tensor` asks the tensor, not NumPy

    def __init__(self, data: Any, requires_grad: bool = True, name: str = ""):
        self.data = np.asarray(data)
        if self.data.dtype.kind not in "fiub":
            raise ValueError(
                f"expected an array of real numbers, got dtype {self.data.dtype}"
            )
        if requires_grad and self.data.dtype.kind != "f":
            self.data = self.data.astype(float)
        self.requires_grad, self.name = requires_grad, name
        self.grad: np.ndarray | None = None
        self.op = ""  # the operation that made it; a leaf has none
        self.operands: tuple[tuple[Tensor, Pull], ...] = ()

    shape = property(lambda self: self.data.shape)
    ndim = property(lambda self: self.data.ndim)
    size = property(lambda self: self.data.size)
    dtype = property(lambda self: self.data.dtype)
    T = property(lambda self: self.transpose())

    def __repr__(self) -> str:
        return f"Tensor({np.array2string(self.data, precision=4, threshold=20, prefix='Tensor(')})"

    def __len__(self) -> int:
        return len(self.data)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        raise TypeError(
            "a NumPy function would lose the gradient: use the tensor's methods, or tensor.data"
        )

    def item(self) -> float:
        return self.data.item()

    def constant(self, value: Any) -> Tensor:
        """`value` as a tensor. A plain number takes this tensor's dtype: float32 stays float32."""
        if isinstance(value, Tensor):
            return value
        dtype = (
            self.dtype
            if isinstance(value, (int, float)) and self.dtype.kind == "f"
            else None
        )
        return Tensor(np.asarray(value, dtype=dtype), requires_grad=False)

    def zero_grad(self) -> None:
        """Forget the gradient: `grad` is None until the next `backward`."""
        self.grad = None

    def backward(self, grad: Any = None) -> None:
        """Add ∂L/∂node to the `grad` of every node that L = `self` was computed from.

        Without `grad`, `self` must hold one number. With it (same shape as `self`), L = Σ grad · self.
        Raises ValueError for a shape that does not fit, or if nothing here requires a gradient.
        """
        if not self.requires_grad:
            raise ValueError(
                "nothing to differentiate by: no operand has requires_grad=True"
            )
        if grad is None and self.size != 1:
            raise ValueError(
                f"backward() needs one number, got shape {self.shape}: reduce it, or pass grad"
            )
        seed = (
            np.ones_like(self.data)
            if grad is None
            else np.asarray(grad, dtype=self.dtype)
        )
        if seed.shape != self.shape:
            raise ValueError(f"grad has shape {seed.shape}, expected {self.shape}")

        arriving = {self: seed}  # ∂L/∂node, summed over the users seen so far
        for node in reversed(
            topological_order(self)
        ):  # all users of a node come before the node
            if not node.requires_grad:
                continue
            total = arriving.pop(node)
            node.grad = np.asarray(
                total + (0 if node.grad is None else node.grad)
            )  # a new array
            for operand, pull in node.operands:
                if operand.requires_grad:
                    part = sum_to_shape(pull(total), operand.shape).astype(
                        operand.dtype, copy=False
                    )
                    arriving[operand] = (
                        arriving[operand] + part if operand in arriving else part
                    )

    # A table of derivatives. At a kink any value between the two slopes will do.
    __neg__ = unary("neg", np.negative, lambda x, y: -1)
    exp = unary("exp", np.exp, lambda x, y: y)
    log = unary("log", np.log, lambda x, y: 1 / x)
    sqrt = unary("sqrt", np.sqrt, lambda x, y: 0.5 / y)
    tanh = unary("tanh", np.tanh, lambda x, y: 1 - y * y)
    sigmoid = unary(
        "σ", lambda x: np.exp(-np.logaddexp(0, -x)), lambda x, y: y * (1 - y)
    )  # no overflow
    relu = unary("relu", lambda x: np.maximum(x, 0), lambda x, y: x > 0)
    abs = unary("abs", np.abs, lambda x, y: np.sign(x))

    __add__ = binary("+", np.add, lambda a, b, y: 1, lambda a, b, y: 1)
    __sub__ = binary("−", np.subtract, lambda a, b, y: 1, lambda a, b, y: -1)
    __mul__ = binary("×", np.multiply, lambda a, b, y: b, lambda a, b, y: a)
    __truediv__ = binary("/", np.divide, lambda a, b, y: 1 / b, lambda a, b, y: -y / b)
    __pow__ = binary(
        "**",
        np.power,
        lambda a, b, y: b * a ** np.where(b == 0, 1, b - 1),  # never 0 · 0⁻¹
        lambda a, b, y: y * np.log(np.where(y == 0, 1, a)),  # nor 0 · log 0
    )
    maximum = binary(
        "max",
        np.maximum,
        lambda a, b, y: (a > b) + (a == b) / 2,
        lambda a, b, y: (b > a) + (a == b) / 2,
    )

    __radd__, __rmul__ = __add__, __mul__
    __rsub__, __rtruediv__, __rpow__ = (
        swapped(__sub__),
        swapped(__truediv__),
        swapped(__pow__),
    )

    def __matmul__(self, other: Any) -> Tensor:
        """Y = AB gives ∂L/∂A = G Bᵀ and ∂L/∂B = Aᵀ G with G = ∂L/∂Y; also for vectors, stacks of matrices."""
        a, b = self, self.constant(other)
        left = (
            a.data[None, :] if a.ndim == 1 else a.data
        )  # a vector is a row on the left
        right = b.data[:, None] if b.ndim == 1 else b.data  # and a column on the right;
        y = left @ right  # the result lacks that axis
        lacks = (-2,) * (a.ndim == 1) + (-1,) * (b.ndim == 1)

        def pull_b(g: np.ndarray) -> np.ndarray:
            product = left.mT @ g.reshape(y.shape)
            return product[..., 0] if b.ndim == 1 else product

        return result(
            "@",
            y.squeeze(lacks),
            (a, lambda g: g.reshape(y.shape) @ right.mT),
            (b, pull_b),
        )

    __rmatmul__ = swapped(__matmul__)

    def _reduce(
        self, op: str, y: np.ndarray, derivative: Any, axis: Axis, keepdims: bool
    ) -> Tensor:
        """`y` keeps the reduced axes, with length 1; `derivative` is ∂y/∂x, or broadcasts to its shape."""
        spread = np.broadcast_to(derivative, self.shape)
        return result(
            op,
            y if keepdims else y.squeeze(axis),
            (self, lambda g: g.reshape(y.shape) * spread),
        )

    def sum(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        return self._reduce(
            "sum", self.data.sum(axis, keepdims=True), 1, axis, keepdims
        )

    def mean(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        if not self.size:
            raise ValueError(
                f"a mean needs at least one element, got shape {self.shape}"
            )
        y = self.data.mean(axis, keepdims=True)
        return self._reduce("mean", y, y.size / self.size, axis, keepdims)

    def max(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """The largest element; equal ones share the gradient."""
        y = self.data.max(axis, keepdims=True)
        largest = self.data == y
        return self._reduce(
            "max", y, largest / largest.sum(axis, keepdims=True), axis, keepdims
        )

    def reshape(self, *shape: Any) -> Tensor:
        return result(
            "reshape",
            self.data.reshape(*shape),
            (self, lambda g: g.reshape(self.shape)),
        )

    def transpose(self, *axes: int) -> Tensor:
        """The axes in a new order; reversed if none is given."""
        data = self.data.transpose(axes or None)
        back = np.argsort([axis % self.ndim for axis in axes] or range(self.ndim)[::-1])
        return result("T", data, (self, lambda g: g.transpose(back)))

    def __getitem__(self, index: Any) -> Tensor:
        def pull(g: np.ndarray) -> np.ndarray:
            spread = np.zeros_like(self.data)
            np.add.at(
                spread, index, g
            )  # with `+=` an index that occurs twice would count once
            return spread

        return result("[ ]", self.data[index], (self, pull))


class Node(NamedTuple):
    """A snapshot of one tensor; `op` is empty for an input."""

    id: int
    op: str
    name: str
    shape: tuple[int, ...]
    value: np.ndarray
    grad: np.ndarray | None


def graph(tensor: Tensor) -> tuple[list[Node], list[tuple[int, int]]]:
    """All nodes `tensor` was computed from, in topological order, and the edges (operand id, result id)."""
    ids = {node: i for i, node in enumerate(topological_order(tensor))}
    nodes = [
        Node(i, t.op, t.name, t.shape, t.data.copy(), copy(t.grad))
        for t, i in ids.items()
    ]
    return nodes, [
        (ids[operand], i) for t, i in ids.items() for operand, _ in t.operands
    ]
