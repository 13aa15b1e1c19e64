"""ESP (RFC 4303) in UDP (RFC 3948): the packets of a CHILD_SA, without I/O.

    SPI (4) | sequence number (4) | initialization vector | ciphertext | integrity check value

The ciphertext holds an IP packet, padding, the length of the padding and the number of the next header. The
algorithms are AES-GCM (RFC 4106), ChaCha20-Poly1305 (RFC 7634), and AES-CBC (RFC 3602) with HMAC-SHA2
(RFC 4868).
"""

from __future__ import annotations

import hmac
import os
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from wgmon_tui.protocols.ikev2.proposals import Encryption, Integrity, Transform, TransformType

HEADER_LENGTH = 8
"""SPI and sequence number."""

SALT_LENGTH = 4
AEAD_VECTOR_LENGTH = 8
TAG_LENGTH = 16
BLOCK_LENGTH = 16

NON_ESP_MARKER = bytes(4)
"""What an IKE message begins with where ESP may come too (RFC 3948 §2.2)."""

NAT_KEEPALIVE = b"\xff"
"""Keeps a mapping of a NAT open; nobody answers it (RFC 3948 §2.3)."""

IPV4, IPV6, NO_NEXT_HEADER = 4, 41, 59
_HEADER = struct.Struct("!II")
_ALIGNMENT = 4
_LAST_SEQUENCE_NUMBER = 2**32 - 1

_INTEGRITY: Mapping[int, tuple[str, int, int]] = {
    Integrity.HMAC_SHA1_96: ("sha1", 20, 12),
    Integrity.HMAC_SHA2_256_128: ("sha256", 32, 16),
    Integrity.HMAC_SHA2_384_192: ("sha384", 48, 24),
    Integrity.HMAC_SHA2_512_256: ("sha512", 64, 32),
}
"""Hash, and the bytes of its key and of its integrity check value."""


class EspError(Exception):
    """A packet that is not authentic, or not one of this CHILD_SA. The message is one phrase."""


class EspReplayError(EspError):
    """A sequence number was seen before, or is too old to decide."""


class EspExhaustedError(Exception):
    """No sequence number is left; a new CHILD_SA is needed."""


@dataclass(frozen=True, slots=True)
class EspAlgorithms:
    """The algorithms of a CHILD_SA. `integrity` is None with AEAD."""

    encryption: Encryption
    key_length: int
    integrity: Integrity | None = None

    @classmethod
    def of(cls, transforms: Sequence[Transform]) -> EspAlgorithms:
        """The algorithms of a chosen proposal. Raises ValueError if it lacks one, or one is unknown."""
        numbers = {each.type: each for each in transforms}
        encryption = numbers.get(TransformType.ENCRYPTION)
        integrity = numbers.get(TransformType.INTEGRITY)
        if encryption is None:
            raise ValueError("no encryption")
        found = Encryption(encryption.number)
        length = 32 if found is Encryption.CHACHA20_POLY1305 else encryption.key_bits // 8
        if length not in (16, 24, 32):
            raise ValueError("no key length")
        if found.has_integrity:
            return cls(found, length)
        if integrity is None:
            raise ValueError("no integrity")
        return cls(found, length, Integrity(integrity.number))

    @property
    def encryption_key_length(self) -> int:
        """Bytes of KEYMAT for encryption, with the salt of an AEAD."""
        return self.key_length + (SALT_LENGTH if self.encryption.has_integrity else 0)

    @property
    def integrity_key_length(self) -> int:
        """Bytes of KEYMAT for integrity."""
        return _INTEGRITY[self.integrity][1] if self.integrity else 0

    @property
    def vector_length(self) -> int:
        """Bytes of the initialization vector."""
        return AEAD_VECTOR_LENGTH if self.encryption.has_integrity else BLOCK_LENGTH

    @property
    def check_length(self) -> int:
        """Bytes of the integrity check value."""
        return _INTEGRITY[self.integrity][2] if self.integrity else TAG_LENGTH

    @property
    def key_material_length(self) -> int:
        """Bytes of KEYMAT for both directions."""
        return 2 * (self.encryption_key_length + self.integrity_key_length)


@dataclass(frozen=True, slots=True)
class EspKeys:
    """The keys of one direction. The salt of an AEAD is the end of `encryption`."""

    encryption: bytes = field(repr=False)
    integrity: bytes = field(default=b"", repr=False)


def split_key_material(algorithms: EspAlgorithms, material: bytes) -> tuple[EspKeys, EspKeys]:
    """The keys from initiator to responder, and back, from KEYMAT (RFC 7296 §2.17).

    Encryption keys come before integrity keys. Raises ValueError if the material is too short.
    """
    if len(material) < algorithms.key_material_length:
        raise ValueError("too little key material")
    encryption, integrity = algorithms.encryption_key_length, algorithms.integrity_key_length
    each = encryption + integrity
    forth, back = material[:each], material[each : 2 * each]
    return (
        EspKeys(forth[:encryption], forth[encryption:]),
        EspKeys(back[:encryption], back[encryption:]),
    )


class EspReplayWindow:
    """The sequence numbers seen: the greatest, and a bitmap of those below it (RFC 4303 §3.4.3)."""

    SIZE = 1024

    __slots__ = ("_greatest", "_seen")
    _MASK = (1 << SIZE) - 1

    def __init__(self) -> None:
        self._greatest = 0
        self._seen = 0  # bit n: the number `_greatest - n` was seen

    def can_accept(self, number: int) -> bool:
        """Whether a packet with this number may still be accepted. 0 is never sent."""
        age = self._greatest - number
        return number > 0 and (age < 0 or (age < self.SIZE and not self._seen >> age & 1))

    def mark(self, number: int) -> None:
        """Mark the number of an authentic packet as seen."""
        advance = number - self._greatest
        if advance > 0:
            self._seen = (self._seen << min(advance, self.SIZE) | 1) & self._MASK
            self._greatest = number
        else:
            self._seen |= 1 << -advance


@dataclass(frozen=True, slots=True)
class EspContent:
    """The content of an ESP packet. `next_header` is 4 for IPv4, 41 for IPv6, 59 for a dummy packet."""

    next_header: int
    data: bytes


class EspDirection:
    """One direction of a CHILD_SA: its SPI, its algorithms and its keys. The keys never show in a repr."""

    __slots__ = ("_aead", "algorithms", "keys", "spi")

    def __init__(self, spi: int, algorithms_: EspAlgorithms, keys: EspKeys) -> None:
        self.spi = spi
        self.algorithms = algorithms_
        self.keys = keys
        self._aead: AESGCM | ChaCha20Poly1305 | None = None
        if algorithms_.encryption is Encryption.AES_GCM_16:
            self._aead = AESGCM(keys.encryption[:-SALT_LENGTH])
        elif algorithms_.encryption is Encryption.CHACHA20_POLY1305:
            self._aead = ChaCha20Poly1305(keys.encryption[:-SALT_LENGTH])

    def __repr__(self) -> str:
        return f"EspDirection(spi={self.spi:#010x})"

    def seal(self, number: int, plain: bytes) -> bytes:
        """A packet with this sequence number, from padded content."""
        header = _HEADER.pack(self.spi, number)
        if self._aead is not None:
            vector = number.to_bytes(AEAD_VECTOR_LENGTH, "big")  # the counter keeps it unique (RFC 4106 §3.1)
            return header + vector + self._aead.encrypt(self._salt + vector, plain, header)
        vector = os.urandom(BLOCK_LENGTH)
        encryptor = Cipher(algorithms.AES(self.keys.encryption), modes.CBC(vector)).encryptor()
        covered = header + vector + encryptor.update(plain) + encryptor.finalize()
        return covered + self._check_value(covered)

    def open(self, packet: bytes) -> bytes:
        """The padded content of a packet. Raises EspError."""
        at = HEADER_LENGTH + self.algorithms.vector_length
        header, vector, sealed = packet[:HEADER_LENGTH], packet[HEADER_LENGTH:at], packet[at:]
        if len(sealed) < self.algorithms.check_length + 2:
            raise EspError("too short for ESP")
        if self._aead is not None:
            try:
                return self._aead.decrypt(self._salt + vector, sealed, header)
            except InvalidTag:
                raise EspError("not authentic") from None
        covered = packet[: -self.algorithms.check_length]
        if not hmac.compare_digest(self._check_value(covered), packet[len(covered) :]):
            raise EspError("not authentic")
        ciphertext = covered[at:]
        if not ciphertext or len(ciphertext) % BLOCK_LENGTH:
            raise EspError("no whole blocks")
        decryptor = Cipher(algorithms.AES(self.keys.encryption), modes.CBC(vector)).decryptor()
        return decryptor.update(ciphertext) + decryptor.finalize()

    @property
    def _salt(self) -> bytes:
        return self.keys.encryption[-SALT_LENGTH:]

    def _check_value(self, covered: bytes) -> bytes:
        name, _, length = _INTEGRITY[self.algorithms.integrity or Integrity.HMAC_SHA2_256_128]
        return hmac.digest(self.keys.integrity, covered, name)[:length]


class EspSession:
    """Both directions of a CHILD_SA in tunnel mode: encrypts sent packets and decrypts received ones."""

    __slots__ = ("_next", "_window", "receiving", "sending")

    def __init__(self, sending: EspDirection, receiving: EspDirection) -> None:
        """The SPI of a direction is the one that its receiver chose."""
        self.sending = sending
        self.receiving = receiving
        self._next = 1
        self._window = EspReplayWindow()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a session cannot be pickled or copied: two copies would use a number twice")

    def seal(self, inner: bytes) -> bytes:
        """Make an ESP packet of an IP packet. Raises EspExhaustedError."""
        number = self._next
        if number > _LAST_SEQUENCE_NUMBER:
            raise EspExhaustedError
        self._next += 1
        next_header = IPV6 if inner[:1] and inner[0] >> 4 == 6 else IPV4
        return self.sending.seal(number, _pad(inner, next_header, self.sending.algorithms))

    def open(self, packet: bytes) -> EspContent:
        """Decrypt an ESP packet. Raises EspError, EspReplayError."""
        spi, number = parse_header(packet)
        if spi != self.receiving.spi:
            raise EspError("another SPI")
        if not self._window.can_accept(number):
            raise EspReplayError("its sequence number was seen before")
        plain = self.receiving.open(packet)
        self._window.mark(number)
        return unpad(plain)


def parse_header(packet: bytes) -> tuple[int, int]:
    """SPI and sequence number. Raises EspError if it is too short, or an IKE message."""
    if len(packet) < HEADER_LENGTH or packet[:4] == NON_ESP_MARKER:
        raise EspError("no ESP packet")
    spi, number = _HEADER.unpack_from(packet)
    return spi, number


def unpad(plain: bytes) -> EspContent:
    """Remove padding, its length and the next header (RFC 4303 §2.4). Raises EspError."""
    if len(plain) < 2 or plain[-2] + 2 > len(plain):
        raise EspError("its padding is damaged")
    return EspContent(plain[-1], plain[: len(plain) - 2 - plain[-2]])


def _pad(inner: bytes, next_header: int, algorithms_: EspAlgorithms) -> bytes:
    unit = _ALIGNMENT if algorithms_.encryption.has_integrity else BLOCK_LENGTH
    length = -(len(inner) + 2) % unit
    return inner + bytes(range(1, length + 1)) + bytes((length, next_header))
