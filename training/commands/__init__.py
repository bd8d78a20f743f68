"""The commands of ``python -m training``, one a file: its arguments, and what it does."""
