"""The fleet as frozen records: the validated content of servers.toml."""

from __future__ import annotations

from dataclasses import field
from enum import Enum
from typing import Any

from wgmon_tui.config.keys import NO_PUBLIC_KEY, PublicKey
from wgmon_tui.exit_codes import UnwritableError, refuses_to_write
from wgmon_tui.net.addresses import Address, Endpoint, Interface, NameServer
from wgmon_tui.net.http_target import HttpTarget
from wgmon_tui.records import dataclass

WIREGUARD = "wireguard"
AMNEZIAWG = "amneziawg"
"""Protocols of a server whose keys stand at the level of the server."""

SYSTEM_PATH = "system-path"
"""The protocol of nodes that are checked at their mesh address."""


class ConfigurationError(Exception):
    """An error in a configuration file. The message is one line: file, key, what to do.

    It never repeats a value that may be secret.
    """

    @property
    def lines(self) -> tuple[str, ...]:
        """All errors, a line each. The message has only the first, if a file has several."""
        return tuple(str(self).split("\n"))


class UnwritableFileError(ConfigurationError, UnwritableError):
    """A file or directory cannot be written, because of the disk or of permissions."""


def write_error(message: str, error: OSError) -> ConfigurationError:
    """The error after a failed write. A path that is wrong in itself is no `UnwritableFileError`."""
    return UnwritableFileError(message) if refuses_to_write(error) else ConfigurationError(message)


class SecretForm(Enum):
    """The forms of a secret. The value is the suffix of its TOML key (private_key_file …)."""

    FILE = "_file"
    COMMAND = "_command"
    ENV = "_env"
    CREDENTIAL = "_credential"
    INLINE = ""


@dataclass(frozen=True, slots=True)
class SecretSource:
    """The source of a secret. The repr hides the value, because an inline source is the secret."""

    form: SecretForm
    value: str | tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """The key pair and tunnel addresses of a prober. One per vantage, made for monitoring."""

    name: str
    private_key: SecretSource
    addresses: tuple[Interface, ...] = ()


@dataclass(frozen=True, slots=True)
class Server:
    """One monitored endpoint. Times are in seconds.

    `tunnel`: send data through the session. A check sends `tunnel_count` echoes over `tunnel_over` seconds.
    `tunnel_every` is the time between slow tests (MTU, passive keepalive). `tunnel_mtu` is the inner size
    that must pass; None tests the usual sizes, 0 none. `tunnel_soak` is the time between soaks; 0 is never.
    `tunnel_http` are URLs that a deep check fetches; `tunnel_ca` are the only certificates, PEM on
    one line, that it trusts; without any, those of the system.
    `explain` allows the experiments that explain silence, at most every `explain_every` seconds.
    `try_identities` allows the other identities in them; the server then moves their endpoint to
    this machine. `fail_after`, `fail_window` and `recover_after` damp the state (monitor/damping.py).
    `protocol` is the name of a protocol of checks/registry.py, `protocol_settings` the frozen record of its
    own table. `public_key` and `identity` are empty if the protocol has none.
    `inspect` is a command that prints the server's `wg show INTERFACE dump`; `inspect_config` is one that
    prints its configuration file.
    `control_plane` and `node_id` are set for a node that a rule of that control plane watches: such a server
    is not in servers.toml. `node_id` is the control plane's own, and stays when the node is renamed.
    """

    name: str
    endpoint: Endpoint
    public_key: PublicKey = NO_PUBLIC_KEY
    identity: str = ""
    known_keys: tuple[PublicKey, ...] = ()
    preshared_key: SecretSource | None = None
    tunnel: bool = True
    tunnel_ping: tuple[Address, ...] = ()
    tunnel_dns: tuple[NameServer, ...] = ()
    tunnel_tcp: tuple[Endpoint, ...] = ()
    tunnel_mtu: int | None = None
    tunnel_count: int = 3
    tunnel_over: float = 0.5
    tunnel_every: float = 60.0
    explain: bool = True
    explain_every: float = 60.0
    try_identities: bool = False
    inspect: tuple[str, ...] = ()
    inspect_config: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    interval: float = 10.0
    timeout: float = 5.0
    slow: float = 0.5
    fail_after: int = 2
    fail_window: int = 3
    recover_after: int = 2
    paused: bool = False
    note: str = ""
    tunnel_soak: float = 3600.0
    protocol: str = WIREGUARD
    tunnel_http: tuple[HttpTarget, ...] = ()
    tunnel_ca: tuple[str, ...] = ()
    protocol_settings: Any = None
    control_plane: str = ""
    node_id: str = ""


@dataclass(frozen=True, slots=True)
class Fleet:
    """The content of one servers.toml.

    `defaults` are the raw keys of `[defaults]`, already applied to `servers`. The writer needs them to leave
    out values that equal the defaults.
    """

    servers: tuple[Server, ...] = ()
    identities: tuple[Identity, ...] = ()
    defaults: dict[str, object] = field(default_factory=dict)

    def identity(self, name: str) -> Identity | None:
        """The identity named `name`, or None."""
        return next((identity for identity in self.identities if identity.name == name), None)

    def server(self, name: str) -> Server | None:
        """The server named `name`, or None."""
        return next((server for server in self.servers if server.name == name), None)
