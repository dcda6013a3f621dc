"""The step that turns documents into packed rows of token ids."""

import math
from collections.abc import Mapping
from typing import Any, Literal

from corpusmill.errors import RecipeError, near
from corpusmill.spec import spec
from corpusmill.tokenize import mixtures
from corpusmill.tokenize.encode import library
from corpusmill.tokenize.mixtures import Ask
from corpusmill.tokenize.pack import token_dtype
from corpusmill.tokenize.splits import ANY_SOURCE, check_shares
from corpusmill.tokenize.tokenizer import Tokenizer, load

ENDS = ("<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>")  # end-of-text by its usual names


@spec
class Tokenize:
    """Encode all documents once and pack them into rows of one length, in Arrow shards that are mapped into memory.

    Ids are those of `tokenizers` (for a rank file tiktoken's), and end-of-text follows each document. `strategy` says
    how documents share rows: `best_fit` keeps every document that fits in one piece (Ding et al. 2024), `concat` pads
    nothing and cuts documents at row ends, `pad` gives each document rows of its own. Rows of a shard lie in a keyed
    order. Each row knows its documents: their lengths, and the shard and row of the stage before. It is the last step.

    `mixture` says how many tokens each source gives, e.g. `{web: {weight: 67, epochs: 2}, wiki: {tokens: 5_000_000}}`,
    or names one of the literature (`corpusmill mixtures`). What cannot be met is refused before anything is packed.
    """

    use: Literal["tokenize"] = "tokenize"
    tokenizer: str  # tokenizer.json, a tiktoken rank file, or a name on the hub
    sequence_length: int = 2048  # ids of a row
    strategy: Literal["best_fit", "concat", "pad"] = "best_fit"
    end_of_text: str | None = None  # special token after each document; null is the first known one
    shard_mb: float = 256  # 10^6 bytes of stored documents, about as many of ids, that share a packed shard at most
    validation: float | Mapping[str, float] = 0.0  # share of documents held out by a hash of the id; or by source
    seed: str = "0"  # of the order and the validation split
    mixture: Mapping[str, Ask] | str | None = None  # tokens by source; null is all documents once
    mixture_tokens: int | None = None  # of the whole mixture; null is as many as the caps on epochs allow
    pattern: str | None = None  # of a rank file that is not one of OpenAI's: its name or a regular expression
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
        shares = check_shares(self.validation)
        if ANY_SOURCE in shares and min(shares.values()) == 1:
            raise ValueError("validation: found 1 for all documents; expected below 1, or nothing is left to train on")
        asked = self.asked()
        if asked is None and self.mixture_tokens is not None:
            raise ValueError(f"mixture_tokens: found {self.mixture_tokens}, but no mixture; expected both or none")
        found = [] if asked is None else mixtures.faults(asked, self.mixture_tokens)
        if found:
            raise ValueError(f"mixture: {'; '.join(found)}")

    def asked(self) -> dict[str, Ask] | None:
        """The mixture by name of the source, in the order of names; None without one.

        Raises:
            ValueError: for a name that no mixture has.
        """
        if self.mixture is None:
            return None
        if not isinstance(self.mixture, str):
            return dict(sorted(self.mixture.items()))
        try:
            return dict(sorted(mixtures.from_published(self.mixture).items()))
        except RecipeError as error:
            raise ValueError(str(error)) from error

    @property
    def passes(self) -> int:
        """How often a document comes at most: 1, or the largest cap on epochs, rounded up."""
        asked = self.asked() or {}
        return max((math.ceil(ask.epochs) for ask in asked.values() if ask.weight or ask.tokens), default=1) or 1

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
        there = ", ".join(sorted(tokenizer.special_tokens)) or "none"
        name = self.end_of_text
        if name is not None:
            if name in tokenizer.special_tokens:
                return tokenizer.special_tokens[name]
            hint = near(name, tokenizer.special_tokens)
            found = f"{self.tokenizer} has no special token '{name}'{hint}; it has: {there}"
            raise RecipeError(f"tokenize: end_of_text: {found}")
        known = [name for name in ENDS if name in tokenizer.special_tokens]
        if not known:
            ends = ", ".join(ENDS)
            raise RecipeError(f"tokenize: {self.tokenizer} has none of {ends}; name end_of_text (it has: {there})")
        return tokenizer.special_tokens[known[0]]

    def checked(self) -> Tokenizer:
        """The tokenizer, of which ids can be stored and which ends texts.

        Raises:
            ResourceError: if there is none, or what encodes it is missing.
            RecipeError: if its ids fit no type, or it has no such end-of-text.
        """
        tokenizer = self.load()
        try:
            token_dtype(tokenizer.size)
        except ValueError as error:
            raise RecipeError(f"tokenize: {self.tokenizer}: {error}; no packed shard can hold its ids") from error
        self.eos(tokenizer)
        if tokenizer.ranks is not None:
            library(tokenizer)  # tiktoken, where it is needed, has to be there
        return tokenizer

    def derived(self) -> dict[str, str]:
        """What decides the output beside the recipe: which tokenizer it is."""
        return {"tokenizer_digest": self.checked().digest}

    def decides_ids(self) -> dict[str, Any]:
        """The settings that ids and the choice of documents for validation depend on, beside the tokenizer."""
        held_out = any(check_shares(self.validation).values())
        return {"validation": self.validation, "seed": self.seed} if held_out else {}
