"""Recipes: strict, with errors that say where, what and what instead."""

import pytest

from corpusmill import loader, recipe
from corpusmill.errors import RecipeError
from corpusmill.filters import GopherQuality
from corpusmill.spec import Bounds

TEXT = """name: x
input:
  format: warc
  paths: ["a.warc.gz"]
steps:
  - use: resiliparse
  - use: gopher_quality
    words: [50, null]
"""


def fault(old, new, settings=()):
    """The message for the recipe with one thing changed."""
    assert old in TEXT
    with pytest.raises(RecipeError) as caught:
        recipe.parse(TEXT.replace(old, new, 1), "r.yaml", settings)
    return str(caught.value)


def test_a_recipe_becomes_specs():
    """Steps and input are typed, what is not written has its default."""
    found = recipe.parse(TEXT)
    assert GopherQuality(words=Bounds(50, None)) == found.steps[1]
    assert ("a.warc.gz",) == found.input.paths
    assert 10 == found.errors.at_least


def test_dump_writes_every_default_and_reads_back_equal():
    """The resolved recipe is a recipe, and the same one."""
    found = recipe.parse(TEXT)
    text = loader.dump(found)
    assert "mean_word_length: [3, 10]" in text
    assert found == recipe.parse(text)


def test_limits_by_language_can_be_written():
    """A mapping of languages to bounds is read where a step takes it."""
    steps = TEXT + "  - use: language\n    score: {en: [0.65, null], '*': [0.5, null]}\n"
    found = recipe.parse(steps)
    assert {"en": Bounds(0.65, None), "*": Bounds(0.5, None)} == found.steps[2].score
    assert found == recipe.parse(loader.dump(found))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("words:", "wrods:", "r.yaml:8: steps.1 (gopher_quality).wrods: unknown key; did you mean 'words'?"),
        ("[50, null]", "[50]", "r.yaml:8: steps.1 (gopher_quality).words: found [50]: expected [low, high]"),
        ("[50, null]", "[70, 60]", "r.yaml:8: steps.1 (gopher_quality): words: bounds are reversed: [70, 60]"),
        ("[50, null]", "abc", 'words: found "abc": expected [low, high], two numbers; null leaves an end open'),
        ("[50, null]", "['50', 60]", 'words: found ["50", 60]: expected'),
        ("[50, null]", "[1, 2, 3]", "words: found [1, 2, 3]: expected"),
        (
            "gopher_quality",
            "gopher_qualty",
            "r.yaml:7: steps.1: no use 'gopher_qualty'; did you mean 'gopher_quality'?",
        ),
        ("paths:", "path:", "r.yaml:4: input (warc).path: unknown key; did you mean 'paths'?"),
        ("paths:", "path:", "r.yaml:3: input (warc).paths: this key is missing"),
        ('["a.warc.gz"]', "[]", "r.yaml:4: input (warc): paths: empty"),
        ("format: warc", "format: worc", "r.yaml:3: input: no format 'worc'; did you mean 'warc'?"),
        ("name: x\n", "", "r.yaml:1: name: this key is missing"),
        ("name: x\n", "name: x\nname: y\n", "r.yaml:2: 'name' is given twice, first in line 1"),
        ("  - use: resiliparse", "  - resiliparse", "r.yaml:6: steps.0: found 'resiliparse'"),
        ("name: x", "name: [x", "r.yaml:2: not valid YAML"),
        (
            "name: x",
            "name: x\nerrors: {max_shar: 3}",
            "r.yaml:2: errors.max_shar: unknown key; did you mean 'max_share'?",
        ),
        ("name: x", "name: ../x", "r.yaml:1: recipe: name: found '../x'; it names a folder"),
        ("name: x", "name: x\nerrors: {max_share: 3}", "r.yaml:2: errors: max_share: found 3.0; expected a share"),
        (TEXT, "", "r.yaml: expected a mapping with the keys name, input and steps, found nothing"),
        (TEXT, "- a\n", "r.yaml: expected a mapping with the keys name, input and steps, found seq"),
    ],
)
def test_faults_say_where_what_and_what_instead(old, new, message):
    """Each fault has file and line, what was found, and a near name where there is one."""
    assert message in fault(old, new)


def test_all_faults_are_told_at_once():
    """Two mistakes give two lines."""
    broken = TEXT.replace("paths:", "path:").replace("words:", "wrods:")
    with pytest.raises(RecipeError) as caught:
        recipe.parse(broken, "r.yaml")
    assert 3 == len(str(caught.value).splitlines())


def test_settings_change_the_recipe():
    """--set reaches keys, steps by name or number, and takes globs that are no YAML."""
    settings = [
        "steps.gopher_quality.words=[1, 2]",
        "steps.0.characters=[5, null]",
        "input.paths=*.gz",
        "output=gs://b/o",
    ]
    found = recipe.parse(TEXT, "r.yaml", settings)
    assert Bounds(1, 2) == found.steps[1].words
    assert Bounds(5, None) == found.steps[0].characters
    assert (("*.gz",), "gs://b/o") == (found.input.paths, found.output)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            "steps.gopher.words=1",
            "no step 'gopher'; did you mean 'gopher_quality'?; the steps are resiliparse, gopher_quality",
        ),
        ("steps.7.words=1", "no step '7'"),
        ("nothing", "expected key=value"),
        (
            "gopher_quality.words=[1, 2]",
            "no key 'gopher_quality'; did you mean --set steps.gopher_quality.words=[1, 2]?",
        ),
        ("gopher_quality=x", "did you mean --set steps.gopher_quality=x?"),
        ("c4.x=1", "c4: unknown key"),
        ("name.x=3", "'name' is 'x', which has no keys"),
        ("steps.0.x=1", "--set steps.0.x=1: steps.0 (resiliparse).x: unknown key"),
        (
            "steps.gopher_quality.words=abc",
            'words=abc: steps.1 (gopher_quality).words: found "abc": expected [low, high]',
        ),
        (
            "steps.1.words=[9, 1]",
            "--set steps.1.words=[9, 1]: steps.1 (gopher_quality): words: bounds are reversed: [9, 1]",
        ),
        (
            "steps.1.stop_words=abc",
            'stop_words=abc: steps.1 (gopher_quality).stop_words: found "abc": expected [low, high]',
        ),
        ("steps.1={use: tokenize}", "--set steps.1={use: tokenize}: steps.1 (tokenize).tokenizer: this key is missing"),
        ("input={format: jsonl}", "--set input={format: jsonl}: input (jsonl).paths: this key is missing"),
    ],
)
def test_settings_that_miss_are_refused(setting, message):
    """A setting that reaches nothing is an error, never ignored."""
    assert message in fault(TEXT, TEXT, [setting])


def test_shipped_recipes_load_and_name_their_sources():
    """Every shipped recipe is valid, says what it is, and where its numbers come from."""
    shipped = sorted(recipe.SHIPPED.glob("*.yaml"))
    assert {"c4", "demo", "fineweb", "gopher"} <= {file.stem for file in shipped}
    for file in shipped:
        found = recipe.load(str(file))
        assert file.stem == found.name
        assert found.about
        assert found.sources


def test_a_recipe_is_found_by_file_or_by_name(tmp_path):
    """A shipped recipe needs no path; a near name is offered for one that is missing."""
    assert "fineweb" == recipe.load("fineweb").name
    assert "fineweb" == recipe.load("recipes/fineweb.yaml").name
    with pytest.raises(RecipeError, match="no such recipe; did you mean 'fineweb'"):
        recipe.load("finweb")
    with pytest.raises(RecipeError, match="no such recipe"):
        recipe.load(str(tmp_path / "fineweb.yaml"))


DEDUP = """name: x
input: {format: jsonl, paths: [a]}
steps:
  - use: near_dedup
    %s
"""


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "keep: longst",
            r"x:5: steps\.0 \(near_dedup\)\.keep: found \"longst\": expected longest, newest, oldest, \{best: ",
        ),
        ("keep: {bst: a.b}", r"keep: found \{\"bst\": \"a\.b\"\}: expected longest"),
        ("keep: {source_order: []}", r"source_order: empty; name the sources, the best first"),
        ("alarm: {max_los: 1}", r"alarm\.max_los: unknown key; did you mean 'max_loss'"),
        ("alarm: {max_loss: 2}", r"max_loss: found 2\.0; expected a share from 0 to 1"),
        ("bands: 3\n    rows: 4\n    permutations: 5", r"3 bands of 4 rows need 12 permutations, found 5"),
    ],
)
def test_mistakes_in_dedup_steps(line, message):
    """One line each, with the place, what was found and what was expected."""
    with pytest.raises(RecipeError, match=message):
        recipe.parse(DEDUP % line, "x")


@pytest.mark.parametrize(("written", "seed"), [("7", "7"), ("'7'", "7"), ("-1", "-1"), ("b", "b")])
def test_a_seed_may_be_written_as_a_number(written, seed):
    """In the file, by `--set`, and for one step; it is the text of its digits, as in quotes."""
    text = "{name: a, input: {format: jsonl, paths: [b]}, steps: [{use: tokenize, tokenizer: c, seed: %s}]}"
    found = recipe.parse(text % written)
    assert seed == found.steps[0].seed
    assert found == recipe.parse(loader.dump(found))
    assert found == recipe.parse(text % "other", settings=[f"steps.tokenize.seed={written}"])
    assert seed == recipe.one_step("tokenize", ["tokenizer=c", f"seed={written}"]).seed


@pytest.mark.parametrize("written", ["yes", "1.5", "null", "[7]"])
def test_other_seeds_are_refused(written):
    """And a seed that is a number stays one, and other texts are not made of numbers."""
    text = "{name: a, input: {format: jsonl, paths: [b]}, steps: [{use: tokenize, tokenizer: c, %s: %s}]}"
    with pytest.raises(RecipeError, match=r"seed: found .*: input should be a valid string"):
        recipe.parse(text % ("seed", written))
    with pytest.raises(RecipeError, match=r"end_of_text: found 7: input should be a valid string"):
        recipe.parse(text % ("end_of_text", "7"))
    assert 7 == recipe.one_step("near_dedup", ["seed=7"]).seed


@pytest.mark.parametrize("written", ["1e-05", "1e-5", "2E+3", "-1e2"])
def test_numbers_as_python_writes_them(written):
    """Without a point too, in the file and by --set; and a text that looks like one is written in quotes."""
    in_file = recipe.parse(TEXT.replace("[50, null]", f"[{written}, null]"), "r.yaml")
    by_setting = recipe.parse(TEXT, "r.yaml", [f"steps.1.words=[{written}, null]"])
    assert Bounds(float(written), None) == in_file.steps[1].words == by_setting.steps[1].words
    told = recipe.parse(f"about: '{written}'\n{TEXT}", "r.yaml")
    assert written == recipe.parse(recipe.resolved(told), "again").about
