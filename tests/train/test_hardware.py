"""Devices by their names: the right peak, or none."""

import pytest

from corpusmill.errors import UsageError
from corpusmill.train import hardware


@pytest.mark.parametrize(
    ("device", "name", "tera", "gib"),
    [
        ("NVIDIA H200", "H200", 989, 141),
        ("NVIDIA H200 NVL", "H200 NVL", 836, 141),
        ("NVIDIA GH200 480GB", "GH200", 989, 96),
        ("NVIDIA H100 80GB HBM3", "H100", 989, 80),
        ("NVIDIA H100 PCIe", "H100 PCIe", 756, 80),
        ("NVIDIA A100-SXM4-40GB", "A100 40GB", 312, 40),
        ("NVIDIA A100-SXM4-80GB", "A100", 312, 80),
        ("NVIDIA A100-PCIE-40GB", "A100 PCIe 40GB", 312, 40),
        ("NVIDIA A100 80GB PCIe", "A100 PCIe", 312, 80),
        ("NVIDIA B200", "B200", 2250, 180),
        ("NVIDIA L4", "L4", 121, 24),
        ("NVIDIA L40S", "L40S", 362, 48),
        ("NVIDIA GeForce RTX 4090", "RTX 4090", 165.2, 24),
        ("NVIDIA RTX 6000 Ada Generation", "RTX 6000 Ada", 364.2, 48),
        ("NVIDIA RTX A6000", "RTX A6000", 154.8, 48),
        ("Tesla V100-SXM2-32GB", "V100 32GB", 125, 32),
        ("Tesla V100-PCIE-16GB", "V100 PCIe", 112, 16),
        ("AMD Instinct MI300X", "MI300X", 1307, 192),
        ("TPU v5e", "v5e", 197, 16),
        ("h200", "H200", 989, 141),
    ],
)
def test_names_as_devices_give_them(device, name, tera, gib):
    """The longest name wins: an H200 is not the H100 that it resembles."""
    found = hardware.peak(device)
    assert (name, tera * 1e12, gib * 2**30) == (found.name, found.flops, found.memory)


@pytest.mark.parametrize(
    "device",
    [
        "NVIDIA H100 80GB HBM3 MIG 1g.10gb",  # a seventh of the chip
        "NVIDIA GeForce RTX 4090 Laptop GPU",  # another chip
        "NVIDIA GeForce RTX 4090 D",
        "NVIDIA H20",
        "NVIDIA",
        "cpu",
        "",
    ],
)
def test_what_is_not_known_has_no_peak(device):
    """Never guess: a wrong denominator looks like a good result."""
    assert hardware.peak(device) is None


def test_every_entry_is_found_by_its_own_name():
    """No entry hides another, and each says where its figures are from."""
    for name, one in hardware.PEAKS.items():
        assert one is hardware.peak(name)
        assert one.source
        assert one.measured is None or one.measured < one.flops
        assert one.usable < one.memory


def test_a_name_that_is_not_there_is_told_with_a_near_one():
    """The user reads what there is."""
    with pytest.raises(
        UsageError, match=r"--gpu H2000: not in the table of devices; did you mean 'H200'\?; there are B200"
    ):
        hardware.chosen("H2000")
