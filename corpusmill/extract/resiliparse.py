"""HTML to text with resiliparse (Bevendorff et al. 2018): a C++ parser and rules for main content, then our own."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from corpusmill.extract import lines
from corpusmill.extract.pages import Page, measure_pages
from corpusmill.signals import Measured
from corpusmill.spec import Bounds, spec

if TYPE_CHECKING:
    from corpusmill.view import View

CHROME = ("nav", "footer", "aside")  # left out also where the whole page is taken
SHORT = 1000  # code points of main content below which it may have been missed
MISSED = 0.1  # share of the whole page's text below which it was missed


@spec
class Resiliparse:
    """Give a page its text and title, and drop pages that are empty, too large, or have no text.

    `content: main` is what resiliparse itself takes for main content (as in DCLM, Li et al. 2024, 4.1). `content:
    best` goes on from there: it takes the whole page without navigation where main content is under 1,000 characters
    and a tenth of the page, and cuts lines before the first and after the last line of prose. The defaults are those
    with the best F1 on pages with known content (benchmarks/extraction.md, docs/decisions/extraction.md).
    """

    use: Literal["resiliparse"] = "resiliparse"
    html_bytes: Bounds = Bounds(1, 8_000_000)  # bytes; pages outside are not parsed
    tags: Bounds = Bounds(None, 500_000)  # count; pages above are not parsed (300 MB of memory)
    nesting: Bounds = Bounds(None, 50_000_000)  # open elements, summed over tags; pages above are not parsed (2 s)
    characters: Bounds = Bounds(1, None)  # code points of the extracted text
    content: Literal["best", "main", "whole"] = "best"
    formatting: bool = True  # paragraphs and list items on lines of their own; else everything on one line
    list_bullets: bool = True  # "•" or the number before list items
    alt_texts: bool = False  # alternative texts of images
    links: bool = False  # link targets in brackets
    form_fields: bool = False  # values of form fields
    noscript: bool = False  # contents of <noscript>
    comments: bool = False  # readers' comments below an article
    measures_dropped: ClassVar[bool] = False

    def build(self) -> "Extract":
        """Get ready; there is no model to load."""
        return Extract(self)


class Extract:
    """Pages in, text and title out."""

    def __init__(self, step: Resiliparse) -> None:
        """Keep the options in the form that the library takes them."""
        self.step = step
        self.options: dict[str, Any] = {
            "preserve_formatting": "minimal_html",
            "links": True,
            "alt_texts": step.alt_texts,
            "form_fields": step.form_fields,
            "noscript": step.noscript,
            "comments": step.comments,
        }

    def __call__(self, view: "View") -> Measured:
        """Extract every page that lies within the guards."""
        from resiliparse.parse.html import HTMLParserException

        return measure_pages(view, self.step, self.parse, (HTMLParserException, UnicodeError))

    def parse(self, html: str) -> Page:
        """Text and title of one page, not cleaned."""
        from resiliparse.parse.html import HTMLTree

        tree = HTMLTree.parse(html)
        found = self._read(tree, main_content=self.step.content != "whole")
        if self.step.content == "best":
            found = lines.trim(self._or_whole(tree, found))
        text = lines.write(found)
        return Page(text if self.step.formatting else " ".join(text.split()), tree.title or "")

    def _or_whole(self, tree: Any, main: Sequence[lines.Line]) -> Sequence[lines.Line]:
        """The whole page's lines where its main content was missed."""
        length = lines.size(main)
        if length >= SHORT:
            return main
        whole = self._read(tree, main_content=False, skip_elements=CHROME)
        return whole if length < MISSED * lines.size(whole) else main

    def _read(self, tree: Any, **how: Any) -> Sequence[lines.Line]:
        from resiliparse.extract.html2text import extract_plain_text

        markup = extract_plain_text(tree, **self.options, **how)
        return lines.read(markup, bullets=self.step.list_bullets, links=self.step.links)
