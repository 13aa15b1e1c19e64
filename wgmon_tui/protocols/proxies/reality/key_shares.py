"""The key shares of REALITY's ClientHello: X25519MLKEM768 before X25519, as Xray and browsers send them.

From version 26.9.8 on, Xray shows its site to every ClientHello without that first share. ML-KEM needs a
library that has it: without one, X25519 alone is offered. Both shares hold the same X25519 key, so a server
finds it in either. Sources: RFC 8446 §4.2.8, draft-ietf-tls-ecdhe-mlkem §4, XTLS/REALITY.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey

X25519, X25519_MLKEM768 = 0x001D, 0x11EC
_CIPHERTEXT, _X25519_KEY = 1088, 32


class KeyShares:
    """The key pairs of one ClientHello."""

    def __init__(self, *, offers_mlkem: bool = True) -> None:
        self.x25519 = X25519PrivateKey.generate()
        self._mlkem = _make_mlkem() if offers_mlkem else None

    @property
    def offered(self) -> dict[int, bytes]:
        """The share of each group, in the order of the ClientHello."""
        public = self.x25519.public_key().public_bytes_raw()
        if self._mlkem is None:
            return {X25519: public}
        return {X25519_MLKEM768: self._mlkem.public_key().public_bytes_raw() + public, X25519: public}

    def agree(self, group: int, share: bytes) -> bytes:
        """The shared secret with the share of a server. Raises ValueError for one that was not asked for."""
        if group == X25519:
            return self._exchange(share)
        if group != X25519_MLKEM768 or self._mlkem is None or len(share) != _CIPHERTEXT + _X25519_KEY:
            raise ValueError(f"no key share of the group {group:#06x} was offered")
        return self._mlkem.decapsulate(share[:_CIPHERTEXT]) + self._exchange(share[_CIPHERTEXT:])

    def _exchange(self, share: bytes) -> bytes:
        return self.x25519.exchange(X25519PublicKey.from_public_bytes(share))


@cache
def has_mlkem() -> bool:
    """Whether the library of this machine has ML-KEM."""
    return _make_mlkem() is not None


def _make_mlkem() -> MLKEM768PrivateKey | None:
    """A key pair; None without the module, or where the OpenSSL below it lacks the algorithm."""
    try:
        from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey

        return MLKEM768PrivateKey.generate()
    except (ImportError, UnsupportedAlgorithm):
        return None
