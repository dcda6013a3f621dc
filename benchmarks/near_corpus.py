"""Make a corpus with a known share of near duplicates, of any size, out of real English text.

    python -m benchmarks.near_corpus OUTPUT --documents 50000 [--near 0.2] [--files 1] [--seed 1] [--data DIR]

Real texts (web pages, articles, Wikipedia, novels) are cut into passages of whole sentences, about 400 characters
each; a document is 3 to 9 passages drawn at random, 1 to 4 KB. Two documents that are drawn apart share a passage only
by chance, and then have a Jaccard similarity of about 0.1. The share `near` of the documents are copies of an earlier
one, edited: one in ten is equal to it; two in ten have one passage changed for another; the others have words changed,
dropped or put in throughout, one word in 500 to one in 12. Earlier documents are drawn so that few of them have many
copies. Every document is made of (seed, its number) alone.

OUTPUT/documents/NNNNN.jsonl has `id` and `text`; OUTPUT/truth.jsonl has, for each copy, its id, `of`, `kind` and
`share` of words edited.
"""

import argparse
import json
import random
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks import corpora

SOURCES = ("openwebtext-1000", "wiki-passages-boolq", "wcxb-dev", "article-extraction-benchmark", "hplt-english")
LEAST = 300  # characters of a passage, but for the last sentence, which is whole
LONGEST = 1200  # what has no sentence ends is no prose
PASSAGES = (3, 9)
EDITS = (0.002, 0.08)  # share of words edited, least and most
PARAGRAPHS = re.compile(r"\n\s*\n")
SENTENCES = re.compile(r"(?<=[.!?])[\"'\u201d\u2019)]*\s+")


class Document(NamedTuple):
    """A document, and what it is a copy of: its number, and how it was edited."""

    text: str
    of: int | None = None
    kind: str = ""
    share: float = 0.0


def novels(data: Path) -> Iterator[str]:
    """English novels, whole."""
    with tarfile.open(data / "english-novels/novels.tar.xz", "r:xz") as archive:
        for member in sorted(archive.getmembers(), key=lambda item: item.name):
            source = archive.extractfile(member)
            if source is not None:
                yield source.read().decode("utf-8", "replace")


def passages(data: Path) -> list[str]:
    """All different passages of the sources, in their order."""
    texts = [text for name in SOURCES for _, text in corpora.ENGLISH[name](data)]
    return list(dict.fromkeys(passage for text in [*texts, *novels(data)] for passage in cut(text)))


def cut(text: str) -> Iterator[str]:
    """Runs of whole sentences from one paragraph, or from short ones that follow each other."""
    part: list[str] = []
    held = 0
    for paragraph in PARAGRAPHS.split(text):
        for sentence in SENTENCES.split(" ".join(paragraph.split())):
            part.append(sentence)
            held += len(sentence) + 1
            if held >= LEAST:
                if held <= LONGEST:
                    yield " ".join(part)
                part, held = [], 0


class Corpus:
    """Documents by number; each is a function of the seed, the share, the passages and its number."""

    def __init__(self, pool: list[str], seed: int, near: float) -> None:
        self.pool, self.seed, self.near = pool, seed, near

    def draw(self, number: int) -> random.Random:
        """The random numbers of one document; the first one decides whether it is a copy."""
        return random.Random(self.seed << 48 | number)

    def original(self, number: int) -> int:
        """The number, or the next lower one that is no copy; document 0 never is."""
        while number and self.draw(number).random() < self.near:
            number -= 1
        return number

    def fresh(self, rng: random.Random) -> list[str]:
        """The passages of a document that is no copy."""
        return [self.pool[rng.randrange(len(self.pool))] for _ in range(rng.randint(*PASSAGES))]

    def parts(self, number: int) -> list[str]:
        """The passages of an original document."""
        rng = self.draw(number)
        rng.random()
        return self.fresh(rng)

    def document(self, number: int) -> Document:
        """Make one document."""
        rng = self.draw(number)
        if rng.random() >= self.near or number == 0:
            return Document("\n\n".join(self.fresh(rng)))
        of = self.original(int(number * rng.random() ** 2))
        parts = self.parts(of)
        kind = rng.choices(["equal", "passage", "words"], [1, 2, 7])[0]
        if kind == "equal":
            return Document("\n\n".join(parts), of, kind)
        if kind == "passage":
            place = rng.randrange(len(parts))
            size = len(parts[place])
            parts[place] = self.pool[rng.randrange(len(self.pool))]
            return Document("\n\n".join(parts), of, kind, size / sum(map(len, parts)))
        share = rng.uniform(*EDITS)
        return Document(self.edited("\n\n".join(parts), share, rng), of, kind, share)

    def edited(self, text: str, share: float, rng: random.Random) -> str:
        """The text with a share of its words changed for others, dropped, or followed by another."""
        words = text.split(" ")
        others = self.pool[rng.randrange(len(self.pool))].split(" ")
        for place in rng.sample(range(len(words)), max(1, round(share * len(words)))):
            other = others[rng.randrange(len(others))]
            words[place] = rng.choice([other, "", f"{words[place]} {other}"])
        return " ".join(words)


def write(corpus: Corpus, count: int, files: int, output: Path) -> dict:
    """Write the documents, cut evenly into files, and the truth; returns what was written."""
    (output / "documents").mkdir(parents=True, exist_ok=True)
    size = copies = 0
    with (output / "truth.jsonl").open("w", encoding="utf-8") as truth:
        for file in range(files):
            first, stop = count * file // files, count * (file + 1) // files
            with (output / f"documents/{file:05}.jsonl").open("w", encoding="utf-8") as lines:
                for number in range(first, stop):
                    made = corpus.document(number)
                    size += len(made.text.encode())
                    lines.write(json.dumps({"id": f"d{number:08}", "text": made.text}, ensure_ascii=False) + "\n")
                    if made.of is not None:
                        copies += 1
                        row = {"id": f"d{number:08}", "of": f"d{made.of:08}", "kind": made.kind}
                        truth.write(json.dumps(row | {"share": round(made.share, 6)}) + "\n")
    return {"documents": count, "copies": copies, "megabytes": size / 1e6, "passages": len(corpus.pool)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--documents", type=int, required=True)
    parser.add_argument("--near", type=float, default=0.2)
    parser.add_argument("--files", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, default=corpora.DATA)
    options = parser.parse_args()
    corpus = Corpus(passages(options.data), options.seed, options.near)
    print(json.dumps(write(corpus, options.documents, options.files, options.output)))


if __name__ == "__main__":
    main()
