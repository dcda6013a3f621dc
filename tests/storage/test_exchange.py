"""Indexed files: what goes in by partition comes out by partition, in the order in which it was added."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.errors import OutputError
from corpusmill.storage import exchange
from corpusmill.storage.exchange import IndexedFile, MappedPart, read_all, read_part

SCHEMA = pa.schema([("key", pa.uint64()), ("members", pa.list_(pa.int64())), ("id", pa.string())])


def record_batch(numbers):
    """A row for each number, of which everything follows."""
    columns = [list(numbers), [[n, n + 1][: n % 3] for n in numbers], [f"d{n}" if n % 5 else None for n in numbers]]
    return pa.RecordBatch.from_arrays(
        [pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA
    )


def write(path, parts, batches):
    """Write batches of (number, partition) pairs."""
    with IndexedFile(str(path), SCHEMA, parts, {"told": "yes"}) as file:
        for pairs in batches:
            partition = np.array([part for _, part in pairs], np.int64)
            file.add(record_batch([number for number, _ in pairs]), partition)
        return file.finish()


@settings(max_examples=60, deadline=None)
@given(data=st.data(), parts=st.sampled_from([1, 2, 7, 255, 256, 300]), most=st.sampled_from([1, 500, 10**6]))
def test_partitions_come_back(tmp_path_factory, data, parts, most):
    """Whatever a writer may hold, each partition has its records in order."""
    pair = st.tuples(st.integers(0, 1000), st.integers(0, parts - 1))
    batches = data.draw(st.lists(st.lists(pair, max_size=20), max_size=5))
    path = tmp_path_factory.mktemp("indexed") / "file.arrow"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exchange, "ROUND_BYTES", most)
        written = write(path, parts, batches)
    pairs = [pair for batch in batches for pair in batch]
    assert written.rows == len(pairs)
    assert "yes" == exchange.metadata(str(path))["told"]
    for part in range(parts):
        expected = record_batch([number for number, place in pairs if place == part]).to_pylist()
        assert expected == [row for batch in read_part(str(path), part) for row in batch.to_pylist()]
    assert len(pairs) == sum(batch.num_rows for batch in read_all(str(path)))


def test_one_partition_is_written_as_it_comes(tmp_path, monkeypatch):
    """A writer of one partition does not hold back what makes a batch, nor write batches of a few records."""
    monkeypatch.setattr(exchange, "STREAM_BYTES", 2_000)
    write(tmp_path / "file.arrow", 1, [[(number, 0)] for number in range(500)])
    sizes = [batch.nbytes for batch in read_all(str(tmp_path / "file.arrow"))]
    assert 3 < len(sizes) < 50
    assert all(1_000 < size < 4_000 for size in sizes[:-1])


def test_a_partition_that_is_not_there_is_named(tmp_path):
    """With what was expected and found."""
    write(tmp_path / "file.arrow", 2, [[(1, 1)]])
    with pytest.raises(OutputError, match="expected at least 3 partitions, found 2"):
        list(read_part(str(tmp_path / "file.arrow"), 2))


def test_a_file_that_is_not_whole_is_named(tmp_path):
    """And what to do about it."""
    path = tmp_path / "file.arrow"
    write(path, 2, [[(1, 1)]])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(OutputError, match="not a whole Arrow file"):
        list(read_all(str(path)))
    with pytest.raises(OutputError, match="no such file"):
        list(read_all(str(tmp_path / "other.arrow")))


@pytest.mark.parametrize("where", ["local", "remote"])
def test_a_mapped_part_stays_as_it_is_when_its_pages_are_given_back(tmp_path, where):
    """Wherever the file lies, its records are those of `read_part`, before and after."""
    path = str(tmp_path / "file.arrow") if where == "local" else f"memory://{tmp_path.name}/file.arrow"
    write(path, 3, [[(n, n % 3) for n in range(2000)], [(n, n % 2) for n in range(50)]])
    expected = list(read_part(path, 1))
    mapped = MappedPart(path, 1)
    assert expected == mapped.batches
    mapped.release()
    assert expected == mapped.batches
    batch = mapped.batches[0]
    del mapped
    assert expected[0] == batch


def test_what_cannot_be_mapped_is_named(tmp_path):
    """Missing, empty, cut, too few partitions."""
    path = tmp_path / "file.arrow"
    with pytest.raises(OutputError, match=r"file\.arrow: no such file"):
        MappedPart(str(path), 0)
    path.write_bytes(b"")
    with pytest.raises(OutputError, match=r"file\.arrow: not a whole Arrow file \(it is empty\)"):
        MappedPart(str(path), 0)
    write(path, 2, [[(1, 0)]])
    with pytest.raises(OutputError, match="expected at least 3 partitions, found 2"):
        MappedPart(str(path), 2)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(OutputError, match=r"file\.arrow: not a whole Arrow file"):
        MappedPart(str(path), 0)
