"""Does the true funnel lie in the intervals that `corpusmill estimate` states? Whole runs against samples of them.

Runs a recipe on a whole crawl, then estimates it from samples of several sizes, which read different windows. Prints a
line for each step with its true count and the interval, and how many of them hold it; `--json` keeps all figures.

    python -m benchmarks.estimate --kind warc --input demo/crawl/*.warc.gz --json demo.json
    python -m benchmarks.estimate --kind text --input docs50k/documents/*.jsonl --sample 500 2000
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from corpusmill import drive, local, plan, recipe
from corpusmill.estimate import whole
from corpusmill.recipe import Recipe
from corpusmill.report import estimated
from corpusmill.report.progress import Bar

STEPS = """
  - use: language
    keep: [en]
  - use: gopher_repetition
  - use: gopher_quality
  - {use: c4, min_words_per_line: 3, sentences: [5, null], terminal_punctuation: false, characters: [null, null]}
  - use: fineweb_quality
  - {use: exact_dedup, by: normalised}
  - use: near_dedup
  - use: line_dedup
  - use: redact
"""
PAGES = "  - use: url_filter\n  - use: resiliparse"


def chosen(kind: str, inputs: list[str], output: str) -> Recipe:
    """The recipe, for archives or for texts."""
    source = "warc" if kind == "warc" else "jsonl"
    steps = (PAGES if kind == "warc" else "") + STEPS
    head = f"name: truth\ninput: {{format: {source}, split_mb: 16, paths: {json.dumps(inputs)}}}\nsteps:\n"
    return recipe.parse(f"{head}{steps}\noutput: {output}")


def truth(made: Recipe, workers: int) -> tuple[dict[str, dict], float]:
    """Documents and bytes that leave each step of the whole run, and processor seconds."""
    results = drive.run(plan.make(made), local.executor(workers), Bar())
    found: dict[str, dict] = {}
    for result in results:
        for name, step in result.report.steps.items():
            found.setdefault(name, {"documents": step.documents_out, "bytes": step.bytes_out})
    return found, sum(sum(result.seconds.values()) for result in results)


def main() -> None:
    """Run, estimate, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=("warc", "text"), required=True)
    parser.add_argument("--input", nargs="+", required=True)
    parser.add_argument("--sample", nargs="+", type=int, default=[500, 1000, 2000])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    told = {"input": [Path(path).name for path in options.input], "estimates": []}
    with tempfile.TemporaryDirectory() as folder:
        made = chosen(options.kind, [str(Path(path).resolve()) for path in options.input], folder)
        begin = time.perf_counter()
        found, seconds = truth(made, options.workers)
        told |= {"truth": found, "core_seconds": seconds, "wall": time.perf_counter() - begin}
        for size in options.sample:
            begin = time.perf_counter()
            one = whole.estimate(made, size, local.executor(options.workers), Bar())
            wall = time.perf_counter() - begin
            told["estimates"].append({"asked": size, "wall": wall, **estimated.to_json(one, [])})
            compare(one, found, seconds, wall)
    if options.json:
        options.json.write_text(json.dumps(told, indent=1))


def compare(one: whole.Estimate, found: dict[str, dict], seconds: float, wall: float) -> None:
    """Print one estimate beside the truth."""
    print(f"\n{one.documents} records in {one.windows} windows, {one.times:.1f} times in the input, {wall:.0f} s")
    inside = 0
    for step in one.steps:
        real = found[step.name]["documents"]
        holds = step.out.holds(real)
        inside += holds
        told = f"{step.out.value:10,.0f}  {step.out.low:10,.0f} to {step.out.high:10,.0f}"
        print(f"{step.name:20} {real:10,}  {told}  {'' if holds else 'OUTSIDE'}")
    print(f"{inside} of {len(one.steps)} steps inside")
    spent = one.core_seconds
    print(f"core-seconds {seconds:.1f}, told {spent.value:.1f} ({spent.low:.1f} to {spent.high:.1f})")


if __name__ == "__main__":
    main()
