"""Reads the PowerShell line that makes a connection of Windows (learn.microsoft.com, "Add-VpnConnection").

`Set-VpnConnectionIPsecConfiguration` after it gives the algorithms.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from wgmon_tui.protocols.ikev2.imports.connection import ConnectionImportError, ForeignConnection
from wgmon_tui.text import printable, quoted

_COMMAND = re.compile(r"\b(Add-VpnConnection|Set-VpnConnectionIPsecConfiguration)\b(.*)", re.IGNORECASE)
_WORD = re.compile(r""""((?:[^"`]|`.)*)"|'((?:[^']|'')*)'|([^\s"'|;#]+)""")
_ENCRYPTION = {
    "des": "des",
    "des3": "3des",
    "aes128": "aes128",
    "aes192": "aes192",
    "aes256": "aes256",
    "gcmaes128": "aes128gcm16",
    "gcmaes256": "aes256gcm16",
}
_INTEGRITY = {"md5": "md5", "sha1": "sha1", "sha256": "sha256", "sha384": "sha384"}
_GROUPS = {
    "group1": "modp768",
    "group2": "modp1024",
    "group14": "modp2048",
    "ecp256": "ecp256",
    "ecp384": "ecp384",
    "group24": "modp2048s256",
}
_ESP_INTEGRITY = {"md596": "md5", "sha196": "sha1", "sha256128": "sha256"}
_DEFAULTS = tuple(f"aes256-{each}-modp1024" for each in ("sha1", "sha256", "sha384"))
_ESP_DEFAULTS = ("aes256-sha1", "aes128-sha1")
"""What Windows offers by itself, without 3DES and DES (docs.strongswan.org, "Windows Clients")."""

_OF_WINDOWS = (
    "the file has no Set-VpnConnectionIPsecConfiguration: checks offer what Windows does by itself, with the "
    "group modp1024 alone; many servers refuse that"
)
_TYPES = ("ikev2", "automatic")

_Parameters = dict[str, str]


def read_connections(text: str) -> Iterator[ForeignConnection | ConnectionImportError]:
    """The connections of the lines. Raises ConnectionImportError."""
    added: list[tuple[_Parameters, int]] = []
    configured: dict[str, _Parameters] = {}
    for number, line in _lines(text):
        match = _COMMAND.search(line)
        if match is None or "#" in line[: match.start()]:
            continue
        parameters = _parse(match[2])
        if match[1].lower().startswith("add"):
            added.append((parameters, number))
        else:
            configured[parameters.get("connectionname", parameters.get("name", "")).lower()] = parameters
    for parameters, number in added:
        yield _read_connection(parameters, number, configured)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines with their numbers; a ` at the end continues a line."""
    whole, first = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        first = first or number
        whole += line.rstrip()
        if whole.endswith("`"):
            whole = whole[:-1] + " "
            continue
        yield first, whole
        whole, first = "", 0
    if whole:
        yield first, whole


def _parse(text: str) -> _Parameters:
    """The parameters of a command, in small letters. Its first words may stand without a name."""
    parameters: _Parameters = {}
    key, bare = "", ["name", "serveraddress", "tunneltype"]
    for match in _WORD.finditer(text):
        double, single, plain = match.groups()
        if plain and plain.startswith("-") and len(plain) > 1:
            key, colon, value = plain[1:].lower().partition(":")
            parameters[key] = value
            key = "" if colon and value else key
            continue
        word = plain or (single or "").replace("''", "'") or re.sub("`(.)", r"\1", double or "")
        name = key or (bare.pop(0) if bare else "")
        if name:
            parameters[name] = word
        key = ""
    return parameters


def _read_connection(
    parameters: _Parameters, line: int, configured: Mapping[str, _Parameters]
) -> ForeignConnection | ConnectionImportError:
    host = parameters.get("serveraddress", "")
    name = parameters.get("name", "") or host
    if not host:
        return ConnectionImportError("Add-VpnConnection without -ServerAddress", line)
    kind = parameters.get("tunneltype", "automatic")
    if kind.lower() not in _TYPES:
        return ConnectionImportError(
            f"connection {printable(name)} is {quoted(printable(kind))}, not IKEv2", line
        )
    custom = configured.get(name.lower())
    if custom is None:
        return ForeignConnection(
            name, host, proposals=_DEFAULTS, esp_proposals=_ESP_DEFAULTS, notices=(_OF_WINDOWS,)
        )
    return ForeignConnection(name, host, proposals=_proposals(custom), esp_proposals=_esp_proposals(custom))


def _proposals(parameters: _Parameters) -> tuple[str, ...]:
    encryption = _ENCRYPTION.get(parameters.get("encryptionmethod", "").lower())
    integrity = _INTEGRITY.get(parameters.get("integritycheckmethod", "").lower())
    group = _GROUPS.get(parameters.get("dhgroup", "").lower())
    return (f"{encryption}-{integrity}-{group}",) if encryption and integrity and group else ()


def _esp_proposals(parameters: _Parameters) -> tuple[str, ...]:
    """The transforms of the tunnel. With GCM, both constants name it."""
    encryption = _ENCRYPTION.get(parameters.get("ciphertransformconstants", "").lower())
    if encryption is None or encryption.endswith("gcm16"):
        return (encryption,) if encryption else ()
    integrity = _ESP_INTEGRITY.get(parameters.get("authenticationtransformconstants", "").lower())
    return (f"{encryption}-{integrity}",) if integrity else ()
