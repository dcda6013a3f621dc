"""What is removed is like what is kept, whatever the order, and also where a million documents share a bucket."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from corpusmill.dedup.matching import Candidates, match, match_transitively
from corpusmill.kernels.components import roots, union_runs
from corpusmill.kernels.grouping import groups
from tests.dedup.reference_matching import candidates, sign


def jaccard(one, other):
    """Exact similarity of two sets."""
    return len(one & other) / len(one | other)


def chain():
    """Four documents, each half like the next; the first and the last have nothing in common."""
    return [set(range(start, start + 300)) for start in (0, 100, 200, 300)]


def test_a_chain_whose_ends_share_nothing_is_not_collapsed():
    """Transitive clustering removes documents for one they share nothing with; verification never does."""
    sets = chain()
    assert [0.5] * 3 == [jaccard(sets[i], sets[i + 1]) for i in range(3)]
    assert not sets[0] & sets[3]
    group = candidates(sign(sets, 112), sets, [[0, 1], [1, 2], [2, 3]])
    assert [0, 0, 0, 0] == match_transitively(group).kept.tolist()
    found = match(group, 0.5)
    assert [0, 0, 2, 2] == found.kept.tolist()
    assert [0, 2, 0, 2] == found.method.tolist()
    assert [0.5, 0.5] == found.similarity[[1, 3]].tolist()


def test_a_shared_bucket_alone_removes_nothing():
    """Where two documents only share a bucket, verification keeps both; without it one goes, and says why."""
    sets = [set(range(100)), set(range(90, 190))]
    group = candidates(sign(sets, 112), sets, [[0, 1]])
    assert [0, 1] == match(group, 0.8).kept.tolist()
    found = match(group, 0.8, verify=False)
    assert ([0, 0], [0, 3]) == (found.kept.tolist(), found.method.tolist())
    assert found.similarity[1] < 0.3


def test_the_exact_similarity_decides_near_the_threshold():
    """An estimate above the threshold does not remove a document whose shingles say otherwise, and the reverse."""
    signature = np.zeros((2, 100), np.uint32)
    signature[1, :19] = 1  # 0.81 by the estimate
    unlike = [set(range(100)), set(range(12, 112))]  # 0.786
    alike = [set(range(100)), set(range(2, 102))]  # 0.961
    assert [0, 1] == match(candidates(signature, unlike, [[0, 1]]), 0.8).kept.tolist()
    signature[1, :21] = 1  # 0.79
    found = match(candidates(signature, alike, [[0, 1]]), 0.8)
    assert ([0, 0], [0, 2]) == (found.kept.tolist(), found.method.tolist())
    assert found.similarity[1] == jaccard(*alike)
    assert [0, 1] == match(candidates(signature, [set(), alike[1]], [[0, 1]]), 0.8).kept.tolist()


def test_a_document_goes_to_the_most_similar():
    """Of two kept documents the more similar one is taken; of equally similar ones the better."""
    sets = [set(range(100)), set(range(20, 120)), set(range(18, 118)), set(range(10, 110))]
    found = match(candidates(sign(sets, 256), sets, [[0, 1, 2, 3]]), 0.8, margin=100)
    assert [0, 1, 1, 0] == found.kept.tolist()
    assert found.similarity[3] == jaccard(sets[3], sets[0]) == jaccard(sets[3], sets[1])


def test_documents_of_an_earlier_run_stay_and_win():
    """Fixed documents stay though they are alike, and come before better ones of this run."""
    sets = [set(range(100))] * 4
    group = candidates(sign(sets, 64), sets, [[0, 1, 2, 3]], fixed=[False, True, True, False])
    for found in (match(group, 0.8), match_transitively(group)):
        assert [1, 1, 2, 1] == found.kept.tolist()
    assert match(group, 0.8).compared == 4


def test_a_full_list_is_counted_and_removes_nothing():
    """A kept document that did not fit into its bucket's list is not met there."""
    sets = [set(range(100 * d, 100 * d + 100)) for d in range(3)] + [set(range(200, 300))]
    group = candidates(sign(sets, 64), sets, [[0, 1, 2, 3]])
    assert ([0, 1, 2, 2], 0) == (match(group, 0.8).kept.tolist(), match(group, 0.8, cap=3).capped)
    assert ([0, 1, 2, 3], 2) == (match(group, 0.8, cap=2).kept.tolist(), match(group, 0.8, cap=2).capped)


def families(seed):
    """Documents of 40 families, each an edited copy of its family's or of another copy; with a rank, and a name."""
    draw = np.random.default_rng(seed)
    sets = []
    for document in range(400):
        family = document % 40
        before = sets[draw.integers(document // 40) * 40 + family] if document >= 40 else set(range(family, 4000, 40))
        lost = set(draw.choice(sorted(before), draw.integers(0, 25), replace=False).tolist())
        sets.append(before - lost | set(draw.integers(4000, 8000, len(lost)).tolist()))
    return sets, draw.integers(0, 5, 400), [f"document {n}" for n in draw.permutation(400)]


def removals(documents, bands=16, rows=4):
    """Names of removed documents with that of the kept one: keys, components, order and matching as a run does it."""
    sets, ranks, names = zip(*documents, strict=True)
    signatures = sign_families(sets, bands * rows)
    key = np.random.default_rng(1).integers(0, 2**63, rows, dtype=np.uint64)
    high = (signatures.reshape(len(sets), bands, rows).astype(np.uint64) * key).sum(axis=2) + np.arange(
        bands, dtype=np.uint64
    )
    document = np.repeat(np.arange(len(sets)), bands)
    offsets, members = groups(high.ravel(), np.zeros(high.size, np.uint64), document)
    parent = np.arange(len(sets))
    union_runs(parent, offsets, members)
    component = roots(parent)
    order = sorted(range(len(sets)), key=lambda d: (component[d], ranks[d], names[d]))
    place = np.empty(len(sets), np.int64)
    place[order] = np.arange(len(sets))
    group = replace(
        candidates(signatures[order], [sets[d] for d in order], [], component=component[order]),
        run_offsets=offsets,
        run_members=place[members],
    )
    found = match(group, 0.7, cap=4)
    kept = {names[order[d]]: names[order[k]] for d, k in enumerate(found.kept) if d != k}
    for d, k in enumerate(found.kept.tolist()):
        assert found.kept[k] == k
        assert d == k or found.method[d] == 1 or jaccard(sets[order[d]], sets[order[k]]) >= 0.7
    return kept, found.capped


def sign_families(sets, perms):
    """Signatures that do not depend on which documents there are."""
    orders = np.array([np.random.default_rng(k).permutation(8000) for k in range(perms)])
    return np.array([orders[:, sorted(one)].min(axis=1) for one in sets])


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_input_changes_nothing(seed):
    """However documents are shuffled, the same ones are removed for the same kept ones, full lists included."""
    documents = list(zip(*families(seed), strict=True))
    expected = removals(documents)
    assert 100 < len(expected[0]) < 360
    for shuffle in range(4):
        order = np.random.default_rng(shuffle).permutation(len(documents))
        assert expected == removals([documents[d] for d in order])


MILLION = """
import json, resource, sys
import numpy as np
from corpusmill.dedup.matching import Candidates, match
def one_bucket(count, values):
    signatures = np.random.default_rng(0).integers(0, values, (count, 16), dtype=np.uint32)
    bucket = np.array([0, count]), np.arange(count)
    none = np.zeros(count + 1, np.int64), np.zeros(0, np.uint32)
    return Candidates(np.zeros(count, np.int64), np.zeros(count, bool), signatures, *none, *bucket)
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
match(one_bucket(1000, 2), 0.8)
found = []
for values in (1 << 32, 1):
    group = one_bucket(1_000_000, values)
    before = peak()
    matches = match(group, 0.8)
    found.append([peak() - before, matches.compared, matches.capped, len(np.unique(matches.kept))])
print(json.dumps(found))
"""


def test_a_bucket_of_a_million_documents():
    """Unlike or alike, a million documents in one bucket take comparisons and memory that are linear in them."""
    done = subprocess.run([sys.executable, "-P", "-c", MILLION], capture_output=True, text=True, check=True)
    unlike, alike = json.loads(done.stdout)
    assert [32 * 1_000_000 - 32 * 33 // 2, 1_000_000 - 32, 1_000_000] == unlike[1:]
    assert [999_999, 0, 1] == alike[1:]
    assert max(unlike[0], alike[0]) < 100e6  # bytes: 45 a document, and what Python takes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": 0.0}, "threshold is 0.0; expected above 0"),
        ({"threshold": 1.5}, "threshold is 1.5; expected above 0"),
        ({"threshold": float("nan")}, "threshold is nan; expected above 0"),
        ({"threshold": 0.8, "margin": -1.0}, "margin is -1.0 and cap 32; expected"),
        ({"threshold": 0.8, "cap": 0}, "margin is 3.0 and cap 0; expected"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    """A threshold, margin or cap that cannot be says so."""
    with pytest.raises(ValueError, match=message):
        match(candidates(sign(chain(), 8), chain(), []), **options)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fixed": np.zeros(3, bool)}, "fixed has 3 entries; expected 4"),
        ({"signatures": np.zeros((5, 8), np.uint32)}, "signatures has 5 entries; expected 4"),
        ({"signatures": np.zeros((4, 0), np.uint32)}, "signatures have no entries"),
        ({"sets_offsets": np.zeros(4, np.int64)}, "sets_offsets has 4 entries; expected 5"),
        ({"sets": np.zeros(7, np.uint32)}, "sets has 7 entries; expected 1200"),
        ({"run_members": np.zeros(7, np.int64)}, "run_members has 7 entries; expected 2"),
        ({"run_members": np.array([1, 4])}, "run_members are 1 to 4; expected places among 4 documents"),
        ({"component": np.array([0, 1, 0, 1])}, "documents are not sorted by component"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change, message):
    """What a kernel would read past its end is told before."""
    with pytest.raises(ValueError, match=message):
        replace(candidates(sign(chain(), 8), chain(), [[0, 1]]), **change)


def test_no_documents():
    """An empty group is matched to nothing."""
    none = Candidates(
        np.zeros(0, np.int64), np.zeros(0, bool), np.zeros((0, 8), np.uint32), np.zeros(1, np.int64),
        np.zeros(0, np.uint32), np.zeros(1, np.int64), np.zeros(0, np.int64),
    )  # fmt: skip
    assert [] == match(none, 0.8).kept.tolist() == match_transitively(none).kept.tolist()


def test_affine64_signatures_match_as_well():
    """Entries of 64 bits are compared whole."""
    group = candidates(sign(chain(), 112), chain(), [[0, 1], [1, 2], [2, 3]])
    wide = replace(group, signatures=group.signatures.astype(np.uint64) << np.uint64(32))
    assert match(group, 0.5).kept.tolist() == match(wide, 0.5).kept.tolist()


def test_short_documents_that_are_one_to_their_signatures_stay():
    """Two shingles that share 32 bits make equal signatures; with so few of them the sets decide."""
    same = [[7, 9, 11, 13]] * 2
    assert [0, 1] == match(candidates(same, [{1, 2}, {1, 3}], [[0, 1]]), 0.7).kept.tolist()
    assert [0, 0] == match(candidates(same, [{1, 2}, {1, 2}], [[0, 1]]), 0.7).kept.tolist()
    unknown = match(candidates(same, [{1, 2}, set()], [[0, 1]], fixed=[False, True]), 0.7)
    assert [0, 1] == unknown.kept.tolist()
    many = set(range(40))
    assert [1, 1] == match(candidates(same, [many, set()], [[0, 1]], fixed=[False, True]), 0.7).kept.tolist()
