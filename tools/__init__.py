"""Scripts for who works on corpusmill; no part of the package."""
