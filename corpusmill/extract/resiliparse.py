"""HTML to text with resiliparse (Bevendorff et al. 2018, Elastic ChatNoir): a C++ parser and rules for main content."""

from typing import TYPE_CHECKING, ClassVar, Literal

from corpusmill.extract.pages import Page, measure_pages
from corpusmill.signals import Measured
from corpusmill.spec import Bounds, spec

if TYPE_CHECKING:
    from corpusmill.view import View


@spec
class Resiliparse:
    """Give a page its text and title, and drop pages that are empty, too large, or have no text (DCLM, Li et al. 2024).

    The defaults are those with the best F1 on pages with known content (benchmarks/extraction.md).
    """

    use: Literal["resiliparse"] = "resiliparse"
    html_bytes: Bounds = Bounds(1, 8_000_000)  # bytes; pages outside are not parsed
    tags: Bounds = Bounds(None, 500_000)  # count; pages above are not parsed (300 MB of memory)
    nesting: Bounds = Bounds(None, 50_000_000)  # open elements, summed over tags; pages above are not parsed (2 s)
    characters: Bounds = Bounds(1, None)  # code points of the extracted text
    main_content: bool = True  # leave out navigation, headers, footers, side bars, dialogs
    preserve_formatting: bool = True  # paragraphs and list items on lines of their own; else one line
    list_bullets: bool = True  # "•" or the number before list items
    alt_texts: bool = False  # alternative texts of images
    links: bool = False  # link targets in brackets
    form_fields: bool = False  # values of form fields
    noscript: bool = False  # contents of <noscript>
    comments: bool = False  # readers' comments below an article
    measures_dropped: ClassVar[bool] = False

    def build(self) -> "Extract":
        """Load the parser."""
        return Extract(self)


class Extract:
    """Pages in, text and title out."""

    def __init__(self, step: Resiliparse) -> None:
        """Keep the options in the form that the library takes them."""
        self.step = step
        self.options = {
            "main_content": step.main_content,
            "preserve_formatting": step.preserve_formatting,
            "list_bullets": step.list_bullets,
            "alt_texts": step.alt_texts,
            "links": step.links,
            "form_fields": step.form_fields,
            "noscript": step.noscript,
            "comments": step.comments,
        }

    def __call__(self, view: "View") -> Measured:
        """Extract every page that lies within the guards."""
        from resiliparse.parse.html import HTMLParserException

        return measure_pages(view, self.step, self.parse, (HTMLParserException,))

    def parse(self, html: str) -> Page:
        """Text and title of one page, not cleaned."""
        from resiliparse.extract.html2text import extract_plain_text
        from resiliparse.parse.html import HTMLTree

        tree = HTMLTree.parse(html)
        return Page(extract_plain_text(tree, **self.options), tree.title or "")
