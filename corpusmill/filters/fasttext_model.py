"""A supervised fastText model; the only file that imports `fasttext` (docs/decisions/fasttext.md).

Shapes: N texts.
"""

import contextlib
import io
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill import resources
from corpusmill.errors import ResourceError, UsageError

PREFIX = "__label__"
BLANKS = b" \t\n\v\f\r\0"  # what fastText splits words at; of a text without words it would give the prior


class Settings(NamedTuple):
    """How a supervised model is trained; the names are fastText's."""

    wordNgrams: int = 2  # noqa: N815 - fastText's name
    dim: int = 100
    epoch: int = 5
    lr: float = 0.1
    seed: int = 0
    bucket: int = 200_000  # hash buckets of n-grams; with dim, these make the size of the model
    minCount: int = 1  # noqa: N815


class Best(NamedTuple):
    """The most probable label of each text and its probability in [0, 1]; "" and 0 for a text of blanks only."""

    labels: list[str]
    scores: npt.NDArray[np.float64]


class Model:
    """A loaded model. It holds C++ memory and does not pickle: load it once per process."""

    def __init__(self, reference: str) -> None:
        """Load the model that `reference` names (see `resources`).

        Raises:
            ResourceError: it is missing, is not a fastText model, or has no labels.
        """
        path = resources.locate(reference)
        self._model = _load(path)
        self.labels = _labels(self._model, path)

    def best(self, texts: Sequence[bytes]) -> Best:
        """The top label of each text.

        Args:
            texts: UTF-8 without newlines (see `one_line`), shape (N,).
        """
        predict = self._model.f.predict
        labels, scores = [], np.zeros(len(texts))
        for row, text in enumerate(texts):
            found = predict(text + b"\n", 1, 0.0, "strict") if text.strip(BLANKS) else None
            labels.append(found[0][1].removeprefix(PREFIX) if found else "")
            scores[row] = found[0][0] if found else 0.0
        return Best(labels, np.minimum(scores, 1.0))  # fastText adds 1e-5 before its logarithm: 1.00001 is possible

    def probabilities(self, texts: Sequence[bytes], wanted: Sequence[str]) -> npt.NDArray[np.float64]:
        """The probability of each wanted label in each text, shape (N, len(wanted)); 0 for blanks only."""
        column = {PREFIX + label: index for index, label in enumerate(wanted)}
        table = np.zeros((len(texts), len(wanted)))
        predict = self._model.f.predict
        for row, text in enumerate(texts):
            if not text.strip(BLANKS):
                continue
            for score, label in predict(text + b"\n", -1, 0.0, "strict"):
                if label in column:
                    table[row, column[label]] = score
        return np.minimum(table, 1.0)


def one_line(texts: pa.Array, characters: int = 0, *, lower: bool = False) -> list[bytes]:
    """The heads of texts with each newline turned into a space, as UTF-8.

    Args:
        texts: string array, shape (N,), no nulls.
        characters: code points to keep from the start of each text; 0 keeps all.
        lower: turn capitals into small letters.
    """
    heads = pc.utf8_slice_codeunits(texts, 0, characters) if characters else texts
    lines = pc.replace_substring(pc.utf8_lower(heads) if lower else heads, "\n", " ")
    return lines.cast(pa.large_binary() if pa.types.is_large_string(lines.type) else pa.binary()).to_pylist()  # type: ignore[no-any-return]


def train(lines: Path, model: Path, settings: Settings, *, quantize: bool = False) -> None:
    """Train a supervised model and write it; the same lines and settings give the same bytes on the same machine.

    Args:
        lines: a text file of `__label__name word word …`.
        model: where to write.
        settings: as fastText names them. One thread is used: with more, each run gives another model.
        quantize: store vectors as product codes, an eighth of the size.

    Raises:
        UsageError: if training diverges.
    """
    from fasttext import train_supervised

    try:
        trained = train_supervised(str(lines), thread=1, verbose=0, **settings._asdict())
        if quantize:
            trained.quantize(input=str(lines), thread=1, verbose=0)
    except RuntimeError as error:
        raise UsageError(
            f"fastText could not train: {error} Try a smaller lr than {settings.lr}; if it stays, see which build "
            f"of fastText is installed: {version('fasttext-wheel')} of fasttext-wheel is the one that was tested"
        ) from error
    trained.save_model(str(model))


def load(reference: str) -> Model:
    """A model shared by all steps of this process that name the same bytes."""
    return _shared(reference, resources.digest(reference))


@lru_cache(maxsize=4)
def _shared(reference: str, _digest: str) -> Model:
    return Model(reference)


def _load(path: Path) -> Any:
    from fasttext.FastText import _FastText  # its `load_model` prints a warning that concerns nobody here

    try:
        with contextlib.redirect_stderr(io.StringIO()):
            return _FastText(model_path=str(path))
    except (ValueError, RuntimeError, MemoryError) as error:
        raise ResourceError(f"{path}: not a fastText model: {error}") from error


def _labels(model: Any, path: Path) -> tuple[str, ...]:
    try:
        return tuple(label.removeprefix(PREFIX) for label in model.get_labels())
    except ValueError as error:
        raise ResourceError(f"{path}: a fastText model without labels; expected a supervised one: {error}") from error
