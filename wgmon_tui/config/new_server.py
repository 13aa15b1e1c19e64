"""Adding a server with what an operator knows of it: name, endpoint and public key.

The identity is created if there is none. The command line and the first-run screen share this module.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from wgmon_tui.config.keys import PresharedKey, PublicKey
from wgmon_tui.config.models import (
    AMNEZIAWG,
    ConfigurationError,
    Fleet,
    Identity,
    SecretForm,
    SecretSource,
    Server,
)
from wgmon_tui.config.monitoring_identity import IdentityWish, choose_identity
from wgmon_tui.config.peer_command import USUAL_INTERFACE, PeerCommand
from wgmon_tui.config.secrets.key_files import DryRunKeyFiles, KeyFileStore, open_key_file_writer
from wgmon_tui.config.secrets.keyring import read_private_key, secret_files
from wgmon_tui.config.server_edits import find_problems
from wgmon_tui.config.servers_file import NAME, update
from wgmon_tui.config.servers_toml import read_server
from wgmon_tui.config.value_parsers import (
    InvalidValueError,
    is_key,
    parse_endpoint,
    parse_name,
    parse_public_key,
)
from wgmon_tui.net.addresses import Interface

WG_SHOWS_KEY = "on the server, `wg show wg0 public-key` prints it"


@dataclass(frozen=True, slots=True)
class NewServer:
    """A server to add, as it was typed.

    Without `identity`, the identity of `[defaults]`, the first one, or a new one named after this machine.
    Without `tunnel_addresses`, those of the identity; if it has none, only the handshake is checked
    (`tunnel = false`).
    """

    name: str
    endpoint: str
    public_key: str
    tunnel_addresses: tuple[Interface, ...] = ()
    preshared_key: PresharedKey | None = None
    identity: str = ""


@dataclass(frozen=True, slots=True)
class AddedServer:
    """A server of servers.toml with its identity, the files, and lines to print.

    `is_new` is False if the same server was there before; `is_changed` if it got tunnel addresses now.
    `has_new_key`: the identity was created. A key that no file holds has None as its file.
    """

    server: Server
    identity: Identity
    identity_key: PublicKey
    servers_toml: Path
    private_key_file: Path | None = None
    preshared_key_file: Path | None = None
    is_new: bool = True
    is_changed: bool = False
    has_new_key: bool = False
    notices: tuple[str, ...] = ()

    @property
    def key_files(self) -> tuple[Path, ...]:
        """The files of its private and its preshared key, as far as there are any."""
        return tuple(each for each in (self.private_key_file, self.preshared_key_file) if each)

    @property
    def is_handshake_only(self) -> bool:
        """Whether no data is sent through the tunnel."""
        return not self.server.tunnel

    def peer_command(self, interface: str = USUAL_INTERFACE) -> PeerCommand:
        """What to type on the server."""
        has_preshared_key = self.server.preshared_key is not None
        program = "awg" if self.server.protocol == AMNEZIAWG else "wg"
        return PeerCommand(self.identity_key, self.identity.addresses, has_preshared_key, interface, program)


class NewServerError(ConfigurationError):
    """A server that cannot be added. `problems` are phrases, by the key of servers.toml."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{key}: {problem}" for key, problem in problems.items()))
        self.problems = dict(problems)


def find_new_server_problems(fleet: Fleet, new: NewServer) -> dict[str, str]:
    """What is wrong with each field; empty if the server can be added. Reads and writes nothing."""
    if _find_same(fleet, new):
        return {}
    if is_key(new.endpoint) and not is_key(new.public_key):
        return {"endpoint": "this is a key; the endpoint comes first, then the public key"}
    wish = IdentityWish(new.identity, new.tunnel_addresses)
    chosen = choose_identity(fleet, wish, DryRunKeyFiles(Path()), new.name)
    problems = find_problems(
        _entries(new, chosen.identity), chosen.fleet, [each.name for each in fleet.servers]
    )
    if not problems and (other := _same_place(fleet, new)):
        problems["endpoint"] = f'server "{other.name}" already has this endpoint and public key'
    if new.identity:
        try:
            parse_name(new.identity)
        except InvalidValueError as error:
            problems["identity"] = str(error)
    return problems


def add_server(config_dir: Path, new: NewServer) -> AddedServer:
    """Add a server to servers.toml, with an identity if there is none. Blocks: locks and key commands.

    The same server again changes nothing but its tunnel addresses, if there are others now. Raises
    NewServerError, or another ConfigurationError.
    """
    with open_key_file_writer(config_dir) as files:
        adding = _Addition(new, files, config_dir)
        saved = update(config_dir, adding.run)
    identity = saved.fleet.identity(adding.identity.name)
    server = saved.fleet.server(new.name)
    if identity is None or server is None:
        raise AssertionError("the saved fleet has the server and its identity")
    notice = [saved.notice] if saved.notice else []
    return replace(
        describe_server(saved.fleet, server, config_dir),
        is_new=adding.is_new,
        is_changed=adding.is_changed,
        has_new_key=adding.has_new_key,
        notices=tuple(notice),
    )


def describe_server(fleet: Fleet, server: Server, config_dir: Path) -> AddedServer:
    """A server that is in the file, as `add_server` returns it. Raises ConfigurationError."""
    identity = fleet.identity(server.identity)
    if identity is None:
        raise AssertionError("servers_toml.py refuses a server without its identity")
    return AddedServer(
        server,
        identity,
        read_private_key(identity, config_dir).public,
        config_dir / NAME,
        _file_of(identity.private_key, config_dir),
        _file_of(server.preshared_key, config_dir),
        is_new=False,
    )


def _file_of(source: SecretSource | None, config_dir: Path) -> Path | None:
    return next(iter(secret_files([source], config_dir)), None) if source else None


class _Addition:
    """One addition in progress, under the lock of servers.toml."""

    def __init__(self, new: NewServer, files: KeyFileStore, config_dir: Path) -> None:
        self._new, self._files, self._config_dir = new, files, config_dir
        self.identity: Identity
        self.is_new = True
        self.is_changed = False
        self.has_new_key = False

    def run(self, fleet: Fleet) -> Fleet:
        """The fleet with the server. Raises ConfigurationError."""
        new = self._new
        if same := _find_same(fleet, new):
            self.is_new = False
            return self._addressed(fleet, same)
        if problems := find_new_server_problems(fleet, new):
            raise NewServerError(problems)
        chosen = choose_identity(
            fleet, IdentityWish(new.identity, new.tunnel_addresses), self._files, new.name
        )
        self.identity, self.has_new_key = chosen.identity, chosen.has_new_key
        if not self.has_new_key:
            self._reject_own_key(chosen.identity)
        server = read_server(chosen.fleet, _entries(new, chosen.identity))
        if new.preshared_key:
            file = self._files.write(new.name, ".psk", new.preshared_key)
            server = replace(server, preshared_key=SecretSource(SecretForm.FILE, file))
        return replace(chosen.fleet, servers=(*fleet.servers, server))

    def _addressed(self, fleet: Fleet, same: Server) -> Fleet:
        """The fleet with the wanted tunnel addresses for a server that is there already."""
        new, identity = self._new, fleet.identity(same.identity)
        if identity is None:
            raise AssertionError("servers_toml.py refuses a server without its identity")
        _reject_other_settings(new, same, identity)
        others = replace(fleet, servers=tuple(each for each in fleet.servers if each is not same))
        wish = IdentityWish(identity.name, new.tunnel_addresses)
        chosen = choose_identity(others, wish, self._files, new.name)
        self.identity = chosen.identity
        if chosen.identity == identity:
            return fleet
        after = replace(same, identity=chosen.identity.name, tunnel=True)
        self.is_changed = True
        servers = tuple(after if each is same else each for each in fleet.servers)
        return replace(chosen.fleet, servers=servers)

    def _reject_own_key(self, identity: Identity) -> None:
        """Refuse the key of this machine in place of the server's; an unreadable key is an error too."""
        if str(read_private_key(identity, self._config_dir).public) == self._new.public_key.strip():
            text = f'this is the key of identity "{identity.name}"; type that of the server: {WG_SHOWS_KEY}'
            raise NewServerError({"public_key": text})


def _find_same(fleet: Fleet, new: NewServer) -> Server | None:
    """The server that has this name, endpoint and public key already."""
    there = fleet.server(new.name)
    return there if there is not None and there is _same_place(fleet, new, named=new.name) else None


def _reject_other_settings(new: NewServer, same: Server, identity: Identity) -> None:
    """Refuse what the server does not have: to ignore it would be silent."""
    advice = f"type: wgmon-tui remove {shlex.quote(new.name)}, then add it again; its history stays"
    added = f'server "{new.name}" is there already'
    if new.preshared_key and same.preshared_key is None:
        raise NewServerError({"preshared_key": f"{added}, without a preshared key; {advice}"})
    if new.identity and new.identity != identity.name:
        raise NewServerError({"identity": f'{added}, with identity "{identity.name}"; {advice}'})


def _entries(new: NewServer, identity: Identity) -> dict[str, object]:
    entries = {"name": new.name, "endpoint": new.endpoint, "public_key": new.public_key.strip()}
    tunnel = {} if identity.addresses else {"tunnel": False}
    return {**{key: value for key, value in entries.items() if value}, "identity": identity.name, **tunnel}


def _same_place(fleet: Fleet, new: NewServer, *, named: str = "") -> Server | None:
    """The server with this endpoint and key; if `named`, only the one with this name."""
    try:
        endpoint, key = parse_endpoint(new.endpoint), parse_public_key(new.public_key)
    except InvalidValueError:
        return None
    return next(
        (
            each
            for each in fleet.servers
            if each.public_key == key
            and (each.endpoint.host.lower(), each.endpoint.port) == (endpoint.host.lower(), endpoint.port)
            and named in ("", each.name)
        ),
        None,
    )
