"""The step that turns documents into packed rows of token ids."""

from collections.abc import Mapping
from typing import Literal

from corpusmill.errors import RecipeError
from corpusmill.spec import spec
from corpusmill.tokenize.splits import check_shares
from corpusmill.tokenize.tokenizer import Tokenizer, load

ENDS = ("<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>")  # end-of-text by its usual names


@spec
class Tokenize:
    """Encode all documents once and pack them into rows of one length, in Arrow shards that are mapped into memory.

    Ids are those of `tokenizers` (for a rank file tiktoken's), and end-of-text follows each document. `strategy` says
    how documents share rows: `best_fit` keeps every document that fits in one piece (Ding et al. 2024), `concat` pads
    nothing and cuts documents at row ends, `pad` gives each document rows of its own. Rows of a shard lie in a keyed
    order. Each row knows its documents: their lengths, and the shard and row of the stage before. It is the last step.
    """

    use: Literal["tokenize"] = "tokenize"
    tokenizer: str  # tokenizer.json, a tiktoken rank file, or a name on the hub
    sequence_length: int = 2048  # ids of a row
    strategy: Literal["best_fit", "concat", "pad"] = "best_fit"
    end_of_text: str | None = None  # special token after each document; null is the first known one
    shard_mb: float = 256  # 10^6 bytes of stored documents, about as many of ids, that share a packed shard
    validation: float | Mapping[str, float] = 0.0  # share of documents held out by a hash of the id; or by source
    seed: str = "0"  # of the order and the validation split
    pattern: str | None = None  # of a rank file that is not one of OpenAI's
    special_tokens: Mapping[str, int] | None = None  # of such a rank file

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            ValueError: naming the field, what was found and what was expected.
        """
        if self.sequence_length < 2:
            raise ValueError(f"sequence_length: found {self.sequence_length}; expected at least 2")
        if not self.shard_mb > 0:
            raise ValueError(f"shard_mb: found {self.shard_mb}; expected a number above 0")
        check_shares(self.validation)

    def load(self) -> Tokenizer:
        """The tokenizer.

        Raises:
            ResourceError: if there is none.
        """
        return load(self.tokenizer, pattern=self.pattern, special_tokens=self.special_tokens)

    def eos(self, tokenizer: Tokenizer) -> int:
        """The id of end-of-text.

        Raises:
            RecipeError: if the tokenizer has no token of such a name.
        """
        if self.end_of_text is not None:
            return tokenizer.id_of(self.end_of_text)
        known = [name for name in ENDS if name in tokenizer.special_tokens]
        if not known:
            there = ", ".join(sorted(tokenizer.special_tokens)) or "none"
            ends = ", ".join(ENDS)
            raise RecipeError(f"tokenize: {self.tokenizer} has none of {ends}; name end_of_text (it has: {there})")
        return tokenizer.special_tokens[known[0]]

    def derived(self) -> dict[str, str]:
        """What decides the output beside the recipe: which tokenizer it is."""
        return {"tokenizer_digest": self.load().digest}
