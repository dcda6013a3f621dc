"""Says to the kernel how a mapped file is read."""

import ctypes
import mmap
from typing import Any

import numpy.typing as npt


def read_scattered(array: npt.NDArray[Any]) -> None:
    """Say that the pages below an array are wanted one here and one there, so that none are read ahead.

    Rows in a keyed order lie anywhere. Where the data are larger than memory, what is read ahead is gone before it is
    wanted: with 8 MB ahead of a row of 4 kB each wait for the disk took 3.9 ms, which is 0.5 M tokens/s, and without
    0.1 ms (benchmarks/loader.md). It is advice: where there is no such call, nothing is said.
    """
    libc = ctypes.CDLL(None) if hasattr(mmap, "MADV_RANDOM") else None
    if libc is None:
        return
    page = mmap.PAGESIZE
    start, end = -(-array.ctypes.data // page) * page, (array.ctypes.data + array.nbytes) // page * page
    if end > start:
        libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), ctypes.c_int(mmap.MADV_RANDOM))
