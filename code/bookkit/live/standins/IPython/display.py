"""`display`, and texts in other forms than plain ones."""

from typing import Any

from bookkit.live.connection import current


def display(*things: Any, raw: bool = False, metadata: Any = None) -> None:
    """Show things at once. `metadata` is accepted, as IPython does, and has no use in a page."""
    current().display(*things, raw=raw)


class _Text:
    def __init__(self, data: str) -> None:
        self.data = data

    def __repr__(self) -> str:
        return self.data


class Markdown(_Text):
    def _repr_markdown_(self) -> str:
        return self.data


class HTML(_Text):
    def _repr_html_(self) -> str:
        return self.data


class SVG(_Text):
    def _repr_svg_(self) -> str:
        return self.data
