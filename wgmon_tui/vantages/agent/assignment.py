"""Assignment of an agent: the writer's servers joined with the secrets of this machine.

The writer sends the servers, their endpoints and intervals. Identities and preshared keys come from the
servers.toml of this machine, and never leave it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from wgmon_tui.checks.protocol import Targets
from wgmon_tui.checks.targets import join
from wgmon_tui.config.models import ConfigurationError, Fleet, Identity, SecretForm, SecretSource, Server
from wgmon_tui.config.protocol_settings import copied_secrets, needs_identity
from wgmon_tui.config.secrets.keyring import open_keyring
from wgmon_tui.config.servers_file import read
from wgmon_tui.config.servers_toml import read_server, server_entries

NO_IDENTITY = "no identity here: run wgmon-tui keygen NAME on this machine"

_NO_TARGETS = Targets({}, {})


@dataclass(frozen=True, slots=True)
class Assignment:
    """The `servers` with this machine's identities, their `targets`, and the first identity's public key.

    `trouble` is one line if some servers cannot be checked for one reason, else "".
    """

    servers: tuple[Server, ...] = ()
    targets: Targets = field(default=_NO_TARGETS)
    public_key: str = ""
    trouble: str = ""


def assign(servers: Iterable[Server], config_dir: Path) -> Assignment:
    """Join the servers with local secrets. Blocks while the commands that print secrets run."""
    servers = tuple(servers)
    try:
        local_fleet = read(config_dir).fleet
    except ConfigurationError as error:
        return _assign_none(servers, str(error))
    lacking = () if local_fleet.identities else tuple(filter(needs_identity, servers))
    if not local_fleet.identities and len(lacking) == len(servers):
        return _assign_none(servers, NO_IDENTITY)
    fleet = Fleet(
        tuple(_with_local_secrets(local_fleet, server) for server in servers if server not in lacking),
        local_fleet.identities,
    )
    keyring = open_keyring(fleet, config_dir)
    first_identity = next(
        (each for each in local_fleet.identities if each.name in keyring.private_keys), None
    )
    if first_identity is None and local_fleet.identities:
        return _assign_none(servers, keyring.identity_problems[local_fleet.identities[0].name])
    key = str(keyring.private_key(first_identity.name).public) if first_identity else ""
    targets = join(fleet, keyring)
    problems = {**targets.problems, **{server.name: NO_IDENTITY for server in lacking}}
    trouble = NO_IDENTITY if lacking else ""
    return Assignment((*fleet.servers, *lacking), Targets(targets.ready, problems), key, trouble)


def find_server_problem(server: Server) -> str:
    """Why a received server is invalid, by the rules of servers.toml; "" if it is valid."""
    identity = Identity(server.identity, SecretSource(SecretForm.ENV, "NONE"))
    fleet = Fleet(identities=(identity,) if server.identity else ())
    try:
        same = read_server(fleet, server_entries(fleet, server), lacks_secrets=True) == server
    except (ConfigurationError, ValueError, OverflowError) as error:
        return str(error)
    return "" if same else f'server "{server.name}": contains values that servers.toml cannot express'


def _assign_none(servers: tuple[Server, ...], why: str) -> Assignment:
    return Assignment(servers, Targets({}, {server.name: why for server in servers}), trouble=why)


def _with_local_secrets(local_fleet: Fleet, server: Server) -> Server:
    """Use this machine's identity with the same name, else its first one, and its preshared key."""
    local_server = local_fleet.server(server.name)
    settings = copied_secrets(server, local_server)
    preshared_key = local_server.preshared_key if local_server else None
    server = replace(server, preshared_key=preshared_key, protocol_settings=settings)
    if not needs_identity(server):
        return server
    known = local_fleet.identity(server.identity) or local_fleet.identities[0]
    return replace(server, identity=known.name)
