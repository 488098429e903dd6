"""Checkpoints: files from which an interrupted run goes on, bit for bit (chapter 9)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from nntrain.callbacks import Callback
from nntrain.checks import whole_number
from nntrain.history import History, Run
from nntrain.runchecks import check_parts
from nntrain.storage import load_arrays, save_arrays, writable

__all__ = ["Checkpoint", "resume"]


class Checkpoint(Callback):
    """Write everything a run needs to go on to `path` every `every` epochs.

    That is: weights, the optimiser's averages, the history, and the states of all
    random generators (batches and dropout). `resume(path, …)` reads it; the continued
    run then gives the same numbers, bit for bit, as one that was never interrupted. The
    file is replaced only once the new one is whole. Weights that are not finite are not
    written: the run is stopped, and the file stays as it was. Raises `ValueError`,
    before any training, where `path` cannot be written to.
    """

    def __init__(self, path: str | Path, *, every: int = 1) -> None:
        if not isinstance(path, (str, Path)):
            raise ValueError(f"path must be a file name, got {path!r}")
        self.path, self.every = Path(path), whole_number("every", every)

    def on_train_begin(self, run: Run) -> None:
        writable(self.path)

    def on_epoch_end(self, run: Run) -> None:
        if len(run.history) % self.every:
            return
        network, optimizer, history = run.network, run.optimizer, run.history
        if not np.isfinite(network.params).all():
            run.stop(
                f"the weights after epoch {len(history)} are not finite: "
                f"nothing was written to {self.path}"
            )
            return
        story = {
            "network": repr(network),
            "settings": {**optimizer.describe(), **run.train.describe()},
            "step_loss": history.step_loss,
            "epochs": history.epochs,
            "lr": history.lr,
            "best_epoch": history.best_epoch,
            "rng": [r.bit_generator.state for r in _generators(network, run.train)],
        }
        # some bit generators keep their state in arrays
        text = json.dumps(story, default=lambda value: value.tolist())
        arrays = {"story": np.array(text)}
        for prefix, state in (
            ("network", network.state()),
            ("optimizer", optimizer.state()),
            ("best", history.best_state or {}),
        ):
            arrays |= {f"{prefix}.{name}": array for name, array in state.items()}
        save_arrays(self.path, arrays)


def resume(path: str | Path, network: Any, optimizer: Any, train: Any) -> History:
    """Read a `Checkpoint` into network, optimiser and batches.

    Returns the history to pass to `fit`. Raises `ValueError` when the file is missing,
    damaged, or of another network, another optimiser, other batches, other settings or
    another kind of generator; then nothing is changed. The learning rate may be another
    one.
    """
    check_parts(network, optimizer, train)
    arrays = load_arrays(path)
    try:
        story = json.loads(str(arrays["story"]))
        states, history = story["rng"], History()
        history.step_loss, history.epochs = story["step_loss"], story["epochs"]
        history.lr, history.best_epoch = story["lr"], story["best_epoch"]
        history.best_state = _part(arrays, "best.") or None
        made_by = {"network": story["network"], **story["settings"]}
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is not a checkpoint ({error})") from error
    settings = {**optimizer.describe(), **train.describe()}
    _check_maker(path, made_by, {"network": repr(network), **settings})
    generators = _generators(network, train)
    if len(states) != len(generators):
        raise ValueError(
            f"the checkpoint has {len(states)} random generators, "
            f"this run has {len(generators)}"
        )
    before = (
        optimizer.state(),
        [generator.bit_generator.state for generator in generators],
    )
    try:
        optimizer.set_state(_part(arrays, "optimizer."))
        for generator, state in zip(generators, states, strict=True):
            generator.bit_generator.state = state
        network.set_state(_part(arrays, "network."))  # last: it fails without a change
    except (ValueError, TypeError, KeyError) as error:
        optimizer.set_state(before[0])
        for generator, state in zip(generators, before[1], strict=True):
            generator.bit_generator.state = state
        raise ValueError(f"{path} does not fit this run: {error}") from error
    return history


def _check_maker(
    path: str | Path, made_by: dict[str, Any], own: dict[str, Any]
) -> None:
    """`ValueError` if another network, optimiser or setting made the checkpoint."""
    for name, value in json.loads(json.dumps(own)).items():
        if made_by.get(name) != value:
            raise ValueError(
                f"{path} has {name} {made_by.get(name)}, this run has {name} {value}"
            )


def _part(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def _generators(network: Any, train: Any) -> list[np.random.Generator]:
    """The random generators a run draws from, each once, in a fixed order."""
    found = [train.rng, *(layer.rng for layer in network.all_layers)]
    return list({id(rng): rng for rng in found if rng is not None}.values())
