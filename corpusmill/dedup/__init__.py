"""Deduplication and decontamination: specs and pure functions over batches and arrays; `Dedup` is the catalogue.

Stages that compare documents with each other; how they go through shards is the business of `stages`.
"""

from corpusmill.dedup.exact import ExactDedup as ExactDedup
from corpusmill.dedup.near import NearDedup as NearDedup

Dedup = ExactDedup | NearDedup
