"""The graph of a computation as plain data: what a figure or a table of it needs."""

from __future__ import annotations

from copy import copy
from typing import NamedTuple

import numpy as np

from nntrain.autograd import Tensor, topological_order


class Node(NamedTuple):
    """A snapshot of one tensor; `op` is empty for an input."""

    id: int
    op: str
    name: str
    shape: tuple[int, ...]
    value: np.ndarray
    grad: np.ndarray | None


def graph(tensor: Tensor) -> tuple[list[Node], list[tuple[int, int]]]:
    """Return all nodes `tensor` was computed from, and the edges between them.

    The nodes are in topological order, operands first. An edge is a pair of ids,
    (operand, result). The arrays are copies: they do not follow later changes.
    """
    ids = {node: i for i, node in enumerate(topological_order(tensor))}
    nodes = [
        Node(i, t.op, t.name, t.shape, t.data.copy(), copy(t.grad))
        for t, i in ids.items()
    ]
    edges = [(ids[operand], i) for t, i in ids.items() for operand, _ in t.operands]
    return nodes, edges
