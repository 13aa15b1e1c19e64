"""Servers and their resolved secrets, joined into what can be checked; and why the others cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from wgmon_tui.config.models import Fleet, Server
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.net.addresses import Interface
from wgmon_tui.protocols.wireguard.handshake import Initiator, RejectedError
from wgmon_tui.protocols.wireguard.keys import NO_PRESHARED_KEY, PresharedKey, PrivateKey, PublicKey


@dataclass(frozen=True, slots=True)
class OtherSecrets:
    """The other secrets of the same file: tried only to explain why a server does not answer ours."""

    private_keys: Mapping[str, PrivateKey] = field(default_factory=dict)
    preshared_keys: Mapping[str, PresharedKey] = field(default_factory=dict)


NO_OTHER_SECRETS = OtherSecrets()


@dataclass(frozen=True, slots=True)
class Target:
    """A server with the secrets that a check of it needs, resolved. Keys never show in its repr.

    Raises RejectedError (LOW_ORDER) for a server key that no Curve25519 key pair has.
    """

    server: Server
    private_key: PrivateKey
    preshared_key: PresharedKey = NO_PRESHARED_KEY
    tunnel_addresses: tuple[Interface, ...] = ()
    other_secrets: OtherSecrets = field(default=NO_OTHER_SECRETS, repr=False, compare=False)
    initiator: Initiator = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        initiator = _initiator(self.private_key, self.server.public_key, self.preshared_key)
        object.__setattr__(self, "initiator", initiator)


@lru_cache(32768)
def _initiator(private: PrivateKey, remote: PublicKey, psk: PresharedKey) -> Initiator:
    """Made once for these keys, and kept when servers.toml is read anew.

    The static-static DH is a quarter of what a handshake costs, and ten thousand of them take a second.
    """
    return Initiator(private, remote, psk)


@dataclass(frozen=True, slots=True)
class Targets:
    """What can be checked, by server name; and for each other server the line that says why not."""

    ready: Mapping[str, Target]
    problems: Mapping[str, str]


def join(fleet: Fleet, keyring: Keyring) -> Targets:
    """Give every server its keys. One bad secret keeps one server from being checked, never the fleet."""
    ready: dict[str, Target] = {}
    problems = dict(keyring.problems)
    other_secrets = OtherSecrets(keyring.private_keys, _preshared_keys_by_server(fleet, keyring))
    for server in fleet.servers:
        if server.name in problems:
            continue
        identity = fleet.identity(server.identity)
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
                f'servers.toml: server "{server.name}": key public_key: no key pair has this key; '
                "type the one that `wg show wg0 public-key` prints on the server"
            )
    return Targets(ready, problems)


def _preshared_keys_by_server(fleet: Fleet, keyring: Keyring) -> dict[str, PresharedKey]:
    having = (server.name for server in fleet.servers if server.preshared_key)
    return {name: keyring.preshared_key(name) for name in having if name in keyring.preshared_keys}
