"""Block and allow lists of domains, URLs and words in URLs."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np

from corpusmill.signals import Measured
from corpusmill.spec import Bounds, spec

if TYPE_CHECKING:
    from corpusmill.view import View


@spec
class UrlFilter:
    """Drop documents whose address is on a list or has listed words (RefinedWeb, Penedo et al. 2023, G.1; DCLM).

    Every list is a file, a URL with its sha256, or the name of a packaged list (`resources`), one entry a line, plain
    or compressed. URLs are compared in canonical form (`urls.canonical`) and without regard to case. A listed domain
    stands for itself and its subdomains, a listed URL for itself and what lies below it, as in the UT1 lists; in
    `allow_urls` for itself only. Words are what lies between characters that are no letters or digits; substrings are
    sought in the URL without such characters, so that `free-po.rn` has `porn`.

    A document without URL is on no list: it passes, except where there are allow lists.
    """

    use: Literal["url_filter"] = "url_filter"
    domains: tuple[str, ...] = ()  # lists of domains to drop, e.g. of UT1 (https://dsi.ut-capitole.fr/blacklists)
    urls: tuple[str, ...] = ()  # lists of URLs to drop
    words: tuple[str, ...] = ("url_words.txt",)  # lists of words of which one is enough
    soft_words: tuple[str, ...] = ("url_soft_words.txt",)  # lists of words that may be innocent alone
    substrings: tuple[str, ...] = ("url_substrings.txt",)  # lists of substrings of which one is enough
    allow_domains: tuple[str, ...] = ()  # if there are allow lists, only what they name passes
    allow_urls: tuple[str, ...] = ()  # e.g. the outlinks of a forum (WebText)
    exempt_domains: tuple[str, ...] = ()  # domains that the lists to drop do not apply to
    allowed: Bounds = Bounds(1, None)  # 1 if on an allow list or there is none, else 0
    domain_listed: Bounds = Bounds(None, 0)  # 1 if the host or a parent domain is listed, else 0
    url_listed: Bounds = Bounds(None, 0)  # 1 if the URL or one above it is listed, else 0
    words_found: Bounds = Bounds(None, 0)  # number of distinct words
    soft_words_found: Bounds = Bounds(None, 1)  # number of distinct words
    substrings_found: Bounds = Bounds(None, 0)  # number of places

    def references(self) -> tuple[str, ...]:
        """The files that the signals depend on."""
        block = *self.domains, *self.urls, *self.words, *self.soft_words, *self.substrings
        return *block, *self.allow_domains, *self.allow_urls, *self.exempt_domains

    def build(self) -> "Callable[[View], Measured]":
        """Read the lists."""
        from corpusmill.filters import url_lists
        from corpusmill.kernels import buffers, byte_sets
        from corpusmill.urls import canonical

        domains, urls = url_lists.domains(self.domains), url_lists.addresses(self.urls)
        words, soft_words = url_lists.words(self.words), url_lists.words(self.soft_words)
        automaton = url_lists.substrings(self.substrings)
        allow_domains, allow_urls = url_lists.domains(self.allow_domains), url_lists.addresses(self.allow_urls)
        allow_all = not (self.allow_domains or self.allow_urls)
        exempt = url_lists.domains(self.exempt_domains)

        def measure(view: "View") -> Measured:
            address = buffers.text(canonical(view.column("url")).fill_null(""))
            counted = 1 - byte_sets.domain_listed(*address, exempt)
            allowed = byte_sets.domain_listed(*address, allow_domains) + byte_sets.url_listed(
                *address, allow_urls, below=False
            )
            return Measured(
                {
                    "allowed": np.minimum(allowed + allow_all, 1),
                    "domain_listed": counted * byte_sets.domain_listed(*address, domains),
                    "url_listed": counted * byte_sets.url_listed(*address, urls, below=True),
                    "words_found": counted * byte_sets.words_found(*address, words),
                    "soft_words_found": counted * byte_sets.words_found(*address, soft_words),
                    "substrings_found": counted * byte_sets.substrings_found(*address, *automaton),
                }
            )

        return measure
