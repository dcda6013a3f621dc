import gzip
import json
import lzma

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusmill import documents, resources, texts
from corpusmill.errors import InputError, RecipeError, ResourceError, UsageError
from corpusmill.filters import classifier_training as training
from corpusmill.filters.classifier_training import Options, Settings
from corpusmill.filters.fasttext_classifier import FastText
from corpusmill.filters.fasttext_model import Model
from corpusmill.spec import Bounds
from corpusmill.view import View

SMALL = Settings(dim=8, bucket=1000, epoch=10, lr=0.5)
GOOD = [f"the theorem number {n} follows from the lemma and the proof of case {n * 7}" for n in range(120)]
POOR = [f"click here to buy cheap offer {n} now free shipping deal {n * 5}" for n in range(120)]


@pytest.fixture
def files(tmp_path):
    """A file of each class, as JSON Lines (gzip) and as plain text."""
    good, poor = tmp_path / "good.jsonl.gz", tmp_path / "poor.txt"
    good.write_bytes(gzip.compress("\n".join(json.dumps({"text": text}) for text in GOOD).encode()))
    poor.write_text("\n".join(POOR))
    return [str(good)], [str(poor)]


@pytest.fixture
def trained(files, tmp_path):
    out = tmp_path / "models" / "quality.bin"
    return out, training.train(*files, out, Options(settings=SMALL))


def test_tells_easy_classes_apart(trained):
    """Held-out texts of two plain classes are ordered without fault, and the figures are written beside the model."""
    out, scores = trained
    about = json.loads(out.with_suffix(".json").read_text())
    assert 1.0 == scores.auc == about["held_out"]["auc"]
    assert scores.positives + scores.negatives == pytest.approx(24, abs=14)
    assert {"positives": 120, "negatives": 120, "repeated": 0, "in_both": 0, "blank": 0} == about["texts"]
    assert resources.digest(str(out)) == about["sha256"]
    assert ["quality.bin", "quality.json"] == sorted(path.name for path in out.parent.iterdir())


def test_two_trainings_give_the_same_bytes(files, trained, tmp_path):
    """Model and figures do not depend on the run or on the order of the files' lines."""
    out, _ = trained
    again = tmp_path / "again.bin"
    positive = tmp_path / "shuffled.txt"
    positive.write_text("\n".join(reversed(GOOD)))
    training.train([str(positive)], files[1], again, Options(settings=SMALL))
    assert out.read_bytes() == again.read_bytes()


def test_seed_and_settings_are_used(files, trained, tmp_path):
    """Another seed gives another model and another held-out part."""
    other = tmp_path / "other.bin"
    training.train(*files, other, Options(settings=SMALL._replace(seed=1)))
    assert trained[0].read_bytes() != other.read_bytes()


def test_quantized_model_is_smaller_and_works(files, trained, tmp_path):
    """Product codes take less room and still tell the classes apart."""
    small = tmp_path / "small.ftz"
    scores = training.train(*files, small, Options(settings=SMALL, quantize=True))
    assert small.stat().st_size < trained[0].stat().st_size
    assert scores.auc > 0.95


def test_step_uses_the_model(trained):
    """The step's score is the probability of the label; the label may be written with its prefix."""
    view = View(documents.from_texts(["the proof of the lemma", "buy cheap now", "", "buy\ncheap\nnow"]))
    positive = FastText(model=str(trained[0])).build()(view).signals["score"]
    negative = FastText(model=str(trained[0]), label="__label__negative").build()(view).signals["score"]
    assert positive[0] > 0.9 > 0.1 > positive[1] == positive[3]
    assert 0.0 == positive[2] == negative[2]
    assert [1.0] * 3 == pytest.approx((positive + negative)[[0, 1, 3]].tolist(), abs=1e-4)


def test_model_trained_again_is_loaded_again(files, trained):
    """A process that trains, uses and trains anew never uses the old model."""
    view = View(documents.from_texts(["the proof"]))
    before = FastText(model=str(trained[0])).build()(view).signals["score"]
    training.train(files[1], files[0], trained[0], Options(settings=SMALL))
    after = FastText(model=str(trained[0])).build()(view).signals["score"]
    assert before[0] > 0.5 > after[0]


def test_step_reads_heads_and_lower_case(trained):
    """`characters` cuts, `lower` folds case."""
    model, texts = str(trained[0]), View(documents.from_texts(["THE PROOF buy cheap free offer now", "the proof"]))
    cut = FastText(model=model, characters=9, lower=True).build()(texts).signals["score"]
    assert cut[0] == cut[1]
    assert FastText(model=model).build()(texts).signals["score"][0] < 0.5


def test_step_names_the_labels_it_could_have(trained):
    """An unknown label is answered with near ones."""
    with pytest.raises(RecipeError, match="no label 'positiv'; it has positive"):
        FastText(model=str(trained[0]), label="positiv").build()
    with pytest.raises(RecipeError, match=r"no label 'hq'; it has .*negative"):
        FastText(model=str(trained[0]), label="hq").build()


def test_other_files_are_no_models(tmp_path):
    """A file that fastText cannot read is named."""
    path = tmp_path / "x.bin"
    path.write_bytes(b"no model at all")
    with pytest.raises(ResourceError, match=r"x\.bin: not a fastText model"):
        FastText(model=str(path)).build()


def test_repeated_and_contradicting_texts_are_left_out(files, tmp_path):
    """A text counts once; one that is in both classes teaches nothing and is dropped from both."""
    extra = tmp_path / "extra.txt"
    extra.write_text("\n".join([GOOD[0], POOR[0], POOR[0], " "]))
    _, counts = training.collect([*files[0], str(extra)], files[1], Options())
    assert training.Counts(positives=120, negatives=119, repeated=2, in_both=1, blank=0) == counts


def test_text_that_looks_like_a_label(files, tmp_path):
    """A document may speak of `__label__x` without making a label of it."""
    extra = tmp_path / "extra.txt"
    extra.write_text("\n".join(f"__label__other text {n}" for n in range(30)))
    out = tmp_path / "m.bin"
    training.train([*files[0], str(extra)], files[1], out, Options(settings=SMALL))
    assert {"positive", "negative"} == set(Model(str(out)).labels)


def test_reads_every_format(tmp_path):
    """JSON Lines, plain text and Parquet, compressed or not; blank lines are nothing."""
    (tmp_path / "a.jsonl").write_text('{"body": "one"}\n\n{"body": "tw\\no"}\n')
    (tmp_path / "b.txt.xz").write_bytes(lzma.compress(b"drei\r\nvier\n"))
    pq.write_table(pa.table({"body": ["five", None]}), tmp_path / "c.parquet")
    found = [list(texts.read_texts(str(path), "body")) for path in sorted(tmp_path.iterdir())]
    assert [["one", "tw\no"], ["drei", "vier"], ["five"]] == found


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"text": "x"}\n{"body": 1}', r"line 2: no text in the field 'text'; found body"),
        ("a.jsonl", b"[1]", r"line 1: no text in the field 'text'; found list"),
        ("a.jsonl", b"{", r"line 1: not JSON"),
        ("a.txt", b"\xff", r"a\.txt: cannot be read: .*decode"),
        ("a.txt.gz", b"plain", r"a\.txt\.gz: cannot be read"),
        ("a.txt.xz", b"plain", r"a\.txt\.xz: cannot be read"),
        ("a.txt.zst", b"plain", r"a\.txt\.zst: cannot be read"),
        ("a.parquet", b"plain", r"a\.parquet: cannot be read"),
    ],
)
def test_unreadable_files(tmp_path, name, content, message):
    """The message has the file, and the line where there is one."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        list(texts.read_texts(str(path)))


def test_too_few_texts_are_refused(files, tmp_path):
    """An empty or tiny class gives no model, and says what was left out."""
    few = tmp_path / "few.txt"
    few.write_text("\n".join(["same"] * 30 + ["other"]))
    out = tmp_path / "m.bin"
    with pytest.raises(InputError, match=r"only 2 negative texts; expected at least 20 \(29 repeated"):
        training.train(files[0], [str(few)], out)
    with pytest.raises(InputError, match="only 0 positive texts"):
        training.train([], files[1], out)
    with pytest.raises(InputError, match="none of 120 positive texts is left to hold out"):
        training.train(*files, out, Options(held_out=1e-9))
    with pytest.raises(InputError, match="held_out is 0"):
        training.train(*files, out, Options(held_out=0))
    assert not out.exists()


def test_divergence_is_reported(files, tmp_path):
    """A learning rate that makes numbers overflow ends with advice, and leaves no model."""
    out = tmp_path / "m.bin"
    with pytest.raises(UsageError, match="Try a smaller lr than 1e"):
        training.train(*files, out, Options(settings=SMALL._replace(lr=1e30)))
    assert not out.exists()


def test_refuses_a_negative_head():
    """A length is not negative."""
    with pytest.raises(ValueError, match="characters: -1"):
        FastText(model="m", characters=-1)


def test_references_name_the_model():
    """The stage key depends on the model's bytes."""
    assert ("m.bin",) == FastText(model="m.bin", score=Bounds(0.1, None)).references()
