"""Which documents a step of a training run was trained on."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from corpusmill import cli
from corpusmill.errors import OutputError, UsageError
from corpusmill.tokenize.training import train
from corpusmill.train import config, taken
from corpusmill.train.data import Rows
from corpusmill.train.journal import Journal
from tests.stages import texts

TEXT = "the house by the river had a garden and a letter came with music in the winter light of a window"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Two packed runs, and the folder of a training on both: three steps of 2, 4 and 4 rows."""
    folder = tmp_path_factory.mktemp("taken")
    draw = np.random.default_rng(0)
    (folder / "small.json").write_text(train([TEXT] * 3, vocabulary_size=280).to_str())
    for name in ("one", "two"):
        documents = [{"id": f"{name}-{n}", "text": " ".join(draw.choice(TEXT.split(), 30))} for n in range(40)]
        texts.write(folder / name, documents, 2)
        step = f"{{use: tokenize, tokenizer: {folder}/small.json, sequence_length: 64, shard_mb: 0.001}}"
        texts.run(folder / name, folder / f"out-{name}", step)
    chosen = config.parse(
        f"name: model\nseed: 7\ndata: [{{path: {folder}/out-one, name: one, weight: 1}},"
        f" {{path: {folder}/out-two, name: two, weight: 3}}]"
    )
    rows = Rows.open(chosen.data, chosen.seed)
    run = folder / "models/model"
    journal = Journal(run / taken.FILE)
    for step, first, count in ((1, 0, 2), (2, 2, 4), (3, 6, 4)):
        journal.write(taken.row(rows, step, first, count))
    journal.close()
    (run / "training.yaml").write_text(config.resolved(chosen))
    (run / "data.json").write_text(json.dumps(rows.told()))
    return run


def ids_of(folder, name, address):
    """The id of a document by its address in the stage before packing."""
    (path,) = (folder / f"out-{name}").glob(f"small/01-*/documents/{address['shard']:05d}.parquet")
    return pq.read_table(path)["id"].to_pylist()[address["row"]]


def test_a_steps_documents_are_those_of_its_rows(trained, capsys):
    """`trace --step` names each document of the batch, by the run that it is from."""
    chosen = config.parse((trained / "training.yaml").read_text())
    rows = Rows.open(chosen.data, chosen.seed)
    expected = {
        (rows.parts[p].shards[s].path, r)
        for p, s, r in zip(*(column.tolist() for column in rows.where(np.arange(2, 6))), strict=True)
    }
    assert 0 == cli.main(["trace", "--step", "2", str(trained), "--json", "--text"])
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert expected == {(segment["path"], segment["row"]) for segment in found}
    for segment in found:
        name = "one" if "out-one" in segment["path"] else "two"
        assert ids_of(trained.parents[1], name, segment["address"]) == segment["ledger"]["id"]
    assert {"one", "two"} == {segment["ledger"]["id"][:3] for segment in found}
    batch = rows.batch(np.arange(2, 6))
    documents = sum((np.array(own) > 0).sum() for own in batch.lengths) - sum(batch.targets[:, -1] < 0)
    assert documents == len(found)
    assert 0 == cli.main(["trace", "--step", "3", str(trained)])
    out = capsys.readouterr().out
    assert out.startswith("step 3: samples 6 to 9, of ")
    assert "two-" in out


def test_mistakes(trained, tmp_path, capsys):
    """No such step, no training run, rows and a step at once, shards that are others by now."""
    with pytest.raises(UsageError, match=r"steps\.jsonl: no step 4; there are 1 to 3"):
        taken.find(str(trained), 4)
    with pytest.raises(OutputError, match=r"no training\.yaml here; did you mean .*models/model\?"):
        taken.find(str(trained.parent), 1)
    assert 2 == cli.main(["trace", "--step", "1", str(trained), "5"])
    assert "leave out the rows" in capsys.readouterr().err
    assert 2 == cli.main(["trace", str(trained)])
    assert "expected ROW…, or --step N" in capsys.readouterr().err
    other = tmp_path / "model"
    other.mkdir()
    for name in ("data.json", "steps.jsonl"):
        (other / name).write_bytes((trained / name).read_bytes())
    (other / "training.yaml").write_text((trained / "training.yaml").read_text().replace("seed: 7", "seed: 8"))
    with pytest.raises(OutputError, match="bring back the shards"):
        taken.find(str(other), 1)
