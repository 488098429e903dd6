"""What the last build knows: numbers of figures and formulas, citations, terms, labels, measured values.

One `Numbers` for the book; `Page` answers as one page of it sees it: what stands on the same page is
an anchor, what stands on another is an address there.
"""

import base64
import html
import mimetypes
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError


@dataclass
class Numbers:
    """Everything in the book that a text can refer to, each with the page that holds it."""

    figures: dict[str, tuple[str, str]] = field(default_factory=dict)  # words
    equations: dict[str, tuple[str, str]] = field(default_factory=dict)
    labels: dict[str, tuple[str, str, str]] = field(default_factory=dict)  # id, title
    terms: dict[str, tuple[str, str]] = field(default_factory=dict)
    works: dict[str, tuple[str, str, str, str]] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    glued: dict[str, dict[str, str]] = field(default_factory=dict)  # by page

    @classmethod
    def of(cls, app: Sphinx) -> "Numbers":
        """As Sphinx numbered them in this build."""
        env, found = app.env, cls()
        pattern = app.config.numfig_format["figure"]
        for page, kinds in env.toc_fignumbers.items():
            for name, number in kinds.get("figure", {}).items():
                found.figures[name] = (page, pattern % ".".join(map(str, number)))
        for label, (page, count) in env.domaindata["math"]["objects"].items():
            numbers = env.toc_fignumbers.get(page, {}).get("displaymath", {})
            number = numbers.get(f"equation-{label}", (count,))
            found.equations[label] = (page, ".".join(map(str, number)))
        standard = env.domaindata["std"]
        for label, (page, place) in standard["anonlabels"].items():
            title = standard["labels"].get(label, ("", "", label))[2]
            found.labels[label] = (page, place, title)
        for (kind, name), place in standard["objects"].items():
            if kind == "term":
                found.terms[name] = place
        for citation in env.domaindata["cite"]["citations"]:
            entry = citation.entry
            names = [
                " ".join([*person.prelast_names, *person.last_names])
                for person in entry.persons.get("author", [])
                or entry.persons.get("editor", [])
            ]
            who = " and ".join(names[:2]) if len(names) < 3 else f"{names[0]} *et al.*"
            text = citation.formatted_entry.text.render_as("markdown")
            work = (who, entry.fields.get("year", ""), citation.citation_id, text)
            found.works[citation.key] = work
        found.titles = {page: node.astext() for page, node in env.titles.items()}
        return found

    def page(self, name: str, base: str, root: Path) -> "Page":
        return Page(self, name, base, root)


@dataclass
class Page:
    """The book as one page refers to it. `base` is the site's address; without it links lead to notebooks."""

    book: Numbers
    name: str
    base: str
    root: Path
    wanted: set[str] = field(default_factory=set)  # headings that its links lead to

    def address(self, page: str, here: str, on_site: str | None = None) -> str:
        """Where `here`, an anchor of the edition, is found; `on_site` is its name on the site."""
        if page == self.name:
            return f"#{here}" if here else "#"
        if self.base:
            place = on_site or here
            return f"{self.base}/{page}.html" + (f"#{place}" if place else "")
        return f"{Path(page).name}.ipynb" + (f"#{here}" if here else "")

    def glue(self, name: str) -> str:
        page, _, value = name.rpartition("::")
        values = self.book.glued.get(page or self.name, {})
        if value not in values:
            raise ExtensionError(f"{self.name} shows {name!r}, which no cell measures.")
        return f"<ins>{html.escape(values[value], quote=False)}</ins>"

    def numref(self, label: str) -> str:
        page, words = self._find(self.book.figures, label, "figure")
        return f"[{words}]({self.address(page, label)})"

    def equation_number(self, label: str) -> str:
        return self._find(self.book.equations, label, "formula")[1]

    def eq(self, label: str) -> str:
        page, number = self._find(self.book.equations, label, "formula")
        return f"[({number})]({self.address(page, label, f'equation-{label}')})"

    def cite(self, keys: str, in_text: bool) -> str:
        parts = []
        for key in keys.split(","):
            who, year, place, _ = self._find(self.book.works, key.strip(), "work")
            address = self.address("book/bibliography", key.strip(), place)
            words = f"{who} ({year})" if in_text else f"{who}, {year}"
            parts.append(f"[{words}]({address})")
        return " and ".join(parts) if in_text else f"({'; '.join(parts)})"

    def term(self, shown: str, key: str) -> str:
        by_lower = {name.lower(): place for name, place in self.book.terms.items()}
        page, place = self._find(by_lower, key.lower(), "term")
        return f"[{shown}]({self.address(page, place)})"

    def term_place(self, name: str) -> str:
        return self._find(self.book.terms, name, "term")[1]

    def label(self, shown: str, label: str) -> str:
        page, place, title = self._find(self.book.labels, label, "label")
        words = title if shown == label else shown
        return f"[{words}]({self.address(page, label, place)})"

    def target(self, address: str) -> str | None:
        """Where a link leads; None if it may stay as it is."""
        if re.match(r"[a-z]+:|/", address):
            return None
        path, _, place = address.partition("#")
        if not path:
            return None
        if path in self.book.labels:
            page, on_site, _ = self.book.labels[path]
            return self.address(page, path, on_site)
        page = f"book/{Path(path).stem}"
        if Path(path).suffix in (".ipynb", ".md") and page in self.book.titles:
            return self.address(page, place)
        raise ExtensionError(f"{self.name} links to {address}, which is not there.")

    def bibliography(self) -> str:
        entries = sorted(
            (text, key) for key, (_, _, _, text) in self.book.works.items()
        )
        return "\n\n".join(f'- <a id="{key}"></a>{text}' for text, key in entries)

    def image(self, path: str, alt: str) -> str:
        file = self.root / "book" / path.lstrip("/")
        kind = mimetypes.guess_type(file.name)[0] or "image/png"
        return picture(file.read_bytes(), kind, alt)

    @staticmethod
    def _find(kind: dict[str, Any], name: str, word: str) -> Any:
        if name not in kind:
            raise ExtensionError(f"The Jupyter edition knows no {word} {name!r}.")
        return kind[name]


def picture(content: bytes, kind: str, alt: str) -> str:
    """An image inside the text: Jupyter shows it whether it trusts the notebook or not."""
    code = base64.b64encode(content).decode()
    return f'<img alt="{html.escape(alt)}" src="data:{kind};base64,{code}">'
