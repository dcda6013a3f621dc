"""How kernels are compiled: without the GIL, without bounds checks, cached on disk once per machine.

numba writes its cache beside the source, or below `NUMBA_CACHE_DIR` where that is set or the source folder cannot
be written. It writes to a temporary name and renames, so concurrent first starts only compile twice.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile `function` when it is first called; integer division and shifts follow numpy's rules."""
    return cast(F, numba.njit(cache=True, nogil=True, error_model="numpy")(function))
