"""Train a fastText classifier from files of good and of other texts, and judge it on texts it has not seen."""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from corpusmill import resources, texts
from corpusmill.errors import InputError
from corpusmill.filters import classifier_scores, fasttext_model
from corpusmill.filters.classifier_scores import Scores
from corpusmill.filters.fasttext_model import PREFIX, Settings

FEWEST = 20  # texts of a class


@dataclass(frozen=True)
class Options:
    """How to train and to judge; `characters`, `lower` and the label go into the recipe's `fasttext` step unchanged."""

    settings: Settings = field(default_factory=Settings)
    held_out: float = 0.1  # share of the texts, chosen by their hash
    characters: int = 0  # code points read from the start of each text; 0 reads all
    lower: bool = False
    field_name: str = "text"  # of JSON Lines and Parquet files
    quantize: bool = False


class Example(NamedTuple):
    """One text of the training data; `key` is its hash, which gives its place and whether it is held out."""

    key: bytes
    positive: bool
    line: bytes


class Counts(NamedTuple):
    """What became of the texts that were read."""

    positives: int
    negatives: int
    repeated: int  # left out: equal to another text of its class
    in_both: int  # left out: in both classes
    blank: int  # left out


def train(positive: Sequence[str], negative: Sequence[str], out: Path, options: Options | None = None) -> Scores:
    """Train on most of the texts, write `out` and its `.json`, and give the figures on the rest.

    Equal files and options give equal bytes, on one machine: texts are ordered by their hash, one thread trains.
    All texts are held in memory.

    Args:
        positive: files of JSON Lines, Parquet, or plain text with one text a line; the first and the last may be
            compressed (.gz, .xz, .bz2, .zst).
        negative: the same of the other class.
        out: the model; figures, settings and the digests of the files go to the same name with `.json`.
        options: how to train; the defaults are DCLM's, with fewer hash buckets.

    Raises:
        InputError: a file cannot be read, or a class has fewer than 20 texts in either part.
        UsageError: if training diverges.
    """
    options = options or Options()
    if not 0 < options.held_out < 1:
        raise InputError(f"held_out is {options.held_out}; expected a share between 0 and 1, e.g. 0.1")
    examples, counts = collect(positive, negative, options)
    held_out = [example for example in examples if _share(example.key) < options.held_out]
    training = [example for example in examples if _share(example.key) >= options.held_out]
    _check_classes(training, held_out, counts)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".train-") as folder:
        lines, model = Path(folder) / "lines.txt", Path(folder) / "model.bin"
        lines.write_bytes(b"".join(_training_line(example) for example in training))
        fasttext_model.train(lines, model, options.settings, quantize=options.quantize)
        scores = judge(model, held_out)
        about = _about(positive, negative, options, counts, scores, model)
        model.replace(out)
    out.with_suffix(".json").write_text(json.dumps(about, indent=2) + "\n")
    return scores


def collect(positive: Sequence[str], negative: Sequence[str], options: Options) -> tuple[list[Example], Counts]:
    """All texts once, ordered by their hash, without those that are in both classes."""
    found: dict[bytes, tuple[set[bool], bytes]] = {}
    repeated = blank = 0
    for is_positive, names in (True, positive), (False, negative):
        for line in _lines(names, options):
            if not line.strip(fasttext_model.BLANKS):
                blank += 1
                continue
            key = hashlib.blake2b(line, digest_size=16, key=str(options.settings.seed).encode()).digest()
            classes, _ = found.setdefault(key, (set(), line))
            repeated += is_positive in classes
            classes.add(is_positive)
    clear = [(key, classes.pop(), line) for key, (classes, line) in sorted(found.items()) if len(classes) == 1]
    examples = [Example(*item) for item in clear]
    positives = sum(example.positive for example in examples)
    in_both = len(found) - len(examples)
    return examples, Counts(positives, len(examples) - positives, repeated, in_both, blank)


def judge(model: Path, held_out: Sequence[Example]) -> Scores:
    """The figures of a model on texts it was not trained on."""
    loaded = fasttext_model.Model(str(model))
    values = loaded.probabilities([example.line for example in held_out], ["positive"])[:, 0]
    good = np.array([example.positive for example in held_out])
    return classifier_scores.score(values[good], values[~good])


def _lines(names: Sequence[str], options: Options) -> Iterator[bytes]:
    for name in names:
        for text in texts.read_texts(name, options.field_name):
            array = pa.array([text.encode("utf-8", "replace").decode()])
            yield fasttext_model.one_line(array, options.characters, lower=options.lower)[0]


def _training_line(example: Example) -> bytes:
    """A word that looks like a label would be taken for one, so its prefix is broken."""
    name = "positive" if example.positive else "negative"
    text = example.line.replace(PREFIX.encode(), b"__label_")
    return f"{PREFIX}{name} ".encode() + text + b"\n"


def _share(key: bytes) -> float:
    """A hash as a number in [0, 1)."""
    return int.from_bytes(key[-6:], "big") / 2**48


def _check_classes(training: Sequence[Example], held_out: Sequence[Example], counts: Counts) -> None:
    for name, wanted in ("positive", True), ("negative", False):
        total = counts.positives if wanted else counts.negatives
        if total < FEWEST:
            left = (
                f"{counts.repeated} repeated, {counts.in_both} in both classes and {counts.blank} blank ones left out"
            )
            raise InputError(f"only {total} {name} texts; expected at least {FEWEST} ({left})")
        for part, examples in ("train on", training), ("hold out", held_out):
            if not any(example.positive == wanted for example in examples):
                raise InputError(f"none of {total} {name} texts is left to {part}; give more texts or another share")


def _about(
    positive: Sequence[str], negative: Sequence[str], options: Options, counts: Counts, scores: Scores, model: Path
) -> dict[str, Any]:
    """What is written beside a model: where it comes from, and how good it is."""
    files = {"positive": positive, "negative": negative}
    return {
        "sha256": resources.digest(str(model)),
        "label": "positive",
        "options": {**asdict(options), "settings": options.settings._asdict()},
        "fasttext-wheel": version("fasttext-wheel"),
        "files": {name: {Path(file).name: resources.digest(file) for file in group} for name, group in files.items()},
        "texts": counts._asdict(),
        "held_out": scores.as_json(),
    }
