"""The fleet as plain frozen records: what servers.toml says, after every check has passed."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from wgmon_tui.net.addresses import Address, Endpoint, Interface
from wgmon_tui.protocols.wireguard.keys import PublicKey


class ConfigurationError(Exception):
    """Something in a file of ours that cannot stand. The message is one line: file, key, what to do.

    It never repeats a value that may be secret.
    """


class SecretForm(Enum):
    """The ways to name a secret; the value is the suffix of its key in TOML (private_key_file …)."""

    FILE = "_file"
    COMMAND = "_command"
    ENV = "_env"
    CREDENTIAL = "_credential"
    INLINE = ""


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where a secret is to be had. An inline one is hidden in the repr; the others hold no secret."""

    form: SecretForm
    value: str | tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """The key pair and tunnel addresses with which we probe. One per vantage, made for monitoring."""

    name: str
    private_key: SecretSource
    addresses: tuple[Interface, ...] = ()


@dataclass(frozen=True, slots=True)
class Server:
    """One WireGuard endpoint that is watched. Times are in seconds.

    `tunnel` says whether data is sent through the session at all, `tunnel_count` how many echoes over
    `tunnel_over` seconds, `tunnel_every` how often what takes long is looked at (MTU, passive keepalive),
    `tunnel_mtu` the inner size that ought to pass. `explain` allows the experiments that explain silence,
    at most every `explain_every` seconds; `try_identities` allows our other identities among them, whose
    endpoint the server then moves to us. The state follows the checks by `fail_after`, `fail_window` and
    `recover_after` (monitor/damping.py). `inspect` is a command that prints the server's own
    `wg show INTERFACE dump`, `inspect_config` one that prints its configuration file.
    """

    name: str
    endpoint: Endpoint
    public_key: PublicKey
    identity: str
    known_keys: tuple[PublicKey, ...] = ()
    preshared_key: SecretSource | None = None
    tunnel: bool = True
    tunnel_ping: tuple[Address, ...] = ()
    tunnel_dns: tuple[Address, ...] = ()
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


@dataclass(frozen=True, slots=True)
class Fleet:
    """Everything in one servers.toml.

    `defaults` are the keys of `[defaults]` as the file has them, already applied to `servers`; the writer
    needs them to write a server without what its defaults say.
    """

    servers: tuple[Server, ...] = ()
    identities: tuple[Identity, ...] = ()
    defaults: dict[str, object] = field(default_factory=dict)

    def identity(self, name: str) -> Identity | None:
        """The identity of that name."""
        return next((identity for identity in self.identities if identity.name == name), None)

    def server(self, name: str) -> Server | None:
        """The server of that name."""
        return next((server for server in self.servers if server.name == name), None)
