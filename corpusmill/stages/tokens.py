"""Tokens as a stage: ids by shard, the mixture where one is asked for, then packed shards of several shards each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from corpusmill import __version__, stats
from corpusmill.errors import OutputError, RecipeError, RunError, near
from corpusmill.stages.encoding import Encode, sources
from corpusmill.stages.mixture import Mix, decided, grouped
from corpusmill.stages.packing import Pack
from corpusmill.stages.phases import Corpus, part_work, shard_work
from corpusmill.stages.single import SingleStage
from corpusmill.stages.work import Task, Work, digest
from corpusmill.storage import commit, exchange, paths
from corpusmill.storage.read import incident
from corpusmill.storage.splits import Split
from corpusmill.tokenize.mixtures import Allotment
from corpusmill.tokenize.splits import ANY_SOURCE, check_shares
from corpusmill.tokenize.step import Tokenize

IDS_FORMAT = 1  # of the files of the first phase; part of their key
SHOWN = 16  # digits of a digest
TOKENIZER = "tokenizer.json"


@dataclass(frozen=True)
class TokenStage(SingleStage):
    """Encodes and packs; what it leaves are packed shards, and no documents."""

    step: Tokenize

    def works(self, splits: Sequence[Split]) -> list[Work]:
        """Ids by shard; with a mixture, one task that decides it; packed shards by groups of neighbouring shards.

        The ids' key has nothing of how they are packed, so that they stay when that changes.

        Raises:
            RunError: if there are no documents.
        """
        if not any(split.end for split in splits):
            raise RunError(self._nothing())
        corpus = Corpus.of(self.key, splits)
        sizes = [split.length for split in splits]
        groups = tuple(grouped(sizes, self.step.shard_mb * 1e6))
        of_groups = tuple(sum(sizes[first:last]) for first, last in groups)
        works, mixture = [self._ids(splits)], None
        ids = works[0].phase.layout
        if self.step.mixture is not None:
            mixture = self.layout.phase(2, "mixture")
            works.append(part_work(Mix(mixture, ids, self.step, self.name, groups, of_groups), corpus.key, 1))
        packing = Pack(self.layout, ids, mixture, self.step, self.name, self.key, groups, of_groups)
        tasks = [
            Task(at, None, digest([corpus.key, at, list(group)])) for at, group in enumerate(groups * self._passes)
        ]
        return [*works, Work(packing, tuple(tasks))]

    @property
    def _passes(self) -> int:
        return 1 if self.step.mixture is None else self.step.passes

    @cached_property
    def _tokenizer(self) -> str:
        """The tokenizer's digest; read once, for a large vocabulary takes a second."""
        return self.step.load().digest

    def _ids(self, splits: Sequence[Split]) -> Work:
        told = {"format": IDS_FORMAT, "version": __version__, "tokenizer": self._tokenizer}
        key = digest([self.name, {**told, **self.step.decides_ids()}])
        return shard_work(Encode(self.layout.phase(1, "ids"), self.step, self.name), key, splits)

    def check(self) -> None:
        """Refuse to go over the tokens of another tokenizer: models that were trained on them need them.

        Raises:
            OutputError: naming both.
        """
        for path in self._files():
            there = exchange.metadata(path).get("tokenizer")
            if there is not None and there != self._tokenizer:
                found = f"holds tokens of the tokenizer {there[:SHOWN]}, but {self.step.tokenizer} is"
                advice = "nothing was written. Delete this folder to encode anew, or choose another output"
                raise OutputError(f"{self.layout.folder}: {found} {self._tokenizer[:SHOWN]}; {advice}")

    def _files(self) -> Iterator[str]:
        """One file with ids of each kind that there is."""
        for folder in (self.layout.phase(1, "ids").folder, self.layout.folder):
            for kind in ("ids", "train", "validation"):
                numbered = sorted(name for name in paths.names(paths.join(folder, kind)) if name[:1].isdigit())
                yield from [paths.join(folder, kind, name) for name in numbered[:1]]

    def close(self, report: stats.Report) -> dict[str, Any]:
        """Lay the tokenizer beside its tokens, for whoever reads them."""
        commit.put(paths.join(self.layout.folder, TOKENIZER), self.step.load().to_json().encode())
        return super().close(report)

    def refuse(self, splits: Sequence[Split]) -> None:
        """Refuse what cannot be done with these documents, while what an earlier run has packed is whole.

        Raises:
            RecipeError: as `foreseen`.
        """
        if self.step.mixture is not None and any(split.end for split in splits):
            mixing = self.works(splits)[1]
            if commit.committed(mixing.phase.layout, 0, mixing.tasks[0].key) is not None:  # it was not refused
                return
        self.foreseen(splits)

    def foreseen(self, splits: Sequence[Split]) -> list[Allotment] | None:
        """What each source of a mixture will give, where all ids are there already; else None.

        Raises:
            RecipeError: listing every source that cannot give what is asked of it, or that is to be held out for
                validation and is not there.
        """
        if not any(split.end for split in splits):
            return None
        ids = self._ids(splits)
        self._check_shares(ids)
        if self.step.mixture is None:
            return None
        layout = ids.phase.layout
        whole = all(commit.committed(layout, task.shard, task.key) is not None for task in ids.tasks)
        return decided(layout, len(splits), self.step)[0] if whole else None

    def _check_shares(self, ids: Work) -> None:
        """Refuse shares for validation of sources that no document has; what cannot be looked up yet passes.

        Raises:
            RecipeError: listing them, and the sources that there are.
        """
        missing, known = {*check_shares(self.step.validation)} - {ANY_SOURCE}, set[str]()
        for task in ids.tasks:
            found = sources(ids.phase.layout, task) if missing else None
            if found is None:
                return
            known |= found
            missing -= found
        if missing:
            there = ", ".join(sorted(known))
            told = [f"validation: {name}: no such source; found {there}{near(name, known)}" for name in sorted(missing)]
            raise RecipeError("\n".join(told))

    def replaced(self) -> str | None:
        """What packed shards an earlier run with other settings has left, in words; None for none."""
        told = commit.read_json(self.layout.manifest)
        if told is None or told.get("key") == self.key:
            return None
        files = [(kind, entry["shard"]) for entry in told["shards"] for kind in entry["files"]]
        there = [path for path in (self.layout.file(*file) for file in files) if paths.exists(path)]
        if not there:
            return None
        length = exchange.metadata(there[0]).get("sequence_length")
        found = f"{len(there)} packed shard{'s' * (len(there) > 1)} of {length} tokens a row"
        return f"{self.layout.folder}: replaces {found}, packed with other settings; another output keeps them"

    def _nothing(self) -> str:
        """Which step of the stages before left nothing."""
        told = f"{self.layout.title}: there are no documents to encode"
        for name in sorted(paths.names(self.layout.root)):
            report = commit.read_json(paths.join(self.layout.root, name, "report.json"))
            if report is None or name >= self.layout.title:
                continue
            for step in report["steps"]:
                if not step["documents_out"]:
                    reasons = sorted(step["reasons"].items(), key=lambda item: (-item[1], item[0]))
                    why = "".join(f"; {reason}: {count:,}" for reason, count in reasons[:3])
                    found = f"{step['documents_in']:,} came in, none came out{why}"
                    damage = "".join(f"; {incident(item)}" for item in report["incidents"][:1])
                    return f"{told}; the step '{step['step']}' of {name} left none: {found}{damage}"
        return f"{told}; the input has none"
