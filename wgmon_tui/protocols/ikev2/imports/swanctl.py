"""Reads strongSwan's swanctl.conf (man page swanctl.conf(5), format of strongswan.conf(5))."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from wgmon_tui.protocols.ikev2.imports.connection import IKE_PORT, ConnectionImportError, ForeignConnection
from wgmon_tui.text import printable, quoted

_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r]+|\#[^\n]*) | (?P<line>\n) | (?P<open>\{) | (?P<close>\})
    | (?P<value>=[ \t]*(?P<text>"(?:[^"\\]|\\.)*"|[^\n\#{}"]*))
    | (?P<include>include[ \t]+[^\n]*) | (?P<name>[^\s\#{}="]+)
    """,
    re.VERBOSE | re.DOTALL,
)
_INCLUDE = re.compile(r"^[ \t]*include[ \t]", re.MULTILINE)
_DEEPEST = 16
_CERTIFICATES, _PRIVATE, _AUTHORITIES = (f"/etc/swanctl/{each}/" for each in ("x509", "private", "x509ca"))
_EVERYWHERE = ("%any", "%any4", "%any6", "0.0.0.0/0", "::/0")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


@dataclass(slots=True)
class SwanctlSection:
    """A section: values with their lines, and sections. `bases` are those that it inherits from."""

    line: int
    values: dict[str, tuple[str, int]] = field(default_factory=dict)
    sections: dict[str, SwanctlSection] = field(default_factory=dict)
    bases: tuple[str, ...] = ()

    def get(self, key: str, default: str = "") -> str:
        """The value of a key."""
        return self.values[key][0] if key in self.values else default

    def listed(self, key: str) -> tuple[str, ...]:
        """The elements of a value with commas."""
        return tuple(each.strip() for each in self.get(key).split(",") if each.strip())

    def named(self, prefix: str) -> Iterator[SwanctlSection]:
        """The sections whose name begins like this, such as local, local-2."""
        return (each for name, each in self.sections.items() if name.startswith(prefix))


def read_connections(text: str) -> Iterator[ForeignConnection | ConnectionImportError]:
    """The connections that begin here. Raises ConnectionImportError."""
    root = parse(text)
    connections = root.sections.get("connections", SwanctlSection(1))
    secrets = root.sections.get("secrets", SwanctlSection(1))
    authorities = root.sections.get("authorities", SwanctlSection(1))
    if not connections.sections:
        others = _INCLUDE.search(text)
        advice = "; type: wgmon-tui import /etc/swanctl/conf.d" if others else ""
        raise ConnectionImportError(f"has no connections{advice}", connections.line)
    for name, connection in connections.sections.items():
        yield _read_connection(name, connection, secrets, authorities)


def parse(text: str) -> SwanctlSection:
    """The sections of a text. Raises ConnectionImportError with the line of an error."""
    root = SwanctlSection(1)
    stack, pending, line, at = [root], list[str](), 1, 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ConnectionImportError("a value is not closed, or a character stands where none can", line)
        match match.lastgroup:
            case "open":
                stack.append(_open(stack[-1], pending, line))
                if len(stack) > _DEEPEST:
                    raise ConnectionImportError(f"sections in more than {_DEEPEST} others", line)
            case "close":
                if len(stack) == 1 or pending:
                    raise ConnectionImportError("a } without its {, or after a word", line)
                stack.pop()
            case "value":
                if len(pending) != 1:
                    raise ConnectionImportError("expected one key before =", line)
                stack[-1].values[pending.pop()] = _plain(match["text"]), line
            case "name":
                pending.append(match["name"])
        line += match[0].count("\n")
        at = match.end()
    if len(stack) > 1:
        raise ConnectionImportError("the section that begins here is not closed with }", stack[-1].line)
    if pending:
        raise ConnectionImportError(f"expected = or {{ after {quoted(printable(pending[0]))}", line)
    return root


def _open(parent: SwanctlSection, pending: list[str], line: int) -> SwanctlSection:
    """A section, with what it inherits: `name : base1, base2 {`."""
    if not pending:
        raise ConnectionImportError("expected the name of a section before {", line)
    words = " ".join(pending)
    pending.clear()
    name, _, bases = words.partition(":")
    inherited = tuple(each.strip() for each in bases.split(",") if each.strip())
    found = parent.sections.setdefault(name.strip(), SwanctlSection(line))
    for each in inherited:
        base = parent.sections.get(each)
        if base is not None and base is not found:
            found.values = {**base.values, **found.values}
            found.sections = {**base.sections, **found.sections}
    return found


def _plain(text: str) -> str:
    text = text.strip()
    if not text.startswith('"'):
        return text
    return re.sub(r"\\(.)", lambda each: _ESCAPES.get(each[1], each[1]), text[1:-1], flags=re.DOTALL)


def _read_connection(
    name: str, connection: SwanctlSection, secrets: SwanctlSection, authorities: SwanctlSection
) -> ForeignConnection | ConnectionImportError:
    hosts = [each for each in connection.listed("remote_addrs") if each not in _EVERYWHERE]
    if connection.get("version", "2") == "1":
        return ConnectionImportError("is for IKEv1", connection.line, name)
    if not hosts or (any(mark in hosts[0] for mark in "/-") and not hosts[0].strip("0123456789./-")):
        return ConnectionImportError("waits for clients: it has no remote_addrs", connection.line, name)
    local = next(connection.named("local"), SwanctlSection(connection.line))
    remote = next(connection.named("remote"), SwanctlSection(connection.line))
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


def _esp_proposals(connection: SwanctlSection) -> tuple[str, ...]:
    """Those of the first child."""
    children = connection.sections.get("children", SwanctlSection(connection.line))
    first = next(iter(children.sections.values()), SwanctlSection(connection.line))
    return first.listed("esp_proposals")


def _find_secret(secrets: SwanctlSection, kind: str, ids: set[str]) -> str | None:
    """The secret for one of these identities; that without any fits all. Raises ConnectionImportError."""
    ranked: list[tuple[int, SwanctlSection]] = []
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


def _files_of(local: SwanctlSection, secrets: SwanctlSection) -> Mapping[str, str]:
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


def _authority(remote: SwanctlSection, authorities: SwanctlSection) -> str:
    if named := remote.listed("cacerts"):
        return _path(_AUTHORITIES, named[0])
    files = [each.get("cacert") or each.get("file") for each in authorities.sections.values()]
    known = [each for each in files if each]
    return _path(_AUTHORITIES, known[0]) if len(known) == 1 else ""


def _path(directory: str, name: str) -> str:
    return name if name.startswith("/") else directory + name
