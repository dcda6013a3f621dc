"""HTML to text; `Extractor` is the catalogue."""
