"""Where tests find data that lies beside the checkout and is never copied into it."""

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[1] / "../shared/data"


def shared(path: str) -> Path:
    """The file or folder of the shared data, or skip the test that asks for it."""
    found = SHARED / path
    if not found.exists():
        pytest.skip(f"needs shared/data/{path} beside the checkout")
    return found
