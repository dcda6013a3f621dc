"""Language of whole documents by a fastText identification model."""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.errors import RecipeError
from corpusmill.signals import Measured
from corpusmill.spec import Bounds, Limit, spec

if TYPE_CHECKING:
    from corpusmill.filters.fasttext_model import Model
    from corpusmill.view import View


@spec
class Language:
    """Name each document's language and drop what is not wanted or not sure (CCNet, Wenzek et al. 2020; FineWeb: 0.65).

    Writes the `language` column (ISO 639 code, as the model names it; null and score 0 for a text of blanks only).
    The model sees the first `characters` of the text as one line; benchmarks/language.md says why so many.
    With `dialect: datatrove` the whole text is read, and the score is that of the best-scoring language in `keep`,
    also where another language comes first, as datatrove's LanguageFilter does.
    """

    use: Literal["language"] = "language"
    measures_dropped: ClassVar[bool] = False
    dialect: Literal["top", "datatrove"] = "top"
    keep: tuple[str, ...] = ()  # ISO 639 codes; empty keeps every language
    model: str = "lid.176.ftz"  # a name, path or URL (`resources`)
    characters: int = 1000  # code points read from the start of the text; 0 reads all
    wanted: Bounds = Bounds(1, None)  # 1 if the language is in `keep` or `keep` is empty, else 0
    score: Limit = Bounds(0.65, None)  # probability in [0, 1]; may be given per language

    def __post_init__(self) -> None:
        """Refuse a negative head."""
        if self.characters < 0:
            raise ValueError(f"characters: {self.characters}; give the length of the head, or 0 for the whole text")

    def references(self) -> tuple[str, ...]:
        """The files that the signals depend on."""
        return (self.model,)

    def build(self) -> "Callable[[View], Measured]":
        """Load the model."""
        from corpusmill.filters import fasttext_model

        model = fasttext_model.load(self.model)
        _check_codes(self, model.labels)

        def measure(view: "View") -> Measured:
            head = self.characters if self.dialect == "top" else 0
            lines = fasttext_model.one_line(view.column("text"), head)
            labels, scores = model.best(lines)
            wanted = np.isin(labels, self.keep) if self.keep else np.ones(len(labels), bool)
            if self.dialect == "datatrove" and self.keep:
                wanted, scores = _best_kept(model, lines, self.keep)
            languages = pa.array([label or None for label in labels], pa.string())
            return Measured({"wanted": wanted.astype(np.float64), "score": scores}, {"language": languages})

        return measure


def _best_kept(
    model: "Model", lines: list[bytes], keep: tuple[str, ...]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    """All wanted; the highest probability among the kept languages."""
    return np.ones(len(lines), bool), model.probabilities(lines, keep).max(axis=1, initial=0.0)


def _check_codes(step: Language, known: tuple[str, ...]) -> None:
    import difflib

    for code in step.keep:
        if code not in known:
            near = difflib.get_close_matches(code.lower(), known, n=3, cutoff=0.5) or sorted(known)[:5]
            raise RecipeError(f"language.keep: {step.model} has no language {code!r}; near: {', '.join(near)}")
