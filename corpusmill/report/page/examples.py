"""Examples: documents kept, documents dropped by reason, what was cut out of texts, what was redacted in them."""

from collections.abc import Iterator

from corpusmill.report.outputs import Run
from corpusmill.report.page.nearest import ask, marked, masks, whole
from corpusmill.report.page.sections import Card, Passage, Piece, Section, anchor
from corpusmill.report.page.totals import Stage, stages
from corpusmill.report.page.writing import bounded
from corpusmill.stats import CLOSE, EXCERPT, GAP, OPEN, Example

MOST = 80  # groups that are shown
LEAD = (
    "A few documents for each thing that happened, chosen by a hash of their id and by nothing else. Read the dropped"
    " ones: a rule that is right drops what nobody would miss."
)


def section(run: Run) -> Section | None:
    """All examples of the run's reports, what was lost most first within each stage."""
    found = [group for stage in stages(run) for group in _groups(run, stage)]
    cards = [card for _, group in found[:MOST] for card in group]
    if not cards:
        return None
    notes = ["Excerpts, with personal data masked. What was cut out of a text is struck through."]
    if len(found) > MOST:
        notes.append(f"{MOST} of {len(found)} groups are shown.")
    return Section(
        name="examples", title="Examples", lead=LEAD, examples=cards, notes=notes,
        data={name: len(group) for name, group in found[:MOST]},
    )  # fmt: skip


def _groups(run: Run, stage: Stage) -> Iterator[tuple[str, list[Card]]]:
    """Cards of a stage by what they show."""
    report = stage.report
    reasons = {reason: count for step in report.steps.values() for reason, count in step.reasons.items()}
    for reason in sorted(report.examples, key=lambda name: (name == "kept", -reasons.get(name, 0), name)):
        examples = report.examples[reason]
        if reason == "kept":
            name, group = f"{stage.title}.kept", f"{stage.title}: {report.kept:,} kept"
        elif reason in reasons:
            name, group = reason, f"{reason}: {reasons[reason]:,} dropped"
        else:
            step, _, kind = reason.partition(".")
            values = report.tallies.get(f"{step}.edits.{kind}", 0)
            name, group = reason, f"{reason}: {values:,} replaced"
        yield name, [_card(run, e, group, name) for e in examples]
    for step, examples in sorted(report.cuts.items()):
        name, group = f"{step}.cuts", f"{step}: cut out of texts"
        yield name, [_card(run, e, group, name, whole(e.excerpt, struck)) for e in examples]


def _card(run: Run, example: Example, group: str, name: str, pieces: list[Piece] | None = None) -> Card:
    line = example.excerpt + GAP * (len(example.excerpt) >= EXCERPT)  # of this length it was cut
    return Card(
        title=example.url or example.id,
        passages=[Passage(whole(line, marked) if pieces is None else pieces)] if line else [],
        facts=(("value", bounded(example.value, name)),) if example.value is not None else (),
        group=group,
        name=anchor("reason", name),
        ask=ask(run, example.id) if example.id else "",
    )


def struck(text: str) -> list[Piece]:
    """A text with what was cut out of it."""
    pieces: list[Piece] = []
    for at, part in enumerate(text.split(OPEN)):
        gone, _, rest = part.partition(CLOSE) if at else ("", "", part)
        pieces += [Piece(gone, "cut"), *masks(rest)]
    return [piece for piece in pieces if piece.text]
