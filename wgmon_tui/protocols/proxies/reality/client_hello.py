"""The ClientHello of REALITY: the session id holds version, time and short id, sealed for the server.

The key is X25519 of the ephemeral key share with the public key of the link, through HKDF. The server finds
it with its private key. This ClientHello is no browser's: it has no GREASE and fewer extensions. Servers look
at its version and its key shares, and censors may look at all of it. Source: XTLS/REALITY and
XTLS/Xray-core, transport/internet/reality.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from wgmon_tui.protocols.proxies.links.records import RealityOptions
from wgmon_tui.protocols.proxies.reality.key_schedule import SUITES
from wgmon_tui.protocols.proxies.reality.key_shares import KeyShares

CLIENT_HELLO = 1
_SESSION_ID_AT = 39
"""In the message: header, version, random, and the length of the session id come before."""

_SIGNATURES = (0x0807, 0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601)
_SNI, _GROUPS, _ALGORITHMS, _ALPN, _VERSIONS, _PSK_MODES, _KEY_SHARE = 0, 10, 13, 16, 43, 45, 51


@dataclass(frozen=True, slots=True)
class RealityHello:
    """A ClientHello, the key pairs of its key shares, and the key that only the server can find."""

    message: bytes
    shares: KeyShares = field(repr=False)
    auth_key: bytes = field(repr=False)


def make_hello(options: RealityOptions, server_name: str, unix_time: float, random: bytes) -> RealityHello:
    """A ClientHello for a server. `random` has 32 bytes. Raises ValueError for a key that is none."""
    shares = KeyShares(offers_mlkem=options.offers_mlkem)
    shared = shares.x25519.exchange(X25519PublicKey.from_public_bytes(options.public_key))
    auth_key = HKDF(algorithm=SHA256(), length=32, salt=random[:20], info=b"REALITY").derive(shared)
    plain = _hello(random, bytes(32), server_name, shares.offered)
    version, time = bytes((*options.client_version, 0)), max(0, int(unix_time)).to_bytes(4, "big")
    content = version + time + options.short_id.ljust(8, b"\0")[:8]
    sealed = AESGCM(auth_key).encrypt(random[20:], content, plain)
    message = plain[:_SESSION_ID_AT] + sealed + plain[_SESSION_ID_AT + len(sealed) :]
    return RealityHello(message, shares, auth_key)


def _hello(random: bytes, session_id: bytes, server_name: str, shares: Mapping[int, bytes]) -> bytes:
    suites = b"".join(each.to_bytes(2, "big") for each in SUITES)
    groups = b"".join(each.to_bytes(2, "big") for each in shares)
    entries = b"".join(group.to_bytes(2, "big") + _sized(share, 2) for group, share in shares.items())
    name = server_name.encode("ascii")
    extensions = b"".join(
        (
            _extension(_SNI, _sized(b"\0" + _sized(name, 2), 2)),
            _extension(_GROUPS, _sized(groups, 2)),
            _extension(_ALGORITHMS, _sized(b"".join(each.to_bytes(2, "big") for each in _SIGNATURES), 2)),
            _extension(_ALPN, _sized(_sized(b"h2", 1) + _sized(b"http/1.1", 1), 2)),
            _extension(_VERSIONS, _sized(b"\x03\x04", 1)),
            _extension(_PSK_MODES, _sized(b"\x01", 1)),
            _extension(_KEY_SHARE, _sized(entries, 2)),
        )
    )
    body = (
        b"\x03\x03" + random + _sized(session_id, 1) + _sized(suites, 2) + b"\x01\0" + _sized(extensions, 2)
    )
    return bytes([CLIENT_HELLO]) + len(body).to_bytes(3, "big") + body


def _extension(kind: int, content: bytes) -> bytes:
    return kind.to_bytes(2, "big") + _sized(content, 2)


def _sized(content: bytes, size: int) -> bytes:
    """Content after its length, which has `size` bytes."""
    return len(content).to_bytes(size, "big") + content
