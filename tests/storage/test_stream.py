"""Tests of the stream that can be looked at before it is taken."""

from hypothesis import given
from hypothesis import strategies as st

from corpusmill.storage.stream import Stream

ACTIONS = st.lists(st.tuples(st.sampled_from(["peek", "take", "skip", "back"]), st.integers(0, 30)), max_size=30)


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=10), ACTIONS)
def test_like_a_string(pieces, actions):
    """Whatever the pieces, looking, taking, skipping and giving back are as on one string of bytes."""
    data, rest, at = b"".join(pieces), iter(pieces), 0
    stream = Stream(lambda: next(rest, b""))
    for action, count in actions:
        match action:
            case "peek":
                assert data[at : at + count] == stream.peek(count)
            case "take":
                assert data[at : at + count] == stream.take(count)
                at = min(len(data), at + count)
            case "skip":
                assert min(count, len(data) - at) == stream.skip(count)
                at = min(len(data), at + count)
            case "back":
                back = min(count, at)
                stream.give_back(data[at - back : at])
                at -= back
        assert at == stream.position
