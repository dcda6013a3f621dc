"""Running small recipes in tests."""

import random
from pathlib import Path

from corpusmill import drive, local, plan, recipe
from corpusmill.storage import verify
from tests import crawl


class Silent:
    """Progress that remembers what it was told."""

    def __init__(self):
        self.begun, self.updates, self.retries, self.ended = [], [], [], 0

    def begin(self, stage, shards, done, input_bytes):
        self.begun.append((stage, shards, done))

    def update(self, shards, documents, read):
        self.updates.append((shards, documents, read))

    def retry(self, why):
        self.retries.append(why)

    def end(self):
        self.ended += 1


def planned(folder: Path, out: Path, *settings: str):
    """The plan of the small recipe over the crawl in `folder`."""
    return plan.make(recipe.parse(crawl.recipe(folder, out), "small.yaml", settings))


def run(folder: Path, out: Path, *settings: str, execute=None, progress=None):
    """Run the small recipe; in this process unless told otherwise."""
    return drive.run(planned(folder, out, *settings), execute or local.executor(), progress or Silent())


def shuffled(stage, tasks):
    """An executor that takes the shards in another order."""
    mixed = list(tasks)
    random.Random(1).shuffle(mixed)
    local.executor()(stage, mixed)


def same(a: Path, b: Path) -> list[str]:
    """How two outputs differ, as text; empty if they are the same."""
    return [str(difference) for difference in verify.compare(str(a), str(b))]
