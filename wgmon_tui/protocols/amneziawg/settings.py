"""The settings of AmneziaWG in servers.toml: the table `[server.amneziawg]`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from itertools import combinations

from wgmon_tui.config.models import WIREGUARD, SecretSource
from wgmon_tui.config.protocol_settings import ProtocolSettings
from wgmon_tui.config.setting import Section, Setting, read_valid_settings, write_settings
from wgmon_tui.config.toml_reader import TomlTable, as_text, describe
from wgmon_tui.config.value_parsers import InvalidValueError
from wgmon_tui.config.value_types import BOOLEAN, KEY_SECRET, ValueType, integer
from wgmon_tui.protocols.amneziawg.parameters import (
    LEAST_PROTECTED_PREFIX,
    MOST_JUNK_BYTES,
    MOST_JUNK_PACKETS,
    MOST_PREFIX,
    HeaderRange,
    HeaderRangeError,
    Parameters,
)
from wgmon_tui.protocols.amneziawg.signature_packets import TAGS, SignaturePacket, SignaturePacketError

_LARGEST = 2**32 - 1
_PREFIXES = ("s1", "s2", "s3", "s4")
_HEADERS = ("h1", "h2", "h3", "h4")


@dataclass(frozen=True, slots=True)
class AmneziaWgSettings(Parameters):
    """The parameters of one server, with the source of the key of header protection."""

    header_protection_key: SecretSource | None = None

    @classmethod
    def of(cls, parameters: Parameters, key: SecretSource | None = None) -> AmneziaWgSettings:
        """The settings with these parameters."""
        values = {each.name: getattr(parameters, each.name) for each in fields(Parameters)}
        return cls(**values, header_protection_key=key)

    @property
    def parameters(self) -> Parameters:
        """The parameters alone."""
        return Parameters(**{each.name: getattr(self, each.name) for each in fields(Parameters)})


def _as_header(value: object) -> HeaderRange:
    """A number, or a range as text."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if not is_number and not isinstance(value, str):
        raise InvalidValueError(f'expected a number or a range "a-b", got {describe(value)}')
    try:
        return HeaderRange.parse(str(value))
    except HeaderRangeError as error:
        raise InvalidValueError(str(error)) from None


def _as_signature_packet(value: object) -> SignaturePacket:
    try:
        return SignaturePacket.parse(as_text(value))
    except SignaturePacketError as error:
        raise InvalidValueError(str(error)) from None


HEADER = ValueType(
    "number or range",
    _as_header,
    {
        "anyOf": [
            {"type": "integer", "minimum": 0, "maximum": _LARGEST},
            {"type": "string", "pattern": "^[0-9]{1,10}(-[0-9]{1,10})?$"},
        ]
    },
    f'0 to {_LARGEST}, or "a-b"',
    lambda header: header.first if header.first == header.last else str(header),
)
SIGNATURE_PACKET = ValueType(
    "signature packet",
    _as_signature_packet,
    {"type": "string", "pattern": "<.+>"},
    f"tags: {TAGS}",
    lambda packet: None if packet is None else str(packet),
)
_JUNK_BYTES = integer(0, MOST_JUNK_BYTES)
_PREFIX = integer(0, MOST_PREFIX)
_MESSAGES = ("an initiation", "a response", "a cookie reply", "a data packet")

SECTION = Section(
    "amneziawg",
    "The parameters of an AmneziaWG server. They are those of `[Interface]` in the client's .conf.",
    AmneziaWgSettings,
    (
        Setting(
            "jc",
            integer(0, MOST_JUNK_PACKETS),
            "Junk packets before each initiation. The server drops them: it need not match.",
        ),
        Setting("jmin", _JUNK_BYTES, "The least bytes of a junk packet. It need not match the server's."),
        Setting("jmax", _JUNK_BYTES, "The most bytes of a junk packet. It need not match the server's."),
        *(
            Setting(key, _PREFIX, f"Random bytes before {message}. It must match the server's.")
            for key, message in zip(_PREFIXES, _MESSAGES, strict=True)
        ),
        *(
            Setting(
                key,
                HEADER,
                f"The number, or the range of numbers, that replaces the type of {message}. "
                "It must match the server's.",
            )
            for key, message in zip(_HEADERS, _MESSAGES, strict=True)
        ),
        *(
            Setting(
                f"i{number}",
                SIGNATURE_PACKET,
                f"Signature packet {number} before each initiation. The server drops it: it need not match.",
            )
            for number in range(1, 6)
        ),
        Setting(
            "random_trailers",
            BOOLEAN,
            "Whether random bytes follow the messages of a handshake (3.1). It must match the server's.",
        ),
        Setting(
            "header_protection_key",
            KEY_SECRET,
            "The key of header protection (3.0). It must match the server's. s1 to s4 are then at least "
            f"{LEAST_PROTECTED_PREFIX}.",
        ),
    ),
)


def read_settings(table: TomlTable) -> AmneziaWgSettings | None:
    """Read the table of a server; None if it has only defaults. Raises ConfigurationError."""
    settings = AmneziaWgSettings(**read_valid_settings(table, SECTION.settings))
    if not table.rejected:
        _check(table, settings)
    table.require_valid()
    return None if settings == AmneziaWgSettings() else settings


def _check(table: TomlTable, settings: AmneziaWgSettings) -> None:
    if settings.jmin > settings.jmax:
        phrase = f"expected no less than jmin, which is {settings.jmin}, got {settings.jmax}"
        table.reject(table.error("jmax", phrase))
    for (first, one), (second, other) in combinations(zip(_HEADERS, settings.headers, strict=True), 2):
        if one.overlaps(other):
            phrase = f"the same numbers as {first}; each message needs numbers of its own"
            table.reject(table.error(second, phrase))
    if settings.header_protection_key is None:
        return
    for key, prefix in zip(_PREFIXES, settings.prefixes, strict=True):
        if prefix < LEAST_PROTECTED_PREFIX:
            phrase = f"expected at least {LEAST_PROTECTED_PREFIX} with header_protection_key, got {prefix}"
            table.reject(table.error(key, phrase))


def write(settings: AmneziaWgSettings) -> Mapping[str, object]:
    """Convert settings to the keys of their table. Inverse of `read_settings`."""
    written = write_settings(settings, SECTION.settings, SECTION.usual())
    return {key: value for key, value in written.items() if value is not None}


SETTINGS = ProtocolSettings(section=SECTION, read=read_settings, write=write, server_keys=WIREGUARD)
