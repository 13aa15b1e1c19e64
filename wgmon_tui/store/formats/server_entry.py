"""Public part of a server's entry in servers.toml, as stored for viewers.

Other accounts can read it. It contains where a server is and how it is checked. It contains no paths of
secrets and no commands that query the server itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import get_type_hints

from wgmon_tui.config.models import ConfigurationError, Server
from wgmon_tui.config.protocol_settings import read_own, settings_of, without_secrets
from wgmon_tui.config.toml_reader import TomlTable
from wgmon_tui.store.formats.record_codec import UnreadableValueError, check_names, codec_of

SERVER_ENTRY: Mapping[str, str] = {
    "protocol": "protocol",
    "endpoint": "endpoint",
    "public_key": "public_key",
    "identity": "identity",
    "known_keys": "known_keys",
    "tunnel": "tunnel",
    "tunnel_ping": "tunnel_ping",
    "tunnel_dns": "tunnel_dns",
    "tunnel_tcp": "tunnel_tcp",
    "tunnel_http": "tunnel_http",
    "tunnel_ca": "tunnel_ca",
    "tunnel_mtu": "tunnel_mtu",
    "tunnel_soak": "tunnel_soak",
    "tunnel_count": "tunnel_count",
    "tunnel_over": "tunnel_over",
    "tunnel_every": "tunnel_every",
    "explain": "explain",
    "explain_every": "explain_every",
    "try_identities": "try_identities",
    "tags": "tags",
    "interval": "interval",
    "timeout": "timeout",
    "slow": "slow",
    "fail_after": "fail_after",
    "fail_window": "fail_window",
    "recover_after": "recover_after",
    "paused": "paused",
    "note": "note",
    "control_plane": "control_plane",
    "node_id": "node_id",
}
"""Stored names of the fields that an entry contains. The right side never changes: see stored_names.py."""

_HIDDEN = {"name", "preshared_key", "inspect", "inspect_config", "protocol_settings"}

_HINTS = get_type_hints(Server)
_STORED = {field.name for field in fields(Server)} - _HIDDEN
check_names(Server, SERVER_ENTRY, _STORED)
_SETTINGS = "settings"
"""The stored name of the table of the server's protocol."""

_ALWAYS = object()
"""Differs from every value."""

_LATER = {"tunnel_soak", "protocol", "tunnel_http", "tunnel_ca", "control_plane", "node_id"}
_SPARSE = {field.name: field.default for field in fields(Server) if field.name in _LATER}
"""Settings that are stored only if they differ from their default: versions without them wrote none."""

_FORMS = [(name, key, codec_of(_HINTS[name])) for name, key in SERVER_ENTRY.items()]


def server_to_entry(server: Server) -> str:
    """Encode the entry as JSON."""
    entry = {
        key: write(value)
        for name, key, (write, _) in _FORMS
        if (value := getattr(server, name)) != _SPARSE.get(name, _ALWAYS)
    }
    if settings := without_secrets(server):
        entry[_SETTINGS] = settings
    return json.dumps(entry, separators=(",", ":"))


def _read_settings(protocol: str, stored: dict[str, object]) -> object:
    """The settings of a protocol, without secrets; None if this version cannot read them."""
    section = settings_of(protocol).section
    if section is None:
        return None
    try:
        return read_own(protocol, TomlTable("", stored, section.known_keys, lacks_secrets=True))
    except ConfigurationError:
        return None


def server_from_entry(name: str, entry: str) -> Server | None:
    """Decode a stored entry, without the hidden keys; None if it is incomplete or damaged.

    Keys of another version are ignored.
    """
    try:
        stored = json.loads(entry)
        server = Server(
            name, **{field: read(stored[key]) for field, key, (_, read) in _FORMS if key in stored}
        )
        return replace(server, protocol_settings=_read_settings(server.protocol, stored.get(_SETTINGS, {})))
    except (ValueError, TypeError, AttributeError, UnreadableValueError, RecursionError):
        return None
