"""Pages for the tests of extractors."""

from corpusmill import documents
from corpusmill.view import View


def pages(*html: bytes | str, charset: str | None = None) -> View:
    """A view of pages, all with the same HTTP charset."""
    encoded = [page.encode() if isinstance(page, str) else page for page in html]
    return View(documents.conform({"html": encoded, "charset": [charset] * len(encoded)}))


PROSE = (
    "The harbour was built in 1821 by the fishermen of three villages, who paid for every stone with a part of "
    "their catch, and it has been kept by their families ever since. "
)

ARTICLE = f"""<!doctype html><html><head><title> The
 harbour </title><style>p {{}}</style></head><body>
<header class="site-header"><a href="/">Home</a> <a href="/news">News</a></header>
<nav><ul><li><a href="/a">Boats</a></li><li><a href="/b">Nets</a></li></ul></nav>
<main><div class="columns"><div class="text"><article><h1>The harbour</h1><p>{PROSE * 3}</p>
<ul><li>one stone, laid at low water, for every family that gave a boat;</li><li>two stones for a net</li></ul>
<p>{PROSE * 2}</p><pre>tide  = 3
  ebb = 4</pre><p>{PROSE}</p></article></div></div></main>
<div class="share"><a href="/s">Share this</a></div>
<footer>Imprint &amp; contact</footer><script>var hidden = "<p>no</p>";</script></body></html>"""
