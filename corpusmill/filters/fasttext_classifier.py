"""A document's quality, topic or anything else that a supervised fastText model tells apart."""

import difflib
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Literal

from corpusmill.errors import RecipeError
from corpusmill.signals import Measured
from corpusmill.spec import Bounds, spec

if TYPE_CHECKING:
    from corpusmill.view import View


@spec
class FastText:
    """Drop documents to which a fastText model gives a label with too little (or too much) probability.

    As DCLM-Baseline does with a bigram model of instruction-like text against crawl (Li et al. 2024, 4.4; its bound
    for the best tenth is 0.018112). The text is read as one line. `corpusmill classifier train` makes such models and
    prints the bounds that keep given shares.
    """

    use: Literal["fasttext"] = "fasttext"
    measures_dropped: ClassVar[bool] = False
    model: str  # a name, path or URL (`resources`) of a supervised model
    label: str = "positive"  # with or without `__label__`
    characters: int = 0  # code points read from the start of the text; 0 reads all
    lower: bool = False  # turn the text to lower case first, for models trained so
    score: Bounds = Bounds(0.5, None)  # probability of the label in [0, 1]

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
        label = self.label.removeprefix(fasttext_model.PREFIX)
        if label not in model.labels:
            near = difflib.get_close_matches(label, model.labels, n=3, cutoff=0.3) or model.labels[:5]
            raise RecipeError(f"fasttext.label: {self.model} has no label {label!r}; it has {', '.join(near)}")

        def measure(view: "View") -> Measured:
            lines = fasttext_model.one_line(view.column("text"), self.characters, lower=self.lower)
            return Measured({"score": model.probabilities(lines, [label])[:, 0]})

        return measure
