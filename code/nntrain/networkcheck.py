"""Are all gradients of a network right? Each of its arrays is checked (chapter 4)."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from nntrain.gradcheck import GradientReport, check_gradient, entry_name

__all__ = ["NetworkReport", "check_network"]


@dataclass(frozen=True)
class NetworkReport:
    """What `check_network` found: a `GradientReport` for each parameter and for x."""

    reports: dict[str, GradientReport]

    @property
    def ok(self) -> bool:
        return all(report.ok for report in self.reports.values())

    @property
    def error(self) -> float:
        return max(report.error for report in self.reports.values())

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        return "\n".join(f"{name}: {report}" for name, report in self.reports.items())

    def _repr_markdown_(self) -> str:
        lines = (
            f"- `{name}` {report._repr_markdown_()}"
            for name, report in self.reports.items()
        )
        return "\n".join(line.replace("\n", "\n  ") for line in lines)


def check_network(
    network: Any,
    loss: Any,
    x: Any,
    targets: Any,
    *,
    training: bool = True,
    h: float = 1e-5,
    tolerance: float = 1e-6,
    directions: int | None = None,
    rng: np.random.Generator | None = None,
) -> NetworkReport:
    """Check ∂L/∂(every layer's parameters) and ∂L/∂x of a `Sequential`, on one batch.

    Works on a copy of the network in float64; the network itself stays as it is. Random
    layers (dropout) draw the same numbers in every call. `directions` and `rng` as for
    `check_gradient`. Raises `ValueError` for a layer that computes a gradient of what
    it does not name in `parameter_names`.
    """
    network, x = _in_float64(network), np.array(x, dtype=float)
    generators = [layer.rng for layer in network.all_layers if layer.rng is not None]
    states = [generator.bit_generator.state for generator in generators]

    def loss_at(inputs: np.ndarray) -> float:
        for generator, state in zip(generators, states, strict=True):
            generator.bit_generator.state = state
        return loss.forward(network.forward(inputs, training), targets)

    loss_at(x)
    dx = network.backward(loss.backward(), need_dx=True)
    network.check_names()
    reports = {}
    for place, layer in network.named_layers():
        for name in layer.parameter_names:
            array, claimed = getattr(layer, name), getattr(layer, f"grad_{name}").copy()

            def loss_with(value: np.ndarray, array: np.ndarray = array) -> float:
                before = array.copy()
                array[...] = value
                try:
                    return loss_at(x)
                finally:
                    array[...] = before

            names = [entry_name(name, index) for index in np.ndindex(array.shape)]
            reports[f"{place}.{name}"] = check_gradient(
                loss_with,
                array,
                claimed,
                h=h,
                tolerance=tolerance,
                names=names,
                directions=directions,
                rng=rng,
            )
    reports["x"] = check_gradient(
        loss_at, x, dx, h=h, tolerance=tolerance, directions=directions, rng=rng
    )
    return NetworkReport(reports)


def _in_float64(network: Any) -> Any:
    """A copy of the network that computes in float64."""
    twin = copy.deepcopy(network)
    twin.__setstate__({"layers": twin.layers, "dtype": np.dtype(float)})
    return twin
