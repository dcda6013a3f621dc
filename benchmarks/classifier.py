"""A quality classifier in the manner of DCLM: the figures of classifier.md.

python -m benchmarks.classifier [--language-model lid.176.ftz] [--data ../shared/data] [--keep FOLDER]

Positives: encyclopedia passages, articles that people linked to, instructions with answers, worked solutions.
Negatives: whole-page text of crawled pages of all kinds, login and search forms, spam. English only (score 0.65).
"""

import argparse
import gzip
import json
import lzma
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from corpusmill import documents
from corpusmill.extract.resiliparse import Resiliparse
from corpusmill.filters import classifier_scores
from corpusmill.filters import classifier_training as training
from corpusmill.filters.classifier_training import Options, Settings
from corpusmill.filters.fasttext_classifier import FastText
from corpusmill.filters.language import Language
from corpusmill.steps import Chain
from corpusmill.view import View

VARIANTS = {
    "DCLM's settings, 200,000 buckets": Settings(),
    "the same, 2,000,000 buckets (fastText's own)": Settings(bucket=2_000_000),
    "dim 16": Settings(dim=16),
    "single words": Settings(wordNgrams=1),
    "dim 100, quantized": Settings(),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--language-model", default="lid.176.ftz")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--keep", type=Path, help="leave the training files and models here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        keep = Chain([Language(model=options.language_model, keep=("en",))])
        positive = [write(folder, name, texts, keep) for name, texts in positives(options.data).items()]
        negative = [write(folder, name, texts, keep) for name, texts in negatives(options.data).items()]
        print("\n| model | AUC | F1 at 0.5 | recall where a tenth of the negatives pass | MB | trained in s | MB/s |")
        print("|---|---|---|---|---|---|---|")
        for number, (name, settings) in enumerate(VARIANTS.items()):
            print(variant(folder / f"model-{number}.bin", name, settings, positive, negative))
        about = json.loads((folder / "model-0.json").read_text())
        table(about["held_out"])
        by_source(str(folder / "model-0.bin"), positive, negative, about["held_out"]["top_tenth"])


def variant(out: Path, name: str, settings: Settings, positive: list[str], negative: list[str]) -> str:
    begin = time.process_time()
    options = Options(settings=settings, quantize="quantized" in name)
    scores = training.train(positive, negative, out, options)
    seconds = time.process_time() - begin
    middle = next(row for row in scores.table if row.threshold == 0.5)
    values = held_out_scores(str(out), positive, options)
    recall = (values >= scores.top_tenth).mean()
    figures = [f"{scores.auc:.4f}", f"{middle.f1:.4f}", f"{recall:.4f}", f"{out.stat().st_size / 1e6:.1f}"]
    return (
        f"| {name} | " + " | ".join([*figures, f"{seconds:.0f}", f"{speed(str(out), positive + negative):.1f}"]) + " |"
    )


def held_out_scores(model: str, files: list[str], options: Options) -> np.ndarray:
    examples, _ = training.collect(files, [], options)
    lines = [example.line.decode() for example in examples if training._share(example.key) < options.held_out]
    return FastText(model=model).build()(View(documents.from_texts(lines))).signals["score"]


def speed(model: str, files: list[str]) -> float:
    """MB of text per second through the step."""
    texts = pa.array([text for file in files for text in list(training.read_texts(file))[:300]])
    measure, view = FastText(model=model).build(), View(documents.from_texts(texts))
    best = min(timed(lambda: measure(view)) for _ in range(3))
    return texts.nbytes / 1e6 / best


def timed(call) -> float:
    begin = time.process_time()
    call()
    return time.process_time() - begin


def table(held_out: dict) -> None:
    print(f"\nHeld out: {held_out['positives']} positives, {held_out['negatives']} negatives. ", end="")
    print(f"A tenth of the negatives scores {held_out['top_tenth']} or more.\n")
    print("| bound | precision | recall | F1 | negatives kept |\n|---|---|---|---|---|")
    for row in held_out["table"]:
        print("| " + " | ".join(f"{value:.4g}" for value in row.values()) + " |")


def by_source(model: str, positive: list[str], negative: list[str], top_tenth: float) -> None:
    print(
        "\n| source | texts | held out | median score | score >= 0.5 | score >= top tenth |\n|---|---|---|---|---|---|"
    )
    for kind, files in ("+", positive), ("-", negative):
        for file in files:
            values = held_out_scores(model, [file], Options())
            texts = sum(1 for _ in training.read_texts(file))
            shares = f"{(values >= 0.5).mean():.3f} | {(values >= top_tenth).mean():.3f}"
            print(f"| {kind} {Path(file).stem} | {texts} | {len(values)} | {np.median(values):.3f} | {shares} |")
    hard = [held_out_scores(model, [files[1]], Options()) for files in (positive, negative)]
    print(f"\nAUC of openwebtext against wcxb alone: {classifier_scores.auc(*hard):.4f}")


def write(folder: Path, name: str, texts: Iterator[str], keep: Chain) -> str:
    """One JSON Lines file of the English texts of a source, at most 8,000 of at least 100 characters."""
    wanted = [text for text in texts if len(text.strip()) >= 100][:8000]
    kept = keep(documents.from_texts(wanted)).kept.column("text").to_pylist()
    path = folder / f"{name}.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in kept))
    print(f"{name}: {len(wanted)} texts, {len(kept)} English, {path.stat().st_size / 1e6:.1f} MB")
    return str(path)


def positives(data: Path) -> dict[str, Iterator[str]]:
    instructions = data / "instruction-positives"
    return {
        "wikipedia": (row["text"].partition(" -- ")[2] for row in rows(data / "wiki-passages-boolq/passages.jsonl.xz")),
        "openwebtext": (row["text"] for row in rows(data / "openwebtext-1000/openwebtext-1000.jsonl.xz")),
        "self-instruct": tasks(instructions / "self_instruct_seed_tasks.jsonl.gz"),
        "user-instructions": tasks(instructions / "user_oriented_instructions.jsonl.gz"),
        "t0": (row["prompt"] for row in rows(instructions / "t0_train_sample.jsonl.xz")),
        "gsm8k": (f"{row['question']}\n{row['answer']}" for row in rows(data / "eval-gsm8k/train.jsonl.gz")),
    }


def negatives(data: Path) -> dict[str, Iterator[str]]:
    return {
        "formasaurus": pages(data / "formasaurus-pages/html.tar.xz"),
        "wcxb": pages(data / "wcxb-dev/html.tar.xz"),
        "trafilatura-eval": pages(data / "trafilatura-eval/html.tar.xz"),
        "hplt": (row["text"] for row in rows(data / "hplt-multilingual-web/docs.jsonl.xz")),
        "spam": (row["text"] for row in rows(data / "spamassassin/emails.jsonl.xz") if row["label"] == "spam"),
    }


def tasks(path: Path) -> Iterator[str]:
    for row in rows(path):
        case = row["instances"][0]
        yield "\n".join([row["instruction"], case["input"], case["output"]])


def rows(path: Path) -> Iterator[dict]:
    with (gzip.open if path.suffix == ".gz" else lzma.open)(path, "rt") as lines:
        for line in lines:
            yield json.loads(line)


def pages(path: Path) -> Iterator[str]:
    """Whole-page text, as a crawl's WET files have it."""
    chain = Chain([Resiliparse(content="whole")])
    with tarfile.open(path, "r:xz") as archive:
        for member in archive:
            if member.isfile():
                kept = chain(documents.conform({"html": [archive.extractfile(member).read()]})).kept
                yield from kept.column("text").to_pylist() if kept.num_rows else []


if __name__ == "__main__":
    main()
