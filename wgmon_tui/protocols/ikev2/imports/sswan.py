"""Reads the profiles of strongSwan's Android client, .sswan (docs.strongswan.org, "VPN Profiles")."""

from __future__ import annotations

import json
from base64 import b64decode
from binascii import Error
from collections.abc import Iterator, Mapping
from typing import Any

from wgmon_tui.protocols.ikev2.imports.certificate_files import as_pem, open_pkcs12
from wgmon_tui.protocols.ikev2.imports.connection import IKE_PORT, ConnectionImportError, ForeignConnection


def read_connections(text: str) -> Iterator[ForeignConnection | ConnectionImportError]:
    """The connection of a profile. Raises ConnectionImportError."""
    try:
        profile = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConnectionImportError("damaged JSON", error.lineno) from None
    except (ValueError, RecursionError):
        raise ConnectionImportError("not readable as JSON") from None
    if not isinstance(profile, Mapping) or not isinstance(profile.get("remote"), Mapping):
        raise ConnectionImportError('a .sswan profile without "remote"')
    yield _read_connection(profile, profile["remote"], _table(profile, "local"))


def _read_connection(
    profile: Mapping[str, Any], remote: Mapping[str, Any], local: Mapping[str, Any]
) -> ForeignConnection:
    host = _text(remote, "addr")
    if not host:
        raise ConnectionImportError('a .sswan profile without "addr" in "remote"')
    port = remote.get("port", IKE_PORT)
    if not isinstance(port, int) or isinstance(port, bool):
        raise ConnectionImportError('"port" is no number')
    secrets: dict[str, str] = {}
    if "cert" in _text(profile, "type") and (packed := _bytes(local, "p12")):
        secrets |= open_pkcs12(packed, _text(local, "password"))
    elif password := _text(local, "password"):
        secrets["eap_password"] = password
    if authority := _bytes(remote, "cert"):
        secrets["ca"] = as_pem(authority)
    proposals, esp_proposals = _text(profile, "ike-proposal"), _text(profile, "esp-proposal")
    return ForeignConnection(
        _text(profile, "name") or host,
        host,
        port,
        _text(local, "id"),
        _text(remote, "id"),
        _text(local, "eap_id"),
        (proposals,) if proposals else (),
        (esp_proposals,) if esp_proposals else (),
        secrets=secrets,
    )


def _table(profile: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = profile.get(key)
    return found if isinstance(found, Mapping) else {}


def _text(table: Mapping[str, Any], key: str) -> str:
    found = table.get(key)
    return found.strip() if isinstance(found, str) and found.isprintable() else ""


def _bytes(table: Mapping[str, Any], key: str) -> bytes:
    """Raises ConnectionImportError."""
    found = table.get(key)
    if not isinstance(found, str):
        return b""
    try:
        return b64decode("".join(found.split()), validate=True)
    except (ValueError, Error):
        raise ConnectionImportError(f'"{key}" is no base64') from None
