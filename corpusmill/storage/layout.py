"""Where a stage keeps its files; see "On disk" in the design."""

import re
from dataclasses import dataclass

from corpusmill.storage import paths

PAGE = "report.html"  # in a run's folder; made of what the stages left, so it counts for nothing
SUFFIXES = {"documents": "parquet", "ledger": "parquet", "dead": "parquet"}  # of the kinds of data files, else arrow


@dataclass(frozen=True)
class StageLayout:
    """The names of a stage's files below `root`.

    Attributes:
        root: fsspec URL or path of the run's folder.
        number: the stage's place in the run, from 1.
        name: what the stage does, e.g. `curate`.
    """

    root: str
    number: int
    name: str

    @classmethod
    def at(cls, folder: str) -> "StageLayout":
        """The layout of an existing stage folder, e.g. `out/fineweb/01-curate`."""
        root, _, title = folder.rstrip("/").rpartition("/")
        number, _, name = title.partition("-")
        return cls(root or ("/" if folder.startswith("/") else "."), int(number), name)

    @property
    def title(self) -> str:
        """The folder's name, e.g. `01-curate`."""
        return f"{self.number:02d}-{self.name}"

    @property
    def label(self) -> str:
        """The title, for a phase after that of its stage, e.g. `02-near_dedup/01-signatures`."""
        above = paths.name(self.root)
        return f"{above}/{self.title}" if re.match(r"\d\d-", above) else self.title

    @property
    def folder(self) -> str:
        """The stage's folder."""
        return paths.join(self.root, self.title)

    @property
    def manifest(self) -> str:
        """The list of shards, written when all are committed."""
        return paths.join(self.folder, "manifest.json")

    @property
    def report(self) -> str:
        """The stage's report, the sum of the shards'."""
        return paths.join(self.folder, "report.json")

    @property
    def timing(self) -> str:
        """Seconds by step; the one file that differs from run to run."""
        return paths.join(self.folder, "timing.json")

    def file(self, kind: str, shard: int) -> str:
        """A data file of a shard (for gathering phases, of a partition): `documents`, `ledger`, `dead` and others."""
        return self._file(kind, shard, SUFFIXES.get(kind, "arrow"))

    def documents(self, shard: int) -> str:
        """The kept documents of a shard."""
        return self.file("documents", shard)

    def ledger(self, shard: int) -> str:
        """One row per page record of a shard."""
        return self.file("ledger", shard)

    def dead(self, shard: int) -> str:
        """The dead letters of a shard."""
        return self.file("dead", shard)

    def phase(self, number: int, name: str) -> "StageLayout":
        """The files of a phase that prepares this stage, in a folder of its own below the stage's."""
        return StageLayout(self.folder, number, name)

    def sidecar(self, shard: int) -> str:
        """A shard's report and key; written last, it commits the shard."""
        return self._file("reports", shard, "json")

    def shard_timing(self, shard: int) -> str:
        """Seconds by step of one shard."""
        return self._file("timing", shard, "json")

    def failure(self, shard: int) -> str:
        """What stopped a shard, for the driver to read."""
        return self._file("failures", shard, "json")

    def _file(self, kind: str, shard: int, suffix: str) -> str:
        return paths.join(self.folder, kind, f"{shard:05d}.{suffix}")
