"""How fast are MinHash signatures beside those of others, and are they datasketch's? The figures of minhash.md.

    python -m benchmarks.minhash speed --peer-python DATATROVE [--rensa-python RENSA] [--repeats 5] [--rounds 3]
    python -m benchmarks.minhash words --peer-python DATATROVE [--data DIR]
    python -m benchmarks.minhash equal [--data DIR]

`speed`: 112 permutations over 5-word shingles of the same documents in memory, CPU seconds of one thread, in turns;
medians of the repeats. `--rounds` copies of the documents make our times long enough to be read; the others get one.

`words`: are the words of the datatrove dialect datatrove's? Some English and some multilingual documents.

`equal`: every string of every JSON file and every text file of the shared data, in pieces of at most 20,000
characters; both schemes; the shingles and their hashes made in plain Python.
"""

import argparse
import gzip
import json
import lzma
import os
import platform
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow as pa
import xxhash
from datasketch import MinHash

from benchmarks import corpora
from benchmarks.parity import write
from benchmarks.peers.python_shingles import shingles as python_shingles
from corpusmill.dedup.minhash import Permutations, signatures
from corpusmill.dedup.shingles import Shingling, normalised_words, shingle_hash
from corpusmill.kernels import buffers

PEERS = Path(__file__).parent / "peers"
MAIN = "plain, 5 words, affine32"
OURS = {
    MAIN: (Shingling(), Permutations()),
    "plain, 5 words, affine64": (Shingling(), Permutations("affine64")),
    "datatrove, 5 words, affine32": (Shingling("datatrove"), Permutations()),
    "bigcode, 5 words, affine32": (Shingling("bigcode"), Permutations()),
    "none, 5 words, affine32": (Shingling("none"), Permutations()),
    "plain, 24 characters, affine32": (Shingling("plain", "characters", 24), Permutations()),
}
SPACY = Shingling("datatrove", tokenizer="spacy")
PIECE = 20_000  # characters
SCHEMES = {"affine32": (1 << 32) - 1, "affine64": (1 << 64) - 1}


def our_seconds(text, how, permutations):
    begin = time.process_time()
    signatures(text, how, permutations)
    return time.process_time() - begin


def datasketch_seconds(texts, **options):
    """CPU seconds of datasketch's sketches over shingles made in Python."""
    empty = MinHash(112, 1, **options)
    begin = time.process_time()
    for text in texts:
        empty.copy().update_batch([shingle.encode() for shingle in python_shingles(text)])
    return time.process_time() - begin


def peer_seconds(python, script, path):
    """CPU seconds by name, and the version."""
    command = [python, str(PEERS / script), str(path)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found["seconds"], found["version"]


def one_turn(options, texts, many, once, path):
    """MB/s by name, and the versions of the peers."""
    megabytes = len(once.data) / 1e6
    rates = {name: options.rounds * megabytes / our_seconds(many, *how) for name, how in OURS.items()}
    rates["datatrove with spaCy's tokenizer, 5 words, affine32"] = megabytes / our_seconds(once, SPACY, Permutations())
    others = {
        "datasketch affine32, xxhash": datasketch_seconds(texts, scheme="affine32", hashfunc=xxhash.xxh32_intdigest),
        "datasketch affine32, its SHA-1": datasketch_seconds(texts, scheme="affine32"),
        "datasketch affine64, xxhash": datasketch_seconds(texts, scheme="affine64", hashfunc=xxhash.xxh64_intdigest),
    }
    versions = [f"datasketch {version('datasketch')}"]
    scripts = [(options.peer_python, "datatrove_minhash.py"), (options.rensa_python, "rensa_minhash.py")]
    for python, script in scripts:
        if python:
            found, told = peer_seconds(python, script, path)
            others |= found
            versions.append(told)
    return rates, {name: megabytes / seconds for name, seconds in others.items()}, versions


def speed(options):
    """Print the table of speeds."""
    rows = [row for name in options.sets.split(",") for row in corpora.ENGLISH[name](options.data)]
    texts = [text for _, text in rows]
    once = buffers.text(pa.array(texts))
    many = buffers.text(pa.array(texts * options.rounds))
    for how in (*OURS.values(), (SPACY, Permutations())):
        signatures(buffers.text(pa.array(texts[:5])), *how)  # compiles
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "documents.jsonl"
        write(rows, path)
        turns = [one_turn(options, texts, many, once, path) for _ in range(options.repeats)]
    ours, others = (
        {name: statistics.median(turn[part][name] for turn in turns) for name in turns[0][part]} for part in (0, 1)
    )
    print(
        f"{len(rows)} documents, {len(once.data) / 1e6:.1f} MB of UTF-8, from {options.sets}; {options.repeats} repeats"
    )
    print(
        f"{os.cpu_count()} cores, {platform.machine()}; Python {platform.python_version()}, numba {version('numba')},"
    )
    print(f"numpy {version('numpy')}; {', '.join(turns[0][2])}; {time.strftime('%Y-%m-%d')}\n")
    print("| ours: dialect, shingles, scheme | MB/s |\n|---|---:|")
    for name, rate in ours.items():
        print(f"| {name} | {rate:.1f} |")
    print(f"\n| others | MB/s | ours ({MAIN}) / theirs |\n|---|---:|---:|")
    for name, rate in others.items():
        print(f"| {name} | {rate:.2f} | {ours[MAIN] / rate:.0f} |")


def same_words(options):
    """Print for how many documents the words, and the tokens, are not datatrove's."""
    texts = [text for _, text in corpora.openwebtext(options.data)][::20]
    texts += [text for _, text in corpora._texts(options.data, "hplt-multilingual-web/docs.jsonl.xz")][::4]
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "documents.jsonl", Path(folder) / "words.jsonl"
        write([(str(row), text) for row, text in enumerate(texts)], source)
        subprocess.run([options.peer_python, str(PEERS / "datatrove_minhash.py"), str(source), str(target)], check=True)
        with target.open(encoding="utf-8") as lines:
            theirs = [json.loads(line) for line in lines]
    text = buffers.text(pa.array(texts))
    for name, how in (("words by white space", Shingling("datatrove")), ("tokens of spaCy", SPACY)):
        ours = normalised_words(text, how)
        wrong = sum(found != pair[how is SPACY] for found, pair in zip(ours, theirs, strict=True))
        print(f"{name}: {wrong} of {len(texts)} documents differ")


def strings(value):
    """Every string inside a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from strings(item)


def decoded(name, raw):
    """The strings of one file's bytes."""
    name = name.removesuffix(".gz").removesuffix(".xz")
    if name.endswith(".jsonl"):
        for line in raw.splitlines():
            yield from strings(json.loads(line)) if line.strip() else ()
    elif name.endswith(".json"):
        try:
            yield from strings(json.loads(raw))
        except json.JSONDecodeError:  # some are JSON lines, some spoilt on purpose
            yield raw.decode("utf-8", "replace")
    elif name.endswith((".txt", ".tsv", ".csv", ".train", ".md")):
        yield raw.decode("utf-8", "replace")


def every_text(data):
    """Every string of the JSON and text files of a folder, and of those in tar archives."""
    for path in sorted(path for path in data.rglob("*") if path.is_file()):
        if path.name.endswith(".tar.xz"):
            with tarfile.open(path, "r:xz") as archive:
                for member in archive:
                    if member.isfile() and (source := archive.extractfile(member)):
                        yield from decoded(member.name, source.read())
            continue
        opener = {".gz": gzip.open, ".xz": lzma.open}.get(path.suffix, open)
        if decoded_name(path.name):
            with opener(path, "rb") as source:
                yield from decoded(path.name, source.read())


def decoded_name(name):
    """Whether `decoded` finds strings in a file of this name."""
    plain = name.removesuffix(".gz").removesuffix(".xz")
    return plain.endswith((".jsonl", ".json", ".txt", ".tsv", ".csv", ".train", ".md"))


def unequal(texts):
    """How many signatures of a batch differ from datasketch's, by scheme, and the number of shingles."""
    text = buffers.text(pa.array(texts))
    how = Shingling()
    sets = [
        {" ".join(words[at : at + 5]).encode() for at in range(len(words) - 4)} for words in normalised_words(text, how)
    ]
    hashes = [[shingle_hash(shingle) for shingle in shingles] for shingles in sets]
    wrong = {}
    for scheme, mask in SCHEMES.items():
        ours, counts = signatures(text, how, Permutations(scheme))
        empty = MinHash(112, 1, scheme=scheme, hashfunc=lambda value, mask=mask: value & mask)
        wrong[scheme] = 0
        for row, values in enumerate(hashes):
            sketch = empty.copy()
            sketch.update_batch(values)
            wrong[scheme] += not (np.array_equal(sketch.hashvalues, ours[row]) and bool(values) == bool(counts[row]))
    return wrong, sum(map(len, sets))


def equal(options):
    """Print how many signatures were compared and how many differ."""
    total = {"pieces": 0, "megabytes": 0.0, "different shingles": 0, **dict.fromkeys(SCHEMES, 0)}
    batch: list[str] = []

    def flush():
        wrong, shingles = unequal(batch)
        total["pieces"] += len(batch)
        total["megabytes"] += sum(len(text.encode()) for text in batch) / 1e6
        total["different shingles"] += shingles
        for scheme, count in wrong.items():
            total[scheme] += count
        batch.clear()

    for found in every_text(options.data):
        text = found.encode("utf-8", "replace").decode()  # lone surrogates are no text
        batch += [text[at : at + PIECE] for at in range(0, len(text), PIECE)]
        if len(batch) >= 1000:
            flush()
    flush()
    print({name: round(value, 1) for name, value in total.items()}, "(affine32, affine64: signatures that differ)")
    sys.exit(bool(total["affine32"] or total["affine64"]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=["speed", "words", "equal"])
    parser.add_argument("--peer-python", help="an interpreter with datatrove")
    parser.add_argument("--rensa-python", help="an interpreter with rensa")
    parser.add_argument("--data", type=Path, default=corpora.DATA)
    parser.add_argument("--sets", default="openwebtext-1000")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    {"speed": speed, "words": same_words, "equal": equal}[options.mode](options)


if __name__ == "__main__":
    main()
