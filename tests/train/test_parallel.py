"""Strategies, numbers of ranks, stopping and going on: one group of processes for each number of ranks, many cases."""

import json
import math

import pytest

from corpusmill.train import journal
from tests.train import ranks, tiny
from tests.train.cases import STRATEGIES

SIZES = (2, 1, 4)  # in the order in which the run `moved` goes through them


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Folder, and what each rank of each size found."""
    folder = tmp_path_factory.mktemp("ranks")
    tiny.shards(folder / "data")
    for size in SIZES:
        ranks.start("tests.train.cases", size, folder)
    told = {
        size: [json.loads((folder / f"found-{size}-{rank}.json").read_text()) for rank in range(size)] for size in SIZES
    }
    return folder / "out", told


def curve(folder, name):
    """Losses of all steps."""
    return [row["loss"] for row in tiny.metrics(folder / name)]


def rows(folder, name):
    """First sample, rows and digest of the ids of each step."""
    return [(row["first"], row["rows"], row["digest"]) for row in journal.read(folder / name / "steps.jsonl")]


def test_one_loss_curve_for_all_strategies_and_ranks(found):
    """Six strategies on 1, 2 and 4 ranks see the same rows, lose alike, and end with the same validation loss."""
    folder, told = found
    expected = curve(folder, "fsdp-1")
    assert len(expected) == 8
    assert expected[-1] < expected[0] - 0.5, "it learns"
    for size in SIZES:
        for strategy in STRATEGIES:
            name = f"{strategy}-{size}"
            assert curve(folder, name) == pytest.approx(expected, rel=1e-5), name
            assert rows(folder, name) == rows(folder, "fsdp-1")
            report = told[size][0]["strategies"][strategy]["report"]
            first = told[1][0]["strategies"]["fsdp"]["report"]
            for figure in ("validation_loss", "bits_per_byte"):
                assert report[figure] == pytest.approx(first[figure], rel=1e-5)


def test_first_weights_are_equal_everywhere(found):
    """The weights that a run begins with are the same bytes for each strategy, rank and number of ranks."""
    _, told = found
    digests = {
        rank["strategies"][strategy]["begin"] for size in SIZES for rank in told[size] for strategy in STRATEGIES
    }
    assert len(digests) == 1


def test_what_a_rank_holds(found):
    """ddp holds all on each rank, hsdp the share of its group, the others their share of all ranks."""
    _, told = found
    whole = told[1][0]["strategies"]["ddp"]["local"]
    for strategy in STRATEGIES:
        share = {"ddp": 1, "hsdp": 2}.get(strategy, 4)
        for kind in ("local", "moments"):
            held = [rank["strategies"][strategy][kind] for rank in told[4]]
            assert held == [whole // share] * 4, strategy


def test_other_ways_to_compute_the_same(found):
    """Activation checkpoints and chunked losses change nothing, bf16 little; dropout is the same for all ranks."""
    folder, _ = found
    expected = curve(folder, "fsdp-1")
    assert curve(folder, "checkpointed-1") == pytest.approx(expected, rel=1e-5)
    assert curve(folder, "chunked-1") == pytest.approx(expected, rel=1e-5)
    assert curve(folder, "z-1") != pytest.approx(expected, rel=1e-5)
    for size in (1, 2):
        bf16 = curve(folder, f"bf16-{size}")
        assert bf16 == pytest.approx(expected, rel=2e-2)
        assert bf16 != expected
    assert curve(folder, "dropout-1") == pytest.approx(curve(folder, "dropout-2"), rel=1e-5)
    assert curve(folder, "dropout-1") != pytest.approx(expected, rel=1e-3)


def test_micro_batches_and_ramp(found):
    """How a step is cut changes no loss; rows that grow take each sample once, in order."""
    folder, told = found
    for micro in (1, 4, 8):
        assert curve(folder, f"micro-{micro}") == pytest.approx(curve(folder, "fsdp-1"), rel=1e-5)
    taken = rows(folder, "ramp")
    assert [count for _, count, _ in taken[:7]] == [2, 2, 4, 4, 4, 8, 8]
    assert [first for first, _, _ in taken] == [sum(count for _, count, _ in taken[:at]) for at in range(len(taken))]
    assert told[1][0]["splits"] == len(taken)


@pytest.mark.parametrize("size", [1, 2])
def test_stopped_and_gone_on_with_to_the_bit(found, size):
    """SIGTERM to one rank stops all with a checkpoint; going on, with dropout, ends with the same bytes as in one go."""
    folder, told = found
    assert all(rank["resumed"] == [3, 15, 8, 0, True, True] for rank in told[size])
    assert curve(folder, f"resumed-{size}") == curve(folder, f"dropout-{size}")
    assert rows(folder, f"resumed-{size}") == rows(folder, f"dropout-{size}")
    there, here = (json.loads((folder / f"{name}-{size}/report.json").read_text()) for name in ("resumed", "dropout"))
    assert there["validation_loss"] == here["validation_loss"]


def test_from_two_ranks_to_one_to_four(found):
    """A run that changes ranks and strategy twice takes the same rows, and its losses stay within 1e-5."""
    folder, told = found
    assert [told[size][0]["moved"] for size in SIZES] == [3, 6, 8]
    assert rows(folder, "moved") == rows(folder, "fsdp-1")
    assert curve(folder, "moved") == pytest.approx(curve(folder, "fsdp-1"), rel=1e-5)


def test_a_spike_on_one_rank_is_skipped_by_all(found):
    """A loss far above, or no number, on one rank: no rank changes weights or moments, and all go on alike."""
    _, told = found
    for size in SIZES:
        for rank in told[size]:
            spikes = rank["spikes"]
            assert [[step, step in {5, 7}, step in {5, 7}] for step in range(1, 9)] == spikes["seen"]
            assert spikes["skipped"] == 2
            assert math.isfinite(spikes["loss"])
