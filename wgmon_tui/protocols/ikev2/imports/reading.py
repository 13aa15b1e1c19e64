"""Recognises the configurations of IKEv2 clients by their content, and reads them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import cast

from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.protocol_settings import ImportedServer
from wgmon_tui.protocols.ikev2.imports.connection import ConnectionImportError, ForeignConnection, make_server

_Read = Callable[[str], Iterable[ForeignConnection | ConnectionImportError]]

_LONGEST_HEAD = 1 << 18
"""Characters that are searched for the marks of a format."""


@dataclass(frozen=True, slots=True)
class _ClientFormat:
    """A format: what its text has somewhere, or how its name ends; and the module that reads it."""

    module: str
    content: re.Pattern[str]
    suffix: str = ""


_FLAGS = re.IGNORECASE | re.MULTILINE
_FORMATS = (
    _ClientFormat("mobileconfig", re.compile(r"<key>\s*IKEv2\s*</key>"), ".mobileconfig"),
    _ClientFormat("sswan", re.compile(r'\A\s*\{.*"type"\s*:\s*"ikev2-', re.DOTALL), ".sswan"),
    _ClientFormat("windows_vpn", re.compile(r"^[^#\n]*\bAdd-VpnConnection\b", _FLAGS)),
    _ClientFormat("swanctl", re.compile(r"^[ \t]*connections[ \t]*\{", _FLAGS)),
    _ClientFormat("ipsec_conf", re.compile(r"^conn[ \t]+\S", _FLAGS)),
    _ClientFormat(
        "ipsec_secrets", re.compile(r"^[^#\n]*:[ \t]*(PSK|EAP|RSA|ECDSA|PKCS8)[ \t]+\S", re.MULTILINE)
    ),
)


def read_import(text: str, name: str) -> Sequence[ImportedServer]:
    """The servers in a text; none if it is no configuration of an IKEv2 client. Raises ConfigurationError."""
    head = text[:_LONGEST_HEAD]
    found = next(
        (each for each in _FORMATS if each.content.search(head) or _ends(name, each.suffix)),
        None,
    )
    if found is None:
        return ()
    module = import_module(f"wgmon_tui.protocols.ikev2.imports.{found.module}")
    read = cast("_Read", module.read_connections)
    servers: list[ImportedServer] = []
    faults: list[ConnectionImportError] = []
    try:
        for each in read(text):
            if isinstance(each, ConnectionImportError):
                faults.append(each)
            else:
                servers.append(make_server(each))
    except ConnectionImportError as fault:
        faults.append(fault)
    if not servers and faults:
        raise ConfigurationError(str(faults[0]))
    return servers


def _ends(name: str, suffix: str) -> bool:
    return bool(suffix) and name.lower().endswith(suffix)
