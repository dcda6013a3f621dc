"""Near dedup where one key is shared by very many documents: bounded memory, seconds, reported."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from corpusmill import documents, stats
from corpusmill.storage import exchange

MOST_MEMORY = 1_000_000_000  # resident bytes; a million documents take 700 MB, 130 of these before the first


def write(path: Path, texts: list[str]) -> None:
    """The documents of one shard, as the stage before leaves them."""
    count = len(texts)
    known = {"id": [f"d{number:07d}" for number in range(count)], "text": texts, "cluster_size": [None] * count}
    columns = [
        pa.array(known[f.name], f.type) if f.name in known else pa.nulls(count, f.type) for f in documents.SCHEMA
    ]
    pq.write_table(pa.table(columns, schema=documents.SCHEMA), path, row_group_size=100_000)


# All phases up to the verdicts; in a process of its own, so that its memory can be told.
PHASES = """
import sys
from pathlib import Path
from corpusmill import plan, recipe
from corpusmill.storage.splits import Split

path, out, count, settings = sys.argv[1:]
text = f"name: hot\\ninput: {{format: parquet, paths: ['{path}']}}\\noutput: {out}\\nsteps: [{settings}]\\n"
stage = plan.make(recipe.parse(text, "hot.yaml")).stages[-1]
size = Path(path).stat().st_size
for work in stage.works([Split(path, 0, int(count), size, size, "f")])[:-1]:
    run = work.phase.build()
    for task in work.tasks:
        run(task)
lines = Path("/proc/self/status").read_text().splitlines()
print(*(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")))
"""


def found(tmp_path: Path, texts: list[str], settings: str) -> tuple[Counter, Counter, pa.Table]:
    """What is reported (tallies; sizes of buckets), and the verdicts; memory is checked on the way."""
    path = tmp_path / "documents.parquet"
    write(path, texts)
    arguments = [str(path), str(tmp_path), str(len(texts)), settings]
    done = subprocess.run(
        [sys.executable, "-P", "-c", PHASES, *arguments], capture_output=True, text=True, timeout=300, check=False
    )
    assert 0 == done.returncode, done.stderr
    assert int(done.stdout) < MOST_MEMORY
    folder = tmp_path / "hot/02-near_dedup"
    tallies, sizes = Counter(), Counter()
    for sidecar in sorted(folder.glob("0*/reports/*.json")):
        report = json.loads(sidecar.read_text())["report"]
        tallies.update(report["tallies"])
        sizes.update(
            {int(size): count for size, count in report["histograms"].get("near_dedup.bucket_size", {}).items()}
        )
    files = sorted(folder.glob("05-matches/verdicts/*.arrow"))
    verdicts = [batch for file in files for batch in exchange.read_all(str(file))]
    return tallies, sizes, pa.Table.from_batches(verdicts)


def bin_of(size: int) -> int:
    """The bin of the report's histogram that a bucket of this size is counted in."""
    return next(iter(stats.bins(np.array([float(size)]))))


def test_a_million_copies_of_one_text(tmp_path):
    """One stays; the others go for it, and none is compared with all others."""
    count = 1_000_000
    texts = ["the same six words every time"] * count
    tallies, sizes, verdicts = found(tmp_path, texts, "{use: near_dedup, bands: 4, rows: 2}")
    assert {bin_of(count): 4} == sizes
    assert (4 * count, 4, count) == tuple(
        tallies[f"near_dedup.{name}"] for name in ("keys", "buckets", "documents_with_candidates")
    )
    assert count - 1 == tallies["near_dedup.compared"] == tallies["near_dedup.removed.exact"]
    assert 0 == tallies["near_dedup.capped"]
    kept = verdicts.filter(pa.compute.is_null(verdicts["kept"])).to_pylist()
    assert [count] == [row["cluster_size"] for row in kept]
    assert count - 1 == len(set(verdicts["row"].to_pylist()) - {kept[0]["row"]})
    assert {f"d{kept[0]['row']:07d}"} == set(verdicts["kept"].to_pylist()) - {None}


def test_many_that_share_a_key_and_nothing_else(tmp_path):
    """All stay; each is compared with no more than the cap of each bucket, and what that left out is reported."""
    count, cap = 100_000, 32
    texts = [f"one two three four five u{n}" for n in range(count)]  # two shingles, one of all
    step = f"{{use: near_dedup, bands: 8, rows: 1, permutations: 64, bucket_cap: {cap}}}"
    tallies, sizes, verdicts = found(tmp_path, texts, step)
    hot = [number for size, number in sizes.items() if size > bin_of(100)]  # two hashes of 32 bits may be equal, too
    buckets = sum(hot)
    assert 2 <= buckets <= 8
    assert bin_of(count // 20) < max(sizes) <= bin_of(count)
    assert 0 == len(verdicts.filter(pa.compute.is_valid(verdicts["kept"])))
    members = tallies["near_dedup.capped"] + buckets * cap
    assert count // 20 < members < buckets * count
    assert members - buckets <= tallies["near_dedup.compared"] <= members * cap
