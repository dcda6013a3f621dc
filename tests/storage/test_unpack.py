"""Documents come whole out of packed shards."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.errors import OutputError
from corpusmill.storage import packed, unpack
from corpusmill.storage.packed import Block, PackedFile, Shard
from tests.storage.packing import EOS, address, header, some_documents, write


@settings(deadline=None, max_examples=60)
@given(
    strategy=st.sampled_from(["concat", "best_fit", "pad"]),
    count=st.integers(0, 60),
    most=st.sampled_from([1, 100, 10**6]),
    chunk=st.sampled_from([1, 50, 10**6]),
    dtype=st.sampled_from(["uint16", "uint32"]),
)
def test_documents_come_back(tmp_path_factory, strategy, count, most, chunk, dtype):
    """All of them, in order, whatever the order of rows, the batches and the chunks."""
    path, documents = tmp_path_factory.mktemp("unpack") / "a.arrow", some_documents(count, count)
    told = header(strategy=strategy, dtype=dtype)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed, "BATCH_BYTES", most)
        patch.setattr(unpack, "CHUNK_TOKENS", chunk)
        rows = write(path, documents, told).rows
        write(path, documents, told, order=np.random.default_rng(count).permutation(rows))
        found, addresses = [], []
        for part in unpack.documents(Shard(str(path))):
            found += [part.ids[a:b].tolist() for a, b in zip(part.offsets, part.offsets[1:], strict=False)]
            addresses += zip(part.shards.tolist(), part.rows.tolist(), strict=True)
            assert len(part.ids) <= chunk or 1 == len(part.rows)
    assert [[*document, EOS] for document in documents] == found
    assert [address(number) for number in range(count)] == addresses


def test_documents_that_are_not_whole(tmp_path):
    """A shard of which a row was lost is not exported as if nothing were missing."""
    path = str(tmp_path / "a.arrow")
    with PackedFile(path, header()) as file:
        columns = [np.array(column) for column in ([8, 2], [0, 0], [0, 0], [0, 9])]
        file.add(Block(np.zeros((2, 8), np.uint16), np.array([0, 1, 2]), *columns))
        file.finish()
    with pytest.raises(OutputError, match="the document of row 0 of shard 0 is not whole"):
        list(unpack.documents(Shard(path)))
