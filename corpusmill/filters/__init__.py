"""One rule set per file; `Filter` is the catalogue."""

from corpusmill.filters.bad_words import BadWords
from corpusmill.filters.c4 import C4
from corpusmill.filters.fasttext_classifier import FastText
from corpusmill.filters.fineweb_quality import FineWebQuality
from corpusmill.filters.gopher_quality import GopherQuality
from corpusmill.filters.gopher_repetition import GopherRepetition
from corpusmill.filters.language import Language
from corpusmill.filters.url_filter import UrlFilter

Filter = BadWords | C4 | FastText | FineWebQuality | GopherQuality | GopherRepetition | Language | UrlFilter
