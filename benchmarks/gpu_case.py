"""One job of benchmarks/gpu.py, in a process of its own: a case is timed with the trainer's own loader, step and guard.

A case is a model and a choice of each thing that design leaves open:

    model                   124m (gpt2-124m, rows of 1,024) or 1b (llama-1b, rows of 2,048)
    compile                 none, blocks, whole
    wrap                    fsdp or ddp (FSDP2 at world 1), or plain (weights in fp32, products by autocast)
    loss                    full, chunked, chunked_fused (its backward pass compiled, too), or linear_ce (torch's
                            F.linear_cross_entropy, which gives no log Z)
    attention               varlen or varlen_fa3 (documents masked), sdpa_cudnn or sdpa_flash (rows as one document:
                            what the mask costs; no choice for packed rows)
    micro_rows              rows of a forward pass
    checkpoint_activations  whether blocks are computed again in the backward pass
"""

import gc
import inspect
import statistics
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np

from corpusmill.storage.packed import Block, Header, PackedFile
from corpusmill.tokenize.pack import Documents, fill, plan
from corpusmill.train import config, planner
from corpusmill.train.setup import prepare

FOREVER = 10**12  # tokens and epochs: the case ends when it is timed
WARM, WINDOWS, STEPS = 4, 5, 2  # steps before the clock, windows of the median, steps of a window
SMALL_WINDOWS = 2  # of toys


@dataclass(frozen=True)
class Kind:
    """A model to be timed: rows of a step are those of a step of `rows * length` tokens."""

    model: config.Model
    length: int
    vocabulary: int
    rows: int
    documents: dict = field(default_factory=lambda: {"mean": 6.2, "sigma": 1.1})  # log of tokens: median 490

    def shrunk(self):
        """The same shape of things on a processor, in no time."""
        small = {"layers": 2, "width": 32, "heads": 2, "hidden": 64, "max_length": None}
        return replace(
            self, model=replace(self.model, **small), length=64, vocabulary=300, rows=4,
            documents={"mean": 2.5, "sigma": 0.8},
        )  # fmt: skip


KINDS = {
    "124m": Kind(config.Model(preset="gpt2-124m"), 1024, 50_257, 256),
    "1b": Kind(config.Model(preset="llama-1b"), 2048, 32_768, 64),
}


class UnsupportedError(Exception):
    """This machine's torch or GPU has not what the case wants."""


def kind_of(name, *, tiny):
    """What the name means here."""
    return KINDS[name].shrunk() if tiny else KINDS[name]


def write_shards(folder, kind, seed=0):
    """Packed rows of random ids, enough for about four steps; their order differs from epoch to epoch."""
    draw = np.random.default_rng(seed)
    wanted, lengths = 4 * kind.rows * kind.length, []
    while sum(lengths) < wanted:
        lengths += (draw.lognormal(**kind.documents, size=256).astype(np.int64) + 1).tolist()
    eos, total = kind.vocabulary - 1, sum(lengths)
    offsets = np.cumsum([0, *lengths]).astype(np.int64)
    ids = (eos * draw.random(total) ** 4).astype(np.uint16)  # some are frequent, so that there is something to learn
    header = Header(
        tokenizer="none", vocabulary_size=kind.vocabulary, dtype="uint16", eos=eos, padding=eos, strategy="best_fit",
        sequence_length=kind.length, recipe_key="benchmark",
    )  # fmt: skip
    planned = plan(np.diff(offsets), kind.length, "best_fit")
    rows = np.arange(planned.rows)
    at, segments = planned.segments_of(rows)
    document = planned.segment_document[segments]
    (Path(folder) / "shards/train").mkdir(parents=True)
    with PackedFile(f"{folder}/shards/train/00000.arrow", header) as file:
        block = fill(planned, Documents.of(offsets, ids), eos, rows)
        length, start = planned.segment_length[segments], planned.segment_start[segments]
        file.add(Block(block, at, length, np.zeros(len(document)), document, start))
        file.finish()


def training(folder, case, kind, device, **more):
    """The training file of a case."""
    sharding = config.Sharding(
        strategy="fsdp" if case["wrap"] == "plain" else case["wrap"], compile=case["compile"],
        loss={"linear_ce": "full", "chunked_fused": "chunked"}.get(case["loss"], case["loss"]), device=device,
        checkpoint_activations=case["checkpoint_activations"], precision=case.get("precision", "auto"),
    )  # fmt: skip
    told = {
        "name": "run", "data": (config.Data(path=f"{folder}/shards", epochs=FOREVER),), "model": kind.model,
        "length": config.Length(tokens=FOREVER), "optimizer": config.Optimizer(learning_rate=3e-4),
        "batches": config.Batches(rows=kind.rows, micro_rows=case["micro_rows"]), "sharding": sharding,
        "schedule": config.Schedule(shape="constant", warmup=0.0), "output": str(folder),
    }  # fmt: skip
    return config.Training(**{**told, **more})


@contextmanager
def started(folder, case, kind, device, **more):
    """A run of the trainer on this process, as the case wants it."""
    from corpusmill.train import parallel
    from corpusmill.train.run import Run

    with ExitStack() as stack:
        _compile_cheaply(stack, device)
        adapt_varlen(stack)
        _choose_attention(stack, case["attention"], device)
        _choose_loss(stack, case["loss"])
        if case["wrap"] == "plain" and case["compile"] != "whole":  # `whole` is plain as it is
            stack.enter_context(mock.patch.object(parallel, "wrap", _plain))
        world = stack.enter_context(parallel.join(device))
        yield Run(prepare(training(folder, case, kind, device, **more), 1), world)


def _compile_cheaply(stack, device):
    """On a processor only that it traces is of interest."""
    import torch

    torch.compiler.reset()
    if device == "cpu":
        cheap = partial(torch.compile, backend="eager")
        stack.enter_context(mock.patch.object(torch, "compile", cheap))


def adapt_varlen(stack):
    """An older torch has `is_causal` in place of a window, and no grouped queries: what our models need, it can do."""
    try:
        from torch.nn.attention import varlen
    except ImportError:
        return
    true, known = varlen.varlen_attn, inspect.signature(varlen.varlen_attn).parameters
    if {"window_size", "enable_gqa"} <= set(known):
        return

    def adapted(query, key, value, *rest, window_size, enable_gqa):
        if enable_gqa:
            each = query.shape[1] // key.shape[1]
            key, value = key.repeat_interleave(each, 1), value.repeat_interleave(each, 1)
        causal = {"window_size": window_size} if "window_size" in known else {"is_causal": True}
        return true(query, key, value, *rest, **causal)

    stack.enter_context(mock.patch.object(varlen, "varlen_attn", adapted))


def _choose_attention(stack, attention, device):
    import torch
    from torch.nn import attention as kernels

    from corpusmill.train import run
    from corpusmill.train.attention import Segments

    if attention == "varlen_fa3":
        if device == "cpu" or not hasattr(kernels, "activate_flash_attention_impl"):
            raise UnsupportedError(f"torch {torch.__version__} on {device} takes no other flash attention")
        try:
            kernels.activate_flash_attention_impl("FA3")
        except (ImportError, RuntimeError, ValueError) as error:
            raise UnsupportedError(f"FA3: {type(error).__name__}: {error}") from error
    elif attention.startswith("sdpa_"):
        whole = SimpleNamespace(of=lambda rows, length, where, _: Segments.whole(len(rows), length, where))
        stack.enter_context(mock.patch.object(run, "Segments", whole))
        if device != "cpu":
            name = {"sdpa_cudnn": "CUDNN_ATTENTION", "sdpa_flash": "FLASH_ATTENTION"}[attention]
            stack.enter_context(kernels.sdpa_kernel(getattr(kernels.SDPBackend, name)))


def _choose_loss(stack, loss):
    if loss == "linear_ce":
        from corpusmill.train import model

        stack.enter_context(mock.patch.object(model, "token_losses", linear_cross_entropy))
    elif loss == "chunked_fused":
        import torch

        from corpusmill.train import loss as losses

        stack.enter_context(mock.patch.object(losses, "slope_of", torch.compile(losses.slope_of)))


def linear_cross_entropy(hidden, weight, targets, vocabulary_size, _how, _reduce=None):
    """As `loss.token_losses`, by torch's own; each token's, since bf16 sums are wrong. There is no log Z: zeros."""
    import torch
    from torch.nn import functional

    from corpusmill.train.loss import TokenLosses, for_products

    if not hasattr(functional, "linear_cross_entropy"):
        raise UnsupportedError(f"torch {torch.__version__} has no linear_cross_entropy")
    flat = for_products(hidden.reshape(-1, hidden.shape[-1]))
    options = torch.nn.LinearCrossEntropyOptions(batch_chunk_size=min(4096, len(flat)))
    found = functional.linear_cross_entropy(
        flat, weight[:vocabulary_size].to(flat.dtype), targets.reshape(-1), reduction="none", ignore_index=-100,
        options=options,
    )  # fmt: skip
    losses = found.float().view(targets.shape).clone()
    return TokenLosses(losses, torch.zeros_like(losses))


def _plain(model, chosen, world):
    """No sharding and no hooks: what FSDP2 costs on one device."""
    import torch

    from corpusmill.train import parallel

    if parallel.compiles(chosen, world.device) == "blocks":
        for block in model.blocks:
            block.forward = torch.compile(block.forward)
        model.reduce = torch.compile(model.reduce)
    if chosen.checkpoint_activations:
        from torch.utils.checkpoint import checkpoint

        for block in model.blocks:
            block.forward = partial(checkpoint, block.forward, use_reentrant=False)
    if parallel.is_bf16(chosen, world.device):
        model.forward = parallel._autocast(model.forward, world.device)
    return model


def step(run):
    """The trainer's next step; gives seconds that reading took, and what the step came to."""
    begin = time.perf_counter()
    batches, targets = run.read()
    read = time.perf_counter() - begin
    return read, run.take(batches, targets)


def wait(device):
    """Until the device has done what it was given."""
    if device != "cpu":
        import torch

        torch.cuda.synchronize()


def graphs():
    """How many graphs were compiled in this process so far."""
    from torch._dynamo.utils import counters

    return int(counters["stats"]["unique_graphs"])


def measure(case, *, device, tiny):
    """Time a case; gives its figures."""
    import torch

    kind, before = kind_of(case["model"], tiny=tiny), graphs()
    with tempfile.TemporaryDirectory() as folder:
        write_shards(folder, kind)
        begin = time.perf_counter()
        with started(folder, case, kind, device) as run:
            first = step(run)[1]
            wait(device)
            ready = time.perf_counter() - begin
            for _ in range(WARM - 1):
                step(run)
            wait(device)
            gc.collect()
            gc.freeze()
            gc.disable()  # as the trainer does: between steps only
            try:
                seconds, reading = _windows(run, device, SMALL_WINDOWS if tiny else WINDOWS)
            finally:
                gc.enable()
                gc.unfreeze()
            last = step(run)[1]
            tokens = STEPS * kind.rows * kind.length
            architecture = run.ready.architecture
            return {
                "tokens_per_second": tokens / statistics.median(seconds),
                "slowest": tokens / max(seconds), "fastest": tokens / min(seconds),
                "flops_per_token": planner.flops_per_token(architecture, kind.length),
                "parameters": planner.count(architecture).named,
                "tokens_a_step": kind.rows * kind.length, "micro_tokens": case["micro_rows"] * kind.length,
                "loader_share": reading / sum(seconds), "seconds_to_first_step": ready,
                "memory_gib": torch.cuda.max_memory_allocated() / 2**30 if device != "cpu" else None,
                "graphs": graphs() - before, "losses": [float(first.loss), float(last.loss)],
                "skipped": int(run.skipped),
            }  # fmt: skip


def _windows(run, device, count):
    """Seconds of each window, and of reading in all of them."""
    seconds, reading = [], 0.0
    for _ in range(count):
        begin = time.perf_counter()
        for _ in range(STEPS):
            reading += step(run)[0]
        wait(device)
        seconds.append(time.perf_counter() - begin)
    return seconds, reading


def matmul_peak(*, device, tiny):
    """FLOP/s of one large product of random bf16 matrices (8,192 cubed): the other denominator."""
    import torch

    size = 256 if tiny else 8192
    left, right = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    seconds = []
    for number in range(13):
        wait(device)
        begin = time.perf_counter()
        for _ in range(5):
            left @ right
        wait(device)
        seconds += [(time.perf_counter() - begin) / 5] if number >= 3 else []
    return {"size": size, "flops": 2 * size**3 / statistics.median(seconds)}
