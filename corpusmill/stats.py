"""The report of a shard, a stage or a run: counts, histograms and examples that add up in any order."""

import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

EXAMPLES = 5  # kept per reason
LARGEST = 20  # kept per signal
INCIDENTS = 100  # listed; all are counted
EXCERPT = 300  # code points
NEAREST = 3  # kept on each side of a bound
PASSAGE = 800  # code points of a text that is shown with its lines
LONGEST = 4_000  # code points from the start of such a text until it is masked, and cut to a passage
OPEN, CLOSE = "\ufdd0", "\ufdd1"  # around what was cut out of a text; no characters, so that none of its own are these
GAP = "\ufdd2"  # at an end of a passage at which its text goes on; no character either
_BEFORE = 4 * EXCERPT  # code points of an excerpt until it is masked
_SAFE = 3 / 4  # of a text cut to `_BEFORE` or `LONGEST`; in the rest a value may be cut in two and not be masked
_REST = re.compile(r"\S{1,16}\Z")
_SUBBINS = 16  # histogram bins per power of two: 4 % wide on average


class Example(NamedTuple):
    """One document that shows a reason: the few with the smallest hash of their id, so the choice has no order."""

    key: int
    id: str
    url: str | None
    value: float | None
    excerpt: str


def example(identifier: str, url: str | None, value: float | None, text: str) -> Example:
    """An example with its excerpt: the first code points of the text, white space run together.

    The excerpt is longer than what is written, so that what is masked in it is not cut in two first.
    """
    taken = 2 * _BEFORE
    while len(excerpt := " ".join(text[:taken].split())[:_BEFORE]) < _BEFORE and taken < len(text):
        taken *= 8  # it is mostly white space
    return Example(zlib.crc32(identifier.encode("utf-8", "surrogatepass")), identifier, url, value, excerpt)


def passage(key: int, identifier: str, url: str | None, value: float | None, text: str) -> Example:
    """An example with the beginning of its text as it stands; `Report.change_excerpts` makes a passage of it."""
    return Example(key, identifier, url, value, text[:LONGEST])


@dataclass
class StepCounts:
    """What went into a step and came out of it; bytes are of HTML before extraction, of UTF-8 text after it."""

    documents_in: int = 0
    bytes_in: int = 0
    documents_out: int = 0
    bytes_out: int = 0
    failed: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "StepCounts":
        """The counts as `Report.to_json` wrote them."""
        plain = {name: value for name, value in data.items() if name not in ("step", "reasons")}
        return cls(**plain, reasons=Counter(data["reasons"]))

    def add(self, other: "StepCounts") -> None:
        """Add another shard's counts of the same step."""
        self.documents_in += other.documents_in
        self.bytes_in += other.bytes_in
        self.documents_out += other.documents_out
        self.bytes_out += other.bytes_out
        self.failed += other.failed
        self.reasons.update(other.reasons)


@dataclass
class Report:
    """Everything that is counted about some records. `records = kept + dropped + dead` always holds.

    Attributes:
        records: page records seen; `skipped` counts records that are no pages, by type.
        bytes_read: bytes of the source files (compressed, as stored).
        incidents: damage to a file that is not one record: (file, offset, what).
        steps: by name, in the order of the chain; `read` comes first.
        histograms: `step.signal` → bin → documents judged, see `bin_edges`.
        examples: reason (or `kept`) → the examples of it.
        languages, domains, sources: name → (documents in, documents kept, bytes kept).
        largest: `step.signal` → the documents with the largest values.
        nearest_dropped: reason → the documents dropped for it whose values are nearest to the bound.
        nearest_kept: reason → the documents that its step let pass whose values are nearest to the bound.
        cuts: step → documents it cut something out of, the text as it was, with `OPEN` and `CLOSE` around what went.
        tallies: what else was counted, by name.
    """

    records: int = 0
    kept: int = 0
    dropped: int = 0
    dead: int = 0
    bytes_read: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    incident_count: int = 0
    incidents: list[tuple[str, int, str]] = field(default_factory=list)
    steps: dict[str, StepCounts] = field(default_factory=dict)
    histograms: dict[str, Counter[int]] = field(default_factory=dict)
    examples: dict[str, list[Example]] = field(default_factory=dict)
    languages: dict[str, list[int]] = field(default_factory=dict)
    domains: dict[str, list[int]] = field(default_factory=dict)
    sources: dict[str, list[int]] = field(default_factory=dict)
    largest: dict[str, list[Example]] = field(default_factory=dict)
    nearest_dropped: dict[str, list[Example]] = field(default_factory=dict)
    nearest_kept: dict[str, list[Example]] = field(default_factory=dict)
    cuts: dict[str, list[Example]] = field(default_factory=dict)
    tallies: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Report") -> None:
        """Add the report of other records; the sum does not depend on the order of adding."""
        for name in ("records", "kept", "dropped", "dead", "bytes_read", "incident_count"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.skipped.update(other.skipped)
        self.add_incidents(other.incidents, counted=True)
        for step, counts in other.steps.items():
            self.steps.setdefault(step, StepCounts()).add(counts)
        for signal, bins in other.histograms.items():
            self.histograms.setdefault(signal, Counter()).update(bins)
        for reason, examples in other.examples.items():
            self.add_examples(reason, examples)
        for name in ("languages", "domains", "sources"):
            add_rows(getattr(self, name), getattr(other, name))
        for signal, examples in other.largest.items():
            self.add_largest(signal, examples)
        for reason in {**other.nearest_dropped, **other.nearest_kept}:
            self.add_nearest(reason, other.nearest_dropped.get(reason, ()), other.nearest_kept.get(reason, ()))
        for step, examples in other.cuts.items():
            self.add_cuts(step, examples)
        self.tallies.update(other.tallies)

    def add_incidents(self, incidents: Iterable[tuple[str, int, str]], *, counted: bool = False) -> None:
        """Add damage to files; the first `INCIDENTS` by file and offset are listed."""
        new = [(str(file), int(offset), str(what)) for file, offset, what in incidents]
        self.incident_count += 0 if counted else len(new)
        self.incidents = sorted([*self.incidents, *new])[:INCIDENTS]

    def add_examples(self, reason: str, examples: Iterable[Example]) -> None:
        """Add examples of a reason; those with the smallest keys stay."""
        self.examples[reason] = sorted({*self.examples.get(reason, []), *examples}, key=_by_key)[:EXAMPLES]

    def add_largest(self, signal: str, examples: Iterable[Example]) -> None:
        """Add documents with large values of a signal; the largest stay."""
        both = {*self.largest.get(signal, []), *examples}
        self.largest[signal] = sorted(both, key=lambda e: (-(e.value or 0.0), *_by_key(e)))[:LARGEST]

    def add_nearest(self, reason: str, dropped: Iterable[Example], kept: Iterable[Example]) -> None:
        """Add documents near to a bound, on both sides of it; the nearest stay."""
        kept_first = 1 if "<" in reason else -1
        for into, examples, sign in (
            (self.nearest_dropped, dropped, -kept_first),
            (self.nearest_kept, kept, kept_first),
        ):
            both = {*into.get(reason, []), *examples}
            if both:
                into[reason] = sorted(both, key=lambda e: (sign * (e.value or 0.0), *_by_key(e)))[:NEAREST]

    def add_cuts(self, step: str, examples: Iterable[Example]) -> None:
        """Add documents that a step cut something out of; those with the smallest keys stay."""
        self.cuts[step] = sorted({*self.cuts.get(step, []), *examples}, key=_by_key)[:EXAMPLES]

    def tallied(self, prefix: str) -> dict[str, int]:
        """The tallies below a prefix, without it."""
        return {name.removeprefix(prefix): n for name, n in self.tallies.items() if name.startswith(prefix)}

    def shown(self) -> list[dict[str, list[Example]]]:
        """All that holds documents, each a mapping of what they show to them."""
        return [self.examples, self.largest, self.nearest_dropped, self.nearest_kept, self.cuts]

    def change_excerpts(
        self, change: Callable[[Sequence[str]], list[str]], place: Callable[[str, str], int] = lambda _, __: 0
    ) -> None:
        """Change all excerpts and addresses at once, and cut excerpts to the length that is written.

        Args:
            change: gives the texts that it is given, masked, each as if it were the only one.
            place: for a reason and the changed text of a document near to its bound, where in it that begins which
                makes the signal; what is shown lies around it.
        """
        lines, passages = (self.examples, self.largest), (self.nearest_dropped, self.nearest_kept, self.cuts)
        groups = [(_BEFORE, group) for part in lines for group in part.values()]
        groups += [(LONGEST, group) for part in passages for group in part.values()]
        whole = {text for _, group in groups for e in group for text in (e.excerpt, _plain(e.excerpt), e.url or "")}
        new = _masked(whole, change)  # one document is often an example of several reasons
        cut = ((e.excerpt, before) for before, group in groups for e in group if len(e.excerpt) >= before)
        both = ((text, before) for excerpt, before in cut for text in (excerpt, _plain(excerpt)))
        new |= _masked({text[: int(_SAFE * before)] for text, before in both if new[text] != text}, change)
        for part in lines:
            for group in part.values():
                for at, e in enumerate(group):
                    safe = _safe(e.excerpt, _BEFORE if len(e.excerpt) >= _BEFORE else 0, new)
                    group[at] = e._replace(excerpt=safe[:EXCERPT], url=new[e.url or ""] or None)
        for part in passages:
            for name, group in part.items():
                for at, e in enumerate(group):
                    text = _plain(e.excerpt)
                    if part is self.cuts and _plain(new[e.excerpt]) == new[text]:
                        text = e.excerpt  # else a mark stands in a value, which is found in the plain text alone
                    safe = _safe(text, LONGEST if len(e.excerpt) >= LONGEST else 0, new)
                    where = safe.find(OPEN) if part is self.cuts else place(name, safe) if len(safe) > PASSAGE else 0
                    shown = _around(safe, max(0, where), ends=len(e.excerpt) < LONGEST)
                    group[at] = e._replace(excerpt=shown, url=new[e.url or ""] or None)

    def faults(self) -> list[str]:
        """What does not add up; empty when nothing vanished."""
        found = []
        if self.records != self.kept + self.dropped + self.dead:
            found.append(f"{self.records} records in, but {self.kept} kept + {self.dropped} dropped + {self.dead} dead")
        previous: tuple[str, StepCounts] | None = None
        for name, step in self.steps.items():
            lost = step.reasons.total() + step.failed
            if step.documents_in != step.documents_out + lost:
                found.append(f"{name}: {step.documents_in} in, but {step.documents_out} out and {lost} with a reason")
            if previous and previous[1].documents_out != step.documents_in:
                found.append(f"{previous[1].documents_out} out of {previous[0]}, but {step.documents_in} into {name}")
            previous = (name, step)
        if previous and previous[1].documents_out != self.kept:
            found.append(f"{previous[1].documents_out} out of {previous[0]}, but {self.kept} kept")
        return found

    def to_json(self) -> dict[str, Any]:
        """Plain data, the same for equal reports; steps are a list, in the order of the chain."""
        return {
            **{k: getattr(self, k) for k in ("records", "kept", "dropped", "dead", "bytes_read", "incident_count")},
            "skipped": dict(sorted(self.skipped.items())),
            "incidents": [list(item) for item in self.incidents],
            "steps": [
                {"step": name, **vars(step), "reasons": dict(sorted(step.reasons.items()))}
                for name, step in self.steps.items()
            ],
            "histograms": {
                name: {str(index): bins[index] for index in sorted(bins)} for name, bins in self.histograms.items()
            },
            "examples": {reason: [list(e) for e in self.examples[reason]] for reason in sorted(self.examples)},
            "languages": dict(sorted(self.languages.items())),
            "domains": dict(sorted(self.domains.items())),
            "sources": dict(sorted(self.sources.items())),
            **{
                part: {name: [list(e) for e in shown[name]] for name in sorted(shown)}
                for part in ("largest", "nearest_dropped", "nearest_kept", "cuts")
                for shown in (getattr(self, part),)
            },
            "tallies": dict(sorted(self.tallies.items())),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Report":
        """The report that `to_json` wrote."""
        plain = {k: data[k] for k in ("records", "kept", "dropped", "dead", "bytes_read", "incident_count")}
        return cls(
            **plain,
            skipped=Counter(data["skipped"]),
            incidents=[(str(f), int(o), str(w)) for f, o, w in data["incidents"]],
            steps={step["step"]: StepCounts.from_json(step) for step in data["steps"]},
            histograms={k: Counter({int(b): n for b, n in v.items()}) for k, v in data["histograms"].items()},
            examples=_examples(data["examples"]),
            languages={k: list(v) for k, v in data["languages"].items()},
            domains={k: list(v) for k, v in data["domains"].items()},
            sources={k: list(v) for k, v in data["sources"].items()},
            largest=_examples(data["largest"]),
            nearest_dropped=_examples(data.get("nearest_dropped", {})),  # older reports have none
            nearest_kept=_examples(data.get("nearest_kept", {})),
            cuts=_examples(data.get("cuts", {})),
            tallies=Counter(data["tallies"]),
        )


def _examples(data: Mapping[str, Any]) -> dict[str, list[Example]]:
    return {name: [Example(*e) for e in shown] for name, shown in data.items()}


def _by_key(example: Example) -> tuple[int, str, str, str]:
    """An order of examples that depends on nothing but them."""
    return example.key, example.id, example.url or "", example.excerpt


def _plain(text: str) -> str:
    return text.replace(OPEN, "").replace(CLOSE, "")


def _safe(text: str, cut: int, new: Mapping[str, str]) -> str:
    """What may be shown of a masked text, for one that was cut see `safe`."""
    head = text[: int(_SAFE * cut)]
    return new[text] if not cut else head if new[text] == text else safe(new[text], new[head])


def safe(masked: str, without_end: str) -> str:
    """What may be shown of the beginning of a text: none of its end, where a value may be cut in two and not be masked.

    A mask is shorter or longer than its value, so that the end is not counted off in the masked text: it is safe as far
    as it is masked in the same way `without_end`. What is left of a line there may be of a key that goes on.
    """
    pairs = enumerate(zip(masked, without_end, strict=False))
    same = next((at for at, (one, other) in pairs if one != other), min(len(masked), len(without_end)))
    return _REST.sub("", masked[:same])


def _masked(texts: Iterable[str], change: Callable[[Sequence[str]], list[str]]) -> dict[str, str]:
    asked = sorted(texts)
    return dict(zip(asked, change(asked), strict=True))


def _around(text: str, at: int, *, ends: bool) -> str:
    """A passage with what begins at `at` in it, in whole lines where they are short enough; `ends`: with the text."""
    if at < PASSAGE // 2:
        first = 0
    else:
        first = text.find("\n", at - PASSAGE // 2, at) + 1
        first = first or text.find(" ", at - PASSAGE // 8, at) + 1 or at
    last = len(text)
    if last - first > PASSAGE:
        last = text.rfind("\n", first + max(PASSAGE // 2, at - first), first + PASSAGE)
        last = last if last > 0 else first + PASSAGE
    return f"{GAP if first else ''}{text[first:last]}{'' if ends and last == len(text) else GAP}"


def add_rows(into: dict[str, list[int]], more: Mapping[str, list[int]]) -> None:
    """Add vectors of counts by name."""
    for name, counts in more.items():
        into[name] = [a + b for a, b in zip(into.get(name, [0] * len(counts)), counts, strict=True)]


def bins(values: npt.NDArray[np.float64]) -> Counter[int]:
    """Count values in fixed logarithmic-linear bins, so that histograms of any shards can be added.

    Args:
        values: (N,), finite. Zero has bin 0; each power of two is cut into 16 equal parts; negative values have
            negative bins.
    """
    mantissa, exponent = np.frexp(np.abs(values))
    magnitude = (np.clip(exponent, -64, 63) + 64) * _SUBBINS + np.floor((mantissa - 0.5) * 2 * _SUBBINS) + 1
    index = np.where(values == 0, 0, np.sign(values) * magnitude).astype(np.int64)
    unique, counts = np.unique(index, return_counts=True)
    return Counter(dict(zip(unique.tolist(), counts.tolist(), strict=True)))


def bin_edges(index: int) -> tuple[float, float]:
    """The half-open interval of values of a histogram bin; bin 0 is exactly zero."""
    if index == 0:
        return 0.0, 0.0
    exponent, part = divmod(abs(index) - 1, _SUBBINS)
    low, high = ((0.5 + (part + i) / (2 * _SUBBINS)) * 2.0 ** (exponent - 64) for i in (0, 1))
    return (low, high) if index > 0 else (-high, -low)
