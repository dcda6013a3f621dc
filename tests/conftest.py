"""Settings of the whole test run."""

import pytest
from hypothesis import settings

from tests.data import shared

# The first example of a kernel test pays for compiling, so no example has a deadline.
settings.register_profile("corpusmill", deadline=None)
settings.load_profile("corpusmill")


@pytest.fixture
def lid_model():
    """The language model, from the shared data; the test is skipped without it."""
    return shared("models/lid.176.ftz")
