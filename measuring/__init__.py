"""Judges of a sampler: references, statistics, and results on disk; run from a clone alone."""
