"""Training files: what they say, and how they are refused."""

import pytest

from corpusmill import loader
from corpusmill.errors import RecipeError
from corpusmill.train import config

TEXT = """
name: small
data: out/demo
model: {preset: llama-3m, layers: 2}
batches:
  rows: 16
"""


def test_a_single_path_is_a_list_of_one_part():
    """`data: out/demo` is short."""
    found = config.parse(TEXT)
    assert [part.path for part in found.data] == ["out/demo"]
    assert found.model.layers == 2


def test_what_is_written_is_what_is_read():
    """Every default is written and read back."""
    found = config.parse(TEXT, settings=["optimizer.clip=null", "batches.ramp=[[0, 8]]"])
    assert config.parse(loader.dump(found)) == found
    assert "output" not in config.resolved(found)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("rows: 16", "rows: 12", "t.yaml:6: batches: rows: found 12; expected a multiple of micro_rows"),
        ("rows: 16", "rowz: 16", "t.yaml:6: batches.rowz: unknown key; did you mean 'rows'"),
        ("layers: 2", "norm: batch", "t.yaml:4: model.norm: found 'batch'"),
        ("data: out/demo", "length: {tokens: 5, epochs: 1}", "length: found tokens, epochs; expected exactly one"),
        ("data: out/demo", "", "data: this key is missing"),
        ("name: small", "name: a/b", "name: found 'a/b'; it names a folder"),
    ],
)
def test_faults_are_told_with_file_and_line(old, new, message):
    """Each fault of a training file names its place, as in recipes."""
    with pytest.raises(RecipeError) as caught:
        config.parse(TEXT.replace(old, new, 1), "t.yaml")
    assert message in str(caught.value)
