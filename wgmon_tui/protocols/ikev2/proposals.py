"""Proposals as words, such as `aes256gcm16-prfsha384-ecp384`, and their transforms.

The words are those of strongSwan's swanctl.conf (docs.strongswan.org, "Algorithm Proposals"). The numbers
are those of IANA ("IKEv2 Parameters", RFC 7296 §3.3.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from wgmon_tui.text import did_you_mean, printable, quoted


class TransformType(IntEnum):
    """What a transform is for (RFC 7296 §3.3.2)."""

    ENCRYPTION = 1
    PRF = 2
    INTEGRITY = 3
    GROUP = 4
    SEQUENCE_NUMBERS = 5


@dataclass(frozen=True, slots=True)
class Transform:
    """One algorithm of a proposal. `key_bits` is the attribute Key Length; 0 if it has none."""

    type: TransformType
    number: int
    key_bits: int = 0


class Encryption(IntEnum):
    """Transform type 1: RFC 3602, RFC 5282, RFC 7634."""

    AES_CBC = 12
    AES_GCM_16 = 20
    CHACHA20_POLY1305 = 28

    @property
    def has_integrity(self) -> bool:
        """Whether it protects the integrity too (AEAD), so that the proposal has no transform for that."""
        return self is not Encryption.AES_CBC


class Prf(IntEnum):
    """Transform type 2: RFC 2104, RFC 4868."""

    HMAC_SHA1 = 2
    HMAC_SHA2_256 = 5
    HMAC_SHA2_384 = 6
    HMAC_SHA2_512 = 7


class Integrity(IntEnum):
    """Transform type 3: RFC 2404, RFC 4868."""

    HMAC_SHA1_96 = 2
    HMAC_SHA2_256_128 = 12
    HMAC_SHA2_384_192 = 13
    HMAC_SHA2_512_256 = 14


class Group(IntEnum):
    """Transform type 4, the group of the key exchange: RFC 2409, RFC 3526, RFC 5903, RFC 8031."""

    MODP_1024 = 2
    MODP_1536 = 5
    MODP_2048 = 14
    MODP_3072 = 15
    MODP_4096 = 16
    MODP_6144 = 17
    MODP_8192 = 18
    ECP_256 = 19
    ECP_384 = 20
    ECP_521 = 21
    CURVE25519 = 31


def _encryption(number: Encryption, key_bits: int) -> Transform:
    return Transform(TransformType.ENCRYPTION, number, key_bits)


_ENCRYPTION = {
    **{f"aes{bits}": _encryption(Encryption.AES_CBC, bits) for bits in (128, 192, 256)},
    **{f"aes{bits}gcm16": _encryption(Encryption.AES_GCM_16, bits) for bits in (128, 192, 256)},
    "chacha20poly1305": _encryption(Encryption.CHACHA20_POLY1305, 0),
}
_INTEGRITY = {
    "sha1": Integrity.HMAC_SHA1_96,
    "sha256": Integrity.HMAC_SHA2_256_128,
    "sha384": Integrity.HMAC_SHA2_384_192,
    "sha512": Integrity.HMAC_SHA2_512_256,
}
_PRF = {
    "prfsha1": Prf.HMAC_SHA1,
    "prfsha256": Prf.HMAC_SHA2_256,
    "prfsha384": Prf.HMAC_SHA2_384,
    "prfsha512": Prf.HMAC_SHA2_512,
}
_GROUPS = {
    "modp1024": Group.MODP_1024,
    "modp1536": Group.MODP_1536,
    "modp2048": Group.MODP_2048,
    "modp3072": Group.MODP_3072,
    "modp4096": Group.MODP_4096,
    "modp6144": Group.MODP_6144,
    "modp8192": Group.MODP_8192,
    "ecp256": Group.ECP_256,
    "ecp384": Group.ECP_384,
    "ecp521": Group.ECP_521,
    "curve25519": Group.CURVE25519,
}
_TRANSFORMS = {
    **_ENCRYPTION,
    **{word: Transform(TransformType.INTEGRITY, number) for word, number in _INTEGRITY.items()},
    **{word: Transform(TransformType.PRF, number) for word, number in _PRF.items()},
    **{word: Transform(TransformType.GROUP, number) for word, number in _GROUPS.items()},
}
WORDS = {transform: word for word, transform in _TRANSFORMS.items()}
"""The word of each transform."""

_ALIASES = {
    "x25519": "curve25519",
    "aes": "aes128",
    "aesgcm": "aes128gcm16",
    "sha": "sha1",
    "sha2_256": "sha256",
    "sha2_384": "sha384",
    "sha2_512": "sha512",
    "prfsha": "prfsha1",
    **{f"aes{bits}gcm": f"aes{bits}gcm16" for bits in (128, 192, 256)},
    **{f"aes{bits}gcm128": f"aes{bits}gcm16" for bits in (128, 192, 256)},
}


class ProposalError(ValueError):
    """A proposal that wgmon-tui cannot make. The message is a phrase to put after the file and the key."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal for IKE or ESP: transforms in the order of their types."""

    transforms: tuple[Transform, ...]

    def __str__(self) -> str:
        """The words, in the usual order: encryption, integrity, PRF, group."""
        order = (TransformType.ENCRYPTION, TransformType.INTEGRITY, TransformType.PRF, TransformType.GROUP)
        return "-".join(WORDS[each] for kind in order for each in self.transforms if each.type is kind)

    def numbers(self, kind: TransformType) -> tuple[int, ...]:
        """The numbers of the transforms of one type."""
        return tuple(each.number for each in self.transforms if each.type is kind)


def parse_proposal(text: str) -> Proposal:
    """Parse a proposal for IKE. Without a PRF, those of the integrity algorithms are meant.

    Raises ProposalError.
    """
    found = [_parse_word(word) for word in text.strip().lower().split("-")]
    types = {each.type for each in found}
    if TransformType.ENCRYPTION not in types or TransformType.GROUP not in types:
        raise ProposalError(
            f"expected encryption and group, such as aes256gcm16-prfsha256-ecp256, got {quoted(text)}"
        )
    if TransformType.PRF not in types:
        found += [_prf_of(each) for each in found if each.type is TransformType.INTEGRITY]
    if not any(each.type is TransformType.PRF for each in found):
        raise ProposalError(f"expected a PRF, such as prfsha256, in {quoted(text)}")
    return _protected(found, text)


def parse_esp_proposal(text: str) -> Proposal:
    """Parse a proposal for ESP. Raises ProposalError.

    Groups in it are for later keys: a CHILD_SA of IKE_AUTH has no key exchange of its own (RFC 7296 §1.2).
    """
    words = text.strip().lower().split("-")
    if "esn" in words and "noesn" not in words:
        raise ProposalError(f"extended sequence numbers (esn) are not supported, in {quoted(text)}")
    found = [_parse_word(word) for word in words if word not in ("esn", "noesn")]
    kept = [each for each in found if each.type in (TransformType.ENCRYPTION, TransformType.INTEGRITY)]
    if not any(each.type is TransformType.ENCRYPTION for each in kept):
        raise ProposalError(f"expected an encryption, such as aes256gcm16, in {quoted(text)}")
    return _protected(kept, text)


def _protected(found: Sequence[Transform], text: str) -> Proposal:
    """The proposal of transforms with an encryption. Integrity belongs to AES-CBC alone."""
    encryption = [Encryption(each.number) for each in found if each.type is TransformType.ENCRYPTION]
    if len({each.has_integrity for each in encryption}) > 1:
        raise ProposalError(f"AES in CBC mode and AEAD need proposals of their own, got {quoted(text)}")
    has_own = any(each.type is TransformType.INTEGRITY for each in found)
    if not encryption[0].has_integrity and not has_own:
        raise ProposalError(f"expected an integrity algorithm, such as sha256, in {quoted(text)}")
    if encryption[0].has_integrity:
        found = [each for each in found if each.type is not TransformType.INTEGRITY]
    return Proposal(tuple(sorted(dict.fromkeys(found), key=lambda each: each.type)))


def _parse_word(word: str) -> Transform:
    transform = _TRANSFORMS.get(_ALIASES.get(word, word))
    if transform is None:
        hint = did_you_mean(word, _TRANSFORMS) or f"known are {', '.join(_TRANSFORMS)}"
        raise ProposalError(f"unknown algorithm {quoted(printable(word))}; {hint}")
    return transform


def _prf_of(integrity: Transform) -> Transform:
    names = {
        Integrity.HMAC_SHA1_96: Prf.HMAC_SHA1,
        Integrity.HMAC_SHA2_256_128: Prf.HMAC_SHA2_256,
        Integrity.HMAC_SHA2_384_192: Prf.HMAC_SHA2_384,
        Integrity.HMAC_SHA2_512_256: Prf.HMAC_SHA2_512,
    }
    return Transform(TransformType.PRF, names[Integrity(integrity.number)])
