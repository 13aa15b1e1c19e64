"""Targets of checks: servers joined with their secrets, and why some servers cannot be checked."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from functools import lru_cache
from importlib.util import find_spec

from wgmon_tui.checks.check import Check, ProbedAs
from wgmon_tui.checks.protocol import ProtocolTarget, Targets
from wgmon_tui.config.keys import NO_PRESHARED_KEY, PresharedKey, PrivateKey, PublicKey
from wgmon_tui.config.models import ConfigurationError, Fleet, Server
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.config.tunnel_targets import find_unaddressed_targets
from wgmon_tui.net.addresses import Interface
from wgmon_tui.protocols.wireguard.framing import NO_TRIALS, PLAIN, Framing, Trials
from wgmon_tui.protocols.wireguard.handshake import Initiator, RejectedError
from wgmon_tui.records import dataclass

INITIATION_SPACING_S = 0.03
"""Least time between two initiations of one peer: servers silently drop those within 20 ms."""


@dataclass(frozen=True, slots=True)
class OtherSecrets:
    """Other secrets of servers.toml, used only in experiments that explain a failure."""

    private_keys: Mapping[str, PrivateKey] = field(default_factory=dict)
    preshared_keys: Mapping[str, PresharedKey] = field(default_factory=dict)


NO_OTHER_SECRETS = OtherSecrets()


@dataclass(frozen=True, slots=True)
class Target:
    """A server with the secrets that its check needs. Keys never show in its repr.

    Raises RejectedError (LOW_ORDER) for a server key that no Curve25519 key pair has.
    """

    server: Server
    private_key: PrivateKey
    preshared_key: PresharedKey = NO_PRESHARED_KEY
    tunnel_addresses: tuple[Interface, ...] = ()
    other_secrets: OtherSecrets = field(default=NO_OTHER_SECRETS, repr=False, compare=False)
    framing: Framing = field(default=PLAIN, repr=False)
    trials: Trials = field(default=NO_TRIALS, repr=False, compare=False)
    """Other framings, used only in experiments that explain a failure."""
    initiator: Initiator = field(init=False, repr=False, compare=False)
    probed_as: ProbedAs = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        initiator = _initiator(self.private_key, self.server.public_key, self.preshared_key)
        object.__setattr__(self, "initiator", initiator)
        object.__setattr__(self, "probed_as", _probed_as(self.private_key.public, self.tunnel_addresses))

    @property
    def agreed_values(self) -> tuple[object, ...]:
        """The keys of both sides, the preshared key and the framing."""
        return (self.server.public_key, self.private_key.public, self.preshared_key, self.framing)

    @property
    def digest_parts(self) -> tuple[str, ...]:
        """The identity, its tunnel addresses, and hashes of the preshared key and of the framing's secret."""
        return (
            str(self.private_key.public),
            " ".join(map(str, self.tunnel_addresses)),
            hashlib.sha256(self.preshared_key.raw).hexdigest(),
            *([digest] if (digest := self.framing.secret_digest) else ()),
        )

    @property
    def spacing_s(self) -> float:
        """As long as a server waits between two initiations of a peer."""
        return INITIATION_SPACING_S

    def with_server(self, server: Server) -> Target:
        """The same keys with a changed entry of the server."""
        return replace(self, server=server)

    def is_probed_as(self, check: Check) -> bool:
        """Whether a check used the same identity. One of another identity says nothing about this one."""
        return check.probed_as is not None and check.probed_as.public_key == self.private_key.public


def require_wireguard(target: ProtocolTarget) -> Target:
    """Return a target of WireGuard, for what only WireGuard has. Raises ConfigurationError for others."""
    if isinstance(target, Target):
        return target
    server = target.server
    raise ConfigurationError(
        f'server "{server.name}": {server.protocol} servers cannot do this; WireGuard can'
    )


_MOST_INITIATORS = 32768
"""Initiators of one identity that are cached."""


def _initiator(private: PrivateKey, remote: PublicKey, psk: PresharedKey) -> Initiator:
    """Make an Initiator, cached across reloads of servers.toml.

    The static-static DH is a quarter of a handshake's cost; ten thousand of them take a second. The cache of
    functools would take 130 bytes more for each.
    """
    known = _initiators_of(private)
    initiator = known.get(remote)
    if initiator is None or not initiator.has_preshared_key(psk):
        if len(known) >= _MOST_INITIATORS:
            known.clear()
        initiator = known[remote] = Initiator(private, remote, psk)
    return initiator


@lru_cache(1024)
def _initiators_of(_: PrivateKey) -> dict[PublicKey, Initiator]:
    """The initiators of an identity, by the public key of the server. Each has the latest preshared key."""
    return {}


@lru_cache(1024)
def _probed_as(identity: PublicKey, tunnel_addresses: tuple[Interface, ...]) -> ProbedAs:
    """What the checks of all servers with one identity share."""
    return ProbedAs(identity, tunnel_addresses)


def join_servers(servers: Sequence[Server], fleet: Fleet, keyring: Keyring) -> Targets:
    """Join servers of the fleet with their keys. A bad secret excludes one server, never the fleet."""
    ready: dict[str, Target] = {}
    problems: dict[str, str] = {}
    other_secrets = OtherSecrets(keyring.private_keys, _preshared_keys_by_server(fleet, keyring))
    for server in servers:
        identity = fleet.identity(server.identity)
        if unaddressed := find_unaddressed_targets(server, identity):
            key = unaddressed[0].key
            problems[server.name] = f'servers.toml: server "{server.name}": key {key}: {unaddressed[0]}'
            continue
        if server.tunnel and server.tunnel_http and find_spec("h11") is None:
            problems[server.name] = (
                f'servers.toml: server "{server.name}": key tunnel_http: needs a library that is not '
                "installed; type: pip install 'wgmon-tui[fetch]'"
            )
            continue
        try:
            ready[server.name] = Target(
                server,
                keyring.private_key(server.identity),
                keyring.preshared_key(server.name),
                identity.addresses if identity else (),
                other_secrets,
            )
        except RejectedError:
            problems[server.name] = (
                f'servers.toml: server "{server.name}": key public_key: not a valid public key; '
                "set the key that `wg show wg0 public-key` prints on the server"
            )
    return Targets(ready, problems)


def _preshared_keys_by_server(fleet: Fleet, keyring: Keyring) -> dict[str, PresharedKey]:
    having = (server.name for server in fleet.servers if server.preshared_key)
    return {name: keyring.preshared_key(name) for name in having if name in keyring.preshared_keys}
