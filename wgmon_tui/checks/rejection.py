"""Why packets are rejected: the reasons of the handshake that WireGuard and AmneziaWG share.

Evidence and stored records name them, so they stand below the protocols.
"""

from __future__ import annotations

from enum import Enum


class Reason(Enum):
    """Why a packet was rejected."""

    NOT_WIREGUARD = "not a WireGuard message"
    UNEXPECTED_TYPE = "a WireGuard message of an unexpected type"
    OTHER_INDEX = "addressed to another handshake attempt"
    OTHER_SESSION = "authentication failed under this session, or replayed"
    BAD_MAC1 = "wrong mac1: the sender does not know the receiver's public key"
    BAD_STATIC = "its static key does not decrypt: it was encrypted for another server key"
    BAD_TIMESTAMP = "its timestamp does not decrypt"
    BAD_EMPTY = "authentication failed: wrong preshared key, or forged"
    BAD_COOKIE = "its cookie does not decrypt: from another server, or forged"
    LOW_ORDER = "a public key of low order"
