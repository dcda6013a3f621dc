"""Parameters and FLOPs of an architecture, before anything of it is built. Tests hold them against the built one."""

from dataclasses import dataclass

from corpusmill.train.architecture import Architecture


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Numbers of parameters by what they are for; the vocabulary as it is built, padded.

    Attributes:
        embedding: the table of tokens. positions: the table of positions, where they are learned.
        head: the matrix before the logits; 0 where it is the embedding's (tied).
        matrices: weights of all blocks that tokens are multiplied by. vectors: norms and biases of the whole model.
        block: all that one block has, matrices and vectors.
        logits: weights behind the logits, whether they are the head's own or the embedding's.
        padding: what is there only to make the vocabulary a round number.
    """

    embedding: int
    positions: int
    head: int
    matrices: int
    vectors: int
    block: int
    logits: int
    padding: int

    @property
    def total(self) -> int:
        """All that is held and trained."""
        return self.embedding + self.positions + self.head + self.matrices + self.vectors

    @property
    def named(self) -> int:
        """All but the vocabulary's padding: the number that papers give."""
        return self.total - self.padding

    @property
    def body(self) -> int:
        """What is neither embedding nor head (Kaplan et al. 2020 count these)."""
        return self.matrices + self.vectors

    @property
    def matmul(self) -> int:
        """Weights that every token is multiplied by: the blocks' matrices and the logits'."""
        return self.matrices + self.logits


def count(architecture: Architecture) -> Parameters:
    """Parameters of a decoder; equal to the sum over the built one."""
    a = architecture
    matrices, vectors = _block(a)
    rows, padded = a.padded_vocabulary, a.padded_vocabulary - a.vocabulary_size
    return Parameters(
        embedding=rows * a.width,
        positions=a.max_length * a.width if a.positions == "learned" else 0,
        head=0 if a.tied else rows * a.width,
        matrices=a.layers * matrices,
        vectors=a.layers * vectors + (_norm(a, a.width) if a.norm_place == "pre" else 0),
        block=matrices + vectors,
        logits=rows * a.width,
        padding=padded * a.width * (1 if a.tied else 2),
    )


def flops_per_token(architecture: Architecture, sequence_length: int) -> float:
    """FLOPs to train on one token: 6·matmul + 12·layers·width of attention·length.

    A weight costs a multiplication and an addition in the forward pass, and twice that in the backward pass. Attention
    adds two products of each query with every position of its row, and again twice that (Narang et al. 2021;
    Chowdhery et al. 2022, appendix B). Positions that a causal or document mask hides are counted, as is usual, so
    that MFU compares with that of others; recomputation by activation checkpoints is not. Norms, activations and the
    softmax are left out. Equal to `torch.utils.flop_counter.FlopCounterMode`.

    Args:
        architecture: of the model.
        sequence_length: tokens of a row.
    """
    a = architecture
    return 6.0 * count(a).matmul + 12.0 * a.layers * a.heads * a.head_width * sequence_length


def _block(a: Architecture) -> tuple[int, int]:
    """Weights of matrices and of vectors in one block."""
    queries, keys = a.heads * a.head_width, a.kv_heads * a.head_width
    inner = a.hidden * (2 if a.gated else 1)
    matrices = a.width * (queries + 2 * keys) + queries * a.width + a.width * inner + a.hidden * a.width
    biases = (queries + 2 * keys + a.width + inner + a.width) if a.bias else 0
    norms = 2 * _norm(a, a.width) + (2 * _norm(a, a.head_width) if a.qk_norm else 0)
    return matrices, biases + norms


def _norm(a: Architecture, width: int) -> int:
    return width * (2 if a.norm == "layernorm" and a.bias else 1)
