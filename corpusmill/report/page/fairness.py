"""Fairness: what each rule does to each language and script, and the rules that kill one."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from corpusmill.report.outputs import Run
from corpusmill.report.page.sections import Cell, Chart, Name, Row, Section, Share, Table, anchor
from corpusmill.report.scripts import script
from corpusmill.report.survey import NOT_NAMED, Hit, StageSurvey, survey

LEAST = 20  # documents of a language before its share is worth a word
WORSE = 3  # times the rule's average loss, or its keep-rate that many times below the average
MOST = 0.5  # of a language's documents lost
DRAWN_LANGUAGES, DRAWN_RULES, ROWS = 12, 24, 60
# A reason on two lines, so that the step is seen and a narrow window has room for the squares.
STEP_AND_RULE = (
    "[slice(datum.label, 0, indexof(datum.label, '.') + 1), slice(datum.label, indexof(datum.label, '.') + 1)]"
)
LEAD = (
    "The share of each language that a rule alone would drop, whether or not an earlier rule dropped the document."
    " A rule made for English shows here as a strong row with a pale first column."
)
HOW = (
    "A rule is judged on all documents that its step has measured, also those that an earlier step had dropped; costly"
    " steps have measured fewer. The language is the one that the recipe's step named; the script is the one that the"
    " language is written in as a rule, by its code (Unicode CLDR), not looked up in the text."
)


class Killed(NamedTuple):
    """A rule that drops most of a language: of its documents, and of all documents, those that break it."""

    stage: str
    reason: str
    language: str
    documents: int
    lost: int
    everywhere: int
    lost_everywhere: int

    @property
    def average(self) -> float:
        """The share of all documents."""
        return self.lost_everywhere / max(1, self.everywhere)

    @property
    def share(self) -> float:
        """Of the language's documents."""
        return self.lost / self.documents


def section(run: Run) -> Section | None:
    """The loss of every language by every rule; None where there are not two languages with enough documents."""
    stages = survey(run)
    languages = _languages(stages)
    if len([name for name, count in languages.items() if count >= LEAST]) < 2:
        return None
    hits = [(stage, hit) for stage in stages for hit in stage.hits if hit.broken.total()]
    flagged = sorted(
        (one for stage, hit in hits for one in killed(stage.title, hit)),
        key=lambda one: (-one.share, -one.documents, one.reason, one.language),
    )
    names = [name for name, count in languages.most_common() if count >= LEAST]
    tables = [_flagged(flagged), *_by(hits, names, "language"), *_by(_by_script(hits), None, "script")]
    data = {
        "documents": dict(languages),
        "rules": {f"{s.title}: {h.reason}": _pairs(h) for s, h in hits},
        "flagged": [[one.stage, one.reason, one.language, one.documents, one.lost] for one in flagged],
    }
    return Section(
        name="fairness", title="Fairness", lead=LEAD, charts=[_chart(hits, names)], tables=tables,
        notes=[HOW, _rule(), *_sampled(stages)], data=data,
    )  # fmt: skip


def killed(stage: str, hit: Hit) -> Iterator[Killed]:
    """The languages that a rule kills: more than `MOST` of at least `LEAST` documents, and far more than of all.

    Far more is `WORSE` times its share of all documents, or keeping `WORSE` times less than of all.

    A rule whose step is there to choose languages kills none.
    """
    if hit.chosen:
        return
    all_ = hit.measured.total(), hit.broken.total()
    average = all_[1] / max(1, all_[0])
    for language, count in hit.measured.items():
        lost = hit.broken[language]
        more = lost > WORSE * average * count or WORSE * (count - lost) < (1 - average) * count
        if language != NOT_NAMED and count >= LEAST and lost > MOST * count and more:
            yield Killed(stage, hit.reason, language, count, lost, *all_)


def _languages(stages: Sequence[StageSurvey]) -> Counter[str]:
    """Documents by language in the first stage that knows any."""
    known = [stage.languages for stage in stages if set(stage.languages) - {NOT_NAMED}]
    return known[0] if known else Counter()


def _rule() -> str:
    return (
        f"Flagged: a rule that drops more than {MOST:.0%} of at least {LEAST} documents of a language, and more than"
        f" {WORSE} times its share of all documents, or that keeps {WORSE} times less of it than of all."
        " Rules of the step that chooses languages are not flagged."
    )


def _sampled(stages: Sequence[StageSurvey]) -> list[str]:
    return [
        f"{stage.title}: {stage.looked_at:,} of {stage.records:,} records looked at, in whole shards evenly chosen."
        for stage in stages
        if stage.looked_at < stage.records
    ]


def _pairs(hit: Hit) -> dict[str, list[int]]:
    return {name: [count, hit.broken[name]] for name, count in sorted(hit.measured.items())}


def _by_script(hits: Sequence[tuple[StageSurvey, Hit]]) -> list[tuple[StageSurvey, Hit]]:
    """The same counts by script."""
    found = []
    for stage, hit in hits:
        measured, broken = Counter[str](), Counter[str]()
        for into, counts in ((measured, hit.measured), (broken, hit.broken)):
            for language, count in counts.items():
                into[language if language == NOT_NAMED else script(language)] += count
        found.append((stage, Hit(hit.reason, hit.step, hit.chosen, hit.decided, hit.alone, measured, broken)))
    return found


def _flagged(flagged: Sequence[Killed]) -> Table:
    rules: dict[tuple[str, str], list[Killed]] = {}
    for one in flagged:
        rules.setdefault((one.stage, one.reason), []).append(one)
    rows: list[Row] = []
    for (_, reason), group in rules.items():
        first = group[0]
        counts: list[Cell] = [first.everywhere, first.lost_everywhere, Share(first.average)]
        rows.append(Row([Name(reason, anchor("reason", reason)), *counts]))
        rows += [Row([one.language, one.documents, one.lost, Share(one.share)], level=1) for one in group]
    note = (
        "Each rule with all documents, below it the languages. Run such a language by a recipe of its own: with bounds"
        " and a splitter that fit it, or without the rule."
        if rows
        else "No rule is."
    )
    return Table(
        head=["rule", "documents", "break it", "share"], rows=rows[:ROWS], title="Rules that kill a language",
        note=note, more=max(0, len(rows) - ROWS),
    )  # fmt: skip


def _by(hits: Sequence[tuple[StageSurvey, Hit]], names: Sequence[str] | None, what: str) -> Iterator[Table]:
    """Keep-rates, a row for each rule and a column for each language or script."""
    total = Counter[str]()
    for _, hit in hits:
        total |= hit.measured  # the most that any rule has seen
    columns = list(names or [n for n, c in total.most_common() if c >= LEAST])[:DRAWN_LANGUAGES]
    if len(columns) < 2:
        return
    most = sorted(hits, key=lambda item: (-item[1].broken.total(), item[1].reason))
    rows: list[list[Cell]] = [
        [Name(hit.reason), Share(_kept(hit.broken.total(), hit.measured.total())),
         *(Share(_kept(hit.broken[name], hit.measured[name])) for name in columns)]
        for _, hit in most[:ROWS]
    ]  # fmt: skip
    yield Table(
        head=["rule", "all", *columns], rows=rows, title=f"Keep-rate of every rule by {what}", folded=True,
        more=max(0, len(most) - ROWS),
    )  # fmt: skip


def _kept(lost: int, count: int) -> float | None:
    return 1 - lost / count if count else None


def _chart(hits: Sequence[tuple[StageSurvey, Hit]], names: Sequence[str]) -> Chart:
    """Rules by languages, the share lost as a shade."""
    columns = list(names[:DRAWN_LANGUAGES])
    most = sorted(hits, key=lambda item: (-item[1].broken.total(), item[1].reason))[:DRAWN_RULES]
    data: list[dict[str, Any]] = [
        {"rule": hit.reason, "language": name, "share": hit.broken[name] / hit.measured[name],
         "documents": hit.measured[name], "lost": hit.broken[name]}
        for _, hit in most
        for name in columns
        if hit.measured[name]
    ]  # fmt: skip
    order = [hit.reason for _, hit in most]
    spec = {
        "data": {"values": data},
        "height": 30 * len(order),
        "mark": {"type": "rect", "tooltip": True},
        "encoding": {
            "x": {"field": "language", "type": "nominal", "sort": columns, "title": None,
                  "axis": {"orient": "top", "labelAngle": 0}},
            "y": {"field": "rule", "type": "nominal", "sort": order, "title": None,
                  "axis": {"labelLimit": 180, "labelExpr": STEP_AND_RULE, "labelOffset": -6}},
            "opacity": {"field": "share", "type": "quantitative", "title": "lost",
                        "legend": {"format": ".0%", "values": [0, 0.5, 1]},
                        "scale": {"domain": [0, 1], "range": [0.04, 1]}},
        },
    }  # fmt: skip
    worst = max(data, key=lambda one: (one["share"], one["documents"]), default=None)
    words = "" if worst is None else (
        f"The largest share: {worst['rule']} would drop {worst['lost']:,} of {worst['documents']:,} documents in"
        f" {worst['language']}."
    )  # fmt: skip
    caption = "The stronger the colour, the more of a language's documents break the rule; the worst rules come first."
    return Chart(spec=spec, caption=caption, alternative=words, title="Loss by rule and language")
