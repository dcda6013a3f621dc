"""One rule set per file; `Filter` is the catalogue."""

from corpusmill.filters.bad_words import BadWords as BadWords
from corpusmill.filters.c4 import C4 as C4
from corpusmill.filters.fasttext_classifier import FastText as FastText
from corpusmill.filters.fineweb_quality import FineWebQuality as FineWebQuality
from corpusmill.filters.gopher_quality import GopherQuality as GopherQuality
from corpusmill.filters.gopher_repetition import GopherRepetition as GopherRepetition
from corpusmill.filters.language import Language as Language
from corpusmill.filters.url_filter import UrlFilter as UrlFilter

Filter = BadWords | C4 | FastText | FineWebQuality | GopherQuality | GopherRepetition | Language | UrlFilter
