"""Recognises the configurations of IKEv2 clients by their content, and reads them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import cast

from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.protocol_settings import Imported, ImportedServer, ReadBeside, UnreadServer
from wgmon_tui.protocols.ikev2.imports.connection import ConnectionImportError, ForeignConnection, make_server

_Read = Callable[[str], Iterable[ForeignConnection | ConnectionImportError]]

_LONGEST_HEAD = 1 << 18
"""Characters that are searched for the marks of a format."""


@dataclass(frozen=True, slots=True)
class _ClientFormat:
    """A format: what its text has somewhere, or how its name ends; and the module that reads it.

    `companion` is the file beside it that has its secrets.
    """

    module: str
    content: re.Pattern[str]
    suffix: str = ""
    companion: str = ""


_FLAGS = re.IGNORECASE | re.MULTILINE
_FORMATS = (
    _ClientFormat("mobileconfig", re.compile(r"<key>\s*IKEv2\s*</key>"), ".mobileconfig"),
    _ClientFormat("sswan", re.compile(r'\A\s*\{.*"type"\s*:\s*"ikev2-', re.DOTALL), ".sswan"),
    _ClientFormat("windows_vpn", re.compile(r"^[^#\n]*\bAdd-VpnConnection\b", _FLAGS)),
    _ClientFormat("swanctl", re.compile(r"^[ \t]*(connections[ \t]*\{|include[ \t]+conf\.d/)", _FLAGS)),
    _ClientFormat("ipsec_conf", re.compile(r"^conn[ \t]+\S", _FLAGS), companion="ipsec.secrets"),
    _ClientFormat(
        "ipsec_secrets", re.compile(r"^([^#\n]*[ \t])?:[ \t]+(PSK|EAP|RSA|ECDSA|PKCS8)[ \t]+\S", re.MULTILINE)
    ),
)


def read_import(text: str, name: str, read_beside: ReadBeside) -> Sequence[Imported]:
    """The servers in a text; none if it is no configuration of an IKEv2 client. Raises ConfigurationError."""
    head = text[:_LONGEST_HEAD]
    found = next(
        (each for each in _FORMATS if each.content.search(head) or _ends(name, each.suffix)),
        None,
    )
    if found is None:
        return ()
    if found.companion:
        text += _read_companion(found.companion, read_beside)
    module = import_module(f"wgmon_tui.protocols.ikev2.imports.{found.module}")
    read = cast("_Read", module.read_connections)
    try:
        items = [_make(each) for each in read(text)]
    except ConnectionImportError as fault:
        raise ConfigurationError(str(fault)) from None
    faults = [each for each in items if isinstance(each, ConnectionImportError)]
    if faults and len(faults) == len(items):
        raise ConfigurationError(str(faults[0]))
    return [UnreadServer(each.name, each.reason) if isinstance(each, Exception) else each for each in items]


def _make(found: ForeignConnection | ConnectionImportError) -> ImportedServer | ConnectionImportError:
    if isinstance(found, ConnectionImportError):
        return found
    try:
        return make_server(found)
    except ConnectionImportError as fault:
        return fault


def _read_companion(name: str, read_beside: ReadBeside) -> str:
    """The text of the file with secrets beside this one; "" if there is none, or it cannot be read."""
    try:
        return "\n" + read_beside(name).decode("utf-8", "replace")
    except ConfigurationError:
        return ""


def _ends(name: str, suffix: str) -> bool:
    return bool(suffix) and name.lower().endswith(suffix)
