"""Sections that go deeper are folded: their headings begin with "Deeper: ".

The heading stays on the page, so that contents, links and search find it; what stands below it
opens on request, by a link to any place inside it, and on paper (`book.js`). The contents and
the numbers of figures and equations are made before, from sections as they are written.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx

SIGN = "Deeper: "
WORDS_A_MINUTE = 150  # of mathematics, with its formulas and code


class deeper_fold(nodes.container):
    """What a deeper section holds below its heading."""


def _visit(self, node: deeper_fold) -> None:
    show, hide = "Show this section", "Hide this section"
    self.body.append(
        '<details class="deeper"><summary>'
        f'<span class="deeper-show">{show} ({node["minutes"]} min)</span>'
        f'<span class="deeper-hide">{hide}</span></summary>\n'
    )


def _depart(self, node: deeper_fold) -> None:
    self.body.append("</details>\n")


def fold(doctree: nodes.document) -> None:
    """Fold every deeper section, and let its place without the word `deeper` be found too."""
    taken = {name for node in doctree.findall(nodes.Element) for name in node["ids"]}
    for section in list(doctree.findall(nodes.section)):
        title = section.children[0]
        if not (isinstance(title, nodes.title) and title.astext().startswith(SIGN)):
            continue
        below = section.children[1:]
        words = sum(
            len(paragraph.astext().split())
            for node in below
            for paragraph in node.findall(nodes.paragraph)
        )
        minutes = max(1, round(words / WORDS_A_MINUTE))
        section.children = [title]
        section += deeper_fold("", *below, minutes=minutes)
        section["classes"].append("deeper")
        for name in [name.removeprefix("deeper-") for name in section["ids"]]:
            if name not in taken:
                section["ids"].append(name)
                taken.add(name)


def _fold(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    if app.builder.format == "html":
        fold(doctree)


def connect(app: Sphinx) -> None:
    """Register the node, and fold when all numbers and contents are made."""
    app.add_node(deeper_fold, html=(_visit, _depart))
    app.connect("doctree-resolved", _fold, priority=850)
