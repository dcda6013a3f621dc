"""The page of a training run: its curves, what it writes, and how it was evaluated, from the files it left."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from corpusmill.errors import OutputError
from corpusmill.report.page import charts, render
from corpusmill.report.page.sections import Card, Cell, Chart, Name, Passage, Piece, Section, Share, Table
from corpusmill.storage import paths
from corpusmill.storage.layout import PAGE
from corpusmill.storage.write import put

METRICS, SAMPLES, REPORT, DATA = "metrics.jsonl", "samples.jsonl", "report.json", "data.json"
POINTS = 400  # of a curve: more rows are averaged
SHOWN = 12  # samples, the last ones
GROUPS = 40  # rows of an evaluation
Rows = list[dict[str, Any]]


def is_run(path: str) -> bool:
    """Whether a folder is that of a training run."""
    return paths.exists(paths.join(path, METRICS)) and not paths.exists(paths.join(path, "recipe.yaml"))


def write(path: str, target: str | None = None) -> str:
    """Write the page of a training run, whole or not at all; gives its path.

    Args:
        path: folder of the run, finished or not.
        target: where to; by default `report.html` in that folder.
    """
    found = target or paths.join(path, PAGE)
    put(found, page(path).encode())
    return found


def page(path: str) -> str:
    """The page of a training run as HTML.

    Raises:
        OutputError: nothing was logged yet, or a file cannot be read.
    """
    metrics = _lines(path, METRICS)
    if not metrics:
        raise OutputError(f"{path}: {METRICS} has no rows yet; the first comes after a few steps")
    report = _object(path, REPORT)
    made = (_curves(metrics, report), _validation(metrics), _evaluation(path), _samples(path), _setup(path, report))
    about = "" if report else f"Not finished: the last row is of step {metrics[-1]['step']:,}."
    name = str(report.get("name") or paths.name(path))
    return render.html(name, about, [section for section in made if section], kind="training run")


def _curves(metrics: Rows, report: Mapping[str, Any]) -> Section:
    steps = [row for row in metrics if row.get("loss") is not None]
    last = steps[-1] if steps else metrics[-1]
    skipped = sum(row.get("skipped", 0) for row in steps)
    figures: list[tuple[str, Cell]] = [
        ("steps", last["step"]),
        ("tokens", last.get("tokens")),
        ("last loss", last.get("loss")),
    ]
    if "parameters" in report:
        figures.insert(0, ("parameters", report["parameters"]))
    seconds = sum(row.get("seconds") or 0 for row in steps)
    if seconds and len(steps) > 1:
        figures.append(("hours", seconds / 3600))
    kinds = {
        "loss": "Mean loss of the training tokens, in nats. Smooth and falling is well; a jump that stays is not.",
        "learning_rate": "As the schedule has it.",
        "gradient_norm": "Before clipping. A growing norm comes before a loss that diverges.",
        "tokens_per_second": "Padding included.",
        "mfu": "Share of the device's peak that the model's own FLOPs are.",
        "memory_bytes": "The most that was held, in GB.",
    }
    drawn = [
        _curve(steps, name, told) for name, told in kinds.items() if any(row.get(name) is not None for row in steps)
    ]
    notes = [f"{skipped:,} steps were skipped by the guard against spikes."] if skipped else []
    if len(steps) > POINTS:
        notes.append(f"Each point is the mean of some of {len(steps):,} rows, so that there are {POINTS} at most.")
    return Section(
        name="training", title="Training", figures=figures, charts=drawn, notes=notes,
        lead="Does it learn, evenly, and as fast as the machine can?",
        data={"steps": last["step"], "loss": last.get("loss")},
    )  # fmt: skip


def _curve(rows: Rows, name: str, told: str) -> Chart:
    points = thinned([(row["step"], row[name]) for row in rows if row.get(name) is not None])
    title = name.replace("_", " ")
    if name == "memory_bytes":
        points, title = [(step, value / 1e9) for step, value in points], "memory in GB"
    values = [{"step": step, title: value} for step, value in points]
    (first, begin), (last, end) = points[0], points[-1]
    words = f"{title} from {begin:.4g} at step {first:,.0f} to {end:.4g} at step {last:,.0f}"
    spec = {**charts.lines(values, "step", title), "height": 240 if name == "loss" else 150}
    return Chart(spec=spec, title=title, caption=told, alternative=words, half=name != "loss", name=f"curve-{name}")


def thinned(points: Sequence[tuple[float, float]], most: int = POINTS) -> list[tuple[float, float]]:
    """At most so many points: means of equal runs of them."""
    size = -(-len(points) // most) or 1
    runs = [points[at : at + size] for at in range(0, len(points), size)]
    return [(sum(x for x, _ in run) / len(run), sum(y for _, y in run) / len(run)) for run in runs]


def _validation(metrics: Rows) -> Section | None:
    rows = [row for row in metrics if row.get("validation_loss") is not None]
    if not rows:
        return None
    known = ("bits_per_byte", "validation_loss")
    drawn = [
        _curve(rows, name, "On the rows held out, the same each time. Lower is better; rising again is overfitting.")
        for name in known if sum(row.get(name) is not None for row in rows) > 1
    ]  # fmt: skip
    last = rows[-1]
    figures: list[tuple[str, Cell]] = [(name.replace("_", " "), last[name]) for name in known if name in last]
    data = {name: last[name] for name in known if name in last}
    lead = "How well it predicts text it has not read. Bits per byte compare models of different tokenizers."
    return Section(name="validation", title="Validation", lead=lead, figures=figures, charts=drawn, data=data)


def _evaluation(path: str) -> Section | None:
    folder = paths.join(path, "eval")
    names = paths.names(folder) if paths.exists(folder) else []
    files = [name for name in names if name.endswith(".json")]
    tables, data = [], {}
    for name in files:
        scores = _object(folder, name).get("scores", [])
        data[name] = scores
        rows: list[list[Cell]] = [
            [Name(row["task"]), row["group"] or "all", row["metric"], row["value"],
             "" if row["error"] is None else f"± {row['error']:.4f}", row["items"]]
            for row in scores[:GROUPS]
        ]  # fmt: skip
        head = ["task", "of", "metric", "value", "standard error", "items"]
        more = max(0, len(scores) - GROUPS)
        tables.append(Table(head=head, rows=rows, align="lllrrr", title=name.removesuffix(".json"), more=more))
    lead = "Two values closer than about three standard errors are not known to differ."
    return Section(name="evaluation", title="Evaluation", lead=lead, tables=tables, data=data) if tables else None


def _samples(path: str) -> Section | None:
    samples = _lines(path, SAMPLES)
    if not samples:
        return None
    cards = [
        Card(
            title=f"step {sample['step']:,}",
            passages=[Passage([Piece(str(sample.get("prompt", "")), "hit"), Piece(str(sample.get("text", "")))])],
        )
        for sample in samples[-SHOWN:][::-1]
    ]  # fmt: skip
    lead = "What the model writes after a prompt, which is marked; the latest first."
    return Section(name="samples", title="Samples", lead=lead, examples=cards)


def _setup(path: str, report: Mapping[str, Any]) -> Section | None:
    data = _object(path, DATA)
    architecture = report.get("architecture", {})
    tables = []
    if architecture:
        rows: list[list[Cell]] = [[Name(name), json.dumps(value).strip('"')] for name, value in architecture.items()]
        tables.append(Table(head=["architecture", ""], rows=rows, align="ll", folded=True, title="Architecture"))
    parts = data.get("parts", [])
    if parts:
        epochs = report.get("epochs", {})
        total = sum(part["tokens"] for part in parts) or 1
        cells = [
            [Name(part["name"]), part["rows"], part["tokens"], Share(part["tokens"] / total), epochs.get(part["name"])]
            for part in parts
        ]
        tables.append(Table(head=["data", "rows", "tokens", "of all tokens", "epochs read"], rows=cells, title="Data"))
    if not tables:
        return None
    return Section(name="setup", title="Model and data", lead="What was trained on what.", tables=tables)


def _lines(path: str, name: str) -> Rows:
    """The rows of a journal; the last may be broken off where the run still writes."""
    file = paths.join(path, name)
    if not paths.exists(file):
        return []
    lines = paths.read_text(file).split("\n")[:-1]
    return [_parsed(line, f"{file}:{number}") for number, line in enumerate(lines, 1)]


def _object(path: str, name: str) -> dict[str, Any]:
    file = paths.join(path, name)
    return _parsed(paths.read_text(file), file) if paths.exists(file) else {}


def _parsed(text: str, where: str) -> dict[str, Any]:
    try:
        return dict(json.loads(text))
    except ValueError as error:
        raise OutputError(f"{where}: no JSON ({error}); expected what `corpusmill train` wrote") from error
