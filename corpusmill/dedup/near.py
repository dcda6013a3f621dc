"""Near duplicates: MinHash proposes, the shingles decide; the spec and its published presets."""

from typing import Any, ClassVar, Literal

from corpusmill.dedup.alarm import Alarm
from corpusmill.dedup.keep import Keep
from corpusmill.dedup.minhash import Permutations, check_bands, optimal_bands
from corpusmill.dedup.shingles import Dialect, Shingling, Unit
from corpusmill.spec import spec

# Shingles and bands as published; thresholds are those that their authors name.
PRESETS: dict[str, dict[str, Any]] = {
    "fineweb": {"normalise": "datatrove", "ngram": 5, "bands": 14, "rows": 8, "threshold": 0.75},
    "bigcode": {"normalise": "bigcode", "ngram": 5, "bands": 25, "rows": 10, "permutations": 256, "threshold": 0.7},
    "refinedweb": {"normalise": "plain", "ngram": 5, "bands": 450, "rows": 20, "threshold": 0.8},
    "nemo": {"normalise": "none", "unit": "characters", "ngram": 24, "bands": 20, "rows": 13, "threshold": 0.8},
    "olmo3": {"normalise": "plain", "ngram": 5, "bands": 26, "rows": 11, "threshold": 0.8},
}
# What is not given by recipe or preset. Bands are chosen to miss little: what they propose is verified.
DEFAULTS: dict[str, Any] = {"normalise": "plain", "unit": "words", "ngram": 5, "threshold": 0.7}
BANDS = (20, 5)


@spec
class NearDedup:
    """Remove documents whose shingles are nearly those of a document that stays (Broder 1997; MinHash LSH).

    Documents that share a band of their MinHash signatures are candidates. They are gone through, best first by
    `keep`: one is removed only if a document *that stays* is among its candidates and has a Jaccard similarity of
    shingles of at least `threshold`; otherwise it stays itself, and later ones are compared with it. So nothing is
    lost through a chain of others. Similarity is estimated from the signatures, and within `margin` standard
    deviations of the threshold counted from the shingles. Documents with fewer words than a shingle stay.

    `preset` sets shingles, bands and threshold as published: `fineweb` (14 bands of 8), `bigcode` (25 of 10, of 256),
    `refinedweb` (450 of 20; its shingles are GPT-2 tokens, here words), `nemo` (20 of 13, 24 characters), `olmo3` (26
    of 11). What those pipelines did with the candidates, removing all but one of whatever hangs together, is
    `verify: false, components: transitive`; the report says that nothing was verified.
    """

    use: Literal["near_dedup"] = "near_dedup"
    preset: Literal["fineweb", "bigcode", "refinedweb", "nemo", "olmo3"] | None = None
    threshold: float | None = None  # Jaccard similarity of shingle sets; null is the preset's, or 0.7
    normalise: Dialect | None = None  # what is done to the text first; null is the preset's, or plain
    unit: Unit | None = None  # what a shingle counts; null is the preset's, or words
    ngram: int | None = None  # units of a shingle; null is the preset's, or 5
    bands: int | None = None  # null is the preset's; without one 20 of 5, or, with `permutations`, the best for them
    rows: int | None = None  # signature entries of a band
    permutations: int | None = None  # signature entries; null is bands x rows
    scheme: Literal["affine32", "affine64"] = "affine32"  # affine64 for sets of more than some 10^8 shingles
    seed: int = 1  # of the permutations
    keep: Keep = "longest"  # longest, newest, oldest, {best: step.signal}, {source_order: [...]}; ties by id
    verify: bool = True  # false: sharing a band is enough
    components: Literal["star", "transitive"] = "star"  # transitive: all but the best of what hangs together goes
    margin: float = 3.0  # standard deviations of the estimate around the threshold within which shingles are compared
    bucket_cap: int = 32  # documents that stay with which one band's later documents are compared
    against: tuple[str, ...] = ()  # folders of earlier runs with the same step: their documents always stay
    alarm: Alarm = Alarm()

    outside_key: ClassVar = ("against", "alarm", "preset")

    def __post_init__(self) -> None:
        """Take what is not given from the preset, and refuse what cannot work."""
        given = {**DEFAULTS, **(PRESETS[self.preset] if self.preset else {})}
        for name in ("threshold", "normalise", "unit", "ngram"):
            self._fill(name, given.get(name))
        if not 0 < self._number("threshold") <= 1:
            raise ValueError(f"threshold: found {self.threshold}; expected a similarity above 0 and at most 1")
        self._choose_bands(given)
        if self.margin < 0:
            raise ValueError(f"margin: found {self.margin}; expected 0 or more standard deviations")
        if self.bucket_cap < 1:
            raise ValueError(f"bucket_cap: found {self.bucket_cap}; expected at least 1")
        if self.verify and self.components == "transitive":
            raise ValueError(
                "verify: components: transitive removes documents for others that they may share nothing with, which"
                " cannot be verified; write verify: false with it, or components: star"
            )
        self._check_parts()

    @property
    def shingling(self) -> Shingling:
        """How documents become shingles."""
        assert self.normalise is not None
        assert self.unit is not None
        assert self.ngram is not None
        return Shingling(dialect=self.normalise, unit=self.unit, ngram=self.ngram)

    @property
    def permuting(self) -> Permutations:
        """The permutations of a signature."""
        assert self.permutations is not None
        return Permutations(scheme=self.scheme, count=self.permutations, seed=self.seed)

    def index(self) -> dict[str, str]:
        """What two indexes must agree on to be compared."""
        names = ("normalise", "unit", "ngram", "scheme", "seed", "permutations", "bands", "rows")
        return {name: str(getattr(self, name)) for name in names}

    def _choose_bands(self, given: dict[str, Any]) -> None:
        if (self.bands is None) != (self.rows is None):
            raise ValueError("bands: give bands and rows, or neither")
        if self.bands is None and self.permutations is not None and "bands" not in given:
            self._fill("permutations", None)
            bands, rows = optimal_bands(self._number("threshold"), self.permutations)
        else:
            bands, rows = given.get("bands", BANDS[0]), given.get("rows", BANDS[1])
        self._fill("bands", bands)
        self._fill("rows", rows)
        assert self.bands is not None
        assert self.rows is not None
        own = self.bands * self.rows
        self._fill("permutations", max(own, given.get("permutations", 0)))

    def _check_parts(self) -> None:
        assert self.bands is not None
        assert self.rows is not None
        assert self.permutations is not None
        check_bands(self.bands, self.rows, self.permutations)
        assert self.shingling
        assert self.permuting

    def _fill(self, name: str, value: Any) -> None:
        if getattr(self, name) is None:
            object.__setattr__(self, name, value)

    def _number(self, name: str) -> float:
        return float(getattr(self, name))
