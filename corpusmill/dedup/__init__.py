"""Deduplication and decontamination: specs and pure functions over batches and arrays; `Dedup` is the catalogue.

Stages that compare documents with each other; how they go through shards is the business of `stages`.
"""

from corpusmill.dedup.decontaminate import Decontaminate as Decontaminate
from corpusmill.dedup.exact import ExactDedup as ExactDedup
from corpusmill.dedup.lines import LineDedup as LineDedup
from corpusmill.dedup.near import NearDedup as NearDedup
from corpusmill.dedup.paragraphs import ParagraphDedup as ParagraphDedup

Dedup = Decontaminate | ExactDedup | LineDedup | NearDedup | ParagraphDedup
