"""Exports, read back as the other trainers read them."""

import struct
from pathlib import Path

import numpy as np
import pytest

from corpusmill import cli
from corpusmill.errors import InputError, OutputError
from corpusmill.storage import exports
from tests.storage.packing import EOS, header, some_documents, write

STRATEGIES = ["concat", "best_fit", "pad"]
TYPES = {8: np.uint16, 4: np.int32}


def packed(folder, strategy="best_fit", dtype="uint16"):
    """Two shards of one run, and their documents with end-of-text."""
    sets = [some_documents(60, 1), some_documents(40, 2)]
    paths = [str(folder / f"{number}.arrow") for number in range(len(sets))]
    for path, documents in zip(paths, sets, strict=True):
        write(path, documents, header(strategy=strategy, dtype=dtype))
    return paths, [[*document, EOS] for documents in sets for document in documents]


def read_megatron(prefix):
    """Documents as the index says, by its layout alone."""
    index = Path(f"{prefix}.idx").read_bytes()
    assert b"MMIDIDX\0\0" == index[:9]
    version, code, sequences, bounds = struct.unpack("<QBQQ", index[9:34])
    assert 1 == version
    lengths = np.frombuffer(index, "<i4", sequences, 34)
    pointers = np.frombuffer(index, "<i8", sequences, 34 + 4 * sequences)
    documents = np.frombuffer(index, "<i8", bounds, 34 + 12 * sequences)
    assert 34 + 12 * sequences + 8 * bounds == len(index)
    assert list(range(sequences + 1)) == documents.tolist()
    data = Path(f"{prefix}.bin").read_bytes()
    return [
        np.frombuffer(data, TYPES[code], length, pointer).tolist()
        for length, pointer in zip(lengths, pointers, strict=True)
    ]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("dtype", ["uint16", "uint32"])
def test_megatron(tmp_path, strategy, dtype):
    """Each document is a sequence, whole and in order."""
    paths, documents = packed(tmp_path, strategy, dtype)
    data, index = exports.megatron(paths, str(tmp_path / "out" / "all"))
    assert documents == read_megatron(tmp_path / "out" / "all")
    assert len(documents) == data.rows == index.rows
    assert ["all.bin", "all.idx"] == sorted(path.name for path in (tmp_path / "out").iterdir())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", ["uint16", "uint32"])
def test_megatron_by_its_own_reader(tmp_path, dtype):
    """megatron-core's IndexedDataset, where it is installed."""
    indexed = pytest.importorskip("megatron.core.datasets.indexed_dataset")
    paths, documents = packed(tmp_path, dtype=dtype)
    exports.megatron(paths, str(tmp_path / "all"))
    read = indexed.IndexedDataset(str(tmp_path / "all"), mmap=True)
    assert documents == [read[number].tolist() for number in range(len(read))]
    assert list(range(len(documents) + 1)) == read.document_indices.tolist()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_nanogpt(tmp_path, strategy):
    """A flat file that numpy maps, as nanoGPT's train.py does."""
    paths, documents = packed(tmp_path, strategy)
    stats = exports.nanogpt(paths, str(tmp_path / "train.bin"))
    read = np.memmap(tmp_path / "train.bin", dtype=np.uint16, mode="r")
    assert [token for document in documents for token in document] == read.tolist()
    assert (len(documents), 2 * len(read)) == (stats.rows, stats.bytes)


def test_what_cannot_be_exported(tmp_path):
    """Ids that are too wide, no shards, shards of different runs; nothing is left behind."""
    paths, _ = packed(tmp_path, dtype="uint32")
    out = tmp_path / "out"
    with pytest.raises(InputError, match=r"ids of uint32 \(vocabulary 301\); nanoGPT reads uint16"):
        exports.nanogpt(paths, str(out / "train.bin"))
    for export in exports.nanogpt, exports.megatron:
        with pytest.raises(InputError, match="no packed shards to export"):
            export([], str(out / "x"))
        with pytest.raises(InputError, match=r"0.arrow: named 2 times; name each shard or folder once"):
            export([*paths, paths[0]], str(out / "x"))
    other = str(tmp_path / "other.arrow")
    write(other, [[1]], header(strategy="pad", dtype="uint32"))
    with pytest.raises(OutputError, match="strategy is pad, but best_fit"):
        exports.megatron([*paths, other], str(out / "x"))
    write(other, [[1]], header(dtype="uint32", vocabulary_size=1 << 31 | 1))
    with pytest.raises(InputError, match="Megatron's int32 holds 2147483648"):
        exports.megatron([other], str(out / "x"))
    assert not out.exists()


def test_a_broken_export_leaves_nothing(tmp_path, monkeypatch):
    """A shard that turns out broken half way."""
    paths, _ = packed(tmp_path)

    def broken(shard):
        yield from exports_documents(shard)
        raise OutputError("not whole")

    exports_documents = exports.documents
    monkeypatch.setattr(exports, "documents", broken)
    with pytest.raises(OutputError, match="not whole"):
        exports.megatron(paths, str(tmp_path / "out" / "x"))
    with pytest.raises(OutputError, match="not whole"):
        exports.nanogpt(paths, str(tmp_path / "out" / "x.bin"))
    assert [] == list((tmp_path / "out").iterdir())


def test_the_command(tmp_path, capsys):
    """A folder is all its shards in order; nothing is written over; what is there is said."""
    (tmp_path / "train").mkdir()
    _, documents = packed(tmp_path / "train")
    folder, out = str(tmp_path / "train"), str(tmp_path / "out" / "all")
    assert 0 == cli.main(["export", "megatron", folder, "--out", out])
    assert documents == read_megatron(out)
    assert "100 documents of 2 shards" in capsys.readouterr().out
    assert 0 == cli.main(["export", "nanogpt", f"{folder}/0.arrow", f"{folder}/1.arrow", "--out", f"{out}-1"])
    assert Path(f"{out}-1.bin").read_bytes() == Path(f"{out}.bin").read_bytes()
    assert not Path(f"{out}-1.idx").exists()
    refused = {
        ("megatron", folder, out): "all.bin: exists already; choose another name or remove it",
        ("nanogpt", str(tmp_path / "out"), f"{out}-2"): "no packed shards (found: all-1.bin, all.bin, all.idx)",
        ("nanogpt", f"{folder}/2.arrow", f"{out}-2"): "no such shard or folder",
        ("nanogpt", f"{out}.bin", f"{out}-2"): "not a whole Arrow file",
    }
    for (kind, source, target), message in refused.items():
        assert 2 == cli.main(["export", kind, source, "--out", target])
        assert message in capsys.readouterr().err
    (tmp_path / "reports").mkdir()
    assert 2 == cli.main(["export", "megatron", folder, "--out", f"{out}-2"])
    assert "this stage is not finished; run its recipe again" in capsys.readouterr().err
    assert ["all-1.bin", "all.bin", "all.idx"] == sorted(path.name for path in (tmp_path / "out").iterdir())
