"""Tests of corpusmill.train."""
