"""The theme's icons, cut down to those in use and written into one small style sheet.

The theme loads Font Awesome three times over (a 1.5 MB script, a style sheet, three fonts). Browsers also
refuse fonts from files, as on a memory stick, unless they stand in the style sheet itself.
"""

import base64
import io
import logging
import re
import shutil
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

logging.getLogger("fontTools.subset").setLevel(
    logging.WARNING
)  # or it reports every table it prunes

SHEET = "icons.css"
BASE = """\
:root {
  --fa-font-solid: normal 900 1em/1 "Font Awesome 6 Free";
  --fa-font-regular: normal 400 1em/1 "Font Awesome 6 Free";
  --fa-font-brands: normal 400 1em/1 "Font Awesome 6 Brands";
}
.fa, .fas, .far, .fab, .fa-solid, .fa-regular, .fa-brands {
  display: inline-block; font-style: normal; font-variant: normal; line-height: 1; text-rendering: auto;
  -webkit-font-smoothing: antialiased;
}
.fa, .fas, .fa-solid { font-family: "Font Awesome 6 Free"; font-weight: 900; }
.far, .fa-regular { font-family: "Font Awesome 6 Free"; font-weight: 400; }
.fab, .fa-brands { font-family: "Font Awesome 6 Brands"; font-weight: 400; }
.fa-lg { font-size: 1.25em; line-height: .05em; vertical-align: -.075em; }
.fa-fw { text-align: center; width: 1.25em; }
"""
FACES = (
    ("fa-solid-900.ttf", "Font Awesome 6 Free", 900),
    ("fa-regular-400.ttf", "Font Awesome 6 Free", 400),
    ("fa-brands-400.ttf", "Font Awesome 6 Brands", 400),
)
# What the theme's templates say, in a page's head, to load all of it.
TAGS = re.compile(
    r"\s*<(?:link|script)\b[^>]*vendor/fontawesome/[^>]*>(?:\s*</script>)?"
)


def shrink(site: Path) -> None:
    """Write icons.css for the built site, take the theme's own copies out, and let the pages know."""
    vendor = site / "_static" / "vendor" / "fontawesome"
    if not vendor.is_dir():
        return
    (release,) = vendor.iterdir()
    names = dict(
        _code_points((release / "css" / "all.min.css").read_text(encoding="utf-8"))
    )
    pages = list(site.rglob("*.html"))
    used = _used([*pages, *(site / "_static").glob("scripts/*.js")], names)
    codes = set(used.values()) | _in_style_sheets(site / "_static")
    rules = [BASE]
    rules += [
        f'.{name}::before {{ content: "\\{code:x}"; }}'
        for name, code in sorted(used.items())
    ]
    rules += [
        _face(release / "webfonts" / file, family, weight, codes)
        for file, family, weight in FACES
    ]
    (site / "_static" / SHEET).write_text("\n".join(rules) + "\n", encoding="utf-8")
    for page in pages:
        text = page.read_text(encoding="utf-8")
        shorter = TAGS.sub("", text)
        if shorter != text:
            page.write_text(shorter, encoding="utf-8")
    shutil.rmtree(vendor.parent)


def _code_points(css: str):
    """Each icon's class and code point: `.fa-bars:before, .fa-navicon:before {content: "\\f0c9"}`."""
    for selectors, code in re.findall(
        r'((?:\.fa-[\w-]+:before,?)+)\{content:"\\([0-9a-f]+)"\}', css
    ):
        for name in re.findall(r"\.(fa-[\w-]+):before", selectors):
            yield name, int(code, 16)


def _used(files: list[Path], names: dict[str, int]) -> dict[str, int]:
    found = set()
    for file in files:
        found.update(
            re.findall(
                r"\bfa-[a-z0-9-]+", file.read_text(encoding="utf-8", errors="replace")
            )
        )
    return {name: names[name] for name in found if name in names}


def _in_style_sheets(static: Path) -> set[int]:
    """Icons that style sheets draw themselves, before admonitions for example."""
    sheets = [sheet for sheet in static.rglob("*.css") if "vendor" not in sheet.parts]
    text = "".join(sheet.read_text(encoding="utf-8") for sheet in sheets)
    escaped = {int(code, 16) for code in re.findall(r"\\(f[0-9a-f]{3})\b", text)}
    return escaped | {
        ord(character) for character in text if "\uf000" <= character <= "\uf8ff"
    }


def _face(path: Path, family: str, weight: int, codes: set[int]) -> str:
    font = TTFont(path, recalcTimestamp=False)
    subsetter = subset.Subsetter()
    subsetter.populate(unicodes=codes)
    subsetter.subset(font)
    font.flavor = "woff"
    buffer = io.BytesIO()
    font.save(buffer)
    data = base64.b64encode(buffer.getvalue()).decode()
    return (
        f'@font-face {{ font-family: "{family}"; font-style: normal; font-weight: {weight}; '
        f'src: url(data:font/woff;base64,{data}) format("woff"); }}'
    )
