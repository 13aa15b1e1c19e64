"""Parser for `wg show … dump` and `awg show … dump`: a running interface and its peers.

A dump has private and preshared keys. The parser keeps only whether each one is set. An error names the line
and the field, never the value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from ipaddress import IPv4Network, IPv6Network, ip_network

from wgmon_tui.config.keys import InvalidKeyError, PublicKey, decode_key
from wgmon_tui.config.value_parsers import InvalidValueError, parse_endpoint
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.records import dataclass

Network = IPv4Network | IPv6Network

_NONE = "(none)"
_INTERFACE_FIELDS = ("private-key", "public-key", "listen-port", "fwmark")
_PEER_FIELDS = (
    *("public-key", "preshared-key", "endpoint", "allowed-ips"),
    *("latest-handshake", "transfer-rx", "transfer-tx", "persistent-keepalive"),
)
_HEAD_LENGTH, _TAIL_LENGTH = 3, 1
_JUNK = ("jc", "jmin", "jmax")
_HEADERS = ("h1", "h2", "h3", "h4")
_VERSION_1 = (*_JUNK, "s1", "s2", *_HEADERS)
_VERSION_2 = (*_JUNK, "s1", "s2", "s3", "s4", *_HEADERS, "i1", "i2", "i3", "i4", "i5")
_VERSION_3 = (
    *(*_VERSION_2, "header_protection_key", "content_padding_addition", "rekey_after_time"),
    *("rekey_timeout", "reject_after_time", "keepalive_timeout", "max_handshake_attempts"),
)
_PARAMETERS = {
    len(names): names
    for names in (
        _VERSION_1,
        (*_VERSION_1, "i1", "i2", "i3", "i4", "i5", "j1", "j2", "j3", "itime"),
        _VERSION_2,
        _VERSION_3,
        (*_VERSION_3, "random_trailers", "disable_cookies"),
    )
}
"""What stands between the port and the fwmark (amneziawg-tools, src/show.c), by the number of fields."""

_SHARED = {"s1", "s2", "s3", "s4", *_HEADERS, "random_trailers"}
_PARAMETER = re.compile(r"[0-9]{1,10}(-[0-9]{1,10})?|on|off")
_FWMARK = re.compile(r"off|0x[0-9a-f]{1,8}")
_DIGITS = re.compile(r"[0-9]{1,20}")
_INTERFACE_NAME = re.compile(r"[A-Za-z0-9_=+.-]{1,15}")


class InspectionError(Exception):
    """The view is not available. The message is a phrase to put after the server and the key."""


@dataclass(frozen=True, slots=True)
class PeerEntry:
    """A peer of an interface.

    Only a peer of a running interface has an endpoint, a latest handshake (Unix time in seconds), and a
    persistent keepalive interval (seconds; None if off).
    """

    public_key: PublicKey
    has_preshared_key: bool
    allowed_ips: frozenset[Network]
    endpoint: Endpoint | None = None
    latest_handshake: int | None = None
    keepalive_s: int | None = None


@dataclass(frozen=True, slots=True)
class InterfaceDump:
    """A running interface. It has a public key if it has a private one."""

    has_private_key: bool
    public_key: PublicKey | None
    listen_port: int
    peers: tuple[PeerEntry, ...]
    parameters: Mapping[str, str] = field(default_factory=dict)
    """The parameters of AmneziaWG that both sides must have, by their key in servers.toml."""


InterfaceDumps = dict[str, InterfaceDump]
"""Interfaces by name."""


def parse_dump(text: str) -> InterfaceDump:
    """Parse the output of `wg show INTERFACE dump` (wg(8)): the interface, then a line for each peer.

    Raises InspectionError.
    """
    lines = _lines(text)
    if lines == [""]:
        raise InspectionError("printed nothing; expected the output of `wg show INTERFACE dump`")
    if lines[0].count("\t") == len(_INTERFACE_FIELDS):
        raise InspectionError("line 1: one field too many; name an interface instead of `all`")
    head, parameters = _split_parameters(lines[0])
    return _parse_interface(
        _fields(head, 1, _INTERFACE_FIELDS),
        1,
        [(number, _fields(line, number, _PEER_FIELDS)) for number, line in enumerate(lines[1:], start=2)],
        parameters,
    )


def parse_all_dumps(text: str) -> InterfaceDumps:
    """Parse the output of `wg show all dump`: the interface name precedes every line.

    Without interfaces, the result is empty. Raises InspectionError.
    """
    lines = _lines(text)
    heads: dict[str, tuple[int, list[str]]] = {}
    peers: dict[str, list[tuple[int, list[str]]]] = {}
    for number, line in enumerate(lines if lines != [""] else [], start=1):
        name, _, rest = line.partition("\t")
        if name in heads:
            peers[name].append((number, _fields(rest, number, _PEER_FIELDS)))
        elif _INTERFACE_NAME.fullmatch(name):
            head, _ = _split_parameters(rest)
            heads[name] = (number, _fields(head, number, _INTERFACE_FIELDS))
            peers[name] = []
        else:
            raise InspectionError(
                f"line {number}: expected an interface and a tab, as `wg show all dump` prints"
            )
    return {name: _parse_interface(head, number, peers[name]) for name, (number, head) in heads.items()}


def _lines(text: str) -> list[str]:
    return [line.removesuffix("\r") for line in text.rstrip("\r\n").split("\n")]


def _split_parameters(line: str) -> tuple[str, dict[str, str]]:
    """The fields of an interface as `wg` prints them, and the parameters that `awg` prints among them."""
    fields = line.split("\t")
    names = _PARAMETERS.get(len(fields) - _HEAD_LENGTH - _TAIL_LENGTH)
    if names is None:
        return line, {}
    values = dict(zip(names, fields[_HEAD_LENGTH:-_TAIL_LENGTH], strict=True))
    shared = {key: value for key, value in values.items() if key in _SHARED and _PARAMETER.fullmatch(value)}
    return "\t".join((*fields[:_HEAD_LENGTH], *fields[-_TAIL_LENGTH:])), shared


def _parse_interface(
    head: Sequence[str],
    number: int,
    peers: Sequence[tuple[int, Sequence[str]]],
    parameters: Mapping[str, str] | None = None,
) -> InterfaceDump:
    where = f"line {number}"
    private_key, public_key, port, fwmark = head
    if not _FWMARK.fullmatch(fwmark):
        raise InspectionError(f"{where}: fwmark: expected off or a hexadecimal number")
    return InterfaceDump(
        has_private_key=is_set(private_key, f"{where}: private-key"),
        public_key=None
        if public_key == _NONE
        else parse_dumped_public_key(public_key, f"{where}: public-key"),
        listen_port=parse_number(port, 65535, f"{where}: listen-port"),
        peers=tuple(_parse_peer(fields, f"line {at}") for at, fields in peers),
        parameters=parameters or {},
    )


def _parse_peer(fields: Sequence[str], where: str) -> PeerEntry:
    public_key, preshared_key, endpoint, allowed_ips, handshake, rx, tx, keepalive = fields
    parse_number(rx, 2**64, f"{where}: transfer-rx")
    parse_number(tx, 2**64, f"{where}: transfer-tx")
    return PeerEntry(
        public_key=parse_dumped_public_key(public_key, f"{where}: public-key"),
        has_preshared_key=is_set(preshared_key, f"{where}: preshared-key"),
        allowed_ips=frozenset()
        if allowed_ips == _NONE
        else parse_networks(allowed_ips, f"{where}: allowed-ips"),
        endpoint=None if endpoint == _NONE else _endpoint(endpoint, f"{where}: endpoint"),
        latest_handshake=parse_number(handshake, 2**63, f"{where}: latest-handshake") or None,
        keepalive_s=None
        if keepalive == "off"
        else parse_number(keepalive.partition("-")[0], 65535, f"{where}: persistent-keepalive") or None,
    )


def _fields(line: str, number: int, names: Sequence[str]) -> list[str]:
    found = line.split("\t")
    if len(found) != len(names):
        raise InspectionError(
            f"line {number}: expected {len(names)} fields with tabs between them, got {len(found)}; "
            "the command must print `wg show INTERFACE dump` and nothing else"
        )
    return found


# Values. No error repeats one: it may be a key in the wrong field.


def is_set(text: str, where: str) -> bool:
    """Whether a secret is set; all zeros mean none."""
    if text == _NONE:
        return False
    try:
        return any(decode_key(text))
    except InvalidKeyError as error:
        raise InspectionError(f"{where}: {error}") from None


def parse_dumped_public_key(text: str, where: str) -> PublicKey:
    """Parse a public key. Raises InspectionError that starts with `where`, as the other parsers do."""
    try:
        return PublicKey.from_text(text)
    except InvalidKeyError as error:
        raise InspectionError(f"{where}: {error}") from None


def parse_number(text: str, most: int, where: str) -> int:
    """Parse a number from 0 to `most`."""
    if not _DIGITS.fullmatch(text) or int(text) > most:
        raise InspectionError(f"{where}: expected a number from 0 to {most}")
    return int(text)


def _endpoint(text: str, where: str) -> Endpoint:
    try:
        return parse_endpoint(text)
    except InvalidValueError:
        raise InspectionError(f"{where}: expected an address and a port") from None


def parse_networks(text: str, where: str) -> frozenset[Network]:
    """Parse networks separated by commas, as in AllowedIPs."""
    try:
        if "%" in text:
            raise ValueError
        # Host bits may be set in a file; wg clears them.
        return frozenset(ip_network(part.strip(), strict=False) for part in text.split(","))
    except ValueError:
        raise InspectionError(f"{where}: expected networks such as 10.8.0.2/32") from None
