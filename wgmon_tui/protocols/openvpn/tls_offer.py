"""The cipher suites of TLS 1.3 and the groups that a profile allows, put into a ClientHello.

`ssl` can set neither before Python 3.15. The first answer of a server depends on the ClientHello alone: so a
ClientHello with the offer of the profile shows whether a client of it gets further. Nothing follows, because
both sides would hash different messages. Sources: RFC 8446 §4.1.2, and IANA's "TLS Parameters".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from wgmon_tui.protocols.openvpn.profile import Profile

SUITES_DIRECTIVE, GROUPS_DIRECTIVE = "tls-ciphersuites", "tls-groups"

_SUITES = {
    "tls_aes_128_gcm_sha256": 0x1301,
    "tls_aes_256_gcm_sha384": 0x1302,
    "tls_chacha20_poly1305_sha256": 0x1303,
    "tls_aes_128_ccm_sha256": 0x1304,
    "tls_aes_128_ccm_8_sha256": 0x1305,
}
_GROUPS = {
    "secp224r1": 21,
    "secp256k1": 22,
    **dict.fromkeys(("prime256v1", "secp256r1", "p-256"), 23),
    **dict.fromkeys(("secp384r1", "p-384"), 24),
    **dict.fromkeys(("secp521r1", "p-521"), 25),
    "brainpoolp256r1": 26,
    "brainpoolp384r1": 27,
    "brainpoolp512r1": 28,
    "x25519": 29,
    "x448": 30,
    "brainpoolp256r1tls13": 31,
    "brainpoolp384r1tls13": 32,
    "brainpoolp512r1tls13": 33,
    **{f"ffdhe{bits}": number for number, bits in enumerate((2048, 3072, 4096, 6144, 8192), 256)},
    "mlkem512": 512,
    "mlkem768": 513,
    "mlkem1024": 514,
    "secp256r1mlkem768": 4587,
    "x25519mlkem768": 4588,
    "secp384r1mlkem1024": 4589,
}
"""Numbers by the names that OpenSSL has for them, in lower case."""

_TLS_1_3 = 0x13
"""The first byte of the number of each cipher suite of TLS 1.3."""

_RECORD_HEADER, _MESSAGE_HEADER = 5, 4
_VERSION_AND_RANDOM = 34
_GROUPS_EXTENSION, _KEY_SHARES_EXTENSION = 10, 51


@dataclass(frozen=True, slots=True)
class TlsOffer:
    """What a profile allows, by number; empty where it sets nothing. `directives` set it."""

    suites: tuple[int, ...]
    groups: tuple[int, ...]
    directives: tuple[str, ...]

    def narrow(self, record: bytes) -> bytes:
        """The ClientHello with this offer in it. `record` is one whole record of TLS, as OpenSSL makes it."""
        message = record[_RECORD_HEADER + _MESSAGE_HEADER :]
        head, rest = message[:_VERSION_AND_RANDOM], message[_VERSION_AND_RANDOM:]
        session_id, rest = _cut(rest, 1)
        suites, rest = _cut(rest, 2)
        compression, rest = _cut(rest, 1)
        extensions, _ = _cut(rest, 2)
        narrowed = b"".join(
            _sized(each, size)
            for each, size in (
                (session_id, 1),
                (self._narrow_suites(suites), 2),
                (compression, 1),
                (b"".join(self._narrow_extensions(extensions)), 2),
            )
        )
        return record[:3] + _sized(
            record[_RECORD_HEADER : _RECORD_HEADER + 1] + _sized(head + narrowed, 3), 2
        )

    def _narrow_suites(self, suites: bytes) -> bytes:
        """Those of earlier versions stay: `ssl` has them from the profile."""
        numbers = [suites[at : at + 2] for at in range(0, len(suites), 2)]
        earlier = [each for each in numbers if each[0] != _TLS_1_3]
        if not self.suites or len(earlier) == len(numbers):
            return suites
        return b"".join((*map(_number, self.suites), *earlier))

    def _narrow_extensions(self, extensions: bytes) -> Iterator[bytes]:
        while extensions:
            kind = int.from_bytes(extensions[:2])
            body, extensions = _cut(extensions[2:], 2)
            if self.groups and kind == _GROUPS_EXTENSION:
                body = _sized(b"".join(map(_number, self.groups)), 2)
            if self.groups and kind == _KEY_SHARES_EXTENSION:
                body = _sized(b"".join(self._allowed_shares(_cut(body, 2)[0])), 2)
            yield _number(kind) + _sized(body, 2)

    def _allowed_shares(self, shares: bytes) -> Iterator[bytes]:
        """Without any, the server asks for that of the group that it chooses (RFC 8446 §4.1.4)."""
        while shares:
            group = int.from_bytes(shares[:2])
            share, shares = _cut(shares[2:], 2)
            if group in self.groups:
                yield _number(group) + _sized(share, 2)


def find_offer(profile: Profile) -> TlsOffer | None:
    """What a profile allows; None if it sets nothing that has a number.

    A list with an unknown word counts as none: the server may know that word.
    """
    suites = _numbers(profile.tls_ciphersuites, _SUITES)
    groups = _numbers(profile.tls_groups, _GROUPS)
    found = ((SUITES_DIRECTIVE, suites), (GROUPS_DIRECTIVE, groups))
    directives = tuple(name for name, numbers in found if numbers)
    return TlsOffer(suites, groups, directives) if directives else None


def _numbers(words: str, known: Mapping[str, int]) -> tuple[int, ...]:
    found = [known.get(each.lower()) for each in words.split(":") if each]
    return tuple(each for each in found if each is not None) if None not in found else ()


def _cut(data: bytes, size: int) -> tuple[bytes, bytes]:
    """What a length of `size` bytes stands before, and the rest."""
    end = size + int.from_bytes(data[:size])
    return data[size:end], data[end:]


def _sized(data: bytes, size: int) -> bytes:
    return len(data).to_bytes(size) + data


def _number(number: int) -> bytes:
    return number.to_bytes(2)
