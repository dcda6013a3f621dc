"""HTML to text: one engine per file."""

from corpusmill.extract.resiliparse import Resiliparse as Resiliparse

Extractor = Resiliparse
