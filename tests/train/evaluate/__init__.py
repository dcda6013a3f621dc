"""Tests of corpusmill.train.evaluate."""
