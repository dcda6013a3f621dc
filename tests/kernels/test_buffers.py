"""The door between Arrow and the kernels."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.kernels import buffers


@given(st.lists(st.text(max_size=8)), st.integers(0, 5), st.sampled_from([pa.string(), pa.large_string()]))
def test_there_and_back(texts, skip, kind):
    """Strings survive the way through offsets and bytes, slices and 64-bit offsets too."""
    array = pa.array(texts, kind)[skip:]
    offsets, data = buffers.text(array)
    assert offsets[0] == 0
    assert array.to_pylist() == buffers.strings(offsets, data).to_pylist()


def test_what_is_no_text_is_refused():
    """Numbers and nulls are refused with what was found."""
    with pytest.raises(TypeError, match="expected a string or binary array, found int64"):
        buffers.text(pa.array([1]))
    with pytest.raises(ValueError, match="found 1"):
        buffers.text(pa.array(["a", None]))


def test_two_gigabytes_are_refused():
    """Offsets that 32 bits cannot hold are an error, not a wrap-around."""
    with pytest.raises(OverflowError, match="3000000000 bytes"):
        buffers.strings(np.array([0, 3_000_000_000]), np.zeros(1, np.uint8))
