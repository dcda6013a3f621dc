"""Exact, near, line and paragraph deduplication, and decontamination: pure functions over batches and arrays."""
