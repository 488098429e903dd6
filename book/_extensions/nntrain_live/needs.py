"""What a cell needs from the cells above it, read from their code.

A cell that uses a name needs the last cell above that binds it, and after that one every cell that
changes the object: `rng.normal()` moves a generator on, `fit(network, ...)` trains a network,
`x[0] = 1` writes into an array. What merely reads (plots, prints, sums) is not needed. A function
needs what its body names when it is called, so who calls it needs that too.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

# Methods that leave their object as it was; all others may change it.
READING = frozenset(
    """
    all any argmax argmin argsort astype capitalize clip copy count cumsum describe diagonal dot encode
    endswith format get index item items join keys lower lstrip max mean min nonzero predict prod ravel repeat
    replace reshape round rstrip searchsorted split squeeze startswith std strip sum swapaxes title tolist
    transpose upper values var view zfill
    """.split()
)
# Functions that leave what they are given as it was.
READERS = frozenset(
    """
    abs all any claim dict display enumerate float glue int isinstance len list max min print range repr round
    set show_source sorted str sum tuple type zip
    """.split()
)
# What holds a state of its own, by the names the book gives it.
STATEFUL = re.compile(
    r"(?:^|_)(?:rng|random|net|network|model|mlp|layer|optimi[sz]er|adam|sgd|schedule|loss|batches|data)(?:_|s?\d*$)"
)


@dataclass
class Reading:
    """What one cell's code does with the names of the notebook."""

    uses: set[str] = field(default_factory=set)  # before it binds them itself
    binds: set[str] = field(default_factory=set)
    changes: set[str] = field(default_factory=set)  # objects bound elsewhere
    later: dict[str, set[str]] = field(
        default_factory=dict
    )  # function → names used when called
    fixed: set[str] = field(default_factory=set)  # modules, functions and classes


def read(code: str) -> Reading:
    """Read one cell."""
    reader = _Reader()
    for statement in ast.parse(code).body:
        reader.visit(statement)
    reading = reader.reading
    for names in reading.later.values():
        names -= reading.binds
    return reading


def chains(codes: Iterable[str]) -> list[dict[str, list[int]]]:
    """For each cell: name → the numbers of the cells it needs for it, the one that binds it first."""
    readings = [read(code) for code in codes]
    bound: dict[str, list[int]] = {}
    fixed: set[str] = set()
    later: dict[str, set[str]] = {}
    found = []
    for number, reading in enumerate(readings):
        used = _with_later(reading.uses | reading.changes, later)
        found.append(
            {name: list(bound[name]) for name in sorted(used) if name in bound}
        )
        for name in reading.changes - fixed - reading.binds:
            if name in bound:
                bound[name].append(number)
        for name in reading.binds:
            bound[name] = [number]
            later.pop(name, None)
        fixed = (fixed - reading.binds) | reading.fixed
        later.update(reading.later)
        # A function of this cell that this cell calls: what it needs was bound above.
        for name in _with_later(reading.uses | reading.binds, reading.later) - used:
            if name in bound and number not in bound[name]:
                found[-1][name] = list(bound[name])
    return found


def _with_later(names: set[str], later: dict[str, set[str]]) -> set[str]:
    found, waiting = set(names), list(names)
    while waiting:
        for name in later.get(waiting.pop(), set()) - found:
            found.add(name)
            waiting.append(name)
    return found


class _Reader(ast.NodeVisitor):
    """Walks through a cell in the order in which Python runs it."""

    def __init__(self) -> None:
        self.reading = Reading()

    def _use(self, name: str) -> None:
        if name not in self.reading.binds:
            self.reading.uses.add(name)

    def _bind(self, name: str, fixed: bool = False) -> None:
        self.reading.binds.add(name)
        (self.reading.fixed.add if fixed else self.reading.fixed.discard)(name)

    def _change(self, name: str | None) -> None:
        if name and name not in self.reading.binds:
            self.reading.changes.add(name)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self._use(node.id)
        else:
            self._bind(node.id)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self._target(target)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
            self._target(node.target)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.visit(node.value)
        if isinstance(node.target, ast.Name):
            self._use(node.target.id)
        self._target(node.target)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self._target(node.target)

    def _target(self, target: ast.expr) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            for part in target.elts:
                self._target(part)
        elif isinstance(target, ast.Starred):
            self._target(target.value)
        elif isinstance(target, ast.Name):
            self._bind(target.id)
        else:
            self._change(_root(target))
            self.visit(target)

    def visit_For(self, node: ast.For) -> None:
        self.visit(node.iter)
        self._target(node.target)
        for statement in [*node.body, *node.orelse]:
            self.visit(statement)

    def visit_With(self, node: ast.With) -> None:
        for item in node.items:
            self.visit(item.context_expr)
            if item.optional_vars is not None:
                self._target(item.optional_vars)
        for statement in node.body:
            self.visit(statement)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.type is not None:
            self.visit(node.type)
        if node.name:
            self._bind(node.name)
        for statement in node.body:
            self.visit(statement)

    def visit_Import(self, node: ast.Import) -> None:
        for name in node.names:
            self._bind((name.asname or name.name).split(".")[0], fixed=True)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for name in node.names:
            self._bind(name.asname or name.name, fixed=True)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for part in [*node.decorator_list, *node.args.defaults, *node.args.kw_defaults]:
            if part is not None:
                self.visit(part)
        self._bind(node.name, fixed=True)
        self.reading.later[node.name] = _free(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for part in [
            *node.decorator_list,
            *node.bases,
            *(k.value for k in node.keywords),
        ]:
            self.visit(part)
        self._bind(node.name, fixed=True)
        self.reading.later[node.name] = _free(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for name in sorted(_free(node)):
            self._use(name)

    def _comprehension(self, node: ast.expr) -> None:
        for name in sorted(_free(node)):
            self._use(name)
        for part in ast.walk(node):
            if isinstance(part, ast.Call):
                self._call(part)

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = (
        _comprehension
    )

    def visit_Call(self, node: ast.Call) -> None:
        self._call(node)
        self.generic_visit(node)

    def _call(self, node: ast.Call) -> None:
        called = node.func
        if isinstance(called, ast.Attribute):
            if called.attr not in READING:
                self._change(_root(called.value))
            reader = called.attr in READING
        else:
            reader = isinstance(called, ast.Name) and called.id in READERS
        if reader:
            return
        for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
            if isinstance(argument, ast.Name) and STATEFUL.search(argument.id):
                self._change(argument.id)


def _root(node: ast.expr) -> str | None:
    """The name at the beginning of `name.attribute[index]`."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _free(node: ast.AST) -> set[str]:
    """Names that a function, class or comprehension takes from outside."""
    loaded, own = set(), set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            (loaded if isinstance(part.ctx, ast.Load) else own).add(part.id)
        elif isinstance(part, ast.arg):
            own.add(part.arg)
        elif isinstance(part, ast.FunctionDef | ast.ClassDef) and part is not node:
            own.add(part.name)
        elif isinstance(part, ast.Import | ast.ImportFrom):
            own.update((n.asname or n.name).split(".")[0] for n in part.names)
        elif isinstance(part, ast.Global | ast.Nonlocal):
            loaded.update(part.names)
    return loaded - own
