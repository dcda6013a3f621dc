"""MDS shards, read back by their layout and by Streaming itself."""

import importlib
import json
import sys
from importlib.util import find_spec
from types import ModuleType

import numpy as np
import pytest

from corpusmill import cli
from corpusmill.errors import InputError, OutputError
from corpusmill.storage import mds
from corpusmill.storage.packed import Shard
from tests.storage.packing import header, some_documents, write

ROW = 8 * 4  # bytes


def packed(folder, strategy="best_fit", dtype="uint16", cuts=()):
    """Two shards of one run, and their rows."""
    paths = [str(folder / f"{number}.arrow") for number in range(2)]
    for number, path in enumerate(paths):
        write(path, some_documents(40 + number, number), header(strategy=strategy, dtype=dtype), cuts)
    return paths, [row for path in paths for row in Shard(path).tokens.tolist()]


def read(folder):
    """The samples as the index and the shards say, by the layout alone."""
    index = json.loads((folder / "index.json").read_bytes())
    assert {"shards", "version"} == set(index)
    for told in index["shards"]:
        data = (folder / told["raw_data"]["basename"]).read_bytes()
        assert told["raw_data"]["bytes"] == len(data)
        count = int(np.frombuffer(data, "<u4", 1)[0])
        offsets = np.frombuffer(data, "<u4", count + 1, 4)
        assert (told["samples"], len(data)) == (count, offsets[-1])
        config = json.loads(data[4 * (count + 2) : offsets[0]])
        assert config == {name: told[name] for name in config}
        assert (2, "mds", ["tokens"]) == tuple(config[name] for name in ("version", "format", "column_names"))
        assert (["ndarray:int32:8"], [ROW]) == (config["column_encodings"], config["column_sizes"])
        assert [ROW] * count == np.diff(offsets).tolist()
        yield from np.frombuffer(data[offsets[0] :], "<i4").reshape(count, -1).tolist()


@pytest.mark.parametrize("dtype", ["uint16", "uint32"])
@pytest.mark.parametrize("limit", [1, 1000, 1 << 26])
def test_rows_come_in_order(tmp_path, dtype, limit):
    """In shards that are no larger than the limit, or of one row; however rows lie in blocks, the bytes are the same."""
    paths, rows = packed(tmp_path, dtype=dtype)
    written = mds.write(paths, str(tmp_path / "out"), limit)
    assert rows == list(read(tmp_path / "out"))
    assert len(rows) == sum(stats.rows for stats in written.shards)
    sizes = [stats.rows for stats in written.shards]
    assert len(set(sizes[:-1])) <= 1
    assert all(stats.bytes <= limit or stats.rows == 1 for stats in written.shards)
    again = mds.write(packed(tmp_path, dtype=dtype, cuts=(3, 11, 12))[0], str(tmp_path / "again"), limit)
    assert written == again
    names = [f"shard.{number:05}.mds" for number in range(len(sizes))]
    assert ["index.json", *names] == sorted(path.name for path in (tmp_path / "out").iterdir())


def streaming(monkeypatch):
    """`streaming.base`; the module above it, which we leave out, wants torchvision for its data sets of images."""
    found = find_spec("streaming")
    if found is None:
        pytest.skip("mosaicml-streaming is not installed; CONTRIBUTING.md says how")
    hollow = ModuleType("streaming")
    hollow.__path__ = list(found.submodule_search_locations)
    monkeypatch.setitem(sys.modules, "streaming", hollow)
    return importlib.import_module("streaming.base")


@pytest.mark.filterwarnings("ignore")
def test_streaming_reads_it_and_writes_the_same(tmp_path, monkeypatch):
    """mosaicml-streaming's LocalDataset and MDSWriter, where it is installed."""
    base = streaming(monkeypatch)
    paths, rows = packed(tmp_path)
    mds.write(paths, str(tmp_path / "ours"), 1000)
    data = base.LocalDataset(str(tmp_path / "ours"))
    assert rows == [data[number]["tokens"].tolist() for number in range(len(data))]
    assert np.int32 == data[0]["tokens"].dtype
    theirs = base.MDSWriter(
        out=str(tmp_path / "theirs"), columns={"tokens": "ndarray:int32:8"}, hashes=["sha256"], size_limit=1000
    )
    with theirs:
        for row in rows:
            theirs.write({"tokens": np.array(row, np.int32)})
    written = [{path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("ours", "theirs")]
    assert written[0] == written[1]


def test_padding_is_counted(tmp_path):
    """Rows that end in it and its ids, as the rows' documents leave them."""
    write(tmp_path / "a.arrow", [[1, 2], [3] * 7, [4] * 9, []], header(strategy="pad"))
    written = mds.write([str(tmp_path / "a.arrow")], str(tmp_path / "out"))
    assert (3, 5 + 6 + 7) == (written.padded, written.padding)
    write(tmp_path / "a.arrow", [[1, 2], [3] * 4], header(strategy="concat"))
    assert (0, 0) == mds.write([str(tmp_path / "a.arrow")], str(tmp_path / "out"))[2:]


def test_what_cannot_be_exported(tmp_path, monkeypatch):
    """No rows, ids that are too wide, a failure half way: nothing is left behind."""
    paths, _ = packed(tmp_path)
    out = tmp_path / "out"
    write(tmp_path / "none.arrow", [])
    with pytest.raises(InputError, match="no rows to export: 1 packed shards hold none"):
        mds.write([str(tmp_path / "none.arrow")], str(out))
    with pytest.raises(InputError, match="no packed shards to export"):
        mds.write([], str(out))
    write(tmp_path / "wide.arrow", [[1]], header(dtype="uint32", vocabulary_size=1 << 31 | 1))
    with pytest.raises(InputError, match="MDS of int32 holds 2147483648"):
        mds.write([str(tmp_path / "wide.arrow")], str(out))
    assert not out.exists()

    def broken(shards, most):
        yield from cut(shards, most)
        raise OutputError("not whole")

    cut = mds._cut
    monkeypatch.setattr(mds, "_cut", broken)
    with pytest.raises(OutputError, match="not whole"):
        mds.write(paths, str(out), 1000)
    assert [] == list(out.iterdir())


def test_the_command(tmp_path, capsys):
    """Shards, rows and padding are told; what is there is not written over."""
    (tmp_path / "train").mkdir()
    _, rows = packed(tmp_path / "train", "pad")
    out = tmp_path / "mds" / "train"
    assert 0 == cli.main(["export", "mds", str(tmp_path / "train"), "--out", str(out)])
    told = capsys.readouterr().out
    assert f"{len(rows)} rows of 2 shards" in told
    assert "of them end in padding, " in told
    assert rows == list(read(out))
    before = (out / "index.json").stat().st_mtime_ns
    assert 2 == cli.main(["export", "mds", str(tmp_path / "train"), "--out", str(out)])
    assert "train: exists already, and is no empty folder; choose another name" in capsys.readouterr().err
    assert before == (out / "index.json").stat().st_mtime_ns
