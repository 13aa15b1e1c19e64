"""Diffie-Hellman groups of an IKE SA (RFC 2409, RFC 3526, RFC 5903, RFC 8031).

Groups over finite fields are computed here, because `cryptography` is about to drop them. The exponents
serve one handshake of a monitoring client, so the time that `pow` takes gives nothing away that lasts.
"""

from __future__ import annotations

import secrets
from functools import cache
from typing import Protocol as StructuralType

from wgmon_tui.protocols.ikev2.proposals import Group

_COORDINATE_SIZES = {Group.ECP_256: 32, Group.ECP_384: 48, Group.ECP_521: 66}
_PI_OFFSETS = {
    Group.MODP_1024: (1024, 129093),
    Group.MODP_1536: (1536, 741804),
    Group.MODP_2048: (2048, 124476),
    Group.MODP_3072: (3072, 1690314),
    Group.MODP_4096: (4096, 240904),
    Group.MODP_6144: (6144, 929484),
    Group.MODP_8192: (8192, 4743158),
}
"""Of each prime: its bits, and the number that RFC 2409 §6.2 or RFC 3526 §2 to §7 adds to digits of pi."""

_EXPONENT_BITS = {
    Group.MODP_1024: 160,
    Group.MODP_1536: 224,
    Group.MODP_2048: 256,
    Group.MODP_3072: 320,
    Group.MODP_4096: 384,
    Group.MODP_6144: 448,
    Group.MODP_8192: 512,
}
"""Between the two estimates of RFC 3526 §8: a longer exponent takes more time and gives no strength."""


class InvalidShareError(Exception):
    """A public value that is no element of its group. The message is a phrase."""


class KeyExchange(StructuralType):
    """One side of a key exchange: its public value, and the secret that it shares with another."""

    @property
    def public_value(self) -> bytes:
        """What the other side gets."""

    def share(self, other: bytes) -> bytes:
        """The shared secret. Raises InvalidShareError."""


class _Modp:
    def __init__(self, group: Group) -> None:
        self._prime = _prime(group)
        self._size = self._prime.bit_length() // 8
        bits = _EXPONENT_BITS[group]
        self._exponent = secrets.randbits(bits) | 1 << (bits - 1)
        self.public_value = pow(2, self._exponent, self._prime).to_bytes(self._size, "big")

    def share(self, other: bytes) -> bytes:
        value = int.from_bytes(other, "big")
        if len(other) != self._size or not 1 < value < self._prime - 1:
            raise InvalidShareError("the key exchange has an impossible value for its group")
        return pow(value, self._exponent, self._prime).to_bytes(self._size, "big")


@cache
def _prime(group: Group) -> int:
    """The prime 2^n - 2^(n-64) - 1 + 2^64 * (floor(2^(n-130) * pi) + offset) of both RFCs."""
    bits, offset = _PI_OFFSETS[group]
    pi_digits = _pi_shifted(bits - 130)
    return int((1 << bits) - (1 << (bits - 64)) - 1 + (pi_digits + offset) * (1 << 64))


def _pi_shifted(bits: int) -> int:
    """floor(2^bits * pi), by Machin's formula with 32 spare bits."""
    one = 1 << (bits + 32)

    def arctangent_of_inverse(number: int) -> int:
        term = total = one // number
        divisor, sign = 1, 1
        while term:
            term //= number * number
            divisor, sign = divisor + 2, -sign
            total += sign * (term // divisor)
        return total

    return 4 * (4 * arctangent_of_inverse(5) - arctangent_of_inverse(239)) >> 32


class _Ecp:
    def __init__(self, group: Group) -> None:
        from cryptography.hazmat.primitives.asymmetric import ec

        curves: dict[Group, ec.EllipticCurve] = {
            Group.ECP_256: ec.SECP256R1(),
            Group.ECP_384: ec.SECP384R1(),
            Group.ECP_521: ec.SECP521R1(),
        }
        self._private = ec.generate_private_key(curves[group])
        self._size = _COORDINATE_SIZES[group]
        point = self._private.public_key().public_numbers()
        self.public_value = point.x.to_bytes(self._size, "big") + point.y.to_bytes(self._size, "big")

    def share(self, other: bytes) -> bytes:
        from cryptography.hazmat.primitives.asymmetric import ec

        try:
            point = ec.EllipticCurvePublicKey.from_encoded_point(self._private.curve, b"\x04" + other)
            return self._private.exchange(ec.ECDH(), point)
        except ValueError:
            raise InvalidShareError("the key exchange has a point that is not on its curve") from None


class _Curve25519:
    def __init__(self) -> None:
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

        self._private = X25519PrivateKey.generate()
        self.public_value = self._private.public_key().public_bytes_raw()

    def share(self, other: bytes) -> bytes:
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

        try:
            return self._private.exchange(X25519PublicKey.from_public_bytes(other))
        except ValueError:  # its length, or a point of low order
            raise InvalidShareError("the key exchange has an impossible value for its group") from None


def new_key_exchange(group: Group) -> KeyExchange:
    """A fresh key exchange in a group."""
    if group == Group.CURVE25519:
        return _Curve25519()
    return _Ecp(group) if group in _COORDINATE_SIZES else _Modp(group)
