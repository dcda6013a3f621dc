"""Memory of packing all of a run's ids into a single shard, however large it becomes. Figures of tokenize.md.

    python -m benchmarks.pack_memory RECIPE [--work DIR]

RECIPE has been run: the ids of its stage `tokenize` are packed once more, all documents into one shard in DIR, in this
process, which does nothing else.
"""

import argparse
import json
import resource
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from corpusmill import plan, recipe
from corpusmill.stages.work import Task
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.manifest import Manifest
from corpusmill.storage.shards import stored_splits


def main():
    """Pack, and print the peak."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()))
    options = parser.parse_args()
    *_, before, stage = plan.make(recipe.load(options.recipe, [])).stages
    told = json.loads(Path(before.layout.manifest).read_text())
    splits = stored_splits(before.layout, Manifest.from_json(told))
    phase = stage.works(splits)[-1].phase
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        layout = StageLayout(folder, 1, "packed")
        begin = time.perf_counter()
        replace(phase, layout=layout, groups=((0, len(splits)),)).build()(Task(0, None, "memory"))
        print(
            json.dumps({
                "shard_mb": round(Path(layout.file("train", 0)).stat().st_size / 1e6),
                "seconds": round(time.perf_counter() - begin, 1),
                "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6),
            })
        )  # fmt: skip


if __name__ == "__main__":
    main()
