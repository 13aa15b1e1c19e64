"""Parser for wg-quick .conf files: the private key, the addresses, and the peers to check.

ListenPort is never used: the interface of this file may already use that port.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from wgmon_tui.config.imports import amneziawg_keys
from wgmon_tui.config.models import AMNEZIAWG, WIREGUARD, ConfigurationError
from wgmon_tui.config.value_parsers import (
    NAME_LENGTH,
    InvalidValueError,
    parse_endpoint,
    parse_interface,
    parse_name,
    parse_public_key,
)
from wgmon_tui.net.addresses import Endpoint, Interface
from wgmon_tui.protocols.wireguard.keys import (
    NO_PRESHARED_KEY,
    InvalidKeyError,
    PresharedKey,
    PrivateKey,
    PublicKey,
)
from wgmon_tui.text import printable

_INTERFACE_KEYS = {
    *("privatekey", "address", "listenport", "fwmark", "dns", "mtu", "table", "saveconfig"),
    *("preup", "postup", "predown", "postdown"),
}
_PEER_KEYS = {"publickey", "presharedkey", "endpoint", "allowedips", "persistentkeepalive"}

# Too short for a key: a misplaced secret must not pass as the name of a setting.
_SETTING = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,30}")
_HEADING = re.compile(r"^[ \t]*\[(interface|peer)\]", re.IGNORECASE | re.MULTILINE)
_NAME_COMMENT = re.compile(r"#+\s*name\s*[=:]\s*(.+)", re.IGNORECASE)
_WORD_COMMENT = re.compile(r"#+\s*(\w[\w.-]*)")


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WgQuickPeer:
    """A peer with an endpoint: a server to check. `name` comes from a comment above it."""

    public_key: PublicKey
    endpoint: Endpoint
    preshared_key: PresharedKey | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class WgQuickFile:
    """A .conf file: the client's key and addresses, and the peers to check.

    `source` is the file name for messages. `stem` is the base for names. `notices` are lines to print.
    `protocol` is the one of all its peers.
    """

    source: str
    stem: str
    private_key: PrivateKey
    addresses: tuple[Interface, ...]
    peers: tuple[WgQuickPeer, ...]
    notices: tuple[str, ...] = ()
    protocol: str = WIREGUARD

    def suggested_name(self, peer: WgQuickPeer) -> str:
        """The name from the comment or the file; with the endpoint's host if there are several peers."""
        alone = self.stem if len(self.peers) == 1 else f"{self.stem}-{peer.endpoint.host}"
        return peer.name or alone


@dataclass(slots=True)
class _WgQuickSection:
    """A section of the file: each key in lower case with its line and value, in order."""

    kind: str
    line: int
    comment: str
    entries: list[tuple[str, int, str]] = field(default_factory=list)
    written: dict[str, str] = field(default_factory=dict)
    """The keys as the file spells them."""

    def last(self, key: str) -> tuple[int, str] | None:
        """The last value of a key, as in wg."""
        found = [(line, value) for name, line, value in self.entries if name == key]
        return found[-1] if found else None

    def all(self, key: str) -> list[tuple[int, str]]:
        """All elements of a comma-separated list, over all lines with this key."""
        return [
            (line, part.strip())
            for name, line, value in self.entries
            if name == key
            for part in value.split(",")
            if part.strip()
        ]


def make_unique_name(suggestion: str, used_names: Container[str]) -> str:
    """`suggestion`, shortened to the maximum name length, with -2, -3 … appended if it is taken."""
    name, number = suggestion[:NAME_LENGTH].rstrip(), 1
    while name in used_names:
        number += 1
        name = f"{suggestion[: NAME_LENGTH - len(str(number)) - 1]}-{number}"
    return name


def is_conf_text(text: str) -> bool:
    """Whether the text looks like a wg-quick file: it has a section heading on a line."""
    return _HEADING.search(text) is not None


def parse_pasted_conf(text: str) -> WgQuickFile:
    """Parse a .conf from the clipboard, where it has no file name. Raises ConfigurationError.

    Names are based on the name or the host of its first server. Terminals paste line ends as carriage
    returns.
    """
    conf = parse_conf(text.replace("\r\n", "\n").replace("\r", "\n"), Path("pasted text"))
    first = conf.peers[0]
    host = first.endpoint.host
    label = host if host[-1].isdigit() or ":" in host else host.partition(".")[0]
    return replace(conf, stem=first.name or label)


def parse_conf(text: str, path: Path) -> WgQuickFile:
    """Parse a .conf. `path` gives the file name for messages and for new names.

    Raises ConfigurationError with file and line. No message repeats a private or preshared key.
    """
    source = printable(path.name)
    notices: list[str] = []
    interfaces, peer_sections = _sections(text, source, notices)
    private_key = _private_key(interfaces, source)
    for line, value in _post_up(interfaces):
        if "preshared-key" in value:
            notices.append(
                f"{source}: line {line}: PostUp sets a preshared key; wgmon-tui runs no commands of a .conf"
            )
    addresses = tuple(
        _value(parse_interface, part, f"{source}: line {line}: Address")
        for interface in interfaces
        for line, part in interface.all("address")
    )
    peers = [_peer(section, source, notices) for section in peer_sections]
    watched = tuple(peer for peer in peers if peer is not None)
    if not watched:
        raise ConfigurationError(
            f"{source}: no [Peer] has an Endpoint, so there is nothing to check; use a client's .conf"
        )
    protocol = _detect_protocol([*interfaces, *peer_sections], source, notices)
    return WgQuickFile(source, _stem(path), private_key, addresses, watched, tuple(notices), protocol)


def _detect_protocol(sections: list[_WgQuickSection], source: str, notices: list[str]) -> str:
    """The protocol of a file by its keys. If AmneziaWG's keys leave its packets plain, it is WireGuard."""
    found = [
        (section.written[key], amneziawg_keys.is_plain(key, value))
        for section in sections
        for key, _, value in section.entries
        if key in amneziawg_keys.KEYS
    ]
    if not found:
        return WIREGUARD
    names = ", ".join(dict.fromkeys(name for name, _ in found))
    if all(plain for _, plain in found):
        notices.append(f"{source}: {names}: these AmneziaWG settings mean plain WireGuard; ignored")
        return WIREGUARD
    notices.append(
        f"{source}: {names}: AmneziaWG is not supported yet; its servers show as misconfigured, and are not "
        "checked. Keep this file: wgmon-tui does not store these settings"
    )
    return AMNEZIAWG


def _sections(
    text: str, source: str, notices: list[str]
) -> tuple[list[_WgQuickSection], list[_WgQuickSection]]:
    """The [Interface] sections and the [Peer] sections. Unknown keys become notices."""
    sections: list[_WgQuickSection] = []
    comment = ""
    # Not splitlines(): it splits at characters that are part of a line in wg-quick.
    for number, raw in enumerate(text.split("\n"), start=1):
        where = f"{source}: line {number}"
        stripped = raw.partition("#")[0].strip()
        if not stripped:
            comment = raw.strip()
            continue
        if stripped.startswith("["):
            if stripped.lower() not in ("[interface]", "[peer]"):
                raise ConfigurationError(f"{where}: expected [Interface] or [Peer]")
            sections.append(_WgQuickSection(stripped.lower(), number, comment))
            continue
        name, equals, value = (part.strip() for part in stripped.partition("="))
        if not equals or not _SETTING.fullmatch(name):
            raise ConfigurationError(f"{where}: expected Key = value")
        if not sections:
            raise ConfigurationError(f"{where}: expected [Interface] before the first key")
        key = name.lower()
        known = _INTERFACE_KEYS if sections[-1].kind == "[interface]" else _PEER_KEYS
        if key not in known and key not in amneziawg_keys.KEYS:
            notices.append(f"{where}: {name} is unknown in {sections[-1].kind}; ignored")
        sections[-1].entries.append((key, number, value))
        sections[-1].written[key] = name
    interfaces = [section for section in sections if section.kind == "[interface]"]
    return interfaces, [section for section in sections if section.kind == "[peer]"]


def _private_key(interfaces: list[_WgQuickSection], source: str) -> PrivateKey:
    found = [entry for interface in interfaces if (entry := interface.last("privatekey"))]
    if found:
        line, value = found[-1]
        try:
            return PrivateKey.from_text(value)
        except InvalidKeyError as error:
            raise ConfigurationError(f"{source}: line {line}: PrivateKey: {error}") from None
    for line, value in _post_up(interfaces):
        if "private-key" in value:
            raise ConfigurationError(
                f"{source}: line {line}: the private key comes from PostUp; wgmon-tui runs no commands of a "
                '.conf; add an identity with private_key_command = ["…"] to servers.toml'
            )
    raise ConfigurationError(f"{source}: [Interface] has no PrivateKey; use a client's .conf")


def _post_up(interfaces: list[_WgQuickSection]) -> list[tuple[int, str]]:
    return [
        (line, value) for interface in interfaces for key, line, value in interface.entries if key == "postup"
    ]


def _peer(section: _WgQuickSection, source: str, notices: list[str]) -> WgQuickPeer | None:
    """The peer of a section; None without an endpoint. Raises ConfigurationError."""
    where = f"{source}: line {section.line}"
    endpoint = section.last("endpoint")
    if endpoint is None:
        notices.append(f"{where}: this [Peer] has no Endpoint to check; skipped")
        return None
    public_key = section.last("publickey")
    if public_key is None:
        raise ConfigurationError(f"{where}: this [Peer] has no PublicKey")
    return WgQuickPeer(
        public_key=_value(parse_public_key, public_key[1], f"{source}: line {public_key[0]}: PublicKey"),
        endpoint=_value(parse_endpoint, endpoint[1], f"{source}: line {endpoint[0]}: Endpoint"),
        preshared_key=_preshared_key(section, source),
        name=_parse_name_comment(section.comment),
    )


def _preshared_key(section: _WgQuickSection, source: str) -> PresharedKey | None:
    entry = section.last("presharedkey")
    if entry is None:
        return None
    line, value = entry
    try:
        key = PresharedKey.from_text(value)
    except InvalidKeyError as error:
        raise ConfigurationError(f"{source}: line {line}: PresharedKey: {error}") from None
    return None if key == NO_PRESHARED_KEY else key


def _value(parse: Callable[[str], T], text: str, where: str) -> T:
    try:
        return parse(text)
    except InvalidValueError as error:
        raise ConfigurationError(f"{where}: {error}") from None


def _parse_name_comment(comment: str) -> str | None:
    """The name in `# Name = fra1` or `# fra1`. A comment of several words is not a name."""
    match = _NAME_COMMENT.fullmatch(comment) or _WORD_COMMENT.fullmatch(comment)
    if match is None:
        return None
    try:
        return parse_name(match[1].strip())
    except InvalidValueError:
        return None


def _stem(path: Path) -> str:
    try:
        return parse_name(path.stem[:NAME_LENGTH].strip())
    except InvalidValueError:
        return "wireguard"
