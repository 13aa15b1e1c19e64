"""ESP sessions of each cipher suite, of both ends."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from wgmon_tui.net.inner_packets import echo_request
from wgmon_tui.protocols.ikev2.esp import EspAlgorithms, EspDirection, EspKeys, EspSession, split_key_material
from wgmon_tui.protocols.ikev2.proposals import Encryption, Integrity

HERE, THERE = 0x11223344, 0x55667788


@dataclass(frozen=True, slots=True)
class Suite:
    """Algorithms, and how scapy calls them."""

    name: str
    algorithms: EspAlgorithms
    scapy_encryption: str
    scapy_integrity: str | None = None


def _gcm(length: int) -> Suite:
    return Suite(f"aes{length * 8}gcm", EspAlgorithms(Encryption.AES_GCM_16, length), "AES-GCM")


def _cbc(length: int, integrity: Integrity, name: str) -> Suite:
    algorithms = EspAlgorithms(Encryption.AES_CBC, length, integrity)
    return Suite(f"aes{length * 8}-{name}", algorithms, "AES-CBC", name)


SUITES = (
    _gcm(16),
    _gcm(32),
    Suite("chacha20", EspAlgorithms(Encryption.CHACHA20_POLY1305, 32), "CHACHA20-POLY1305"),
    _cbc(16, Integrity.HMAC_SHA2_256_128, "SHA2-256-128"),
    _cbc(32, Integrity.HMAC_SHA2_384_192, "SHA2-384-192"),
    _cbc(32, Integrity.HMAC_SHA2_512_256, "SHA2-512-256"),
    _cbc(16, Integrity.HMAC_SHA1_96, "HMAC-SHA1-96"),
)


def keys_of(suite: Suite) -> tuple[EspKeys, EspKeys]:
    material = bytes(each % 251 for each in range(suite.algorithms.key_material_length))
    return split_key_material(suite.algorithms, material)


def sessions(suite: Suite) -> tuple[EspSession, EspSession]:
    """Initiator and responder."""
    forth, back = keys_of(suite)
    to_there = EspDirection(THERE, suite.algorithms, forth)
    to_here = EspDirection(HERE, suite.algorithms, back)
    return EspSession(to_there, to_here), EspSession(to_here, to_there)


def request(version: int = 4, size: int = 0) -> bytes:
    source, destination = ("10.9.0.2", "10.9.0.1") if version == 4 else ("fd09::2", "fd09::1")
    return echo_request(ip_address(source), ip_address(destination), 7, 1, size)
