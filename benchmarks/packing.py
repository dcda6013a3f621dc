"""How full are packed rows, how many documents are cut, and how fast is it all? The figures of packing.md.

    python -m benchmarks.packing quality [--data DIR] [--demo 'demo/out/demo/05-redact/documents/*.parquet']
    python -m benchmarks.packing speed [--data DIR] [--tokens 200000000] [--repeats 5]
    python -m benchmarks.packing read [--data DIR] [--tokens 100000000] [--repeats 5] [--folder DIR]

`quality`: real texts, ids of a byte-level BPE of 32,768 trained on them (lengths are all that packing looks at).

`speed`: document lengths of openwebtext-1000 by that BPE, over and over, random ids; CPU seconds of one thread.

`read`: a shard of such rows in the page cache, 512 rows at once, sequential and in a keyed order, beside `datasets`
on the same file; wall seconds, both to numpy arrays.
"""

import argparse
import os
import platform
import statistics
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

from benchmarks import corpora
from corpusmill.storage import exports, paths
from corpusmill.storage.packed import Block, Header, PackedFile, Shard
from corpusmill.storage.unpack import documents
from corpusmill.tokenize.order import Order, key_of
from corpusmill.tokenize.pack import Documents, fill, plan

STRATEGIES = ["concat", "best_fit", "pad"]
SETS = ["openwebtext-1000", "c4-dolma-samples", "wcxb-dev", "wiki-passages-boolq", "rust-book", "code-python"]
VOCABULARY = 32_768
ROWS = 512  # of a batch


def bpe(texts):
    """A byte-level BPE of these texts."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def lengths_of(tokenizer, texts):
    """Ids of each text."""
    return np.array([len(encoding.ids) for encoding in tokenizer.encode_batch_fast(texts)], np.int64)


def sets(data, demo):
    """Texts by set."""
    found = {name: [text for _, text in corpora.ENGLISH[name](data)] for name in SETS}
    if demo:
        import pyarrow.parquet as pq

        files = paths.expand([demo])
        found["the demo's documents"] = [text for path in files for text in pq.read_table(path)["text"].to_pylist()]
    return found


def quality(options):
    """Utilisation and cuts."""
    found = sets(options.data, options.demo)
    tokenizer = bpe([text for texts in found.values() for text in texts])
    lengths = {name: lengths_of(tokenizer, texts) for name, texts in found.items()}
    lengths["all of them"] = np.concatenate(list(lengths.values()))
    print("| set | documents | tokens | longer than a row | strategy | utilisation | cut | of these, would fit |")
    print("|---|---:|---:|---:|---|---:|---:|---:|")
    for name, sizes in lengths.items():
        for strategy in STRATEGIES:
            usage = plan(sizes, options.length, strategy).usage()
            longer = int((sizes + 1 > options.length).sum())
            left = (
                (name, f"{usage.documents:,}", f"{usage.tokens:,}", f"{longer:,}") if strategy == "concat" else [""] * 4
            )
            print("|", *(f"{cell} |" for cell in left), end=" ")
            print(f"{strategy} | {usage.utilisation:.2%} | {usage.cut:,} | {usage.cut_needlessly:,} |")


def sample(data, tokens):
    """Offsets of documents with the lengths of openwebtext, over and over in other orders, and their ids."""
    texts = [text for _, text in corpora.openwebtext(data)]
    sizes = lengths_of(bpe(texts), texts)
    draw = np.random.default_rng(0)
    rounds = tokens // int(sizes.sum()) + 1
    lengths = np.concatenate([draw.permutation(sizes) for _ in range(rounds)])
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return offsets, draw.integers(0, VOCABULARY - 1, offsets[-1], np.uint16)


def seconds(work, repeats, clock=time.process_time):
    """The median of several runs, after one to warm up."""
    work()
    taken = []
    for _ in range(repeats):
        begin = clock()
        work()
        taken.append(clock() - begin)
    return statistics.median(taken)


def speed(options):
    """Planning and filling."""
    offsets, ids = sample(options.data, options.tokens)
    lengths = np.diff(offsets)
    print(f"{len(lengths):,} documents, {len(ids):,} ids")
    print("| strategy | plan: M documents/s | plan: M tokens/s | fill: M tokens/s | both: M tokens/s |")
    print("|---|---:|---:|---:|---:|")
    for wide in np.uint16, np.uint32:
        documents = Documents.of(offsets, ids.astype(wide, copy=False))
        for strategy in STRATEGIES:
            planned = plan(lengths, options.length, strategy)
            tokens = planned.usage().tokens / 1e6
            planning = seconds(lambda s=strategy: plan(lengths, options.length, s), options.repeats)
            rows = Order(planned.rows, key_of("rows")).between(0, planned.rows)

            def filling(planned=planned, documents=documents, rows=rows):
                for start in range(0, len(rows), 8192):
                    fill(planned, documents, VOCABULARY - 1, rows[start : start + 8192])

            took = seconds(filling, options.repeats)
            cells = len(lengths) / planning / 1e6, tokens / planning, tokens / took, tokens / (planning + took)
            print(f"| {strategy}, {wide.__name__} |", *(f"{cell:,.0f} |" for cell in cells))
    places = np.arange(1_000_000)
    for count in 1_000_000, 1_000_000_007:
        took = seconds(lambda n=count: Order(n, key_of("speed")).at(places), options.repeats)
        print(f"a keyed order of {count:,}: {took * 1e3:.1f} ns a place")


def write(path, options):
    """A shard in a keyed order."""
    offsets, ids = sample(options.data, options.tokens)
    planned = plan(np.diff(offsets), options.length, "best_fit")
    header = Header(
        tokenizer="none", vocabulary_size=VOCABULARY, dtype="uint16", eos=VOCABULARY - 1, padding=VOCABULARY - 1,
        strategy="best_fit", sequence_length=options.length, recipe_key="benchmark",
    )  # fmt: skip
    order = Order(planned.rows, key_of("shard")).between(0, planned.rows)
    documents = Documents.of(offsets, ids)
    fill(planned, documents, header.eos, order[:1])  # compiled before the clock runs
    begin = time.perf_counter()
    with PackedFile(path, header) as file:
        for start in range(0, len(order), 8192):
            rows = order[start : start + 8192]
            at, segments = planned.segments_of(rows)
            document, length = planned.segment_document[segments], planned.segment_length[segments]
            block = fill(planned, documents, header.eos, rows)
            file.add(Block(block, at, length, document // 10_000, document % 10_000, planned.segment_start[segments]))
        stats = file.finish()
    took = time.perf_counter() - begin
    tokens = planned.usage().tokens / 1e6
    print(f"{stats.rows:,} rows, {tokens:,.1f} M tokens, {stats.bytes / 1e6:,.1f} MB")
    print(f"written, planning aside: {tokens / took:,.0f} M tokens/s")


def by_batch(work):
    """A way to read all rows, some at once; what was read is not kept."""

    def way(rows):
        for at in range(0, len(rows), ROWS):
            work(rows[at : at + ROWS])

    return way


def read(options):
    """Rows from a mapped file."""
    import datasets

    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = f"{folder}/shard.arrow"
        write(path, options)
        shard = Shard(path)
        cache = f"{folder}/cache"
        theirs = datasets.load_dataset("arrow", data_files=[path], split="train", cache_dir=cache).with_format("numpy")
        ids_alone = theirs.select_columns(["input_ids"])
        order = Order(len(shard), key_of("epoch", 0)).between(0, len(shard))
        whole = np.arange(len(shard))
        tokens = len(shard) * options.length / 1e6
        out = np.empty((ROWS, options.length), np.uint16)
        wide = np.empty((ROWS, options.length), np.int64)

        def taken(rows, out):
            return shard.take(rows, out[: len(rows)])

        ways = {
            "512 rows, into an array that is reused": by_batch(lambda rows: taken(rows, out)),
            "512 rows, the same, then to int64": by_batch(lambda rows: np.copyto(wide[: len(rows)], taken(rows, out))),
            "512 rows, into a new array": by_batch(shard.take),
            "512 rows, `datasets`": by_batch(lambda rows: ids_alone[rows]["input_ids"]),
            "one row, a view": lambda rows: [shard.row(row) for row in rows.tolist()],
            "one row, copied": lambda rows: [np.copyto(out[0], shard.row(row)) for row in rows.tolist()],
            "one row, `datasets`": lambda rows: [ids_alone[row]["input_ids"] for row in rows.tolist()],
        }
        print("| | sequential, M tokens/s | keyed order, M tokens/s |")
        print("|---|---:|---:|")
        for name, way in ways.items():
            cells = [
                tokens / seconds(lambda r=rows, w=way: w(r), options.repeats, time.perf_counter)
                for rows in (whole, order)
            ]
            print(f"| {name} |", *(f"{cell:,.0f} |" for cell in cells))
        assert np.array_equal(shard.take(order[:ROWS]), np.asarray(ids_alone[order[:ROWS]]["input_ids"]))
        opening = seconds(lambda: Shard(path), options.repeats, time.perf_counter)
        print(f"opening the shard: {opening * 1e3:.2f} ms, of {len(shard.blocks)} blocks")
        out = seconds(lambda: sum(len(part.ids) for part in documents(shard)), options.repeats, time.perf_counter)
        print(f"documents out of rows: {tokens / out:,.0f} M tokens/s")
        export = seconds(lambda: exports.megatron([path], f"{folder}/all"), options.repeats, time.perf_counter)
        print(f"export to Megatron: {tokens / export:,.0f} M tokens/s")


def main():
    """Run one of the parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["quality", "speed", "read"])
    parser.add_argument("--data", type=Path, default=corpora.DATA)
    parser.add_argument("--demo")
    parser.add_argument("--length", type=int, default=2048)
    parser.add_argument("--tokens", type=int, default=100_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--folder")
    options = parser.parse_args()
    versions = {name: version(name) for name in ("numpy", "numba", "pyarrow", "datasets")}
    machine = f"{os.cpu_count()} cores, {platform.machine()}, load {os.getloadavg()[0]:.1f}"
    print(f"{machine}, Python {platform.python_version()}", versions)
    {"quality": quality, "speed": speed, "read": read}[options.part](options)


if __name__ == "__main__":
    main()
