"""Near dedup through whole runs, against an all-pairs reading of the same rule."""

import itertools
import random
from collections import defaultdict

import pyarrow as pa
import pytest

from corpusmill.dedup.near import NearDedup
from corpusmill.dedup.shingles import normalised_words
from corpusmill.errors import InputError, RecipeError
from corpusmill.kernels import buffers
from corpusmill.pipelines import engine
from corpusmill.stages import components
from corpusmill.storage import paths
from tests import runs
from tests.stages import texts

# Bands of one row find every pair that shares anything, so that only the decision is tested.
WIDE = "{use: near_dedup, threshold: 0.6, bands: 64, rows: 1, bucket_cap: 1000}"
WORDS = [f"word{i}" for i in range(2000)]


def documents(count=120, seed=1):
    """Texts in families: each copy has some words of its parent changed."""
    pick = random.Random(seed)
    found = []
    for number in range(count):
        if number % 4 and found:
            words = found[-1]["text"].split()
            for _ in range(pick.choice([0, 1, 2, 4, 8, 12])):
                words[pick.randrange(len(words))] = pick.choice(WORDS)
        else:
            words = [pick.choice(WORDS) for _ in range(pick.randint(60, 120))]
        found.append(
            {
                "id": f"d{number:03d}",
                "text": " ".join(words),
                "date": f"2024-01-{1 + number % 28:02d}T00:00:00Z",
                "url": f"https://site{number % 3}.example/{number}",
            }
        )
    return found


def shingle_sets(data, ngram=5):
    """The shingles of each document, spelled out."""
    words = normalised_words(buffers.text(pa.array([d["text"] for d in data])), NearDedup(ngram=ngram).shingling)
    return {
        d["id"]: {tuple(own[i : i + ngram]) for i in range(len(own) - ngram + 1)}
        for d, own in zip(data, words, strict=True)
    }


def jaccard(a, b):
    return len(a & b) / len(a | b) if a | b else 0.0


def check(data, result, threshold):
    """What must hold of every result: removals are similar to what stays, and what stays is not similar to it."""
    sets = shingle_sets(data)
    rows = {row["id"]: row for row in texts.ledger(result).to_pylist()}
    stays = {name for name, row in rows.items() if row["reason"] is None}
    for name, row in rows.items():
        if row["reason"] is not None:
            assert row["near_dedup.kept"] in stays
            true = jaccard(sets[name], sets[row["near_dedup.kept"]])
            if row["near_dedup.method"] == "exact":
                assert threshold <= true == pytest.approx(row["near_dedup.similarity"])
    return stays, rows


@pytest.fixture
def folder(tmp_path):
    return texts.write(tmp_path / "texts", documents())


def test_what_goes_is_similar_to_what_stays(folder, tmp_path):
    """Every removal is counted against the document that stays; no two that stay are similar."""
    step = WIDE.replace("}", ", margin: 100}")  # every pair is counted, none estimated
    _, result = texts.run(folder, tmp_path / "out", step)
    stays, rows = check(documents(), result, 0.6)
    sets = shingle_sets(documents())
    assert 30 <= len(stays) < 100
    assert all(jaccard(sets[a], sets[b]) < 0.6 for a, b in itertools.combinations(sorted(stays), 2))
    assert {"exact"} == {row["near_dedup.method"] for row in rows.values() if row["reason"]}
    sizes = defaultdict(int)
    for name, row in rows.items():
        sizes[row["near_dedup.kept"] or name] += 1
    assert sizes == {row["id"]: row["cluster_size"] for row in texts.kept(result).to_pylist()}
    assert sum(sizes.values()) == len(documents())
    assert all(len(documents()) >= count for name, count in result.report.tallies.items() if "removed" in name)
    removed = len(documents()) - len(stays)
    assert result.report.tallies["near_dedup.expected_true_millionths"] == removed * 1_000_000


def test_estimates_decide_far_from_the_threshold(folder, tmp_path):
    """With the default margin some pairs are only estimated; the estimate is near the truth."""
    _, result = texts.run(folder, tmp_path / "out", WIDE)
    _, rows = check(documents(), result, 0.6)
    sets = shingle_sets(documents())
    estimated = [row for row in rows.values() if row["near_dedup.method"] == "estimated"]
    assert estimated
    for row in estimated:
        assert abs(jaccard(sets[row["id"]], sets[row["near_dedup.kept"]]) - row["near_dedup.similarity"]) < 0.25


def chain(links=4, words=40, shift=10, seed=3):
    """a~b~c~d: each shares most of its words with the next, the ends nothing."""
    pick = random.Random(seed)
    line = pick.sample(WORDS, words + shift * (links - 1))
    return [{"id": f"c{i}", "text": " ".join(line[i * shift : i * shift + words])} for i in range(links)]


def test_a_chain_is_not_collapsed(tmp_path):
    """Transitive clustering removes documents that share nothing with the one that stays; ours keeps them."""
    data = chain(5)
    sets = shingle_sets(data)
    assert 0 == jaccard(sets["c0"], sets["c4"])
    assert all(jaccard(sets[f"c{i}"], sets[f"c{i + 1}"]) > 0.5 for i in range(4))
    folder = texts.write(tmp_path / "texts", data)
    step = "{use: near_dedup, threshold: 0.5, bands: 64, rows: 1, keep: longest%s}"
    _, ours = texts.run(folder, tmp_path / "star", step % "")
    _, chained = texts.run(folder, tmp_path / "chain", step % ", verify: false, components: transitive")
    assert 1 == len(texts.ids(chained))
    stays, rows = check(data, ours, 0.5)
    assert 2 <= len(stays)
    for row in rows.values():
        if row["reason"]:
            assert jaccard(sets[row["id"]], sets[row["near_dedup.kept"]]) >= 0.5
    reasons = {row["reason"] for row in texts.ledger(chained).to_pylist()} - {None}
    assert {"near_dedup.component"} == reasons


@pytest.mark.parametrize("steps", [WIDE, "{use: near_dedup, preset: fineweb}\n{use: exact_dedup}"])
@pytest.mark.parametrize("execute", [runs.shuffled, engine.executor()], ids=["shuffled", "beam"])
def test_the_same_bytes_on_every_engine(folder, tmp_path, steps, execute):
    """Order and engine leave no trace."""
    texts.run(folder, tmp_path / "a", steps)
    texts.run(folder, tmp_path / "b", steps, execute=execute)
    assert [] == runs.same(tmp_path / "a", tmp_path / "b")


def test_many_partitions_and_groups_decide_alike(folder, tmp_path, monkeypatch):
    """How the work is cut decides nothing."""
    _, one = texts.run(folder, tmp_path / "a", WIDE)
    monkeypatch.setattr("corpusmill.stages.near.PART_BYTES", 20_000)
    monkeypatch.setattr("corpusmill.stages.members.GROUP_BYTES", 20_000)
    monkeypatch.setattr("corpusmill.storage.exchange.ROUND_BYTES", 5_000)
    _, many = texts.run(folder, tmp_path / "b", WIDE)
    assert texts.ledger(one).equals(texts.ledger(many))
    assert len(list((tmp_path / "b/small/02-near_dedup/02-candidates/runs").iterdir())) > 3
    assert len(list((tmp_path / "b/small/02-near_dedup/05-matches/verdicts").iterdir())) > 3


@pytest.mark.parametrize("edge_bytes", [256_000_000, 5_000], ids=["one partition", "many"])
def test_star_rounds_give_the_same_bytes(folder, tmp_path, monkeypatch, edge_bytes):
    """Where the documents are too many for union-find in memory, components come from edges on the disk."""
    texts.run(folder, tmp_path / "a", WIDE)
    monkeypatch.setattr("corpusmill.stages.components.UNION_FIND_MAX", 100)
    monkeypatch.setattr("corpusmill.stages.components.EDGES_BYTES", edge_bytes)
    rounds = []
    star_rounds = components.star_rounds
    monkeypatch.setattr(
        components, "star_rounds", lambda edges, parts: rounds.append(parts) or star_rounds(edges, parts)
    )
    texts.run(folder, tmp_path / "b", WIDE)
    assert rounds == [1] if edge_bytes > 5_000 else rounds[0] > 5
    assert [] == runs.same(tmp_path / "a", tmp_path / "b")
    for kind in ("roots", "runs"):
        one, two = (tmp_path / run / f"small/02-near_dedup/03-components/{kind}/00000.arrow" for run in "ab")
        assert one.read_bytes() == two.read_bytes()


def test_components_are_found_block_by_block(folder, tmp_path, monkeypatch):
    """How many documents are gone through at once decides nothing."""
    _, one = texts.run(folder, tmp_path / "a", WIDE)
    monkeypatch.setattr("corpusmill.stages.components.BLOCK", 7)
    _, two = texts.run(folder, tmp_path / "b", WIDE)
    assert texts.ledger(one).equals(texts.ledger(two))


def test_files_in_another_order_keep_the_same_documents(tmp_path):
    """Which documents stay depends on documents, not on where they lie."""
    _, one = texts.run(texts.write(tmp_path / "a", documents()), tmp_path / "out_a", WIDE)
    mixed = documents()
    random.Random(5).shuffle(mixed)
    _, two = texts.run(texts.write(tmp_path / "b", mixed, 5), tmp_path / "out_b", WIDE)
    assert texts.ids(one) == texts.ids(two)


def test_short_and_empty_documents_stay(tmp_path):
    """Fewer words than a shingle: no signature, no candidates, nothing lost."""
    data = [{"id": f"s{i}", "text": text} for i, text in enumerate(["", "...", "...", "one two", "one two", "a b c d"])]
    _, result = texts.run(texts.write(tmp_path / "texts", data), tmp_path / "out", WIDE)
    assert ["s1", "s2", "s3", "s4", "s5"] == texts.ids(result)  # the reader drops s0, which has no text at all


def test_equal_ids_lose_nothing(tmp_path):
    """Documents that share an id are told apart by their address."""
    data = [{"id": "same", "text": document["text"]} for document in documents(40)]
    _, result = texts.run(texts.write(tmp_path / "texts", data), tmp_path / "out", WIDE)
    assert 40 == result.report.kept + result.report.dropped
    assert 10 <= result.report.kept < 40


def test_against_an_earlier_run(tmp_path):
    """New documents go for earlier ones that stayed, by the stored signatures alone; earlier ones that went do not count."""
    data = documents(160)
    first = texts.write(tmp_path / "a", data[::2])
    _, before = texts.run(first, tmp_path / "first", WIDE)
    for shard in range(3):
        for stage in ("01-curate", "02-near_dedup"):
            paths.remove(str(tmp_path / f"first/small/{stage}/documents/{shard:05d}.parquet"))
    step = WIDE.replace("}", f", against: ['{tmp_path}/first/small'], keep: newest}}")
    _, result = texts.run(texts.write(tmp_path / "b", data[1::2]), tmp_path / "second", step)
    gone = [row for row in texts.ledger(result).to_pylist() if row["reason"]]
    old = [row for row in gone if row["near_dedup.kept_in"]]
    assert {"small"} == {row["near_dedup.kept_in"] for row in old}
    stayed = {row["id"] for row in texts.ledger(before).to_pylist() if not row["reason"]}
    assert {row["near_dedup.kept"] for row in old} <= stayed
    sets = shingle_sets(data)
    assert len(old) > 20
    for row in old:
        assert jaccard(sets[row["id"]], sets[row["near_dedup.kept"]]) > 0.4
        assert "estimated" == row["near_dedup.method"]


def test_an_index_of_other_permutations_is_refused(folder, tmp_path):
    """Both settings are named."""
    texts.run(folder, tmp_path / "first", WIDE)
    other = WIDE.replace("}", f", seed: 2, against: ['{tmp_path}/first/small']}}")
    with pytest.raises(InputError, match=r"seed = 1, and this step has seed = 2"):
        texts.planned(folder, tmp_path / "b", other)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("threshold: 1.5", r"threshold: found 1\.5; expected a similarity above 0 and at most 1"),
        ("threshold: 0", "threshold: found 0"),
        ("bands: 20, rows: 13, permutations: 100", r"20 bands of 13 rows need 260 permutations, found 100"),
        ("bands: 20", "bands: give bands and rows, or neither"),
        ("components: transitive", "cannot be verified"),
        ("preset: finweb", "finweb"),
        ("ngram: 0", "ngram: found 0"),
    ],
)
def test_settings_that_cannot_work_are_refused(folder, tmp_path, setting, message):
    """Before anything is written, with what was found."""
    with pytest.raises(RecipeError, match=message):
        texts.planned(folder, tmp_path / "out", f"{{use: near_dedup, {setting}}}")


def test_presets_and_the_optimiser_choose_bands():
    """What is not given comes from the preset, or from datasketch for a threshold."""
    shapes = {name: NearDedup(preset=name) for name in ("fineweb", "bigcode", "refinedweb", "nemo", "olmo3")}
    found = {name: (step.bands, step.rows, step.permutations) for name, step in shapes.items()}
    assert found == {
        "fineweb": (14, 8, 112),
        "bigcode": (25, 10, 256),
        "refinedweb": (450, 20, 9000),
        "nemo": (20, 13, 260),
        "olmo3": (26, 11, 286),
    }
    assert (25, 10) == (NearDedup(permutations=256).bands, NearDedup(permutations=256).rows)
    assert ("characters", 24, "none") == (shapes["nemo"].unit, shapes["nemo"].ngram, shapes["nemo"].normalise)
