import pytest

from corpusmill import documents
from corpusmill.errors import RecipeError
from corpusmill.filters.language import Language
from corpusmill.signals import Measured, judge
from corpusmill.spec import Bounds
from corpusmill.view import View
from tests.data import shared

ENGLISH = "The cat sat on the mat and looked at the birds in the garden."
GERMAN = "Die Katze saß auf der Matte und sah den Vögeln im Garten zu."


def step(**options) -> Language:
    return Language(model=str(shared("models/lid.176.ftz")), **options)


def measure(spec: Language, *texts: str) -> Measured:
    return spec.build()(View(documents.from_texts(texts)))


def reasons(spec: Language, *texts: str) -> list[str | None]:
    measured = measure(spec, *texts)
    verdict = judge(spec, measured.signals, measured.columns["language"])
    return [None if code < 0 else verdict.reasons[code] for code in verdict.codes]


def test_writes_the_language_column():
    """The column holds the model's code for each document."""
    assert ["en", "de"] == measure(step(), ENGLISH, GERMAN).columns["language"].to_pylist()


def test_drops_languages_outside_keep():
    """A document in another language breaks `wanted` before its score is looked at."""
    assert [None, "wanted<1"] == reasons(step(keep=("en",)), ENGLISH, GERMAN)


def test_keeps_every_language_without_keep():
    """An empty `keep` wants everything."""
    assert [None, None] == reasons(step(), ENGLISH, GERMAN)


def test_blank_text_has_no_language():
    """Blanks get null and score 0, not the model's prior."""
    measured = measure(step(), "", " \n\t\0")
    assert [None, None] == measured.columns["language"].to_pylist()
    assert [0.0, 0.0] == measured.signals["score"].tolist()


def test_score_may_depend_on_the_language():
    """A bound per language is chosen by the language just found, not by the one in the input."""
    spec = step(score={"en": Bounds(0.0, None), "*": Bounds(1.0, None)})
    assert [None, "score<1"] == reasons(spec, ENGLISH, "Ein Text, a text, un texte")


def test_reads_only_the_head():
    """Text after `characters` code points changes nothing."""
    both = measure(step(characters=len(ENGLISH)), ENGLISH, ENGLISH + GERMAN * 20)
    assert both.signals["score"][0] == both.signals["score"][1]
    assert "de" == measure(step(characters=0), ENGLISH + GERMAN * 20).columns["language"][0].as_py()


def test_newlines_are_blanks():
    """Line ends separate words and end nothing."""
    one, two = measure(step(), ENGLISH, ENGLISH.replace(" ", "\n")).signals["score"]
    assert one == two


def test_datatrove_scores_the_kept_language():
    """With `dialect: datatrove` a mixed text passes on the share of a kept language that does not come first."""
    mixed = ENGLISH + " " + GERMAN + " " + GERMAN
    assert "de" == measure(step(), mixed).columns["language"][0].as_py()
    spec = step(dialect="datatrove", keep=("en",), score=Bounds(0.001, None))
    assert 0.001 < measure(spec, mixed).signals["score"][0] < 0.5
    assert [None] == reasons(spec, mixed)


def test_unknown_code_names_near_ones():
    """A code that the model does not have is refused with a near one."""
    with pytest.raises(RecipeError, match="no language 'eng'; near: en"):
        step(keep=("eng",)).build()


def test_refuses_a_negative_head():
    """A length is not negative."""
    with pytest.raises(ValueError, match="characters: -1"):
        Language(characters=-1)


def test_references_name_the_model():
    """The stage key depends on the model's bytes."""
    assert ("lid.176.ftz",) == Language().references()


def test_empty_batch():
    """No documents give no values."""
    assert 0 == len(measure(step()).signals["score"])
