"""`explain --text`: a document before and after each stage, and the duplicate in whose place it went."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from rich.text import Text

from corpusmill import marks, plan
from corpusmill.extract import Extractor
from corpusmill.filters import C4
from corpusmill.redact import Redact
from corpusmill.report.outputs import Run
from corpusmill.report.page.writing import short, visible
from corpusmill.report.texts import Change, Texts, lines
from corpusmill.spec import members
from corpusmill.takedown.rewrite import TAKEDOWN

if TYPE_CHECKING:  # which shows these texts among its own
    from corpusmill.report.explain import Found

ROWS = 50_000_000  # ledger rows that are looked at for a document that stayed
WHOLE, LINE = 4_000, 400  # characters of a text, or of a line of a difference, that are shown
AROUND = 3  # lines shown on both sides of a change
STYLES = {"hit": "reverse", "cut": "red strike"}


def passages(run: Run, way: "Sequence[Found]") -> Iterator[Text]:
    """The texts of one record, from the source to where it ended.

    Args:
        run: the run.
        way: its ledger rows, in the order of the stages.
    """
    if any(found.row["reason"] == TAKEDOWN for found in way):
        yield Text("taken down: no text of it is shown", "yellow")
        return
    texts = Texts(run)
    source = texts.source(way[0].shard, way[0].row)
    yield _head("as read", source.note)
    text = source.text
    if text is not None:
        yield Text(visible(short(text, WHOLE)))
    if text is not None and any(isinstance(step, members(Extractor)) for step in plan.cut(run.recipe.steps)[0][1]):
        text = None  # of HTML there is no difference to show
        if way[0].row["reason"] is not None and source.extracted is not None:
            yield _head("as extracted", f"{len(source.extracted):,} characters, what the steps behind judged")
            yield Text(visible(short(source.extracted, WHOLE)))
    for found in way:
        if found.row["reason"] is not None:
            yield from _dropped(texts, found, text)
            return
        before, text = text, texts.after(run.stages[found.number - 1], found.shard, found.kept)
        yield from _kept(run, found, before, text)


def _head(what: str, note: str) -> Text:
    return Text.assemble(("\n" + what, "bold"), f": {note}")


def _kept(run: Run, found: "Found", before: str | None, text: str | None) -> Iterator[Text]:
    stage = found.stage
    if text is None:
        yield _head(f"after {stage}", "its documents were removed when the run was done (keep_intermediate: false)")
    elif before == text:
        redacts = any(isinstance(step, Redact) for step in plan.cut(run.recipe.steps)[found.number - 1][1])
        note = ", as far as it is shown: what is masked looks alike before and after" if redacts else ""
        yield Text(f"after {stage}: unchanged{note}", "dim")
    elif before is None:
        yield _head(f"after {stage}", f"{len(text):,} characters are shown")
        yield Text(visible(short(text, WHOLE)))
    else:
        yield _head(f"after {stage}", "- was there before, + is there now")
        yield difference(lines(before, text))


def _dropped(texts: Texts, found: "Found", text: str | None) -> Iterator[Text]:
    name, _, bound = found.row["reason"].partition(".")
    other = found.row.get(f"{name}.kept")
    if other and text is not None:
        yield from _duplicate(texts, found, name, text)
        return
    parts = _marked(texts.run, found, name, bound, text) if text is not None else []
    if text is not None and parts:
        yield _head(f"dropped in {found.stage}", "what makes the signal is marked")
        shown = Text()
        ends = [0, *(end for part in parts for end in (part.start, part.end)), len(text)]
        for at, (start, end) in enumerate(pairwise(ends)):
            shown.append(visible(short(text[start:end], WHOLE)), STYLES[parts[at // 2].kind] if at % 2 else "")
        yield shown


def _marked(run: Run, found: "Found", name: str, bound: str, text: str) -> Sequence[marks.Part]:
    """What makes the signal, where no earlier step of the stage has changed the text."""
    called, specs = plan.cut(run.recipe.steps)[found.number - 1]
    if name not in called:
        return ()
    place = called.index(name)
    changing = (C4, Redact, *members(Extractor))
    mark = marks.marker(specs[place], bound)
    changed = any(isinstance(step, changing) for step in specs[:place])
    return () if mark is None or changed else mark(text)


def _duplicate(texts: Texts, found: "Found", name: str, text: str) -> Iterator[Text]:
    """The document that stays, as what is different in it."""
    other, earlier = found.row[f"{name}.kept"], found.row[f"{name}.kept_in"]
    what = f"dropped in {found.stage}"
    if earlier:
        yield _head(what, f"{visible(other)} lies in {earlier}, and is not shown")
        return
    places = texts.places(texts.run.stages[found.number - 1], [other], ROWS)
    (kept,) = texts.before(found.number, [places[other]], [other]) if other in places else [None]
    if kept is None:
        yield _head(what, f"the text of {visible(other)}, which stays, is not there any more")
        return
    yield _head(what, f"- is in this document alone, + in {visible(other)} alone, which stays")
    yield difference(lines(text, kept))


def difference(found: Sequence[Change]) -> Text:
    """Lines that went and lines that came, with a few around them; the others are counted."""
    shown = Text()
    for at, change in enumerate(found):
        if not change.same:
            for sign, side, style in (("-", change.before, "red"), ("+", change.after, "green")):
                shown.append("".join(f"{sign} {visible(short(line, LINE))}\n" for line in _split(side)), style)
            continue
        same = _split(change.before)
        first, last = AROUND if at else 0, AROUND if at + 1 < len(found) else 0
        if len(same) > first + last + 1:
            same = [*same[:first], f"… {len(same) - first - last:,} lines that are the same",
                    *same[len(same) - last :]]  # fmt: skip
        shown.append("".join(f"  {visible(short(line, LINE))}\n" for line in same), "dim")
    return shown


def _split(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []
