"""Settings of the whole test run."""

from hypothesis import settings

# The first example of a kernel test pays for compiling, so no example has a deadline.
settings.register_profile("corpusmill", deadline=None)
settings.load_profile("corpusmill")
