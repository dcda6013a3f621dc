"""Exact dedup through whole runs."""

import json
from collections import defaultdict

import pytest

from corpusmill.errors import AlarmError, InputError, RecipeError
from corpusmill.pipelines import engine
from corpusmill.storage import paths
from tests import runs
from tests.stages import texts

STEP = "{use: exact_dedup}"


def documents(count=60):
    """Texts of which each third one comes again, with other dates and sources."""
    return [
        {
            "id": f"d{i:03d}",
            "text": f"A text about number {i % 40}, which says what it says.",
            "url": f"https://www.site{i % 5}.example/{i}?utm_source=x",
            "date": f"2024-01-{1 + i % 28:02d}T00:00:00Z",
            "source": "old" if i < 40 else "new",
        }
        for i in range(count)
    ]


@pytest.fixture
def folder(tmp_path):
    return texts.write(tmp_path / "texts", documents())


def test_one_of_each_text_stays(folder, tmp_path):
    """Every text is there once, every other copy has a row that names the one that stayed."""
    _, result = texts.run(folder, tmp_path / "out", STEP)
    by_text = defaultdict(list)
    for document in documents():
        by_text[document["text"]].append(document["id"])
    assert sorted(by_text) == sorted(texts.kept(result)["text"].to_pylist())
    rows = {row["id"]: row for row in texts.ledger(result).to_pylist()}
    assert len(documents()) == len(rows)
    for members in by_text.values():
        (stays,) = [name for name in members if rows[name]["reason"] is None]
        assert len(members) == rows[stays]["exact_dedup.cluster_size"]
        for gone in set(members) - {stays}:
            assert ("exact_dedup.duplicate", stays, "exact", 1.0, "longest") == tuple(
                rows[gone][name]
                for name in ("reason", *(f"exact_dedup.{n}" for n in ("kept", "method", "similarity", "policy")))
            )
    sizes = {row["id"]: (row["cluster"], row["cluster_size"]) for row in texts.kept(result).to_pylist()}
    for members in by_text.values():
        (stays,) = [name for name in members if name in sizes]
        assert (stays if len(members) > 1 else None, len(members)) == sizes[stays]
    assert (60, 40, 20, 0) == (result.report.records, result.report.kept, result.report.dropped, result.report.dead)
    assert {"old": 40, "new": 20} == {name: counts[0] for name, counts in result.report.sources.items()}


@pytest.mark.parametrize(
    ("keep", "stays"),
    [
        ("newest", lambda members: max(members, key=lambda d: d["date"])),
        ("oldest", lambda members: min(members, key=lambda d: d["date"])),
        ("{source_order: [new, old]}", lambda members: max(members, key=lambda d: d["source"] == "new")),
    ],
)
def test_the_policy_decides(folder, tmp_path, keep, stays):
    """The document that stays is the best by the policy."""
    _, result = texts.run(folder, tmp_path / "out", f"{{use: exact_dedup, keep: {keep}}}")
    groups = defaultdict(list)
    for document in documents():
        groups[document["text"]].append(document)
    assert sorted(stays(members)["id"] for members in groups.values()) == texts.ids(result)


def test_the_best_by_a_signal_stays(tmp_path):
    """`best` reads the ledgers of earlier stages, past a stage that removed documents."""
    data = [
        {"id": f"x{i}", "text": "word " * (i % 7 + 1) + ".", "url": f"https://a.example/{i % 3}"} for i in range(30)
    ]
    folder = texts.write(tmp_path / "texts", data)
    steps = "{use: gopher_quality, words: [3, null], mean_word_length: [null, null], stop_words: [null, null]}\n"
    steps += "{use: exact_dedup, by: text, keep: oldest}\n"
    steps += "{use: exact_dedup, by: url, keep: {best: gopher_quality.words}}"
    *_, exact, result = texts.run(folder, tmp_path / "out", steps)
    survivors = [row for row in data if row["id"] in texts.ids(exact)]
    assert len({len(row["text"]) for row in survivors}) == len(survivors) > 3
    best = {row["url"]: row for row in sorted(survivors, key=lambda row: len(row["text"]))}
    assert sorted(row["id"] for row in best.values()) == texts.ids(result)
    assert sum(texts.kept(exact)["cluster_size"].to_pylist()) == sum(texts.kept(result)["cluster_size"].to_pylist())


def test_urls_and_normalised_texts(tmp_path):
    """URLs are compared in their canonical form; normalised texts without case and white space; nothing has no key."""
    data = [
        {"id": "a", "text": "One  text\nhere", "url": "http://www.a.example/x/"},
        {"id": "b", "text": "one TEXT here", "url": "https://a.example/x?utm_medium=y"},
        {"id": "c", "text": " \n ", "url": None},
        {"id": "d", "text": "  ", "url": None},
        {"id": "e", "text": "Another", "url": "https://b.example/"},
    ]
    folder = texts.write(tmp_path / "texts", data)
    for by, expected in (("url", 4), ("normalised", 4), ("text", 5)):
        _, result = texts.run(folder, tmp_path / by, f"{{use: exact_dedup, by: {by}}}")
        assert expected == len(texts.ids(result)), by
        assert {"c", "d", "e"} <= set(texts.ids(result))


def test_equal_ids_lose_nothing(tmp_path):
    """Documents that share an id are told apart by their address."""
    data = [{"id": "same", "text": f"text {i % 2}"} for i in range(10)]
    _, result = texts.run(texts.write(tmp_path / "texts", data), tmp_path / "out", STEP)
    assert ["same", "same"] == texts.ids(result)
    assert {"text 0", "text 1"} == set(texts.kept(result)["text"].to_pylist())


@pytest.mark.parametrize("execute", [runs.shuffled, engine.executor()], ids=["shuffled", "beam"])
def test_the_same_bytes_on_every_engine(folder, tmp_path, execute):
    """Order and engine leave no trace."""
    texts.run(folder, tmp_path / "a", STEP)
    texts.run(folder, tmp_path / "b", STEP, execute=execute)
    assert [] == runs.same(tmp_path / "a", tmp_path / "b")


def test_files_in_another_order_keep_the_same_documents(tmp_path):
    """Which document stays depends on documents, not on where they lie."""
    _, one = texts.run(texts.write(tmp_path / "a", documents()), tmp_path / "out_a", STEP)
    _, two = texts.run(texts.write(tmp_path / "b", reversed(documents()), 5), tmp_path / "out_b", STEP)
    assert texts.ids(one) == texts.ids(two)


def test_against_an_earlier_run(tmp_path):
    """Texts of an earlier run go, with the earlier document and run named; its texts are not needed."""
    texts.run(texts.write(tmp_path / "a", documents()[:40]), tmp_path / "first", STEP)
    for shard in range(3):
        paths.remove(str(tmp_path / f"first/small/01-curate/documents/{shard:05d}.parquet"))
        paths.remove(str(tmp_path / f"first/small/02-exact_dedup/documents/{shard:05d}.parquet"))
    fresh = [*documents()[40:], {"id": "new", "text": "Something else."}]
    step = f"{{use: exact_dedup, against: ['{tmp_path}/first/small']}}"
    _, result = texts.run(texts.write(tmp_path / "b", fresh), tmp_path / "second", step)
    assert ["new"] == texts.ids(result)
    rows = [row for row in texts.ledger(result).to_pylist() if row["reason"]]
    assert {("small", f"d{i:03d}") for i in range(20)} == {
        (row["exact_dedup.kept_in"], row["exact_dedup.kept"]) for row in rows
    }


def test_an_index_of_another_kind_is_refused(folder, tmp_path):
    """Keys of URLs and keys of texts never meet; both are named."""
    texts.run(folder, tmp_path / "first", STEP)
    with pytest.raises(InputError, match=r"by = text, and this step has by = url"):
        texts.planned(folder, tmp_path / "b", f"{{use: exact_dedup, by: url, against: ['{tmp_path}/first/small']}}")
    with pytest.raises(InputError, match="no such folder"):
        texts.planned(folder, tmp_path / "b", "{use: exact_dedup, against: [nowhere]}")
    index = tmp_path / "first/small/02-exact_dedup/01-keys/keys/00001.arrow"
    index.write_bytes(index.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"index is not whole: .*00001\.arrow"):
        texts.planned(folder, tmp_path / "b", f"{{use: exact_dedup, against: ['{tmp_path}/first/small']}}")


def test_a_source_that_loses_too_much_stops_the_run(tmp_path):
    """The alarm names source and domain, leaves no manifest, and a wider one goes on without doing anything again."""
    data = [{"id": f"x{i}", "text": "the same", "url": f"https://a.example/{i}", "source": "s"} for i in range(50)]
    folder = texts.write(tmp_path / "texts", data)
    step = "{use: exact_dedup, alarm: {max_loss: 0.5, min_documents: 20}}"
    with pytest.raises(AlarmError, match=r"(?s)source\s+50\s+1\s+98\.0%\s+s\n.*domain.*a\.example"):
        texts.run(folder, tmp_path / "out", step)
    assert not (tmp_path / "out/small/02-exact_dedup/manifest.json").exists()
    wider = "{use: exact_dedup, alarm: {max_loss: 1}}"
    progress = runs.Silent()
    texts.run(folder, tmp_path / "out", wider, progress=progress)
    assert all(shards == done for _, shards, done in progress.begun)
    manifest = json.loads((tmp_path / "out/small/02-exact_dedup/manifest.json").read_text())
    assert 1 == manifest["totals"]["documents"]["rows"]


def test_a_signal_that_nothing_measures_is_refused(folder, tmp_path):
    """The message lists what is measured."""
    with pytest.raises(RecipeError, match=r"no earlier step measures 'fasttext\.score'; the signals are none"):
        texts.planned(folder, tmp_path / "out", "{use: exact_dedup, keep: {best: fasttext.score}}")
