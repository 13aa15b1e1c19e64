"""servers.toml, from text to records and back. Strict: what is not understood is an error, on one line.

The line says where (`servers.toml: server "fra1": key interval: …`), what was expected and what stood there;
a value that may be secret it never repeats.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TypeVar

import tomli_w

from wgmon_tui.fleet.records import (
    Address,
    ConfigurationError,
    Fleet,
    Identity,
    SecretForm,
    SecretSource,
    Server,
)
from wgmon_tui.fleet.tables import (
    Table,
    as_boolean,
    as_list,
    as_name,
    as_parsed,
    as_seconds,
    as_table,
    as_tables,
    as_text,
    load_toml,
)
from wgmon_tui.fleet.values import (
    InvalidValueError,
    format_duration,
    is_key,
    parse_address,
    parse_endpoint,
    parse_interface,
    parse_name,
    parse_public_key,
    parse_text,
)

HEADER = '# wgmon-tui writes this file. What you would put in a comment, put in a server as note = "…".'

INTERVAL_RANGE = (1.0, 86400.0)
TIMEOUT_RANGE = (0.2, 60.0)
SLOW_RANGE = (0.001, 60.0)
USUAL_TIMEOUT = 5.0
"""Seconds; where the interval is shorter and no timeout is given, the interval is the timeout."""

_SETTINGS_KEYS = ("identity", "interval", "timeout", "slow", "paused", "tags", "tunnel_ping")
_SERVER_KEYS = (
    *("name", "endpoint", "public_key", "known_keys", "note"),
    *(f"preshared_key{form.value}" for form in SecretForm),
    *_SETTINGS_KEYS,
)
_IDENTITY_KEYS = ("name", "addresses", *(f"private_key{form.value}" for form in SecretForm))
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CREDENTIAL = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Settings:
    """The keys that `[defaults]` and `[[server]]` share. None: not said."""

    identity: str | None = None
    interval: float = 10.0
    timeout: float | None = None
    slow: float = 0.5
    paused: bool = False
    tags: tuple[str, ...] = ()
    tunnel_ping: tuple[Address, ...] = ()

    def timeout_in_force(self) -> float:
        return min(USUAL_TIMEOUT, self.interval) if self.timeout is None else self.timeout


def parse(text: str, source: str = "servers.toml") -> Fleet:
    """The fleet that a servers.toml describes; `source` is the file's name in messages.

    Raises ConfigurationError for the first thing that cannot stand.
    """
    document = Table(source, load_toml(text, source), ("defaults", "identity", "server"))
    identities = _by_name(
        [(table, _identity(table)) for table in _named_tables(document, "identity", _IDENTITY_KEYS)]
    )
    defaults: dict[str, object] = document.get("defaults", as_table, {})
    shared = _defaults(defaults, source, list(identities))
    servers = _by_name(
        [
            (table, _server(table, shared, list(identities)))
            for table in _named_tables(document, "server", _SERVER_KEYS)
        ]
    )
    return Fleet(tuple(servers.values()), tuple(identities.values()), defaults)


def render(fleet: Fleet) -> str:
    """The text of which `parse` makes this fleet again; a server stands without what its defaults say.

    Raises ConfigurationError where `fleet.defaults` cannot stand.
    """
    shared = _defaults(fleet.defaults, "servers.toml", [identity.name for identity in fleet.identities])
    blocks = [HEADER + "\n"]
    if fleet.defaults:
        blocks.append("[defaults]\n" + tomli_w.dumps(fleet.defaults))
    blocks += ["[[identity]]\n" + tomli_w.dumps(_identity_table(identity)) for identity in fleet.identities]
    blocks += ["[[server]]\n" + tomli_w.dumps(_server_table(server, shared)) for server in fleet.servers]
    return "\n".join(blocks)


def _named_tables(document: Table, kind: str, known: Iterable[str]) -> Iterable[Table]:
    """Each table with its name in its errors, or its number where it has no name that can be shown."""
    tables: list[dict[str, object]] = document.get(kind, as_tables, [])
    for number, raw in enumerate(tables, start=1):
        try:
            label = f'"{as_name(raw.get("name"))}"'
        except InvalidValueError:
            label = str(number)
        yield Table(f"{document.where}: {kind} {label}", raw, known)


def _by_name(entries: Iterable[tuple[Table, T]]) -> dict[str, T]:
    found: dict[str, T] = {}
    for table, entry in entries:
        name = table.require("name", as_name)
        if name in found:
            raise table.error("name", "there are two of this name; give each its own")
        found[name] = entry
    return found


def _identity(table: Table) -> Identity:
    name = table.require("name", as_name)
    private_key = _secret(table, "private_key")
    if private_key is None:
        raise table.error(
            "private_key_file", "missing; name the file that holds the key, or type: wgmon-tui keygen NAME"
        )
    return Identity(name, private_key, table.get("addresses", as_list(parse_interface), ()))


def _defaults(raw: dict[str, object], source: str, identities: list[str]) -> _Settings:
    where = f"{source}: defaults"
    for key in raw:
        if key in _SERVER_KEYS and key not in _SETTINGS_KEYS:
            raise ConfigurationError(f"{where}: key {key}: belongs in a [[server]]; servers cannot share it")
    table = Table(where, raw, _SETTINGS_KEYS)
    settings = _settings(table, _Settings())
    if settings.identity is not None:
        _known_identity(table, settings.identity, identities)
    return settings


def _settings(table: Table, otherwise: _Settings) -> _Settings:
    return _Settings(
        identity=table.get("identity", as_name, otherwise.identity),
        interval=table.get("interval", as_seconds(*INTERVAL_RANGE), otherwise.interval),
        timeout=table.get("timeout", as_seconds(*TIMEOUT_RANGE), otherwise.timeout),
        slow=table.get("slow", as_seconds(*SLOW_RANGE), otherwise.slow),
        paused=table.get("paused", as_boolean, otherwise.paused),
        tags=table.get("tags", as_list(parse_name), otherwise.tags),
        tunnel_ping=table.get("tunnel_ping", as_list(parse_address), otherwise.tunnel_ping),
    )


def _server(table: Table, defaults: _Settings, identities: list[str]) -> Server:
    settings = _settings(table, defaults)
    timeout = settings.timeout_in_force()
    if timeout > settings.interval:
        # A check ends before the next one begins: two at once with one key replace each other's session.
        longest = format_duration(settings.interval)
        raise table.error(
            "timeout",
            f"expected no more than the interval of {longest}, got {format_duration(timeout)}; "
            f'write timeout = "{longest}", or a longer interval',
        )
    return Server(
        name=table.require("name", as_name),
        endpoint=table.require("endpoint", as_parsed(parse_endpoint)),
        public_key=table.require("public_key", as_parsed(parse_public_key)),
        identity=_known_identity(table, settings.identity, identities),
        known_keys=table.get("known_keys", as_list(parse_public_key), ()),
        preshared_key=_secret(table, "preshared_key"),
        tunnel_ping=settings.tunnel_ping,
        tags=settings.tags,
        interval=settings.interval,
        timeout=timeout,
        slow=settings.slow,
        paused=settings.paused,
        note=table.get("note", as_text, ""),
    )


def _known_identity(table: Table, name: str | None, known: list[str]) -> str:
    """The identity that is meant: the named one, or the only one there is."""
    if not known:
        raise table.error("identity", "there is no [[identity]] yet; make one: wgmon-tui keygen NAME")
    if name is None and len(known) == 1:
        return known[0]
    if name is None:
        raise table.error("identity", f"missing, and there are several; name one of {_listed(known)}")
    if name not in known:
        nearest = get_close_matches(name, known, n=1) or known
        raise table.error("identity", f'no [[identity]] is named "{name}"; there is {_listed(nearest)}')
    return name


def _listed(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names[:5]) + (", …" if len(names) > 5 else "")


def _secret(table: Table, prefix: str) -> SecretSource | None:
    """Where the secret is, in whichever of the five forms; None where none of them stands."""
    forms = [form for form in SecretForm if prefix + form.value in table.raw]
    if not forms:
        return None
    if len(forms) > 1:
        first, second = (prefix + form.value for form in forms[:2])
        raise table.error(second, f"{first} stands there too; keep exactly one of them")
    form = forms[0]
    return SecretSource(form, table.require(prefix + form.value, _SECRET_VALUES[form]))


def _secret_text(value: object) -> str:
    """Text that no message may repeat."""
    if not isinstance(value, str):
        raise InvalidValueError("expected text in quotes")
    return parse_text(value)


def _inline_key(value: object) -> str:
    text = _secret_text(value)
    if not is_key(text):
        raise InvalidValueError("not a WireGuard key: expected 44 characters of base64 that end in '='")
    return text


def _place(value: object) -> str:
    text = _secret_text(value)
    if not text or is_key(text):
        raise InvalidValueError("expected the path of the file that holds the key, not the key itself")
    return text


def _variable(value: object) -> str:
    text = _secret_text(value)
    if not _VARIABLE.fullmatch(text):
        raise InvalidValueError("expected the name of an environment variable: letters, digits and _")
    return text


def _credential(value: object) -> str:
    text = _secret_text(value)
    if not _CREDENTIAL.fullmatch(text):
        raise InvalidValueError(
            "expected the name of a systemd credential: letters, digits, '.', '_' and '-'"
        )
    return text


def _command(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not value[0]:
        raise InvalidValueError('expected a list of words such as ["pass", "show", "wg/bastion"]')
    words = tuple(_secret_text(word) for word in value)
    if any(is_key(word) for word in words):
        raise InvalidValueError("a key among the words is seen by everybody who lists processes; use a file")
    return words


_SECRET_VALUES: dict[SecretForm, Callable[[object], str | tuple[str, ...]]] = {
    SecretForm.FILE: _place,
    SecretForm.COMMAND: _command,
    SecretForm.ENV: _variable,
    SecretForm.CREDENTIAL: _credential,
    SecretForm.INLINE: _inline_key,
}


def _identity_table(identity: Identity) -> dict[str, object]:
    table: dict[str, object] = {"name": identity.name}
    table |= _secret_entry("private_key", identity.private_key)
    if identity.addresses:
        table["addresses"] = [str(address) for address in identity.addresses]
    return table


def _server_table(server: Server, shared: _Settings) -> dict[str, object]:
    table: dict[str, object] = {
        "name": server.name,
        "endpoint": str(server.endpoint),
        "public_key": str(server.public_key),
    }
    if server.known_keys:
        table["known_keys"] = [str(key) for key in server.known_keys]
    if server.preshared_key:
        table |= _secret_entry("preshared_key", server.preshared_key)
    own = _Settings(
        identity=server.identity,
        interval=server.interval,
        timeout=server.timeout,
        slow=server.slow,
        paused=server.paused,
        tags=server.tags,
        tunnel_ping=server.tunnel_ping,
    )
    # A timeout that nobody wrote follows the server's own interval.
    inherited_timeout = replace(shared, interval=server.interval).timeout_in_force()
    usual = _settings_table(replace(shared, timeout=inherited_timeout))
    table |= {key: value for key, value in _settings_table(own).items() if value != usual[key]}
    if server.note:
        table["note"] = server.note
    return table


def _settings_table(settings: _Settings) -> dict[str, object]:
    return {
        "identity": settings.identity,
        "interval": format_duration(settings.interval),
        "timeout": format_duration(settings.timeout_in_force()),
        "slow": format_duration(settings.slow),
        "paused": settings.paused,
        "tags": list(settings.tags),
        "tunnel_ping": [str(address) for address in settings.tunnel_ping],
    }


def _secret_entry(prefix: str, source: SecretSource) -> dict[str, object]:
    value = source.value if isinstance(source.value, str) else list(source.value)
    return {prefix + source.form.value: value}
