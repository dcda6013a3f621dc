"""corpusmill: from web crawls to packed training shards, with a reason for every dropped document.

In Python, every step works on a batch, without Beam and without files:

>>> from corpusmill import Chain, GopherQuality, from_texts
>>> outcome = Chain([GopherQuality()])(from_texts(["too short to keep"]))
>>> outcome.ledger["reason"].to_pylist()
['gopher_quality.words<50']
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from corpusmill.dedup import Decontaminate as Decontaminate
    from corpusmill.dedup import ExactDedup as ExactDedup
    from corpusmill.dedup import LineDedup as LineDedup
    from corpusmill.dedup import NearDedup as NearDedup
    from corpusmill.dedup import ParagraphDedup as ParagraphDedup
    from corpusmill.documents import SCHEMA as SCHEMA
    from corpusmill.documents import conform as conform
    from corpusmill.documents import from_texts as from_texts
    from corpusmill.errors import CorpusmillError as CorpusmillError
    from corpusmill.extract import Resiliparse as Resiliparse
    from corpusmill.extract import Trafilatura as Trafilatura
    from corpusmill.filters import C4 as C4
    from corpusmill.filters import BadWords as BadWords
    from corpusmill.filters import FastText as FastText
    from corpusmill.filters import FineWebQuality as FineWebQuality
    from corpusmill.filters import GopherQuality as GopherQuality
    from corpusmill.filters import GopherRepetition as GopherRepetition
    from corpusmill.filters import Language as Language
    from corpusmill.filters import UrlFilter as UrlFilter
    from corpusmill.redact import Redact as Redact
    from corpusmill.signals import Measured as Measured
    from corpusmill.spec import Bounds as Bounds
    from corpusmill.steps import Chain as Chain
    from corpusmill.steps import Outcome as Outcome
    from corpusmill.tokenize import Tokenize as Tokenize
    from corpusmill.view import View as View

__version__ = "0.1.0"

# Names are loaded when first asked for, so that `corpusmill --help` need not load them all.
_HOMES = {
    "dedup": ("Decontaminate", "ExactDedup", "LineDedup", "NearDedup", "ParagraphDedup"),
    "documents": ("SCHEMA", "conform", "from_texts"),
    "errors": ("CorpusmillError",),
    "extract": ("Resiliparse", "Trafilatura"),
    "filters": (
        "BadWords", "C4", "FastText", "FineWebQuality", "GopherQuality", "GopherRepetition", "Language", "UrlFilter",
    ),
    "redact": ("Redact",),
    "signals": ("Measured",),
    "spec": ("Bounds",),
    "steps": ("Chain", "Outcome"),
    "tokenize": ("Tokenize",),
    "view": ("View",),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [*sorted(_HOME_OF), "__version__"]  # noqa: PLE0604 - all of them are strings


def __getattr__(name: str) -> Any:
    """Load a public name from its home."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'corpusmill' has no attribute {name!r}")
    return getattr(importlib.import_module(f"corpusmill.{_HOME_OF[name]}"), name)
