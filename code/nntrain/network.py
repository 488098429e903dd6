"""A network: layers in a row, with all parameters in one long vector (chapter 3)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nntrain.checks import finite_array, real_array, whole_number
from nntrain.layers import Layer, check_layer
from nntrain.storage import load_arrays, save_arrays

__all__ = ["Sequential"]


class Sequential:
    """Layers applied one after the other: each gets the output of the one before.

    `params` and `grads` are flat vectors of length `n_params`; every layer's `weight`,
    `bias`, `grad_weight` and `grad_bias` are views into them. So an optimiser updates
    the whole network in one line, `params -= lr * grads`, and the layers see it at
    once. What is assigned to one of them, `layer.weight = value`, is copied into its
    place.

    All arithmetic is done in `dtype` (float32: half the memory, twice the speed;
    float64 for gradient checks). Inputs of another real dtype are converted. Raises
    `ValueError` for no layers, for a layer that already belongs to a network, for one
    that computes gradients of what it does not name in `parameter_names`, and for
    inputs that are not real numbers.

    >>> from nntrain import Linear, Sigmoid
    >>> rng = np.random.default_rng(0)
    >>> network = Sequential(Linear(784, 30, rng=rng), Sigmoid())
    >>> network.n_params
    23550
    """

    def __init__(self, *layers: Layer, dtype: Any = np.float32) -> None:
        if not layers:
            raise ValueError("Sequential needs at least one layer")
        self.layers, self.dtype = tuple(layers), _floating(dtype)
        for i, layer in enumerate(self.layers):
            if not isinstance(layer, Layer):
                raise ValueError(
                    f"layer {i} should be a Layer, got {type(layer).__name__}"
                )
        self.check_names()
        seen: list[Layer] = []
        for _, layer in self.named_layers():
            if layer.in_a_network or any(layer is other for other in seen):
                raise ValueError(
                    f"{layer} already belongs to a network, which holds its "
                    "parameters; make a new layer"
                )
            seen.append(layer)
        self._gather()

    def _gather(
        self, params: np.ndarray | None = None, grads: np.ndarray | None = None
    ) -> None:
        """Copy all parameters into one vector (a new one if none is given).

        The layers' own arrays become views into it.
        """
        self.all_layers = tuple(layer for _, layer in self.named_layers())
        own = [(a, name) for a in self.all_layers for name in a.parameter_names]
        self._output_shape: tuple[int, ...] | None = None
        self.n_params = sum(np.size(getattr(layer, name)) for layer, name in own)
        self._params = np.empty(self.n_params, self.dtype) if params is None else params
        self._grads = np.zeros(self.n_params, self.dtype) if grads is None else grads
        self._views: tuple[list[Any], list[Any]] = [], []
        start = 0
        for layer, name in own:
            array = real_array(name, getattr(layer, name))
            part = slice(start, start + array.size)
            self._params[part] = array.ravel()
            for views, vector, key in (
                (self._views[0], self._params, name),
                (self._views[1], self._grads, f"grad_{name}"),
            ):
                view = vector[part].reshape(array.shape)
                setattr(layer, key, view)
                views.append((vars(layer), key, view, layer))
            start += array.size
        for layer in self.all_layers:
            layer.in_a_network = True
        # Nothing before the first layer with parameters needs a gradient, nor does that
        # layer's input.
        trained = [any(a.parameter_names for a in b.everything()) for b in self.layers]
        self._first = trained.index(True) if any(trained) else len(self.layers)

    def _adopt(self, views: list[Any]) -> None:
        """Copy what was assigned to a layer's array into its place in the vector."""
        for attributes, name, view, layer in views:
            value = attributes[name]
            if value is not view:
                if np.shape(value) != view.shape:
                    raise ValueError(
                        f"{name} of {layer} must have shape {view.shape}, "
                        f"got {np.shape(value)}"
                    )
                view[...] = real_array(name, value)
                attributes[name] = view

    @property
    def params(self) -> np.ndarray:
        """All parameters in one vector; what is assigned is copied into it."""
        return self._params

    @params.setter
    def params(self, values: np.ndarray) -> None:
        if values is not self._params:
            self._params[...] = values

    @property
    def grads(self) -> np.ndarray:
        """The gradients of all parameters, in the same order."""
        return self._grads

    @grads.setter
    def grads(self, values: np.ndarray) -> None:
        if values is not self._grads:
            self._grads[...] = values

    def named_layers(self) -> Iterator[tuple[str, Layer]]:
        """All layers, those inside others too, by names such as "layers[0]"."""

        def walk(name: str, layers: tuple[Layer, ...]) -> Iterator[tuple[str, Layer]]:
            for i, layer in enumerate(layers):
                yield f"{name}[{i}]", layer
                yield from walk(f"{name}[{i}].layers", layer.layers)

        return walk("layers", self.layers)

    def matrices(self) -> np.ndarray:
        """True where an element of `params` belongs to a matrix, such as a weight."""
        shapes = [(view.size, view.ndim > 1) for *_, view, _ in self._views[0]]
        sizes, kinds = zip(*shapes, strict=True) if shapes else ((), ())
        return np.repeat(np.array(kinds, dtype=bool), sizes)

    def check_names(self) -> None:
        """`ValueError` for a layer that does not name what it wants trained."""
        for _, layer in self.named_layers():
            check_layer(layer)

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return the outputs for the batch `x`, shape (N, features), an example a row.

        Nothing but the cache for `backward` changes, unless `training`: then dropout
        drops units and batch normalisation uses, and follows, the batch's own
        statistics.
        """
        if not isinstance(x, np.ndarray) or x.dtype != self.dtype:
            x = real_array("inputs", x).astype(self.dtype)
        self._adopt(self._views[0])
        for layer in self.layers:
            x = layer.forward(x, training)
        self._output_shape = x.shape
        return x

    def backward(self, dy: np.ndarray, need_dx: bool = False) -> np.ndarray | None:
        """Take ∂L/∂outputs, overwrite `grads`; return ∂L/∂x if `need_dx`."""
        gradient: Any = self._checked(dy)
        first = 0 if need_dx else self._first
        for i in range(len(self.layers) - 1, first - 1, -1):
            gradient = self.layers[i].backward(gradient, need_dx or i > first)
        self._adopt(self._views[1])
        return gradient if need_dx else None

    def _checked(self, dy: np.ndarray) -> np.ndarray:
        """`dy` in the network's dtype; `ValueError` unless shaped as the outputs."""
        if not isinstance(dy, np.ndarray) or dy.dtype != self.dtype:
            dy = real_array("the gradient", dy).astype(self.dtype)
        if dy.shape != self._output_shape:
            last = (
                "there was none"
                if self._output_shape is None
                else f"its outputs are {self._output_shape}"
            )
            raise ValueError(
                "backward expected a gradient shaped like the last forward "
                f"({last}), got {dy.shape}"
            )
        return dy

    def predict(self, x: np.ndarray, batch_size: int = 1000) -> np.ndarray:
        """Return the outputs for all of `x`, a piece at a time to spare memory.

        They are the logits, unless the last layer makes probabilities of them. Raises
        `ValueError` for no examples, and for inputs that are not finite numbers.
        """
        x, batch_size = np.asarray(x), whole_number("batch_size", batch_size)
        if not x.ndim or len(x) == 0:
            raise ValueError(
                "predict expected at least one example, a row each, "
                f"got shape {x.shape}"
            )
        pieces = (x[i : i + batch_size] for i in range(0, len(x), batch_size))
        return np.concatenate(
            [self.forward(finite_array("inputs", p, self.dtype)) for p in pieces]
        )

    def state(self) -> dict[str, np.ndarray]:
        """Return copies of all that was learned: `params` and running averages."""
        self._adopt(self._views[0])
        state = {"params": self.params.copy()}
        for i, layer in enumerate(self.all_layers):
            for name in layer.buffer_names:
                state[f"layer{i}.{name}"] = np.array(getattr(layer, name))
        return state

    def set_state(self, state: dict[str, np.ndarray]) -> None:
        """Write a `state()` back, in this network's dtype.

        `ValueError` where names or shapes differ and for values that are not finite
        numbers; then nothing is changed.
        """
        if not isinstance(state, dict):
            raise ValueError(f"expected a state(), a dictionary, got {state!r}")
        expected, got = (
            {name: np.shape(array) for name, array in s.items()}
            for s in (self.state(), state)
        )
        if expected != got:
            raise ValueError(
                f"these weights are of another network: expected {expected}, got {got}"
            )
        for name, array in state.items():
            finite_array(name, array, self.dtype)
        self._adopt(self._views[0])
        self.params[...] = state["params"]
        for i, layer in enumerate(self.all_layers):
            for name in layer.buffer_names:
                getattr(layer, name)[...] = state[f"layer{i}.{name}"]

    def save(self, path: str | Path) -> None:
        """Write what was learned to `path` (.npz, no pickle), whole or not at all.

        `ValueError` where no file can be written, and for weights that are not finite,
        which `load` would refuse.
        """
        state = self.state()
        for name, array in state.items():
            finite_array(name, array, self.dtype)
        save_arrays(path, {**state, "layers": np.array(repr(self))})

    def load(self, path: str | Path) -> Sequential:
        """Read what `save` wrote into this network; return the network.

        `ValueError` for a missing or damaged file and for weights of other layers or of
        layers with other settings.
        """
        arrays = load_arrays(path)
        layers = str(arrays.pop("layers", "?"))
        if layers != repr(self):
            raise ValueError(
                f"{path} holds the weights of {layers}, this network is {self!r}"
            )
        self.set_state(arrays)
        return self

    def __getstate__(self) -> dict[str, Any]:
        self._adopt(self._views[0])
        return {
            "layers": self.layers,
            "dtype": self.dtype,
            "params": self._params,
            "grads": self._grads,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        # A copy's layers come with arrays of their own: gather them into one vector again.
        # That is the copied one, if there is one: an optimiser copied along holds it.
        self.layers, self.dtype = state["layers"], state["dtype"]
        self._gather(state.get("params"), state.get("grads"))

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(repr, self.layers))})"


def _floating(dtype: Any) -> np.dtype:
    try:
        found = np.dtype(dtype)
    except TypeError as error:
        raise ValueError(
            f"dtype must be a floating-point type, got {dtype!r}"
        ) from error
    if found.kind != "f":
        raise ValueError(f"dtype must be a floating-point type, got {found}")
    return found
