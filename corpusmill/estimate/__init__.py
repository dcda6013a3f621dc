"""Estimates of whole runs from samples of their input."""
