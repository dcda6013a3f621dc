"""What all stages of a single step have in common."""

from dataclasses import dataclass
from typing import Any

from corpusmill import stats
from corpusmill.redact import Redact
from corpusmill.storage.layout import StageLayout


@dataclass(frozen=True)
class SingleStage:
    """A stage made of one step that compares documents.

    Attributes:
        layout: where its shards lie. step: as the recipe has it. name: of the step, unique in the recipe.
        key: a digest of all that decides the output but for the input's bytes. masking: what is masked in reports.
    """

    layout: StageLayout
    step: Any
    name: str
    key: str
    masking: Redact

    @property
    def specs(self) -> tuple[Any, ...]:
        """The one step."""
        return (self.step,)

    @property
    def names(self) -> tuple[str, ...]:
        """The one name."""
        return (self.name,)

    def close(self, report: stats.Report) -> dict[str, Any]:
        """Nothing beyond what each shard was checked for."""
        assert report
        return {}
