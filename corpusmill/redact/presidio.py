"""Presidio's recognizers, where something could match: on windows around the candidates of the kernel.

What needs no digit and no `@` (names, places, dates, URLs) is looked for in the whole text, by Presidio's rules and
by a spaCy model that the user has installed.
"""

import importlib.metadata
import importlib.util
import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from corpusmill.errors import ResourceError
from corpusmill.spec import spec

if TYPE_CHECKING:
    from corpusmill.kernels.buffers import Text
    from corpusmill.redact.hits import Hit

NAMED = frozenset({"PERSON", "LOCATION", "NRP", "ORGANIZATION"})  # by a model of the language
WHOLE = NAMED | {"URL", "DATE_TIME"}  # without digits too
REACH = 80  # bytes on each side of a candidate, for the words of context
_WORD = re.compile(r"\w+|[^\w\s]")


@spec
class Presidio:
    """What to ask of presidio-analyzer; its names for entities."""

    entities: tuple[str, ...]  # such as US_PASSPORT, US_DRIVER_LICENSE, DE_TAX_NUMBER, PERSON
    languages: tuple[str, ...] = ("en",)  # the languages whose recognizers and words of context are used
    score: float = 0.4  # at least; patterns without a check start low and are raised by words of context
    context: tuple[str, ...] = ()  # words that count as context wherever they stand
    model: str | None = None  # an installed spaCy model for PERSON, LOCATION, NRP, ORGANIZATION; the first language's

    def __post_init__(self) -> None:
        """Refuse entities that nothing could find.

        Raises:
            ValueError: naming the field.
        """
        if not self.entities or not self.languages:
            raise ValueError("presidio: give at least one entity and one language, or leave it out")
        named = sorted(NAMED & set(self.entities))
        if named and self.model is None:
            raise ValueError(
                f"presidio: {named} need a model of the language; install a spaCy model, for English "
                "`python -m spacy download en_core_web_sm`, and give its name: `model: en_core_web_sm`"
            )

    def build(self) -> "Engine":
        """Load the recognizers, and the model where one is named.

        Raises:
            ResourceError: Presidio or the model is not installed, or an entity is unknown to it.
        """
        return Engine(self)


class Engine:
    """Presidio at work for one spec."""

    def __init__(self, wanted: Presidio) -> None:
        """See `Presidio.build`."""
        if importlib.util.find_spec("presidio_analyzer") is None:
            raise ResourceError("presidio: not installed; install it with: pip install 'corpusmill[presidio]'")
        self.wanted = wanted
        self.analyzer = _analyzer(wanted)
        self.in_windows = sorted(set(wanted.entities) - WHOLE)
        self.in_whole = sorted(set(wanted.entities) & WHOLE)

    def find(self, text: "Text") -> "dict[int, list[Hit]]":
        """The hits by row; disjoint is what the caller makes them."""
        found: dict[int, list[Hit]] = {}
        if self.in_windows:
            for row, start, end in windows(text):
                self._look(text, row, start, end, self.in_windows, found)
        if self.in_whole:
            for row in range(len(text.offsets) - 1):
                size = int(text.offsets[row + 1] - text.offsets[row])
                self._look(text, row, 0, size, self.in_whole, found)
        return found

    def _look(
        self, text: "Text", row: int, start: int, end: int, entities: list[str], found: "dict[int, list[Hit]]"
    ) -> None:
        """Add what Presidio finds in bytes [start, end) of a document."""
        from corpusmill.redact.hits import Hit

        base = int(text.offsets[row])
        window = text.data[base + start : base + end].tobytes().decode()
        places: list[int] | None = None
        for language in self.wanted.languages:
            results = self.analyzer.analyze(
                window,
                language=language,
                entities=entities,
                score_threshold=self.wanted.score,
                context=list(self.wanted.context) or None,
            )
            for one in results:
                if places is None:
                    places = byte_places(window)
                first, last = start + places[one.start], start + places[one.end]
                value = window[one.start : one.end].casefold().encode()
                if last > first and b"<" not in value and b">" not in value:  # masks stay as they are
                    found.setdefault(row, []).append(Hit(first, last, "presidio", value, one.entity_type.lower()))


def byte_places(text: str) -> list[int]:
    """Where each code point of `text` begins in its UTF-8, and its size in bytes as the last item."""
    sizes = [0] + [1 if c < "\x80" else 2 if c < "\u0800" else 3 if c < "\U00010000" else 4 for c in text]
    return np.cumsum(sizes).tolist()  # type: ignore[no-any-return]


def windows(text: "Text") -> Iterator[tuple[int, int, int]]:
    """Row, start and end of the bytes around candidates, joined where they meet, and ending at white space if near."""
    from corpusmill.kernels import pii_candidates

    rows, _, starts, ends = pii_candidates.find(*text)
    open_row, low, high = -1, 0, 0
    for row, start, end in zip(rows.tolist(), starts.tolist(), ends.tolist(), strict=True):
        size = int(text.offsets[row + 1] - text.offsets[row])
        left, right = max(0, start - REACH), min(size, end + REACH)
        if row == open_row and left <= high:
            low, high = min(low, left), max(high, right)
            continue
        if open_row >= 0:
            yield (open_row, *_snapped(text, open_row, low, high))
        open_row, low, high = row, left, right
    if open_row >= 0:
        yield (open_row, *_snapped(text, open_row, low, high))


def _snapped(text: "Text", row: int, start: int, end: int) -> tuple[int, int]:
    """Move both ends outward to the next white space, by at most 32 bytes, and to code points."""
    data = text.data[text.offsets[row] : text.offsets[row + 1]]
    least, most = max(0, start - 32), min(len(data), end + 32)
    while start > least and data[start - 1] > 32:
        start -= 1
    while start > 0 and data[start] & 0xC0 == 0x80:
        start -= 1
    while end < most and data[end] > 32:
        end += 1
    while end < len(data) and data[end] & 0xC0 == 0x80:
        end += 1
    return start, end


def _analyzer(wanted: Presidio) -> Any:
    import logging

    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry

    logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)  # it warns of its own deprecations and models
    found = [one for language in wanted.languages for one in _recognizers(language, frozenset(wanted.entities))]
    engine = _nlp_engine(wanted)
    if wanted.model is not None:
        found.append(_model_recognizer(wanted))
    known = {entity for one in found for entity in one.supported_entities}
    unknown = sorted(set(wanted.entities) - known)
    if unknown:
        raise ResourceError(
            f"presidio: no recognizer for {unknown}; it has {', '.join(sorted(all_entities() | NAMED))}"
        )
    registry = RecognizerRegistry(recognizers=found, supported_languages=list(wanted.languages))
    return AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=list(wanted.languages))


def _recognizers(language: str, entities: frozenset[str]) -> list[Any]:
    """Presidio's recognizers of patterns that find any of the entities."""
    made = []
    for cls in _classes():
        one = _offline(cls)(supported_language=language)
        if entities & set(one.supported_entities):
            made.append(one)
    return made


def all_entities() -> set[str]:
    """What Presidio's patterns can find."""
    return {entity for cls in _classes() for entity in _offline(cls)(supported_language="en").supported_entities}


@cache
def _classes() -> tuple[Any, ...]:
    """The recognizers that are patterns or phonenumbers, by name; not those that call models or services."""
    from presidio_analyzer import PatternRecognizer, predefined_recognizers

    named = [(name, getattr(predefined_recognizers, name)) for name in sorted(predefined_recognizers.__all__)]
    patterns = (PatternRecognizer, predefined_recognizers.PhoneRecognizer)
    return tuple(cls for _, cls in named if isinstance(cls, type) and issubclass(cls, patterns))


def _offline(cls: Any) -> Any:
    """The recognizer, or for e-mail one that asks the public suffix list that came with tldextract.

    Presidio's own asks the network for the newest list, and waits for it.
    """
    return _offline_email() if cls.__name__ == "EmailRecognizer" else cls


@cache
def _offline_email() -> Any:
    import tldextract
    from presidio_analyzer.predefined_recognizers import EmailRecognizer

    extract = tldextract.TLDExtract(cache_dir=None, suffix_list_urls=(), fallback_to_snapshot=True)

    class OfflineEmailRecognizer(EmailRecognizer):  # type: ignore[misc]
        """E-mail addresses by Presidio's pattern and the bundled list of suffixes."""

        def validate_result(self, pattern_text: str) -> bool:
            """Whether the domain ends in a public suffix."""
            return bool(extract(pattern_text).top_domain_under_public_suffix)

    return OfflineEmailRecognizer


def _nlp_engine(wanted: Presidio) -> Any:
    if wanted.model is None:
        return _plain_engine(wanted.languages)
    try:
        importlib.metadata.distribution(wanted.model.replace("_", "-"))
    except importlib.metadata.PackageNotFoundError as error:
        raise ResourceError(
            f"presidio: the spaCy model {wanted.model!r} is not installed; install it with: "
            f"python -m spacy download {wanted.model}"
        ) from error
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    return SpacyNlpEngine(models=[{"lang_code": wanted.languages[0], "model_name": wanted.model}])


def _model_recognizer(wanted: Presidio) -> Any:
    from presidio_analyzer.predefined_recognizers import SpacyRecognizer

    return SpacyRecognizer(supported_language=wanted.languages[0], supported_entities=sorted(NAMED))


def _plain_engine(languages: tuple[str, ...]) -> Any:
    """Words and their places, without a model: enough for Presidio's words of context."""
    from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine

    class PlainEngine(NlpEngine):  # type: ignore[misc]
        """Splits into words and signs; lemmas are the words in small letters."""

        def load(self) -> None:
            """Nothing to load."""

        def is_loaded(self) -> bool:
            """Always."""
            return True

        def process_text(self, text: str, language: str) -> Any:
            """The words of one text."""
            found = [(match.start(), match[0]) for match in _WORD.finditer(text)]
            words = [word for _, word in found]
            lemmas = [word.lower() for word in words]
            return NlpArtifacts([], words, [place for place, _ in found], lemmas, self, language)

        def process_batch(self, texts: Iterable[str], language: str, **_kwargs: Any) -> Iterator[tuple[str, Any]]:
            """The words of several texts."""
            return ((text, self.process_text(text, language)) for text in texts)

        def is_stopword(self, word: str, language: str) -> bool:  # noqa: ARG002 - Presidio's interface
            """No list of them."""
            return False

        def is_punct(self, word: str, language: str) -> bool:  # noqa: ARG002 - Presidio's interface
            """One sign that is no letter or digit."""
            return not word.isalnum()

        def get_supported_entities(self) -> list[str]:
            """None without a model."""
            return []

        def get_supported_languages(self) -> list[str]:
            """Those of the spec."""
            return list(languages)

    return PlainEngine()
