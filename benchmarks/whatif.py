"""How long a question to the ledgers takes, by their size: the figures of whatif.md.

    python -m benchmarks.whatif copy --run OUT --rows 1000000 --output BIG     # the run's first stage, again and again
    python -m benchmarks.whatif time --run BIG                                 # on one core, each question three times

A copy has the ledger rows of the run's first stage until there are enough of them, each time in another order, under
new ids and with shares that differ in their last digits, so that they are stored as those of a crawl are; it answers
as a run of that size would, for its one stage.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill import plan, recipe, stats
from corpusmill.report import outputs
from corpusmill.storage.write import ParquetFile

SHARDS = 4
REPEATS = 3
QUESTIONS = {
    "the run's own bounds": [],
    "a stricter bound": ["gopher_quality.words=[100,null]"],
    "a looser bound": ["gopher_quality.words=[20,null]"],
    "three bounds and a step left out": [
        "gopher_quality.words=[20,null]", "gopher_repetition.duplicate_5_grams=[null,0.3]", "c4.sentences=[2,null]",
        "--drop", "fineweb_quality",
    ],
    "a sweep of both ends": ["--sweep", "gopher_quality.words"],
}  # fmt: skip


def copy(run: outputs.Run, rows: int, output: Path) -> None:
    """Write a run of one stage with at least so many ledger rows."""
    stage = run.stages[0]
    table = pa.concat_tables([stage.ledger(entry["shard"]) for entry in stage.manifest["shards"]])
    times = -(-rows // (table.num_rows * SHARDS))
    folder = output / "big" / stage.title
    (folder / "ledger").mkdir(parents=True)
    entries, report = [], stats.Report()
    for shard in range(SHARDS):
        with ParquetFile(str(folder / "ledger" / f"{shard:05d}.parquet"), table.schema) as file:
            for number in range(times):
                for batch in _varied(table, f"-{shard}-{number}", np.random.default_rng(shard * times + number)):
                    file.write(batch)
                report.add(stage.report())
            facts = file.finish()
        split = stage.manifest["shards"][0]["split"]
        entries.append({"shard": shard, "key": "", "split": split, "files": {"ledger": asdict(facts)}})
    told = {**stage.manifest, "shards": entries, "pruned": True}  # there are no documents
    (folder / "manifest.json").write_text(json.dumps(told))
    (folder / "report.json").write_text(json.dumps(report.to_json()))
    (folder / "timing.json").write_text(json.dumps({"seconds": {}}))
    first = sum(len(specs) for _, specs in plan.cut(run.recipe.steps)[:1])
    kept = recipe.Recipe(name="big", input=run.recipe.input, steps=run.recipe.steps[:first])
    (output / "big" / "recipe.yaml").write_text(recipe.resolved(kept))
    print(f"{report.records:,} rows in {SHARDS} shards, {table.num_columns} columns")


def _varied(table: pa.Table, tail: str, pick: np.random.Generator) -> list[pa.RecordBatch]:
    """The rows in another order, with other ids, and shares moved by a millionth of a millionth: nothing repeats."""
    found = table.take(pa.array(pick.permutation(table.num_rows)))
    for at, column in enumerate(table.schema):
        values = found[column.name]
        if column.name == "id":
            found = found.set_column(at, column, pc.binary_join_element_wise(values, pa.scalar(tail), ""))
        elif column.type == pa.float64() and pc.any(pc.not_equal(values, pc.round(values))).as_py():
            noise = pa.array(1 + 1e-12 * pick.random(table.num_rows))
            found = found.set_column(at, column, pc.multiply(values, noise))
    return found.combine_chunks().to_batches()


def measure(path: str) -> None:
    """Time the commands and the survey of the page, each in a process of its own on one core."""
    script = "import sys; from corpusmill.cli import main; sys.exit(main(sys.argv[1:]))"
    survey = "import sys; from corpusmill.report import outputs, survey; survey.survey(outputs.find(sys.argv[1]))"
    commands = {name: [script, "what-if", path, *arguments] for name, arguments in QUESTIONS.items()}
    commands["fairness and interaction"] = [survey, path]
    for name, (code, *arguments) in commands.items():
        walls, peaks = [], []
        for _ in range(REPEATS):
            begin = time.perf_counter()
            process = psutil.Popen(
                [sys.executable, "-P", "-c", code, *arguments], stdout=subprocess.DEVNULL,
                preexec_fn=lambda: os.sched_setaffinity(0, {1}),
            )  # fmt: skip
            peak = 0
            while process.poll() is None:
                try:
                    peak = max(peak, process.memory_info().rss)
                except psutil.Error:
                    break
                time.sleep(0.02)
            if process.wait():
                sys.exit(f"{name}: exit code {process.returncode}")
            walls.append(time.perf_counter() - begin)
            peaks.append(peak)
        print(f"| {name} | {statistics.median(walls):.1f} | {max(peaks) / 1e6:,.0f} |")


def main() -> None:
    """Read the arguments and do one of the two."""
    parser = argparse.ArgumentParser()
    parser.add_argument("action", choices=("copy", "time"))
    parser.add_argument("--run", required=True)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    if options.action == "copy":
        copy(outputs.find(options.run), options.rows, options.output)
    else:
        measure(options.run)


if __name__ == "__main__":
    main()
