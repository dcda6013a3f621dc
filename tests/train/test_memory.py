"""Bytes by arithmetic are those of the model that is built, sharded and trained; on tensors without contents."""

import warnings
import weakref
from contextlib import contextmanager
from dataclasses import replace

import pytest

from corpusmill.train import config
from corpusmill.train.architecture import resolve
from corpusmill.train.hardware import GIB, USABLE
from corpusmill.train.memory import (
    CHUNK_LOGITS,
    MOST_LOGITS,
    STRATEGIES,
    Setup,
    activations,
    advice,
    block_bytes,
    fits,
    memory,
)
from corpusmill.train.planner import count

torch = pytest.importorskip("torch", reason="needs corpusmill[train]")

from torch._subclasses.fake_tensor import FakeTensorMode  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402
from torch.utils._pytree import tree_iter  # noqa: E402


class Live(TorchDispatchMode):
    """Bytes of all storages that are alive, and the most there were."""

    def __init__(self):
        super().__init__()
        self.sizes, self.bytes, self.peak = {}, 0, 0

    def look(self, tensor):
        """Take a tensor's storage into account, or its new size."""
        storage = getattr(tensor, "_local_tensor", tensor).untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key not in self.sizes:
            self.sizes[key] = (0, weakref.ref(storage, lambda _: self.gone(key)))
        self.bytes += size - self.sizes[key][0]
        self.sizes[key] = (size, self.sizes[key][1])
        self.peak = max(self.peak, self.bytes)

    def gone(self, key):
        """A storage is no more."""
        self.bytes -= self.sizes.pop(key)[0]

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        found = function(*args, **(kwargs or {}))
        resized = args if "resize" in str(function) else ()  # FSDP2 frees what it gathered so
        for tensor in tree_iter((found, resized)):
            if isinstance(tensor, torch.Tensor):
                self.look(tensor)
        return found


@contextmanager
def pretended(ranks):
    """A process group of many ranks in which collectives do nothing."""
    from torch.testing._internal.distributed.fake_pg import FakeStore

    torch.distributed.init_process_group("fake", rank=0, world_size=ranks, store=FakeStore())
    try:
        yield
    finally:
        torch.distributed.destroy_process_group()


def trained(found, setup, monkeypatch):
    """Bytes between steps and at the peak, of rank 0."""
    from corpusmill.train import optim, parallel
    from corpusmill.train.model import Decoder

    chosen = config.Sharding(
        strategy=setup.strategy, precision=setup.precision, checkpoint_activations=setup.checkpoint_activations
    )
    world = parallel.World(0, setup.ranks, setup.ranks, torch.device("cpu"))
    with pretended(setup.ranks), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a view is returned, which nothing here changes in place
        mesh = parallel._mesh(chosen, world)  # real, and so made before tensors lose their contents
        monkeypatch.setattr(parallel, "_mesh", lambda *_: mesh)
        with FakeTensorMode(allow_non_fake_inputs=True), Live() as live:
            model = parallel.wrap(Decoder(found), chosen, world)
            optimizer = optim.make(model, config.Optimizer())
            between = live.bytes
            ids = torch.zeros((setup.micro_rows, setup.sequence_length), dtype=torch.int64)
            for number in range(setup.micro_batches):
                with parallel.micro_batch(model, chosen, last=number == setup.micro_batches - 1):
                    model(ids, None, ids, loss=setup.loss).cross_entropy.sum().backward()
            optimizer.step()
    return between, live.peak


def kept(found, width):
    """Bytes of a token that one block of the built model saves for its backward pass."""
    from corpusmill.train.model import Decoder

    dtype = {2: torch.bfloat16, 4: torch.float32}[width]
    rows, length = 2, found.max_length
    with FakeTensorMode(allow_non_fake_inputs=True):
        with torch.device("meta"):
            model = Decoder(found)
        for module in model.modules():
            for name, old in list(module._parameters.items()):
                if old is not None:
                    module._parameters[name] = torch.nn.Parameter(torch.empty(old.shape, dtype=dtype))
        own = {parameter.untyped_storage()._cdata for parameter in model.parameters()}
        blocks, sums = model.blocks, []
        for layers in (1, 2):
            saved = {}

            def pack(tensor, saved=saved):
                saved[tensor.untyped_storage()._cdata] = tensor.untyped_storage()
                return tensor

            model.blocks = blocks[:layers]
            with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
                model(torch.zeros((rows, length), dtype=torch.int64))
            sums.append(sum(storage.nbytes() for key, storage in saved.items() if key not in own))
    return (sums[1] - sums[0]) / (rows * length)


@pytest.mark.parametrize("width", [2, 4])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"kv_heads": 1},
        {"kv_heads": 1, "qk_norm": True, "mlp": "geglu"},
        {"mlp": "gelu", "positions": "learned", "bias": True},
        {"mlp": "relu", "norm_place": "post", "positions": "sinusoidal"},
    ],
    ids=str,
)
def test_a_block_keeps_what_the_formula_says(changes, width):
    """Saved tensors of one block, each storage once; to the byte but for the sums of norms."""
    found = resolve(config.Model(preset="llama-3m", norm="layernorm", layers=2, **changes), 1000, 64)
    # LayerNorm on the processor keeps two sums of `width` bytes, RMSNorm on CUDA one of four.
    norms = 2 + (found.heads + found.kv_heads if found.qk_norm else 0)
    assert kept(found, width) == block_bytes(found, width) + norms * (2 * width - 4)


def test_rmsnorm_keeps_more_where_it_has_no_kernel_of_its_own():
    """On the processor RMSNorm is made of parts: each norm keeps two fp32 numbers instead of one bf16."""
    found = resolve(config.Model(preset="llama-3m", layers=2), 1000, 64)
    assert kept(found, 2) == block_bytes(found, 2) + 2 * found.width * (4 + 4 - 2)


SETUPS = {
    "ddp": Setup(strategy="ddp", ranks=8, micro_rows=4),
    "zero1": Setup(strategy="zero1", ranks=4, micro_rows=4, loss="chunked"),
    "zero2": Setup(strategy="zero2", ranks=8, micro_rows=4, loss="chunked", checkpoint_activations=True),
    "fsdp": Setup(strategy="fsdp", ranks=8, micro_rows=4),
    "fsdp fp32": Setup(strategy="fsdp", ranks=2, micro_rows=2, precision="fp32"),
    "offload": Setup(strategy="cpu_offload", ranks=4, micro_rows=2, loss="chunked"),
    "one rank": Setup(strategy="fsdp", ranks=1, micro_rows=2, loss="chunked"),
    "hsdp": Setup(strategy="hsdp", ranks=16, shard_ranks=16, micro_rows=2, checkpoint_activations=True),
}


@pytest.mark.parametrize("name", SETUPS)
def test_a_rank_needs_what_the_plan_says(name, monkeypatch):
    """Weights and moments to a few hundred bytes (a shard is padded), the peak of a step within a tenth."""
    from corpusmill.train import loss

    monkeypatch.setattr("corpusmill.train.memory.CHUNK_LOGITS", loss._ELEMENTS["cpu"])
    setup = replace(SETUPS[name], sequence_length=512)
    found = resolve(config.Model(preset="llama-60m", layers=6, norm="layernorm"), 16_000, 512)
    between, peak = trained(found, setup, monkeypatch)
    plan = memory(found, setup)
    on_host = plan.host * 3 // 4 if plan.host else 0  # without gradients, which are there only in a step
    assert pytest.approx(plan.weights + plan.moments + on_host, abs=2000) == between
    assert pytest.approx(plan.total + plan.host, rel=0.1) == peak


def test_numbers_of_the_trainer_are_the_same_here():
    """The plan must not import torch, so it has copies of two numbers."""
    from corpusmill.train import loss, room

    assert loss._ELEMENTS["cuda"] == CHUNK_LOGITS
    assert room.MOST_LOGITS["cuda"] == MOST_LOGITS


def test_a_training_file_says_the_setup():
    """What is `auto` is decided as on CUDA; micro-batches are what is left of a step for each rank."""
    text = "name: a\ndata: b\nbatches: {rows: 256, micro_rows: 4}\nsharding: {strategy: hsdp, shard_ranks: 4}"
    chosen, found = config.parse(text), resolve(config.Model(), 32_768, 2048)
    expected = Setup(strategy="hsdp", ranks=16, shard_ranks=4, micro_rows=4, micro_batches=4)
    assert expected == Setup.of(chosen, found, 16, 2048)
    chosen = config.parse(text, settings=["batches.micro_rows=128", "sharding.precision=fp32"])
    assert replace(expected, micro_rows=128, loss="chunked", precision="fp32", micro_batches=1) == Setup.of(
        chosen, found, 16, 2048
    )


@pytest.fixture(scope="module")
def billion():
    """The preset of a billion parameters."""
    return resolve(config.Model(preset="llama-1b"), 32_768, 2048)


def test_strategies_hold_what_their_names_say(billion):
    """ZeRO's stages (Rajbhandari et al. 2020, figure 1) with fp32 masters: 12 bytes a parameter, cut or not."""
    counted, ranks = count(billion).total, 8
    plans = {name: memory(billion, Setup(strategy=name, ranks=ranks)) for name in STRATEGIES}
    for name, plan in plans.items():
        whole = {"ddp": 12.0, "cpu_offload": 0.0}.get(name, 12 / ranks)
        assert pytest.approx(whole * counted, rel=1e-6) == plan.weights + plan.moments
    assert pytest.approx(16 / ranks * counted, rel=1e-6) == plans["cpu_offload"].host
    totals = [plans[name].total for name in ("ddp", "zero1", "zero2", "fsdp", "cpu_offload")]
    assert totals == sorted(totals, reverse=True)
    assert plans["hsdp"] == plans["fsdp"]  # eight ranks are one group
    halves = memory(billion, Setup(strategy="hsdp", ranks=ranks, shard_ranks=4))
    assert pytest.approx(2 * plans["hsdp"].weights, rel=1e-6) == halves.weights


def test_more_of_anything_needs_more(billion):
    """Rows, length and wider products add activations; checkpoints and chunks take them away."""
    base = Setup(micro_rows=4)
    for change in ({"micro_rows": 5}, {"sequence_length": 2049}, {"precision": "fp32"}):
        assert activations(billion, replace(base, **change)) > activations(billion, base)
        assert memory(billion, replace(base, **change)).total > memory(billion, base).total
    for change in ({"checkpoint_activations": True}, {"loss": "chunked"}, {"ranks": 2}, {"micro_batches": 1}):
        assert memory(billion, replace(base, **change)).total < memory(billion, base).total


@pytest.mark.parametrize("rows", [None, 96])
def test_what_fits_fits_and_a_row_more_does_not(billion, rows):
    """Every way is within the device, costs more than the one before, and allows more rows."""
    asked = Setup(strategy="ddp", ranks=4, micro_rows=64)
    room = 80 * GIB
    found = fits(billion, room, asked, rows)
    assert len(found) > 1
    for fit in found:
        assert fit.memory == memory(billion, fit.setup)
        assert fit.memory.total <= room * USABLE
        if rows:
            assert rows % (fit.setup.micro_rows * asked.ranks) == 0
        else:
            assert memory(billion, replace(fit.setup, micro_rows=2 * fit.setup.micro_rows)).total > room * USABLE
    assert [fit.slower for fit in found] == sorted({fit.slower for fit in found})
    assert [fit.setup.micro_rows for fit in found] == sorted({fit.setup.micro_rows for fit in found})


def test_the_advice_names_what_is_needed_and_keys_that_can_be_set(billion):
    """It goes into the message when a device is out of memory."""
    said = advice(billion, 24 * GIB, Setup(strategy="ddp", ranks=8, micro_rows=16), rows=128)
    assert said.startswith("by the plan ")
    assert "of 24.0 GiB are needed on each rank: " in said
    assert "sharding.strategy=fsdp" in said
    assert "sharding.loss=chunked" in said
    seven = resolve(config.Model(preset="llama-7b"), 32_000, 2048)
    assert "nothing that this trainer has would fit" in advice(seven, 4 * GIB, Setup(ranks=1))
