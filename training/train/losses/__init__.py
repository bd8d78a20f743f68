"""Losses whose gradients are written by hand, for speed or for memory."""
