"""How far are our rules for sentences from Punkt? The figures of docs/decisions/c4-sentences.md.

    python -m benchmarks.sentences --peer-python NLTK [--data DIR] [--sample 60]

The lines are those that `c4` (`dialect: reference`) keeps, without citations. A document's verdict is whether they
hold 3 sentences or more. Punkt is trained on novels, OpenWebText and a third of WCXB.
Prints the table in Markdown, then, evenly spread over the lines that differ, a sample of the places.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import corpora
from corpusmill import documents, spans, splitters
from corpusmill.filters.c4 import C4
from corpusmill.kernels.line_keys import split_sentences
from corpusmill.kernels.sentences import count_sentences, pack
from corpusmill.view import View

PEER = Path(__file__).parent / "peers/nltk_punkt.py"
SETS = ("openwebtext-1000", "wcxb-dev", "spamassassin", "hplt-english")
ENOUGH = 3  # sentences of a page that stays
AROUND = 40  # characters shown on either side of a place


def training(data):
    """The text that Punkt learns from."""
    rows = [*corpora.novels(data), *corpora.openwebtext(data), *corpora.web_pages(data)[::3]]
    return "\n".join(text for _, text in rows)


def kept_lines(rows):
    """By document: its kept lines, and the sentences that the filter counts in all of them."""
    batch = documents.from_texts([text for _, text in rows])
    measured = C4().build()(View(batch))
    texts = spans.apply(batch.column("text"), measured.edits).to_pylist()
    lines = [text.split("\n") if text else [] for text in texts]
    return lines, measured.signals["sentences"].tolist()


def counted(lines, abbreviations):
    """The sentences of each line by the rules."""
    found = (np.frombuffer(line.encode(), np.uint8) for line in lines)
    return np.array([count_sentences(data, 0, len(data), abbreviations) for data in found])


def punkt(python, text, lines):
    """What the peer finds after training on the text: see there."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("training.txt", "lines.json", "found.json")]
        paths[0].write_text(text, encoding="utf-8")
        paths[1].write_text(json.dumps(lines), encoding="utf-8")
        subprocess.run([python, str(PEER), *map(str, paths)], check=True)
        return json.loads(paths[2].read_bytes())


def rows_and_lines(data):
    """By set: how many lines each document has, and the lines; the filter's counts are checked against the rules'."""
    found = {}
    for name in SETS:
        pages, filtered = kept_lines(corpora.ENGLISH[name](data))
        if [counted(page, splitters.abbreviations()).sum() for page in pages] != filtered:
            sys.exit(f"{name}: the filter counts other sentences than the rules with the packaged abbreviations")
        found[name] = [len(page) for page in pages], [line for page in pages for line in page]
    return found


def table_row(name, pages, ours, theirs):
    """One row of the table, and how many documents only one side keeps.

    Args:
        name: of the set.
        pages: by document, how many lines it has.
        ours, theirs: by line, the sentences.
    """
    ends = np.cumsum(pages)
    by_page = [np.diff(np.append(0, np.cumsum(counts))[np.append(0, ends)]) >= ENOUGH for counts in (ours, theirs)]
    equal = int((by_page[0] == by_page[1]).sum())
    same = int((ours == theirs).sum())
    row = (
        f"| {name} | {len(pages)} | {equal} | {len(ours):,} | {same:,}, {100 * same / len(ours):.1f} % "
        f"| {ours.sum():,} / {theirs.sum():,} |"
    )
    return row, int((by_page[0] & ~by_page[1]).sum()), int((~by_page[0] & by_page[1]).sum())


def rule_starts(line):
    """Where sentences begin by the rules, in characters."""
    data = line.encode()
    ends = np.array([len(data)], np.int32)
    bytes_ = np.frombuffer(data, np.uint8)
    _, firsts, _ = split_sentences(bytes_, np.zeros(1, np.int32), ends, splitters.abbreviations())
    return {len(data[:first].decode()) for first in firsts.tolist()}


def punkt_starts(line, parts):
    """Where the parts of a line begin."""
    found, at = set(), 0
    for part in parts:
        at = line.index(part, at)
        found.add(at)
        at += len(part)
    return found


def show(texts, odd, cut, size):
    """Of a sample of the lines that differ, the first place that only one side cuts at."""
    print(f"\n{len(odd)} lines differ, of which {size}; who cuts, and where:\n")
    for at in np.linspace(0, len(odd) - 1, min(size, len(odd))).astype(int).tolist():
        line = texts[odd[at]]
        rules, model = rule_starts(line), punkt_starts(line, cut[odd[at]])
        place = min(rules ^ model)
        side = "rules" if place in rules else "Punkt"
        print(f"{side}: {line[max(place - AROUND, 0) : place]}¦ {line[place : place + AROUND]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", required=True, help="an interpreter with nltk")
    parser.add_argument("--data", type=Path, default=corpora.DATA)
    parser.add_argument("--sample", type=int, default=60, help="how many of the lines that differ are shown")
    options = parser.parse_args()
    sets = rows_and_lines(options.data)
    texts = [line for _, lines in sets.values() for line in lines]
    learnt = training(options.data)
    peer = punkt(options.peer_python, learnt, texts)
    ours = counted(texts, splitters.abbreviations())
    bare = counted(texts, pack(()))
    theirs = np.array([len(parts) for parts in peer["cut"]])
    listed = {int(word).to_bytes(8, "big").lstrip(b"\0").decode() for word in splitters.abbreviations()}
    known = sorted(listed.intersection(peer["abbreviations"]))
    print(f"nltk {peer['nltk']}, trained on {len(learnt.encode()) / 1e6:.1f} MB")
    print(f"Of the {len(listed)} abbreviations of the list the model has {len(known)}: {', '.join(known)}\n")
    print("| set | documents | same verdict | kept lines | same count | sentences, rules / Punkt |")
    print("|---|---:|---:|---:|---:|---:|")
    at, only = 0, []
    for name, (pages, lines) in sets.items():
        row, *one_side = table_row(name, pages, ours[at : at + len(lines)], theirs[at : at + len(lines)])
        print(row)
        only.append((name, *one_side))
        at += len(lines)
    for name, rules, model in only:
        print(f"\n{name}: {rules} documents are kept by the rules only, {model} by Punkt only")
    listed_only = int(((ours != theirs) & (bare == theirs)).sum())
    cured = int(((ours == theirs) & (bare != theirs)).sum())
    print(f"\nWithout the list {listed_only} of the lines that differ would be the same, and {cured} others differ.")
    show(texts, np.flatnonzero(ours != theirs).tolist(), peer["cut"], options.sample)


if __name__ == "__main__":
    main()
