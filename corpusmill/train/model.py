"""The decoder: ids in, logits or losses of tokens out.

B = rows, L = tokens of a row, V = ids of the tokenizer, d = width, H = heads, K = heads of keys and values,
D = head width.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from corpusmill.train import initial
from corpusmill.train.architecture import Architecture
from corpusmill.train.attention import Segments, attend, attend_to
from corpusmill.train.loss import How, Reduce, TokenLosses, for_products, reduce_logits, token_losses

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "swiglu": functional.silu, "geglu": lambda x: functional.gelu(x, approximate="tanh"),
    "gelu": lambda x: functional.gelu(x, approximate="tanh"), "relu": functional.relu,
}  # fmt: skip


class Cache:
    """Keys and values of the tokens read so far, for generation.

    Attributes:
        filled: (B,) int64, tokens of each row; the caller adds what it read, so that rows may be filled up at the end.
    """

    def __init__(self, batch: int, capacity: int, device: torch.device | str) -> None:
        """Make room for `batch` rows of at most `capacity` tokens."""
        self.capacity = capacity
        self.filled = torch.zeros(batch, dtype=torch.int64, device=device)
        self._layers: dict[int, tuple[Tensor, Tensor]] = {}

    def put(self, layer: int, positions: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Put keys and values (B, L, K, D) at positions (B, L); gives all of the layer's, (B, capacity, K, D)."""
        if layer not in self._layers:  # only now is known in which numbers the model computes
            shape = (len(key), self.capacity, *key.shape[2:])
            self._layers[layer] = key.new_zeros(shape), value.new_zeros(shape)
        keys, values = self._layers[layer]
        rows = torch.arange(len(key), device=key.device).unsqueeze(-1)
        keys[rows, positions], values[rows, positions] = key, value
        return keys, values


class _Step:
    """What all blocks share in one forward pass. No tuple on purpose: FSDP2 would cast what it finds in one."""

    def __init__(self, segments: Segments | None, cache: Cache | None, positions: Tensor) -> None:
        self.segments, self.cache, self.positions = segments, cache, positions
        self.turns: tuple[Tensor, Tensor] | None = None  # cosine and sine (B, L, 1, D/2), fp32
        self.allowed: Tensor | None = None  # (B, 1, L, T), with a cache
        if cache is not None:
            seen = int(positions.max()) + 1
            self.allowed = (torch.arange(seen, device=positions.device) <= positions.unsqueeze(-1)).unsqueeze(1)


class Decoder(nn.Module):
    """A decoder-only transformer; `initialise` fills its weights, and it holds nothing else.

    Attributes:
        embedding: (P, d), P the padded vocabulary.
        positions: (max_length, d) where they are learned, else None.
        blocks: the layers.
        final_norm: before the head; nothing where blocks end in a norm.
        head: (P, d), or None where it is the embedding.
        reduce: logits to losses; it may be replaced by itself compiled, as blocks may.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.reduce: Reduce = reduce_logits
        width, rows = architecture.width, architecture.padded_vocabulary
        self.embedding = nn.Embedding(rows, width)
        learned = architecture.positions == "learned"
        self.positions = nn.Embedding(architecture.max_length, width) if learned else None
        self.dropout = nn.Dropout(architecture.dropout)
        self.blocks = nn.ModuleList(Block(architecture, layer) for layer in range(architecture.layers))
        pre = architecture.norm_place == "pre"
        self.final_norm = make_norm(architecture, width) if pre else nn.Identity()
        self.head = None if architecture.tied else nn.Linear(width, rows, bias=False)

    def initialise(self, seed: int) -> None:
        """Fill every parameter, whole or sharded, by seed and name alone (`initial.fill`)."""
        initial.fill(self, seed, self.architecture.initial_deviation, self.architecture.layers)

    def forward(
        self,
        ids: Tensor,
        segments: Segments | None = None,
        targets: Tensor | None = None,
        cache: Cache | None = None,
        *,
        at: Tensor | None = None,
        loss: How = "full",
    ) -> Tensor | TokenLosses:
        """Read ids; all of it happens in here, so that FSDP's hooks see it.

        Args:
            ids: (B, L) int64.
            segments: documents inside the rows; None is a document a row.
            targets: (B, L) int64, `loss.IGNORED` where nothing is to be predicted.
            cache: what the rows begin with; ids go on from there, and are put into it.
            at: (B,) int64, the only position of each row that logits are wanted of.
            loss: how losses are computed; see `loss.token_losses`.

        Returns:
            Without targets the logits (B, L, V), or (B, 1, V) with `at`; with targets the losses of tokens (B, L).
        """
        if segments is None and cache is None:
            segments = Segments.whole(ids.shape[0], ids.shape[1], ids.device)
        if cache is not None:
            positions = cache.filled.unsqueeze(-1) + torch.arange(ids.shape[1], device=ids.device)
        else:
            assert segments is not None
            positions = segments.positions
        step = _Step(segments, cache, positions)
        # Under autocast an embedding is in fp32, and all sums of the stream would be, at twice the memory.
        x = self.dropout(for_products(self._embed(ids, step)))
        for block in self.blocks:
            x = block(x, step)
        x = self.final_norm(x)
        weight = self.embedding.weight if self.head is None else self.head.weight
        if targets is not None:
            return token_losses(x, weight, targets, self.architecture.vocabulary_size, loss, self.reduce)
        if at is not None:
            x = x[torch.arange(len(x), device=x.device), at].unsqueeze(1)
        return functional.linear(x, weight)[..., : self.architecture.vocabulary_size]

    def _embed(self, ids: Tensor, step: _Step) -> Tensor:
        x: Tensor = self.embedding(ids)
        if self.positions is not None:
            return x + self.positions(step.positions)  # type: ignore[no-any-return]
        if self.architecture.positions == "sinusoidal":  # Vaswani et al. 2017, sections 3.4 and 3.5
            waves = torch.cat(_waves(step.positions, self.architecture.width, 10_000.0), -1)
            return x * math.sqrt(self.architecture.width) + waves.to(x.dtype)
        cosine, sine = _waves(step.positions, self.architecture.head_width, self.architecture.rope_theta)
        step.turns = cosine.unsqueeze(2), sine.unsqueeze(2)
        return x


class Block(nn.Module):
    """Attention and MLP, each added to the stream; norms before them, or after the sums."""

    def __init__(self, architecture: Architecture, layer: int) -> None:
        super().__init__()
        self.pre = architecture.norm_place == "pre"
        self.attention_norm = make_norm(architecture, architecture.width)
        self.attention = Attention(architecture, layer)
        self.mlp_norm = make_norm(architecture, architecture.width)
        self.mlp = MLP(architecture)
        self.dropout = nn.Dropout(architecture.dropout)

    def forward(self, x: Tensor, step: _Step) -> Tensor:
        """(B, L, d) to (B, L, d)."""
        if self.pre:
            x = x + self.dropout(self.attention(self.attention_norm(x), step))
            x = x + self.dropout(self.mlp(self.mlp_norm(x)))
        else:
            x = self.attention_norm(x + self.dropout(self.attention(x, step)))
            x = self.mlp_norm(x + self.dropout(self.mlp(x)))
        return x


class Attention(nn.Module):
    """Grouped-query attention; `qkv` holds the rows of queries, keys and values one after another."""

    def __init__(self, architecture: Architecture, layer: int) -> None:
        super().__init__()
        self.layer = layer
        self.heads, self.kv_heads, self.width = architecture.heads, architecture.kv_heads, architecture.head_width
        self.drop = architecture.dropout
        inner = architecture.heads * architecture.head_width
        rows = inner + 2 * architecture.kv_heads * architecture.head_width
        self.qkv = nn.Linear(architecture.width, rows, bias=architecture.bias)
        self.output = nn.Linear(inner, architecture.width, bias=architecture.bias)
        self.query_norm = make_norm(architecture, architecture.head_width) if architecture.qk_norm else None
        self.key_norm = make_norm(architecture, architecture.head_width) if architecture.qk_norm else None

    def forward(self, x: Tensor, step: _Step) -> Tensor:
        """(B, L, d) to (B, L, d)."""
        joined = self.qkv(x).unflatten(-1, (self.heads + 2 * self.kv_heads, self.width))
        query, key, value = joined.split((self.heads, self.kv_heads, self.kv_heads), dim=2)
        if self.query_norm is not None and self.key_norm is not None:  # before positions (Henry et al. 2020; Qwen3)
            query, key = self.query_norm(query), self.key_norm(key)
        if step.turns is not None:
            query, key = _turn(query, *step.turns), _turn(key, *step.turns)
        if step.cache is None:
            assert step.segments is not None
            found = attend(query, key, value, step.segments, self.drop if self.training else 0.0)
        else:
            assert step.allowed is not None
            keys, values = step.cache.put(self.layer, step.positions, key, value)
            seen = step.allowed.shape[-1]
            found = attend_to(query, keys[:, :seen], values[:, :seen], step.allowed)
        return self.output(found.flatten(2))  # type: ignore[no-any-return]


class MLP(nn.Module):
    """Two layers, or three where gated: there `up` holds the rows of the gate, then those of what it gates."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.gated, self.activation = architecture.gated, _ACTIVATIONS[architecture.mlp]
        rows = architecture.hidden * (2 if architecture.gated else 1)
        self.up = nn.Linear(architecture.width, rows, bias=architecture.bias)
        self.down = nn.Linear(architecture.hidden, architecture.width, bias=architecture.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, d) to (B, L, d)."""
        x = self.up(x)
        if self.gated:
            gate, x = x.chunk(2, dim=-1)
            return self.down(self.activation(gate) * x)  # type: ignore[no-any-return]
        return self.down(self.activation(x))  # type: ignore[no-any-return]


def make_norm(architecture: Architecture, width: int) -> nn.Module:
    """RMSNorm (Zhang and Sennrich 2019), or LayerNorm with the model's choice of biases."""
    if architecture.norm == "rmsnorm":
        return nn.RMSNorm(width, eps=architecture.norm_epsilon)
    return nn.LayerNorm(width, eps=architecture.norm_epsilon, bias=architecture.bias)


def _waves(positions: Tensor, width: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cosine and sine (B, L, width/2) in fp32 of position x theta^(-2i/width)."""
    powers = torch.arange(0, width, 2, device=positions.device, dtype=torch.float32) / width
    angles = positions.unsqueeze(-1).float() * (1.0 / theta**powers)
    return angles.cos(), angles.sin()


def _turn(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotary positions (Su et al. 2021): element i turns with element i + D/2, the layout that exports need."""
    left, right = x.float().chunk(2, dim=-1)
    return torch.cat((left * cosine - right * sine, right * cosine + left * sine), -1).to(x.dtype)
