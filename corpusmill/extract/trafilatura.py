"""HTML to text with trafilatura (Barbaresi 2021): slower than resiliparse, what RefinedWeb and FineWeb used."""

import logging
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from corpusmill.errors import ResourceError
from corpusmill.extract.pages import Page, measure_pages
from corpusmill.signals import Measured
from corpusmill.spec import Bounds, spec

if TYPE_CHECKING:
    from corpusmill.view import View

# What the library's own code was seen to raise, or is written to raise, on pages it cannot take; each of these comes
# from a page, since nothing else enters `parse`.
FAILURES = (ValueError, TypeError, AttributeError, LookupError, RecursionError)


@spec
class Trafilatura:
    """Give a page its text and title, and drop pages that are empty, too large, or have no text (FineWeb, Penedo 2024).

    The library is an extra: `pip install 'corpusmill[trafilatura]'`.
    """

    use: Literal["trafilatura"] = "trafilatura"
    html_bytes: Bounds = Bounds(1, 8_000_000)  # bytes; pages outside are not parsed
    tags: Bounds = Bounds(None, 50_000)  # count; pages above are not parsed (time grows with the square, up to 20 s)
    nesting: Bounds = Bounds(None, 50_000_000)  # open elements, summed over tags; pages above are not parsed
    characters: Bounds = Bounds(1, None)  # code points of the extracted text
    focus: Literal["balanced", "precision", "recall"] = "balanced"  # less text but right, or more text
    fast: bool = False  # without the second opinions of readability and justext
    tables: bool = True  # texts of tables
    comments: bool = False  # readers' comments below an article
    links: bool = False  # link targets in Markdown
    images: bool = False  # image addresses in Markdown
    formatting: bool = False  # headings and emphasis in Markdown
    deduplicate: bool = False  # segments that repeat within the page
    measures_dropped: ClassVar[bool] = False

    def build(self) -> "Extract":
        """Load the library.

        Raises:
            ResourceError: if it is not installed.
        """
        return Extract(self)


class Extract:
    """Pages in, text and title out."""

    def __init__(self, step: Trafilatura) -> None:
        """Import the library and keep the options in the form that it takes them."""
        self.library = _library()
        self.step = step
        self.options: dict[str, Any] = {
            "fast": step.fast,
            "favor_precision": step.focus == "precision",
            "favor_recall": step.focus == "recall",
            "include_tables": step.tables,
            "include_comments": step.comments,
            "include_links": step.links,
            "include_images": step.images,
            "include_formatting": step.formatting,
        }

    def __call__(self, view: "View") -> Measured:
        """Extract every page that lies within the guards."""
        return measure_pages(view, self.step, self.parse, FAILURES)

    def parse(self, html: str) -> Page:
        """Text and title of one page, not cleaned."""
        from trafilatura.deduplication import LRUCache

        tree = self.library.load_html(html)
        if tree is None:
            return Page("", "")
        title = tree.findtext(".//title") or ""
        # A memory of its own for every page: the library's default remembers segments of the pages before.
        memory = LRUCache(maxsize=1000) if self.step.deduplicate else False
        return Page(self.library.extract(tree, deduplicate=memory, **self.options) or "", title)


def _library() -> Any:
    try:
        import trafilatura
    except ImportError as error:
        raise ResourceError(
            "step 'trafilatura' needs a library that is not installed: pip install 'corpusmill[trafilatura]'"
        ) from error
    # It logs each page that it cannot use; here such pages are dropped by `characters`, with that reason.
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    return trafilatura
