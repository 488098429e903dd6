"""A chapter's slides as one HTML file: no server, no other file, nothing asked of another host.

A cell tagged `slide` begins a screen, `slide-more` adds to the screen before it. Code is left out where the
cell is also tagged `hide-input`. MathJax comes from the installed wheel, in the build that draws its own
letters.
"""

from __future__ import annotations

import ast
import base64
import html
import re
from collections.abc import Iterator
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from nbformat import NotebookNode
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

GLUE = "application/papermill.record/text/plain"
HERE = Path(__file__).parent
REFERENCE = {"numref": "figure", "eq": "formula"}  # slides have no numbers
FORMATTER = HtmlFormatter(style="a11y-high-contrast-light", cssclass="code")


def slides(
    notebook: NotebookNode, stem: str, glued: dict[str, str] | None = None
) -> str:
    """The page, or "" when no cell is tagged. `glued` collects values by `stem::name`, over chapters."""
    glued = {} if glued is None else glued
    local = dict(_glued_values(notebook))
    glued.update({f"{stem}::{name}": value for name, value in local.items()})
    values = {**glued, **local}
    screens: list[list[str]] = []
    for cell in notebook.cells:
        wanted = set(cell.metadata.get("tags", []))
        if "slide" in wanted or ("slide-more" in wanted and not screens):
            screens.append([])
        elif "slide-more" not in wanted:
            continue
        screens[-1].append(_cell(cell, values, "hide-input" not in wanted))
    if not screens:
        return ""
    title = _title(notebook, stem)
    sections = "\n".join(
        f"<section>\n{''.join(parts)}\n</section>" for parts in screens
    )
    return _page(title, sections)


def _glued_values(notebook: NotebookNode) -> Iterator[tuple[str, str]]:
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            record = output.get("metadata", {}).get("scrapbook")
            if record and GLUE in output.get("data", {}):
                value = output["data"][
                    GLUE
                ]  # quoted where MyST would otherwise change it
                yield (
                    record["name"],
                    ast.literal_eval(value) if value[:1] in "'\"" else value,
                )


def _title(notebook: NotebookNode, stem: str) -> str:
    for cell in notebook.cells:
        match = cell.cell_type == "markdown" and re.search(
            r"^# (.+)$", cell.source, re.M
        )
        if match:
            return match.group(1).strip()
    return stem


def _cell(cell: NotebookNode, values: dict[str, str], show_code: bool) -> str:
    if cell.cell_type == "markdown":
        return markdown(cell.source, values)
    if cell.cell_type != "code":
        return ""
    code = highlight(cell.source, PythonLexer(), FORMATTER) if show_code else ""
    settings = cell.metadata.get("mystnb", {})
    alt = settings.get("image", {}).get("alt", "")
    outputs = "".join(_output(output, alt) for output in cell.get("outputs", []))
    caption = settings.get("figure", {}).get("caption", "")
    if caption and "<img" in outputs:
        outputs = f"<figure>{outputs}<figcaption>{markdown(caption, values)}</figcaption></figure>"
    return code + outputs


def _output(output: NotebookNode, alt: str) -> str:
    if output.output_type == "stream":
        return (
            f"<pre>{html.escape(output.text)}</pre>" if output.name == "stdout" else ""
        )
    data: dict[str, Any] = output.get("data", {})
    if "text/html" in data and "image/svg+xml" not in data:
        return str(data["text/html"])
    if "image/svg+xml" in data:
        encoded = base64.b64encode(data["image/svg+xml"].encode()).decode()
        return (
            f'<img src="data:image/svg+xml;base64,{encoded}" alt="{html.escape(alt)}">'
        )
    if "image/png" in data:
        encoded = data["image/png"].replace("\n", "")
        return f'<img src="data:image/png;base64,{encoded}" alt="{html.escape(alt)}">'
    if "text/markdown" in data:
        return markdown(data["text/markdown"], {})
    return (
        f"<pre>{html.escape(data['text/plain'])}</pre>" if "text/plain" in data else ""
    )


def markdown(text: str, values: dict[str, str]) -> str:
    """MyST to HTML, as far as slides go: mathematics, glued values, boxes; references become words."""
    parser = MarkdownIt("commonmark").enable("table")
    parser.use(
        dollarmath_plugin, double_inline=True, allow_labels=False, renderer=_mathematics
    )
    parser.use(amsmath_plugin, renderer=html.escape)
    return parser.render(plain(text, values))


def plain(text: str, values: dict[str, str]) -> str:
    """MyST's own roles and blocks rewritten in plain Markdown."""

    def glue(match: re.Match[str]) -> str:
        name = match.group(1).strip()
        if name not in values:
            raise ValueError(
                f"a slide uses the glued value {name!r}, which no cell sets"
            )
        return values[name]

    def box(match: re.Match[str]) -> str:
        kind, title, body = (
            match.group("kind"),
            match.group("title").strip(),
            match.group("body"),
        )
        body = re.sub(r"\A(\s*:[\w-]+:.*\n)+", "", body)
        if kind == "math":
            return f"$$\n{body.strip()}\n$$"
        heading = f"**{title or kind.capitalize()}**\n\n"
        return "\n".join(f"> {line}" for line in (heading + body.strip()).split("\n"))

    def spoken(match: re.Match[str]) -> str:
        start, article = (
            match.group("start"),
            "The" if match.group("start") or not match.start() else "the",
        )
        return f"{start}{article} {REFERENCE[match.group('role')]}"

    fence = r"^(?P<mark>`{3,}|:{3,})\{(?P<kind>[\w-]+)\}(?P<title>.*)\n(?P<body>(?:.*\n)*?)(?P=mark)\s*$"
    text = re.sub(fence, box, text + "\n", flags=re.M)
    text = re.sub(r"\{glue:text\}`([^`]+)`", glue, text)
    text = re.sub(r"\{math\}`([^`]+)`", r"$\1$", text)
    text = re.sub(
        r"\s*(\(\{(?:numref|eq)\}`[^`]*`\)|\(?\{(?:cite[\w:]*|ref|doc)\}`[^`]*`\)?)",
        "",
        text,
    )
    text = re.sub(
        r"(?P<start>\A|\n\n|[.?!]\s+|)\{(?P<role>numref|eq)\}`[^`]*`", spoken, text
    )
    text = re.sub(r"\{[\w:-]+\}`([^`<]+?)(?:\s*<[^`]*>)?`", r"\1", text)
    text = re.sub(r"(\$\$)[ ]*\([\w:-]+\)[ ]*$", r"\1", text, flags=re.M)
    return re.sub(r"^(\([\w:-]+\)=|%.*)\n", "", text, flags=re.M)


def _mathematics(content: str, options: dict[str, Any]) -> str:
    opening, closing = (r"\[", r"\]") if options.get("display_mode") else (r"\(", r"\)")
    return f"{opening}{html.escape(content)}{closing}"


def _page(title: str, sections: str) -> str:
    wheel = metadata.distribution("sphinx-mathjax-offline")
    script = wheel.locate_file("sphinx-mathjax-offline/static/mathjax/tex-svg-full.js")
    template = (HERE / "slides.html").read_text("utf-8")
    parts = {
        "title": html.escape(title),
        "highlighting": FORMATTER.get_style_defs(),
        "mathjax": Path(str(script))
        .read_text("utf-8")
        .replace("</script", "<\\/script"),
        "experiment_style": "",
        "experiment_script": "",
        "sections": sections,
    }
    if "<nn-experiment" in sections:
        face = resources.files("bookkit.experiments")
        parts["experiment_style"] = face.joinpath("experiment.css").read_text("utf-8")
        parts["experiment_script"] = face.joinpath("experiment.js").read_text("utf-8")
    return re.sub(r"\{\{ (\w+) \}\}", lambda match: parts[match.group(1)], template)
