"""Samplers of the posterior: what each one offers, and the exact one."""

EXACT = "exact"  # the exact sampler's name among the models
