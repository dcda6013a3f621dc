"""Tests of writing files whole."""

import errno
import os
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusmill import documents
from corpusmill.errors import StorageError
from corpusmill.storage import write
from corpusmill.storage.paths import names
from corpusmill.storage.write import ParquetFile, put, write_table

SCHEMA = documents.SCHEMA


def batch(first: int, count: int, size: int = 100) -> pa.RecordBatch:
    """Documents with texts of `size` bytes."""
    return documents.from_texts([f"{n:06d}" + "x" * (size - 6) for n in range(first, first + count)])


def stop_in(file: ParquetFile) -> None:
    """Fail in the middle of writing."""
    file.write(batch(0, 10))
    raise RuntimeError


def test_round_trip(tmp_path):
    """What is written is read back; rows, bytes and digest are told."""
    path = tmp_path / "deep" / "a.parquet"
    told = write_table(str(path), [batch(0, 5), batch(5, 0), batch(5, 3)], SCHEMA)
    assert pq.read_table(path).equals(pa.Table.from_batches([batch(0, 8)]).cast(SCHEMA))
    assert (8, path.stat().st_size) == (told.rows, told.bytes)
    assert ["a.parquet"] == names(str(path.parent))


def test_empty(tmp_path):
    """A file without rows has its schema."""
    told = write_table(str(tmp_path / "a.parquet"), [], SCHEMA)
    assert told.rows == 0
    assert pq.read_table(tmp_path / "a.parquet").schema.equals(SCHEMA)


def test_equal_batches_give_equal_bytes(tmp_path):
    """Two files of the same batches are the same byte for byte, and so are their digests."""
    made = [write_table(str(tmp_path / name), [batch(n, 50) for n in range(20)], SCHEMA) for name in "ab"]
    assert made[0] == made[1]
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_row_groups(tmp_path):
    """Row groups hold about 16 MB, gathered from small batches."""
    path = tmp_path / "a.parquet"
    write_table(str(path), [batch(n * 10, 10, 100_000) for n in range(40)], SCHEMA)
    metadata = pq.ParquetFile(path).metadata
    sizes = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
    assert [160, 160, 80] == sizes


def test_unfinished(tmp_path):
    """A file that was not finished is not there, nor is anything else; an older one of that name stays."""
    path = tmp_path / "a.parquet"
    write_table(str(path), [batch(0, 1)], SCHEMA)
    with pytest.raises(RuntimeError), ParquetFile(str(path), SCHEMA) as file:
        stop_in(file)
    assert ["a.parquet"] == names(str(tmp_path))
    assert pq.read_table(path).num_rows == 1


class Full:
    """A disk that takes `room` bytes and then no more."""

    def __init__(self, file, room):
        self.file, self.room = file, room

    def write(self, data):
        if len(data) > self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.room -= len(data)
        return self.file.write(data)

    @property
    def closed(self):
        return self.file.closed

    def fileno(self):
        return self.file.fileno()

    def close(self):
        self.file.close()


def fill_up(monkeypatch, room: int) -> None:
    """Leave `room` bytes for every file that is opened for writing from now on."""
    opened = Path.open

    def open_full(path, mode="r", *args, **more):
        file = opened(path, mode, *args, **more)
        return Full(file, room) if "w" in mode else file

    monkeypatch.setattr(Path, "open", open_full)


@pytest.mark.parametrize("room", [0, 50, 3000])
def test_disk_full(tmp_path, monkeypatch, room):
    """A disk that fills up, at the first byte, at a row group or at the footer, leaves no file and says what to do."""
    fill_up(monkeypatch, room)
    path = tmp_path / "a.parquet"
    with pytest.raises(StorageError) as caught:
        write_table(str(path), [batch(n, 5, 4_000_000) for n in range(3)], SCHEMA)
    assert str(caught.value) == (
        f"{path}: cannot be written (No space left on device); free space and run again; committed shards are kept"
    )
    assert names(str(tmp_path)) == []


def test_disk_full_for_small_files(tmp_path, monkeypatch):
    """The same for a sidecar; the old one stays."""
    put(str(tmp_path / "a.json"), b"old")
    fill_up(monkeypatch, 0)
    with pytest.raises(StorageError, match="No space left"):
        put(str(tmp_path / "a.json"), b"new")
    assert ["a.json"] == names(str(tmp_path))
    assert (tmp_path / "a.json").read_bytes() == b"old"


def test_folder_cannot_be_made(tmp_path):
    """A folder that cannot be made is told with the path."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match=r"file/a\.json: cannot be written"):
        put(str(tmp_path / "file" / "a.json"), b"x")


def test_object_store(tmp_path, monkeypatch):
    """On an object store the file is put whole, from a temporary file that is gone afterwards."""
    monkeypatch.setattr(write.tempfile, "gettempdir", lambda: str(tmp_path))
    told = write_table("memory://write/a.parquet", [batch(0, 10)], SCHEMA)
    data = fsspec.filesystem("memory").cat_file("/write/a.parquet")
    assert told.bytes == len(data)
    assert pq.read_table(pa.BufferReader(data)).num_rows == 10
    with pytest.raises(RuntimeError), ParquetFile("memory://write/b.parquet", SCHEMA) as file:
        stop_in(file)
    assert not fsspec.filesystem("memory").exists("/write/b.parquet")
    assert names(str(tmp_path)) == []
