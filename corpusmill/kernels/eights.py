"""Eight bytes of text at a time, as one uint64, first byte lowest.

A class of bytes is a uint64 that has bit 0x80 set in each byte of the class and no other bit. Bytes are looked at
without their highest bit, so that no sum carries into the next byte; who asks also looks at `eight & HIGH`.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from corpusmill.kernels.buffers import Bytes
from corpusmill.kernels.compiled import kernel
from corpusmill.kernels.words import HIGH, ONES, load

LOW_SEVEN = ~HIGH
LOWER = ONES * np.uint64(0x20)  # the bit that makes a letter a small one
_FROM_A = ONES * np.uint64(0x80 - ord("a"))
_BEYOND_Z = ONES * np.uint64(0x80 - ord("z") - 1)
_FROM_0 = ONES * np.uint64(0x80 - ord("0"))
_BEYOND_9 = ONES * np.uint64(0x80 - ord("9") - 1)
BELOW = np.array([(1 << 8 * size) - 1 for size in range(9)], np.uint64)  # masks of the first bytes


@intrinsic  # type: ignore[untyped-decorator]
def _trailing_zeros(_context: Any, _value: Any) -> Any:
    """The number of zero bits below the lowest set one; 64 for zero."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


@kernel
def trailing_bytes(marks: Any) -> int:
    """Bytes before the first that is in the class `marks`; 8 if none is."""
    return _trailing_zeros(marks) >> 3  # type: ignore[no-any-return]


@kernel
def ascii_letters(low: Any) -> Any:
    """The class of bytes that are ASCII letters; `low` has no byte above 0x7f."""
    lower = low | LOWER
    return (lower + _FROM_A) & ~(lower + _BEYOND_Z) & HIGH


@kernel
def ascii_digits(low: Any) -> Any:
    """The class of bytes that are ASCII digits; `low` has no byte above 0x7f."""
    return (low + _FROM_0) & ~(low + _BEYOND_9) & HIGH


@kernel
def ascii_equal(low: Any, wanted: Any) -> Any:
    """The class of bytes that equal those of `wanted`; neither has a byte above 0x7f."""
    return ~((low ^ wanted) + LOW_SEVEN) & HIGH


@kernel
def peek(data: Bytes, at: int, stop: int) -> Any:
    """Read data[at:at+8] with zeros for what lies at or after `stop`; `at` is before it."""
    room = stop - at
    if room >= 8:
        return load(data, at)
    if at + 8 <= len(data):
        return load(data, at) & BELOW[room]
    value = np.uint64(0)
    for place in range(stop - 1, at - 1, -1):
        value = value << np.uint64(8) | np.uint64(data[place])
    return value
