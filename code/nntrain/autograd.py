"""Reverse-mode automatic differentiation over NumPy arrays (chapter 4).

Every operation computes its result and notes, for each operand, a function that turns
∂L/∂result into ∂L/∂operand. `backward` follows these notes from the result back to the
inputs: that is backpropagation. Gradients *accumulate* over calls of `backward`: call
`zero_grad` in between. (The layers of `nntrain.layers` overwrite theirs.) Softmax,
cross-entropy and others are in `nntrain.functional`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Axis = int | tuple[int, ...] | None
Pull = Callable[[np.ndarray], np.ndarray]  # ∂L/∂result -> ∂L/∂operand


def result(op: str, data: Any, *operands: tuple[Tensor, Pull]) -> Tensor:
    """Return what an operation gives: a value, and how to go back to each operand.

    Each operand comes with its pull, the function from ∂L/∂result to ∂L/∂operand.
    """
    wanted = any(operand.requires_grad for operand, _ in operands)
    out = Tensor(data, requires_grad=wanted)
    if wanted:
        out.op, out.operands = op, operands
    return out


def topological_order(root: Tensor) -> list[Tensor]:
    """Return all nodes `root` was computed from, each after its operands.

    A loop, not a recursion, since graphs can be deep.
    """
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
    """Undo broadcasting: an element used often gets the sum of its gradients."""
    grad = np.asarray(grad)
    if grad.shape == shape:
        return grad
    in_front = tuple(range(grad.ndim - len(shape)))  # axes that broadcasting added
    grad = grad.sum(axis=in_front)
    stretched = tuple(axis for axis, size in enumerate(shape) if size == 1)
    return grad.sum(axis=stretched, keepdims=True)


def unary(op: str, forward: Callable, derivative: Callable) -> Callable[..., Tensor]:
    """Return the method for y = forward(x), where dy/dx = derivative(x, y)."""

    def method(self: Tensor) -> Tensor:
        x, y = self.data, forward(self.data)
        return result(op, y, (self, lambda g: g * derivative(x, y)))

    return method


def binary(
    op: str, forward: Callable, by_a: Callable, by_b: Callable
) -> Callable[..., Tensor]:
    """Return the method for y = forward(a, b).

    The derivatives are ∂y/∂a = by_a(a, b, y) and ∂y/∂b = by_b(a, b, y).
    """

    def method(self: Tensor, other: Any) -> Tensor:
        other = self.constant(other)
        a, b = self.data, other.data
        y = forward(a, b)
        left = (self, lambda g: g * by_a(a, b, y))
        right = (other, lambda g: g * by_b(a, b, y))
        return result(op, y, left, right)

    return method


def swapped(method: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return the method for `3 - tensor`, where the tensor stands on the right."""
    return lambda self, other: method(self.constant(other), self)


class Tensor:
    """An array that remembers how it was computed.

    `data` is used as it is, without a copy; integers become float64 if a gradient is
    wanted. Arrays and numbers in an expression are constants. (In PyTorch,
    `requires_grad` is False unless set.) Raises `ValueError` for data that are not real
    numbers.

    >>> w = Tensor([1.0, 2.0], name="w")
    >>> loss = (w * w).sum()
    >>> loss.backward()
    >>> w.grad
    array([2., 4.])
    """

    __array_priority__ = 1000  # so that `array * tensor` asks the tensor, not NumPy

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
        self.op = ""  # the operation that made it; an input has none
        self.operands: tuple[tuple[Tensor, Pull], ...] = ()

    shape = property(lambda self: self.data.shape)
    ndim = property(lambda self: self.data.ndim)
    size = property(lambda self: self.data.size)
    dtype = property(lambda self: self.data.dtype)
    T = property(lambda self: self.transpose())

    def __repr__(self) -> str:
        numbers = np.array2string(
            self.data, precision=4, threshold=20, prefix="Tensor("
        )
        return f"Tensor({numbers})"

    def __len__(self) -> int:
        return len(self.data)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        raise TypeError(
            "NumPy would lose the gradient: use the tensor's own methods, such as "
            "x.exp() or x.sum(), or take the plain array, x.data"
        )

    def __array_function__(self, function: Any, *_: Any) -> np.ndarray:
        raise TypeError(
            f"np.{function.__name__} would lose the gradient: use the tensor's own "
            "methods, such as x.sum(), or take the plain array, x.data"
        )

    def item(self) -> float:
        """Return the value of a tensor that holds one number."""
        return self.data.item()

    def __float__(self) -> float:
        return float(self.item())

    def __bool__(self) -> bool:
        return bool(self.data)

    def __getstate__(self) -> dict[str, Any]:
        # A copy, or a pickled tensor, is an input: how it was computed is left behind.
        return {**vars(self), "op": "", "operands": ()}

    def constant(self, value: Any) -> Tensor:
        """Return `value` as a tensor; a plain number takes this tensor's dtype."""
        if isinstance(value, Tensor):
            return value
        plain = isinstance(value, (int, float)) and self.dtype.kind == "f"
        data = np.asarray(value, dtype=self.dtype if plain else None)
        return Tensor(data, requires_grad=False)

    def zero_grad(self) -> None:
        """Forget the gradient: `grad` is None until the next `backward`."""
        self.grad = None

    def backward(self, grad: Any = None) -> None:
        """Add ∂L/∂node to the `grad` of every node that L = `self` was computed from.

        Without `grad`, `self` must hold one number. With it (same shape as `self`),
        L = Σ grad · self. The graph stays: a second call adds the same once more.
        Raises `ValueError` for a shape that does not fit, or if nothing here requires
        a gradient.
        """
        arriving = {self: self._seed(grad)}  # ∂L/∂node, summed over its users so far
        for node in reversed(topological_order(self)):  # users come before the node
            if not node.requires_grad:
                continue
            total = arriving.pop(node)
            node.grad = total.copy() if node.grad is None else node.grad + total
            for operand, pull in node.operands:
                if operand.requires_grad:
                    part = sum_to_shape(pull(total), operand.shape)
                    part = part.astype(operand.dtype, copy=False)
                    seen = operand in arriving
                    arriving[operand] = arriving[operand] + part if seen else part

    def _seed(self, grad: Any) -> np.ndarray:
        """Check what `backward` was called with, and return ∂L/∂self."""
        if not self.requires_grad:
            raise ValueError(
                "nothing to differentiate by: no operand has requires_grad=True"
            )
        if grad is None and self.size != 1:
            raise ValueError(
                f"backward() needs one number, got shape {self.shape}: reduce it, or "
                "pass grad"
            )
        seed = np.asarray(1 if grad is None else grad, dtype=self.dtype)
        if grad is None:
            return seed.reshape(self.shape)
        if seed.shape != self.shape:
            raise ValueError(f"grad has shape {seed.shape}, expected {self.shape}")
        return seed

    # A table of derivatives. At a kink any value between the two slopes will do.
    __neg__ = unary("neg", np.negative, lambda x, y: -1)
    exp = unary("exp", np.exp, lambda x, y: y)
    log = unary("log", np.log, lambda x, y: 1 / x)
    sqrt = unary("sqrt", np.sqrt, lambda x, y: 0.5 / y)
    tanh = unary("tanh", np.tanh, lambda x, y: 1 - y * y)
    relu = unary("relu", lambda x: np.maximum(x, 0), lambda x, y: x > 0)
    abs = unary("abs", np.abs, lambda x, y: np.sign(x))
    sigmoid = unary(  # through the logarithm, so that nothing overflows
        "σ", lambda x: np.exp(-np.logaddexp(0, -x)), lambda x, y: y * (1 - y)
    )

    __add__ = binary("+", np.add, lambda a, b, y: 1, lambda a, b, y: 1)
    __sub__ = binary("−", np.subtract, lambda a, b, y: 1, lambda a, b, y: -1)
    __mul__ = binary("×", np.multiply, lambda a, b, y: b, lambda a, b, y: a)
    __truediv__ = binary("/", np.divide, lambda a, b, y: 1 / b, lambda a, b, y: -y / b)
    __pow__ = binary(  # 0 · 0⁻¹ and 0 · log 0 are 0, their limits
        "**",
        np.power,
        lambda a, b, y: b * np.where(b == 0, 1, a) ** (b - 1),
        lambda a, b, y: y * np.log(np.where((y == 0) | (a == 0) & (b == 0), 1, a)),
    )
    maximum = binary(
        "max",
        np.maximum,
        lambda a, b, y: (a > b) + (a == b) / 2,
        lambda a, b, y: (b > a) + (a == b) / 2,
    )

    __radd__, __rmul__ = __add__, __mul__
    __rsub__, __rtruediv__ = swapped(__sub__), swapped(__truediv__)
    __rpow__ = swapped(__pow__)

    def __matmul__(self, other: Any) -> Tensor:
        """Y = AB, where ∂L/∂A = G Bᵀ and ∂L/∂B = Aᵀ G with G = ∂L/∂Y.

        Also for vectors (a row on the left, a column on the right) and stacks of
        matrices.
        """
        a, b = self, self.constant(other)
        rows = a.data[None, :] if a.ndim == 1 else a.data
        columns = b.data[:, None] if b.ndim == 1 else b.data
        y = rows @ columns
        added = (-2,) * (a.ndim == 1) + (-1,) * (b.ndim == 1)  # axes of length 1

        def pull_a(g: np.ndarray) -> np.ndarray:
            return g.reshape(y.shape) @ columns.mT

        def pull_b(g: np.ndarray) -> np.ndarray:
            product = rows.mT @ g.reshape(y.shape)
            return product[..., 0] if b.ndim == 1 else product

        return result("@", y.squeeze(added), (a, pull_a), (b, pull_b))

    __rmatmul__ = swapped(__matmul__)

    def sum(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Return the sum along `axis` (all, if None); every element has slope 1."""
        y = self.data.sum(axis, keepdims=True)
        return self._reduced("sum", y, 1, axis, keepdims)

    def mean(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Return the mean along `axis`. Raises `ValueError` for a mean of nothing."""
        if not self.size:
            raise ValueError(
                f"a mean needs at least one element, got shape {self.shape}"
            )
        y = self.data.mean(axis, keepdims=True)
        return self._reduced("mean", y, y.size / self.size, axis, keepdims)

    def max(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Return the largest element along `axis`; equal ones share the gradient."""
        y = self.data.max(axis, keepdims=True)
        largest = self.data == y
        slope = largest / largest.sum(axis, keepdims=True)
        return self._reduced("max", y, slope, axis, keepdims)

    def _reduced(
        self, op: str, y: np.ndarray, slope: Any, axis: Axis, keepdims: bool
    ) -> Tensor:
        """`y` has length 1 along the reduced axes; `slope` broadcasts to ∂y/∂x."""
        slope = np.broadcast_to(slope, self.shape)
        data = y if keepdims else y.squeeze(axis)
        return result(op, data, (self, lambda g: g.reshape(y.shape) * slope))

    def reshape(self, *shape: Any) -> Tensor:
        """Return the same elements in another shape, as NumPy does it."""
        data = self.data.reshape(*shape)
        return result("reshape", data, (self, lambda g: g.reshape(self.shape)))

    def transpose(self, *axes: int) -> Tensor:
        """Return the axes in a new order; reversed if none is given."""
        data = self.data.transpose(axes or None)
        back = np.argsort([axis % self.ndim for axis in axes] or range(self.ndim)[::-1])
        return result("T", data, (self, lambda g: g.transpose(back)))

    def __getitem__(self, index: Any) -> Tensor:
        def pull(g: np.ndarray) -> np.ndarray:
            spread = np.zeros_like(self.data)
            np.add.at(spread, index, g)  # an index that occurs twice counts twice
            return spread

        return result("[ ]", self.data[index], (self, pull))
