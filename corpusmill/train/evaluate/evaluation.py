"""One evaluation from what the user asked for to results: the model, its tokenizer, tasks and packed rows."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from corpusmill.errors import InputError, RunError, UsageError
from corpusmill.stages.work import digest
from corpusmill.storage import paths
from corpusmill.tokenize.sizes import token_bytes
from corpusmill.tokenize.tokenizer import Tokenizer
from corpusmill.train import checkpoint, config
from corpusmill.train.checkpoint import Loaded
from corpusmill.train.data import Rows
from corpusmill.train.evaluate import answers, perplexity, tasks
from corpusmill.train.evaluate.model import Evaluated
from corpusmill.train.evaluate.ngram import Ngrams
from corpusmill.train.evaluate.perplexity import Documents
from corpusmill.train.evaluate.results import Results
from corpusmill.train.evaluate.score import Scorer
from corpusmill.train.model import Decoder
from corpusmill.train.opened import open_trained

BASELINE_ROWS = 1 << 16  # of training, at most, that n-grams are counted on
# For the documents of some rows, kinds of domain and each document's name in them.
Domains = Callable[[Rows, Documents], Mapping[str, Sequence[str]]]


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What is to be evaluated.

    Attributes:
        model: folder of a run, a checkpoint or an export.
        tasks: names, see `tasks.find`; none is all of `data`. data: folder with evaluation files, or None.
        shards: run or folder of packed shards whose validation rows are measured, or None.
        baselines: whether the untrained model and n-grams of its training rows are measured beside the model.
        shots: examples before each question. limit: of questions of a task, and of rows.
        batch: rows of a batch at most. start: end-of-text before every context. harness: let lm-eval ask.
        device: `auto`, `cpu` or `cuda`.
    """

    model: str
    tasks: tuple[str, ...] = ()
    data: str | None = None
    shards: str | None = None
    baselines: bool = False
    shots: int = 0
    limit: int | None = None
    batch: int = 16
    start: bool = False
    harness: bool = False
    device: str = "auto"


def evaluate(ask: Ask, domains: Domains, say: Callable[[str], None] = lambda _: None) -> Results:
    """Evaluate a model.

    Args:
        ask: what is wanted.
        domains: names the domains of documents; from where runs are read.
        say: told what is being worked on.

    Raises:
        UsageError: nothing is asked for, or an unknown task. InputError: files or shards that cannot be used, or that
            are of another tokenizer than the model. RunError: the GPU has too little memory, or the model gives NaN.
    """
    try:
        return _evaluate(ask, domains, say)
    except torch.OutOfMemoryError as error:
        told = str(error).split(". ", 1)[0]
        raise RunError(
            f"out of memory with batches of up to {ask.batch} rows ({told}); try --batch {max(ask.batch // 4, 1)}"
        ) from error


def _evaluate(ask: Ask, domains: Domains, say: Callable[[str], None]) -> Results:
    if not (ask.tasks or ask.data or ask.shards):
        raise UsageError("nothing to evaluate: give --data with evaluation files, --tasks, or --shards")
    if ask.harness and not (ask.tasks and ask.data):
        raise UsageError("--harness lm-eval needs --tasks, the harness's names, and --data, the folder of their files")
    found = [] if ask.harness or not (ask.tasks or ask.data) else tasks.find(ask.tasks, ask.data)
    opened = open_trained(ask.model, ask.device)
    own, eos, loaded = opened.tokenizer, opened.eos, opened.loaded
    if own is None or eos is None:
        lacks = "tokenizer" if own is None else "end-of-text in its tokenizer"
        raise InputError(f"{ask.model}: the model has no {lacks}; put its tokenizer.json into its folder")
    model = Evaluated(loaded.model, opened.device)
    results = Results(_told(ask, loaded, own))
    if ask.shards is not None:
        say(f"validation rows of {ask.shards}")
        results.add(_measure(ask, ask.shards, loaded, model, own, results.model, domains))
    scorer = Scorer(
        model.logits, own, eos=eos, max_length=loaded.architecture.max_length, batch=ask.batch, start=ask.start,
        complete=model.complete_with(own, (eos,)),
    )  # fmt: skip
    for task in found:
        say(f"{task.name}: {len(task.questions) if ask.limit is None else min(ask.limit, len(task.questions)):,} items")
        results.add(answers.answer(task, scorer, results.model, shots=ask.shots, limit=ask.limit))
    if ask.harness:
        from corpusmill.train.evaluate import harness

        assert ask.data is not None
        say(f"lm-eval: {', '.join(ask.tasks)}")
        results.add(harness.evaluate(scorer, ask.tasks, ask.data, results.model, shots=ask.shots, limit=ask.limit))
    return results


def default_path(model: str) -> str:
    """Where results go: `<run>/eval/<checkpoint>.json`, or `eval/` beside an export."""
    folder = Path(model)
    newest = checkpoint.latest(folder) if (folder / checkpoint.FOLDER).is_dir() else None
    name = newest.name if newest is not None else folder.resolve().name
    run = folder.resolve().parents[1] if folder.resolve().parent.name == checkpoint.FOLDER else folder
    return paths.join(str(run), "eval", f"{name}.json")


def _told(ask: Ask, loaded: Loaded, own: Tokenizer) -> dict[str, Any]:
    parameters = sum(parameter.numel() for parameter in loaded.model.parameters())
    told = {key: loaded.manifest.get(key) for key in ("step", "tokens", "samples", "data")}
    return {"path": ask.model, "parameters": parameters, "tokenizer": own.digest, "start": ask.start, **told}


def _measure(
    ask: Ask, shards: str, loaded: Loaded, model: Evaluated, own: Tokenizer, told: dict[str, Any], domains: Domains
) -> Results:
    """Bits per byte of the validation rows, and those of the baselines."""
    rows = Rows.open([config.Data(path=shards)], 0, "validation")
    if rows.tokenizer != own.digest:
        raise InputError(
            f"{shards}: packed with the tokenizer {rows.tokenizer}, and the model has {own.digest}; "
            "take shards of the model's tokenizer"
        )
    most = loaded.architecture.max_length
    if rows.sequence_length > most:
        raise InputError(
            f"{shards}: rows of {rows.sequence_length} tokens, and the model reads {most}; pack shorter ones"
        )
    sizes = token_bytes(own)
    found = perplexity.measure(rows, model.losses, sizes, limit=ask.limit, batch=ask.batch)
    baselines = {}
    if ask.baselines:
        ngrams = _ngrams(shards)
        before = _untrained(loaded, model.device)
        for name, losses in ("untrained", before.losses), ("unigram", ngrams.unigram), ("trigram", ngrams.losses):
            baselines[name] = perplexity.measure(rows, losses, sizes, limit=ask.limit, batch=ask.batch)
    about = {"file": shards, "digest": _corpus(rows), "rows": min(ask.limit or rows.row_count, rows.row_count)}
    return perplexity.results(found, told, about, domains(rows, found), baselines)


def _untrained(loaded: Loaded, device: torch.device) -> Evaluated:
    """The same model with the weights it began with; those of seed 0 where nobody knows them."""
    model = Decoder(loaded.architecture)
    model.initialise((loaded.manifest.get("training") or {}).get("seed", 0))
    return Evaluated(model.to(device).eval(), device)


def _ngrams(shards: str) -> Ngrams:
    """Of the same shards' training rows."""
    rows = Rows.open([config.Data(path=shards)], 0)
    count, step = min(rows.row_count, BASELINE_ROWS), 64
    if count < 2 * step:
        step = max(count // 4, 1)
    batches = (rows.batch(np.arange(at, min(at + step, count), dtype=np.int64)) for at in range(0, count, step))
    return Ngrams.fit(batches, rows.vocabulary_size)


def _corpus(rows: Rows) -> str:
    """What was packed, whatever tokenizer packed it: the manifest that the stage read, else the shards themselves."""
    parents = []
    for part in rows.parts:
        manifest = paths.join(part.found.folder, "manifest.json")
        if not paths.exists(manifest):
            return rows.fingerprint
        parents.append(json.loads(paths.read_text(manifest)).get("parent"))
    return rows.fingerprint if None in parents else digest(parents)
