"""From hits to edits: find, replace, and look again until nothing is left to find.

What a replacement leaves beside itself may look like something new: `1.2.3.4` cut out of a longer run, a number whose
neighbour is gone. So the edited text of every document with hits is searched again, and what is found there joins the
edits of the first round, in the places of the original text. A run over the output therefore finds nothing.
"""

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.kernels import buffers
from corpusmill.kernels.buffers import Text
from corpusmill.redact import secret_key
from corpusmill.redact.actions import Names, Rule, write
from corpusmill.redact.hits import ENTITIES, Hit, disjoint
from corpusmill.redact.patterns import Patterns
from corpusmill.spans import Spans

if TYPE_CHECKING:
    from corpusmill.redact.redact import Redact
    from corpusmill.view import View


class Edit(NamedTuple):
    """A range of the original document, and what stands there now; `hits` are the values that were in it."""

    start: int
    end: int
    new: bytes
    hits: tuple[Hit, ...]


class Found(NamedTuple):
    """What a batch of N documents held.

    Attributes:
        counts: int64 (N, E), values by entity, in the order of `hits.ENTITIES`.
        edits: the replacements.
        by_row: the edits of each document that has any.
    """

    counts: npt.NDArray[np.int64]
    edits: Spans
    by_row: dict[int, list[Edit]]


class Redactions:
    """A built `Redact`: finds and replaces in batches."""

    def __init__(self, step: "Redact") -> None:
        """Load what the spec asks for."""
        entities = frozenset(step.entities) - {"presidio"}
        kinds = None if step.national_ids is None else frozenset(step.national_ids)
        self.patterns = Patterns(
            entities,
            regions=step.regions,
            national_ids=kinds,
            obfuscated=step.obfuscated,
            private=step.private_ips,
        )
        key = None if step.key is None else secret_key.read(step.key)
        chosen: dict[str, str] = {str(entity): action for entity, action in (step.actions or {}).items()}
        self.rules = {name: Rule(chosen.get(name, step.action), name, key) for name in ENTITIES}
        self.engine = None if step.presidio is None else step.presidio.build()

    def __call__(self, view: "View") -> Found:
        """Find the values of a batch."""
        counts = np.zeros((len(view), len(ENTITIES)), np.int64)
        edits: dict[int, list[Edit]] = {}
        names: dict[int, Names] = {}
        for row, hits in self.find(view.text).items():
            written = write(self.rules, hits, names.setdefault(row, {}))
            edits[row] = [Edit(hit.start, hit.end, new, (hit,)) for hit, new in zip(hits, written, strict=True)]
        self._again(view.text, edits, names)
        for row, made in edits.items():
            for edit in made:
                for hit in edit.hits:
                    counts[row, ENTITIES.index(hit.entity)] += 1
        return Found(counts, spans_of(edits), edits)

    def find(self, text: Text) -> dict[int, list[Hit]]:
        """The hits of all rules by row: disjoint, in order of place."""
        hits = self.patterns.find(text)
        if self.engine is not None:
            for row, more in self.engine.find(text).items():
                hits[row] = disjoint(hits.get(row, []) + more)
        return hits

    def _again(self, text: Text, edits: dict[int, list[Edit]], names: dict[int, Names]) -> None:
        """Search the edited texts until nothing new is found; `edits` grow in place.

        This ends: each change covers more bytes of the original, or joins two edits.
        """
        rows = sorted(edits)
        while rows:
            originals = [text.data[text.offsets[row] : text.offsets[row + 1]].tobytes() for row in rows]
            now = [edited(original, edits[row]) for original, row in zip(originals, rows, strict=True)]
            more = self.find(buffers.text(pa.array(now, pa.binary())))
            changed = []
            for place, hits in more.items():
                row = rows[place]
                merged = merge(edits[row], hits, write(self.rules, hits, names[row]))
                if merged != edits[row]:
                    edits[row] = merged
                    changed.append(row)
            rows = sorted(changed)


def edited(text: bytes, edits: list[Edit]) -> bytes:
    """The text with the edits made."""
    parts, here = [], 0
    for edit in edits:
        parts += [text[here : edit.start], edit.new]
        here = edit.end
    return b"".join([*parts, text[here:]])


def merge(edits: list[Edit], hits: list[Hit], written: list[bytes]) -> list[Edit]:
    """Join hits of the edited text, and what they become, to the edits, in places of the original text.

    A hit that reaches into what an edit wrote takes it over: both become one edit. One that lies within it changes
    nothing.
    """
    begins, ends, shifts, at = [], [], [], 0
    for edit in edits:
        begins.append(edit.start + at)
        ends.append(begins[-1] + len(edit.new))
        at += len(edit.new) - (edit.end - edit.start)
        shifts.append(at)
    taken: set[int] = set()
    joined: list[Edit] = []
    for hit, new in zip(hits, written, strict=True):
        first = bisect_right(ends, hit.start)  # the first edit that ends behind the start of the hit
        last = bisect_left(begins, hit.end)  # the first that begins at its end or behind
        if first + 1 == last and begins[first] <= hit.start and hit.end <= ends[first]:
            continue
        start = hit.start - (shifts[first - 1] if first else 0)
        end = hit.end - (shifts[last - 1] if last else 0)
        values: tuple[Hit, ...] = ()
        if last > first:
            start = min(start, edits[first].start)
            end = edits[last - 1].end if ends[last - 1] >= hit.end else end
            values = tuple(one for edit in edits[first:last] for one in edit.hits)
        if joined and start < joined[-1].end:  # two hits reach into one edit: the first keeps it
            continue
        taken.update(range(first, last))
        joined.append(Edit(start, end, new, (*values, hit)))
    return sorted([edit for place, edit in enumerate(edits) if place not in taken] + joined)


def spans_of(edits: dict[int, list[Edit]]) -> Spans:
    """The edits of all rows as spans; equal replacements are kept once."""
    flat = [(row, edit) for row in sorted(edits) for edit in edits[row]]
    table: dict[bytes, int] = {}
    which = [table.setdefault(edit.new, len(table)) for _, edit in flat]
    rows, starts, ends = ([row for row, _ in flat], [edit.start for _, edit in flat], [edit.end for _, edit in flat])
    arrays = [np.array(values, np.int64) for values in (rows, starts, ends, which)]
    return Spans(arrays[0], arrays[1], arrays[2], arrays[3], tuple(table) or (b"",))
