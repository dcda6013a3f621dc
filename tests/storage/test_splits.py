"""Tests of finding input files and cutting them."""

import gzip
import json
import os
import pickle
import shutil

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.errors import InputError
from corpusmill.storage.inputs import Jsonl, Parquet, Warc
from corpusmill.storage.splits import Split, cut, identify, plan_splits
from tests.storage.archives import members, pages


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with three files."""
    for name in ("b.jsonl", "a.jsonl", "c.warc.gz"):
        (tmp_path / name).write_bytes(name.encode() * 100)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(*paths: str, **options) -> list[str]:
    """The files that an input names."""
    return [split.path for split in plan_splits(Jsonl(paths=paths, **options))]


def test_globs_and_paths(folder):
    """Files are sorted, each once; relative paths stay relative."""
    assert found("*.jsonl", "a.jsonl") == ["a.jsonl", "b.jsonl"]
    assert found(f"{folder}/*.jsonl") == [f"{folder}/a.jsonl", f"{folder}/b.jsonl"]


@pytest.mark.parametrize("packed", [False, True])
def test_list(folder, packed):
    """A list file names paths, with a prefix in front; blank lines and comments are left out."""
    data = b"# two\nb.jsonl\n\na.jsonl\n"
    (folder / "list").write_bytes(gzip.compress(data) if packed else data)
    assert found("@list", prefix=f"{folder}/") == [f"{folder}/a.jsonl", f"{folder}/b.jsonl"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("a.json", "a.json: no such file. The working folder holds a.jsonl"),
        ("*.txt", "*.txt: no file matches. The working folder holds "),
        ("none/a.jsonl", "none/a.jsonl: no such file. There is no folder none, or it is empty."),
        ("@lists", "@lists: no such list of paths."),
        (".", ". is a folder; expected a file or a glob such as ./*"),
        ("memory://nowhere/a.jsonl", "memory://nowhere/a.jsonl: no such file."),
        ("memory://nowhere/*.jsonl", "memory://nowhere/*.jsonl: no file matches."),
    ],
)
def test_missing(folder, path, message):
    """A missing file or an empty glob is told with what there is."""
    with pytest.raises(InputError) as caught:
        found(path)
    assert message in str(caught.value)


def test_empty_list(folder):
    """An empty list is told."""
    (folder / "list").write_bytes(b"\n")
    with pytest.raises(InputError, match="@list: the list is empty; expected one path per line"):
        found("@list")


def test_missing_in_list(folder):
    """A path of a list that is missing is told by its name."""
    (folder / "list").write_bytes(b"a.jsonl\nx.jsonl\n")
    with pytest.raises(InputError, match=r"^x\.jsonl: no such file"):
        found("@list")


@given(size=st.integers(0, 10_000), split=st.integers(1, 10_001))
def test_cut(tmp_path_factory, size, split):
    """Splits cover the file without gaps, none larger than asked, all about even."""
    path = tmp_path_factory.getbasetemp() / "sized"
    path.write_bytes(b"x" * size)
    splits = cut(str(path), split / 1_000_000)
    assert [0, *[s.end for s in splits]] == [*[s.start for s in splits], size]
    lengths = [s.length for s in splits]
    assert max(lengths) <= split
    assert max(lengths) - min(lengths) <= 1
    assert len(splits) == max(1, -(-size // split))


@pytest.mark.parametrize(("name", "count"), [("a.jsonl", 10), ("a.warc.gz", 10), ("a.warc.zst", 1)])
def test_splittable(tmp_path, name, count):
    """WARC.gz is split, files compressed as a whole are not."""
    (tmp_path / name).write_bytes(b"x" * 1000)
    kind = Warc if "warc" in name else Jsonl
    assert len(plan_splits(kind(paths=(f"{tmp_path}/{name}",), split_mb=0.0001))) == count


def test_split_is_small_and_plain():
    """A split goes through JSON and pickle unchanged, in about 200 bytes."""
    split = Split("https://data.commoncrawl.org/crawl-data/x.warc.gz", 0, 64_000_000, 10**9, 64_000_000, "0" * 32)
    assert Split.from_json(json.loads(json.dumps(split.to_json()))) == split
    assert pickle.loads(pickle.dumps(split)) == split
    assert len(json.dumps(split.to_json())) < 300


def test_fingerprint_of_a_copy(tmp_path):
    """A copy has the fingerprint of its original, whatever its name and times; other content has another."""
    one, two = tmp_path / "one.warc.gz", tmp_path / "two.warc.gz"
    one.write_bytes(members(pages(20)) * 40)
    assert one.stat().st_size > 2 * (64 << 10)
    shutil.copy(one, two)
    os.utime(two, (1, 1))
    assert identify(str(one)) == identify(str(two))
    for at in (0, 1000, -1):
        data = bytearray(one.read_bytes())
        data[at] ^= 1
        two.write_bytes(data)
        assert identify(str(one)) != identify(str(two))


def test_memory_fingerprint():
    """Files of a store without digests are known by size and ends, like local ones."""
    fs = fsspec.filesystem("memory")
    fs.pipe_file("/finger/a", b"abc")
    fs.pipe_file("/finger/b", b"abd")
    assert identify("memory://finger/a")[0] == 3
    assert identify("memory://finger/a") != identify("memory://finger/b")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"paths": ()}, "paths: empty; give at least one path, glob or @list"),
        ({"paths": ("a",), "split_mb": 0}, "split_mb: found 0; expected a number above 0"),
        ({"paths": ("a",), "max_document_mb": -1}, "max_document_mb: found -1; expected a number above 0"),
        ({"paths": ("a",), "fields": {"txt": "a"}}, r"fields: \['txt'\] are not columns of a document"),
    ],
)
def test_bad_inputs(options, message):
    """Inputs that can never be read are refused when they are made."""
    with pytest.raises(ValueError, match=message):
        Parquet(**options)
