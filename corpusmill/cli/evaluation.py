"""The command that evaluates language models."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

from corpusmill.cli.shared import positive, show
from corpusmill.errors import UsageError

if TYPE_CHECKING:
    from corpusmill.cli.shared import Commands
    from corpusmill.train.data import Rows
    from corpusmill.train.evaluate.perplexity import Documents


def add(commands: "Commands") -> None:
    """Add this command and its flags."""
    command = commands.add_parser("eval", help="bits per byte, tasks, and comparisons of language models")
    command.add_argument(
        "model", nargs="?", metavar="MODEL", help="folder of a training run, a checkpoint or an export"
    )
    command.add_argument(
        "--tasks", metavar="A,B", help="names of tasks or of files in --data, or paths (default: all of --data)"
    )
    command.add_argument("--data", metavar="DIR", help="folder with evaluation files (*.jsonl, compressed or not)")
    command.add_argument("--shards", metavar="RUN", help="measure the validation rows of these packed shards")
    command.add_argument(
        "--baselines",
        action="store_true",
        help="beside it the untrained model, and n-grams of the training rows of --shards",
    )
    command.add_argument("--shots", type=int, default=0, metavar="N", help="examples before each question (default 0)")
    command.add_argument("--limit", type=positive, metavar="N", help="questions of each task, and rows, at most")
    command.add_argument("--batch", type=positive, default=16, metavar="N", help="rows at once (default 16)")
    command.add_argument(
        "--start", action="store_true", help="end-of-text before every context, as before documents in training"
    )
    command.add_argument("--harness", choices=["lm-eval"], help="let lm-evaluation-harness ask, on the files of --data")
    command.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    command.add_argument("--out", metavar="FILE", help="results as JSON (default: eval/ in the folder of the run)")
    command.add_argument("--compare", nargs=2, metavar=("A", "B"), help="two results, question by question")
    command.add_argument("--quiet", action="store_true", help="show no progress, only the results")
    command.set_defaults(call=_evaluate)


def _evaluate(options: argparse.Namespace) -> int:
    if options.compare:
        return _compare(*options.compare)
    if options.model is None:
        raise UsageError(
            "eval: found no model; expected the folder of a run, a checkpoint or an export, or --compare A B"
        )
    if find_spec("torch") is None:
        raise UsageError("eval: torch is not installed; pip install 'corpusmill[train]'")
    if options.shots < 0:
        raise UsageError(f"--shots: found {options.shots}; expected 0 or more")
    from corpusmill.storage.write import put
    from corpusmill.train.evaluate import evaluation, report, results

    ask = evaluation.Ask(
        model=options.model, tasks=tuple(name for name in (options.tasks or "").split(",") if name),
        data=options.data, shards=options.shards, baselines=options.baselines, shots=options.shots,
        limit=options.limit, batch=options.batch, start=options.start, harness=options.harness is not None,
        device=options.device,
    )  # fmt: skip
    found = evaluation.evaluate(ask, _domains, _nothing if options.quiet else _progress)
    path = options.out or evaluation.default_path(options.model)
    items = results.write(path, found)
    put(path.removesuffix(".json") + ".md", report.markdown(found).encode())
    show(report.table(found))
    print(f"results {path} and .md beside it\nitems   {items}")
    return 0


def _progress(told: str) -> None:
    print(told, file=sys.stderr)


def _nothing(told: str) -> None:
    """Progress that is not shown."""


def _compare(first: str, second: str) -> int:
    from corpusmill.train.evaluate import report, results
    from corpusmill.train.evaluate.compare import compare

    show(report.differences(compare(results.read(first), results.read(second))))
    return 0


def _domains(rows: "Rows", documents: "Documents") -> Mapping[str, Sequence[str]]:
    """Sources and languages of the documents of all parts."""
    from corpusmill.report.domains import domains

    found: dict[str, list[str]] = {}
    for number, part in enumerate(rows.parts):
        mine = documents.parts == number
        named = domains(part.found.folder, documents.shards[mine], documents.rows[mine])
        for kind in ("source", "language"):
            found.setdefault(kind, []).extend(named.get(kind, [""] * int(mine.sum())))
    return found
