"""The secret behind keyed names and hashes: it is named in a recipe, and never stands in one."""

import hashlib
import os

from corpusmill import resources
from corpusmill.errors import ResourceError

ENVIRONMENT = "env:"
LEAST = 8  # bytes


def read(reference: str) -> bytes:
    """The secret as 32 bytes.

    Args:
        reference: `env:NAME`, an environment variable of every worker, or a file.

    Raises:
        ResourceError: if there is none, or it is too short.
    """
    if reference.startswith(ENVIRONMENT):
        name = reference.removeprefix(ENVIRONMENT)
        value = os.environ.get(name, "").encode()
        if not value:
            raise ResourceError(
                f"key: {reference}: the environment has no {name}; set it where the run and its workers are"
            )
    else:
        value = resources.locate(reference).read_bytes().strip()
    if len(value) < LEAST:
        raise ResourceError(f"key: {reference}: found {len(value)} bytes; expected a secret of at least {LEAST}")
    return hashlib.blake2b(value, digest_size=32, person=b"corpusmill key").digest()


def digest(reference: str) -> str:
    """What tells one secret from another without giving it away: a slow hash of it."""
    return hashlib.pbkdf2_hmac("sha256", read(reference), b"corpusmill", 200_000).hex()[:32]
