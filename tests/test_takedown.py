"""Taking documents down from a finished run, as a user does it: by a list, and looked for in every file afterwards."""

import hashlib
import io
import itertools
import json
import random
import shutil
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusmill import cli, local
from corpusmill.errors import InputError, OutputError
from corpusmill.storage import exchange, paths, verify, write
from corpusmill.takedown import journal, rewrite
from corpusmill.takedown.wanted import Wanted, digest
from tests import runs
from tests.stages import texts

WORDS = [f"word{i}" for i in range(2000)]
GOPHER = (
    "{use: gopher_quality, words: [20, 100000], stop_words: [0, null], alphabetic_words: [0, null],"
    " mean_word_length: [1, 100]}"
)
EXACT = "{use: exact_dedup}"
NEAR = "{use: near_dedup, threshold: 0.6, bands: 64, rows: 1, bucket_cap: 1000}"
STEPS = f"{GOPHER}\n{EXACT}\n{NEAR}\n{{use: line_dedup}}\n{GOPHER}\n{{use: paragraph_dedup}}"
LAST = "06-paragraph_dedup"


def documents(count=90):
    """Families of near copies, exact copies and short texts; each text begins and ends with a word of its own."""
    pick, found = random.Random(7), []
    words = []
    for number in range(count):
        if number % 3 == 0:
            words = [pick.choice(WORDS) for _ in range(pick.randint(60, 90))]
        elif number % 3 == 1:
            words[pick.randrange(len(words))] = pick.choice(WORDS)
        own = [*words[: 5 if number % 9 == 8 else None]]
        name = f"d{number:03d}"
        text = f"secret{name} {' '.join(own)} hidden{name}"
        if number % 9 == 5:  # the same text as the one before, under another URL
            text = found[-1]["text"]
        found.append({"id": name, "text": text, "url": f"https://site{number % 4}.example/{name}", "source": "s"})
    return found


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run of all kinds of stages; copied before it is changed."""
    folder = tmp_path_factory.mktemp("takedown")
    texts.write(folder / "texts", documents())
    texts.run(folder / "texts", folder / "out", STEPS)
    return folder


@pytest.fixture
def out(finished, tmp_path):
    shutil.copytree(finished / "out", tmp_path / "out")
    return tmp_path / "out"


def noting(done):
    """An executor that notes what is made."""

    def execute(phase, tasks):
        done.append((phase.layout.label, len(tasks)))
        local.executor()(phase, tasks)

    return execute


def again(finished, out, steps=STEPS):
    """Run the recipe again; gives what was done anew, and the results."""
    done = []
    return done, texts.run(finished / "texts", out, steps, execute=noting(done))


def take(out, *ids, expect=0, dry_run=False):
    """`corpusmill remove` with a list."""
    file = out.parent / "ids.txt"
    file.write_text("\n".join(["# to go", "", *ids]) + "\n")
    assert expect == cli.main(["remove", str(out), str(file), *(["--dry-run"] if dry_run else [])])


def everything(out):
    """Every file of an output, as text: values of tables, and the bytes of the rest."""
    for path in sorted(out.rglob("*")):
        if path.suffix == ".parquet":
            yield path, str(pq.read_table(path).to_pylist())
        elif path.suffix == ".arrow":
            yield path, str([batch.to_pylist() for batch in exchange.read_all(str(path))])
        elif path.is_file():
            yield path, path.read_text()


def holding(out, word):
    """The files that hold a word."""
    return [str(path.relative_to(out)) for path, text in everything(out) if word in text]


def rows(out, stage):
    """The ledger of a stage by id."""
    files = sorted((out / "small" / stage / "ledger").glob("*"))
    return {row["id"]: row for file in files for row in pq.read_table(file).to_pylist()}


def kept(out, stage=LAST):
    """Ids of the documents of a stage."""
    files = sorted((out / "small" / stage / "documents").glob("*"))
    return {name for file in files for name in pq.read_table(file)["id"].to_pylist()}


def proof(out, number=1):
    return json.loads((out / f"small/takedowns/{number:04d}.json").read_text())


def chosen(out):
    """One document of every fate: kept to the end, near copy, both of an exact pair, dropped at once."""
    copied = {f"d{number:03d}" for number in range(999) if number % 9 in (4, 5)}
    near = next(name for name, row in rows(out, "03-near_dedup").items() if row["reason"] and name not in copied)
    original = rows(out, "03-near_dedup")[near]["near_dedup.kept"]
    exact = next(row for row in rows(out, "02-exact_dedup").values() if row["reason"])
    short = next(name for name, row in rows(out, "01-curate").items() if row["reason"])
    others = {near, original, exact["id"], exact["exact_dedup.kept"]}
    alone = min(kept(out) - others - copied)
    return {"kept": alone, "near": near, "exact": exact["id"], "pair": exact["exact_dedup.kept"], "short": short}


def test_nothing_of_the_documents_is_left(out):
    """Text, URL and excerpts are in no file; in the first ledger the row stays and says why."""
    ids = chosen(out)
    own = {word for name in ids.values() for word in (f"secret{name}", f"hidden{name}")}
    words = {word for word in own if holding(out, word)}
    assert {f"secret{ids['kept']}", f"secret{ids['near']}", f"hidden{ids['short']}"} <= words
    before = {name: row["reason"] for name, row in rows(out, "01-curate").items()}
    take(out, *ids.values())
    assert {word: [] for word in words} == {word: holding(out, word) for word in words}
    ledger = rows(out, "01-curate")
    for name in ids.values():
        assert before[name] or "takedown" == ledger[name]["reason"]
        assert ledger[name]["url"] is None
        assert ledger[name]["gopher_quality.words"] > 0
        assert [] == holding(out, f"example/{name}")
    for stage in ("02-exact_dedup", "03-near_dedup", "04-line_dedup", "05-curate", LAST):
        assert not set(ids.values()) & (set(rows(out, stage)) | kept(out, stage))
    others = [name for name in before if name not in ids.values()]
    assert before[others[0]] == ledger[others[0]]["reason"]
    assert {name: row["reason"] for name, row in ledger.items() if name in others} == {n: before[n] for n in others}


def test_the_same_recipe_finds_all_committed(finished, out):
    """Nothing is made anew, the documents stay away, and report and manifest are what the driver itself would write."""
    ids = chosen(out)
    stays = kept(out) - set(ids.values())
    take(out, *ids.values())
    shutil.copytree(out, out.parent / "copy")
    done, results = again(finished, out)
    assert [] == done
    assert stays == kept(out)
    assert [] == runs.same(out, out.parent / "copy")
    assert [] == [fault for result in results for fault in result.report.faults()]
    first = results[0].report
    assert {"gopher_quality.words<20": 10, "takedown": 4} == first.steps["gopher_quality"].reasons
    for result, after in itertools.pairwise(results):
        assert result.report.kept == after.report.records
    for result in results:
        assert result.report.kept == sum(entry["files"]["documents"]["rows"] for entry in result.manifest.shards)
        assert result.report.records == sum(entry["files"]["ledger"]["rows"] for entry in result.manifest.shards)
        for entry in result.manifest.shards:
            for kind, facts in entry["files"].items():
                told = pq.ParquetFile(result.layout.file(kind, entry["shard"])).metadata.num_rows
                assert facts["rows"] == told


def test_only_what_holds_them_is_written_anew(out):
    """Data files of other shards keep their bytes and their times."""
    (name,) = [name for name, row in rows(out, "01-curate").items() if row["reason"]][:1]
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")}
    take(out, name)
    changed = [str(path.relative_to(out / "small")) for path, time in before.items() if path.stat().st_mtime_ns != time]
    told = [change for stage in proof(out)["stages"] for change in stage["files"]]
    assert sorted(changed) == sorted(change["file"] for change in told)
    assert 1 == len(changed)
    for change in told:
        assert change["before"] != change["after"] == _sha256(out / "small" / change["file"])


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_proof_names_nobody_but_the_copies_that_stay(out):
    """Digests of what went and was not found; ids of what is like it, which the user may want to list next."""
    near = next(row for row in rows(out, "03-near_dedup").values() if row["reason"])
    original = near["near_dedup.kept"]
    copies = [row["id"] for row in rows(out, "03-near_dedup").values() if row["near_dedup.kept"] == original]
    take(out, original, "https://nowhere.example/x")
    told = proof(out)
    (removed,) = told["removed"]
    assert digest(original) == removed["id"]
    assert ["kept"] == removed["was"]["01-curate"]
    stage = {"stage": "03-near_dedup", "is": "duplicate", "run": None}
    assert [{"id": name, **stage} for name in copies] == [like for like in removed["like"] if like["stage"][:2] == "03"]
    assert [{"line": 4, "digest": digest("https://nowhere.example/x")}] == told["not_found"]
    text = (out / "small/takedowns/0001.json").read_text()
    assert original not in text.replace(f'"{original}', "") or original in copies
    assert "nowhere" not in text
    assert not set(copies) & kept(out)


def test_two_takedowns_of_equal_runs_are_equal(finished, out, tmp_path):
    """`corpusmill verify` finds no difference, proofs included; a second list adds a second proof."""
    ids = list(chosen(out).values())
    shutil.copytree(finished / "out", tmp_path / "elsewhere" / "out")
    other = tmp_path / "elsewhere" / "out"
    for folder in (out, other):
        take(folder, *ids[:2])
        take(folder, *ids[2:])
    assert [] == verify.compare(str(out), str(other))
    assert 0 == cli.main(["verify", str(out), str(other)])
    assert [1, 2] == [int(path.stem) for path in sorted((out / "small/takedowns").iterdir())]
    done, results = again(finished, out)
    assert [] == done
    assert results[0].report.steps["gopher_quality"].reasons["takedown"] == 4


def test_one_after_the_other_is_as_all_at_once(finished, out, tmp_path):
    """Stages, index and reports do not depend on how the list was cut."""
    ids = list(chosen(out).values())
    shutil.copytree(finished / "out", tmp_path / "elsewhere" / "out")
    other = tmp_path / "elsewhere" / "out"
    take(out, *ids)
    for name in ids:
        take(other, name)
    assert [] == [str(d) for d in verify.compare(str(out), str(other)) if "takedowns/" not in d.file]


def test_by_url_in_any_spelling(out, capsys):
    """As recorded, and in another form of the same address."""
    take(out, "https://site0.example/d000", "http://WWW.site3.example/d003/?utm_source=x#top")
    assert "takedown" == rows(out, "01-curate")["d000"]["reason"] == rows(out, "01-curate")["d003"]["reason"]
    assert "not in this run" not in capsys.readouterr().out
    assert 2 == len(proof(out)["removed"])


class Killed(Exception):
    """Stands for a kill."""


def points(monkeypatch, out, ids):
    """How often a takedown touches the disk, and what it leaves if it is never killed."""
    count = _killing(monkeypatch, None)
    take(out, *ids)
    monkeypatch.undo()
    return count[0]


def _killing(monkeypatch, at):
    """Raise when the disk is touched for the `at`th time: a file put, moved or removed."""
    count = [0]

    def counted(call):
        def run(*arguments, **keywords):
            count[0] += 1
            if count[0] == at:
                raise Killed
            return call(*arguments, **keywords)

        return run

    monkeypatch.setattr(write.Temporary, "put", counted(write.Temporary.put))
    monkeypatch.setattr(journal, "_move", counted(journal._move))
    monkeypatch.setattr(paths, "remove", counted(paths.remove))
    monkeypatch.setattr(journal, "_clear", counted(journal._clear))
    return count


def test_killed_anywhere_it_is_finished_by_the_next_call(finished, tmp_path, monkeypatch):
    """Whenever it is killed, the same call again leaves what an undisturbed one does."""
    ids = list(chosen(finished / "out").values())
    good = tmp_path / "good" / "out"
    shutil.copytree(finished / "out", good)
    steps = points(monkeypatch, good, ids)
    assert steps > 50
    for at in sorted({*range(1, steps + 1, 17), steps - 1, steps}):
        killed = tmp_path / str(at) / "out"
        shutil.copytree(finished / "out", killed)
        _killing(monkeypatch, at)
        with pytest.raises(Killed):
            take(killed, *ids)
        monkeypatch.undo()
        take(killed, *ids)
        assert [] == runs.same(good, killed), f"killed at {at} of {steps}"
        shutil.rmtree(killed.parent)


def test_a_run_finishes_what_was_killed(finished, out, monkeypatch):
    """`corpusmill run` on a half-moved takedown brings nothing back."""
    ids = chosen(out)
    stays = kept(out) - set(ids.values())
    calls = []

    def move(staged, target):
        calls.append(target)
        if len(calls) == 10:
            raise Killed
        return original(staged, target)

    original = journal._move
    monkeypatch.setattr(journal, "_move", move)
    with pytest.raises(Killed):
        take(out, *ids.values())
    monkeypatch.undo()
    take(out, ids["kept"], expect=2, dry_run=True)
    lines = "\n".join(f"  - {line}" for line in STEPS.splitlines())
    recipe = out.parent / "small.yaml"
    recipe.write_text(texts.RECIPE.format(folder=finished / "texts", out=out, steps=lines))
    assert 0 == cli.main(["run", str(recipe), "--runner", "local"])
    assert stays == kept(out)
    assert not (out / "small/takedowns/pending.json").exists()
    assert (out / "small/takedowns/0001.json").exists()


def test_dry_run_writes_nothing(finished, out, capsys):
    """It shows the same counts."""
    ids = chosen(out)
    take(out, *ids.values(), dry_run=True)
    shown = capsys.readouterr().out
    assert [] == runs.same(out, finished / "out")
    assert "dry run: nothing was written" in shown
    take(out, *ids.values())
    done = capsys.readouterr().out
    assert shown.splitlines()[:7] == done.splitlines()[:7]
    assert "takedowns/0001.json" in done


def test_twice_is_as_once(out, capsys):
    """What was taken down before is said to be so; no second proof."""
    ids = chosen(out)
    take(out, ids["kept"], ids["short"])
    shutil.copytree(out, out.parent / "copy")
    take(out, ids["kept"], ids["short"])
    assert "of 2 records nothing was left" in capsys.readouterr().out
    assert [] == runs.same(out, out.parent / "copy")


def test_what_cannot_be_done_is_said_and_nothing_is_written(finished, out, tmp_path, capsys):
    """No such run, empty list, nothing found, unfinished stage, foreign stage."""
    take(out, "no-such-id", expect=2)
    assert "none of the 1 ids and URLs is in this run" in capsys.readouterr().err
    (tmp_path / "ids.txt").write_text("# nothing\n\n")
    assert 2 == cli.main(["remove", str(out), str(tmp_path / "ids.txt")])
    assert "no id in it" in capsys.readouterr().err
    assert 2 == cli.main(["remove", str(out), str(tmp_path / "none.txt")])
    assert "none.txt: cannot be read" in capsys.readouterr().err
    (tmp_path / "ids.txt").write_bytes(b"d001\n\xff\n")
    assert 2 == cli.main(["remove", str(out), str(tmp_path / "ids.txt")])
    assert "not UTF-8 at byte 5" in capsys.readouterr().err
    (tmp_path / "ids.txt").write_text("d000\n")
    assert 2 == cli.main(["remove", str(tmp_path / "nowhere"), str(tmp_path / "ids.txt")])
    assert "no such folder" in capsys.readouterr().err
    assert [] == runs.same(out, finished / "out")
    shutil.copytree(out / "small/05-curate", out / "small/07-curate")
    take(out, "d000", expect=2)
    assert "07-curate: no stage of recipe.yaml" in capsys.readouterr().err
    shutil.rmtree(out / "small/07-curate")
    (out / "small" / LAST / "manifest.json").unlink()
    take(out, "d000", expect=2)
    assert f"{LAST} is not finished" in capsys.readouterr().err


def test_from_standard_input(out, monkeypatch):
    """`-` reads the list there."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"d000\r\nd001\r\n")))
    assert 0 == cli.main(["remove", str(out), "-"])
    assert {"takedown"} == {rows(out, "01-curate")[name]["reason"] for name in ("d000", "d001")}


@pytest.mark.parametrize("step", [EXACT, NEAR])
def test_it_is_no_reason_to_drop_a_copy_later(step, tmp_path):
    """A later run keeps the copy of what was taken down, also where the earlier run had dropped a copy of its own."""
    text = " ".join(WORDS[:60])
    old = [{"id": "a", "text": text}, {"id": "b", "text": text}, {"id": "c", "text": " ".join(WORDS[100:160])}]
    new = [{"id": "n", "text": text}, {"id": "m", "text": " ".join(WORDS[100:160])}]
    texts.run(texts.write(tmp_path / "old", old), tmp_path / "first", step)
    texts.write(tmp_path / "new", new)
    against = step.replace("}", f", against: ['{tmp_path}/first/small']}}")
    _, before = texts.run(tmp_path / "new", tmp_path / "second", against)
    assert [] == texts.ids(before)
    title = "02-" + step.split()[1].strip(",}")
    (stayed,) = {"a", "b"} & kept(tmp_path / "first", title)
    take(tmp_path / "first", stayed)
    _, after = texts.run(tmp_path / "new", tmp_path / "second", against)
    assert ["n"] == texts.ids(after)


def test_a_changed_last_step_goes_on_from_the_index(finished, out):
    """Another threshold: the signatures are taken over, and the result is that of a corpus without the documents."""
    ids = set(chosen(out).values())
    take(out, *ids)
    steps = STEPS.replace("threshold: 0.6", "threshold: 0.8")
    done, results = again(finished, out, steps)
    assert "03-near_dedup/01-signatures" not in [label for label, _ in done]
    assert "03-near_dedup/02-candidates" in [label for label, _ in done]
    texts.write(out.parent / "texts", [d for d in documents() if d["id"] not in ids])
    fresh = texts.run(out.parent / "texts", out.parent / "fresh", steps)
    assert texts.ids(fresh[2]) == texts.ids(results[2])
    verdicts = [{row["id"]: row["near_dedup.kept"] for row in texts.ledger(r[2]).to_pylist()} for r in (fresh, results)]
    assert verdicts[0] == verdicts[1]


def test_a_shard_lost_afterwards_is_never_made_from_old_numbers(finished, out):
    """The run stops at what is gone; without the stage's folder it is made of what is left."""
    ids = chosen(out)
    take(out, *ids.values())
    stage = out / "small/03-near_dedup"
    next((stage / "documents").iterdir()).unlink()
    with pytest.raises(OutputError, match=r"05-matches/verdicts/\d+\.arrow: no such file"):
        again(finished, out)
    shutil.rmtree(stage)
    done, results = again(finished, out)
    assert not set(ids.values()) & set(texts.ids(results[-1]))
    assert {label[:2] for label, _ in done} <= {"03", "04", "05", "06"}


def test_new_input_is_added_to_what_was_taken_down(finished, out, tmp_path):
    """Shards that are made later and shards that lost documents add up."""
    ids = chosen(out)
    take(out, *ids.values())
    shutil.copytree(finished / "texts", tmp_path / "texts")
    line = json.dumps({"id": "new", "text": " ".join(WORDS[500:560])})
    (tmp_path / "texts/part-9.jsonl").write_text(line + "\n")
    done = []
    results = texts.run(tmp_path / "texts", out, STEPS, execute=noting(done))
    assert ("01-curate", 1) in done
    assert ("02-exact_dedup/01-keys", 1) in done
    assert ("03-near_dedup/01-signatures", 1) in done
    assert "new" in texts.ids(results[-1])
    assert not set(ids.values()) & set(texts.ids(results[-1]))
    texts.write(tmp_path / "left", [d for d in documents() if d["id"] not in ids.values()])
    (tmp_path / "left/part-9.jsonl").write_text(line + "\n")
    fresh = texts.run(tmp_path / "left", tmp_path / "fresh", STEPS)
    for one, two in zip(results, fresh, strict=True):
        assert texts.ids(one) == texts.ids(two)


def test_counts_of_ngrams_are_taken_again(tmp_path):
    """The next run counts anew in the shards that lost documents, and makes no shard."""
    (tmp_path / "set.jsonl").write_text(json.dumps({"question": " ".join(WORDS[:20])}) + "\n")
    texts.write(tmp_path / "texts", documents())
    steps = f"{GOPHER}\n{{use: decontaminate, benchmarks: {{own: {tmp_path}/set.jsonl}}}}"
    texts.run(tmp_path / "texts", tmp_path / "out", steps)
    take(tmp_path / "out", "d000")
    done = []
    results = texts.run(tmp_path / "texts", tmp_path / "out", steps, execute=noting(done))
    assert [("02-decontaminate/01-counts", 1)] == done
    assert "d000" not in texts.ids(results[-1])


def test_a_run_that_reads_the_source_again_says_so(finished, out, capsys):
    """Another first step makes its shards anew, and with them what was taken down: the run tells, and a list helps."""
    name = chosen(out)["kept"]
    take(out, name)
    lines = "\n".join(f"  - {line}" for line in STEPS.splitlines())
    recipe = out.parent / "small.yaml"
    recipe.write_text(texts.RECIPE.format(folder=finished / "texts", out=out, steps=lines))
    assert 0 == cli.main(["run", str(recipe), "--runner", "local"])
    assert "taken down" not in capsys.readouterr().err
    looser = ["--set", "steps.gopher_quality.words=[19, 100000]"]
    assert 0 == cli.main(["run", str(recipe), "--runner", "local", *looser])
    assert "taken down" in capsys.readouterr().err
    assert name in kept(out)
    take(out, name)
    assert name not in kept(out)
    assert proof(out, 2)["removed"] == proof(out, 1)["removed"]


def test_signals_of_earlier_stages_are_still_joined(tmp_path):
    """`keep: {best: …}` of a step that is added after a takedown finds each document's own value."""
    texts.write(tmp_path / "texts", documents())
    steps = f"{GOPHER}\n{EXACT}"
    texts.run(tmp_path / "texts", tmp_path / "out", steps)
    take(tmp_path / "out", "d000", "d004", "d050")
    added = NEAR.replace("}", ", keep: {best: gopher_quality.mean_word_length}}")
    results = texts.run(tmp_path / "texts", tmp_path / "out", f"{steps}\n{added}")
    value = {name: row["gopher_quality.mean_word_length"] for name, row in rows(tmp_path / "out", "01-curate").items()}
    dropped = [row for row in texts.ledger(results[2]).to_pylist() if row["reason"]]
    assert dropped
    assert all(value[row["near_dedup.kept"]] >= value[row["id"]] for row in dropped)


def test_dead_letters_lose_their_bytes(tmp_path):
    """What could not be read is taken down too: the row stays, the bytes and the message go."""
    schema = pa.schema([("row", pa.int64()), ("id", pa.string()), ("url", pa.string()), ("offset", pa.int64()),
                        ("step", pa.string()), ("error", pa.string()), ("payload", pa.binary())])  # fmt: skip
    data = [{"row": n, "id": f"x{n}", "url": f"https://a.example/{n}", "offset": n, "step": "c4", "error": "bad 'abc'",
             "payload": b"abc"} for n in range(3)]  # fmt: skip
    source, target = str(tmp_path / "a.parquet"), str(tmp_path / "b.parquet")
    write.write_table(source, [pa.RecordBatch.from_pylist(data, schema=schema)], schema)
    rewrite.first_dead(source, target, Wanted.parse(b"x1", "list"))
    told = pq.read_table(target).to_pylist()
    assert [data[0], {**data[1], "url": None, "payload": None, "error": "takedown"}, data[2]] == told
    rewrite.later_dead(source, target, np.array([1]))
    assert [data[0], {**data[2], "row": 1}] == pq.read_table(target).to_pylist()


def test_a_smaller_input_may_have_fewer_partitions(tmp_path, monkeypatch):
    """Where the numbers of partitions change, keys are dealt out anew and counts of the last go to the first."""
    from corpusmill.stages import exact, near

    monkeypatch.setattr(exact, "PART_BYTES", 40 * exact.RECORD_BYTES)
    monkeypatch.setattr(near, "PART_BYTES", 40 * 64 * near.KEY_BYTES)
    texts.write(tmp_path / "texts", [d for d in documents(120) if int(d["id"][1:]) % 9 not in (5, 8)])
    steps = f"{EXACT}\n{NEAR}"
    before = texts.run(tmp_path / "texts", tmp_path / "out", steps)
    phases = [tmp_path / "out/small" / name for name in ("02-exact_dedup/02-owners", "03-near_dedup/02-candidates")]
    assert [3, 3] == [len(list((phase / "reports").iterdir())) for phase in phases]
    stays = sorted(texts.ids(before[-1]))
    gone = stays[::2]
    assert before[1].report.kept - len(gone) <= 80
    take(tmp_path / "out", *gone)
    assert [2, 2] == [len(list((phase / "reports").iterdir())) for phase in phases]
    done = []
    results = texts.run(tmp_path / "texts", tmp_path / "out", steps, execute=lambda *work: done.append(work))
    assert [] == done
    assert stays[1::2] == texts.ids(results[-1])
    assert before[2].report.tallies["near_dedup.keys"] == results[2].report.tallies["near_dedup.keys"]
    parts = {rewrite.parts_of(str(path)) for path in (tmp_path / "out").rglob("01-*/keys/*.arrow")}
    assert {2} == parts


def test_lists_and_digests():
    """Comments, blanks, ends of lines and repeats; the digest is of the bytes given."""
    wanted = Wanted.parse(b"\xef\xbb\xbf# x\n\n a \r\na\nhttps://b.example/\n", "list")
    assert ((3, "a"), (5, "https://b.example/")) == wanted.lines
    assert 32 == len(digest("a")) == len(digest("\udcff"))
    found = wanted.matches(pa.array(["a", None, "c"]), pa.array([None, "http://b.example", None]))
    assert [True, True, False] == found.tolist()
    assert [(5, "https://b.example/")] == wanted.missing([("a", None)])
    assert [] == wanted.missing([("a", None), (None, "http://www.b.example")])
    with pytest.raises(InputError, match="no id in it"):
        Wanted.parse(b"#\n", "list")
