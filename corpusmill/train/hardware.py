"""What accelerators can do at most: the denominators of MFU, and the memory that a plan must fit.

Figures are those of the vendors' data sheets, written down from memory: dense, not sparse, products in bfloat16 with
sums in float32. Where nanochat's table has a device too, they agree with it; the sheets were not looked up.

A device that is not in the table has no MFU: one that falls through to another's peak gives figures that are wrong by
the ratio of both, and nobody sees it.
"""

import re
from dataclasses import dataclass

from corpusmill.errors import UsageError, near

GIB = 2**30
USABLE = 0.92  # of a device's memory: the rest is for the driver's context, buffers of collectives and fragments

# Words of a device's own name that do not tell apart what it can do.
_NEUTRAL = re.compile(r"NVIDIA|TESLA|GEFORCE|AMD|INSTINCT|GOOGLE|CLOUD|TPU|\d+GB|SXM\d?|HBM3E?|OAM|GPU|GENERATION")


@dataclass(frozen=True)
class Peak:
    """What one device can do.

    Attributes:
        name: as `--gpu` takes it; its words are those by which a device is known.
        flops: dense FLOP/s of the data sheet.
        memory: bytes; data sheets say GB and mean GiB, within a hundredth.
        source: where the figures are from.
        measured: FLOP/s that large matrix products reach in fact, null where nobody here knows.
        dtype: of the products.
    """

    name: str
    flops: float
    memory: int
    source: str
    measured: float | None = None
    dtype: str = "bf16"

    @property
    def usable(self) -> int:
        """Bytes that a plan may fill."""
        return int(self.memory * USABLE)


def _peak(name: str, tera: float, memory: int, source: str, measured: float | None = None, dtype: str = "bf16") -> Peak:
    return Peak(name, tera * 1e12, memory * GIB, source, None if measured is None else measured * 1e12, dtype)


# In design/TRAINING.md: 989 by the data sheet, about 790 for large products on H100 SXM and H200.
_REACHED = 790.0
_ALL = (
    _peak("B200", 2250, 180, "NVIDIA HGX B200 data sheet"),
    _peak("GB200", 2500, 186, "NVIDIA GB200 NVL72 data sheet"),
    _peak("H200", 989, 141, "NVIDIA H200 data sheet", _REACHED),
    _peak("H200 NVL", 836, 141, "NVIDIA H200 data sheet"),
    _peak("GH200", 989, 96, "NVIDIA GH200 data sheet"),
    _peak("H100", 989, 80, "NVIDIA H100 data sheet, SXM", _REACHED),
    _peak("H100 PCIe", 756, 80, "NVIDIA H100 data sheet, PCIe"),
    _peak("H100 NVL", 835, 94, "NVIDIA H100 NVL data sheet"),
    _peak("H800", 989, 80, "NVIDIA H800 data sheet, SXM"),
    _peak("A100", 312, 80, "NVIDIA A100 data sheet"),
    _peak("A100 40GB", 312, 40, "NVIDIA A100 data sheet"),
    _peak("A100 PCIe", 312, 80, "NVIDIA A100 data sheet"),
    _peak("A100 PCIe 40GB", 312, 40, "NVIDIA A100 data sheet"),
    _peak("A800", 312, 80, "NVIDIA A800 data sheet"),
    _peak("A800 PCIe", 312, 80, "NVIDIA A800 data sheet"),
    _peak("A40", 149.7, 48, "NVIDIA A40 data sheet"),
    _peak("A30", 165, 24, "NVIDIA A30 data sheet"),
    _peak("A10", 125, 24, "NVIDIA A10 data sheet"),
    _peak("L40S", 362, 48, "NVIDIA L40S data sheet"),
    _peak("L40", 181, 48, "NVIDIA L40 data sheet"),
    _peak("L4", 121, 24, "NVIDIA L4 data sheet"),
    _peak("RTX 6000 Ada", 364.2, 48, "NVIDIA RTX 6000 Ada data sheet"),
    _peak("RTX A6000", 154.8, 48, "NVIDIA RTX A6000 data sheet"),
    _peak("RTX 5090", 209.5, 32, "NVIDIA Blackwell (RTX) architecture paper, float32 sums"),
    _peak("RTX 4090", 165.2, 24, "NVIDIA Ada architecture paper, float32 sums"),
    _peak("RTX 3090", 71, 24, "NVIDIA Ampere GA102 architecture paper, float32 sums"),
    _peak("V100", 125, 16, "NVIDIA V100 data sheet, SXM2", dtype="fp16"),
    _peak("V100 32GB", 125, 32, "NVIDIA V100 data sheet, SXM2", dtype="fp16"),
    _peak("V100 PCIe", 112, 16, "NVIDIA V100 data sheet, PCIe", dtype="fp16"),
    _peak("V100 PCIe 32GB", 112, 32, "NVIDIA V100 data sheet, PCIe", dtype="fp16"),
    _peak("T4", 65, 16, "NVIDIA T4 data sheet", dtype="fp16"),
    _peak("MI300X", 1307, 192, "AMD Instinct MI300X data sheet"),
    _peak("MI325X", 1307, 256, "AMD Instinct MI325X data sheet"),
    _peak("MI210", 181, 64, "AMD Instinct MI210 data sheet"),
    _peak("v6e", 918, 32, "Google Cloud TPU documentation"),
    _peak("v5p", 459, 95, "Google Cloud TPU documentation"),
    _peak("v5e", 197, 16, "Google Cloud TPU documentation"),
    _peak("v4", 275, 32, "Google Cloud TPU documentation"),
)
PEAKS = {one.name: one for one in _ALL}


def peak(device_name: str) -> Peak | None:
    """The entry of a device, by the name that it gives itself or that a user gives it.

    The entry with most words of the name wins, so that an `H100 NVL` is no `H100`. A word that is not the entry's and
    says something (`Laptop`, `MIG`, `D`, `Ti`) makes the device another one, which is not known.

    Args:
        device_name: as `torch.cuda.get_device_name` says it, e.g. `NVIDIA A100-SXM4-40GB`.

    Returns:
        None if it is not known.
    """
    words = _words(device_name)
    found = [one for one in _ALL if _words(one.name) <= words and _neutral(words - _words(one.name))]
    return max(found, key=lambda one: len(_words(one.name)), default=None)


def chosen(name: str) -> Peak:
    """The entry that a user names.

    Raises:
        UsageError: if there is none, with those that there are.
    """
    found = peak(name)
    if found is None:
        known = ", ".join(PEAKS)
        raise UsageError(f"--gpu {name}: not in the table of devices{near(name, PEAKS)}; there are {known}")
    return found


def _words(name: str) -> frozenset[str]:
    return frozenset(re.findall(r"[A-Z0-9.]+", name.upper()))


def _neutral(words: frozenset[str]) -> bool:
    return all(_NEUTRAL.fullmatch(word) for word in words)
