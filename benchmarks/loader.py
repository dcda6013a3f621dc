"""How fast are batches of packed rows, in training order? The figures of loader.md.

    python -m benchmarks.loader speed [--data DIR] [--tokens 100000000] [--repeats 5] [--folder DIR]
    python -m benchmarks.loader cold [--folder DIR]
    python -m benchmarks.loader open [--folder DIR]

Document lengths of openwebtext-1000 by a BPE trained on it, over and over, random ids, `best_fit`, eight shards.

`speed`: whole batches (inputs, targets, segments; int64) of all rows in a keyed order, from the page cache, one
thread, CPU seconds; beside plain numpy over the same mapped shards, nanoGPT's way with a flat file (which knows no
documents), and `datasets` on the same files.

`cold`: the first batches after the kernel was told to forget the files, with and without its reading ahead; with as
much data as the disk has room for (the read-ahead of this machine's disk is in /sys/block/*/queue/read_ahead_kb).

`open`: what a start costs: finding, mapping, counting tokens, the fingerprint.
"""

import argparse
import gc
import os
import platform
import resource
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from benchmarks import corpora
from benchmarks.packing import VOCABULARY, sample, seconds
from corpusmill.storage.packed import Block, Header, PackedFile
from corpusmill.tokenize.order import Order, key_of
from corpusmill.tokenize.pack import Documents, fill, plan
from corpusmill.train import config, mapped
from corpusmill.train.data import Rows

SHARDS = 8
EOS = VOCABULARY - 1
BATCHES = 8, 64, 512


def write(folder, options):
    """Shards of real document lengths."""
    header = Header(
        tokenizer="none", vocabulary_size=VOCABULARY, dtype="uint16", eos=EOS, padding=EOS, strategy="best_fit",
        sequence_length=options.length, recipe_key="benchmark",
    )  # fmt: skip
    offsets, ids = sample(options.data, options.tokens)
    for number, part in enumerate(np.array_split(np.arange(len(offsets) - 1), SHARDS)):
        own = offsets[part[0] : part[-1] + 2]
        planned = plan(np.diff(own), options.length, "best_fit")
        rows = Order(planned.rows, key_of("shard", number)).between(0, planned.rows)
        at, segments = planned.segments_of(rows)
        document, length = planned.segment_document[segments], planned.segment_length[segments]
        with PackedFile(f"{folder}/shards/train/{number:05d}.arrow", header) as file:
            block = fill(planned, Documents.of(own, ids), EOS, rows)
            start = planned.segment_start[segments]
            file.add(Block(block, at, length, np.full(len(document), number), document, start))
            file.finish()


def opened(folder):
    """Its rows."""
    return Rows.open([config.Data(path=f"{folder}/shards")], seed=0)


def numpy_batch(rows, samples):
    """What `Rows.batch` does, said in numpy, row by row."""
    length = rows.sequence_length
    inputs, targets = np.empty((len(samples), length), np.int64), np.empty((len(samples), length), np.int64)
    segments = []
    for place, (part, shard, row) in enumerate(zip(*rows.where(samples), strict=True)):
        one = rows.parts[part].shards[shard].segments(int(row))
        targets[place] = one.ids[0]
        inputs[place, 0] = rows.eos
        inputs[place, 1:] = one.ids[0, :-1]
        ends = np.cumsum(one.lengths)
        firsts = ends - one.lengths
        inputs[place, firsts] = rows.eos
        targets[place, firsts[one.starts > 0]] = -100
        targets[place, ends[-1] :] = -100
        segments.append(np.append(one.lengths, length - ends[-1]) if ends[-1] < length else one.lengths)
    return inputs, targets, segments


def flat_batch(data, starts, length):
    """As nanoGPT's get_batch, in numpy: windows of a flat file, whatever documents they cut."""
    inputs = np.stack([data[at : at + length].astype(np.int64) for at in starts])
    return inputs, np.stack([data[at + 1 : at + 1 + length].astype(np.int64) for at in starts])


def by(size, work, count):
    """All samples, `size` at once."""

    def way():
        for at in range(0, count - size + 1, size):
            work(np.arange(at, at + size))

    return way


def speed(options, folder):
    """From the page cache."""
    import datasets

    rows = opened(folder)
    count, length = rows.row_count, rows.sequence_length
    print(f"{count:,} rows, {rows.tokens / 1e6:,.1f} M targets, {rows.tokens / count / length:.2%} of all places")
    files = [shard.path for shard in rows.parts[0].shards]
    flat = np.concatenate([shard.tokens.reshape(-1) for shard in rows.parts[0].shards])
    flat.tofile(f"{folder}/flat.bin")
    mapped = np.memmap(f"{folder}/flat.bin", np.uint16, "r")
    theirs = datasets.load_dataset("arrow", data_files=files, split="train", cache_dir=f"{folder}/cache")
    ids_alone = theirs.select_columns(["input_ids"]).with_format("numpy")
    whole = theirs.with_format("numpy")
    order = Order(count, key_of("theirs")).between(0, count)
    starts = np.random.default_rng(0).integers(0, len(mapped) - length - 1, count)
    ways = {
        "where they are, alone": rows.where,
        "**Rows.batch**": rows.batch,
        "plain numpy, row by row": lambda samples: numpy_batch(rows, samples),
        "flat file, as nanoGPT: no documents": lambda samples: flat_batch(mapped, starts[samples], length),
        "`datasets`, ids alone": lambda samples: ids_alone[order[samples]]["input_ids"],
        "`datasets`, ids and documents": lambda samples: whole[order[samples]],
    }
    print("| M tokens/s | 8 rows | 64 rows | 512 rows |\n|---|---:|---:|---:|")
    for name, work in ways.items():
        some = count if "datasets" not in name else min(count, 8192)
        cells = [some // size * size * length / 1e6 / seconds(by(size, work, some), options.repeats)
                 for size in BATCHES]  # fmt: skip
        print(f"| {name} |", *(f"{cell:,.0f} |" for cell in cells), flush=True)
    for ours, plain in zip(rows.batch(np.arange(64)), numpy_batch(rows, np.arange(64)), strict=False):
        assert all(np.array_equal(a, b) for a, b in zip(ours, plain, strict=True))


def forget(folder):
    """Have the kernel drop the files from its cache."""
    for path in Path(folder).iterdir():
        handle = os.open(path, os.O_RDONLY)
        os.fsync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


def cold(options, folder):
    """The first rows from the disk: what each batch costs of data that memory cannot hold."""
    size, count = 8, 1024
    said = mapped.read_scattered
    print("| first 1,024 rows, 8 at once | M tokens/s | waits for the disk | ms a wait |\n|---|---:|---:|---:|")
    for name, advice in [
        ("read ahead, the kernel's default", lambda _: None),
        ("**scattered, as `Rows` says**", said),
    ] * 2:
        mapped.read_scattered = advice
        rows = opened(folder)
        rows.batch(np.arange(rows.row_count - size, rows.row_count))  # compiled before the clock runs
        del rows
        gc.collect()  # what is mapped stays in the cache
        forget(f"{folder}/shards/train")
        rows = opened(folder)
        faults, begin = resource.getrusage(resource.RUSAGE_SELF).ru_majflt, time.perf_counter()
        for at in range(0, count, size):
            rows.batch(np.arange(at, at + size))
        took = time.perf_counter() - begin
        faults = resource.getrusage(resource.RUSAGE_SELF).ru_majflt - faults
        speed = count * options.length / took / 1e6
        print(f"| {name} | {speed:,.1f} | {faults:,} | {took / faults * 1e3:.2f} |", flush=True)
        del rows


def start(options, folder):
    """What opening costs."""
    took = seconds(lambda: opened(folder), options.repeats)
    print(f"opening {SHARDS} shards: {took * 1e3:.1f} ms")
    took = seconds(lambda: opened(folder).fingerprint, options.repeats)
    size = sum(file.stat().st_size for file in Path(folder, "shards/train").iterdir())
    print(f"and the fingerprint, {size / 1e6:,.0f} MB without a manifest: {took * 1e3:.0f} ms")


def main():
    """Run one of the parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["speed", "cold", "open"])
    parser.add_argument("--data", type=Path, default=corpora.DATA)
    parser.add_argument("--length", type=int, default=2048)
    parser.add_argument("--tokens", type=int, default=100_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--folder")
    options = parser.parse_args()
    versions = {name: version(name) for name in ("numpy", "numba", "pyarrow", "datasets")}
    machine = f"{os.cpu_count()} cores, {platform.machine()}, load {os.getloadavg()[0]:.1f}"
    print(f"{machine}, Python {platform.python_version()}", versions)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        write(folder, SimpleNamespace(**vars(options)))
        {"speed": speed, "cold": cold, "open": start}[options.part](options, folder)


if __name__ == "__main__":
    main()
