"""Packed shards: written whole, mapped, refused where they do not belong."""

import gc

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.errors import OutputError, StorageError
from corpusmill.storage import packed
from corpusmill.storage.packed import Block, Header, PackedFile, Shard, open_shards
from tests.storage.packing import EOS, address, header, some_documents, write

STRATEGIES = ["concat", "best_fit", "pad"]


def rows_of(documents, shard):
    """What a shard should hold, from its lineage: tokens of the named documents."""
    whole = {address(number): [*document, EOS] for number, document in enumerate(documents)}
    for number in range(len(shard)):
        row = shard.segments(number)
        segments = zip(row.shards, row.rows, row.starts, row.lengths, strict=True)
        held = [token for s, r, start, length in segments for token in whole[s, r][start : start + length]]
        yield held + [EOS] * (shard.header.sequence_length - len(held))


@settings(deadline=None, max_examples=60)
@given(
    strategy=st.sampled_from(STRATEGIES),
    dtype=st.sampled_from(["uint16", "uint32"]),
    count=st.integers(0, 40),
    most=st.sampled_from([1, 100, 10**6]),
    cuts=st.lists(st.integers(0, 60), max_size=4),
)
def test_lineage_names_the_tokens(tmp_path_factory, strategy, dtype, count, most, cuts):
    """Each row is what its documents say; however rows come and whatever a batch holds, they are the same."""
    folder, documents = tmp_path_factory.mktemp("packed"), some_documents(count, count)
    told = header(strategy=strategy, dtype=dtype)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed, "BATCH_BYTES", most)
        stats = write(folder / "a.arrow", documents, told, cuts)
        assert stats == write(folder / "b.arrow", documents, told)
    shard = Shard(str(folder / "a.arrow"))
    assert told == shard.header
    assert stats.rows == len(shard)
    expected = list(rows_of(documents, shard))
    assert expected == shard.tokens.tolist()
    assert expected == [shard.row(number).tolist() for number in range(len(shard))]
    some = np.random.default_rng(1).integers(0, max(len(shard), 1), 20 if count else 0)
    assert [expected[number] for number in some] == shard.take(some).tolist()
    assert dtype == shard.take(some).dtype.name
    reused = np.full((len(some), 8), 7, dtype)
    assert reused is shard.take(some, reused)
    assert shard.take(some).tolist() == reused.tolist()


def test_rows_are_views_of_the_file(tmp_path):
    """Nothing is copied, nothing can be written, and a view outlives its shard."""
    write(tmp_path / "a.arrow", some_documents(300))
    shard = Shard(str(tmp_path / "a.arrow"))
    whole = shard.tokens
    assert 1 == len(shard.blocks)
    assert np.shares_memory(shard.row(3), shard.tokens)
    assert np.shares_memory(shard.segments(3).ids, shard.tokens)
    assert not whole.flags.writeable
    copy = whole.copy()
    before = pa.total_allocated_bytes()
    Shard(str(tmp_path / "a.arrow"))
    assert pa.total_allocated_bytes() - before < 10_000
    del shard
    gc.collect()
    assert np.array_equal(copy, whole)


def test_datasets_opens_it(tmp_path, monkeypatch):
    """`load_dataset("arrow", ...)` sees the same rows."""
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)
    write(tmp_path / "a.arrow", some_documents(50))
    write(tmp_path / "b.arrow", some_documents(50, 1))
    files = [str(tmp_path / name) for name in ("a.arrow", "b.arrow")]
    found = datasets.load_dataset("arrow", data_files=files, split="train", cache_dir=str(tmp_path / "cache"))
    first, second = map(Shard, files)
    assert len(first) + len(second) == len(found)
    assert "uint16" == found.features["input_ids"].feature.dtype
    assert 8 == found.features["input_ids"].length
    assert [*first.tokens.tolist(), *second.tokens.tolist()] == list(found["input_ids"])
    row = first.segments(4)
    assert row.lengths.tolist() == found[4]["document_lengths"]
    lineage = [{"shard": s, "row": r, "start": t} for s, r, t in zip(row.shards, row.rows, row.starts, strict=True)]
    assert lineage == found[4]["lineage"]


def test_metadata_can_be_read_by_anybody(tmp_path):
    """Plain words in the schema."""
    write(tmp_path / "a.arrow", some_documents(5))
    with pa.memory_map(str(tmp_path / "a.arrow")) as file:
        told = {key.decode(): value.decode() for key, value in pa.ipc.open_file(file).schema.metadata.items()}
    assert ("corpusmill.packed", "1") == (told["format"], told["version"])
    assert ("301", "300", "best_fit", "8") == tuple(
        told[name] for name in ("vocabulary_size", "eos", "strategy", "sequence_length")
    )


def test_shards_of_one_run(tmp_path):
    """Shards that differ in anything do not go together."""
    write(tmp_path / "a.arrow", some_documents(5))
    write(tmp_path / "b.arrow", some_documents(5, 1))
    write(tmp_path / "c.arrow", some_documents(5), header(sequence_length=16))
    a, b, c = (str(tmp_path / name) for name in ("a.arrow", "b.arrow", "c.arrow"))
    assert [a, b] == [shard.path for shard in open_shards([a, b])]
    with pytest.raises(OutputError, match="sequence_length is 16, but 8 in"):
        open_shards([a, b, c])
    assert [] == open_shards([])


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({}, "an Arrow file, but no packed shard"),
        ({"format": "corpusmill.packed", "version": "2"}, "packed shard of version 2; this corpusmill reads version 1"),
        ({"format": "corpusmill.packed", "version": "1"}, "its header cannot be read"),
        (
            {"format": "corpusmill.packed", "version": "1", "tokenizer": "", "vocabulary_size": "many"},
            "its header cannot be read",
        ),
    ],
)
def test_other_arrow_files(tmp_path, told, message):
    """Refused with what they are."""
    path = tmp_path / "a.arrow"
    with pa.ipc.new_file(str(path), pa.schema([("a", pa.int32())], told)):
        pass
    with pytest.raises(OutputError, match=message):
        Shard(str(path))


def test_files_that_are_missing_or_broken(tmp_path):
    """Refused, not read halfway."""
    with pytest.raises(OutputError, match="no such file"):
        Shard(str(tmp_path / "none.arrow"))
    write(tmp_path / "a.arrow", some_documents(50))
    data = (tmp_path / "a.arrow").read_bytes()
    (tmp_path / "half.arrow").write_bytes(data[: len(data) // 2])
    with pytest.raises(OutputError, match="not a whole Arrow file"):
        Shard(str(tmp_path / "half.arrow"))


def test_rows_that_are_not_there(tmp_path):
    """Neither beyond the end nor before the start."""
    write(tmp_path / "a.arrow", [[1, 2]])
    shard = Shard(str(tmp_path / "a.arrow"))
    for wrong in (1, -1):
        with pytest.raises(IndexError, match="which has 1"):
            shard.row(wrong)
        with pytest.raises(IndexError, match="which has 1"):
            shard.take(np.array([0, wrong]))


@pytest.mark.parametrize(
    "changes",
    [{"dtype": "int64"}, {"vocabulary_size": 65_537}, {"eos": 65_536}, {"padding": -1}],
)
def test_ids_must_fit(changes):
    """A vocabulary larger than the type is refused before anything is written."""
    with pytest.raises(ValueError, match=r"expected uint16 or uint32|uint16 holds ids from 0 to 65535"):
        header(**changes)


def test_nothing_is_left_of_a_file_that_was_not_finished(tmp_path):
    """Nor of one whose rows do not belong."""
    empty = np.zeros(0, np.int32)
    with PackedFile(str(tmp_path / "a.arrow"), header()) as file:
        for ids in np.zeros((1, 7), np.uint16), np.zeros((1, 8), np.uint32):
            with pytest.raises(ValueError, match="expected 8 uint16"):
                file.add(Block(ids, np.zeros(2, np.int32), empty, empty, empty, empty))
    assert [] == list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written(tmp_path):
    """Said with the path."""
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(StorageError, match="cannot be written"),
        PackedFile(str(tmp_path / "file" / "a.arrow"), header()),
    ):
        pass


def test_headers_come_back():
    """Through the metadata of a schema."""
    told = header(dtype="uint32", vocabulary_size=128_256)
    assert told == Header.from_metadata("a", told.schema().metadata)
