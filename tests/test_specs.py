"""What every step promises, whoever wrote it: run over the catalogue, so that a new step is tested when it is named."""

import dataclasses
import functools
import pickle
import typing

import fasttext
import numpy as np
import pyarrow as pa
import pytest

from corpusmill import documents, extract, filters, redact, spans
from corpusmill.signals import judge
from corpusmill.spec import limits, members
from corpusmill.view import View

STEPS = [*members(extract.Extractor), *members(filters.Filter), *members(redact.Redactor)]

PROSE = "The old harbour was rebuilt by the families who lived there, and it has been kept by them ever since. "
TEXTS = [
    PROSE * 12,
    "",
    "Ein Haus am Fluß, ein Garten – und «Musik» für alle. " * 9 + "\nKurze Zeile\nLorem ipsum dolor {",
    "漢字とかなの文章です。これは短い文です。\n" * 30,
    "Это длинный текст о реке, о доме и о зиме. " * 20 + "\n\n• пункт\n• пункт\n• пункт...",
    "مرحبا بالعالم. هذا نص قصير.\n" * 10,
    "👩‍👩‍👧‍👦 🙂\u200d e\u0301 \u00a0\u2028 \ufeff",
    "same line\n" * 50,
    "\n\n \t \n",
    "word",
    PROSE.replace("harbour", "naïve café") * 3
    + "mail me@here.example or +1 202 555 0147, 192.0.2.1; see https://a.example/b?c=d",
    "cookie policy javascript must be enabled. terms of use. " + PROSE * 5,
]
PAGES = [f"<title>Tïtle</title><body><div><div><div><p>{text}</p></div></div></div>".encode() for text in TEXTS]
PAGES[3] = TEXTS[3].encode("shift_jis")
PAGES[5] = b"\xff\xfe\x00<p>\x80"


@functools.cache
def model(folder) -> str:
    """A tiny fastText model that knows two languages and a label called positive."""
    lines = ["__label__en the old house by the river", "__label__de das alte Haus am Fluss", "__label__positive word"]
    source = folder / "train.txt"
    source.write_text("\n".join(lines * 5) + "\n")
    trained = fasttext.train_supervised(str(source), dim=4, epoch=2, thread=1, verbose=0)
    trained.save_model(str(folder / "tiny.bin"))
    return str(folder / "tiny.bin")


def required(cls, folder) -> dict:
    """Values for the fields of a step that have no usable default in a test."""
    words = folder / "words.txt"
    words.write_text("naïve café\n漢字\n")
    values = {
        "bad_words": {"lists": {"en": str(words)}},
        "fasttext": {"model": model(folder)},
        "language": {"model": model(folder)},
    }.get(cls.use, {})
    missing = [
        field.name
        for field in dataclasses.fields(cls)
        if field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
        and field.name not in values
    ]
    assert not missing, f"{cls.__name__} needs {missing}; give them in required() of tests/test_specs.py"
    return values


def dialects(cls) -> tuple[str, ...]:
    """The readings of a step, or one empty name."""
    hints = typing.get_type_hints(cls)
    return typing.get_args(hints["dialect"]) if "dialect" in hints else ("",)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where models and lists for the steps lie."""
    return tmp_path_factory.mktemp("resources")


@pytest.fixture(
    params=[(cls, dialect) for cls in STEPS for dialect in dialects(cls)], ids=lambda p: f"{p[0].use}-{p[1]}"
)
def step(request, folder):
    """Every step in each of its dialects."""
    cls, dialect = request.param
    if dialect == "datatrove":
        pytest.importorskip("spacy", reason="the extra 'parity' is not installed")
    if cls.use == "trafilatura":
        pytest.importorskip("trafilatura", reason="the extra 'trafilatura' is not installed")
    return cls(**required(cls, folder), **({"dialect": dialect} if dialect else {}))


def batch(step) -> pa.RecordBatch:
    """The corpus in the form that the step takes."""
    urls = [f"https://host{number}.example/a/{number}" for number in range(len(TEXTS))]
    body = {"html": PAGES} if type(step) in members(extract.Extractor) else {"text": TEXTS}
    return documents.conform({"url": urls, **body})


def outcome(step, measure, data: pa.RecordBatch) -> dict:
    """Everything that a step says of a batch, as lists by row."""
    view = View(data)
    found = measure(view)
    values = {name: np.asarray(signal, np.float64).tolist() for name, signal in found.signals.items()}
    values |= {f"column {name}": column.to_pylist() for name, column in found.columns.items()}
    if found.edits is not None:
        values["edited"] = spans.apply(data.column("text"), found.edits).to_pylist()
    values["failed"] = [found.failed.get(row) for row in range(len(data))]
    return values


def test_a_step_says_what_it_drops_and_whose_rule_it_is(step) -> None:
    """The docstring is what `corpusmill steps` prints: one sentence first, ending with a full stop."""
    first = (type(step).__doc__ or "").split("\n")[0]
    assert first.endswith((".", ":"))
    assert len(first) > 20
    assert "." not in step.use
    assert step.use == step.use.lower()


def test_signals_are_exactly_the_limits(step) -> None:
    """No signal without a bound, no bound without a signal; one finite number per document."""
    data = batch(step)
    found = step.build()(View(data))
    assert list(limits(step)) == [name for name in limits(step) if name in found.signals]
    assert set(limits(step)) == set(found.signals)
    for name, values in found.signals.items():
        assert (len(data),) == values.shape, name
        assert np.isfinite(values.astype(np.float64)).all(), name


def test_columns_and_edits_fit_the_batch(step) -> None:
    """New columns have a value per document, a text is never null, and edits lie between code points."""
    data = batch(step)
    found = step.build()(View(data))
    for name, column in found.columns.items():
        assert len(data) == len(column), name
        assert name in documents.SCHEMA.names
        assert documents.SCHEMA.field(name).type == column.type
        column.validate(full=True)
    if "text" in found.columns:
        assert 0 == found.columns["text"].null_count
    if found.edits is not None:
        spans.apply(data.column("text"), found.edits).validate(full=True)


@pytest.mark.parametrize("cut", [1, 5, len(TEXTS) - 1])
def test_halves_equal_the_whole(step, cut: int) -> None:
    """A document's numbers do not depend on its neighbours, nor on where in a buffer its bytes begin."""
    data, measure = batch(step), step.build()
    whole = outcome(step, measure, data)
    first, second = outcome(step, measure, data.slice(0, cut)), outcome(step, measure, data.slice(cut))
    assert whole == {name: first[name] + second[name] for name in whole}


def test_measuring_twice_gives_the_same(step) -> None:
    """Neither the step nor its library remembers documents; a second build agrees with the first."""
    data, measure = batch(step), step.build()
    assert outcome(step, measure, data) == outcome(step, measure, data) == outcome(step, step.build(), data)


def test_an_empty_batch_is_judged(step) -> None:
    """No documents give no numbers and no verdicts, with the right types."""
    data = batch(step).slice(0, 0)
    found = step.build()(View(data))
    verdict = judge(step, found.signals, pa.array([], pa.string()))
    assert (0,) == verdict.codes.shape
    assert verdict.reasons
    assert {0} == {len(values) for values in (*found.signals.values(), *found.columns.values())}


def test_a_spec_is_plain_data(step) -> None:
    """It pickles to an equal spec, cannot be changed, and refuses what it does not know."""
    assert step == pickle.loads(pickle.dumps(step))
    with pytest.raises(dataclasses.FrozenInstanceError):
        step.use = "other"
    with pytest.raises(TypeError, match="no_such_option"):
        dataclasses.replace(step, no_such_option=1)


def test_names_are_unique() -> None:
    """`use` names one step of the whole catalogue."""
    uses = [cls.use for cls in STEPS]
    assert len(set(uses)) == len(uses)
