"""Personal data and secrets: what was found, what became of it, and where most of it lies."""

from corpusmill.redact import Redact
from corpusmill.report.outputs import Run
from corpusmill.report.page import charts
from corpusmill.report.page.sections import Cell, Chart, Name, Section, Share, Table, anchor
from corpusmill.report.page.totals import Stage, stages
from corpusmill.spec import names

TOP = 20  # domains
LEAD = (
    "A kind that is found on many domains is in the text of the web; one that lies on a single domain may be a mistake."
)


def section(run: Run) -> Section | None:
    """All steps that say what they replaced."""
    found = [(stage, name) for stage in stages(run) for name in stage.report.steps if _replaces(stage, name, run)]
    if not found:
        return None
    tables, drawn, notes, data = [], [], [], {}
    for stage, name in found:
        values, documents = (stage.report.tallied(f"{name}.{kind}.") for kind in ("edits", "documents"))
        total = stage.report.steps[name].documents_in
        data[name] = {"documents": total, "edits": values, "documents_with": documents}
        entities = sorted(values.items(), key=lambda item: (-item[1], item[0]))
        rows = [
            [Name(entity, anchor("reason", f"{name}.{entity}")), count, documents.get(entity, 0),
             Share(documents.get(entity, 0) / total if total else None), 1e6 * count / total if total else None]
            for entity, count in entities
        ]  # fmt: skip
        head = ["what", "replaced", "documents", "of documents", "per million documents"]
        tables += [Table(head=head, rows=rows, title=f"{name}: {_action(run, name)}")] if rows else []
        tables += _domains(stage, name)
        if entities:
            words = ", ".join(f"{entity} {count:,}" for entity, count in entities)
            drawn.append(Chart(
                spec=charts.bars(entities, "replaced", ",d"), title=f"{name}: values replaced",
                alternative=f"{name}: {words}.", caption="Values, not documents: one document may hold many.",
            ))  # fmt: skip
        else:
            notes.append(f"{name}: nothing was found in {total:,} documents.")
    return Section(
        name="personal", title="Personal data", lead=LEAD, charts=drawn, tables=tables, notes=notes, data=data
    )


def _replaces(stage: Stage, name: str, run: Run) -> bool:
    return bool(stage.report.tallied(f"{name}.edits.")) or isinstance(_specs(run).get(name), Redact)


def _specs(run: Run) -> dict[str, object]:
    return dict(zip(names(run.recipe.steps), run.recipe.steps, strict=True))


def _action(run: Run, name: str) -> str:
    """What becomes of values: the recipe's word for it."""
    step = _specs(run).get(name)
    return f"values, by “{step.action}”" if isinstance(step, Redact) else "values"


def _domains(stage: Stage, name: str) -> list[Table]:
    domains = sorted(stage.report.tallied(f"{name}.domains.").items(), key=lambda item: (-item[1], item[0]))
    if not domains:
        return []
    all_ = sum(count for _, count in domains)
    rows: list[list[Cell]] = [[domain, count, Share(count / all_)] for domain, count in domains[:TOP]]
    head = ["domain", "replaced", "of all with a domain"]
    return [
        Table(head=head, rows=rows, title=f"{name}: domains with most", more=max(0, len(domains) - TOP), folded=True)
    ]
