"""Reads strongSwan's ipsec.secrets (man page ipsec.secrets(5)). It has secrets, and no servers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from wgmon_tui.protocols.ikev2.imports.connection import ConnectionImportError, ForeignConnection
from wgmon_tui.protocols.ikev2.imports.swanctl import decode_secret

_LINE = re.compile(
    r'(?P<ids>[^#:"]*(?:"[^"]*"[^#:"]*)*):[ \t]*(?P<kind>PSK|EAP|RSA|ECDSA|PKCS8)[ \t]+'
    r'(?P<value>"[^"]*"|\S+).*'
)
_PRIVATE = "/etc/ipsec.d/private/"


@dataclass(frozen=True, slots=True)
class _NamedSecret:
    kind: str
    ids: frozenset[str]
    text: str = field(repr=False)
    line: int


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secrets of a text, and the files with private keys."""

    secrets: tuple[_NamedSecret, ...] = ()
    keys: tuple[str, ...] = ()


def read_connections(text: str) -> Iterator[ForeignConnection | ConnectionImportError]:
    """There are none: this says how to import it. Raises ConnectionImportError."""
    yield ConnectionImportError(
        "has secrets and no servers; type: cat /etc/ipsec.conf /etc/ipsec.secrets | wgmon-tui import -"
    )


def read_secrets(text: str) -> Secrets:
    """The secrets in a text that may have other lines, too."""
    secrets: list[_NamedSecret] = []
    keys: list[str] = []
    for number, raw in enumerate(text.splitlines(), start=1):
        match = _LINE.fullmatch(raw.strip()) if ":" in raw else None
        if match is None:
            continue
        value = match["value"].strip('"')
        if match["kind"] in ("PSK", "EAP"):
            ids = frozenset(each.strip('"').removeprefix("@") for each in match["ids"].split())
            secrets.append(_NamedSecret(match["kind"], ids - {"%any"}, value, number))
        else:
            keys.append(value if value.startswith("/") else _PRIVATE + value)
    return Secrets(tuple(secrets), tuple(keys))


def find_secret(secrets: Secrets, kind: str, ids: Iterable[str]) -> str | None:
    """The secret that names most of these identities; one without any fits all.

    Raises ConnectionImportError.
    """
    wanted = set(ids)
    fitting = [each for each in secrets.secrets if each.kind == kind and (not each.ids or each.ids & wanted)]
    if not fitting:
        return None
    best = max(fitting, key=lambda each: len(each.ids & wanted))
    return decode_secret(best.text, best.line)
