"""`DrawADigit`: the reader writes a digit on the page, and a network trained in Python recognises it there.

The forward pass runs in the browser (digitpad.js), so the built book and live Jupyter show
the same element; no kernel is needed.
"""

from __future__ import annotations

import base64
import copy
import gzip
import html
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib import resources
from typing import Any

import numpy as np

from bookkit.digitpad.strokes import samples as own_samples
from bookkit.experiments.markup import marked
from bookkit.notebook import in_static_book
from nntrain.activations import LeakyReLU, ReLU, Sigmoid, Tanh
from nntrain.layers import Dropout, Linear
from nntrain.network import Sequential

ACTIVATIONS: dict[type, str] = {
    Sigmoid: "sigmoid",
    Tanh: "tanh",
    ReLU: "relu",
    LeakyReLU: "leaky",
}
PIXELS = 28 * 28


class DrawADigit:
    """A pad to write a digit on, what the network sees of it, and its ten probabilities, stroke by stroke.

    Args:
        network: a trained network of `Linear` and activation layers, from 784 pixels in [0, 1], light ink on
            a dark ground as in MNIST, to ten logits. Dropout does nothing here and is left out.
        samples: digit → drawings → strokes → (x, y) points on a sheet of 100×100; without it the book's own.
        id, title, predict, seen: as those of `Experiment`.
        output: "softmax" for a network trained with softmax, "sigmoid" for one with ten separate sigmoids.
        budget_kb: largest allowed compressed size.

    The weights are packed as one byte each: column j of a weight matrix becomes whole numbers between −127
    and 127 times a factor c_j = max_i |w_ij| / 127. `rounded` is the network with the weights so rounded,
    which is what the browser computes. Raises `ValueError` for networks of other layers, widths or outputs,
    and for an exceeded budget.
    """

    def __init__(
        self,
        network: Sequential,
        samples: Mapping[int, Sequence[Any]] | None = None,
        *,
        id: str = "draw-a-digit",
        title: str = "Write a digit",
        predict: str = "Which digit of yours will the network misread first?",
        seen: str = "The bars move with every stroke.",
        output: str = "softmax",
        budget_kb: float = 250,
    ) -> None:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", id):
            raise ValueError(
                f"an experiment's id is made of letters, digits and hyphens, got {id!r}"
            )
        if output not in ("softmax", "sigmoid"):
            raise ValueError(f"output must be 'softmax' or 'sigmoid', got {output!r}")
        self.id, self.title, self.predict, self.seen = id, title, predict, seen
        self.output, self.budget_kb = output, budget_kb
        self.samples = own_samples() if samples is None else samples
        if not self.samples or any(not drawings for drawings in self.samples.values()):
            raise ValueError(
                "samples needs at least one drawing for each digit it names"
            )
        self.specs, self.parts = _pack_layers(network)
        self.rounded = _rounded(network, self.parts)

    @cached_property
    def html(self) -> str:
        """The element, without the script that makes it alive: a page of the book loads that once."""
        data = b"".join(part.tobytes() for parts in self.parts for part in parts)
        packed = {
            "layers": self.specs,
            "output": self.output,
            "samples": {
                str(digit): drawings for digit, drawings in self.samples.items()
            },
            "data": base64.b64encode(zlib.compress(data, 9)).decode(),
        }
        text = _element(
            self, json.dumps(packed, separators=(",", ":")).replace("<", "\\u003c")
        )
        size = len(gzip.compress(text.encode(), 9)) / 1000
        if size > self.budget_kb:
            raise ValueError(
                f"experiment {self.id!r} is {size:.0f} kB compressed, its budget is {self.budget_kb:g}: "
                "take a smaller network"
            )
        return text

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> dict[str, Any]:
        text = self.html
        if not in_static_book():
            folder = resources.files("bookkit.digitpad")
            style, script = (
                folder.joinpath(f"digitpad.{kind}").read_text("utf-8")
                for kind in ("css", "js")
            )
            text = f"<style>{style}</style>{text}<script>{script}</script>"
        return {"text/html": text, "text/plain": f"Experiment: {self.title}"}


def _pack_layers(
    network: Sequential,
) -> tuple[list[dict[str, Any]], list[tuple[np.ndarray, ...]]]:
    """Each affine layer with the activation that follows it, and its bytes: q, factors, biases."""
    specs: list[dict[str, Any]] = []
    parts: list[tuple[np.ndarray, ...]] = []
    width = PIXELS
    for layer in network.layers:
        if isinstance(layer, Linear):
            if layer.in_features != width:
                raise ValueError(
                    f"a drawing has {PIXELS} pixels; {layer} expects {layer.in_features} inputs, got {width}"
                )
            width = layer.out_features
            specs.append(
                {"inputs": layer.in_features, "outputs": width, "activation": ""}
            )
            parts.append(_packed(layer))
        elif type(layer) in ACTIVATIONS and specs and not specs[-1]["activation"]:
            specs[-1]["activation"] = ACTIVATIONS[type(layer)]
            if isinstance(layer, LeakyReLU):
                specs[-1]["slope"] = layer.negative_slope
        elif not isinstance(layer, Dropout):
            raise ValueError(
                f"only Linear layers, each with at most one activation, run in the browser; got {layer}"
            )
    if not specs or width != 10 or specs[-1]["activation"]:
        raise ValueError(
            f"the network must end in a Linear layer with ten logits, got {network}"
        )
    return specs, parts


def _packed(layer: Linear) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    weight = layer.weight.astype(np.float32)
    factors = (np.abs(weight).max(axis=0) / 127).astype("<f4")
    q = (
        np.round(weight / np.where(factors > 0, factors, 1))
        .clip(-127, 127)
        .astype(np.int8)
    )
    bias = np.zeros(layer.out_features) if layer.bias is None else layer.bias
    return q, factors, bias.astype("<f4")


def _rounded(network: Sequential, parts: list[tuple[np.ndarray, ...]]) -> Sequential:
    """A copy of the network that has the weights as packed."""
    twin = copy.deepcopy(network)
    linear = [layer for layer in twin.layers if isinstance(layer, Linear)]
    for layer, (q, factors, _) in zip(linear, parts, strict=True):
        layer.weight[...] = q * factors
    return twin


def _element(experiment: DrawADigit, data: str) -> str:
    name, esc = f"experiment_{experiment.id}", html.escape
    bars = "".join(
        f'<div class="nn-bar-row"><span>{k}</span><span class="nn-track"><span class="nn-fill"></span></span>'
        '<span class="nn-share">–</span></div>'
        for k in range(10)
    )
    buttons = "".join(
        f'<button type="button" data-digit="{digit}" aria-label="Draw a sample {digit}">{digit}</button>'
        for digit in experiment.samples
    )
    return f"""<nn-draw id="{name}" role="group" aria-labelledby="{name}-title">
<p class="nn-title" id="{name}-title"><span class="nn-kind">Experiment</span> {esc(experiment.title)}</p>
<p class="nn-predict"><strong>Predict:</strong> {marked(experiment.predict)}</p>
<p class="nn-nojs">You would write a digit here and see how the network reads it.
That happens in the browser and needs JavaScript.</p>
<div class="nn-desk" hidden>
<div class="nn-column"><svg class="nn-pad" viewBox="0 0 280 280" role="img"
aria-label="Drawing pad: write one digit with the mouse, a finger or a pen, or choose a sample below.">
<path class="nn-ink" fill="none" stroke-linecap="round" stroke-linejoin="round"/>
<text class="nn-hint" x="140" y="145" text-anchor="middle">write a digit here</text></svg>
<div class="nn-buttons"><button type="button" data-do="undo">Undo stroke</button>
<button type="button" data-do="clear">Clear</button></div></div>
<div class="nn-column nn-small"><canvas class="nn-view" width="28" height="28" role="img"
aria-label="The image of 28 by 28 pixels that the network sees"></canvas>
<p>what the network sees: 28×28 pixels</p></div>
<div class="nn-column nn-bars" role="img"
aria-label="Probabilities of the ten digits: nothing is drawn.">{bars}</div>
</div>
<fieldset class="nn-samples" hidden><legend>Or have a sample drawn:</legend><div>{buttons}</div></fieldset>
<p class="nn-sentence"></p><span class="nn-spoken" role="status"></span>
<details class="nn-seen"><summary>What you should have seen</summary>
<p>{marked(experiment.seen)}</p></details>
<script type="application/json">{data}</script>
</nn-draw>
"""
