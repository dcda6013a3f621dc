"""Datasets of the Hugging Face hub, or local files through its builders, streamed; the only user of `datasets`."""

import hashlib
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from corpusmill.documents import SCHEMA
from corpusmill.errors import InputError
from corpusmill.storage import paths
from corpusmill.storage.inputs import HuggingFace
from corpusmill.storage.jsonl import dig, flat
from corpusmill.storage.read import Batcher, Read
from corpusmill.storage.rows import MISSING, RowTaker, no_text, targets
from corpusmill.storage.splits import Split, identify

BUILDERS = frozenset({"json", "parquet", "csv", "text", "arrow"})
PATIENCE = 10.0  # seconds that the hub has to answer while the run is planned


def plan_dataset(source: HuggingFace) -> list[Split]:
    """One split per shard of the dataset, in its own order.

    Raises:
        InputError: if `datasets` is not installed, or the dataset, its configuration or its split cannot be found.
    """
    fingerprint = _identify(source)
    count = max(1, _load(source).num_shards)
    return [Split(source.dataset, i, i + 1, count, 0, fingerprint) for i in range(count)]


def read_dataset(source: HuggingFace, split: Split) -> Iterator[Read]:
    """The documents of one shard of the dataset; `offset` is the row number in the shard."""
    out = Batcher(SCHEMA, paths.name(source.dataset), split)
    taker, wanted = RowTaker(source, out), targets(source.fields)
    dataset = _load(source)
    if dataset.num_shards > 1:
        dataset = dataset.shard(num_shards=dataset.num_shards, index=split.start)
    rows = iter(dataset)
    head = list(islice(rows, 1))
    if head and dig(head[0], wanted["text"]) is MISSING:
        raise no_text(source.dataset, wanted["text"], flat(head[0]))
    for offset, record in enumerate(chain(head, rows)):
        values = {column: dig(record, name) for column, name in wanted.items()}
        taker.take({name: value for name, value in values.items() if value is not MISSING}, offset)
        if out.full:
            yield out.give(0)
    yield from out.finish()


def _load(source: HuggingFace) -> Any:
    datasets = _datasets()
    files = {"data_files": list(source.data_files)} if source.data_files else {}
    try:
        return datasets.load_dataset(
            source.dataset, source.config, split=source.split, revision=source.revision, streaming=True, **files
        )
    except (FileNotFoundError, ValueError, OSError, datasets.exceptions.DatasetsError) as error:
        raise InputError(f"{source.dataset}: cannot be opened: {str(error).splitlines()[0]}") from error


def _datasets() -> Any:
    try:
        import datasets
    except ModuleNotFoundError as error:
        raise InputError("format: huggingface needs the package 'datasets': pip install corpusmill[hub]") from error
    return datasets


def _identify(source: HuggingFace) -> str:
    """A digest of the local files, or of the hub's commit; asks the hub once and does not wait for it long."""
    _datasets()
    digest = hashlib.blake2b(digest_size=16)
    local = Path(source.dataset)
    if source.dataset in BUILDERS or source.data_files or local.exists():
        folder = [str(file) for file in sorted(local.rglob("*")) if file.is_file()] if local.is_dir() else []
        for file in paths.expand(source.data_files) or folder:
            digest.update(identify(file)[1].encode())
        return digest.hexdigest()
    digest.update(_hub_commit(source).encode())
    return digest.hexdigest()


def _hub_commit(source: HuggingFace) -> str:
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        _reach(constants.ENDPOINT)
        return str(HfApi().dataset_info(source.dataset, revision=source.revision, timeout=PATIENCE).sha)
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        cause = f"{type(error).__name__}: {str(error).splitlines()[0]}"
        raise InputError(
            f"{source.dataset}: the hub does not give this dataset ({cause})."
            " Check the name and the network, or read local files: dataset: json, data_files: [...]"
        ) from error


def _reach(endpoint: str) -> None:
    """Raise an OSError if nothing answers at `endpoint`: the hub's own client tries again and again."""
    try:
        urlopen(Request(endpoint, method="HEAD"), timeout=PATIENCE).close()  # noqa: S310, the user's own hub
    except HTTPError:
        return  # an answer, if not a friendly one
