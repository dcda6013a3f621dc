"""Compiled scans over Arrow buffers: numpy in, numpy out; no Arrow, no `str`, no I/O (but for `buffers`)."""
