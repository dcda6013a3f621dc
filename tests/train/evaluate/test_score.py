"""Scores: those of one text at a time, whatever the batches; and the harness's windows."""

import math

import pytest
import torch

from corpusmill.errors import InputError, RunError
from corpusmill.train.evaluate.score import Scorer
from tests.train.evaluate import toy

PAIRS = [
    ("Question: why?\nAnswer:", " because it is so"),
    ("Question: why?\nAnswer:", " no"),
    ("", "An empty context is end-of-text."),
    ("Spaces at the end   ", "go to the continuation"),
    ("long " * 300, " end"),
    ("The shard", " is a file of rows of tokens, and each row has documents."),
]


def one_by_one(pairs, start=False):
    """Each pair in a forward pass of its own, by the definition."""
    scorer, model, found = toy.scorer(), toy.evaluated(), []
    for context, continuation in pairs:
        bare = context.rstrip()
        read, whole = scorer.encode([bare])[0], scorer.encode([context + continuation])[0]
        before = read if bare and not start else [scorer.eos, *read]
        ids = [*before, *whole[len(read) :]]
        last = ids[-toy.LENGTH - 1 :]
        with torch.inference_mode():
            table = torch.log_softmax(model.logits(torch.tensor([last[:-1]]))[0].double(), -1)
        count = len(whole) - len(read)
        wanted = torch.tensor(last[-count:])
        each = table[-count:].gather(-1, wanted[:, None])[:, 0]
        found.append((float(each.sum()), bool((table[-count:].argmax(-1) == wanted).all()), count))
    return found


@pytest.mark.parametrize("start", [False, True])
def test_scores_are_those_of_each_text_alone(start):
    """Sorted batches of any size give what a forward pass for each pair gives; too long contexts lose their start."""
    expected = one_by_one(PAIRS, start)
    for batch in 1, 2, 16:
        found = toy.scorer(batch=batch, start=start).loglikelihood(PAIRS)
        assert [score.tokens for score in found] == [count for *_, count in expected]
        assert [score.greedy for score in found] == [greedy for _, greedy, _ in expected]
        assert [score.log_probability for score in found] == pytest.approx([total for total, *_ in expected], abs=1e-4)


def test_greedy_where_the_likeliest_token_follows():
    """What the model writes by itself is scored as greedy, and anything else is not."""
    scorer, model = toy.scorer(), toy.evaluated()
    read = scorer.encode(["The shard"])[0]
    with torch.inference_mode():
        likeliest = int(model.logits(torch.tensor([read]))[0, -1].argmax())
    (yes, no) = scorer.scored([(tuple(read), (likeliest,)), (tuple(read), ((likeliest + 1) % 3000,))])
    assert (True, False) == (yes.greedy, no.greedy)
    assert yes.log_probability > no.log_probability


def test_answers_of_one_token_share_a_row():
    """Four letters after one context cost one row."""
    model, rows = toy.evaluated(), []

    def counted(ids):
        rows.extend(ids.tolist())
        return model.logits(ids)

    loaded = toy.small_tokenizer()
    scorer = Scorer(counted, loaded, eos=loaded.special_tokens["<|endoftext|>"], max_length=toy.LENGTH)
    found = scorer.loglikelihood([("Which?\nAnswer:", f" {letter}") for letter in "ABCD"])
    assert [1, 1, 1, 1] == [score.tokens for score in found]
    assert 1 == len(rows)


def test_rolling_windows_are_the_harness_s():
    """A long text is scored in the windows that lm-eval makes of it."""
    utils = pytest.importorskip("lm_eval.utils")
    scorer = toy.scorer()
    texts = ["A short one.", "", "words and words of a long text, " * 60]
    found = scorer.rolling(texts)
    for text, score in zip(texts, found, strict=True):
        ids = scorer.encode([text])[0]
        windows = utils.get_rolling_token_windows(ids, scorer.eos, toy.LENGTH, 1)
        pairs = [utils.make_disjoint_window(window) for window in windows]
        rows = [((*context, *targets)[:-1], tuple(targets)) for context, targets in pairs]
        expected = sum(one.log_probability for one in scorer.scored(rows))
        assert len(ids) == score.tokens
        assert expected == pytest.approx(score.log_probability, abs=1e-4)


def test_what_cannot_be_scored_is_told():
    """An answer longer than the model reads, a model that gives NaN, and one that cannot write."""
    with pytest.raises(InputError, match="the model reads 192: leave this item out"):
        toy.scorer().loglikelihood([("a", " word" * 300)])
    loaded = toy.small_tokenizer()
    broken = Scorer(lambda ids: torch.full((*ids.shape, 3000), math.nan), loaded, eos=0, max_length=8)
    with pytest.raises(RunError, match="not numbers"):
        broken.loglikelihood([("a", " b")])
    with pytest.raises(InputError, match="need one that writes"):
        toy.scorer().generate(["a"], max_tokens=1, stop=())


def test_writing_ends_at_the_first_stop():
    """What is written after a stop is cut off, and prompts leave room for what is to be written."""
    loaded, seen = toy.small_tokenizer(), []
    end = loaded.special_tokens["<|endoftext|>"]

    def complete(prompts, *, max_tokens, stop):
        seen.extend(prompts)
        return [toy.scorer().encode(["one two\nthree"])[0] for _ in prompts]

    scorer = Scorer(toy.evaluated().logits, loaded, eos=end, max_length=20, complete=complete)
    assert ["one two", "one two"] == scorer.generate(["", "word " * 40], max_tokens=5, stop=("\n", "three"))
    assert [end] == seen[0]
    assert 15 == len(seen[1])
