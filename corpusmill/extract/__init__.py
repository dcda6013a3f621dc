"""HTML to text: one engine per file."""

from corpusmill.extract.resiliparse import Resiliparse as Resiliparse
from corpusmill.extract.trafilatura import Trafilatura as Trafilatura

Extractor = Resiliparse | Trafilatura
