"""Functions for kernels that compilers can vectorise, and the size of a kernel's tiles."""

from __future__ import annotations

import math

import numpy as np

from ik_nn_ros.compilation import compiled

# Samples that go through everything together: their arrays stay in the nearest caches, and OpenBLAS
# multiplies matrices so small without packing them, a quarter faster.
TILE = 128

_LOG2_E = np.float32(1.0 / math.log(2.0))
_LN2_HIGH = np.float32(0.693359375)  # exact in few bits, so that its multiples are, too
_LN2_LOW = np.float32(math.log(2.0) - 0.693359375)
_T2, _T3, _T4, _T5, _T6, _T7 = (np.float32(1.0 / math.factorial(n)) for n in range(2, 8))
_EXPONENT_BIAS = np.int32(127)
_MANTISSA_BITS = np.int32(23)


@compiled
def exp(x: np.float32) -> np.float32:
    """e^x within two roundings for |x| < 80; loops with the C library's are not vectorised."""
    power = np.floor(x * _LOG2_E + np.float32(0.5))
    rest = x - power * _LN2_HIGH - power * _LN2_LOW  # within half of log 2 from zero
    series = ((((_T7 * rest + _T6) * rest + _T5) * rest + _T4) * rest + _T3) * rest + _T2
    series = series * rest * rest + rest + np.float32(1.0)
    two_to_power = (np.int32(power) + _EXPONENT_BIAS) << _MANTISSA_BITS
    return series * np.int32(two_to_power).view(np.float32)


# pi in three parts: multiples of the first two, which have few bits, are exact.
_PI_HIGH = float(np.float32(math.pi))
_PI_MIDDLE = float(np.float32(math.pi - _PI_HIGH))
_PI_LOW = 1.2246467991473532e-16 + (math.pi - _PI_HIGH - _PI_MIDDLE)  # what a double leaves of pi
_COSINE = tuple((-1.0) ** n / math.factorial(2 * n) for n in range(11))
_SINE = tuple((-1.0) ** n / math.factorial(2 * n + 1) for n in range(11))


@compiled
def cos_sin(x: float) -> tuple[float, float]:
    """cos x and sin x within 5e-16 for |x| < 1e6."""
    turns = np.floor(x * (1.0 / math.pi) + 0.5)  # half ones
    rest = x - turns * _PI_HIGH - turns * _PI_MIDDLE - turns * _PI_LOW  # |rest| <= pi / 2
    square = rest * rest
    cosine, sine = 0.0, 0.0
    for n in range(len(_COSINE) - 1, -1, -1):
        cosine = cosine * square + _COSINE[n]
        sine = sine * square + _SINE[n]
    sign = 1.0 - 2.0 * (turns - 2.0 * np.floor(0.5 * turns))
    return sign * cosine, sign * sine * rest
