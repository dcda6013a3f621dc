"""What a training run is made of, found and checked before anything is started or written. No torch here."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from corpusmill.errors import InputError, RecipeError
from corpusmill.storage import packed_files
from corpusmill.tokenize import sizes
from corpusmill.tokenize import tokenizer as tokenizers
from corpusmill.tokenize.tokenizer import Tokenizer
from corpusmill.train import planner
from corpusmill.train.architecture import Architecture, resolve
from corpusmill.train.config import Training
from corpusmill.train.data import Rows
from corpusmill.train.schedule import Steps


@dataclass(frozen=True)
class Ready:
    """A run that can begin.

    Attributes:
        chosen: the training file.
        folder: of the run.
        rows: to train on. validation: to judge on, or None where no part has any.
        tokenizer: of the rows, or None where none is named and none lies beside the shards.
        architecture: of the model.
        steps: of the whole run.
    """

    chosen: Training
    folder: Path
    rows: Rows
    validation: Rows | None
    tokenizer: Tokenizer | None
    architecture: Architecture
    steps: Steps

    @property
    def identity(self) -> dict[str, Any]:
        """What a checkpoint must have in common with the run that goes on from it."""
        return {
            "architecture": self.architecture.to_json(),
            "tokenizer": self.rows.tokenizer,
            "data": self.rows.fingerprint,
        }

    def token_bytes(self) -> npt.NDArray[np.int64] | None:
        """Bytes of text behind each id, or None without a tokenizer."""
        return None if self.tokenizer is None else sizes.token_bytes(self.tokenizer)


def prepare(chosen: Training, ranks: int) -> Ready:
    """Find data and tokenizer, and check that they, the model, the batches and the ranks go together.

    Raises:
        RecipeError: settings that do not go together, with what would.
        InputError: no shards, or a tokenizer that is not theirs.
    """
    _check_batches(chosen, ranks)
    rows = Rows.open(chosen.data, chosen.seed)
    tokenizer = _tokenizer(chosen, rows)
    architecture = resolve(chosen.model, rows.vocabulary_size, rows.sequence_length)
    steps = _steps(chosen, rows, architecture)
    rows.check(steps.samples)
    with_validation = [part for part in chosen.data if packed_files.has(part.path, "validation")]
    validation = Rows.open(with_validation, chosen.seed, "validation") if with_validation else None
    folder = Path(chosen.output) / chosen.name
    return Ready(chosen, folder, rows, validation, tokenizer, architecture, steps)


def _check_batches(chosen: Training, ranks: int) -> None:
    batches = chosen.batches
    together = batches.micro_rows * ranks
    for name, rows in (("rows", batches.rows), *(("ramp", rows) for _, rows in batches.ramp)):
        if rows % together:
            more = -(-rows // together) * together
            smaller = [number for number in range(1, batches.micro_rows + 1) if rows % (number * ranks) == 0]
            advice = f"batches.{name} of {more}" + (f" or batches.micro_rows of {smaller[-1]}" if smaller else "")
            raise RecipeError(
                f"batches.{name}: found {rows} with {ranks} ranks and batches.micro_rows of {batches.micro_rows}; "
                f"expected a multiple of {together}; what would do: {advice}"
            )


def _tokenizer(chosen: Training, rows: Rows) -> Tokenizer | None:
    reference = chosen.tokenizer or rows.tokenizer_file
    if reference is None:
        return None
    found = tokenizers.load(reference)
    if found.digest != rows.tokenizer:
        raise InputError(
            f"{reference}: this tokenizer's digest is {found.digest}, but {rows.tokenizer} in the shards of "
            f"{rows.parts[0].found.folder}; name the tokenizer that they were made with, or pack them again"
        )
    return found


def _steps(chosen: Training, rows: Rows, architecture: Architecture) -> Steps:
    length, most = chosen.length, None
    if length.epochs is not None:
        most = int(length.epochs * rows.row_count)
        tokens: float = most * rows.sequence_length
    elif length.per_parameter is not None:
        tokens = length.per_parameter * planner.count(architecture).named
    else:
        assert length.tokens is not None
        tokens = length.tokens
    return Steps.of(chosen.batches, rows.sequence_length, tokens, most)
