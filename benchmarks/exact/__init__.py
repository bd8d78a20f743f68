"""The exact sampler: is it exact, how good are its draws, and how fast is it?

``python -m benchmarks.exact run`` measures, ``report`` writes docs/EXACT.md from the results alone.
"""
