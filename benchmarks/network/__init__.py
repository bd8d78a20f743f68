"""What `cinn` promises, measured of its shipped weights.

Beside the exact posterior (quality), commit 56aebab (speed) and `exact` (tables or network).
"""
