"""What must hold on the device before its figures mean anything; each check says what it found and what it expected."""

import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np

from benchmarks import gpu_case
from benchmarks.gpu_case import graphs, started, step, wait, write_shards
from corpusmill.train import config
from corpusmill.train.setup import prepare

CASE = {
    "model": "1b", "compile": "none", "wrap": "fsdp", "loss": "full", "attention": "varlen",
    "checkpoint_activations": False, "micro_rows": 4,
}  # fmt: skip
SMALL = config.Model(preset="llama-30m", layers=4)
STEPS = 20


def _kind(*, tiny):
    """Small enough that a check takes seconds, and with heads as wide as kernels want them."""
    kind = gpu_case.kind_of("1b", tiny=tiny)
    return kind if tiny else replace(kind, model=SMALL, length=1024, rows=16)


def _losses(case, *, device, tiny):
    """Losses of the first steps, at a rate at which they fall."""
    kind, learning = _kind(tiny=tiny), config.Optimizer(learning_rate=3e-3)
    with tempfile.TemporaryDirectory() as folder:
        write_shards(folder, kind)
        with started(folder, CASE | case, kind, device, optimizer=learning) as run:
            found = [float(step(run)[1].loss) for _ in range(5 if tiny else 10)]
    assert found[-1] < 0.995 * found[0], f"nothing was learned: {found}"
    return found


def _apart(one, other):
    return max(abs(left - right) / abs(right) for left, right in zip(one, other, strict=True))


def bf16_is_near_fp32(*, device, tiny):
    """Losses of ten steps; bfloat16 has three digits, and a mean over 16,384 tokens more of them."""
    found = [_losses({"precision": precision}, device=device, tiny=tiny) for precision in ("bf16", "fp32")]
    return _apart(*found), 0.005


def compiled_is_eager(*, device, tiny):
    """Losses of ten steps, blocks compiled or not."""
    found = [_losses({"compile": how}, device=device, tiny=tiny) for how in ("blocks", "none")]
    return _apart(*found), 0.002


def whole_is_eager(*, device, tiny):
    """Losses of ten steps, the whole model compiled under autocast, or FSDP2 and nothing compiled."""
    found = [_losses({"compile": how}, device=device, tiny=tiny) for how in ("whole", "none")]
    return _apart(*found), 0.005


def chunked_is_full(*, device, tiny):
    """Losses of ten steps, logits whole or in chunks of a row."""
    from corpusmill.train import loss

    kind = _kind(tiny=tiny)
    small = {device: kind.length * kind.vocabulary}
    with mock.patch.dict(loss._ELEMENTS, small):
        found = [_losses({"loss": how}, device=device, tiny=tiny) for how in ("chunked", "full")]
    return _apart(*found), 0.002


def packed_is_separate(*, device, tiny):
    """In bfloat16, where CUDA has a kernel of its own: see `_packed`."""
    return _packed("bfloat16", device=device, tiny=tiny), 0.1


def packed_is_separate_in_fp32(*, device, tiny):
    """In fp32, where CUDA has a mask: see `_packed`."""
    return _packed("float32", device=device, tiny=tiny), 0.01


def _packed(dtype, *, device, tiny):
    """How far tokens' losses in packed rows are from those of documents alone, as a share of what no mask would give.

    First weights are large, so that it matters to a token what it attends to.
    """
    import torch

    from corpusmill.train.attention import Segments
    from corpusmill.train.model import Decoder

    kind = _kind(tiny=tiny)
    kind = replace(kind, model=replace(kind.model, initial_deviation=0.1))
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        gpu_case.adapt_varlen(stack)
        write_shards(folder, kind)
        ready = prepare(gpu_case.training(folder, CASE, kind, device), 1)
        batch = ready.rows.batch(np.arange(4))
        with torch.device(device):
            model = Decoder(ready.architecture)
        model.initialise(0)
        model = model.to(getattr(torch, dtype)).eval()
        inputs, targets = (torch.from_numpy(array).to(device) for array in batch[:2])

        def losses(segments, rows=slice(None), part=slice(None)):
            return model(inputs[rows, part], segments, targets[rows, part]).cross_entropy

        with torch.no_grad():
            packed, unmasked = losses(Segments.of(batch.lengths, kind.length, device, 256)), losses(None)
            apart = torch.empty_like(packed)
            for row, lengths in enumerate(batch.lengths):
                ends = np.cumsum(lengths).tolist()
                for start, end in zip([0, *ends], ends, strict=False):
                    apart[row, start:end] = losses(None, slice(row, row + 1), slice(start, end))[0]
    assert sum(map(len, batch.lengths)) > 8, "the rows hold too few documents to tell"
    return float((packed - apart).norm() / (unmasked - apart).norm())


def what_is_not_finite_is_skipped(*, device, tiny):
    """A step with a NaN in its loss changes no weight and no moment; gives how many it changed, or were NaN."""
    import torch

    from corpusmill.train.loss import TokenLosses

    kind, wrong = _kind(tiny=tiny), 0
    with tempfile.TemporaryDirectory() as folder:
        write_shards(folder, kind)
        with started(folder, CASE, kind, device) as run:
            step(run)
            before = {name: _local(tensor).clone() for name, tensor in run.tensors.items()}
            true = run.losses
            run.losses = lambda batch: TokenLosses(*(part * torch.nan for part in true(batch)))
            taken = step(run)[1]
            run.losses = true
            for name, tensor in run.tensors.items():
                if not name.startswith("guard."):
                    wrong += int((_local(tensor) != before[name]).sum())
            after = step(run)[1]
            moved = any(
                bool((_local(run.tensors[name]) != old).any()) for name, old in before.items() if name[:6] == "model."
            )
            wrong += (not bool(taken.skipped)) + bool(after.skipped) + (not moved) + (int(run.skipped) != 1)
    return wrong, 0


def nothing_is_compiled_again(*, device, tiny):
    """Graphs compiled in 20 steps after the first four, while the lengths of documents change from step to step.

    One of the four has no document longer than half a row: the longest is a number in the graph until it has changed
    once, and then a variable.
    """
    kind = _kind(tiny=tiny)
    with tempfile.TemporaryDirectory() as folder:
        write_shards(folder, kind)
        with started(folder, CASE | {"compile": "blocks"}, kind, device) as run:
            batches, targets = run.read()
            half = [np.full(2, kind.length // 2)] * CASE["micro_rows"]
            run.take([batch._replace(lengths=half) for batch in batches], targets)
            for _ in range(3):
                step(run)
            before, seen = graphs(), set()
            for _ in range(STEPS):
                seen.add(tuple(map(len, run.read()[0][0].lengths)))
                step(run)
    assert before > 0, "nothing was compiled at all"
    assert len(seen) > 2, "the lengths did not change"
    return graphs() - before, 0


def a_checkpoint_in_the_background_is_whole(*, device, tiny):
    """Saved while training goes on, then loaded by a new run: elements that differ from what was saved."""
    from corpusmill.train import checkpoint

    kind, case = _kind(tiny=tiny), CASE
    with tempfile.TemporaryDirectory() as folder:
        write_shards(folder, kind)
        with started(folder, case, kind, device) as run:
            step(run)
            step(run)
            kept = {name: _local(tensor).cpu().clone() for name, tensor in run.tensors.items()}
            Path(run.ready.folder).mkdir(parents=True)
            saver = checkpoint.Saver(run.ready.folder, run.chosen.checkpoints, run.world)
            saver.save(run.tensors, run.manifest())
            loss = float(step(run)[1].loss)
            saver.finish()
        with started(folder, case, kind, device) as again:
            wrong = int(again.step != 2)
            wrong += sum(int((_local(again.tensors[name]).cpu() != old).sum()) for name, old in kept.items())
            apart = abs(float(step(again)[1].loss) - loss) / loss
    return wrong + (apart > 1e-4), 0


def torchs_own_loss_is_right(*, device, tiny):
    """`F.linear_cross_entropy` of each token, and its gradients, against ours in the same numbers."""
    import torch

    from corpusmill.train.loss import token_losses

    tokens, width, vocabulary = (64, 32, 300) if tiny else (8192, 768, 50_257)
    dtype, found = torch.float32 if device == "cpu" else torch.bfloat16, []
    generator = torch.Generator().manual_seed(0)
    hidden, weight = (torch.randn(rows, width, generator=generator) for rows in (tokens, -(-vocabulary // 128) * 128))
    targets = torch.randint(0, vocabulary, (tokens,), generator=generator)
    targets[::7] = -100
    for way in (gpu_case.linear_cross_entropy, token_losses):
        leaves = [tensor.to(device, dtype).requires_grad_() for tensor in (hidden, weight * 0.05)]
        losses = way(*leaves, targets.to(device), vocabulary, "full").cross_entropy
        (losses.sum() / tokens).backward()
        found.append([losses.detach().float(), *(leaf.grad.float() for leaf in leaves)])
    apart = [float((one - other).norm() / other.norm()) for one, other in zip(*found, strict=True)]
    return max(apart), 1e-4 if device == "cpu" else 0.02


def _local(tensor):
    """A copy of its own on the device, as it is now."""
    return (tensor.to_local() if hasattr(tensor, "to_local") else tensor).detach()


CHECKS = {
    check.__name__: check
    for check in (
        what_is_not_finite_is_skipped, packed_is_separate, packed_is_separate_in_fp32, bf16_is_near_fp32,
        compiled_is_eager, whole_is_eager, chunked_is_full, nothing_is_compiled_again,
        a_checkpoint_in_the_background_is_whole, torchs_own_loss_is_right,
    )
}  # fmt: skip


def check(name, *, device, tiny):
    """Do one; gives what was found, the most that is allowed, and whether it holds."""
    found, most = CHECKS[name](device=device, tiny=tiny)
    wait(device)
    return {"found": found, "most": most, "holds": bool(found <= most)}
