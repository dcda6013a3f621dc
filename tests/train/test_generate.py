"""Generation: with a cache as without, draws as the probabilities say, and where texts end."""

import pytest
import torch

from corpusmill.errors import RunError, UsageError
from corpusmill.train import architecture, config
from corpusmill.train import generate as generating
from corpusmill.train.generate import Choice, cut, generate, probabilities
from corpusmill.train.model import Decoder

torch.set_num_threads(1)
VOCABULARY = 60
PROMPTS = [[3, 1, 4, 1, 5, 9, 2, 6], [7], [2, 7, 1, 8, 2]]


def model(**changes):
    """A small decoder whose weights are large enough for it to have opinions."""
    told = {
        "preset": "llama-3m",
        "layers": 2,
        "width": 32,
        "heads": 4,
        "kv_heads": 2,
        "initial_deviation": 0.3,
        **changes,
    }
    made = Decoder(architecture.resolve(config.Model(**told), VOCABULARY, 32))
    made.initialise(0)
    return made


def read_again(made, prompt, count):
    """Greedy continuation with the whole text read for each token."""
    ids = list(prompt)
    with torch.no_grad():
        for _ in range(count):
            ids.append(int(made(torch.tensor([ids]))[0, -1].argmax()))
    return ids[len(prompt) :]


@pytest.mark.parametrize("positions", ["rope", "learned", "sinusoidal"])
def test_a_cache_changes_nothing(positions):
    """Prompts of different lengths in one batch continue as each does alone, read anew for every token."""
    made = model(positions=positions, qk_norm=positions == "rope")
    expected = [read_again(made, prompt, 12) for prompt in PROMPTS]
    assert expected == generate(made, PROMPTS, max_tokens=12, greedy=True)
    assert expected == generate(made, PROMPTS, max_tokens=12, temperature=0, batch=2)
    assert len({tuple(new) for new in expected}) == 3


def test_a_long_prompt_loses_its_beginning():
    """Of 40 ids, those stay that leave room for what is asked for among 32 positions."""
    made, prompt = model(), [number % VOCABULARY for number in range(40)]
    assert generate(made, [prompt[-22:]], max_tokens=10, greedy=True) == generate(
        made, [prompt], max_tokens=10, greedy=True
    )


def test_a_seed_gives_its_text_in_any_batch():
    """Draws follow from seed and number of the prompt; another seed gives another text; the mode is given back."""
    made = model().train()
    found = generate(made, PROMPTS, max_tokens=10, seed=5)
    assert found == generate(made, PROMPTS, max_tokens=10, seed=5, batch=1)
    assert found[:2] == generate(made, PROMPTS[:2], max_tokens=10, seed=5)
    assert found != generate(made, PROMPTS, max_tokens=10, seed=6)
    same = generate(made, [PROMPTS[0]] * 2, max_tokens=10, seed=5)
    assert same[0] != same[1]
    assert made.training


def test_limits_on_what_is_drawn_from():
    """Temperature divides logits, top-k counts, top-p takes the token that crosses its share as well."""
    logits = torch.tensor([[0.5, 0.1, 0.25, 0.15]]).log()

    def found(**choice):
        chances, order = probabilities(logits, Choice(**choice))
        return dict(zip(order[0].tolist(), [round(float(chance), 4) for chance in chances[0]], strict=True))

    assert found() == {0: 0.5, 2: 0.25, 3: 0.15, 1: 0.1}
    squares = {0: 0.25, 2: 0.0625, 3: 0.0225, 1: 0.01}
    assert found(temperature=0.5) == {key: round(square / sum(squares.values()), 4) for key, square in squares.items()}
    assert found(top_k=2) == {0: 0.6667, 2: 0.3333, 3: 0, 1: 0}
    assert found(top_p=0.75) == {0: 0.6667, 2: 0.3333, 3: 0, 1: 0}
    assert found(top_p=0.76) == {0: 0.5556, 2: 0.2778, 3: 0.1667, 1: 0}
    assert found(top_p=1e-9) == {0: 1, 2: 0, 3: 0, 1: 0}


def test_draws_are_as_often_as_they_are_likely():
    """Of evenly spaced draws, each token gets its probability's share; the last draw stays inside."""
    chances = torch.tensor([0.5, 0.1, 0.25, 0.15])
    draws = [(number + 0.5) / 1000 for number in range(1000)]
    found = generating._choose(chances.log().expand(1000, 4), Choice(), draws)
    assert [500, 100, 250, 150] == torch.bincount(found, minlength=4).tolist()
    assert [1] == generating._choose(chances.log().expand(1, 4), Choice(), [1 - 2**-53]).tolist()
    assert [2] == generating._choose(chances.log().expand(1, 4), Choice(top_k=2), [1 - 2**-53]).tolist()


def test_stops():
    """An id ends a text and is left out; a string ends it with the ids that spell it, across tokens, and is cut off."""
    made = model()
    whole = generate(made, PROMPTS, max_tokens=12, greedy=True)
    ended = generate(made, PROMPTS, max_tokens=12, greedy=True, stop=[whole[0][4]])
    assert ended[0] == whole[0][: whole[0].index(whole[0][4])]

    def decode(ids):
        return "".join(f"{number:02d}" for number in ids)

    string = decode(whole[0])[5:8]  # half a token, a whole one: what spells it ends inside the fourth
    ended = generate(made, PROMPTS[:1], max_tokens=12, greedy=True, stop=[string], decode=decode)
    place = decode(whole[0]).find(string)
    assert ended[0] == whole[0][: (place + 3 + 1) // 2]
    assert decode(whole[0])[:place] == cut(decode(ended[0]), [string])
    assert "ab" == cut("abcdef", ["ef", "cd", "x"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": -1}, "temperature: found -1"),
        ({"temperature": float("nan")}, "temperature: found nan"),
        ({"top_k": 0}, "top_k: found 0"),
        ({"top_p": 0.0}, "top_p: found 0; expected above 0"),
        ({"max_tokens": 32}, "max_tokens: found 32; expected from 1 to 31"),
        ({"max_tokens": 0}, "max_tokens: found 0"),
        ({"prompts": [[1], []]}, "number 1 has no ids; begin it with end-of-text"),
        ({"stop": ["x"]}, "they need a tokenizer"),
    ],
)
def test_what_cannot_be_is_refused(settings, message):
    """Each setting is named with what was found and expected."""
    with pytest.raises(UsageError, match=message):
        generate(model(), **{"prompts": PROMPTS, "max_tokens": 4, **settings})


def test_broken_weights_are_told():
    """NaN is an error, not a token."""
    made = model()
    with torch.no_grad():
        made.final_norm.weight[0] = torch.nan
    with pytest.raises(RunError, match="NaN"):
        generate(made, PROMPTS, max_tokens=2)
