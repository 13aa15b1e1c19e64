"""Keys of an IKE SA and its CHILD_SA (RFC 7296 §2.13, §2.14, §2.17)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from wgmon_tui.protocols.ikev2.proposals import Prf

_HASHES: Mapping[int, str] = {
    Prf.HMAC_SHA1: "sha1",
    Prf.HMAC_SHA2_256: "sha256",
    Prf.HMAC_SHA2_384: "sha384",
    Prf.HMAC_SHA2_512: "sha512",
}


@dataclass(frozen=True, slots=True)
class HmacPrf:
    """A pseudorandom function by its number: HMAC with SHA1 or SHA2 (RFC 2104, RFC 4868)."""

    number: int

    @property
    def size(self) -> int:
        """The bytes of its output, and of the keys of this function."""
        return hashlib.new(_HASHES[self.number]).digest_size

    def __call__(self, key: bytes, data: bytes) -> bytes:
        """One output of the function."""
        return hmac.digest(key, data, _HASHES[self.number])

    def expand(self, key: bytes, seed: bytes, size: int) -> bytes:
        """As many bytes as wanted: prf+ (RFC 7296 §2.13)."""
        found, block, counter = b"", b"", 1
        while len(found) < size:
            block = self(key, block + seed + bytes((counter,)))
            found += block
            counter += 1
        return found[:size]


@dataclass(frozen=True, slots=True)
class KeyMaterial:
    """The seven keys of an IKE SA (RFC 7296 §2.14). The repr shows none of them."""

    derive: bytes = field(repr=False)
    integrity_i: bytes = field(repr=False)
    integrity_r: bytes = field(repr=False)
    encryption_i: bytes = field(repr=False)
    encryption_r: bytes = field(repr=False)
    identity_i: bytes = field(repr=False)
    identity_r: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Nonces:
    """The nonces of both sides and the SPIs of the IKE SA, which go into every key."""

    initiator: bytes
    responder: bytes
    initiator_spi: bytes = b""
    responder_spi: bytes = b""

    @property
    def both(self) -> bytes:
        """The nonces, one after the other."""
        return self.initiator + self.responder


def derive_seed(prf: HmacPrf, nonces: Nonces, shared: bytes) -> bytes:
    """SKEYSEED: what all keys of an IKE SA follow from."""
    return prf(nonces.both, shared)


def derive_keys(
    prf: HmacPrf, nonces: Nonces, shared: bytes, encryption_size: int, integrity_size: int
) -> KeyMaterial:
    """The keys of an IKE SA. `shared` is the secret of the key exchange; sizes are in bytes."""
    sizes = (prf.size, integrity_size, integrity_size, encryption_size, encryption_size, prf.size, prf.size)
    seed = nonces.both + nonces.initiator_spi + nonces.responder_spi
    material = prf.expand(derive_seed(prf, nonces, shared), seed, sum(sizes))
    keys, offset = [], 0
    for size in sizes:
        keys.append(material[offset : offset + size])
        offset += size
    return KeyMaterial(*keys)


def derive_child_keys(prf: HmacPrf, derive: bytes, nonces: Nonces, size: int) -> bytes:
    """KEYMAT of the CHILD_SA that IKE_AUTH makes: `size` bytes, the initiator's keys first."""
    return prf.expand(derive, nonces.both, size)
