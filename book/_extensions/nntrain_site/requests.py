"""Finds what a built page would load from another host, and files it would load that do not exist.

A hyperlink that the reader chooses to follow (`<a href>`) is not a request and may lead anywhere.
"""

import re
from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Attributes that make a browser load something as soon as it reads the page.
LOADING = {
    "script": ("src",), "img": ("src",), "iframe": ("src",), "embed": ("src",), "source": ("src",),
    "video": ("src", "poster"), "audio": ("src",), "track": ("src",), "input": ("src",), "object": ("data",),
    "link": ("href",), "use": ("href", "xlink:href"), "image": ("href", "xlink:href"), "base": ("href",),
    "body": ("background",),
}  # fmt: skip
LOADING_LINKS = {
    "stylesheet", "preload", "prefetch", "modulepreload", "preconnect", "dns-prefetch", "icon", "shortcut",
    "apple-touch-icon", "manifest", "mask-icon", "prerender",
}  # fmt: skip
CSS_ADDRESS = re.compile(
    r"""url\(\s*['"]?([^'")]+)['"]?\s*\)|@import\s+['"]([^'"]+)['"]""", re.IGNORECASE
)
# Inline scripts name no other host at all, but for the names of XML dialects.
SCRIPT_ADDRESS = re.compile(
    r"""["'`](?:https?:)?//(?!www\.w3\.org/)[\w.-]+\.\w+[^"'`\s]*"""
)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.addresses: list[str] = []
        self._inside = ""
        self._data_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self._inside = tag if tag in ("style", "script") else ""
        self._data_script = values.get("type", "").endswith("json")
        for name, value in values.items():
            if name == "style":
                self.addresses += css_addresses(value)
            elif name in ("srcset", "imagesrcset"):
                self.addresses += [
                    part.split()[0] for part in value.split(",") if part.strip()
                ]
            elif name in LOADING.get(tag, ()) and self._loads(tag, values):
                self.addresses.append(value)
        if tag == "meta" and values.get("http-equiv", "").lower() == "refresh":
            self.addresses.append(
                values.get("content", "").lower().partition("url=")[2]
            )

    handle_startendtag = handle_starttag

    @staticmethod
    def _loads(tag: str, values: dict[str, str]) -> bool:
        return tag != "link" or bool(
            LOADING_LINKS & set(values.get("rel", "").lower().split())
        )

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "style":
            self.addresses += css_addresses(data)
        elif self._inside == "script" and not self._data_script:
            self.addresses += [
                match.strip("\"'`") for match in SCRIPT_ADDRESS.findall(data)
            ]


def css_addresses(text: str) -> list[str]:
    return [
        a or b
        for a, b in CSS_ADDRESS.findall(re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL))
    ]


def html_addresses(text: str) -> list[str]:
    page = _Page()
    page.feed(text)
    page.close()
    return page.addresses


def problem(address: str, page: Path, site: Path) -> str | None:
    """What is wrong with loading `address` from `page`; None if it is a file of the site, or inline data."""
    parts = urlsplit(address.strip())
    if parts.scheme in ("data", "blob", "about") or not (parts.path or parts.netloc):
        return None
    if parts.netloc or parts.scheme:
        return f"loads {address.strip()[:120]} from another host"
    if parts.path.startswith("/"):
        return f"loads {parts.path}, which only a server at the root of a host has"
    target = (page.parent / unquote(parts.path)).resolve()
    return None if _exists(target) else f"loads {parts.path}, which is not in the site"


@lru_cache(maxsize=4096)
def _exists(path: Path) -> bool:
    return path.exists()


def problems(site: Path) -> list[str]:
    """One line for each thing that a page would load from elsewhere, or that does not exist."""
    _exists.cache_clear()
    found = []
    for path in sorted(
        [*site.rglob("*.html"), *site.rglob("*.css"), *site.rglob("*.svg")]
    ):
        text = path.read_text(encoding="utf-8", errors="replace")
        addresses = (
            css_addresses(text) if path.suffix == ".css" else html_addresses(text)
        )
        for address in dict.fromkeys(addresses):
            wrong = problem(address, path, site)
            if wrong:
                found.append(f"{path.relative_to(site).as_posix()} {wrong}")
    return found
