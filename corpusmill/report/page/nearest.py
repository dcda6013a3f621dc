"""Documents nearest to each bound, on both sides of it: what a slightly other bound would keep or drop."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from corpusmill import marks
from corpusmill.report.outputs import Run
from corpusmill.report.page.sections import Card, Passage, Piece, Section, anchor
from corpusmill.report.page.totals import Stage, stages
from corpusmill.report.page.writing import bounded
from corpusmill.report.texts import MASKS
from corpusmill.spec import names
from corpusmill.stats import GAP

MOST = 60  # bounds that are shown
LEAD = (
    "For each bound the last documents that went and the first that stayed. If those that went read like those that"
    " stayed, the bound decides nothing that matters, or cuts where it should not."
)


def section(run: Run) -> Section | None:
    """The bounds that dropped most, then the others, with the documents next to them."""
    found = [(stage, reason) for stage in stages(run) for reason in _reasons(stage)]
    found.sort(key=lambda item: -_lost(*item))  # stable: else in the order of judging
    if not found:
        return None
    called = dict(zip(names(run.recipe.steps), run.recipe.steps, strict=True))
    notes = [
        "Excerpts of at most 800 characters, as the step saw the text, with personal data masked.",
        "Marked is what makes the signal, where that can be pointed at; a count of words or a model's score cannot.",
        "Stayed: passed the step of this bound; a later step may have dropped it.",
    ]
    if len(found) > MOST:
        notes.append(f"The {MOST} bounds of {len(found)} that dropped most are shown.")
    return Section(
        name="nearest", title="Next to the bounds", lead=LEAD, notes=notes,
        examples=[card for stage, reason in found[:MOST] for card in _cards(run, called, stage, reason)],
        data={reason: {"dropped": [e.value for e in stage.report.nearest_dropped.get(reason, ())],
                       "kept": [e.value for e in stage.report.nearest_kept.get(reason, ())]}
              for stage, reason in found[:MOST]},
    )  # fmt: skip


def _reasons(stage: Stage) -> list[str]:
    """Bounds with documents on a side, in the order of the steps."""
    report = stage.report
    there = {*report.nearest_dropped, *report.nearest_kept}
    return [reason for step in report.steps for reason in sorted(there) if reason.partition(".")[0] == step]


def _lost(stage: Stage, reason: str) -> int:
    return stage.report.steps[reason.partition(".")[0]].reasons.get(reason, 0)


def _cards(run: Run, called: Mapping[str, Any], stage: Stage, reason: str) -> list[Card]:
    name, _, bound = reason.partition(".")
    mark = marks.marker(called[name], bound) if name in called else None
    sides = (
        ("dropped", list(reversed(stage.report.nearest_dropped.get(reason, ())))),
        ("stayed", list(stage.report.nearest_kept.get(reason, ()))),
    )
    group = f"{reason}: {_lost(stage, reason):,} dropped"
    return [
        Card(
            title=example.url or example.id, group=group, name=anchor("nearest", reason),
            facts=((side, bounded(example.value, reason)), ("bound", bound)), ask=ask(run, example.id),
            passages=[Passage(whole(example.excerpt, lambda text: marked(text, () if mark is None else mark(text))))],
        )
        for side, examples in sides for example in examples
    ]  # fmt: skip


def ask(run: Run, identifier: str) -> str:
    """The command that tells more of a document."""
    return f"corpusmill explain {shlex.quote(run.root)} {shlex.quote(identifier)} --text"


def whole(text: str, pieces: Callable[[str], list[Piece]]) -> list[Piece]:
    """A passage in pieces, with an ellipsis at each end at which its text goes on."""
    more = [Piece("…", "more")]
    return (more if text.startswith(GAP) else []) + pieces(text.strip(GAP)) + (more if text.endswith(GAP) else [])


def marked(text: str, parts: Sequence[marks.Part] = ()) -> list[Piece]:
    """A text in pieces: its marks, and outside of them what was masked."""
    pieces: list[Piece] = []
    at = 0
    for part in parts:
        pieces += [*masks(text[at : part.start]), Piece(text[part.start : part.end], part.kind)]
        at = part.end
    return [piece for piece in [*pieces, *masks(text[at:])] if piece.text]


def masks(text: str) -> list[Piece]:
    """A text with its masked values marked."""
    pieces, at = [], 0
    for found in MASKS.finditer(text):
        pieces += [Piece(text[at : found.start()]), Piece(found[0], "masked")]
        at = found.end()
    return [*pieces, Piece(text[at:])]
