"""Functions that compilers can vectorise, unlike the C library's, and the size of a tile."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ik_nn_ros.compilation import inner

# Rows that go through everything together: their arrays stay in the nearest caches, and OpenBLAS
# multiplies matrices so small without packing them, a quarter faster.
TILE = 128
TINY = 1e-300  # added to what is divided by


def _series(function: Callable, low: float, high: float, degree: int) -> tuple[float, ...]:
    """Coefficients of the polynomial that interpolates a function on an interval."""
    through = np.polynomial.Chebyshev.interpolate(function, degree, domain=[low, high])
    return tuple(through.convert(kind=np.polynomial.Polynomial).coef.tolist())


_LOG2_E = np.float32(1.0 / math.log(2.0))
_LN2_HIGH = np.float32(0.693359375)  # exact in few bits, so that its multiples are, too
_LN2_LOW = np.float32(math.log(2.0) - 0.693359375)
_MANTISSA_BITS = np.int32(23)
_ROUNDER = np.float32(1.5 * 2.0**23)  # what is added to it is rounded, to its last bits
_EXPONENTIAL = tuple(map(np.float32, _series(np.exp, -0.5 * math.log(2.0), 0.5 * math.log(2.0), 5)))


@inner
def exp(x: np.float32) -> np.float32:
    """e^x within two roundings for |x| < 80; loops with the C library's are not vectorised."""
    rounded = x * _LOG2_E + _ROUNDER
    power = rounded - _ROUNDER
    rest = x - power * _LN2_HIGH - power * _LN2_LOW  # within half of log 2 from zero
    series = _EXPONENTIAL[-1]
    for n in range(len(_EXPONENTIAL) - 2, -1, -1):
        series = series * rest + _EXPONENTIAL[n]
    raised = np.float32(rounded).view(np.int32) << _MANTISSA_BITS  # by the power
    return np.int32(np.float32(series).view(np.int32) + raised).view(np.float32)


# pi in three parts: multiples of the first two, which have few bits, are exact.
_PI_HIGH = float(np.float32(math.pi))
_PI_MIDDLE = float(np.float32(math.pi - _PI_HIGH))
_PI_LOW = 1.2246467991473532e-16 + (math.pi - _PI_HIGH - _PI_MIDDLE)  # what a double leaves of pi
_COSINE = tuple((-1.0) ** n / math.factorial(2 * n) for n in range(11))
_SINE = tuple((-1.0) ** n / math.factorial(2 * n + 1) for n in range(11))


@inner
def cos_sin(x: float) -> tuple[float, float]:
    """cos x and sin x within 5e-16 for |x| < 1e6."""
    turns = np.floor(x * (1.0 / math.pi) + 0.5)  # half ones
    rest = x - turns * _PI_HIGH - turns * _PI_MIDDLE - turns * _PI_LOW  # |rest| <= pi / 2
    square = rest * rest
    cosine, sine = _COSINE[-1], _SINE[-1]
    for n in range(len(_COSINE) - 2, -1, -1):
        cosine = cosine * square + _COSINE[n]
        sine = sine * square + _SINE[n]
    sign = 1.0 - 2.0 * (turns - 2.0 * np.floor(0.5 * turns))
    return sign * cosine, sign * sine * rest


_EIGHTH = math.tan(math.pi / 8.0)
_ARCTANGENT = _series(lambda z: np.arctan(np.sqrt(z)) / np.sqrt(z), 0.0, _EIGHTH**2, 11)


@inner
def atan2(y: float, x: float) -> float:
    """The bearing of (x, y) in [-pi, pi] within 2e-15; 0 at the origin."""
    across, up = abs(x), abs(y)
    less, more = min(across, up), max(across, up)
    turned = less > _EIGHTH * more  # by an eighth of a turn
    tangent = (less - more if turned else less) / ((less + more if turned else more) + TINY)
    square, series = tangent * tangent, _ARCTANGENT[-1]
    for n in range(len(_ARCTANGENT) - 2, -1, -1):
        series = series * square + _ARCTANGENT[n]
    angle = tangent * series + (0.25 * math.pi if turned else 0.0)
    angle = 0.5 * math.pi - angle if up > across else angle
    angle = math.pi - angle if x < 0.0 else angle
    return -angle if y < 0.0 else angle


@inner
def acos(cosine: float) -> float:
    """The angle in [0, pi] within 3e-15; of a cosine beyond +-1, that of +-1."""
    cosine = min(max(cosine, -1.0), 1.0)
    return 2.0 * atan2(math.sqrt(1.0 - cosine), math.sqrt(1.0 + cosine))


_LEAST_MANTISSA = np.float64(math.sqrt(0.5)).view(np.int64)
_BITS_OF_DOUBLE = np.int64(52)  # of the mantissa
_LOGARITHM = tuple(2.0 / (2 * n + 1) for n in range(11))


@inner
def log(x: float) -> float:
    """The natural logarithm within 2e-16 or 4e-16 of itself; minus infinite from 0 down."""
    bits = np.float64(x).view(np.int64)
    power = (bits - _LEAST_MANTISSA) >> _BITS_OF_DOUBLE
    mantissa = np.int64(bits - (power << _BITS_OF_DOUBLE)).view(np.float64)
    ratio = (mantissa - 1.0) / (mantissa + 1.0)  # log m = 2 artanh of it
    square, series = ratio * ratio, _LOGARITHM[-1]
    for n in range(len(_LOGARITHM) - 2, -1, -1):
        series = series * square + _LOGARITHM[n]
    return power * math.log(2.0) + ratio * series if x > 0.0 else -math.inf
