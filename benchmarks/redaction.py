"""How well and how fast is personal data found, beside Presidio, datatrove and dolma's rules? Figures: redaction.md.

    python -m benchmarks.redaction quality --peer-python DATATROVE [--data DIR] [--misses]
    python -m benchmarks.redaction clean [--data DIR]
    python -m benchmarks.redaction speed --peer-python DATATROVE --texts 'DOCUMENTS/*.parquet'
    python -m benchmarks.redaction linear
    python -m benchmarks.redaction planted --texts 'DOCUMENTS/*.parquet' --truth truth.jsonl

One scorer for all: a found span and a labelled one match where they have the entity in common and overlap; each is
matched once. Entities that a set does not label are not scored on it.
"""

import argparse
import gzip
import html
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import corpora
from benchmarks.dedup_scale_figure import panel
from corpusmill.redact import Redact, phones
from corpusmill.redact.presidio import byte_places
from corpusmill.redact.rounds import Redactions
from corpusmill.view import View

PEERS = Path(__file__).parent / "peers"
ENTITIES = ("email", "ip", "phone", "credit_card", "iban", "us_ssn")
LABELS = {
    "EMAIL_ADDRESS": "email",
    "EMAIL": "email",
    "IP_ADDRESS": "ip",
    "PHONE_NUMBER": "phone",
    "PHONE": "phone",
    "CREDIT_CARD": "credit_card",
    "IBAN_CODE": "iban",
    "IBAN": "iban",
    "US_SSN": "us_ssn",
    "SSN": "us_ssn",
}
HAS = {
    "ours": ENTITIES,
    "ours, private_ips": ("ip",),
    "presidio": ENTITIES,
    "datatrove": ("email", "ip"),
    "dolma": ("email", "ip", "phone"),
}
# dolma's three rules, written anew from their description.
OCTET = r"(?:25[0-5]|2[0-4]\d|[01]?\d\d?)"
DOLMA = {
    "email": re.compile(r"([^\s@]+@[^\s@,?!;:)(]+?)[.\s@,?!;:)(]?\s"),
    "phone": re.compile(r"\s+\(?\d{3}\)?[-. ]*\d{3}[-. ]?\d{4}"),
    "ip": re.compile(rf"(?:{OCTET}\.){{3}}{OCTET}"),
}
ADVERSARIAL = {
    "a-a-a-": "a-",
    "digits": "7",
    "1-1-1-": "1-",
    "1 MB of @": "@",
    "a@a@": "a@",
    "addresses": "a@b.cc ",
    "quads": "81.2.3.94 ",
    "phones": "202-456-1111 ",
    "groups of four": "4539 ",
    "colons": "::1",
    "key headers": "-----BEGIN PRIVATE KEY-----",
    "base64 heads": "eyJhbGciOiJIUzI1NiJ9.",
}


def view(texts):
    return View(pa.RecordBatch.from_pydict({"text": pa.array(texts, pa.string())}))


def labelled(data):
    """Sets of (text, labels); a label is entity, start and end in code points."""
    research = []
    for name in ("synth_dataset_v2", "generated_large"):
        with gzip.open(data / f"presidio-research/{name}.json.gz", "rt", encoding="utf-8") as source:
            research += [
                (row["full_text"], [(s["entity_type"], s["start_position"], s["end_position"]) for s in row["spans"]])
                for row in json.load(source)
            ]
    galaxy = []
    for row in json.loads((data / "nannigalaxy-pii/pii_syn_nano_en.json").read_text()):
        spots = set()
        for one in row.get("NER") or []:
            value = one.get("entity") or ""
            at = row["text"].find(value)
            if at < 0:  # some labels are written `*SSN* 123-45-6789*`, without the asterisks in the text
                value = re.sub(r"\*[A-Za-z_]*\*|\*", "", value).strip()
                at = row["text"].find(value)
            if value and at >= 0:
                spots.add((one["label"], at, at + len(value)))
        galaxy.append((row["text"], sorted(spots)))
    sets = {"presidio-research": research, "nannigalaxy-pii": galaxy}
    return {
        name: [(text, [(LABELS[k], a, b) for k, a, b in marks if k in LABELS]) for text, marks in rows]
        for name, rows in sets.items()
    }


def our_spans(texts, step=None):
    redactions = Redactions(step or Redact())
    hits = redactions.find(view(texts).text)
    out = []
    for row, text in enumerate(texts):
        places = {place: number for number, place in enumerate(byte_places(text))}
        out.append([(hit.entity, places[hit.start], places[hit.end]) for hit in hits.get(row, [])])
    return out


def dolma_spans(texts):
    out = []
    for text in texts:
        found = []
        for entity, rule in DOLMA.items():
            for match in rule.finditer(text):
                if entity == "email" and "." not in match[1].split("@", 1)[1]:
                    continue
                found.append((entity, *(match.span(1) if entity == "email" else match.span())))
        out.append(found)
    return out


def peer(python, script, command, texts, limit=None):
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.jsonl", Path(folder) / "out.jsonl"
        source.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
        arguments = [python, str(PEERS / script), command, str(source)]
        arguments += [str(target)] if command == "spans" else []
        done = subprocess.run(arguments, check=True, capture_output=True, text=True, timeout=limit)
        if command == "spans":
            return [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
        return json.loads(done.stdout)


def score(rows, found, names):
    """Counts of matched, extra and missed spans by entity, and the extra and missed ones."""
    counts, misses = Counter(), []
    for (text, marks), spans in zip(rows, found, strict=True):
        left = [mark for mark in marks if mark[0] in names]
        for entity, start, end in spans:
            if entity not in names:
                continue
            match = next((m for m in left if m[0] == entity and m[1] < end and start < m[2]), None)
            if match:
                left.remove(match)
                counts[entity, "matched"] += 1
            else:
                counts[entity, "extra"] += 1
                misses.append((entity, "extra", text[start:end], text[max(0, start - 40) : start]))
        for entity, start, end in left:
            counts[entity, "missed"] += 1
            misses.append((entity, "missed", text[start:end], text[max(0, start - 40) : start]))
    return counts, misses


def figures(counts, entity):
    matched, extra, missed = (counts[entity, kind] for kind in ("matched", "extra", "missed"))
    precision = matched / (matched + extra) if matched + extra else 0.0
    recall = matched / (matched + missed) if matched + missed else 0.0
    return precision, recall, 2 * matched / max(2 * matched + extra + missed, 1)


def quality(options):
    sets = labelled(options.data)
    sets["both"] = [row for rows in sets.values() for row in rows]
    for name, rows in sets.items():
        texts = [text for text, _ in rows]
        found = {
            "ours": our_spans(texts),
            "ours, private_ips": our_spans(texts, Redact(private_ips=True)),
            "presidio": peer(sys.executable, "redaction_presidio.py", "spans", texts),
            "datatrove": peer(options.peer_python, "redaction_datatrove.py", "spans", texts),
            "dolma": dolma_spans(texts),
        }
        scored = {who: score(rows, found[who], HAS[who]) for who in found}
        marks = Counter(mark[0] for _, own in rows for mark in own)
        print(f"\n{name}: {len(rows)} texts\n\n| entity | labelled | " + " | ".join(found) + " |")
        print("|---|---:|" + "---:|" * len(found))
        for entity in ENTITIES:
            cells = [
                "{:.3f} / {:.3f} / **{:.3f}**".format(*figures(scored[who][0], entity)) if entity in HAS[who] else ""
                for who in found
            ]
            if marks[entity]:
                print(f"| {entity} | {marks[entity]} | " + " | ".join(cells) + " |")
        if options.misses and name != "both":
            for who in found:
                shown = Counter()
                for entity, kind, value, before in scored[who][1]:
                    shown[entity, kind] += 1
                    if who == "ours" or shown[entity, kind] <= 3:
                        print(f"  {who} {entity} {kind}: {before!r} [[{value}]]")


def whole_novels(data):
    with tarfile.open(data / "english-novels/novels.tar.xz", "r:xz") as archive:
        files = [archive.extractfile(member) for member in archive if member.isfile()]
        return [file.read().decode(errors="replace") for file in files]


def clean(options):
    sets = {
        "english-novels": whole_novels(options.data),
        "code-python": [row["text"] or "" for row in corpora._json_lines(options.data / "code-python/files.jsonl.xz")],
        "rust-book": [text for _, text in corpora.rust_book(options.data)],
    }
    for name, texts in sets.items():
        megabytes = sum(len(text.encode()) for text in texts) / 1e6
        spans = our_spans(texts)
        print(f"{name}: {megabytes:.1f} MB, {sum(map(len, spans))} hits, {sum(map(len, spans)) / megabytes:.2f} a MB")
        for text, found in zip(texts, spans, strict=True):
            for entity, start, end in found:
                print(f"    {entity}: {text[max(0, start - 40) : start]!r} [[{text[start:end]}]]")


def parquet(pattern):
    return sorted(Path(pattern).parent.glob(Path(pattern).name))


def speed(options):
    texts = [
        text for path in parquet(options.texts) for text in pq.read_table(path, columns=["text"])["text"].to_pylist()
    ]
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    print(f"{len(texts)} documents, {megabytes:.1f} MB")
    step = Redact(entities=("email", "ip", "phone", "credit_card", "iban", "us_ssn")) if options.same else Redact()
    measure = step.build()
    measure(view([text for _, text in corpora.openwebtext(options.data)]))  # numbering plans and expressions load here
    batches, part, size = [], [], 0
    for text in texts:
        part.append(text)
        size += len(text.encode())
        if size > 16_000_000:
            batches.append(part)
            part, size = [], 0
    batches.append(part)
    for turn in range(options.repeats + 1):
        if turn < options.repeats:
            phones._valid.cache_clear()
        begin = time.process_time()
        hits = sum(int(measure(view(batch)).signals["hits"].sum()) for batch in batches)
        seconds = time.process_time() - begin
        note = "nothing remembered" if turn < options.repeats else "phones remembered"
        print(f"ours ({note}): {seconds:.3f} s, {megabytes / seconds:.1f} MB/s, {hits} values")
    if options.peer_python:
        found = peer(options.peer_python, "redaction_datatrove.py", "seconds", texts)
        print(f"datatrove {found['version']}: {found['seconds']:.2f} s, {megabytes / found['seconds']:.2f} MB/s")
    some = texts[:: max(1, len(texts) // 200)]
    share = sum(len(text.encode()) for text in some) / 1e6
    found = peer(sys.executable, "redaction_presidio.py", "seconds", some)
    print(f"presidio {found['version']}, {share:.2f} MB: {found['seconds']:.2f} s, {share / found['seconds']:.3f} MB/s")


def linear(options):
    measure = Redact(obfuscated=True).build()
    measure(view(["call 202-456-1111, ann@mail.de"]))
    sizes = (125_000, 250_000, 500_000, 1_000_000)
    print("| text | " + " | ".join(f"{size // 1000} KB" for size in sizes) + " |\n|---|" + "---:|" * len(sizes))
    found = {}
    for name, piece in ADVERSARIAL.items():
        found[name] = []
        for size in sizes:
            one = view([piece * (size // len(piece))])
            begin = time.process_time()
            measure(one)
            found[name].append((size, time.process_time() - begin))
        print(f"| {name} | " + " | ".join(f"{seconds:.3f}" for _, seconds in found[name]) + " |", flush=True)
    if options.svg:
        Path(options.svg).write_text(figure(found))


def figure(found):
    """CPU seconds by size with logarithmic axes; a slope of 1 is linear."""
    colours = {name: f"hsl({360 * at // len(found)} 60% 40%)" for at, name in enumerate(found)}
    lines = [(colours[name], points, False) for name, points in found.items()]
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 680 380" font-family="sans-serif" font-size="12">']
    out.append('<rect width="680" height="380" fill="#ffffff"/>')
    out.append(panel("CPU seconds, by bytes of one text", lines, (1e5, 1e-4), (1e6, 1e1), 0))
    for at, (name, colour) in enumerate(colours.items()):
        out.append(f'<rect x="490" y="{50 + 22 * at}" width="10" height="10" fill="{colour}"/>')
        out.append(f'<text x="506" y="{59 + 22 * at}">{html.escape(name)}</text>')
    return "\n".join([*out, "</svg>"]) + "\n"


def planted(options):
    """Planted values that are in the extracted text, and those that are left after the step."""
    wanted = {}
    for line in Path(options.truth).read_text().splitlines():
        row = json.loads(line)
        if row.get("pii"):
            wanted.setdefault(row["url"], []).append(row["pii"])
    redactions = Redactions(Redact())
    before, after, left = Counter(), Counter(), []
    from corpusmill import spans

    for path in parquet(options.texts):
        table = pq.read_table(path, columns=["url", "text"])
        mask = [url in wanted for url in table["url"].to_pylist()]
        table = table.filter(pa.array(mask)).combine_chunks()
        if not len(table):
            continue
        texts = pa.array(table["text"].to_pylist(), pa.string())
        batch = pa.RecordBatch.from_pydict({"text": texts})
        now = spans.apply(texts, redactions(View(batch)).edits).to_pylist()
        for url, old, new in zip(table["url"].to_pylist(), texts.to_pylist(), now, strict=True):
            for one in wanted[url]:
                sentence = " ".join(one["text"].split())
                if sentence not in " ".join(old.split()):
                    continue
                for mark in one["spans"]:
                    entity = LABELS.get(mark["entity_type"])
                    value = " ".join(mark["entity_value"].split())
                    if entity:
                        before[entity] += 1
                        if value in " ".join(new.split()):
                            after[entity] += 1
                            left.append((entity, sentence[:120], value))
    for entity in ENTITIES:
        print(f"{entity}: {before[entity]} planted, {after[entity]} left")
    for one in left:
        print("   ", *one)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["quality", "clean", "speed", "linear", "planted"])
    parser.add_argument("--data", type=Path, default=corpora.DATA)
    parser.add_argument("--peer-python", help="an interpreter with datatrove")
    parser.add_argument("--texts", help="Parquet files with a text column")
    parser.add_argument("--truth", help="truth.jsonl of the crawl that the texts are from")
    parser.add_argument("--misses", action="store_true", help="print what was missed and what was too much")
    parser.add_argument("--same", action="store_true", help="speed: only the entities that Presidio is asked for")
    parser.add_argument("--svg", help="linear: where to draw it")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    globals()[options.command](options)


if __name__ == "__main__":
    main()
