"""Do our filters decide as datatrove's do? The figures of parity.md.

    python -m benchmarks.parity --peer-python PEER [--data DIR] [--keep FOLDER]

For each English set of `corpora` and each filter: the share of documents with datatrove's verdict, for
`dialect: datatrove` and for the default dialect; for C4 also the share with datatrove's text, among those both keep.
Prints tables in Markdown, then every document on which the datatrove dialect disagrees.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import corpora
from corpusmill import documents, spans
from corpusmill.filters.c4 import C4
from corpusmill.filters.fineweb_quality import FineWebQuality
from corpusmill.filters.gopher_quality import GopherQuality
from corpusmill.filters.gopher_repetition import GopherRepetition
from corpusmill.signals import judge
from corpusmill.view import View

PEER = Path(__file__).parent / "peers/datatrove_filters.py"
FILTERS = {
    "gopher_quality": (GopherQuality(), GopherQuality(dialect="datatrove")),
    "gopher_repetition": (GopherRepetition(), GopherRepetition(dialect="datatrove")),
    "c4": (C4(), C4(dialect="datatrove")),
    "c4_fineweb": (C4(terminal_punctuation=False), C4(dialect="datatrove", terminal_punctuation=False)),
    "fineweb_quality": (FineWebQuality(), FineWebQuality(dialect="datatrove")),
}


def peer_verdicts(python, rows, folder):
    """By document id, what datatrove says."""
    source, part, target = folder / "documents.jsonl", folder / "part.jsonl", folder / "verdicts.jsonl"
    write(rows, source)
    subprocess.run([python, str(PEER), "verdicts", str(source), str(part)], check=True)
    part.rename(target)
    with target.open(encoding="utf-8") as lines:
        return {row["id"]: row for row in map(json.loads, lines)}


def write(rows, path):
    with path.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps({"id": key, "text": text}) + "\n" for key, text in rows)


def our_verdicts(step, view):
    """By row: the reason or None, and the text after the edit."""
    measured = step.build()(view)
    verdict = judge(step, measured.signals)
    reasons = [None if code < 0 else verdict.reasons[code] for code in verdict.codes]
    texts = view.column("text")
    return reasons, (texts if measured.edits is None else spans.apply(texts, measured.edits)).to_pylist()


def compare(name, rows, peer):
    """One row of the table for each filter, and the documents on which the datatrove dialect disagrees."""
    view = View(documents.from_texts([text for _, text in rows], id=[key for key, _ in rows]))
    table, odd = [], []
    for step, specs in FILTERS.items():
        theirs = [peer[key][step] for key, _ in rows]
        raised = sum(kept is None for kept, _ in theirs)
        shares, same_texts = [], None
        for spec in specs:
            reasons, texts = our_verdicts(spec, view)
            # datatrove drops a document on which a filter raises by ending the run; we count it as dropped
            agree = [(reason is None) == bool(kept) for reason, (kept, _) in zip(reasons, theirs, strict=True)]
            shares.append(100 * sum(agree) / len(agree))
            if spec.dialect == "datatrove":
                odd += [
                    (name, step, key, reason, why)
                    for (key, _), reason, (_, why), fine in zip(rows, reasons, theirs, agree, strict=True)
                    if not fine
                ]
                if step.startswith("c4"):
                    both = [i for i, (kept, _) in enumerate(theirs) if kept and reasons[i] is None]
                    different = [i for i in both if texts[i] != peer[rows[i][0]][f"{step}_text"]]
                    odd += [(name, f"{step} text", rows[i][0], "", "") for i in different]
                    same_texts = (len(both) - len(different), len(both))
        kept = sum(bool(kept) for kept, _ in theirs)
        table.append((name, step, len(rows), kept, raised, shares[1], same_texts, shares[0]))
    return table, odd


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", required=True, help="an interpreter with datatrove")
    parser.add_argument("--data", type=Path, default=corpora.DATA)
    parser.add_argument("--keep", type=Path, help="a folder for datatrove's verdicts, used again if they are there")
    options = parser.parse_args()
    table, odd = [], []
    for name, load in corpora.ENGLISH.items():
        rows = load(options.data)
        with tempfile.TemporaryDirectory() as temporary:
            folder = options.keep / name if options.keep else Path(temporary)
            folder.mkdir(parents=True, exist_ok=True)
            if (folder / "verdicts.jsonl").exists():
                with (folder / "verdicts.jsonl").open(encoding="utf-8") as lines:
                    peer = {row["id"]: row for row in map(json.loads, lines)}
            else:
                peer = peer_verdicts(options.peer_python, rows, folder)
        more, different = compare(name, rows, peer)
        table += more
        odd += different
        print(f"{name}: {len(rows)} documents, {len(different)} disagreements", file=sys.stderr, flush=True)
    print("| set | filter | documents | kept there | raises there | verdict, datatrove % | text | verdict, default % |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for name, step, count, kept, raised, share, same, default in table:
        text = "" if same is None else f"{same[0]} of {same[1]}"
        print(f"| {name} | {step} | {count} | {kept} | {raised} | {share:.2f} | {text} | {default:.2f} |")
    print(f"\n{len(odd)} disagreements of the datatrove dialect:\n")
    for item in odd:
        print("| " + " | ".join(str(part) for part in item) + " |")


if __name__ == "__main__":
    main()
