"""Draws a live figure fast: what never moves is drawn once and kept, what moves is drawn on top of it."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from bookkit.experiments.kinds import Kind

DPI = 110


class Canvas:
    """One figure and its moving artists, as PNG bytes."""

    def __init__(self, figure: Any, moving: list[Kind]) -> None:
        figure.set_dpi(DPI)
        self.figure, self.agg = figure, FigureCanvasAgg(figure)
        mine = [kind for kind in moving if kind.figure is figure]
        parts = [part for kind in mine for part in kind.parts]
        self.parts = sorted(parts, key=lambda part: part.get_zorder())
        # An image lies under fixed points and lines, so all is drawn when one moves.
        self.keeps = all(kind.on_top for kind in mine)
        self.fixed: Any = None

    def png(self) -> bytes:
        """Draw the artists as they are now."""
        if self.fixed is None:
            self.figure.draw_without_rendering()
            self.figure.set_layout_engine("none")
            for part in self.parts:
                part.set_animated(self.keeps)
        if self.fixed is None or not self.keeps:
            self.agg.draw()
            self.fixed = self.agg.copy_from_bbox(self.figure.bbox)
        if self.keeps:
            self.agg.restore_region(self.fixed)
            for part in self.parts:
                self.figure.draw_artist(part)
        buffer = io.BytesIO()
        pixels = np.asarray(self.agg.buffer_rgba())[..., :3]
        Image.fromarray(np.ascontiguousarray(pixels)).save(
            buffer, "png", compress_level=1
        )
        return buffer.getvalue()
