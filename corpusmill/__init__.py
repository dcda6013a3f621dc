"""corpusmill: from web crawls to packed training shards, with a reason for every dropped document."""

__version__ = "0.1.0"
