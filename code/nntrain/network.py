"""A network: layers in a row, with all parameters in one long vector (chapter 3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nntrain.checks import real_array, whole_number
from nntrain.layers import Layer

__all__ = ["Sequential"]


class Sequential:
    """Layers applied one after the other: the output of each is the input of the next.

    ``params`` and ``grads`` are flat vectors of length ``n_params``; every layer's ``weight``, ``bias``,
    ``grad_weight`` and ``grad_bias`` are views into them. So an optimiser updates the whole network in one
    line, ``params -= lr * grads``, and the layers see it at once.

    All arithmetic is done in ``dtype`` (float32: half the memory, twice the speed; float64 for gradient
    checks). Inputs of another real dtype are converted. Raises ``ValueError`` for no layers, for a layer
    that already belongs to a network, and for inputs that are not real numbers.

    >>> from nntrain import Linear, Sigmoid
    >>> rng = np.random.default_rng(0)
    >>> network = Sequential(Linear(784, 30, rng=rng), Sigmoid(), Linear(30, 10, rng=rng))
    >>> network.n_params
    23860
    """

    def __init__(self, *layers: Layer, dtype: Any = np.float32) -> None:
        if not layers:
            raise ValueError("Sequential needs at least one layer")
        self.layers = tuple(layers)
        try:
            self.dtype = np.dtype(dtype)
        except TypeError as error:
            raise ValueError(
                f"dtype must be a floating-point type, got {dtype!r}"
            ) from error
        if self.dtype.kind != "f":
            raise ValueError(f"dtype must be a floating-point type, got {self.dtype}")
        for i, layer in enumerate(self.layers):
            if not isinstance(layer, Layer):
                raise ValueError(
                    f"layer {i} should be a Layer, got {type(layer).__name__}"
                )
            if layer.in_a_network or any(layer is other for other in self.layers[:i]):
                raise ValueError(
                    f"{layer} already belongs to a network, which holds its parameters; make a new layer"
                )
        self._gather()

    def _gather(
        self, params: np.ndarray | None = None, grads: np.ndarray | None = None
    ) -> None:
        """Copy all parameters into one vector (a new one if none is given); the layers' own become views."""
        arrays = [
            getattr(layer, name)
            for layer in self.layers
            for name in layer.parameter_names
        ]
        self._output_shape: tuple[int, ...] | None = None
        self.n_params = sum(array.size for array in arrays)
        self.params = np.empty(self.n_params, self.dtype) if params is None else params
        self.grads = np.zeros(self.n_params, self.dtype) if grads is None else grads
        start = 0
        for layer in self.layers:
            layer.in_a_network = True
            for name in layer.parameter_names:
                array = getattr(layer, name)
                part = slice(start, start + array.size)
                self.params[part] = array.ravel()
                setattr(layer, name, self.params[part].reshape(array.shape))
                setattr(layer, f"grad_{name}", self.grads[part].reshape(array.shape))
                start += array.size
        # Nothing before the first layer with parameters needs a gradient, nor does that layer's input.
        self._first = next(
            (i for i, layer in enumerate(self.layers) if layer.parameter_names),
            len(self.layers),
        )

    def check_views(self) -> None:
        """Raise ``ValueError`` if a layer's parameters were rebound, so that no optimiser reaches them."""
        for layer in self.layers:
            for name in layer.parameter_names:
                if not np.shares_memory(getattr(layer, name), self.params):
                    raise ValueError(
                        f"the {name} of {layer} is no longer part of the network's params: "
                        f"write layer.{name}[...] = value, not layer.{name} = value"
                    )

    def forward(self, x: np.ndarray, training: bool = True) -> np.ndarray:
        """Return the outputs for the batch ``x`` of shape (N, features), one example a row."""
        if not isinstance(x, np.ndarray) or x.dtype != self.dtype:
            x = self._converted(x)
        for layer in self.layers:
            x = layer.forward(x, training)
        self._output_shape = x.shape
        return x

    def backward(self, dy: np.ndarray, need_dx: bool = False) -> Any:
        """Take ∂L/∂outputs, overwrite ``grads`` with ∂L/∂params; return ∂L/∂x if ``need_dx``."""
        if dy.shape != self._output_shape:
            last = (
                "there was none"
                if self._output_shape is None
                else f"its outputs are {self._output_shape}"
            )
            raise ValueError(
                f"backward expected a gradient shaped like the last forward ({last}), got {dy.shape}"
            )
        if dy.dtype != self.dtype:
            dy = dy.astype(self.dtype)
        first = 0 if need_dx else self._first
        for i in range(len(self.layers) - 1, first - 1, -1):
            dy = self.layers[i].backward(dy, need_dx or i > first)  # type: ignore[assignment]
        return dy if need_dx else None

    def predict(self, x: np.ndarray, batch_size: int = 1000) -> np.ndarray:
        """Return the outputs with ``training=False``, a piece at a time to spare memory.

        They are the logits, unless the last layer makes probabilities of them.
        """
        x, batch_size = np.asarray(x), whole_number("batch_size", batch_size)
        if not x.ndim or len(x) == 0:
            raise ValueError(
                f"predict expected at least one example, a row each, got shape {x.shape}"
            )
        return np.concatenate(
            [
                self.forward(x[i : i + batch_size], training=False)
                for i in range(0, len(x), batch_size)
            ]
        )

    def _converted(self, x: np.ndarray) -> np.ndarray:
        return real_array("inputs", x).astype(self.dtype)

    def state(self) -> dict[str, np.ndarray]:
        """Return copies of all that was learned: ``params`` and the layers' running averages."""
        state = {"params": self.params.copy()}
        for i, layer in enumerate(self.layers):
            for name in layer.buffer_names:
                state[f"layer{i}.{name}"] = np.array(getattr(layer, name))
        return state

    def set_state(self, state: dict[str, np.ndarray]) -> None:
        """Write a ``state()`` back, in this network's dtype.

        ``ValueError`` where names or shapes differ and for values that are not finite numbers; then nothing
        is changed.
        """
        own = self.state()
        expected, got = (
            {name: array.shape for name, array in s.items()} for s in (own, state)
        )
        if expected != got:
            raise ValueError(
                f"these weights are of another network: expected {expected}, got {got}"
            )
        for name, array in state.items():
            with np.errstate(over="ignore"):  # too large for the dtype is infinite too
                if not np.isfinite(real_array(name, array).astype(self.dtype)).all():
                    raise ValueError(
                        f"these weights hold values that are not finite, in {name}"
                    )
        self.params[...] = state["params"]
        for i, layer in enumerate(self.layers):
            for name in layer.buffer_names:
                getattr(layer, name)[...] = state[f"layer{i}.{name}"]

    def save(self, path: str | Path) -> None:
        """Write the learned arrays to ``path`` (.npz, no pickle), whole or not at all."""
        save_arrays(path, {**self.state(), "layers": np.array(repr(self))})

    def load(self, path: str | Path) -> Sequential:
        """Read what ``save`` wrote into this network, which must have the same layers; return the network.

        ``ValueError`` for a missing or damaged file and for the weights of other layers.
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
        return {
            "layers": self.layers,
            "dtype": self.dtype,
            "params": self.params,
            "grads": self.grads,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        # A copy's layers come with arrays of their own: gather them again into one vector. It is the copied
        # one, if there is one, for an optimiser that was copied along holds that.
        self.layers, self.dtype = state["layers"], state["dtype"]
        self._gather(state.get("params"), state.get("grads"))

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(repr, self.layers))})"


def save_arrays(path: str | Path, arrays: dict[str, np.ndarray]) -> None:
    """Write named arrays to one .npz file, whole or not at all."""
    path = Path(path)
    part = path.with_name(path.name + ".part")
    try:
        with open(part, "wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def load_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """Read a .npz file of plain arrays; ``ValueError`` for a missing or damaged one."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise ValueError(f"there is no file {path}") from None
    except (
        Exception
    ) as error:  # damage can surface anywhere between zip, zlib and the array headers
        raise ValueError(
            f"{path} is not a readable .npz file of arrays ({error})"
        ) from error
