"""Beam wiring and nothing else."""
