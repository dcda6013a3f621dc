"""The catalogues of steps, recipes and mixtures: for people in any window, and for programs."""

import io
import json

import pytest
from rich.console import Console

from corpusmill import cli, loader, recipe
from corpusmill.report import catalogue, mixtures
from corpusmill.tokenize.mixtures import published


def printed(item, width):
    """What a window of this width shows."""
    out = io.StringIO()
    Console(file=out, width=width).print(item)
    return out.getvalue()


def asked(capsys, *arguments):
    """The JSON that a command prints."""
    assert 0 == cli.main([*arguments, "--json"])
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("width", [60, 80, 140])
def test_no_word_is_cut(width):
    """In a narrow window, in a usual one and in a pipe no word is lost, and none in two that fits beside others."""
    shown = {name: (catalogue.page(name), printed(catalogue.shown(name), width)) for name, _ in catalogue.listing()}
    shown[""] = (" ".join(map(" ".join, catalogue.listing())), printed(catalogue.table(), width))
    shown["mixtures"] = (" ".join(map(" ".join, mixtures.listing())), printed(mixtures.table(), width))
    for name, (text, seen) in shown.items():
        assert all(len(line) <= width for line in seen.splitlines()), name
        assert set() == {word for word in text.split() if len(word) < width / 5} - set(seen.split()), name
        assert set("".join(text.split())) <= set(seen), name


def test_steps_as_json(capsys):
    """All with kind and first line; of each every default as the step has it, bounds as pairs, and what must be given."""
    told = asked(capsys, "steps")
    assert dict(catalogue.listing()) == {one["name"]: one["about"] for one in told}
    kinds = {one["name"]: one["kind"] for one in told}
    assert ("input", "extractor", "filter", "dedup", "redaction", "packing") == tuple(
        kinds[name] for name in ("warc", "trafilatura", "c4", "near_dedup", "redact", "tokenize")
    )
    steps = 0
    for name in kinds:
        one = asked(capsys, "steps", name)
        defaults = {field["name"]: field["default"] for field in one["fields"]}
        needed = [field["name"] for field in one["fields"] if field["required"]]
        assert all(defaults[field] is None for field in needed)
        if not needed:
            steps += 1
            built = json.loads(json.dumps(loader.plain(recipe.one_step(name))))
            assert name == built.pop("use")
            assert set(defaults) == set(built)
            # null is the dialect's own, which the step fills in
            assert set() == {field for field, value in defaults.items() if value not in (None, built[field])}
    assert steps > 10
    c4 = {field["name"]: field for field in asked(capsys, "steps", "c4")["fields"]}
    assert ("bounds", [None, 0]) == (c4["lorem_ipsum"]["kind"], c4["lorem_ipsum"]["default"])
    assert ("option", "characters") == (c4["max_word_length"]["kind"], c4["max_word_length"]["about"])


def test_recipes_as_json(capsys):
    """Names, aims and sources; one in full is the recipe itself, every default written."""
    told = {one["name"]: one for one in asked(capsys, "recipes")}
    assert {"c4", "demo", "fineweb", "gopher", "refinedweb"} <= set(told)
    for name in told:
        one = asked(capsys, "recipes", name)
        assert recipe.load(name) == recipe.parse(json.dumps(one))
        assert (one["about"], one["sources"]) == (told[name]["about"], told[name]["sources"])


def test_mixtures_as_json(capsys):
    """Names with where they are told; one with its weights and epochs as printed, its caps, and shares that add up."""
    assert [{"name": name, "source": source} for name, source in mixtures.listing()] == asked(capsys, "mixtures")
    one = asked(capsys, "mixtures", "gpt3")
    assert published()["gpt3"].weights == one["weights"]
    assert one["weights"]["webtext2"] / sum(one["weights"].values()) == one["shares"]["webtext2"]
    assert abs(sum(one["shares"].values()) - 1) < 1e-12
    assert (published()["gpt3"].epochs, 3) == (one["epochs"], one["caps"]["webtext2"])
