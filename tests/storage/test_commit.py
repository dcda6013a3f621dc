"""Tests of names, manifests and commits."""

import os
import socket
import subprocess
import sys
import time

import pytest

from corpusmill import documents
from corpusmill.errors import OutputError
from corpusmill.storage import commit, paths
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.manifest import Manifest, encode
from corpusmill.storage.write import write_table


def shard(layout: StageLayout, number: int, key: str = "key") -> None:
    """Make and commit one shard."""
    stats = write_table(layout.documents(number), [documents.from_texts(["a"])], documents.SCHEMA)
    commit.commit(layout, number, key, {"records": 1}, {"documents": stats})


def test_layout():
    """Names are those of the design, for paths and URLs, and a layout is found again from its folder."""
    layout = StageLayout("gs://bucket/out/fineweb", 1, "curate")
    assert layout.title == "01-curate"
    assert layout.documents(7) == "gs://bucket/out/fineweb/01-curate/documents/00007.parquet"
    assert layout.ledger(123456) == "gs://bucket/out/fineweb/01-curate/ledger/123456.parquet"
    assert layout.manifest == "gs://bucket/out/fineweb/01-curate/manifest.json"
    assert StageLayout.at(layout.folder + "/") == layout
    assert StageLayout.at("02-dedup") == StageLayout(".", 2, "dedup")
    assert StageLayout.at("/01-x") == StageLayout("/", 1, "x")


@pytest.mark.parametrize("where", ["local", "memory"])
def test_committed(tmp_path, where):
    """A shard is committed under its key, once its sidecar is there."""
    layout = StageLayout(str(tmp_path) if where == "local" else "memory://committed", 1, "curate")
    assert commit.committed(layout, 0, "key") is None
    shard(layout, 0)
    found = commit.committed(layout, 0, "key")
    assert found["report"] == {"records": 1}
    assert found["files"]["documents"]["rows"] == 1
    assert commit.committed(layout, 0, "other") is None
    assert commit.sidecars(layout) == [0]


def test_deleted_or_cut_file(tmp_path):
    """A shard whose file is gone or has another size is to be made again."""
    layout = StageLayout(str(tmp_path), 1, "curate")
    shard(layout, 0)
    path = paths.local(layout.documents(0))
    path.write_bytes(path.read_bytes()[:-1])
    assert commit.committed(layout, 0, "key") is None
    path.unlink()
    assert commit.committed(layout, 0, "key") is None


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff"])
def test_broken_sidecar(tmp_path, data):
    """A sidecar that is not whole commits nothing."""
    layout = StageLayout(str(tmp_path), 1, "curate")
    commit.put(layout.sidecar(0), data)
    assert commit.committed(layout, 0, "key") is None


def test_timing_and_failures(tmp_path):
    """Times and failures are noted beside the shards, and read back."""
    layout = StageLayout(str(tmp_path), 1, "curate")
    assert commit.read_timing(layout, 3) == {}
    commit.put_timing(layout, 3, {"read": 0.1234567891})
    assert commit.read_timing(layout, 3) == {"read": 0.123457}
    assert commit.first_failure(layout) is None
    commit.put_failure(layout, 4, "ErrorBudgetError", "four")
    commit.put_failure(layout, 2, "ReconcileError", "two")
    assert commit.first_failure(layout) == {"shard": 2, "error": "ReconcileError", "message": "two"}
    commit.clear_failures(layout)
    assert commit.first_failure(layout) is None


def temporary(folder, host: str, process: int, name: str = "00000.parquet"):
    """A temporary file as a process would have left it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f".tmp-{host}-{process}-{name}"
    path.write_bytes(b"partial")
    return path


def test_sweep(tmp_path):
    """Temporary files of processes that are gone are removed, those of living ones and of other machines are not."""
    layout = StageLayout(str(tmp_path), 1, "curate")
    for number in range(3):
        shard(layout, number)
    folder, host = paths.local(layout.folder) / "documents", socket.gethostname()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead, alive = temporary(folder, host, ended.pid), temporary(folder, host, os.getppid())
    recent, old = temporary(folder, "other-host", 1), temporary(folder, "older-host", 1)
    os.utime(old, (time.time() - 1e6,) * 2)
    commit.sweep(layout, 2)
    assert not dead.exists()
    assert not old.exists()
    assert alive.exists()
    assert recent.exists()
    assert commit.sidecars(layout) == [0, 1]
    assert not paths.exists(layout.documents(2))
    assert commit.committed(layout, 1, "key")


def test_sweep_of_nothing(tmp_path):
    """There may be nothing to sweep yet, and nothing is made by looking."""
    commit.sweep(StageLayout(str(tmp_path / "none"), 1, "curate"), 3)
    assert list(tmp_path.iterdir()) == []


def test_killed_while_writing(tmp_path):
    """A process that is killed in the middle of a shard leaves no shard, and what it leaves is swept."""
    layout = StageLayout(str(tmp_path), 1, "curate")
    code = (
        "import sys, os, signal\n"
        "from corpusmill import documents\n"
        "from corpusmill.storage.write import ParquetFile\n"
        "with ParquetFile(sys.argv[1], documents.SCHEMA) as file:\n"
        "    file.write(documents.from_texts(['x' * 20_000_000]))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, layout.documents(0)], check=False)
    assert len(paths.names(f"{layout.folder}/documents")) == 1
    assert not paths.exists(layout.documents(0))
    commit.sweep(layout, 1)
    assert paths.names(f"{layout.folder}/documents") == []


def test_manifest():
    """A manifest adds up its shards and is read back; equal ones have equal bytes."""
    shards = [{"shard": n, "key": "k", "split": {}, "files": {"documents": {"rows": n, "bytes": 10}}} for n in (1, 2)]
    manifest = Manifest("01-curate", "key", None, shards)
    data = manifest.to_json()
    assert data["totals"] == {"documents": {"rows": 3, "bytes": 20}}
    assert Manifest.from_json(data) == manifest
    assert encode({"b": 1, "a": "ü"}) == b'{\n  "a": "\xc3\xbc",\n  "b": 1\n}\n'
    assert encode(dict(reversed(data.items()))) == encode(data)


def test_broken_manifest():
    """A manifest without a part is refused by name."""
    with pytest.raises(OutputError, match="'key' is missing"):
        Manifest.from_json({"stage": "01-x"})


def test_no_nan_in_json():
    """NaN has no place in a file that others read."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode({"a": float("nan")})
