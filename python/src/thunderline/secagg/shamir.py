"""Shamir's secret sharing (1979) over the field of 2^16 elements, polynomials modulo x^16 + x^12 + x^3 + x + 1.

A secret of 32 bytes is sixteen elements. A member's share lies at its place in the roster plus one, never at zero,
where the secret is.
"""

import numpy as np

_REDUCTION = np.uint16(0x100B)


def split(secret, threshold, places, randomness):
    """Shares for these places, any `threshold` of which give the secret; coefficients are drawn from the stream."""
    coefficients = secret + randomness.take(32 * (threshold - 1))
    polynomial = np.frombuffer(coefficients, "<u2").reshape(threshold, 16)
    abscissas = np.array(places, dtype=np.uint16)[:, None] + np.uint16(1)
    value = np.zeros((len(places), 16), dtype=np.uint16)
    for coefficient in polynomial[::-1]:
        value = _scaled(value, abscissas) ^ coefficient
    return [share.astype("<u2").tobytes() for share in value]


def _scaled(elements, by):
    """Elements times public ones, by shifts and exclusive ors alone."""
    power, total = elements, np.zeros_like(elements)
    for bit in range(int(by.max()).bit_length()):
        total ^= power * ((by >> np.uint16(bit)) & np.uint16(1))
        power = (power << np.uint16(1)) ^ (_REDUCTION * (power >> np.uint16(15)))
    return total
