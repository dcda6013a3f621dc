"""Rows in training order: each once an epoch, the same for any ranks, as they are stored but shifted by one."""

import json
import mmap
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.errors import InputError, OutputError, RecipeError
from corpusmill.storage.packed_files import sha256
from corpusmill.train.config import Data
from corpusmill.train.data import Rows
from tests.storage import packing

EOS = packing.EOS


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two parts: `a` of two shards, one of them of three blocks; `b` of one shard; rows of 8 ids."""
    folder = tmp_path_factory.mktemp("packed")
    packing.write(folder / "a/train/00000.arrow", packing.some_documents(50))
    packing.write(folder / "a/train/00001.arrow", packing.some_documents(30, 1), cuts=(5, 9))
    packing.write(folder / "a/validation/00000.arrow", packing.some_documents(9, 3))
    packing.write(folder / "b/train/00000.arrow", packing.some_documents(20, 2, longest=4))
    return folder


def opened(folder, *parts, seed=0, split="train"):
    """Rows of some parts, each a name or a name with what else it has."""
    data = [Data(path=str(folder / part)) if isinstance(part, str) else Data(path=str(folder / part[0]), **part[1])
            for part in parts]  # fmt: skip
    return Rows.open(data, seed, split)


def addresses(rows, first, stop):
    """Part, shard and row of some samples."""
    return list(zip(*(column.tolist() for column in rows.where(np.arange(first, stop))), strict=True))


def test_an_epoch_takes_each_row_once(folder):
    """In an order that the next epoch, another seed and the validation split do not have."""
    rows = opened(folder, "a", "b")
    every = {(0, s, r) for s, shard in enumerate(rows.parts[0].shards) for r in range(len(shard))}
    every |= {(1, 0, r) for r in range(rows.parts[1].rows)}
    epochs = [addresses(rows, n * rows.row_count, (n + 1) * rows.row_count) for n in range(3)]
    assert len(every) == rows.row_count
    assert all(sorted(every) == sorted(epoch) for epoch in epochs)
    orders = [*epochs, addresses(opened(folder, "a", "b", seed=1), 0, rows.row_count), sorted(every)]
    assert len({tuple(order) for order in orders}) == 5


@settings(max_examples=25)
@given(st.lists(st.floats(0.1, 10), min_size=2, max_size=2), st.integers(0, 3), st.integers(0, 3))
def test_each_part_of_a_mixture_has_epochs_of_its_own(folder, weights, seed, part):
    """Whatever the weights are, a part's rows come once each before any comes again."""
    rows = opened(folder, ("a", {"weight": weights[0]}), ("b", {"weight": weights[1]}), seed=seed)
    taken = addresses(rows, 0, 12 * rows.row_count)
    for number, here in enumerate(rows.parts):
        own = [address for address in taken if address[0] == number]
        for first in range(0, len(own) - here.rows, here.rows):
            assert here.rows == len(set(own[first : first + here.rows]))


def test_weights_are_of_tokens(folder):
    """A part whose rows are emptier gives more rows; what it gives in tokens is its weight."""
    packing.write(
        folder / "pad/train/00000.arrow", packing.some_documents(40, 4, longest=5), packing.header(strategy="pad")
    )
    rows = opened(folder, ("a", {"weight": 2}), ("pad", {"weight": 1}))
    full = [part.tokens / part.rows for part in rows.parts]
    assert full[0] > 1.5 * full[1]
    count = 20 * rows.row_count
    taken = [epochs * part.tokens for epochs, part in zip(rows.epochs_at(count).values(), rows.parts, strict=True)]
    assert taken[0] == pytest.approx(2 * taken[1], rel=0.005)
    targets = rows.batch(np.arange(count)).targets
    parts = rows.where(np.arange(count))[0]
    seen = [int((targets[parts == part] >= 0).sum()) for part in (0, 1)]
    assert seen == pytest.approx(taken, rel=0.01)


def test_a_batch_is_the_stored_row_shifted_by_one(folder):
    """By hand for every row: targets are its ids, inputs those before; nothing leads up to padding and later parts."""
    rows = opened(folder, "a", "b")
    batch = rows.batch(np.arange(rows.row_count))
    continued = 0
    for at, (part, shard, row) in enumerate(addresses(rows, 0, rows.row_count)):
        stored = rows.parts[part].shards[shard].segments(row)
        (ids,) = stored.ids.tolist()
        expected_in, expected_out, rest = [], [], 8 - int(stored.lengths.sum())
        for length, start in zip(stored.lengths.tolist(), stored.starts.tolist(), strict=True):
            here = ids[len(expected_in) : len(expected_in) + length]
            expected_in += [EOS, *here[:-1]]
            expected_out += [-100 if start else here[0], *here[1:]]
            continued += start > 0
        assert expected_in == batch.inputs[at, : 8 - rest].tolist()
        assert expected_in == [EOS, *ids][: 8 - rest]
        assert expected_out + [-100] * rest == batch.targets[at].tolist()
        assert stored.lengths.tolist() + [rest] * (rest > 0) == batch.lengths[at].tolist()
    assert continued
    assert rows.tokens == (batch.targets >= 0).sum() == sum(part.tokens for part in rows.parts)
    assert batch.inputs.dtype == batch.targets.dtype == np.int64
    assert batch.samples.tolist() == list(range(rows.row_count))


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_ranks_and_batch_sizes_change_nothing(folder, ranks):
    """However a step is split, its samples are the same rows."""
    rows = opened(folder, ("a", {"weight": 1}), ("b", {"weight": 1}))
    whole = rows.batch(np.arange(100, 164))
    for rank in range(ranks):
        again = opened(folder, ("a", {"weight": 1}), ("b", {"weight": 1}))  # as each rank does
        mine = again.batch(np.arange(100, 164)[rank::ranks])
        assert np.array_equal(whole.inputs[rank::ranks], mine.inputs)
        assert np.array_equal(whole.targets[rank::ranks], mine.targets)
        assert [own.tolist() for own in whole.lengths[rank::ranks]] == [own.tolist() for own in mine.lengths]


def test_epochs_are_capped(folder):
    """The last sample within the cap is had, the next is refused with tokens asked and there."""
    rows = opened(folder, ("a", {"weight": 1, "epochs": 2}), ("b", {"weight": 1, "epochs": 3}))
    rows.check(rows.most_samples)
    parts, _, _ = rows.where(np.arange(rows.most_samples + 1))
    assert 3 * rows.parts[1].rows + 1 == (parts == 1).sum()
    with pytest.raises(RecipeError) as caught:
        rows.check(rows.most_samples + 1)
    there = rows.parts[1].tokens
    assert f"b: {3 * there + there / rows.parts[1].rows:,.0f} tokens asked, {there:,} there" in str(caught.value)
    assert f"{3 + 1 / rows.parts[1].rows:.2f} epochs, and 3 are allowed" in str(caught.value)
    assert 1 == str(caught.value).count("tokens asked")
    assert 2 * rows.row_count == opened(folder, ("a", {"epochs": 2}), "b").most_samples
    assert opened(folder, ("a", {"epochs": float("inf")})).most_samples > 1 << 60
    assert opened(folder, "a", ("b", {})).epochs_at(rows.row_count) == {"a": 1, "b": 1}
    with pytest.raises(IndexError, match="numbered from 0"):
        rows.where(np.array([-1]))


def test_the_fingerprint_is_of_what_decides_the_samples(folder, tmp_path):
    """Seed, weights, split, names and bytes change it; where shards lie, a manifest and caps on epochs do not."""
    rows = opened(folder, "a")
    others = [
        opened(folder, "a", seed=1), opened(folder, ("a", {"weight": 1})), opened(folder, "a", split="validation"),
        opened(folder, ("a", {"name": "x"})), opened(folder, "b"), opened(folder, "a", "b"), opened(folder, "b", "a"),
    ]  # fmt: skip
    assert len({rows.fingerprint, *(other.fingerprint for other in others)}) == 8
    assert rows.fingerprint == opened(folder, ("a", {"epochs": 2})).fingerprint
    shutil.copytree(folder / "a", tmp_path / "a")
    packing.listed(tmp_path / "a")
    moved = opened(tmp_path, "a")
    assert rows.fingerprint == moved.fingerprint
    assert moved.parts[0].found.digests[0] == sha256(str(folder / "a/train/00000.arrow"))
    told = json.loads(json.dumps(moved.told()))
    assert [len(shard) for shard in rows.parts[0].shards] == [shard["rows"] for shard in told["parts"][0]["shards"]]


def test_parts_without_tokens_are_told(folder, tmp_path):
    """Shards of no rows, and a split that nothing was held out for."""
    packing.write(tmp_path / "none/train/00000.arrow", [])
    with pytest.raises(InputError, match="1 train shards, and no token in them"):
        opened(tmp_path, "none")
    with pytest.raises(InputError, match="no validation shards; give `validation` in the step tokenize a share above"):
        opened(folder, "a", "b", split="validation")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tokenizer": "cd" * 32}, "tokenizer is cdcd.*, but abab.* in .*a/train/00000.arrow"),
        ({"sequence_length": 16}, "sequence_length is 16, but 8 in "),
        ({"vocabulary_size": 400}, "vocabulary_size is 400, but 301 in "),
    ],
)
def test_parts_that_do_not_fit_together(folder, tmp_path, changes, message):
    """Both shards are named."""
    packing.write(tmp_path / "x/train/00000.arrow", packing.some_documents(20), packing.header(**changes))
    with pytest.raises(InputError, match=f"x/train/00000.arrow: {message}"):
        Rows.open([Data(path=str(folder / "a")), Data(path=str(tmp_path / "x"))], 0)


def test_files_that_are_not_whole(folder, tmp_path):
    """A file that was cut off is found by its size where a manifest says it, and by its end where none does."""
    shutil.copytree(folder / "a", tmp_path / "a")
    packing.listed(tmp_path / "a")
    path = tmp_path / "a/train/00001.arrow"
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(
        OutputError, match=rf"00001.arrow: {len(whole) - 100:,} bytes, but {len(whole):,} in .*manifest"
    ):
        opened(tmp_path, "a")
    path.unlink()
    with pytest.raises(OutputError, match=r"00001\.arrow: no such file, but .*manifest\.json lists it"):
        opened(tmp_path, "a")
    (tmp_path / "a/manifest.json").unlink()
    path.write_bytes(whole[:-100])
    with pytest.raises(OutputError, match=r"00001.arrow: not a whole Arrow file"):
        opened(tmp_path, "a")


def test_rows_are_not_read_ahead(tmp_path):
    """The kernel knows (`rr`, random reads) that the ids of a mapped shard are wanted here and there, and not more."""
    maps = Path("/proc/self/smaps")
    if not maps.exists():
        pytest.skip("needs /proc/self/smaps")
    path = tmp_path / "big/train/00000.arrow"
    packing.write(path, packing.some_documents(4000), cuts=(2000,))
    rows = opened(tmp_path, "big")
    told, inside = {"rr": 0, "": 0}, False
    for line in maps.read_text().splitlines():
        if "-" in line.split()[0]:
            inside = line.endswith(str(path))
            first, last = (int(end, 16) for end in line.split()[0].split("-"))
        elif inside and line.startswith("VmFlags:"):
            told["rr" if "rr" in line.split() else ""] += last - first
    ids = rows.row_count * 8 * 2
    assert ids - 4 * mmap.PAGESIZE <= told["rr"] <= ids
    assert told[""]
