"""Does the trainer learn? A small model and an interpolated trigram on the same tokens: the figures of learning.md.

    python -m benchmarks.learning prepare [--work DIR] [--vocabulary 2048] [--length 256]
    python -m benchmarks.learning train [--work DIR] [--name NAME] [--tokens N] [--set KEY=VALUE ...]
    python -m benchmarks.learning compare [--work DIR] [--name NAME] [--svg FILE]

`prepare`: the English novels of the shared data, one document a chapter's length, every twentieth novel held out whole;
a tokenizer trained on the rest, and both packed, by the commands that a user runs.
`train`: `corpusmill train`, one pass, on this machine's cores; prints wall time.
`compare`: bits per byte of the held-out novels by tokens seen: the model's, as its metrics say, and an interpolated
trigram's and unigram's, fitted on exactly the rows that the model had seen by then.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks import corpora, near_corpus

PIECE = 8_000  # characters of a document
HELD = 20  # one novel in so many is held out
JUDGED = 64  # validation rows, those that the metrics are of
POINTS = 8  # of the curve of n-grams

RECIPE = """
name: novels
input: {{format: jsonl, paths: ['{work}/novels.jsonl']}}
steps:
  - {{use: tokenize, tokenizer: {work}/tokenizer.json, sequence_length: {length}, validation: {{held: 1.0}}}}
output: {work}/out
"""

TRAINING = """
name: {name}
data: {work}/out
model: {{preset: llama-3m}}
length: {{tokens: {tokens}}}
batches: {{rows: 4, micro_rows: 4}}
optimizer: {{learning_rate: 0.003}}
schedule: {{shape: wsd, warmup: 0.02, decay: 0.4, final: 0.0}}
watching: {{log_every: 50, validate_every: 400, validate_rows: 64, prompts: ['She looked at'], sample_tokens: 80}}
checkpoints: {{every: 2000}}
sharding: {{precision: bf16}}
output: {work}/models
"""


def command(*arguments):
    """Run corpusmill, loudly; gives seconds."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-P", "-m", "corpusmill", *map(str, arguments)], check=True)
    return time.perf_counter() - begin


def prepare(options):
    """Novels to packed rows."""
    options.work.mkdir(parents=True, exist_ok=True)
    texts = options.work / "novels.jsonl"
    with texts.open("w") as out:
        for number, novel in enumerate(near_corpus.novels(options.data)):
            source = "held" if number % HELD == 0 else "read"
            for at, start in enumerate(range(0, len(novel), PIECE)):
                row = {"id": f"{number}-{at}", "text": novel[start : start + PIECE], "source": source}
                out.write(json.dumps(row) + "\n")
    with texts.open() as lines, (options.work / "read.jsonl").open("w") as out:
        out.writelines(line for line in lines if json.loads(line)["source"] == "read")
    (options.work / "recipe.yaml").write_text(RECIPE.format(work=options.work, length=options.length))
    command("tokenizer", "train", "--texts", options.work / "read.jsonl", "--out", options.work / "tokenizer.json",
            "--vocabulary-size", options.vocabulary)  # fmt: skip
    command("run", options.work / "recipe.yaml", "--runner", "local")


def train(options):
    """One model."""
    file = options.work / f"{options.name}.yaml"
    file.write_text(TRAINING.format(work=options.work, name=options.name, tokens=options.tokens))
    settings = [word for setting in options.set for word in ("--set", setting)]
    seconds = command("train", file, *settings)
    (options.work / f"{options.name}.json").write_text(json.dumps({"seconds": seconds, "load": os.getloadavg()[0]}))
    print(f"{seconds:.0f} s")


def compare(options):
    """The curves."""
    from corpusmill.tokenize import sizes, tokenizer
    from corpusmill.train import config
    from corpusmill.train.data import Rows
    from corpusmill.train.evaluate.ngram import Ngrams

    folder = options.work / "models" / options.name
    chosen = config.load(str(folder / "training.yaml"))
    rows, held = Rows.open(chosen.data, chosen.seed), Rows.open(chosen.data, chosen.seed, "validation")
    text_bytes = sizes.token_bytes(tokenizer.load(str(folder / "tokenizer.json")))
    told = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    step = chosen.batches.rows * rows.sequence_length  # tokens
    points = [(row["step"] * step, row["bits_per_byte"]) for row in told if "bits_per_byte" in row]
    judged = [
        held.batch(np.arange(first, min(first + 64, held.row_count)))
        for first in range(0, min(JUDGED, held.row_count), 64)
    ]

    def bits(losses):
        size = sum(int(text_bytes[batch.targets[batch.targets >= 0]].sum()) for batch in judged)
        return sum(float(losses(batch).sum()) for batch in judged) / np.log(2) / size

    table = []
    for tokens, ours in points[:: max(len(points) // POINTS, 1)] + points[-1:]:
        seen = tokens // rows.sequence_length
        batches = (rows.batch(np.arange(first, min(first + 64, seen))) for first in range(0, seen, 64))
        fitted = Ngrams.fit(batches, rows.vocabulary_size)
        table.append((tokens, ours, bits(fitted.losses), bits(fitted.unigram)))
    print("| tokens | model, bits per byte | trigram | unigram |\n|---:|---:|---:|---:|")
    for tokens, *values in table:
        print(f"| {tokens:,} | " + " | ".join(f"{value:.4f}" for value in values) + " |")
    if options.svg:
        options.svg.write_text(figure(points, table))


WIDTH, HEIGHT, LEFT, TOP = 640, 320, 56, 24


def figure(points, table):
    """Both curves as SVG; tokens along, bits per byte up."""
    most = max(tokens for tokens, _ in points)
    values = [value for _, value in points] + [value for row in table for value in row[1:3]]
    low, high = min(values) - 0.05, min(max(values), min(values) + 2)

    def place(tokens, value):
        x = LEFT + (WIDTH - LEFT - 90) * tokens / most
        return f"{x:.1f},{TOP + (HEIGHT - 2 * TOP) * (1 - (min(value, high) - low) / (high - low)):.1f}"

    curves = {
        "model": ("#4357ad", points),
        "trigram": ("#c1666b", [(row[0], row[2]) for row in table]),
    }
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
            ' font-size="12">'
        ),
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
    ]
    for step in range(5):
        value = low + (high - low) * step / 4
        at = place(0, value).split(",")[1]
        parts.append(f'<text x="{LEFT - 8}" y="{at}" text-anchor="end" dy="4" fill="#555">{value:.2f}</text>')
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - 90}" y1="{at}" y2="{at}" stroke="#ddd"/>')
        along = place(most * step / 4, low).split(",")[0]
        parts.append(
            f'<text x="{along}" y="{HEIGHT - 6}" text-anchor="middle" fill="#555">{most * step / 4 / 1e6:.1f} M</text>'
        )
    for name, (colour, line) in curves.items():
        drawn = " ".join(place(*point) for point in line)
        x, y = place(*line[-1]).split(",")
        parts.append(f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{float(x) + 6:.1f}" y="{y}" dy="4" fill="{colour}">{name} {line[-1][1]:.3f}</text>')
    return "\n".join([*parts, "</svg>\n"])


def main():
    """Do what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["prepare", "train", "compare"])
    parser.add_argument("--work", type=Path, default=Path("bench-learning"))
    parser.add_argument("--data", type=Path, default=corpora.DATA)
    parser.add_argument("--vocabulary", type=int, default=2048)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--name", default="small")
    parser.add_argument("--tokens", type=int, default=4_000_000)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--svg", type=Path)
    options = parser.parse_args()
    {"prepare": prepare, "train": train, "compare": compare}[options.what](options)


if __name__ == "__main__":
    main()
