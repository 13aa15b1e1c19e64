"""The settings of servers.toml: `[[server]]`, `[[identity]]` and `[defaults]`.

The file is written in the order of these settings. The default values are those of `Server`.
"""

from __future__ import annotations

from dataclasses import replace

from wgmon_tui.checks.registry import control_plane_names
from wgmon_tui.config.models import WIREGUARD, Identity, Server
from wgmon_tui.config.protocol_settings import known_protocols
from wgmon_tui.config.setting import FormField, Section, Setting, Values, defaults_of
from wgmon_tui.config.toml_reader import as_integer, as_seconds
from wgmon_tui.config.value_parsers import InvalidValueError, format_duration
from wgmon_tui.config.value_types import (
    ADDRESSES,
    BOOLEAN,
    CERTIFICATES,
    ENDPOINT,
    HTTP_TARGETS,
    INTERFACES,
    KEY_SECRET,
    NAME,
    NAME_SERVERS,
    NAMES,
    PUBLIC_KEY,
    PUBLIC_KEYS,
    TEXT,
    TUNNEL_ENDPOINTS,
    FormFieldKind,
    ValueType,
    command,
    duration,
    integer,
    one_of,
)

INTERVAL_RANGE = (1.0, 86400.0)
TIMEOUT_RANGE = (0.2, 60.0)
SLOW_RANGE = (0.001, 60.0)
TUNNEL_MTU_RANGE = (576, 9000)
TUNNEL_COUNT_RANGE = (1, 20)
TUNNEL_OVER_RANGE = (0.0, 30.0)
SOAK_RANGE = (300.0, 604800.0)
EVERY_RANGE = (10.0, 86400.0)
"""Seconds between two runs of the slow parts of a check: `tunnel_every` and `explain_every`."""

_DEFAULTS = defaults_of(Server)

USUAL_TUNNEL_OVER: float = _DEFAULTS["tunnel_over"]
"""Seconds. Below the shortest interval, so that it never needs to be shortened."""


def _timeout(values: Values) -> float:
    """The default timeout, limited to the interval: a check ends before the next one begins."""
    return min(float(_DEFAULTS["timeout"]), float(values["interval"]))


def _fail_window(values: Values) -> int:
    """The default window: one good check among the failed ones does not reset the count."""
    return int(values["fail_after"]) + 1


_USUAL_SIZES = "usual"


def _as_mtu(value: object) -> int | None:
    """An inner packet size in bytes; 0 turns the test off.

    None is the usual test: a server writes "usual" to override `[defaults]`.
    """
    if value == _USUAL_SIZES:
        return None
    if type(value) is int and value == 0:
        return 0
    try:
        return as_integer(*TUNNEL_MTU_RANGE)(value)
    except InvalidValueError as error:
        raise InvalidValueError(f"{error}; write 0 to turn the test off") from None


_LEAST_MTU, _MOST_MTU = TUNNEL_MTU_RANGE
_MTU = ValueType(
    "integer",
    _as_mtu,
    {
        "anyOf": [
            {"const": 0},
            {"const": _USUAL_SIZES},
            {"type": "integer", "minimum": _LEAST_MTU, "maximum": _MOST_MTU},
        ]
    },
    f"usual, 0, or {_LEAST_MTU} to {_MOST_MTU}",
    lambda size: _USUAL_SIZES if size is None else size,
    FormFieldKind.NUMBER,
)


def _as_soak_interval(value: object) -> float:
    """Seconds between two soaks; 0 turns them off."""
    if (type(value) is int and value == 0) or value == "0s":
        return 0.0
    try:
        return as_seconds(*SOAK_RANGE)(value)
    except InvalidValueError as error:
        raise InvalidValueError(f"{error}; write 0 to turn the soak off") from None


_SOAK = replace(
    duration(*SOAK_RANGE),
    read=_as_soak_interval,
    schema={"anyOf": [{"enum": [0, "0s"]}, duration(*SOAK_RANGE).schema]},
    limits=f"0, or {duration(*SOAK_RANGE).limits}",
    write=format_duration,
)
_PROTOCOL = replace(
    one_of(known_protocols()),
    # Others may register. Control planes have a table of their own in the file, but are servers elsewhere.
    read=lambda value: value if value in control_plane_names() else one_of(known_protocols()).read(value),
    kind=FormFieldKind.CHOICE,
)
_IDENTITY_NAME = replace(NAME, kind=FormFieldKind.CHOICE)

_OWN = (
    Setting(
        "name",
        NAME,
        "The name of the server in wgmon-tui. A server with a new name starts a new history.",
        FormField(10, example="e.g. fra1"),
        required=True,
    ),
    Setting(
        "protocol",
        _PROTOCOL,
        "The protocol of the server. One with settings of its own has a table for them, such as "
        "`[server.amneziawg]`.",
        FormField(95, example=f"e.g. {WIREGUARD}"),
    ),
    Setting(
        "endpoint",
        ENDPOINT,
        "The host and the port of the server. Every address of the host is checked.",
        FormField(20, example="e.g. fra1.example.net:51820"),
        required=True,
    ),
    Setting(
        "public_key",
        PUBLIC_KEY,
        "The public key of the server. On the server, `wg show wg0 public-key` prints it.",
        FormField(30, example="44 characters that end in ="),
        required=True,
        protocol=WIREGUARD,
    ),
    Setting(
        "known_keys",
        PUBLIC_KEYS,
        "Old or future public keys of the server. They are tried only to find out why the server is silent.",
        FormField(240, more=True),
        protocol=WIREGUARD,
    ),
    Setting(
        "preshared_key",
        KEY_SECRET,
        "A preshared key, if the server has one. It goes to a file that only you can read, and is not shown "
        "again.",
        FormField(50),
        protocol=WIREGUARD,
    ),
    Setting(
        "inspect",
        command('["ssh", "fra1", "sudo", "wg", "show", "wg0", "dump"]'),
        "A command that prints the output of `wg show wg0 dump` on the server.",
        FormField(250, example="e.g. ssh fra1 sudo wg show wg0 dump", more=True),
        protocol=WIREGUARD,
    ),
    Setting(
        "inspect_config",
        command('["ssh", "fra1", "sudo", "cat", "/etc/wireguard/wg0.conf"]'),
        "A command that prints the configuration file of the server.",
        FormField(260, example="e.g. ssh fra1 sudo cat /etc/wireguard/wg0.conf", more=True),
        protocol=WIREGUARD,
    ),
)

_SHARED_BY_ALL = (
    Setting(
        "identity",
        _IDENTITY_NAME,
        "The key pair for the checks. The server must have it as a peer; no real client may use it.",
        FormField(40),
        protocol=WIREGUARD,
        default="the only `[[identity]]` of the file",
    ),
    Setting("interval", duration(*INTERVAL_RANGE), "The time between two checks.", FormField(80)),
    Setting(
        "timeout",
        duration(*TIMEOUT_RANGE),
        "How long a check waits for an answer. At most the interval.",
        FormField(100, more=True),
        follows=_timeout,
        default=f"{format_duration(_DEFAULTS['timeout'])}, or the interval if that is shorter",
    ),
    Setting(
        "slow",
        duration(*SLOW_RANGE),
        "A server whose round trip takes longer is degraded (`slow`).",
        FormField(110, more=True),
    ),
    Setting(
        "fail_after",
        integer(1, 10),
        "The server is down or degraded after this number of failed checks among the last fail_window.",
        FormField(120, more=True),
    ),
    Setting(
        "fail_window",
        integer(1, 20),
        "How many of the latest checks count for fail_after. At least fail_after.",
        FormField(130, more=True),
        follows=_fail_window,
        default="fail_after + 1",
    ),
    Setting(
        "recover_after",
        integer(1, 20),
        "The server is up again after this number of good checks in a row.",
        FormField(140, more=True),
    ),
    Setting(
        "paused",
        BOOLEAN,
        "Whether checks are stopped. The server stays in the table.",
        FormField(270, more=True),
    ),
    Setting("tags", NAMES, "Words to filter and group by.", FormField(70, example="e.g. eu, edge")),
)

_SHARED_BY_WIREGUARD = (
    Setting(
        "tunnel",
        BOOLEAN,
        "Whether a check sends data through the tunnel. Without it only the handshake is tested.",
        FormField(150, more=True),
    ),
    Setting(
        "tunnel_ping",
        ADDRESSES,
        "Addresses inside the tunnel that must answer a ping. Without one, the first hop inside is probed.",
        FormField(60, example="e.g. 10.8.0.1, fd00::1"),
    ),
    Setting(
        "tunnel_dns",
        NAME_SERVERS,
        "Name servers inside the tunnel that must answer without error. NAME@ADDRESS asks for that name.",
        FormField(160, more=True),
    ),
    Setting(
        "tunnel_tcp",
        TUNNEL_ENDPOINTS,
        "TCP ports inside the tunnel that must accept a connection, such as 10.8.0.1:443.",
        FormField(170, more=True),
    ),
    Setting(
        "tunnel_http",
        HTTP_TARGETS,
        "URLs to fetch through the tunnel: http://10.8.0.5/, or http://10.8.0.5/ status=401 text=sign in.",
        FormField(172, example="e.g. http://10.8.0.5/health", more=True),
    ),
    Setting(
        "tunnel_ca",
        CERTIFICATES,
        "PEM certificates of https servers in tunnel_http, or of their authorities.",
        FormField(174, example="-----BEGIN CERTIFICATE----- …", more=True),
        default="those of the system",
    ),
    Setting(
        "tunnel_mtu",
        _MTU,
        "The size in bytes of an inner packet that must pass. Without it 1280 must pass, and 1420 is tested. "
        "0 turns the test off.",
        FormField(180, more=True),
        default="`usual`",
    ),
    Setting(
        "tunnel_count",
        integer(*TUNNEL_COUNT_RANGE),
        "The number of pings that a check sends to each inner address.",
        FormField(190, more=True),
    ),
    Setting(
        "tunnel_over",
        duration(*TUNNEL_OVER_RANGE),
        "The time over which these pings are spread. Less than the interval.",
        FormField(200, more=True),
    ),
    Setting(
        "tunnel_every",
        duration(*EVERY_RANGE),
        "The time between two runs of the slow tests: packet size, passive keepalive and tunnel_http.",
        FormField(210, more=True),
    ),
    Setting(
        "tunnel_soak",
        _SOAK,
        "The time between two soaks: 64 KB of data over 30 s, which find paths that cut a flow off. "
        "0 turns them off, for example on metered links.",
        FormField(215, more=True),
    ),
    Setting(
        "explain",
        BOOLEAN,
        "Whether experiments may find out why the server is silent.",
        FormField(220, more=True),
    ),
    Setting(
        "explain_every",
        duration(*EVERY_RANGE),
        "The shortest time between two such experiments.",
        FormField(230, more=True),
    ),
    Setting(
        "try_identities",
        BOOLEAN,
        "Whether these experiments use your other identities too. The server then sends their traffic here.",
        FormField(235, more=True),
    ),
)

_NOTE = Setting(
    "note",
    TEXT,
    "A remark for people. Write it here, because wgmon-tui does not keep comments in the file.",
    FormField(90, example="e.g. rack 4, ask Ada before a reboot"),
)

SHARED = (
    *(replace(setting, shared=True) for setting in _SHARED_BY_ALL),
    *(replace(setting, shared=True, protocol=WIREGUARD) for setting in _SHARED_BY_WIREGUARD),
)
"""The server settings that `[defaults]` may set for all servers."""

SERVER = Section("server", "A server to check.", Server, (*_OWN, *SHARED, _NOTE), repeated=True)
DEFAULTS = Section(
    "defaults", "Settings for all servers. A server's own settings take precedence.", Server, SHARED
)
IDENTITY = Section(
    "identity",
    "A key pair for the checks. Make one for monitoring alone: `wgmon-tui keygen NAME`.",
    Identity,
    (
        Setting(
            "name",
            NAME,
            "The name of the identity in wgmon-tui. The name of this machine is a good one.",
            FormField(10, example="e.g. bastion"),
            required=True,
        ),
        Setting(
            "private_key",
            KEY_SECRET,
            "The private key. Make a new one for monitoring: with the key of a real client, each check "
            "cuts that client off.",
            FormField(20),
            required=True,
        ),
        Setting(
            "addresses",
            INTERFACES,
            "Tunnel addresses that no other peer has. Without one, only handshakes can be checked.",
            FormField(30, example="e.g. 10.8.0.250/32, fd00::250/128"),
        ),
    ),
    repeated=True,
)

SETTINGS_KEYS = tuple(setting.key for setting in SHARED)
