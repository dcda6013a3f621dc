"""One rule set per file; `Filter` is the catalogue."""

from corpusmill.filters.language import Language

Filter = Language
