"""Reads strongSwan's swanctl.conf (man page swanctl.conf(5), format of strongswan.conf(5))."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error
from collections.abc import Iterator, Mapping

from wgmon_tui.protocols.ikev2.imports.connection import IKE_PORT, ConnectionImportError, ForeignConnection
from wgmon_tui.protocols.ikev2.imports.strongswan_conf import StrongswanSection, parse
from wgmon_tui.text import format_list, printable

_INCLUDE = re.compile(r"^[ \t]*include[ \t]", re.MULTILINE)
_CERTIFICATES, _PRIVATE, _AUTHORITIES = (f"/etc/swanctl/{each}/" for each in ("x509", "private", "x509ca"))
_EVERYWHERE = ("%any", "%any4", "%any6", "0.0.0.0/0", "::/0")


def read_connections(text: str) -> Iterator[ForeignConnection | ConnectionImportError]:
    """The connections that begin here. Raises ConnectionImportError."""
    root = parse(text)
    connections = root.sections.get("connections", StrongswanSection(1))
    secrets = root.sections.get("secrets", StrongswanSection(1))
    authorities = root.sections.get("authorities", StrongswanSection(1))
    if not connections.sections:
        others = _INCLUDE.search(text)
        advice = "; type: wgmon-tui import /etc/swanctl/conf.d" if others else ""
        raise ConnectionImportError(f"has no connections{advice}", connections.line)
    for name, connection in connections.sections.items():
        yield _read_connection(name, connection, secrets, authorities)


def _read_connection(
    name: str, connection: StrongswanSection, secrets: StrongswanSection, authorities: StrongswanSection
) -> ForeignConnection | ConnectionImportError:
    parts = (connection, *connection.sections.values())
    if missing := [name for each in parts for name in each.missing_bases]:
        bases = format_list(map(printable, dict.fromkeys(missing)), most=3)
        reason = f"inherits from {bases}, which this file does not have; import one file with both"
        return ConnectionImportError(reason, connection.line, name)
    hosts = [each for each in connection.listed("remote_addrs") if each not in _EVERYWHERE]
    if connection.get("version", "2") == "1":
        return ConnectionImportError("is for IKEv1", connection.line, name)
    if not hosts or (any(mark in hosts[0] for mark in "/-") and not hosts[0].strip("0123456789./-")):
        return ConnectionImportError("waits for clients: it has no remote_addrs", connection.line, name)
    local = next(connection.named("local"), StrongswanSection(connection.line))
    remote = next(connection.named("remote"), StrongswanSection(connection.line))
    port = connection.get("remote_port", str(IKE_PORT))
    if not port.isascii() or not port.isdigit() or len(port) > 5:
        return ConnectionImportError("has a remote_port that is no port", connection.line, name)
    local_id, user = local.get("id"), local.get("eap_id") or local.get("id")
    method = local.get("auth", "pubkey")
    values: dict[str, str] = {}
    files: dict[str, str] = {}
    if method == "psk":
        found = _find_secret(secrets, "ike", {local_id, remote.get("id")})
        values |= {"secret": found} if found else {}
    elif method.startswith("eap"):
        found = _find_secret(secrets, "eap", {user})
        values |= {"eap_password": found} if found else {}
    else:
        files |= _files_of(local, secrets)
    if authority := _authority(remote, authorities):
        files["ca"] = authority
    return ForeignConnection(
        name,
        hosts[0],
        int(port),
        "" if local_id == "%any" else local_id,
        "" if remote.get("id") == "%any" else remote.get("id"),
        user,
        connection.listed("proposals"),
        _esp_proposals(connection),
        (),
        files,
        values,
    )


def _esp_proposals(connection: StrongswanSection) -> tuple[str, ...]:
    """Those of the first child."""
    children = connection.sections.get("children", StrongswanSection(connection.line))
    first = next(iter(children.sections.values()), StrongswanSection(connection.line))
    return first.listed("esp_proposals")


def _find_secret(secrets: StrongswanSection, kind: str, ids: set[str]) -> str | None:
    """The secret for one of these identities; that without any fits all. Raises ConnectionImportError."""
    ranked: list[tuple[int, StrongswanSection]] = []
    for each in secrets.named(kind):
        own = {value for key, (value, _) in each.values.items() if key.startswith("id")}
        if "secret" in each.values and (not own or own & ids):
            ranked.append((len(own & ids), each))
    if not ranked:
        return None
    text, line = max(ranked, key=lambda each: each[0])[1].values["secret"]
    return decode_secret(text, line)


def decode_secret(text: str, line: int) -> str:
    """A secret: text, 0x and hexadecimal, or 0s and base64. Raises ConnectionImportError."""
    try:
        if text[:2].lower() == "0x":
            decoded = bytes.fromhex(text[2:].replace("_", "")).decode()
        elif text[:2].lower() == "0s":
            decoded = b64decode(text[2:], validate=True).decode()
        else:
            decoded = text
    except (ValueError, Error):
        raise ConnectionImportError("the secret is not text, or not written as it should be", line) from None
    if not decoded.strip() or not decoded.isprintable():
        raise ConnectionImportError("the secret is not one line of text", line)
    return decoded


def _files_of(local: StrongswanSection, secrets: StrongswanSection) -> Mapping[str, str]:
    """Certificate and key, if there is one of each."""
    certificates = local.listed("certs")
    keys = [
        each.get("file")
        for kind in ("private", "pkcs8", "rsa", "ecdsa")
        for each in secrets.named(kind)
        if each.get("file")
    ]
    if len(certificates) != 1 or len(keys) != 1:
        return {}
    return {"certificate": _path(_CERTIFICATES, certificates[0]), "key": _path(_PRIVATE, keys[0])}


def _authority(remote: StrongswanSection, authorities: StrongswanSection) -> str:
    if named := remote.listed("cacerts"):
        return _path(_AUTHORITIES, named[0])
    files = [each.get("cacert") or each.get("file") for each in authorities.sections.values()]
    known = [each for each in files if each]
    return _path(_AUTHORITIES, known[0]) if len(known) == 1 else ""


def _path(directory: str, name: str) -> str:
    return name if name.startswith("/") else directory + name
