"""From a budget or a corpus to a model."""

import pytest

from corpusmill.train import budget
from corpusmill.train.planner import count
from corpusmill.train.suited import for_flops, for_tokens, shape


@pytest.mark.parametrize("parameters", [3e6, 1e7, 3e7, 6e7, 1.6e8, 3.5e8, 1e9, 3e9, 7e9, 7e10])
def test_a_shape_has_the_size_that_is_wanted(parameters):
    """Within 15 %, and as deep for its width as known models are."""
    found = shape(parameters, 32_768 if parameters > 2e7 else 8192, 2048)
    assert pytest.approx(parameters, rel=0.15) == count(found).named
    assert 30 <= found.width / found.layers <= 200


@pytest.mark.parametrize("flops", [1e17, 1e18, 1.92e19, 1.21e20, 1.23e22])
def test_a_budget_is_spent_and_the_shape_is_compute_optimal(flops):
    """Each proposal costs the budget; the made shape gets 20 tokens a parameter, within a tenth; presets near first."""
    made, *presets = for_flops(flops, 32_768, 2048)
    for one in (made, *presets):
        assert pytest.approx(flops, rel=1e-9) == one.flops(2048)
        assert one.epochs is None
    assert made.name == "shape"
    assert pytest.approx(1, abs=0.1) == made.over_training
    far = [max(one.over_training, 1 / one.over_training) for one in presets]
    assert far == sorted(far)
    assert not far or far[-1] <= 20


def test_chinchillas_budget_gives_its_billion():
    """Table 3 has 1B parameters for 1.21e20 FLOPs; attention counted it is a little less, within a tenth."""
    assert pytest.approx(1e9, rel=0.1) == for_flops(1.21e20, 32_000, 2048)[0].parameters


def test_a_corpus_is_enough_for_a_larger_model_when_read_several_times():
    """One, two and four epochs; each has a shape at 20 tokens a parameter and the nearest preset."""
    found = for_tokens(1e9, 32_768, 2048)
    assert [1, 1, 2, 2, 4, 4] == [one.epochs for one in found]
    assert ["shape", "llama-60m", "shape", "llama-160m", "shape", "llama-160m"] == [one.name for one in found]
    sizes = [one.parameters for one in found[::2]]
    assert sizes == sorted(sizes)
    for one in found:
        assert one.tokens == 1e9 * one.epochs
    for one in found[::2]:
        assert pytest.approx(one.tokens, rel=0.1) == budget.optimal_tokens(one.parameters)
