"""The optimiser's groups, clipping, steps that are refused; the guard's judgement."""

import math

import pytest
import torch
from torch import nn

from corpusmill.train import optim
from corpusmill.train.config import Optimizer
from corpusmill.train.spikes import SpikeGuard

CPU = torch.device("cpu")
NO, YES = torch.tensor(False), torch.tensor(True)


def model():
    """A matrix, a bias and a norm."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4))


def slope(net, scale=1.0):
    """Give it a gradient."""
    (net(torch.arange(6.0).view(2, 3)) ** 3).sum().mul(scale).backward()


def test_decay_on_matrices_only():
    """With no gradient but decay, a step at rate 0.1 and decay 0.5 shrinks matrices by 5 % and leaves vectors."""
    net = model()
    optimizer = optim.make(net, Optimizer(weight_decay=0.5))
    before = {name: parameter.detach().clone() for name, parameter in net.named_parameters()}
    for parameter in net.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optim.step(optimizer, 0.1, NO)
    for name, parameter in net.named_parameters():
        assert torch.allclose(parameter, before[name] * (0.95 if parameter.ndim == 2 else 1.0)), name


def test_a_step_is_adamw_by_hand():
    """The first step moves each weight by the rate, whatever its gradient is, in its direction."""
    net = model()
    optimizer = optim.make(net, Optimizer(weight_decay=0.0))
    before = net[0].weight.detach().clone()
    slope(net)
    gradient = net[0].weight.grad.clone()
    optim.step(optimizer, 0.01, NO)
    assert torch.allclose(net[0].weight - before, -0.01 * gradient.sign(), atol=1e-6)


def test_a_refused_step_leaves_everything():
    """Weights, moments and counters stay as they are, even where the gradient is no number."""
    net = model()
    optimizer = optim.make(net, Optimizer())
    slope(net)
    optim.step(optimizer, 0.01, NO)
    optimizer.zero_grad()
    slope(net, math.nan)
    before = {name: value.clone() for name, value in optim.state(net, optimizer).items()}
    weights = [parameter.detach().clone() for parameter in net.parameters()]
    optim.step(optimizer, 0.01, YES)
    assert all(torch.equal(value, before[name]) for name, value in optim.state(net, optimizer).items())
    assert all(torch.equal(*pair) for pair in zip(net.parameters(), weights, strict=True))
    assert before["0.weight.step"] == 1
    optimizer.zero_grad()
    slope(net)
    optim.step(optimizer, 0.01, NO)
    assert optim.state(net, optimizer)["0.weight.step"] == 2


def test_norm_and_clip():
    """The norm is that of all gradients as one vector; clipping brings it down, and never up."""
    net = model()
    slope(net)
    whole = torch.cat([parameter.grad.flatten() for parameter in net.parameters()])
    norm = optim.gradient_norm(net.parameters())
    assert norm == pytest.approx(float(whole.norm()))
    optim.clip(net.parameters(), norm, float(norm) * 2)
    assert optim.gradient_norm(net.parameters()) == pytest.approx(float(norm))
    optim.clip(net.parameters(), norm, 0.5)
    assert optim.gradient_norm(net.parameters()) == pytest.approx(0.5, rel=1e-5)


def judged(guard, losses, norm=1.0):
    """What the guard says of losses, one after another."""
    return [bool(guard.judge(torch.tensor(loss), torch.tensor(norm))) for loss in losses]


def test_a_spike_is_what_lies_far_above_the_window():
    """Nothing is a spike before half a window; then 6 deviations above the mean are, below it nothing is."""
    guard = SpikeGuard(6.0, 8, CPU)
    assert judged(guard, [4.0, 9.0, 4.1, 3.9]) == [False] * 4
    guard = SpikeGuard(6.0, 8, CPU)
    assert judged(guard, [4.0, 4.1, 3.9, 4.0, 4.1, 3.9, 4.05, 3.95]) == [False] * 8
    deviation = float(guard.seen[0].std(correction=0))
    assert judged(guard, [4.0 + 5.9 * deviation]) == [False]
    assert judged(guard, [6.0, 0.1]) == [True, False]
    assert int(guard.skipped) == 1


def test_a_norm_is_judged_too():
    """A usual loss with a huge gradient is a spike."""
    guard = SpikeGuard(6.0, 4, CPU)
    judged(guard, [4.0] * 4)
    assert judged(guard, [4.0], norm=50.0) == [True]


def test_no_number_is_always_skipped_and_never_remembered():
    """NaN and infinities are skipped from the first step on, and the window stays finite."""
    guard = SpikeGuard(None, 4, CPU)
    assert judged(guard, [math.nan, math.inf, 4.0, 1e9]) == [True, True, False, False]
    assert guard.seen.isfinite().all()
    assert int(guard.count) == 2


def test_a_spike_does_not_open_the_gate_and_a_new_level_is_accepted():
    """After a huge spike a lesser one is still one; a level that stays is accepted after some steps."""
    guard = SpikeGuard(6.0, 8, CPU)
    judged(guard, [4.0, 4.1, 3.9, 4.0] * 2)
    assert judged(guard, [1e30, 8.0]) == [True, True]
    assert judged(guard, [4.0] * 8) == [False] * 8
    later = judged(guard, [5.0] * 40)
    assert later[0]
    assert not any(later[-8:])


def test_nearly_equal_losses_do_not_make_a_wobble_a_spike():
    """The least deviation is 0.5 % of the mean, so 4 x (1 + 6 x 0.005) = 4.12 is the limit here."""
    for loss, spike in ((4.115, False), (4.125, True)):
        guard = SpikeGuard(6.0, 4, CPU)
        judged(guard, [4.0] * 4)
        assert judged(guard, [loss]) == [spike]


def test_the_guards_state_is_all_there_is():
    """Copied into another guard, it judges alike."""
    one, two = SpikeGuard(6.0, 4, CPU), SpikeGuard(6.0, 4, CPU)
    judged(one, [4.0, 4.2, 3.8, 4.0, 4.1])
    for name, tensor in two.state().items():
        tensor.copy_(one.state()[name])
    assert torch.equal(two._limits(), one._limits())
    assert torch.isfinite(two._limits()).all()
