"""Parser for wg-quick .conf files: the private key, the addresses, and the peers to check.

It accepts all that `wg setconf` accepts, with a notice where the file departs from good form. ListenPort is
never used: the interface of this file may already use that port.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import TypeVar

from wgmon_tui.config.imports import amneziawg_keys
from wgmon_tui.config.imports.amneziawg_keys import ConfParameters, ParameterError
from wgmon_tui.config.imports.name_comments import name_in_comments
from wgmon_tui.config.imports.remarks import Remark
from wgmon_tui.config.imports.vpn_links import VpnLinkError, is_vpn_link, read_vpn_link
from wgmon_tui.config.imports.wg_endpoint import parse_wg_endpoint
from wgmon_tui.config.imports.wg_quick_sections import (
    INTERFACE,
    PEER,
    ConfSection,
    SectionReader,
    is_conf_text,
)
from wgmon_tui.config.keys import (
    NO_PRESHARED_KEY,
    InvalidKeyError,
    PresharedKey,
    PrivateKey,
    PublicKey,
)
from wgmon_tui.config.models import AMNEZIAWG, WIREGUARD, ConfigurationError
from wgmon_tui.config.value_parsers import (
    NAME_LENGTH,
    InvalidValueError,
    parse_interface,
    parse_name,
    parse_public_key,
)
from wgmon_tui.net.addresses import Endpoint, Interface
from wgmon_tui.records import dataclass
from wgmon_tui.text import printable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WgQuickPeer:
    """A peer with an endpoint: a server to check. `name` comes from a comment; `line` is its heading."""

    public_key: PublicKey
    endpoint: Endpoint
    preshared_key: PresharedKey | None = None
    name: str | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class WgQuickFile:
    """A .conf file: the client's key and addresses, and the peers to check.

    `source` is the file name for messages. `stem` is the base for names. `protocol` is the one of all its
    peers. `faults` are its errors; what they do not concern can be used. `interface_faults` say why its own
    key and addresses cannot be: without `private_key`, there is at least one.
    """

    source: str
    stem: str
    private_key: PrivateKey | None
    addresses: tuple[Interface, ...]
    peers: tuple[WgQuickPeer, ...]
    notices: tuple[Remark, ...] = ()
    protocol: str = WIREGUARD
    faults: tuple[Remark, ...] = ()
    interface_faults: tuple[Remark, ...] = ()
    amneziawg: ConfParameters | None = None

    def suggested_name(self, peer: WgQuickPeer) -> str:
        """The name from the comment or the file; with the endpoint's host if there are several peers."""
        alone = self.stem if len(self.peers) == 1 else f"{self.stem}-{peer.endpoint.host}"
        return peer.name or alone

    def require_private_key(self) -> PrivateKey:
        """The private key. Raises ConfigurationError."""
        if self.private_key is None:
            raise ConfigurationError(str(self.interface_faults[0]))
        return self.private_key


def make_unique_name(suggestion: str, used_names: Container[str]) -> str:
    """`suggestion`, shortened to the maximum name length, with -2, -3 … appended if it is taken."""
    name, number = suggestion[:NAME_LENGTH].rstrip(), 1
    while name in used_names:
        number += 1
        name = f"{suggestion[: NAME_LENGTH - len(str(number)) - 1]}-{number}"
    return name


def is_importable_text(text: str) -> bool:
    """Whether a text looks like a wg-quick file, or is a vpn:// link."""
    return is_conf_text(text) or is_vpn_link(text)


def parse_pasted_conf(text: str) -> WgQuickFile:
    """Parse a .conf from the clipboard that must be whole; it may lack a private key.

    Raises ConfigurationError.
    """
    conf = parse_pasted_lenient(text)
    for fault in conf.faults:
        raise ConfigurationError(str(fault))
    return conf


def parse_pasted_lenient(text: str) -> WgQuickFile:
    """Parse a .conf from the clipboard, where it has no file name; the result has its faults.

    Names are based on the name or the host of its first server. Terminals paste line ends as carriage
    returns.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if is_vpn_link(text):
        try:
            text = read_vpn_link(text)[0]
        except VpnLinkError as error:
            fault = Remark("pasted text", str(error))
            return WgQuickFile("pasted text", "wireguard", None, (), (), faults=(fault,))
    return name_after_first_server(parse_lenient(text, Path("pasted text")))


def name_after_first_server(conf: WgQuickFile) -> WgQuickFile:
    """A .conf without a file name; names are based on the name or the host of its first server."""
    if not conf.peers:
        return conf
    first = conf.peers[0]
    host = first.endpoint.host
    label = host if host[-1].isdigit() or ":" in host else host.partition(".")[0]
    return replace(conf, stem=first.name or label)


def parse_conf(text: str, path: Path) -> WgQuickFile:
    """Parse a .conf that must be whole. `path` gives the file name for messages and for new names.

    Raises ConfigurationError with file and line. No message repeats a private or preshared key.
    """
    return require_whole(parse_lenient(text, path))


def require_whole(conf: WgQuickFile) -> WgQuickFile:
    """The file, if it has no fault. Raises ConfigurationError with the first one."""
    for fault in sorted((*conf.interface_faults, *conf.faults), key=lambda each: each.line or inf):
        raise ConfigurationError(str(fault))
    return conf


def parse_lenient(text: str, path: Path, source: str = "") -> WgQuickFile:
    """Parse a .conf; the result has what can be used, and its faults. `source` replaces the file name."""
    reader = SectionReader(source or printable(path.name))
    reader.read(text)
    return _ConfParser(reader.sections, source or printable(path.name), reader.notices, reader.faults).parse(
        _stem(path)
    )


class _ConfParser:
    """Turns the sections of one file into records; collects notices and faults on the way."""

    def __init__(
        self, sections: list[ConfSection], source: str, notices: list[Remark], faults: list[Remark]
    ) -> None:
        self._interfaces = [section for section in sections if section.kind == INTERFACE]
        self._peers = [section for section in sections if section.kind == PEER]
        self._source = source
        self._notices = notices
        self._faults = faults
        self._interface_faults: list[Remark] = []

    def parse(self, stem: str) -> WgQuickFile:
        """The file as a record."""
        private_key = self._private_key()
        self._notice_post_up_preshared_key()
        addresses = self._addresses()
        protocol = self._detect_protocol()
        parameters = self._amneziawg() if protocol == AMNEZIAWG else None
        is_complete = protocol != AMNEZIAWG or parameters is not None
        peers = tuple(peer for section in self._peers if (peer := self._peer(section)) and is_complete)
        if not peers and not self._faults:
            nothing = "no [Peer] has an Endpoint, so there is nothing to check; use a client's .conf"
            if not self._interfaces and not self._peers:
                nothing = "it is empty: no [Interface] and no [Peer]; use a client's .conf"
            self._faults.append(Remark(self._source, nothing))
        return WgQuickFile(
            source=self._source,
            stem=stem,
            private_key=private_key,
            addresses=addresses,
            peers=peers,
            notices=tuple(self._notices),
            protocol=protocol,
            faults=tuple(self._faults),
            interface_faults=tuple(self._interface_faults),
            amneziawg=parameters,
        )

    # [Interface]

    def _private_key(self) -> PrivateKey | None:
        entries = [entry for interface in self._interfaces if (entry := interface.last("privatekey"))]
        if entries:
            line, value = entries[-1]
            try:
                key = PrivateKey.from_text(value)
            except InvalidKeyError as error:
                self._interface_faults.append(Remark(self._source, f"PrivateKey: {error}", line))
                return None
            if any(key.raw):
                return key
            self._notices.append(Remark(self._source, "PrivateKey is all zeros, which means none", line))
        for line, value in self._post_up():
            if "private-key" in value:
                reason = (
                    "the private key comes from PostUp; wgmon-tui runs no commands of a .conf; "
                    'add an identity with private_key_command = ["…"] to servers.toml'
                )
                self._interface_faults.append(Remark(self._source, reason, line))
                return None
        if self._interfaces or self._peers:  # else the whole file is empty
            missing = "[Interface] has no PrivateKey; use a client's .conf"
            self._interface_faults.append(Remark(self._source, missing))
        return None

    def _addresses(self) -> tuple[Interface, ...]:
        found: list[Interface] = []
        for interface in self._interfaces:
            if interface.faulty:
                reason = "[Interface] is not imported until all its lines can be read"
                self._interface_faults.append(Remark(self._source, reason))
            for line, part in interface.all("address"):
                address = self._value(parse_interface, part, line, "Address", self._interface_faults)
                found += [address] if address else []
        return tuple(dict.fromkeys(found))

    def _post_up(self) -> list[tuple[int, str]]:
        return [
            (line, value)
            for interface in self._interfaces
            for key, line, value in interface.entries
            if key == "postup"
        ]

    def _notice_post_up_preshared_key(self) -> None:
        for line, value in self._post_up():
            if "preshared-key" in value:
                text = "PostUp sets a preshared key; wgmon-tui runs no commands of a .conf"
                self._notices.append(Remark(self._source, text, line))

    # [Peer]

    def _peer(self, section: ConfSection) -> WgQuickPeer | None:
        """The peer of a section; None without an endpoint, or with a fault."""
        if section.faulty:
            return None
        endpoint = section.last("endpoint")
        if endpoint is None:
            text = "this [Peer] has no Endpoint to check; skipped"
            self._notices.append(Remark(self._source, text, section.line))
            return None
        written_key = section.last("publickey")
        if written_key is None:
            self._faults.append(
                Remark(self._source, "this [Peer] has no PublicKey; add it below", section.line)
            )
            return None
        before = len(self._faults)
        public_key = self._value(parse_public_key, written_key[1], written_key[0], "PublicKey", self._faults)
        parsed = self._value(parse_wg_endpoint, endpoint[1], endpoint[0], "Endpoint", self._faults)
        preshared_key = self._preshared_key(section)
        if public_key is None or parsed is None or len(self._faults) > before:
            return None
        self._notices += [Remark(self._source, f"Endpoint: {text}", endpoint[0]) for text in parsed[1]]
        name = name_in_comments(section.above, section.beside, section.directly_below, section.below)
        return WgQuickPeer(public_key, parsed[0], preshared_key, name, section.line)

    def _preshared_key(self, section: ConfSection) -> PresharedKey | None:
        entry = section.last("presharedkey")
        if entry is None:
            return None
        line, value = entry
        try:
            key = PresharedKey.from_text(value)
        except InvalidKeyError as error:
            self._faults.append(Remark(self._source, f"PresharedKey: {error}", line))
            return None
        return None if key == NO_PRESHARED_KEY else key

    def _value(
        self, parse: Callable[[str], T], text: str, line: int, key: str, faults: list[Remark]
    ) -> T | None:
        try:
            return parse(text)
        except InvalidValueError as error:
            faults.append(Remark(self._source, f"{key}: {error}", line))
            return None

    # AmneziaWG

    def _detect_protocol(self) -> str:
        """The protocol of a file by its keys. If AmneziaWG's keys leave packets plain, it is WireGuard."""
        found = [
            (section.written[key], amneziawg_keys.is_plain(key, value))
            for section in (*self._interfaces, *self._peers)
            for key, _, value in section.entries
            if key in amneziawg_keys.KEYS
        ]
        if not found:
            return WIREGUARD
        names = ", ".join(dict.fromkeys(name for name, _ in found))
        if all(plain for _, plain in found):
            text = "these AmneziaWG settings mean plain WireGuard; ignored"
            self._notices.append(Remark(self._source, f"{names}: {text}"))
            return WIREGUARD
        return AMNEZIAWG

    def _amneziawg(self) -> ConfParameters | None:
        """The parameters of AmneziaWG; None after a fault, which excludes all peers."""
        entries = [
            (key, line, value)
            for section in (*self._interfaces, *self._peers)
            for key, line, value in section.entries
            if key in amneziawg_keys.KEYS
        ]
        ignored = [
            section.written[key]
            for section in (*self._interfaces, *self._peers)
            for key, _, _ in section.entries
            if key in amneziawg_keys.KEYS and not amneziawg_keys.is_stored(key)
        ]
        if ignored:
            text = f"{', '.join(dict.fromkeys(ignored))}: a check does not need this; ignored"
            self._notices.append(Remark(self._source, text))
        try:
            return amneziawg_keys.read_parameters((key, value) for key, _, value in entries)
        except ParameterError as error:
            written = [section.written.get(error.key) for section in (*self._interfaces, *self._peers)]
            name = next((each for each in written if each), error.key)
            line = next((line for key, line, _ in reversed(entries) if key == error.key), None)
            self._faults.append(Remark(self._source, f"{name}: {error.phrase}", line))
            return None


def _stem(path: Path) -> str:
    try:
        return parse_name(path.stem[:NAME_LENGTH].strip())
    except InvalidValueError:
        return "wireguard"
