"""All rules over the candidates of a batch: which bytes of which document are what."""

import numpy as np

from corpusmill.kernels import pii_candidates as kernel
from corpusmill.kernels.buffers import Text
from corpusmill.redact import accounts, addresses, emails, national_ids, secrets
from corpusmill.redact.hits import ENTITIES, Hit, disjoint
from corpusmill.redact.numbers import Numbers


class Patterns:
    """The rules for the entities of a recipe.

    >>> from corpusmill.kernels import buffers
    >>> import pyarrow as pa
    >>> found = Patterns(frozenset({"email"})).find(buffers.text(pa.array(["write to ann@mail.de"])))
    >>> found[0][0].entity, found[0][0].start, found[0][0].end
    ('email', 9, 20)
    """

    def __init__(
        self,
        entities: frozenset[str] = frozenset(ENTITIES) - {"presidio"},
        *,
        regions: tuple[str, ...] = ("US", "GB"),
        national_ids: frozenset[str] | None = None,
        obfuscated: bool = False,
        private: bool = False,
    ) -> None:
        """Load what the rules need.

        Args:
            entities: names of `ENTITIES`.
            regions: ISO 3166-1 codes of the countries whose telephone numbers are looked for without `+`.
            national_ids: kinds of `national_ids.KINDS`; all by default.
            obfuscated: whether `name [at] host` is an address.
            private: whether addresses of private networks count.
        """
        from corpusmill.redact.national_ids import KINDS

        self.entities = entities
        self.kinds = frozenset(KINDS) if national_ids is None else national_ids
        self.obfuscated = obfuscated
        self.private = private
        self.numbers = Numbers(entities, self.kinds, regions)

    def find(self, text: Text) -> dict[int, list[Hit]]:
        """The hits of each document that has any, by its row: disjoint, in order of place."""
        rows, kinds, starts, ends = kernel.find(*text)
        found: dict[int, list[Hit]] = {}
        cuts = np.flatnonzero(np.diff(rows, prepend=-1))
        lasts = np.append(cuts, len(rows))[1:]
        for first, last in zip(cuts.tolist(), lasts.tolist(), strict=True):
            row = int(rows[first])
            data = text.data[text.offsets[row] : text.offsets[row + 1]].tobytes()
            hits: list[Hit] = []
            places = (part[first:last].tolist() for part in (kinds, starts, ends))
            for kind, start, end in zip(*places, strict=True):
                self._judge(data, kind, start, end, hits)
            if hits:
                found[row] = disjoint(hits)
        return found

    def _judge(self, data: bytes, kind: int, start: int, end: int, hits: list[Hit]) -> None:
        """Add what one candidate is."""
        has = self.entities
        hit: Hit | None = None
        if kind == kernel.NUMBER:
            hits += self.numbers.find(data, start, end)
        elif kind == kernel.WORD:
            self._word(data, start, end, hits)
        elif kind == kernel.ADDRESS:
            hit = emails.address(data, start, end) if "email" in has else None
        elif kind == kernel.DOTTED:
            hit = addresses.ipv4(data, start, end, private=self.private) if "ip" in has else None
        elif kind == kernel.COLONS:
            hit = addresses.ipv6(data, start, end, private=self.private) if "ip" in has else None
        elif kind == kernel.USERINFO:
            hit = addresses.credentials(data, start, end) if "credentials" in has else None
        elif kind == kernel.HEADER:
            hit = secrets.private_key(data, start) if "private_key" in has else None
        elif self.obfuscated and "email" in has:
            hit = emails.written_out(data, start, end)
        if hit is not None:
            hits.append(hit)

    def _word(self, data: bytes, start: int, end: int, hits: list[Hit]) -> None:
        has = self.entities
        hit = secrets.token(data, start, end) if "token" in has else None
        if hit is None and "iban" in has:
            hit = accounts.iban(data, start)
        if hit is None and "national_id" in has:
            hit = national_ids.word(data, start, end, self.kinds)
        if hit is not None:
            hits.append(hit)
        elif "crypto" in has and end - start >= 26:
            hits += accounts.crypto(data, start, end)
