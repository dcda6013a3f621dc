"""How fast are documents encoded, beside `tokenizers` and tiktoken, and are the ids theirs? The figures of tokenize.md.

    python -m benchmarks.tokenize speed [--documents 42000] [--peer-megabytes 5] [--repeats 3] [--only NAME ...]
    python -m benchmarks.tokenize sets [--repeats 3] [--data DIR]
    python -m benchmarks.tokenize identity [--data DIR]

`speed`: the documents of the shared data, each once, mostly English; then as many as are wanted of documents drawn
from passages of them (benchmarks/near_corpus.py). CPU seconds of one thread over all of it with an empty cache, batches
of 16 MB as in a run, then again with the cache warm. The others get the first `--peer-megabytes` of the same documents,
in shuffled order; their speed hardly depends on how much there is. In turns, medians.

`sets`: each set of the shared data on its own, empty cache, so that most pre-tokens are new.

`identity`: every string of every JSON file and every text file of the shared data.

Tokenizers: GPT-2 and OpenAI's rank files from the shared data, and two trained here on some of it.
"""

import argparse
import base64
import gzip
import json
import lzma
import os
import platform
import random
import statistics
import tarfile
import time
from importlib.metadata import version
from pathlib import Path

os.environ |= {"RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}  # before `tokenizers` starts threads

import pyarrow as pa
import tiktoken
import tokenizers
from tiktoken_ext import openai_public

from benchmarks import corpora, near_corpus
from corpusmill.kernels import buffers
from corpusmill.tokenize import encode, tokenizer, training
from corpusmill.tokenize.patterns import PATTERNS

BATCH = 16_000_000  # bytes
PIECE = 20_000  # characters
PACKED = ("", ".xz", ".gz")
KINDS = (".jsonl", ".json", ".txt", ".tsv", ".en", ".md", ".bpe")
READ = (".tar.xz", *(kind + end for kind in KINDS for end in PACKED))
SETS = {
    "openwebtext-1000": ("openwebtext-1000/openwebtext-1000.jsonl.xz", "English web pages"),
    "code-python": ("code-python/files.jsonl.xz", "Python code"),
    "hplt-multilingual-web": ("hplt-multilingual-web/docs.jsonl.xz", "web pages in many languages"),
    "fastapi-docs-multilingual": ("fastapi-docs-multilingual/docs.jsonl.xz", "Markdown in many languages"),
}


def gpt2(data):
    """GPT-2 of `tokenizers`, from the files it was published as."""
    vocabulary = json.loads((data / "models/gpt2/encoder.json").read_text(encoding="utf-8"))
    lines = (data / "models/gpt2/vocab.bpe").read_text(encoding="utf-8").split("\n")[1:]
    made = tokenizers.Tokenizer(tokenizers.models.BPE(vocabulary, [tuple(line.split()) for line in lines if line]))
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.add_special_tokens(["<|endoftext|>"])
    return made


def trained(data, pattern):
    """A vocabulary of 32,000 trained on web pages in many languages and code."""
    texts = [text for name in SETS for text in texts_of(data, name)]
    return training.train(texts, vocabulary_size=32000, pattern=pattern)


def ranked(data, name):
    """Ours and tiktoken's of a rank file."""
    path = data / f"models/tiktoken/{name}.tiktoken.gz"
    known = tokenizer.load(str(path))
    lines = gzip.decompress(path.read_bytes()).splitlines()
    ranks = {base64.b64decode(token): int(rank) for token, rank in map(bytes.split, lines)}
    expression = PATTERNS[known.pattern].expression
    if known.pattern == "gpt2":
        expression = openai_public.r50k_pat_str
    return known, tiktoken.Encoding(name, pat_str=expression, mergeable_ranks=ranks, special_tokens={})


def texts_of(data, name):
    """The documents of a set."""
    with lzma.open(data / SETS[name][0], "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


def batches_of(texts):
    """Documents in batches of about 16 MB, as the kernels see them."""
    found, held, size = [], [], 0
    for text in texts:
        held.append(text)
        size += len(text.encode())
        if size >= BATCH:
            found.append(buffers.text(pa.array(held)))
            held, size = [], 0
    return [*found, buffers.text(pa.array(held))] if held else found


def seconds(work):
    begin = time.process_time()
    work()
    return time.process_time() - begin


def ours(known, batches, most):
    """CPU seconds with an empty cache (tables made before), then with a warm one; entries."""
    encoder = encode.Encoder(known, cache_entries=most)
    cold = seconds(lambda: [encoder(batch) for batch in batches])
    warm = seconds(lambda: [encoder(batch) for batch in batches])
    return cold, warm, len(encoder._cache)


def candidates(data):
    """By name: what we load, and the peer's way to encode a list of texts."""
    made = {"gpt2": gpt2(data), "trained gpt2": trained(data, "gpt2"), "trained llama3": trained(data, "llama3")}
    found = {}
    for name, library in made.items():
        known = tokenizer.from_json(library.to_str(), name)
        found[name] = (
            known,
            "tokenizers",
            lambda texts, library=library: [
                encoding.ids for encoding in library.encode_batch_fast(texts, add_special_tokens=False)
            ],
        )
    for name in ("r50k_base", "cl100k_base"):
        known, peer = ranked(data, name)
        found[name] = known, "tiktoken", lambda texts, peer=peer: [peer.encode_ordinary(text) for text in texts]
    return found


def first_megabytes(texts, most):
    """The first documents up to a size, and their megabytes."""
    size, found = 0, []
    for text in texts:
        if size >= most * 1e6:
            break
        found.append(text)
        size += len(text.encode())
    return found, size / 1e6


def compile_kernels(known):
    """Everything once, on text that fills the first cache."""
    words = (" ".join(str(number * 7919) for number in range(first, first + 20000)) for first in range(0, 80000, 20000))
    texts = ["<|endoftext|>", "a" * 300, *words]
    encode.Encoder(known)(buffers.text(pa.array(texts)))


def everything(data):
    """English sets of the shared data, whole novels, and sets in many languages: each text once."""
    found = [text for name, read in corpora.ENGLISH.items() if name != "english-novels" for _, text in read(data)]
    for novel in near_corpus.novels(data):
        found += [novel[first : first + PIECE] for first in range(0, len(novel), PIECE)]
    for name in ("hplt-multilingual-web", "fastapi-docs-multilingual"):
        found += texts_of(data, name)
    found = [text.encode("utf-8", "replace").decode() for text in dict.fromkeys(found)]
    random.Random(1).shuffle(found)
    return found


def speed(options):
    """Print a table for real documents, each once, and one for documents drawn from them."""
    known = {name: found for name, found in candidates(options.data).items() if name in (options.only or name)}
    corpus = near_corpus.Corpus(near_corpus.passages(options.data), 1, 0.2)
    drawn = [corpus.document(number).text for number in range(options.documents)]
    for title, texts in ("each text once", everything(options.data)), ("benchmarks.near_corpus", drawn):
        if not texts:
            continue
        batches = batches_of(texts)
        megabytes = sum(len(batch.data) for batch in batches) / 1e6
        some, peer_megabytes = first_megabytes(texts, options.peer_megabytes)
        print(
            f"\n{title}: {len(texts)} documents, {megabytes:.1f} MB; the others: {len(some)}, {peer_megabytes:.1f} MB"
        )
        table(known, batches, megabytes, some, peer_megabytes, options)


def table(known, batches, megabytes, some, peer_megabytes, options):
    """A row for each tokenizer."""
    print("| tokenizer | ours, cold | ours, warm | entries | peer | its MB/s | cold / peer |")
    print("|---|---:|---:|---:|---|---:|---:|")
    for name, (loaded, peer, encode_peer) in known.items():
        compile_kernels(loaded)
        turns = [
            (*ours(loaded, batches, options.cache_entries), seconds(lambda: encode_peer(some)))  # noqa: B023
            for _ in range(options.repeats)
        ]
        cold, warm = (megabytes / statistics.median(turn[part] for turn in turns) for part in (0, 1))
        other = peer_megabytes / statistics.median(turn[3] for turn in turns)
        print(
            f"| {name} | {cold:.1f} | {warm:.1f} | {turns[0][2]} | {peer} | {other:.2f} | {cold / other:.1f} |",
            flush=True,
        )


def sets(options):
    """Print a table for each set, cache empty."""
    known = candidates(options.data)
    for name, (_, what) in SETS.items():
        texts = texts_of(options.data, name)
        batches = batches_of(texts)
        megabytes = sum(len(batch.data) for batch in batches) / 1e6
        some, peer_megabytes = first_megabytes(texts, 3)
        print(f"\n{name}: {what}, {len(texts)} documents, {megabytes:.1f} MB")
        table(known, batches, megabytes, some, peer_megabytes, options)


def strings(value):
    """All strings of a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from strings(item)


def contents(path):
    """Texts of a file: of JSON its strings, of others all."""
    if path.name.endswith(".tar.xz"):
        with tarfile.open(path, "r:xz") as archive:
            for member in archive:
                source = archive.extractfile(member)
                if source is not None and member.name.endswith((".txt", ".json", ".md")):
                    yield source.read().decode("utf-8", "replace")
        return
    opener = {".xz": lzma.open, ".gz": gzip.open}.get(path.suffix, open)
    with opener(path, "rb") as source:
        text = source.read().decode("utf-8", "replace")
    base = path.name.removesuffix(path.suffix) if path.suffix in {".xz", ".gz"} else path.name
    if base.endswith(".jsonl"):
        for line in text.split("\n"):
            yield from strings(json.loads(line)) if line.strip().startswith(("{", "[")) else [line]
    elif base.endswith(".json"):
        try:
            yield from strings(json.loads(text))
        except ValueError:
            yield text
    else:
        yield text


def identity(options):
    """Compare all ids; prints what was compared, and fails at the first that differ."""
    known = {
        name: (encode.Encoder(loaded), peer, run) for name, (loaded, peer, run) in candidates(options.data).items()
    }
    size = pieces = 0
    ids = dict.fromkeys(known, 0)
    held = []

    def compare():
        text = buffers.text(pa.array(held))
        for name, (encoder, _, run) in known.items():
            placed, found = encoder(text)
            ids[name] += len(found)
            for row, expected in enumerate(run(held)):
                assert found[placed[row] : placed[row + 1]].tolist() == expected, (name, held[row])
        held.clear()

    for path in sorted(options.data.rglob("*")):
        if not path.is_file() or not path.name.endswith(READ) or path.name == "html.tar.xz":
            continue
        for whole in contents(path):
            clean = whole.encode("utf-8", "replace").decode()
            for first in range(0, len(clean), PIECE):
                piece = clean[first : first + PIECE]
                held.append(piece)
                pieces += 1
                size += len(piece.encode())
            if sum(map(len, held)) > 4_000_000:
                compare()
                print(f"{path.parent.name}/{path.name}: {pieces} pieces, {size / 1e6:.1f} MB so far", flush=True)
    if held:
        compare()
    print(f"{pieces} pieces, {size / 1e6:.1f} MB; ids, all equal: {ids}")


def main():
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "sets", "identity"])
    parser.add_argument("--data", type=Path, default=corpora.DATA)
    parser.add_argument("--documents", type=int, default=42000)
    parser.add_argument("--peer-megabytes", type=float, default=5)
    parser.add_argument("--only", nargs="+", help="tokenizers to time; all")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cache-entries", type=int, default=encode.CACHE_ENTRIES)
    options = parser.parse_args()
    print(
        f"{os.cpu_count()} cores, {platform.machine()}; Python {platform.python_version()}, numba {version('numba')}, "
        f"tokenizers {version('tokenizers')}, tiktoken {version('tiktoken')}; load {os.getloadavg()[0]:.1f}"
    )
    {"speed": speed, "sets": sets, "identity": identity}[options.what](options)


if __name__ == "__main__":
    main()
