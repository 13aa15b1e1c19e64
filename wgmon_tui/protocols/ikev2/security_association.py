"""The security association payload: proposals as bytes (RFC 7296 §3.3)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wgmon_tui.protocols.ikev2.iana_numbers import PayloadType, ProtocolId
from wgmon_tui.protocols.ikev2.proposals import WORDS, Encryption, Group, Proposal, Transform, TransformType
from wgmon_tui.protocols.ikev2.wire import MalformedMessageError, Payload

_KEY_LENGTH = 0x800E
"""The attribute "key length" in its short form (RFC 7296 §3.3.5)."""

_MOST_PROPOSALS = 64
_WORD_ORDER = (
    TransformType.ENCRYPTION,
    TransformType.INTEGRITY,
    TransformType.PRF,
    TransformType.GROUP,
    TransformType.SEQUENCE_NUMBERS,
)


@dataclass(frozen=True, slots=True)
class SaProposal:
    """A proposal on the wire. An offer has several transforms of a type; a choice has one of each."""

    transforms: tuple[Transform, ...]
    protocol: int = ProtocolId.IKE
    spi: bytes = b""
    number: int = 1

    def first(self, kind: TransformType) -> Transform | None:
        """The first transform of one type."""
        return next((each for each in self.transforms if each.type is kind), None)

    @property
    def group(self) -> Group | None:
        """The group of the key exchange, if this version knows it."""
        transform = self.first(TransformType.GROUP)
        known = transform is not None and transform.number in Group._value2member_map_
        return Group(transform.number) if known and transform else None

    def is_choice_of(self, offer: SaProposal) -> bool:
        """Whether this is one transform of each type of an offer, and nothing else (RFC 7296 §2.7)."""
        kinds = [each.type for each in self.transforms]
        return (
            self.protocol == offer.protocol
            and set(self.transforms) <= set(offer.transforms)
            and len(kinds) == len(set(kinds))
            and set(kinds) == {each.type for each in offer.transforms}
        )

    def __str__(self) -> str:
        """Its words, such as aes256-sha256-prfsha256-modp2048."""
        words = (_word_of(each) for kind in _WORD_ORDER for each in self.transforms if each.type is kind)
        return "-".join(word for word in words if word)


def offer(proposals: Sequence[Proposal]) -> tuple[SaProposal, ...]:
    """Proposals of an IKE SA, to be sent."""
    return tuple(SaProposal(each.transforms, number=number) for number, each in enumerate(proposals, 1))


def encode_proposals(proposals: Sequence[SaProposal]) -> Payload:
    """The security association payload with these proposals."""
    body = b""
    for each in proposals:
        transforms = b"".join(
            _encode_transform(transform, is_last=index == len(each.transforms))
            for index, transform in enumerate(each.transforms, 1)
        )
        more = 0 if each is proposals[-1] else 2
        size, count = 8 + len(each.spi) + len(transforms), len(each.transforms)
        body += struct.pack("!BxHBBBB", more, size, each.number, each.protocol, len(each.spi), count)
        body += each.spi + transforms
    return Payload(PayloadType.SA, body)


def _encode_transform(transform: Transform, *, is_last: bool) -> bytes:
    attribute = struct.pack("!HH", _KEY_LENGTH, transform.key_bits) if transform.key_bits else b""
    more = 0 if is_last else 3
    return struct.pack("!BxHBxH", more, 8 + len(attribute), transform.type, transform.number) + attribute


def parse_proposals(body: bytes) -> tuple[SaProposal, ...]:
    """Parse a security association payload. Raises MalformedMessageError."""
    found: list[SaProposal] = []
    offset, more = 0, True
    while more:
        if len(body) - offset < 8 or len(found) >= _MOST_PROPOSALS:
            raise MalformedMessageError("a proposal is cut off")
        last, size, number, protocol, spi_size, count = struct.unpack_from("!BxHBBBB", body, offset)
        if size < 8 + spi_size or offset + size > len(body):
            raise MalformedMessageError("the length of a proposal is impossible")
        rest = body[offset + 8 : offset + size]
        transforms = tuple(_parse_transforms(rest[spi_size:], count))
        found.append(SaProposal(transforms, protocol, rest[:spi_size], number))
        offset, more = offset + size, last != 0
    return tuple(found)


def _parse_transforms(data: bytes, count: int) -> Iterator[Transform]:
    offset = 0
    for _ in range(count):
        if len(data) - offset < 8:
            raise MalformedMessageError("a transform is cut off")
        size, kind, number = struct.unpack_from("!xxHBxH", data, offset)
        if size < 8 or offset + size > len(data):
            raise MalformedMessageError("the length of a transform is impossible")
        if kind not in TransformType._value2member_map_:
            raise MalformedMessageError(f"transform type {kind} is unknown")
        key_bits = 0
        if size >= 12:
            attribute, value = struct.unpack_from("!HH", data, offset + 8)
            key_bits = value if attribute == _KEY_LENGTH else 0
        yield Transform(TransformType(kind), number, key_bits)
        offset += size


_FOREIGN_ENCRYPTION = {
    2: "des",
    3: "3des",
    11: "null",
    13: "aes{}ctr",
    18: "aes{}gcm8",
    19: "aes{}gcm12",
    23: "camellia{}",
}
_FOREIGN_WORDS = {
    TransformType.PRF: {1: "prfmd5", 4: "prfaesxcbc", 8: "prfaescmac"},
    TransformType.INTEGRITY: {1: "md5", 5: "aesxcbc", 8: "aescmac"},
    TransformType.GROUP: {
        1: "modp768",
        22: "modp1024s160",
        23: "modp2048s224",
        24: "modp2048s256",
        25: "ecp192",
        26: "ecp224",
        27: "ecp224bp",
        28: "ecp256bp",
        29: "ecp384bp",
        30: "ecp512bp",
        32: "curve448",
    },
}
"""Words for algorithms that this client does not use, but can ask a server for."""


def _word_of(transform: Transform) -> str:
    """The word for an algorithm; "" for sequence numbers of the usual kind, which need none."""
    if word := WORDS.get(transform):
        return word
    if transform.type is TransformType.SEQUENCE_NUMBERS:
        return "esn" if transform.number else ""
    if transform.type is TransformType.ENCRYPTION and transform.number in _FOREIGN_ENCRYPTION:
        return _FOREIGN_ENCRYPTION[transform.number].format(transform.key_bits)
    word = _FOREIGN_WORDS.get(transform.type, {}).get(transform.number)
    return word or f"{transform.type.name.lower().replace('_', ' ')} {transform.number}"


def group_word(number: int) -> str:
    """The word for a group, such as modp2048."""
    return _word_of(Transform(TransformType.GROUP, number))


def _foreign(kind: TransformType) -> Iterator[Transform]:
    for number in _FOREIGN_WORDS[kind]:
        yield Transform(kind, number)


def widest_offer() -> tuple[SaProposal, ...]:
    """All algorithms that have a word, also those too weak to use: a server's choice shows what it accepts.

    Nothing but IKE_SA_INIT may follow such an offer.
    """
    known = tuple(WORDS)
    aead = [
        each for each in known if each.type is TransformType.ENCRYPTION and each.number != Encryption.AES_CBC
    ]
    foreign = [
        Transform(TransformType.ENCRYPTION, number, bits)
        for number, word in _FOREIGN_ENCRYPTION.items()
        for bits in ((128, 192, 256) if "{}" in word else (0,))
    ]
    foreign_aead = [each for each in foreign if each.number in (18, 19)]
    cbc = [each for each in known if each.type is TransformType.ENCRYPTION and each not in aead]
    shared = [
        *(each for each in known if each.type in (TransformType.PRF, TransformType.GROUP)),
        *_foreign(TransformType.PRF),
        *_foreign(TransformType.GROUP),
    ]
    integrity = [
        *(each for each in known if each.type is TransformType.INTEGRITY),
        *_foreign(TransformType.INTEGRITY),
    ]
    others = [each for each in foreign if each not in foreign_aead]
    return (
        SaProposal((*aead, *foreign_aead, *shared), number=1),
        SaProposal((*cbc, *others, *integrity, *shared), number=2),
    )
