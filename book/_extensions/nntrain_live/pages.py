"""The pages' part: visible cells are marked, exercises get the student's version, scripts are linked."""

from __future__ import annotations

import html
import json
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

from . import cells, timing

SCRIPT, STYLE = "live.js", "live.css"
NO_SCRIPT = (
    '<noscript><p class="live-note">With JavaScript switched on, the code of this page '
    "runs in your browser.</p></noscript>"
)


class live_cell(nodes.container):
    """A code cell whose element carries the notebook cell's id."""


def _visit(self, node: live_cell) -> None:
    marks = {"data-cell": node["cell"], "data-state": "idle"}
    if node.get("exercise"):
        marks["data-exercise"] = node["exercise"]
    self.body.append(self.starttag(node, "div", CLASS="docutils container", **marks))


class live_output(nodes.container):
    """The place where a cell's output stands."""


def _visit_output(self, node: live_output) -> None:
    self.body.append(
        self.starttag(
            node, "div", CLASS="docutils container", **{"data-output": node["cell"]}
        )
    )


def _depart(self, node: nodes.Element) -> None:
    self.body.append("</div>\n")


def connect(app: Sphinx) -> None:
    """Register nodes and events."""
    app.add_node(live_cell, html=(_visit, _depart))
    app.add_node(live_output, html=(_visit_output, _depart))
    app.connect("doctree-resolved", _mark, priority=900)
    app.connect("html-page-context", _link)


def _notebook(app: Sphinx, docname: str) -> Path | None:
    path = Path(app.env.doc2path(docname)) if docname in app.env.found_docs else None
    return path if path is not None and path.suffix == ".ipynb" else None


def _mark(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    path = _notebook(app, docname)
    if path is None or app.builder.format != "html":
        return
    found = cells.load(path)
    checks = {
        check["id"]
        for cell in found
        if (name := cells.exercise(cell))
        for check in cells.checks_of(name, found)
    }
    for node in list(doctree.findall(nodes.container)):
        if node.get("nb_element") != "cell_code":
            continue
        cell = found[node["cell_index"]]
        source = next(_parts(node, "cell_code_source"), None)
        if source is None or cell["id"] in checks:
            continue
        name = cells.exercise(cell)
        if name is None:
            _become(node, live_cell, cell=cell["id"])
            for output in list(_parts(node, "cell_code_output")):
                _become(output, live_output, cell=cell["id"])
        else:
            checked = name if cells.checks_of(name, found) else ""
            node.parent.insert(
                node.parent.index(node), _exercise(cell, checked, source)
            )


def _parts(node: nodes.Element, kind: str):
    return (
        part for part in node.findall(nodes.container) if part.get("nb_element") == kind
    )


def _become(node: nodes.container, kind: type[nodes.container], **marks: str) -> None:
    made = kind("", *node.children, **{**node.attributes, **marks})
    node.replace_self(made)


def _exercise(cell: dict, name: str, source: nodes.Element) -> live_cell:
    """The student's version, in front of the folded solution."""
    listing = next(source.findall(nodes.literal_block))
    code = cells.student(cell["code"])
    block = nodes.literal_block(code, code, **listing.attributes)
    held = nodes.container("", block, classes=["cell_input"])
    return live_cell("", held, cell=cell["id"], exercise=name, classes=["cell"])


def _progress(app: Sphinx, pagename: str) -> str:
    """For the front page: the exercises of every chapter, by their cells' ids, which outlive any renaming."""
    listed = []
    for name in app.env.collect_relations():
        path = _notebook(app, name)
        found = cells.load(path) if path is not None else []
        ids = [
            cell["id"]
            for cell in found
            if (exercise := cells.exercise(cell)) and cells.checks_of(exercise, found)
        ]
        if ids:
            title = app.env.titles[name].astext()
            address = app.builder.get_relative_uri(pagename, name)
            listed.append({"title": title, "page": address, "cells": ids})
    if not listed:
        return ""
    data = html.escape(json.dumps(listed, ensure_ascii=False))
    return f'<div class="live-progress" data-progress="{data}"></div>\n'


def _link(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree
) -> None:
    """Scripts and data for a page with code."""
    path, body = _notebook(app, pagename), context.get("body", "")
    if pagename == app.config.root_doc and (listed := _progress(app, pagename)):
        head, heading_end, rest = body.partition("</h1>")
        body = context["body"] = head + heading_end + listed + rest
    if path is None or "data-cell=" not in body:
        if "data-progress=" in body:
            app.add_js_file(SCRIPT, loading_method="defer", **{"data-live": ""})
            app.add_css_file(STYLE)
        return
    version = app.env.nntrain_live  # type: ignore[attr-defined]
    chapter = path.stem
    marks = {"data-chapter": chapter, "data-live": version or ""}
    app.add_js_file(SCRIPT, loading_method="defer", **marks)
    app.add_css_file(STYLE)
    place = context["body"].find('<div class="cell')
    context["body"] = context["body"][:place] + NO_SCRIPT + context["body"][place:]
    if version is None:
        return
    entries = cells.for_page(
        cells.load(path), timing.seconds(Path(app.outdir).parent, chapter)
    )
    target = Path(app.outdir) / "_static" / "live" / "cells" / f"{chapter}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(entries, ensure_ascii=False), encoding="utf-8")
