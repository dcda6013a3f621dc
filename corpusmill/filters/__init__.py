"""One rule set per file; `Filter` is the catalogue."""
