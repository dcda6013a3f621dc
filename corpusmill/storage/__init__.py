"""Readers, writers, layout, manifest and commit: everything that touches a file system."""
