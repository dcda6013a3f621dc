"""A trained model with what is needed to use it: its device, its tokenizer, its end-of-text; and text from it."""

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import torch

from corpusmill.errors import InputError, UsageError
from corpusmill.tokenize import tokenizer as tokenizers
from corpusmill.tokenize.tokenizer import END_OF_TEXT, Tokenizer
from corpusmill.train import checkpoint
from corpusmill.train.checkpoint import Loaded
from corpusmill.train.generate import Choice, cut, generate


@dataclass(frozen=True)
class Opened:
    """A model that can be asked.

    Attributes:
        loaded: the model, on its device.
        device: of the model.
        tokenizer: the model's, or None where none lies beside it.
        eos: the id before each document's first token and after its last; None where nothing says.
    """

    loaded: Loaded
    device: torch.device
    tokenizer: Tokenizer | None
    eos: int | None

    def write(
        self, prompts: Sequence[str], choice: Choice, *, max_tokens: int, stop: Sequence[str] = (), seed: int = 0
    ) -> list[str]:
        """What follows each prompt, up to end-of-text, a string of `stop`, or `max_tokens`.

        Raises:
            UsageError: the model has no tokenizer or no end-of-text, or as `generate.generate`.
        """
        from corpusmill.tokenize.decode import decoder

        if self.tokenizer is None or self.eos is None:
            lacks = "tokenizer" if self.tokenizer is None else "end-of-text"
            raise UsageError(f"generate: the model has no {lacks}; put its tokenizer.json into its folder")
        read = decoder(self.tokenizer)
        ids = [[self.eos, *encoded] for encoded in _encoded(self.tokenizer, prompts)]
        found = generate(
            self.loaded.model, ids, max_tokens=max_tokens, stop=[self.eos, *stop], seed=seed, decode=read,
            device=self.device, **choice._asdict(),
        )  # fmt: skip
        return [cut(read(new), stop) for new in found]


def open_trained(path: str, device: str = "auto") -> Opened:
    """Open a run (its latest checkpoint), a checkpoint, or an export.

    Args:
        path: of its folder.
        device: "cpu", "cuda", or "auto": the GPU where there is one.

    Raises:
        UsageError: no GPU is here.
        InputError: no model is there, or the tokenizer beside it is not its own.
    """
    there = torch.cuda.is_available()
    if device == "cuda" and not there:
        raise UsageError("device: found cuda, and there is no GPU here; expected cpu or auto")
    place = ("cuda" if there else "cpu") if device == "auto" else device
    loaded = checkpoint.open_model(path, place)
    own = None if loaded.tokenizer_path is None else tokenizers.load(loaded.tokenizer_path)
    expected = loaded.manifest.get("tokenizer")
    if own is not None and expected is not None and own.digest != expected:
        raise InputError(
            f"{loaded.tokenizer_path}: its digest is {own.digest}, and {expected} in the checkpoint; bring back the "
            "tokenizer that the model was trained with"
        )
    loaded.model.eval()
    return Opened(loaded, torch.device(place), own, _end_of_text(path, loaded, own))


def _end_of_text(path: str, loaded: Loaded, own: Tokenizer | None) -> int | None:
    """As the run says, else the export, else the tokenizer."""
    above = Path(loaded.tokenizer_path or path).parent
    for file, key in ((above / "data.json", "eos"), (above / "config.json", "eos_token_id")):
        if file.is_file():
            told = json.loads(file.read_text(encoding="utf-8")).get(key)
            if isinstance(told, int):
                return told
    return None if own is None else own.special_tokens.get(END_OF_TEXT)


def _encoded(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    from corpusmill.kernels.buffers import text
    from corpusmill.tokenize.encode import Encoder

    offsets, ids = Encoder(tokenizer)(text(pa.array(texts, pa.string())))
    return [ids[start:stop].tolist() for start, stop in itertools.pairwise(offsets)]
