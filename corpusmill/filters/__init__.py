"""One rule set per file; `Filter` is the catalogue."""

from corpusmill.filters.fineweb_quality import FineWebQuality
from corpusmill.filters.language import Language
from corpusmill.filters.url_filter import UrlFilter

Filter = FineWebQuality | Language | UrlFilter
