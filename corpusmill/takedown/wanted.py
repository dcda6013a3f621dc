"""The list of a takedown: ids and URLs, one a line."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.errors import InputError

Mask = npt.NDArray[np.bool_]


def digest(text: str) -> str:
    """BLAKE2b of an id or URL, 32 hexadecimal digits: what a proof shows instead of it."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


@dataclass(frozen=True)
class Wanted:
    """What is to go.

    Attributes:
        lines: line number, from 1, and what stands there, in order; repeated lines are left out.
        sha256: of the list as it was given.
    """

    lines: tuple[tuple[int, str], ...]
    sha256: str

    @classmethod
    def parse(cls, data: bytes, name: str) -> "Wanted":
        """Read a list; blank lines and lines that begin with `#` are skipped.

        Raises:
            InputError: if it is not UTF-8, or has no entry.
        """
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InputError(f"{name}: not UTF-8 at byte {error.start}; expected one id or URL a line") from error
        found: dict[str, int] = {}
        for number, line in enumerate(text.split("\n"), 1):
            entry = line.strip()
            if entry and not entry.startswith("#"):
                found.setdefault(entry, number)
        if not found:
            raise InputError(f"{name}: no id in it; expected one id or URL a line")
        return cls(tuple((number, entry) for entry, number in found.items()), hashlib.sha256(data).hexdigest())

    def matches(self, ids: pa.Array, urls: pa.Array) -> Mask:
        """Which of N records are meant: by id, by URL as recorded, or by another spelling of the URL.

        Args:
            ids: string array, shape (N,), null where there is none.
            urls: the same of URLs.
        """
        found = pc.or_(pc.is_in(ids, value_set=self._entries), pc.is_in(urls, value_set=self._entries))
        if len(self._canonical):
            found = pc.or_(found, pc.is_in(_canonical(urls), value_set=self._canonical))
        return found.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]

    def missing(self, records: Iterable[tuple[str | None, str | None]]) -> list[tuple[int, str]]:
        """The lines that mean none of these records, given as (id, URL)."""
        ids, urls = (pa.array(column, pa.string()) for column in (zip(*records, strict=True) if records else ([], [])))
        known = {*ids.to_pylist(), *urls.to_pylist()}
        spelled = set(_canonical(urls).drop_null().to_pylist()) if len(self._canonical) else set()
        entries = self._entries.to_pylist()
        forms = dict(zip(self._with_scheme(), self._canonical.to_pylist(), strict=True))
        lost = {entry for entry in entries if entry not in known and forms.get(entry) not in spelled}
        return [(number, entry) for number, entry in self.lines if entry in lost]

    def _with_scheme(self) -> list[str]:
        return [entry for _, entry in self.lines if "://" in entry]

    @cached_property
    def _entries(self) -> pa.Array:
        return pa.array([entry for _, entry in self.lines], pa.string())

    @cached_property
    def _canonical(self) -> pa.Array:
        """URLs of the list in one spelling; only what has a scheme is taken for a URL."""
        urls = pa.array(self._with_scheme(), pa.string())
        return _canonical(urls) if len(urls) else urls


def _canonical(urls: pa.Array) -> pa.Array:
    from corpusmill.urls import canonical  # compiles

    return canonical(urls)
