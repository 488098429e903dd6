"""MyST's own constructs turned into plain Markdown, which every notebook program reads.

What a role refers to is asked of `References` (see `numbers`); a construct that is not known here
is an error, so that none is ever shown raw.
"""

import html
import re
from collections.abc import Callable, Container
from typing import Protocol

from sphinx.errors import ExtensionError


class References(Protocol):
    """What the text refers to, as links: each method returns Markdown."""

    def glue(self, name: str) -> str: ...
    def numref(self, label: str) -> str: ...
    def eq(self, label: str) -> str: ...
    def cite(self, keys: str, in_text: bool) -> str: ...
    def term(self, shown: str, key: str) -> str: ...
    def term_place(self, name: str) -> str: ...
    def label(self, shown: str, label: str) -> str: ...
    def target(self, address: str) -> str | None: ...
    def equation_number(self, label: str) -> str: ...
    def bibliography(self) -> str: ...
    def image(self, path: str, alt: str) -> str: ...


FENCE = re.compile(r"^(?P<indent>[ ]*)(?P<mark>`{3,}|:{3,}|~{3,})(?P<rest>.*)$")
DIRECTIVE = re.compile(r"^\{(?P<kind>[\w:-]+)\}[ ]*(?P<title>.*)$")
INLINE = re.compile(
    r"(?P<fence>^[ ]*(?P<bar>`{3,}|~{3,})[^\n]*\n.*?^[ ]*(?P=bar)[ ]*$)"
    r"|\{(?P<role>[\w:+-]+)\}`(?P<said>[^`]+)`"
    r"|(?P<block>(?P<lead>^[ >]*)?\$\$(?P<formula>.+?)\$\$(?:[ ]*\((?P<label>[\w:-]+)\))?)"
    r"|(?P<code>(?P<tick>`+)(?!`).+?(?<!`)(?P=tick)(?!`))"
    r"|(?P<math>(?<![\\$])\$[^$\n]+?(?:\n[^$\n]+?)*(?<!\\)\$(?!\d))"
    r"|\]\((?P<address>[^)\s]+)\)",
    re.MULTILINE | re.DOTALL,
)
EXPLICIT = re.compile(r"^(?P<shown>.+?)\s*<(?P<key>[^<>]+)>$", re.DOTALL)
SLUG = re.compile(r"[^\w\u4e00-\u9fff\- ]")
# Boxes whose title is their kind, in words.
BOXES = {"note", "tip", "important", "warning", "hint", "seealso", "caution", "danger"}
DROPPED = {"contents", "tableofcontents", "toctree", "index", "margin-toc"}


def plain(text: str, refer: References, wanted: Container[str] = frozenset()) -> str:
    """The text without any construct of MyST's own; `wanted` names headings that links lead to."""
    blocks = _blocks(text.split("\n"), refer, wanted)
    return _inline("\n".join(blocks), refer).strip("\n")


def linked_headings(text: str) -> set[str]:
    """The headings of its own page that a text has links to."""
    return set(re.findall(r"\]\(#([^)\s]+)\)", text))


def anchor(name: str) -> str:
    return f'<a id="{html.escape(name)}"></a>'


def slug(heading: str) -> str:
    """The name MyST gives to a heading."""
    words = re.sub(r"[*_`$]", "", heading).strip().lower()
    return SLUG.sub("", words).replace(" ", "-")


def _blocks(
    lines: list[str], refer: References, wanted: Container[str] = frozenset()
) -> list[str]:
    """Labels, comments, attributes and directives; code blocks pass untouched."""
    made: list[str] = []
    number = 0
    while number < len(lines):
        line = lines[number]
        fence = FENCE.match(line)
        if fence and (fence["mark"][0] != ":" or fence["rest"].strip()):
            end = _end_of(lines, number, fence["mark"])
            body = lines[number + 1 : end]
            directive = DIRECTIVE.match(fence["rest"].strip())
            if directive:
                made += _directive(directive, body, fence["indent"], refer)
            else:
                made += lines[number : end + 1]
            number = end + 1
            continue
        label = re.fullmatch(r"\((?P<name>[\w:-]+)\)=\s*", line)
        heading = re.match(r"#{1,6} +(?P<words>.+)$", line)
        if label:
            made += [anchor(label["name"]), ""]
        elif heading:
            name = slug(heading["words"])  # found without the word `deeper`, too
            places = dict.fromkeys((name, name.removeprefix("deeper-")))
            marks = [anchor(place) for place in places if place in wanted]
            made += [*marks, "", line] if marks else [line]
        elif (meaning := re.match(r":[ ]+(?P<words>\S.*)$", line)) and made:
            term = made[-1].strip()
            if term:
                made[-1] = f"{term if term.startswith('**') else f'**{term}**'}  "
            made.append(meaning["words"])
        elif not re.match(r"%|\+\+\+|\{[.#][\w .#=\"-]+\}\s*$", line):
            made.append(line)
        number += 1
    return made


def _end_of(lines: list[str], start: int, mark: str) -> int:
    for number in range(start + 1, len(lines)):
        if re.fullmatch(
            rf"[ ]*{re.escape(mark[0])}{{{len(mark)},}}[ ]*", lines[number]
        ):
            return number
    return len(lines)


def _directive(
    found: re.Match[str], body: list[str], indent: str, refer: References
) -> list[str]:
    kind, title = found["kind"], found["title"].strip()
    options: dict[str, str] = {}
    while body and (option := re.match(r"\s*:([\w-]+):\s*(.*)$", body[0])):
        options[option[1]] = option[2]
        body = body[1:]
    if kind in DROPPED:
        return []
    if kind == "math":
        label = f" ({options['label']})" if "label" in options else ""
        return [f"{indent}$$", *body, f"{indent}$${label}"]
    if kind in ("code-block", "code", "code-cell", "sourcecode"):
        return [f"{indent}```{title}", *body, f"{indent}```"]
    if kind == "glossary":
        return _glossary(body, refer)
    if kind == "bibliography":
        return refer.bibliography().split("\n")
    if kind in ("figure", "image"):
        picture = refer.image(title, options.get("alt", ""))
        return [picture, "", *_blocks(body, refer)]
    inner = _blocks(body, refer)
    if kind in ("dropdown", "deeper"):
        summary = title or "More"
        return [
            f"<details><summary>▸ {summary}</summary>",
            "",
            *inner,
            "",
            "</details>",
        ]
    if kind == "admonition" or kind in BOXES:
        heading = title or kind.capitalize()
        return [f"{indent}> {line}".rstrip() for line in [f"**{heading}**", "", *inner]]
    raise ExtensionError(f"The Jupyter edition cannot show the directive {{{kind}}}.")


def _glossary(body: list[str], refer: References) -> list[str]:
    made: list[str] = []
    for line in body:
        if line.strip() and not line.startswith(" "):
            name = line.strip()
            made += [anchor(refer.term_place(name)), "", f"**{name}**  "]
        else:
            made.append(line.strip())
    return made


def _inline(text: str, refer: References) -> str:
    """Roles, numbered formulas and links, wherever they are not code."""
    roles: dict[str, Callable[[str], str]] = {
        "glue:text": lambda said: (
            refer.glue(said.split(":")[0].strip())
            if said.count("::") == 0
            else refer.glue(said.strip())
        ),
        "numref": refer.numref,
        "eq": refer.eq,
        "cite": lambda said: refer.cite(said, in_text=False),
        "cite:p": lambda said: refer.cite(said, in_text=False),
        "cite:t": lambda said: refer.cite(said, in_text=True),
        "term": lambda said: refer.term(*_shown(said)),
        "ref": lambda said: refer.label(*_shown(said)),
        "doc": lambda said: refer.label(*_shown(said)),
        "math": lambda said: f"${said}$",
        "abbr": lambda said: _shown(said)[0],
    }

    def convert(match: re.Match[str]) -> str:
        role, said = match["role"], match["said"]
        if role:
            said = re.sub(r"\s+", " ", said)
            if role.startswith("py:"):
                return f"`{_shown(said)[0].lstrip('~.').split('.')[-1]}`"
            if role not in roles:
                raise ExtensionError(
                    f"The Jupyter edition cannot show the role {{{role}}}."
                )
            return roles[role](said)
        if match["label"]:
            return _numbered(match, refer)
        if match["address"]:
            found = refer.target(match["address"])
            return match[0] if found is None else f"]({found})"
        return match[0]

    return INLINE.sub(convert, text)


def _shown(said: str) -> tuple[str, str]:
    match = EXPLICIT.match(said)
    return (match["shown"], match["key"]) if match else (said, said)


def _numbered(match: re.Match[str], refer: References) -> str:
    lead, before = match["lead"] or "", match.string[: match.start()]
    number = refer.equation_number(match["label"])
    formula = match["formula"].rstrip()
    place = anchor(match["label"])
    alone = not before.rstrip(" >") or re.search(r"\n[ >]*\n$", before)
    gap = f"\n{lead.rstrip()}\n" if alone else "\n"
    return f"{lead}{place}{gap}{lead}$${formula} \\tag{{{number}}}\n{lead}$$"
