"""The kernel that matches documents, against its slow twin."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.dedup.matching import match, match_transitively
from corpusmill.kernels import matching
from tests.dedup.reference_matching import candidates, flat, slow_match

PERMS = 6


@st.composite
def groups(draw):
    """Documents with few different entries and shingles, in buckets that overlap."""
    count = draw(st.integers(0, 10))
    entry, shingle, flag = st.integers(0, 2), st.integers(0, 6), st.booleans()
    one = {
        "signatures": st.lists(entry, min_size=PERMS, max_size=PERMS),
        "sets": st.lists(shingle, unique=True, max_size=7),
        "fixed": st.sampled_from([False, False, True]),
    }
    found = {name: draw(st.lists(kind, min_size=count, max_size=count)) for name, kind in one.items()}
    member = st.lists(st.integers(0, count - 1), min_size=2, unique=True) if count > 1 else st.nothing()
    found["runs"] = draw(st.lists(member, max_size=6)) if count > 1 else []
    return found, draw(flag)


@given(
    groups(),
    st.sampled_from([0.2, 0.5, 2 / 3, 0.8, 1.0]),
    st.sampled_from([0.0, 1.0, 3.0, float("inf")]),
    st.integers(1, 4),
)
def test_matches_are_the_twins(drawn, threshold, margin, cap):
    """Kept documents, similarities, methods and full lists are those of the slow twin."""
    group, verify = drawn
    expected, capped = slow_match(**group, threshold=threshold, margin=margin, verify=verify, cap=cap)
    found = match(candidates(**group), threshold, margin, verify, cap)
    values = [None if np.isnan(value) else value for value in found.similarity.tolist()]
    assert expected == list(zip(found.kept.tolist(), values, found.method.tolist(), strict=True))
    assert capped == found.capped
    assert found.compared_exactly <= found.compared <= sum(min(cap, len(r)) * len(r) for r in group["runs"])


@given(groups(), st.lists(st.integers(0, 3), min_size=10, max_size=10))
def test_transitive_matches_are_the_twins(drawn, labels):
    """All of a component go but its first fixed document, else its first, and other fixed ones."""
    group, _ = drawn
    count = len(group["fixed"])
    component = sorted(labels[:count])
    found = match_transitively(candidates(**group, component=component))
    for d in range(count):
        mates = [o for o in range(count) if component[o] == component[d]]
        best = min(mates, key=lambda o: (not group["fixed"][o], o))
        if group["fixed"][d] or d == best:
            assert (d, 0) == (found.kept[d], found.method[d])
            assert np.isnan(found.similarity[d])
        else:
            same = sum(a == b for a, b in zip(group["signatures"][d], group["signatures"][best], strict=True))
            assert (best, 4, same / PERMS) == (found.kept[d], found.method[d], found.similarity[d])


@given(groups())
def test_invert(drawn):
    """Each document has the runs that it is a member of."""
    runs = drawn[0]["runs"]
    count = len(drawn[0]["fixed"])
    offsets, own = matching.invert(count, *flat(runs, np.int64))
    expected = [[r for r, run in enumerate(runs) if d in run] for d in range(count)]
    assert expected == [own[offsets[d] : offsets[d + 1]].tolist() for d in range(count)]


def test_the_verdicts_are_numbered_as_the_kernel_asks():
    """Those that want an exact look come last."""
    assert max(matching.DIFFERENT, matching.SIMILAR) < matching.EXACT_ELSE_DIFFERENT < matching.EXACT_ELSE_SIMILAR
