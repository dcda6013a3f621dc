"""The decoder: packed rows are their documents, first weights follow names, both losses agree."""

import itertools

import pytest
import torch
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from corpusmill.train import architecture, config, initial
from corpusmill.train.attention import Segments
from corpusmill.train.loss import IGNORED, slope_of, token_losses
from corpusmill.train.model import Decoder

torch.set_num_threads(1)
VOCABULARY, LENGTH = 300, 48
DOCUMENTS = [[11, 30, 7], [1, 47]]  # the last segment of a row may be padding


def made(**changes):
    """A small decoder."""
    told = {
        "preset": "llama-3m",
        "layers": 2,
        "width": 24,
        "heads": 4,
        "kv_heads": 2,
        "initial_deviation": 0.2,
        **changes,
    }
    model = Decoder(architecture.resolve(config.Model(**told), VOCABULARY, LENGTH))
    model.initialise(0)
    return model


def numbers(*shape, below=VOCABULARY):
    """Ids, the same each time."""
    return torch.randint(0, below, shape, generator=torch.Generator().manual_seed(7))


CHOICES = {
    "norm": ("rmsnorm", "layernorm"), "norm_place": ("pre", "post"), "mlp": ("swiglu", "geglu", "gelu", "relu"),
    "positions": ("rope", "learned", "sinusoidal"), "qk_norm": (False, True),
}  # fmt: skip


def test_packed_rows_give_what_their_documents_give_apart():
    """For every kind of model: losses of two rows of packed documents, and gradients, against each document alone."""
    ids, targets = numbers(2, LENGTH), numbers(2, LENGTH).flip(1)
    targets[0, 41:] = IGNORED  # a padding tail
    targets[1, 1] = IGNORED  # a document goes on from another row: its first target has no context
    packed = Segments.of(DOCUMENTS, LENGTH, "cpu")
    for number, values in enumerate(itertools.product(*CHOICES.values())):
        rest = {"tied": number % 2 == 0, "bias": number % 3 == 0, "kv_heads": (1, 2, 4)[number % 3]}
        model = made(layers=1, **dict(zip(CHOICES, values, strict=True)), **rest)
        losses = model(ids, packed, targets)
        apart = torch.zeros_like(losses.cross_entropy)
        for row, lengths in enumerate(DOCUMENTS):
            for start, stop in itertools.pairwise(itertools.accumulate(lengths, initial=0)):
                found = model(ids[row : row + 1, start:stop], None, targets[row : row + 1, start:stop])
                apart[row, start:stop] = found.cross_entropy[0]
        assert torch.isfinite(apart).all(), (values, rest)
        torch.testing.assert_close(losses.cross_entropy, apart, rtol=1e-5, atol=2e-5)
        assert (losses.cross_entropy == 0).equal(targets == IGNORED)
        assert losses.cross_entropy.sum().item() == pytest.approx(apart.sum().item(), rel=1e-6)
        wholes = torch.autograd.grad(losses.cross_entropy.sum(), list(model.parameters()))
        parts = torch.autograd.grad(apart.sum(), list(model.parameters()))
        for whole, part in zip(wholes, parts, strict=True):
            assert (whole - part).norm() <= 1e-4 * part.norm() + 1e-6, (values, rest)


def test_nothing_is_seen_of_what_comes_later_or_of_other_documents():
    """A changed token changes logits from its place to the end of its document, and nowhere else."""
    model, ids = made(), numbers(2, LENGTH)
    packed = Segments.of(DOCUMENTS, LENGTH, "cpu")
    other = ids.clone()
    other[0, 20] = (other[0, 20] + 1) % VOCABULARY
    changed = (model(ids, packed) != model(other, packed)).any(-1)
    assert changed[0].nonzero().flatten().tolist() == list(range(20, 41))
    assert not changed[1].any()


def test_losses_are_those_of_the_logits():
    """Cross-entropy and log Z agree with torch's own on the logits, whose last ids are the vocabulary's."""
    model, ids, targets = made(tied=False), numbers(2, LENGTH), numbers(2, LENGTH)
    logits = model(ids)
    assert logits.shape == (2, LENGTH, VOCABULARY)
    losses = model(ids, None, targets)
    torch.testing.assert_close(losses.log_z, logits.logsumexp(-1))
    expected = functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
    torch.testing.assert_close(losses.cross_entropy, expected)
    at = torch.tensor([5, 40])
    torch.testing.assert_close(model(ids, at=at)[:, 0], logits[torch.arange(2), at])


@pytest.mark.parametrize(("dtype", "most"), [(torch.float32, 1e-6), (torch.bfloat16, 2e-2)])
def test_chunks_give_the_losses_of_whole_logits(dtype, most, monkeypatch):
    """Values and gradients, with z-loss and ignored targets, when the last chunk is smaller than the others."""
    monkeypatch.setattr("corpusmill.train.loss._ELEMENTS", {"cpu": 384 * 10})
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(2, 17, 24, generator=generator).to(dtype).requires_grad_()
    weight = torch.randn(384, 24, generator=generator).to(dtype).requires_grad_()
    targets = numbers(2, 17)
    targets[0, 3:9] = IGNORED
    found = []
    for how in ("full", "chunked"):
        losses = token_losses(hidden, weight, targets, VOCABULARY, how)
        assert losses.cross_entropy.dtype == losses.log_z.dtype == torch.float32
        total = losses.cross_entropy.sum() + 0.1 * (losses.log_z**2).sum()
        found.append([*losses, *torch.autograd.grad(total, (hidden, weight))])
    for full, chunked in zip(*found, strict=True):
        assert (full - chunked).norm() <= most * full.norm()
    assert not found[1][3][VOCABULARY:].any()


def test_slopes_are_the_same_compiled():
    """Where nothing is predicted, too, and for both upstreams."""
    logits, targets = made()(numbers(1, LENGTH))[0].detach(), numbers(LENGTH)
    upstream = torch.stack([numbers(LENGTH, below=9), numbers(LENGTH).flip(0)]) / 300
    upstream[:, ::5], targets[::5] = 0, IGNORED
    told = logits, targets, *upstream
    found = torch.compile(slope_of, backend="eager")(*told)
    assert torch.allclose(found, slope_of(*told), atol=1e-6)
    assert found.abs().max() > 0.01


class Products(TorchDispatchMode):
    """Notes in which numbers matrices are multiplied."""

    def __init__(self):
        super().__init__()
        self.seen = set()

    def __torch_dispatch__(self, function, _, args=(), kwargs=None):
        """Take note."""
        if function.overloadpacket in {torch.ops.aten.mm, torch.ops.aten.addmm}:
            self.seen |= {argument.dtype for argument in args if isinstance(argument, torch.Tensor)}
        return function(*args, **(kwargs or {}))


@pytest.mark.filterwarnings("ignore:Mismatch dtype between input and weight")  # on CUDA, autocast takes it in fp32
@pytest.mark.parametrize("how", ["full", "chunked"])
@pytest.mark.parametrize("norm", ["rmsnorm", "layernorm"])
def test_under_autocast_stream_and_all_products_are_in_bf16(how, norm):
    """In the backward pass, too, which autocast does not reach; losses stay in fp32, and near those without it."""
    model, ids, streams = made(norm=norm), numbers(2, LENGTH), []
    for block in model.blocks:
        block.register_forward_pre_hook(lambda _, inputs: streams.append(inputs[0].dtype))
    exact = model(ids, None, ids, loss=how).cross_entropy
    streams.clear()
    with Products() as products:
        with torch.autocast("cpu", torch.bfloat16):
            losses = model(ids, None, ids, loss=how).cross_entropy
        losses.sum().backward()
    assert set(streams) == products.seen == {torch.bfloat16}
    assert losses.dtype == torch.float32
    assert 0 < (losses - exact).norm() < 0.02 * exact.norm()
    assert all(parameter.grad.dtype == torch.float32 for parameter in model.parameters())


def test_first_weights_follow_seed_and_names():
    """They are equal on any device first built on, differ between names and seeds, and have the stated deviations."""
    plain = made(tied=False, layers=3, width=64)
    with torch.device("meta"):
        later = Decoder(plain.architecture)
    later.to_empty(device="cpu")
    later.initialise(0)
    for name, parameter in plain.named_parameters():
        assert torch.equal(parameter, dict(later.named_parameters())[name]), name
    first, second = (block.attention.qkv.weight for block in plain.blocks[:2])
    assert not torch.equal(first, second)
    assert first.std().item() == pytest.approx(0.2, rel=0.05)
    assert plain.blocks[0].mlp.down.weight.std().item() == pytest.approx(0.2 / 6**0.5, rel=0.05)
    assert (plain.blocks[0].mlp_norm.weight == 1).all()
    deeper = made(tied=False, layers=4, width=64)  # another depth leaves the other weights as they are
    assert torch.equal(first, deeper.blocks[0].attention.qkv.weight)
    later.initialise(1)
    assert not torch.equal(first, later.blocks[0].attention.qkv.weight)
    assert "blocks.0.mlp.up.weight" == initial.plain_name("blocks.0._checkpoint_wrapped_module._orig_mod.mlp.up.weight")


def test_gpt2_has_its_parameters():
    """124,439,808, and rows that pad 50,257 ids to a multiple of 128."""
    with torch.device("meta"):
        model = Decoder(architecture.resolve(config.Model(preset="gpt2-124m"), 50_257, 1024))
    padding = (50_304 - 50_257) * 768
    assert 124_439_808 == sum(parameter.numel() for parameter in model.parameters()) - padding


def test_llama_7b_has_its_parameters():
    """6,738,415,616 with the 32,000 ids of Llama 2."""
    with torch.device("meta"):
        model = Decoder(architecture.resolve(config.Model(preset="llama-7b"), 32_000, 4096))
    assert 6_738_415_616 == sum(parameter.numel() for parameter in model.parameters())


def test_dropout_acts_in_training_only():
    """Two passes differ in training, not in evaluation."""
    model, ids = made(dropout=0.5), numbers(1, LENGTH)
    assert not torch.equal(model(ids), model(ids))
    model.eval()
    assert torch.equal(model(ids), model(ids))


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # dynamo's own, which it hides otherwise
def test_blocks_and_loss_are_compiled_once():
    """Other lengths of documents in rows of one shape compile nothing anew, and change no result."""
    plain, model = made(), made()
    torch._dynamo.reset()
    for block in model.blocks:
        block.compile(backend="eager")
    model.reduce = torch.compile(model.reduce, backend="eager")
    ids, targets = numbers(2, LENGTH), numbers(2, LENGTH).flip(1)
    targets[1, 5] = IGNORED
    with torch._dynamo.config.patch(error_on_recompile=True):
        for rows in (DOCUMENTS, [[10, 38], [20, 20, 8]], [[1] * 48, [24, 24]], [[5, 43], [48]]):
            segments = Segments.of(rows, LENGTH, "cpu")
            found = [one(ids, segments, targets) for one in (plain, model)]
            torch.testing.assert_close(found[0], found[1])
            slopes = [
                torch.autograd.grad(sum(map(torch.sum, losses)), one.embedding.weight)
                for losses, one in zip(found, (plain, model), strict=True)
            ]
            torch.testing.assert_close(slopes[0], slopes[1])
    torch._dynamo.reset()
