"""Check targets: servers joined with their secrets, and why some servers cannot be checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from wgmon_tui.config.models import AMNEZIAWG, WIREGUARD, Fleet, Server
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.config.tunnel_targets import find_unaddressed_targets
from wgmon_tui.net.addresses import Interface
from wgmon_tui.protocols.wireguard.framing import PLAIN, Framing
from wgmon_tui.protocols.wireguard.handshake import Initiator, RejectedError
from wgmon_tui.protocols.wireguard.keys import NO_PRESHARED_KEY, PresharedKey, PrivateKey, PublicKey


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
    initiator: Initiator = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        initiator = _initiator(self.private_key, self.server.public_key, self.preshared_key)
        object.__setattr__(self, "initiator", initiator)


@lru_cache(32768)
def _initiator(private: PrivateKey, remote: PublicKey, psk: PresharedKey) -> Initiator:
    """Make an Initiator, cached across reloads of servers.toml.

    The static-static DH is a quarter of a handshake's cost; ten thousand of them take a second.
    """
    return Initiator(private, remote, psk)


@dataclass(frozen=True, slots=True)
class Targets:
    """The targets by server name, and one line per other server with its problem."""

    ready: Mapping[str, Target]
    problems: Mapping[str, str]


def join(fleet: Fleet, keyring: Keyring) -> Targets:
    """Join servers with their keys. A bad secret excludes one server, never the fleet."""
    ready: dict[str, Target] = {}
    problems = dict(keyring.problems)
    other_secrets = OtherSecrets(keyring.private_keys, _preshared_keys_by_server(fleet, keyring))
    for server in fleet.servers:
        if server.protocol != WIREGUARD:
            problems[server.name] = _describe_unsupported(server)
        if server.name in problems:
            continue
        identity = fleet.identity(server.identity)
        if unaddressed := find_unaddressed_targets(server, identity):
            key = unaddressed[0].key
            problems[server.name] = f'servers.toml: server "{server.name}": key {key}: {unaddressed[0]}'
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


def _describe_unsupported(server: Server) -> str:
    name = {AMNEZIAWG: "AmneziaWG"}.get(server.protocol, server.protocol)
    return f'server "{server.name}": {name} is not supported yet; this server is not checked'


def _preshared_keys_by_server(fleet: Fleet, keyring: Keyring) -> dict[str, PresharedKey]:
    having = (server.name for server in fleet.servers if server.preshared_key)
    return {name: keyring.preshared_key(name) for name in having if name in keyring.preshared_keys}
