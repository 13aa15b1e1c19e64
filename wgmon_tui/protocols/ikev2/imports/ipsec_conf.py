"""Reads strongSwan's ipsec.conf (man page ipsec.conf(5)), and the secrets of ipsec.secrets behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from wgmon_tui.protocols.ikev2.imports.connection import IKE_PORT, ConnectionImportError, ForeignConnection
from wgmon_tui.protocols.ikev2.imports.ipsec_secrets import Secrets, find_secret, read_secrets
from wgmon_tui.text import printable, quoted

_SECTION = re.compile(r"(conn|ca|config)[ \t]+(\S+)[ \t]*", re.IGNORECASE)
_SETTING = re.compile(r"[ \t]+([A-Za-z0-9_-]+)[ \t]*=[ \t]*(.*)")
_COMMENT = re.compile(r"(?:^|[ \t])#.*")
_DEFAULT = "%default"
_ANY = ("", "%any", "%any4", "%any6", "%defaultroute")
_CERTIFICATES, _AUTHORITIES = "/etc/ipsec.d/certs/", "/etc/ipsec.d/cacerts/"
_IKE_VERSIONS = ("ike", "ikev2")

_Values = dict[str, str]
_Sections = dict[tuple[str, str], tuple[_Values, int]]


def read_connections(text: str) -> Iterator[ForeignConnection | ConnectionImportError]:
    """The connections to servers. Raises ConnectionImportError."""
    sections, secrets = _parse(text), read_secrets(text)
    authorities = [values for (kind, _), (values, _) in sections.items() if kind == "ca"]
    common = sections.get(("conn", _DEFAULT), ({}, 1))[0]
    for (kind, name), (own, line) in sections.items():
        if kind == "conn" and name != _DEFAULT:
            values = {**common, **_with_also(own, sections)}
            yield _read_connection(name, values, line, secrets, authorities)


def _parse(text: str) -> _Sections:
    """The sections by kind and name, with their lines."""
    sections: _Sections = {}
    values: _Values | None = None
    for number, raw in enumerate(text.splitlines(), start=1):
        line = _COMMENT.sub("", raw).rstrip()
        if match := _SECTION.fullmatch(line):
            values = sections.setdefault((match[1].lower(), match[2]), ({}, number))[0]
        elif match := _SETTING.fullmatch(line):
            if values is None:
                raise ConnectionImportError("a setting before the first conn", number)
            key = match[1].lower()
            written = match[2].strip().strip('"')
            values[key] = f"{values[key]} {written}" if key == "also" and key in values else written
        elif line.startswith((" ", "\t")) and line.strip():
            raise ConnectionImportError(
                f"expected key=value, got {quoted(printable(line.strip())[:40])}", number
            )
    return sections


def _with_also(own: _Values, sections: _Sections) -> _Values:
    """The values of a section, and those of the sections that `also` names, each of them once.

    The own value counts first, then that of the section that was named last.
    """
    merged: _Values = {}
    waiting, included = [own], set[int]()
    while waiting:
        values = waiting.pop()
        if id(values) in included:
            continue
        included.add(id(values))
        merged = {**values, **merged}
        names = values.get("also", "").split()
        waiting += [sections["conn", name][0] for name in names if ("conn", name) in sections]
    return merged


def _read_connection(
    name: str, values: Mapping[str, str], line: int, secrets: Secrets, authorities: list[_Values]
) -> ForeignConnection | ConnectionImportError:
    if values.get("keyexchange", "ike") not in _IKE_VERSIONS:
        return ConnectionImportError("is not for IKEv2", line, name)
    host = values.get("right", "").split(",")[0].strip()
    if host in _ANY or "/" in host:
        return ConnectionImportError("waits for clients: it has no right=HOST", line, name)
    port = values.get("rightikeport", str(IKE_PORT))
    if not port.isascii() or not port.isdigit() or len(port) > 5:
        return ConnectionImportError("has a rightikeport that is no port", line, name)
    method = values.get("leftauth") or values.get("authby", "pubkey")
    local_id, remote_id = _identity(values, "left"), _identity(values, "right")
    user = values.get("eap_identity") or local_id
    user = local_id if user in _ANY else user
    found: dict[str, str] = {}
    files: dict[str, str] = {}
    if method in ("psk", "secret"):
        secret = find_secret(secrets, "PSK", {local_id, remote_id, host})
        found |= {"secret": secret} if secret else {}
    elif method.startswith("eap"):
        password = find_secret(secrets, "EAP", {user})
        found |= {"eap_password": password} if password else {}
    elif values.get("leftcert") and len(secrets.keys) == 1:
        files = {"certificate": _path(_CERTIFICATES, values["leftcert"]), "key": secrets.keys[0]}
    if len(authorities) == 1 and authorities[0].get("cacert"):
        files["ca"] = _path(_AUTHORITIES, authorities[0]["cacert"])
    return ForeignConnection(
        name,
        host,
        int(port),
        local_id,
        remote_id,
        user,
        _proposals(values.get("ike", "")),
        _proposals(values.get("esp", "")),
        tuple(_notices(values)),
        files,
        found,
    )


def _proposals(text: str) -> tuple[str, ...]:
    return tuple(word for each in text.rstrip("!").split(",") if (word := each.strip()))


def _notices(values: Mapping[str, str]) -> Iterator[str]:
    """What strongSwan does and libreswan does not; nothing in the file tells which of them reads it."""
    for key in ("ike", "esp"):
        if (text := values.get(key, "").strip()) and not text.endswith("!"):
            yield f"{key}: without ! at its end, strongSwan offers its own proposals too, and checks do not"


def _identity(values: Mapping[str, str], side: str) -> str:
    """The identity of a side; "" for any. A leading @ only says that it is a name."""
    found = values.get(f"{side}id", "")
    return "" if found.startswith("%") else found.removeprefix("@")


def _path(directory: str, name: str) -> str:
    return name if name.startswith("/") else directory + name
