"""An experiment computed over its whole grid, as the numbers the page draws; and back.

Every state is a setting of the controls and a step. What moves in it is stored as shapes
in picture coordinates; the sentence as its words, column by column, since from one state
to the next few of them change.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from bookkit.experiments.definition import Definition
from bookkit.experiments.kinds import Kind
from bookkit.experiments.moving import Frames, Path
from bookkit.experiments.reading import axes_specs
from bookkit.experiments.shapes import FORMS, Outline, Shape
from bookkit.experiments.stream import Reader, Writer

LARGEST_GRID = 5000


def pack(
    experiment: Definition,
    figures: list[Any],
    moving: dict[str, Kind],
    settings: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Run `compute` at every grid point; the result is the JSON the component reads.

    With `settings`, at those alone: the page's own Python then answers for the others.

    Raises `ValueError` for data that do not fit the artists and for too large a grid.
    """
    sparse = settings is not None
    if settings is None:
        names = [control.name for control in experiment.controls]
        points = itertools.product(*(c.values for c in experiment.controls))
        settings = [dict(zip(names, point, strict=True)) for point in points]
    if len(settings) > LARGEST_GRID:
        raise ValueError(
            f"the controls of {experiment.id!r} make {len(settings)} settings; "
            f"at most {LARGEST_GRID} fit"
        )
    writer = Writer()
    rows: dict[str, list[list[list[int]]]] = {name: [] for name in moving}
    modes: dict[str, set[str]] = {name: set() for name in moving}
    looks: dict[str, dict[str, Any]] = {name: {} for name in moving}
    known: dict[tuple[str, int], tuple[Any, list[int]]] = {}  # keeps items alive
    found = []
    for setting in settings:
        data = experiment.values(**setting)
        found.append(data)
        for name, value in experiment.moves(setting, data, set(moving)).items():
            modes[name].add(mode_of(value))
            states = []
            for item in items_of(value):
                if (name, id(item)) not in known:  # the same object again costs nothing
                    shapes = shapes_of(moving[name], value, item)
                    refs = [ref for shape in shapes for ref in shape.store(writer)]
                    known[name, id(item)] = item, refs
                    looks[name] = shapes[0].look()
                states.append(known[name, id(item)][1])
            rows[name].append(states)
    steps = experiment.steps(found)
    sentences = [
        [experiment.sentence(s, data, k).split(" ") for k in range(steps)]
        for s, data in zip(settings, found, strict=True)
    ]
    spoken = word_table(writer, [words for one in sentences for words in one])
    axes, said = axes_specs(experiment, figures, moving)
    tables, specs = [spoken], []
    for name, kind in moving.items():
        if len(modes[name]) > 1:
            raise ValueError(
                f"{name!r} of {experiment.id!r} must always move in one way, "
                f"got {sorted(modes[name])}"
            )
        (mode,) = modes[name]
        frames = max(map(len, rows[name])) if mode == "frames" else 1
        table = np.array([row + row[-1:] * (frames - len(row)) for row in rows[name]])
        tables.append(table.reshape(-1, table.shape[-1]))
        spec = {"name": name, "form": kind.form.form, "parts": len(kind.parts)}
        spec |= {"mode": mode, "frames": frames, **looks[name]}
        specs.append(spec if mode == "head" else spec | said.get(name, {}))
    longest = max(
        (words for one in sentences for words in one), key=lambda w: len(" ".join(w))
    )
    return {
        "controls": [
            {"name": c.name, "values": c.values, "texts": c.texts, "start": c.start}
            for c in experiment.controls
        ],
        "step": experiment.step_spec(steps),
        "axes": axes,
        "artists": specs,
        "handles": [] if sparse else handles_of(experiment, moving),
        "sparse": sparse,
        "predict": {"right": ""}
        if sparse
        else experiment.predict_spec(steps, list(moving)),
        "words": spoken.shape[1],
        "longest": " ".join(longest),
        **writer.stream(tables),
    }


def handles_of(experiment: Definition, moving: dict[str, Kind]) -> list[dict[str, Any]]:
    specs = experiment.handle_specs(list(moving))
    for name in experiment.handles:
        if moving[name].form is not Outline or len(moving[name].parts) > 1:
            raise ValueError(
                f"handle {name!r} of {experiment.id!r} must be a line or points"
            )
    return specs


def mode_of(value: Any) -> str:
    if isinstance(value, Path):
        return "head" if value.only_head else "trail"
    return "frames" if isinstance(value, Frames) else "fixed"


def items_of(value: Any) -> tuple[Any, ...]:
    """What has a row of references of its own: every frame, but a trail once."""
    if isinstance(value, Path):
        return ((value.x, value.y),)
    return value.items if isinstance(value, Frames) else (value,)


def shapes_of(kind: Kind, value: Any, item: Any) -> list[Shape]:
    if isinstance(value, Path) and not kind.trails:
        raise ValueError(
            f"trail and head are for points and plain lines; {kind.name!r} is not one: "
            "use frames"
        )
    return kind.shapes(kind.check(item))


def word_table(writer: Writer, sentences: list[list[str]]) -> np.ndarray:
    """References to the words of each sentence, shape (sentences, most words)."""
    most = max(map(len, sentences))
    return np.array(
        [
            [writer.text(w) for w in words + [""] * (most - len(words))]
            for words in sentences
        ]
    )


class Unpacked:
    """The states the browser draws, by position in the grid and step."""

    def __init__(self, packed: dict[str, Any]) -> None:
        self.reader = Reader(packed)
        self.shape = tuple(len(control["values"]) for control in packed["controls"])
        self.steps = packed["step"]["count"] if packed["step"] else 1
        self.sparse = packed["sparse"]
        size = 1 if self.sparse else int(np.prod(self.shape))
        self.sentences = self.reader.table(size * self.steps, packed["words"])
        self.tables: dict[str, tuple[dict[str, Any], np.ndarray]] = {}
        for spec in packed["artists"]:
            width = spec["parts"] * FORMS[spec["form"]].width
            table = self.reader.table(size * spec["frames"], width)
            self.tables[spec["name"]] = spec, table

    def setting(self, position: tuple[int, ...]) -> int:
        return 0 if self.sparse else int(np.ravel_multi_index(position, self.shape))

    def sentence(self, position: tuple[int, ...], step: int = 0) -> str:
        row = self.setting(position) * self.steps + step
        return " ".join(self.reader.texts[i] for i in self.sentences[row]).rstrip()

    def show(self, name: str, position: tuple[int, ...], step: int = 0) -> list[Shape]:
        """The shapes of one artist, one for each of its parts."""
        spec, table = self.tables[name]
        row = table[
            self.setting(position) * spec["frames"] + min(step, spec["frames"] - 1)
        ]
        form = FORMS[spec["form"]]
        refs = row.reshape(spec["parts"], form.width)
        return [form.read(self.reader, part, spec, step) for part in refs]

    def lines(self, name: str) -> int:
        """The most lines of text an artist ever has."""
        spec, table = self.tables[name]
        if spec["form"] != "words":
            return 1
        return max(self.reader.texts[i].count("\n") + 1 for i in np.unique(table[:, 0]))
