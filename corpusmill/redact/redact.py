"""The step that replaces personal data and secrets in the text."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from corpusmill.redact.presidio import Presidio
from corpusmill.signals import Measured
from corpusmill.spec import Bounds, spec

if TYPE_CHECKING:
    import pyarrow as pa

    from corpusmill.redact.rounds import Found, Redactions
    from corpusmill.view import View

Action = Literal["mask", "pseudonym", "format", "hash"]
Entity = Literal[
    "private_key", "credentials", "token", "email", "iban", "crypto", "ip", "credit_card", "us_ssn", "national_id",
    "phone", "presidio",
]  # fmt: skip
PATTERNS: tuple[Entity, ...] = (
    "private_key", "credentials", "token", "email", "iban", "crypto", "ip", "credit_card", "us_ssn", "national_id",
    "phone",
)  # fmt: skip


@spec
class Redact:
    """Replace personal data and secrets: addresses, numbers with check digits, phones, keys and tokens.

    Each value is found by its published form and validated: cards by issuer and Luhn, IBANs by country and mod 97,
    national numbers by their check digits, phones by `phonenumbers`, addresses by the top-level domains and by the
    networks that are given out, tokens by prefix, randomness and checksum. Values that nobody owns (example.com,
    192.0.2.0/24, 555-01xx) stay.

    `actions` says what a value becomes. `mask` writes `<EMAIL>`. `pseudonym` gives equal values equal names: in one
    document by counting (`<PHONE_1>`), or with a `key` in the whole corpus; e-mail and IP addresses stay addresses, at
    example.com and in networks kept for documentation. `format` does so for phones, cards and social security numbers
    too. `hash` writes a keyed hash. With a key, different values can only share an IP address, phone or number by
    chance; tokens have 64 bits. A second run changes nothing. The secret itself stands in no recipe and no output.

    Text and title are searched. The ledger and the column `url` keep addresses as they were fetched.

    `hits` above its bound drops the document. All signals count the values found, of the text before the edit.
    """

    use: Literal["redact"] = "redact"
    entities: tuple[Entity, ...] = PATTERNS
    action: Action = "mask"
    actions: Mapping[Entity, Action] | None = None  # by entity, where one differs from `action`
    key: str | None = None  # env:NAME or a file: a secret for tokens that are equal in all documents; `hash` needs it
    regions: tuple[str, ...] = ("US", "GB", "CA", "AU", "DE", "FR", "ES", "IT", "IN", "BR")  # of phones without +
    national_ids: tuple[str, ...] | None = None  # kinds, as in docs; null is all
    obfuscated: bool = False  # `name [at] host [dot] tld` is an address too
    private_ips: bool = False  # addresses of private networks count too
    presidio: Presidio | None = None  # Presidio's recognizers; needs the extra `presidio`
    hits: Bounds = Bounds(None, None)  # values found in all
    private_key: Bounds = Bounds(None, None)  # values found, by entity, from here on
    credentials: Bounds = Bounds(None, None)  # user:password in URLs
    token: Bounds = Bounds(None, None)  # keys of clouds and services
    email: Bounds = Bounds(None, None)
    iban: Bounds = Bounds(None, None)
    crypto: Bounds = Bounds(None, None)  # addresses of crypto currencies
    ip: Bounds = Bounds(None, None)
    credit_card: Bounds = Bounds(None, None)
    us_ssn: Bounds = Bounds(None, None)
    national_id: Bounds = Bounds(None, None)
    phone: Bounds = Bounds(None, None)
    others: Bounds = Bounds(None, None)  # what only Presidio found

    def __post_init__(self) -> None:
        """Refuse what could not be done.

        Raises:
            ValueError: for an unknown kind, region or format, or a hash without a key.
        """
        from corpusmill.redact.hits import ENTITIES

        wanted = dict.fromkeys(self.entities, self.action) | dict(self.actions or {})
        unknown = sorted(set(wanted) - set(ENTITIES))
        if unknown:
            raise ValueError(f"entities: unknown {unknown}; give some of {list(PATTERNS)}")
        stray = sorted(set(self.actions or {}) - set(self.entities) - ({"presidio"} if self.presidio else set()))
        if stray:
            raise ValueError(f"actions: {stray} not in `entities`; add them there, or leave out their action")
        if "hash" in wanted.values() and not self.key:
            raise ValueError("action: hash needs `key`; a hash without a key can be undone by trying all values")
        _check_formats(self.actions or {})
        _check_kinds(self.national_ids)

    measures_dropped: ClassVar = False  # what was dropped is not written, and need not be searched

    def derived(self) -> dict[str, str]:
        """What decides the output beside the recipe: which secret the key is."""
        from corpusmill.redact import secret_key

        return {"key_digest": secret_key.digest(self.key)} if self.key else {}

    def build(self) -> "Callable[[View], Measured]":
        """Load the numbering plans, the lists, and Presidio where asked for."""
        from corpusmill.redact.rounds import Redactions

        redactions = Redactions(self)

        def measure(view: "View") -> Measured:
            return _measure(redactions, view)

        return measure


def _check_formats(actions: Mapping[Any, str]) -> None:
    from corpusmill.redact.actions import KEEPS_FORMAT

    wrong = sorted(entity for entity, action in actions.items() if action == "format" and entity not in KEEPS_FORMAT)
    if wrong:
        raise ValueError(f"actions: {wrong} cannot keep a format; only {list(KEEPS_FORMAT)} can; use pseudonym or mask")


def _check_kinds(kinds: tuple[str, ...] | None) -> None:
    from corpusmill.redact.national_ids import KINDS

    unknown = sorted(set(kinds or ()) - set(KINDS))
    if unknown:
        raise ValueError(f"national_ids: unknown {unknown}; give some of {', '.join(KINDS)}")


def _measure(redactions: "Redactions", view: "View") -> Measured:
    from corpusmill.redact.hits import ENTITIES

    found = redactions(view)
    signals: dict[str, npt.NDArray[Any]] = {"hits": found.counts.sum(axis=1)}
    for place, entity in enumerate(ENTITIES):
        signals["others" if entity == "presidio" else entity] = found.counts[:, place]
    return Measured(
        {name: np.ascontiguousarray(values) for name, values in signals.items()},
        columns={"title": _titles(redactions, view.column("title"))} if "title" in view.batch.schema.names else {},
        edits=found.edits,
        shown=_by_entity(found),
    )


def _titles(redactions: "Redactions", titles: "pa.Array") -> "pa.Array":
    """The titles, redacted by themselves; null stays null."""
    if titles.null_count == len(titles):
        return titles
    from corpusmill import documents
    from corpusmill.spans import apply
    from corpusmill.view import View

    filled = documents.conform({"id": titles.fill_null(""), "text": titles.fill_null("")})
    edited = apply(filled.column("text"), redactions(View(filled)).edits)
    return pc.if_else(titles.is_valid(), edited, None)


def _by_entity(found: "Found") -> dict[str, npt.NDArray[np.int64]]:
    """Which edits replaced values of each entity."""
    places: dict[str, list[int]] = {}
    edits = [edit for row in sorted(found.by_row) for edit in found.by_row[row]]
    for place, edit in enumerate(edits):
        for entity in sorted({hit.entity for hit in edit.hits}):
            places.setdefault(entity, []).append(place)
    return {entity: np.array(at, np.int64) for entity, at in sorted(places.items())}
