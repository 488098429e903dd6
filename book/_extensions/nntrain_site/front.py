"""What every page says about the book: a description, its licence, how to cite it, whom to tell of an error.

Where the book's repository is known, each page's footer opens a report with the page and the
version filled in; where its address is known, the site has a map of its pages.
"""

import html
from pathlib import Path
from urllib.parse import urlencode

import yaml
from sphinx.application import Sphinx

from .assets import repository_url, site_url

LICENCE = "https://creativecommons.org/licenses/by/4.0/"
FOOTER = (
    '<p class="about-the-book">{title}, version {version}. Text and figures: '
    '<a href="{licence}">CC BY 4.0</a>; code: MIT. Cite as: {author}, <cite>{title}</cite>, '
    "version {version}, {year}.{report}</p>"
)


def _about(root: Path) -> dict[str, str]:
    """What CITATION.cff says of the book; empty in a folder without one."""
    path = root / "CITATION.cff"
    if not path.is_file():
        return {}
    facts = yaml.safe_load(path.read_text("utf-8"))
    return {
        "version": str(facts["version"]),
        "abstract": " ".join(facts["abstract"].split()),
        "year": str(facts["date-released"])[:4],
    }


def describe(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree
) -> None:
    """Give a page its description and its footer."""
    root = Path(app.srcdir)
    about = _about(root)
    if not about:
        return
    text = html.escape(about["abstract"])
    title = html.escape(context.get("title") or app.config.html_title)
    context["metatags"] = context.get("metatags", "") + (
        f'<meta name="description" content="{text}">\n'
        f'<meta property="og:title" content="{title}">\n'
        f'<meta property="og:description" content="{text}">\n'
        '<meta property="og:type" content="book">\n'
    )
    book, repository = app.config.html_title, repository_url(root)
    report = ""
    if repository and doctree is not None:
        told = {
            "title": f"{context['title']}: ",
            "body": f"Page: {pagename}\nVersion: {about['version']}\n\nWhat is wrong:\n",
        }
        address = html.escape(f"{repository}/issues/new?{urlencode(told)}")
        report = f' <a href="{address}">Report an error on this page</a>.'
    context["theme_extra_footer"] = FOOTER.format(
        title=html.escape(book),
        author=html.escape(app.config.author),
        licence=LICENCE,
        version=about["version"],
        year=about["year"],
        report=report,
    )


def write_map(app: Sphinx) -> None:
    """Write the site's map, for search engines; it needs whole addresses."""
    base = site_url(Path(app.srcdir))
    target = Path(app.outdir) / "sitemap.xml"
    if not base:
        target.unlink(missing_ok=True)
        return
    pages = "".join(
        f"<url><loc>{html.escape(f'{base}/{name}.html')}</loc></url>\n"
        for name in sorted(app.env.found_docs)
    )
    target.write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{pages}</urlset>\n',
        encoding="utf-8",
    )
