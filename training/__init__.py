"""Training, evaluation and reporting; run from a clone with ``python -m training``."""
