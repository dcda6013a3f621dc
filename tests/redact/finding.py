"""What the rules find in a text, as text."""

import functools

import pyarrow as pa

from corpusmill.kernels import buffers
from corpusmill.redact.patterns import Patterns

REGIONS = ("US", "GB", "DE", "FR")


@functools.cache
def patterns(**options) -> Patterns:
    """The rules with all entities."""
    return Patterns(regions=REGIONS, **options)


def found(text: str, **options) -> list[tuple[str, str]]:
    """Entity and value of each hit, in order."""
    data = text.encode()
    hits = patterns(**options).find(buffers.text(pa.array([text]))).get(0, [])
    return [(hit.entity, data[hit.start : hit.end].decode()) for hit in hits]


def values(text: str, entity: str, **options) -> list[str]:
    """The values of one entity."""
    return [value for name, value in found(text, **options) if name == entity]
