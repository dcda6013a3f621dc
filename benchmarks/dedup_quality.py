"""Does dedup remove what is like what stays, and how much of it? The figures of dedup_quality.md.

    python -m benchmarks.dedup_quality --crawl CRAWL [--crawl CRAWL] --work WORK --peer-python DATATROVE
        [--data DIR] [--write benchmarks/dedup_quality.md]

CRAWL is what `shared/tools/build_crawl.py` made. Its pages become texts by our pipeline once, and every method gets
these texts as JSON lines. Truth is the Jaccard similarity of all pairs, counted (`dedup_truth`). WORK is a new or empty
folder. Prints tables in Markdown, or puts them below `## Results` of the file.
"""

import argparse
import gzip
import json
import lzma
import platform
import subprocess
import sys
from collections import Counter
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import corpora
from benchmarks.dedup_truth import all_pairs, expected, score, sharing
from benchmarks.extraction import table
from corpusmill import drive, local, plan, recipe, urls
from corpusmill.dedup.matching import Candidates, match
from corpusmill.dedup.minhash import Permutations, signatures
from corpusmill.dedup.shingles import Shingling, shingle_sets
from corpusmill.kernels import buffers

PEERS = Path(__file__).parent / "peers"
THRESHOLDS = (0.7, 0.8)
BANDINGS = ((14, 8), (20, 5))
SEEDS = range(1, 11)
EDGES = (0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0, 1.01)
THEIRS = Shingling("datatrove", tokenizer="spacy")
NEAR = "{{use: near_dedup, bands: {0}, rows: {1}, threshold: {2}, seed: {3}, alarm: {{max_loss: 1}}{4}}}"
STAR, CHAIN = ", verify: false", ", verify: false, components: transitive"
WARC = "{{format: warc, paths: ['{}/*.warc.gz'], source: crawl}}"
JSONL = "{{format: jsonl, paths: ['{}/*.jsonl'], source: crawl}}"
VARIANTS = {"utm_source": "tracking parameters", "/amp/": "/amp/", "://m.": "m. host", "://mirror": "mirror host"}


class Quiet:
    """Progress that tells nothing."""

    def begin(self, stage, shards, done, input_bytes): ...
    def update(self, shards, documents, read): ...
    def retry(self, why): ...
    def end(self): ...


def run(source, step, out):
    """Run one step on an input, in this process; gives the last stage."""
    text = f"name: quality\ninput: {source}\nsteps: [{step}]\noutput: {out}\n"
    return drive.run(plan.make(recipe.parse(text)), local.executor(), Quiet())[-1]


def read(result, kind):
    files = [result.layout.file(kind, entry["shard"]) for entry in result.manifest.shards]
    return pa.concat_tables([pq.read_table(file) for file in files]).to_pylist()


class Texts:
    """Documents as all methods get them: rows with `id`, `text` and more, and a folder with one file of JSON lines."""

    def __init__(self, rows, folder):
        self.rows = [row for row in rows if row["text"]]
        self.number = {row["id"]: at for at, row in enumerate(self.rows)}
        assert len(self.number) == len(self.rows)
        self.folder = folder / "texts"
        self.work = folder / "runs"
        self.folder.mkdir(parents=True)
        wanted = ("id", "text", "url")
        with (self.folder / "texts.jsonl").open("w", encoding="utf-8") as lines:
            for row in self.rows:
                lines.write(json.dumps({key: row.get(key) for key in wanted}, ensure_ascii=False) + "\n")
        self.runs = 0

    @property
    def texts(self):
        return [row["text"] for row in self.rows]

    def ours(self, step):
        """Number of each document that our step removes -> number of the one that stays for it."""
        return self.ours_told(step)[0]

    def ours_told(self, step):
        """The same, and the tallies of the report."""
        self.runs += 1
        name = step.split(",")[0].removeprefix("{use: ").rstrip("}")
        result = run(JSONL.format(self.folder), step, self.work / str(self.runs))
        ledger = read(result, "ledger")
        assert {row["id"] for row in ledger} == set(self.number)
        removed = {self.number[row["id"]]: self.number[row[f"{name}.kept"]] for row in ledger if row["reason"]}
        return removed, result.report.tallies

    def peer(self, python, script):
        """Numbers of the documents that a peer removes, and its version."""
        command = [python, str(PEERS / script), str(self.folder)]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        return dict.fromkeys(self.number[name] for name in found["removed"]), found["version"]


def percent(part, whole):
    return f"{100 * part / whole:.2f}" if whole else "-"


def score_row(name, banding, counted, truth, threshold, told="-"):
    """A row of the table of methods; `told` is the precision that our own report estimates."""
    named = "-" if counted.true_named is None else percent(counted.true_named, counted.removed)
    similarity = truth.pairs(threshold)[2]
    theory = f"{100 * expected(similarity, *banding):.2f}"
    found = [percent(counted.true_any, counted.removed), percent(counted.settled, counted.pairs), theory]
    return [name, "{}x{}".format(*banding), counted.removed, named, *found, told]


def methods(texts, truth, options):
    """The table of methods at each threshold."""
    datatrove, told = texts.peer(options.peer_python, "near_dedup_datatrove.py")
    datasketch, told_too = texts.peer(sys.executable, "near_dedup_datasketch.py")
    own = all_pairs(texts.texts, THEIRS)
    head = [
        "method",
        "bands x rows",
        "removed",
        "precision, named %",
        "precision, any %",
        "recall %",
        "theory %",
        "precision, told %",
    ]
    lines = [f"Peers: {told}, {told_too}.", ""]
    for threshold in THRESHOLDS:
        rows = []
        for extra, name in (("", "ours, verified"), (STAR, "ours, star, unverified"), (CHAIN, "ours, transitive")):
            for banding in BANDINGS:
                removed, tallies = texts.ours_told(NEAR.format(*banding, threshold, 1, extra))
                told = percent(tallies["near_dedup.expected_true_millionths"] / 1e6, len(removed))
                rows.append(score_row(name, banding, score(truth, removed, threshold), truth, threshold, told))
        for name, removed, against in (
            ("datatrove", datatrove, truth),
            ("datatrove, by its own shingles", datatrove, own),
            ("datasketch LSH", datasketch, truth),
        ):
            rows.append(score_row(name, BANDINGS[0], score(against, removed, threshold), against, threshold))
        lines += [f"Threshold {threshold}: {len(truth.pairs(threshold)[0])} true pairs.", "", *table(head, rows)]
    return lines


def seeds(texts, truth):
    """Verified removal under ten draws of permutations, and pairs by similarity: theory, candidates, settled."""
    text = buffers.text(pa.array(texts.texts))
    signed = {seed: signatures(text, Shingling(), Permutations("affine32", 112, seed))[0] for seed in SEEDS}
    rows, by_edge = [], []
    for threshold in THRESHOLDS:
        left, right, similarity = truth.pairs(threshold)
        for banding in BANDINGS:
            removed = [texts.ours(NEAR.format(*banding, threshold, seed, "")) for seed in SEEDS]
            counted = [score(truth, found, threshold) for found in removed]
            shared = np.array([sharing(signed[seed], left, right, *banding) for seed in SEEDS])
            gone = np.zeros((len(SEEDS), truth.count), bool)
            for at, found in enumerate(removed):
                gone[at, list(found)] = True
            settled = gone[:, left] | gone[:, right]
            theory = 100 * expected(similarity, *banding)
            precise = [100 * found.true_named / found.removed for found in counted]
            cells = (spread(values) for values in (precise, 100 * shared.mean(1), 100 * settled.mean(1)))
            rows.append([threshold, "{}x{}".format(*banding), *cells, f"{theory:.2f}"])
            for low, high in pairwise(EDGES):
                at = (similarity >= low) & (similarity < high)
                if threshold == THRESHOLDS[0] and at.any():
                    part = [expected(similarity[at], *banding), shared[:, at].mean(), settled[:, at].mean()]
                    label = f"{low} to {high}" if low < 1 else "1"
                    shares = (f"{100 * value:.2f}" for value in part)
                    by_edge.append(["{}x{}".format(*banding), label, at.sum(), *shares])
    head = ["threshold", "bands x rows"]
    lines = ["Ours, verified, seeds 1 to 10: mean (least to most), %.", ""]
    lines += table([*head, "precision, named", "pairs that share a band", "recall", "theory"], rows)
    lines += [f"Threshold {THRESHOLDS[0]} by similarity of the pair; means of the ten, %.", ""]
    return lines + table(["bands x rows", "similarity", "pairs", "theory", "share a band", "recall"], by_edge)


def spread(values):
    return f"{np.mean(values):.2f} ({np.min(values):.2f} to {np.max(values):.2f})"


def exact(texts):
    """Exact dedup against equality of texts and of canonical URLs."""
    keys = {"text": texts.texts, "url": urls.canonical(pa.array([row["url"] for row in texts.rows])).to_pylist()}
    rows, removals = [], {}
    for by, values in keys.items():
        removals[by] = removed = texts.ours(f"{{use: exact_dedup, by: {by}, alarm: {{max_loss: 1}}}}")
        right = sum(values[one] == values[kept] and kept not in removed for one, kept in removed.items())
        times = Counter(values)
        pairs = sum(count * (count - 1) // 2 for count in times.values())
        stay = Counter(value for at, value in enumerate(values) if at not in removed)
        left = sum(count * (count - 1) // 2 for count in stay.values())
        counts = (sum(times.values()) - len(times), len(removed))
        rows.append([by, *counts, f"{right / len(removed):.4f}", pairs, f"{(pairs - left) / pairs:.4f}"])
    head = ["by", "copies in truth", "removed", "precision", "equal pairs", "recall"]
    return [*table(head, rows)], removals


def kinds(texts, truth, crawl, removals):
    """What the crawl says it planted, and what became of it: each copy beside its original page."""
    at = {(row["file"], row["offset"]): number for number, row in enumerate(texts.rows)}
    with (crawl / "truth.jsonl").open(encoding="utf-8") as lines:
        planted = [json.loads(line) for line in lines]
    number = {row["doc_id"]: at.get((row["shard"], row["offset"])) for row in planted}
    address = urls.canonical(pa.array([row["url"] for row in texts.rows])).to_pylist()
    groups, spelled = {}, {}
    for row in planted:
        one, other = number[row["doc_id"]], number[row["cluster"]]
        if row["kind"] == "orig" or one is None or other is None:
            continue
        groups.setdefault(kind(row), []).append((one, other))
        if row["kind"] != "mirror_other_template":
            spelled.setdefault(variant(row["url"]), []).append((one, other))
    removals |= {f"{t}": texts.ours(NEAR.format(20, 5, t, 1, "")) for t in THRESHOLDS}
    rows = []
    for name, pairs in sorted(groups.items()):
        similar = np.array([truth.jaccard(*pair) for pair in pairs])
        like = [percent((similar >= t).sum(), len(pairs)) for t in THRESHOLDS]
        found = [percent(together(removals[key], pairs), len(pairs)) for key in ("text", "0.7", "0.8")]
        rows.append([name, len(pairs), f"{np.median(similar):.3f}", *like, *found])
    lines = [f"{len(planted)} pages planted. Each copy beside its original, where both have a text:", ""]
    head = ["kind", "copies", "median similarity", "similarity >= 0.7 %", ">= 0.8 %"]
    lines += table([*head, *(f"one cluster by {key} %" for key in ("text", "near 0.7", "near 0.8"))], rows)
    rows = []
    for name, pairs in sorted(spelled.items()):
        equal = [(a, b) for a, b in pairs if address[a] == address[b]]
        rows.append([name, len(pairs), len(equal), together(removals["url"], pairs)])
    lines += ["Copies by how their URL differs from the original's:", ""]
    return lines + table(["URL", "copies", "equal canonical URL", "one cluster by url"], rows)


def together(removed, pairs):
    """How many pairs end up in one cluster: one of the two goes for the other, or both for a third."""
    return sum(removed.get(one, one) == removed.get(other, other) for one, other in pairs)


def kind(row):
    """Near copies by the rate that the crawl aimed at, which is the nearest to the real one."""
    if row["kind"] != "near":
        return row["kind"].replace("_", " ")
    return (
        f"near, {100 * min((0.01, 0.03, 0.06, 0.12, 0.25), key=lambda rate: abs(rate - row['rate'])):02.0f} % of words"
    )


def variant(url):
    return next((name for part, name in VARIANTS.items() if part in url), "http or https")


def crawl_part(crawl, options):
    """All tables of one crawl."""
    work = options.work / crawl.name
    curated = run(WARC.format(crawl), "{use: resiliparse}", work / "curate")
    texts = Texts(read(curated, "documents"), work)
    truth = all_pairs(texts.texts)
    size = sum(len(text.encode()) for text in texts.texts) / 1e6
    few = int((np.diff(truth.offsets) == 0).sum())
    lines = [f"### {crawl.name}", "", f"{len(texts.rows)} texts, {size:.1f} MB; {few} have fewer than five words.", ""]
    counts = np.histogram(truth.similarity, EDGES)[0]
    bins = [f"{low} to {high}" if low < 1 else "1" for low, high in pairwise(EDGES)]
    lines += table(["similarity", *bins], [["pairs", *counts]])
    lines += methods(texts, truth, options) + seeds(texts, truth)
    equal, removals = exact(texts)
    return [*lines, "Exact dedup:", "", *equal, *kinds(texts, truth, crawl, removals)]


def judged(options):
    """Pairs that a person has judged, each for itself."""
    with lzma.open(options.data / "copycat-judged-pairs/pairs.jsonl.xz", "rt", encoding="utf-8") as lines:
        pairs = [json.loads(line) for line in lines]
    texts = [pair[key] for pair in pairs for key in ("text_a", "text_b")]
    truth = all_pairs(texts)
    similar = np.array([truth.jaccard(2 * at, 2 * at + 1) for at in range(len(pairs))])
    removed = {
        f"ours {bands}x{rows}, {t}": pair_by_pair(texts, bands, rows, t) for bands, rows in BANDINGS for t in THRESHOLDS
    }
    source = options.work / "pairs.jsonl"
    source.write_text("".join(json.dumps({"a": pair["text_a"], "b": pair["text_b"]}) + "\n" for pair in pairs))
    command = [options.peer_python, str(PEERS / "datatrove_pairs.py"), str(source)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    removed["datatrove 14x8"] = np.array(found["shares"])
    rows = []
    labels = np.array([pair["label"] for pair in pairs])
    for label in ("3", "2", "1", "0.5", "unknown"):
        at = labels == label
        quantiles = [f"{value:.2f}" for value in np.quantile(similar[at], [0, 0.25, 0.5, 0.75, 1])]
        like = [int((similar[at] >= t).sum()) for t in THRESHOLDS]
        rows.append([label, at.sum(), *quantiles, *like, *(int(gone[at].sum()) for gone in removed.values())])
    head = ["label", "pairs", "least", "quarter", "median", "three quarters", "most", ">= 0.7", ">= 0.8"]
    lines = ["### Pairs that a person has judged (copycat-judged-pairs)", ""]
    lines += ["Similarity by label; how many pairs are so similar; of how many each method removes one.", ""]
    return lines + table([*head, *removed], rows)


def pair_by_pair(texts, bands, rows, threshold):
    """Whether we remove one document of a pair if there is nothing else in the corpus; bool by pair."""
    text = buffers.text(pa.array(texts))
    signed, counts = signatures(text, Shingling(), Permutations("affine32", bands * rows))
    sets_offsets, sets = shingle_sets(text, Shingling())
    left = np.arange(0, len(texts), 2)
    shares = sharing(signed, left, left + 1, bands, rows) & (counts[left] > 0) & (counts[left + 1] > 0)
    members = np.stack([left[shares], left[shares] + 1], axis=1).reshape(-1)
    component, fixed = np.repeat(np.arange(len(left)), 2), np.zeros(len(texts), bool)
    offsets = np.arange(0, len(members) + 1, 2)
    found = match(Candidates(component, fixed, signed, sets_offsets, sets, offsets, members), threshold)
    return (found.method > 0).reshape(-1, 2).any(axis=1)


def articles(options):
    """News texts with a list of the pairs that are copies with changes."""
    rows = []
    for size in (100, 1000, 2500):
        name = f"minhash-articles/articles_{size}"
        with gzip.open(options.data / f"{name}.train.gz", "rt", encoding="utf-8") as lines:
            documents = [dict(zip(("id", "text"), line.rstrip("\n").split(" ", 1), strict=True)) for line in lines]
        texts = Texts(documents, options.work / f"articles_{size}")
        pairs = [line.split() for line in (options.data / f"{name}.truth").read_text().splitlines()]
        numbers = [(texts.number[a], texts.number[b]) for a, b in pairs]
        truth = all_pairs(texts.texts)
        similar = [truth.jaccard(*pair) for pair in numbers]
        removed = {f"ours 20x5, {t}": texts.ours(NEAR.format(20, 5, t, 1, "")) for t in THRESHOLDS}
        removed["datatrove"] = texts.peer(options.peer_python, "near_dedup_datatrove.py")[0]
        removed["datasketch LSH"] = texts.peer(sys.executable, "near_dedup_datasketch.py")[0]
        for method, found in removed.items():
            settled = sum(a in found or b in found for a, b in numbers)
            in_pairs = len(set(found) & {number for pair in numbers for number in pair})
            bounds = f"{min(similar):.3f} to {max(similar):.3f}"
            rows.append([size, len(pairs), bounds, method, settled, len(found) - in_pairs])
    head = ["texts", "pairs in the list", "their similarity", "method", "pairs settled", "others removed"]
    return ["### News texts with a list of copies (minhash-articles)", "", *table(head, rows)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crawl", type=Path, action="append", default=[])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--peer-python", required=True, help="an interpreter with datatrove")
    parser.add_argument("--data", type=Path, default=corpora.DATA)
    parser.add_argument("--write", type=Path, help="file whose part below '## Results' is replaced")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    about = f"Python {platform.python_version()}, numpy {version('numpy')}, datasketch {version('datasketch')}"
    lines = [f"{about}, one process.", ""]
    for crawl in options.crawl:
        lines += crawl_part(crawl, options)
    lines += judged(options) + articles(options)
    text = "\n".join(lines)
    if options.write:
        before = options.write.read_text().split("## Results")[0] if options.write.exists() else ""
        options.write.write_text(f"{before}## Results\n\n{text}")
    else:
        print(text)


if __name__ == "__main__":
    main()
