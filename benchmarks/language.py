"""Accuracy and speed of language identification by length of the head: the table of language.md.

python -m benchmarks.language [--model lid.176.ftz] [--data ../shared/data]

Times are CPU time of one core. Accuracy is over the documents whose gold label the model knows, macro-F1 the mean
over those languages.
"""

import argparse
import json
import lzma
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from corpusmill import documents
from corpusmill.filters import fasttext_model
from corpusmill.filters.language import Language
from corpusmill.signals import judge
from corpusmill.view import View

HEADS = (100, 200, 300, 500, 1000, 2000, 0)

# ISO 639-3 and script of HPLT, and other spellings, as lid.176 names them.
ALIASES = {
    "eng": "en", "fra": "fr", "deu": "de", "spa": "es", "rus": "ru", "ita": "it", "por": "pt", "nld": "nl", "swe": "sv",
    "pol": "pl", "ces": "cs", "slk": "sk", "slv": "sl", "hrv": "hr", "srp": "sr", "bul": "bg", "ukr": "uk", "bel": "be",
    "fin": "fi", "est": "et", "lvs": "lv", "lit": "lt", "hun": "hu", "ron": "ro", "ell": "el", "tur": "tr", "arb": "ar",
    "heb": "he", "pes": "fa", "urd": "ur", "hin": "hi", "ben": "bn", "tam": "ta", "tel": "te", "kan": "kn", "mal": "ml",
    "mar": "mr", "guj": "gu", "pan": "pa", "sin": "si", "npi": "ne", "tha": "th", "lao": "lo", "mya": "my", "khm": "km",
    "vie": "vi", "ind": "id", "zsm": "ms", "jpn": "ja", "kor": "ko", "zho": "zh", "dan": "da", "nob": "no", "nno": "nn",
    "isl": "is", "gle": "ga", "cym": "cy", "eus": "eu", "cat": "ca", "glg": "gl", "als": "sq", "mkd": "mk", "hye": "hy",
    "kat": "ka", "azj": "az", "kaz": "kk", "uzn": "uz", "kir": "ky", "tgk": "tg", "khk": "mn", "afr": "af", "swh": "sw",
    "epo": "eo", "lat": "la", "mlt": "mt", "ltz": "lb", "fao": "fo", "amh": "am", "som": "so", "tgl": "tl", "jav": "jv",
    "nb": "no", "zh-hant": "zh", "iw": "he",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="lid.176.ftz")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    options = parser.parse_args()
    model = fasttext_model.load(options.model)
    for name, rows in sets(options.data).items():
        known = [(text, gold) for text, gold in rows if gold in model.labels]
        texts, gold = pa.array([text for text, _ in known]), [gold for _, gold in known]
        mean = sum(len(text) for text, _ in known) / len(known)
        print(f"\n{name}: {len(known)} documents, {len(set(gold))} languages, {mean:.0f} characters on average")
        print("| head | accuracy | macro-F1 | kept at 0.65 | accuracy of kept | documents/s | MB/s |")
        print("|---|---|---|---|---|---|---|")
        for head in HEADS:
            print(row(options.model, texts, gold, head))
    calls(model, options.data)


def row(model: str, texts: pa.Array, gold: Sequence[str], head: int) -> str:
    step = Language(model=model, characters=head)
    measure, view = step.build(), View(documents.from_texts(texts))
    begin = time.process_time()
    measured = measure(view)
    seconds = time.process_time() - begin
    found = measured.columns["language"].to_pylist()
    right = np.array([a == b for a, b in zip(found, gold, strict=True)])
    kept = judge(step, measured.signals, measured.columns["language"]).codes < 0
    speed = len(gold) / seconds, texts.nbytes / 1e6 / seconds
    figures = [f"{right.mean():.4f}", f"{macro_f1(gold, found):.4f}", f"{kept.mean():.4f}", f"{right[kept].mean():.4f}"]
    return "| " + " | ".join([str(head or "whole"), *figures, f"{speed[0]:,.0f}", f"{speed[1]:.1f}"]) + " |"


def macro_f1(gold: Sequence[str], found: Sequence[str]) -> float:
    hits = Counter(a for a, b in zip(gold, found, strict=True) if a == b)
    have, said = Counter(gold), Counter(found)
    return sum(2 * hits[name] / (have[name] + said[name]) for name in have) / len(have)


def sets(data: Path) -> dict[str, list[tuple[str, str]]]:
    """Texts with gold labels by set."""
    sentences = labelled(data / "langid-lingua-sentences/sentences.jsonl.xz")
    registers = labelled(data / "core-web-registers/FreCORE-dev.jsonl.xz", "fr")
    registers += labelled(data / "core-web-registers/SweCORE-train.jsonl.xz", "sv")
    return {
        "Sentences (lingua, gold)": sentences[::5],
        "Web documents (FreCORE, SweCORE, gold)": registers,
        "Crawl pieces (HPLT, silver: labels are OpenLID's)": labelled(data / "hplt-multilingual-web/docs.jsonl.xz"),
        "Technical documents with code (FastAPI, gold)": labelled(data / "fastapi-docs-multilingual/docs.jsonl.xz"),
        "English news and blogs (OpenWebText)": labelled(data / "openwebtext-1000/openwebtext-1000.jsonl.xz", "en"),
    }


def labelled(path: Path, language: str | None = None) -> list[tuple[str, str]]:
    with lzma.open(path, "rt") as lines:
        rows = [json.loads(line) for line in lines]
    return [(row["text"], language or code(row.get("lang") or row["lang_pred"])) for row in rows]


def code(name: str) -> str:
    plain = name.partition("_")[0].lower()
    return ALIASES.get(plain, plain)


def calls(model, data: Path) -> None:
    """Which of fastText's ways to ask is fastest, on heads of 1,000 characters."""
    texts = [text for text, _ in labelled(data / "openwebtext-1000/openwebtext-1000.jsonl.xz", "en")]
    lines = fasttext_model.one_line(pa.array(texts), 1000)
    strings = [line.decode() for line in lines]
    raw = model._model
    ways = {
        "f.predict, bytes": lambda: [raw.f.predict(line + b"\n", 1, 0.0, "strict") for line in lines],
        "f.predict, str": lambda: [raw.f.predict(line + "\n", 1, 0.0, "strict") for line in strings],
        "f.multilinePredict": lambda: raw.f.multilinePredict([line + "\n" for line in strings], 1, 0.0, "strict"),
        "predict([...])": lambda: raw.predict(strings),
        "all 176 labels, f.predict": lambda: [raw.f.predict(line + b"\n", -1, 0.0, "strict") for line in lines],
    }
    print("\n| call | documents/s |\n|---|---|")
    for name, way in ways.items():
        print(f"| {name} | {len(lines) / min(timed(way) for _ in range(3)):,.0f} |")


def timed(call) -> float:
    begin = time.process_time()
    call()
    return time.process_time() - begin


if __name__ == "__main__":
    main()
