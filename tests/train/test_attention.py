"""Attention inside documents, against a plain definition, and the segments it goes by."""

import math

import pytest
import torch

from corpusmill.train import attention
from corpusmill.train.attention import Segments, attend, attend_to

torch.set_num_threads(1)
ROWS = [[5, 1, 10], [16]]


def plain(query, key, value, allowed):
    """Softmax of scaled products where allowed (L, T), head by head, in fp64."""
    group = query.shape[2] // key.shape[2]
    found = torch.zeros(query.shape, dtype=torch.float64)
    for row in range(len(query)):
        for head in range(query.shape[2]):
            scores = query[row, :, head].double() @ key[row, :, head // group].double().T / math.sqrt(query.shape[-1])
            weights = scores.masked_fill(~allowed[row], -torch.inf).softmax(-1)
            found[row, :, head] = weights @ value[row, :, head // group].double()
    return found


def tensors(heads, kv_heads, length=16, rows=2):
    """Queries, keys and values."""
    generator = torch.Generator().manual_seed(heads)
    return [torch.randn(rows, length, count, 8, generator=generator) for count in (heads, kv_heads, kv_heads)]


def inside(rows):
    """(B, L, L) where a token may look."""
    return torch.stack(
        [torch.block_diag(*(torch.ones(length, length).tril() for length in row)) for row in rows]
    ).bool()


@pytest.mark.parametrize("kv_heads", [4, 2, 1])
def test_attention_is_causal_inside_segments(kv_heads):
    """All three ways (segment by segment, whole rows, one mask) are the plain definition."""
    query, key, value = tensors(4, kv_heads)
    packed, whole = Segments.of(ROWS, 16, "cpu"), Segments.whole(2, 16, "cpu")
    expected = plain(query, key, value, inside(ROWS))
    torch.testing.assert_close(attend(query, key, value, packed).double(), expected, rtol=0, atol=1e-6)
    mask = attention._mask(packed, 16)
    assert torch.equal(mask[:, 0], inside(ROWS))
    torch.testing.assert_close(attend_to(query, key, value, mask).double(), expected, rtol=0, atol=1e-6)
    expected = plain(query, key, value, inside([[16], [16]]))
    torch.testing.assert_close(attend(query, key, value, whole).double(), expected, rtol=0, atol=1e-6)


def test_segments_say_where_documents_are():
    """Positions begin anew; whole rows are seen as such; on the processor nothing is padded."""
    packed = Segments.of(ROWS, 16, "cpu")
    assert packed.lengths == (5, 1, 10, 16)
    assert packed.positions.tolist() == [[*range(5), 0, *range(10)], list(range(16))]
    assert (packed.longest, packed.cumulative, packed.whole_rows) == (16, None, False)
    found, expected = Segments.of([[16], [16]], 16, "cpu"), Segments.whole(2, 16, "cpu")
    assert found.whole_rows
    assert found.lengths == expected.lengths
    assert torch.equal(found.positions, expected.positions)


@pytest.mark.parametrize("rows", [[[5, 10]], [[16], [17, -1]], [[16, 0]]])
def test_lengths_that_are_no_row_are_refused(rows):
    """The row is named with its lengths."""
    with pytest.raises(ValueError, match=r"row \d has lengths .*; expected numbers above 0 of sum 16"):
        Segments.of(rows, 16, "cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("kv_heads", [4, 2])
def test_a_gpu_computes_the_same(kv_heads):
    """The variable-length kernel in bf16 and the mask in fp32 agree with the processor, gradients too."""
    rows, length = [[100, 3, 25], [128]], 128
    sources = tensors(4, kv_heads, length)
    here = Segments.of(rows, length, "cpu")
    there = Segments.of(rows, length, "cuda", fixed=8)
    assert there.cumulative.tolist() == [0, 100, 103, 128, 256, 256, 256, 256, 256]
    for dtype, most in ((torch.float32, 1e-5), (torch.bfloat16, 2e-2)):
        ours = [item.clone().requires_grad_() for item in sources]
        theirs = [item.to("cuda", dtype).requires_grad_() for item in sources]
        found = [attend(*ours, here), attend(*theirs, there)]
        slopes = [torch.autograd.grad(found[0].sum(), ours), torch.autograd.grad(found[1].sum(), theirs)]
        for one, other in zip((found[0], *slopes[0]), (found[1], *slopes[1]), strict=True):
            assert (one - other.float().cpu()).norm() <= most * one.norm()
