"""Import of servers and identities from wg-quick files, and generation of keys for monitoring.

Each key is written to a separate file next to servers.toml, readable only by its owner. Nothing here prints.
"""

from __future__ import annotations

import stat
from collections.abc import Container, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from wgmon_tui.config.imports.wg_quick_parser import WgQuickFile, WgQuickPeer, make_unique_name, parse_conf
from wgmon_tui.config.models import ConfigurationError, Fleet, Identity, SecretForm, SecretSource, Server
from wgmon_tui.config.regular_files import read_regular_or_pipe
from wgmon_tui.config.secrets.key_files import DryRunKeyFiles, KeyFileStore, open_key_file_writer
from wgmon_tui.config.secrets.keyring import Keyring, read_private_key
from wgmon_tui.config.secrets.private_files import chmod_advice, is_open_to_others, shown
from wgmon_tui.config.servers_file import update
from wgmon_tui.config.value_parsers import InvalidValueError, parse_name
from wgmon_tui.net.addresses import Interface
from wgmon_tui.protocols.wireguard.keys import NO_PRESHARED_KEY, PresharedKey, PrivateKey, PublicKey

SHARED_KEY_WARNING = (
    "WARNING: do not monitor with a key that a real client uses. The server sends to the endpoint of the "
    "last handshake initiation with that key, so each check would cut the real client off for about 15 s. "
    "Make a separate identity: wgmon-tui keygen NAME"
)

_NO_ADDRESS = (
    "# Put a tunnel address here that no other peer has. Without one, only the handshake can be checked.\n"
    "# AllowedIPs = ADDRESS/32"
)
_LONGEST_CONF = 1 << 20


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The result of an import: the new servers, and lines to print.

    `warning` must always be shown. It is set if the import copied a private key.
    """

    added: tuple[Server, ...]
    lines: tuple[str, ...]
    warning: str | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """The preview of an import: servers and identities to add, and servers that already exist.

    `public_keys` are the public keys of the identities, by name.
    """

    servers: tuple[Server, ...]
    identities: tuple[Identity, ...]
    existing: tuple[str, ...]
    public_keys: Mapping[str, PublicKey] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewIdentity:
    """A new identity, the [Peer] stanza to paste on the server, and an optional line to print."""

    identity: Identity
    public_key: PublicKey
    stanza: str
    notice: str | None = None


@dataclass(frozen=True, slots=True)
class ConfFleet:
    """A .conf as a separate fleet, with its keys only in memory, and lines to print."""

    fleet: Fleet
    keyring: Keyring
    notices: tuple[str, ...] = ()


def load_conf(path: Path) -> ConfFleet:
    """Load the servers of a wg-quick file without writing anything. Raises ConfigurationError."""
    conf = read_conf(path)
    identity = Identity(conf.stem, _inline(conf.private_key), conf.addresses)
    servers: dict[str, Server] = {}
    preshared_keys: dict[str, PresharedKey] = {}
    for peer in conf.peers:
        server = _server(conf, peer, identity.name, servers)
        secret = _inline(peer.preshared_key) if peer.preshared_key else None
        servers[server.name] = replace(server, preshared_key=secret)
        preshared_keys[server.name] = peer.preshared_key or NO_PRESHARED_KEY
    fleet = Fleet(tuple(servers.values()), (identity,))
    return ConfFleet(fleet, Keyring({identity.name: conf.private_key}, preshared_keys), conf.notices)


def import_conf(paths: Iterable[Path], config_dir: Path) -> ImportReport:
    """Import wg-quick files into servers.toml: all of them, or none if one cannot be read.

    The private key becomes the key file of an identity, unless an identity already has that key. Preshared
    keys become files too. A server that already exists is not changed. Raises ConfigurationError.
    """
    return import_confs([read_conf(path) for path in paths], config_dir)


def import_confs(confs: Sequence[WgQuickFile], config_dir: Path) -> ImportReport:
    """Like `import_conf`, for files that are already read."""
    with open_key_file_writer(config_dir) as files:
        importing = _WgQuickImport(files)

        def add(fleet: Fleet) -> Fleet:
            return importing.run(fleet, confs, public_keys(fleet, config_dir))

        saved = update(config_dir, add)
    notices = [notice for conf in confs for notice in conf.notices]
    last = [saved.notice] if saved.notice else []
    return ImportReport(
        added=tuple(importing.added),
        lines=(*notices, *importing.lines, *last),
        warning=SHARED_KEY_WARNING if importing.added else None,
    )


def preview(
    confs: Sequence[WgQuickFile], config_dir: Path, fleet: Fleet, owners: Mapping[str, PublicKey]
) -> Preview:
    """What `import_confs` would add to this fleet. Writes nothing. `owners` are its `public_keys`."""
    importing = _WgQuickImport(DryRunKeyFiles(config_dir))
    after = importing.run(fleet, confs, owners)
    identities = after.identities[len(fleet.identities) :]
    return Preview(tuple(importing.added), identities, tuple(importing.existing), importing.owners)


def public_keys(fleet: Fleet, config_dir: Path) -> dict[str, PublicKey]:
    """The public key of each identity with a readable private key. Blocks while commands run."""
    found = {}
    for identity in fleet.identities:
        # An identity with an unreadable key cannot be matched. That is not an error.
        with suppress(ConfigurationError):
            found[identity.name] = read_private_key(identity, config_dir).public
    return found


def keygen(
    name: str,
    config_dir: Path,
    addresses: Sequence[Interface] = (),
    private_key: PrivateKey | None = None,
) -> NewIdentity:
    """Create an identity with a new key or `private_key`, and the [Peer] stanza for the server.

    Raises ConfigurationError, also if an identity already has this name.
    """
    try:
        parse_name(name)
    except InvalidValueError as error:
        raise ConfigurationError(f"keygen: name: {error}") from None
    key = private_key or PrivateKey.generate()

    with open_key_file_writer(config_dir) as files:

        def add(fleet: Fleet) -> Fleet:
            if fleet.identity(name):
                raise ConfigurationError(
                    f'servers.toml: identity "{name}": already exists; choose another name'
                )
            source = SecretSource(SecretForm.FILE, files.write(name, ".key", key))
            identity = Identity(name, source, tuple(addresses))
            return replace(fleet, identities=(*fleet.identities, identity))

        saved = update(config_dir, add)
    identity = next(one for one in saved.fleet.identities if one.name == name)
    return NewIdentity(identity, key.public, stanza(identity, key.public), saved.notice)


class _WgQuickImport:
    """One import in progress: the growing fleet, and lines to print."""

    def __init__(self, files: KeyFileStore) -> None:
        self.files = files
        self.fleet = Fleet()
        self.owners: dict[str, PublicKey] = {}
        self.added: list[Server] = []
        self.existing: list[str] = []
        self.lines: list[str] = []

    def run(self, fleet: Fleet, confs: Iterable[WgQuickFile], owners: Mapping[str, PublicKey]) -> Fleet:
        """The fleet with everything in `confs`; `owners` has the public keys of its identities."""
        self.fleet = fleet
        self.owners = dict(owners)
        for conf in confs:
            for peer in conf.peers:
                self._add(conf, peer)
        return self.fleet

    def _add(self, conf: WgQuickFile, peer: WgQuickPeer) -> None:
        own_public_key = conf.private_key.public
        for server in self.fleet.servers:
            same_server = (server.endpoint, server.public_key) == (peer.endpoint, peer.public_key)
            if same_server and self.owners.get(server.identity) == own_public_key:
                self.lines.append(f'{conf.source}: server "{server.name}" already exists; not changed')
                self.existing.append(server.name)
                return
        identity = self._identity(conf)
        server = _server(conf, peer, identity, {server.name for server in self.fleet.servers})
        if peer.preshared_key:
            file = self.files.write(server.name, ".psk", peer.preshared_key)
            server = replace(server, preshared_key=SecretSource(SecretForm.FILE, file))
        self.fleet = replace(self.fleet, servers=(*self.fleet.servers, server))
        self.added.append(server)
        self.lines.append(f'{conf.source}: server "{server.name}" added ({server.endpoint})')

    def _identity(self, conf: WgQuickFile) -> str:
        """The name of the identity with this key and these addresses. Creates it if needed."""
        own_public_key = conf.private_key.public
        holders = [one for one in self.fleet.identities if self.owners.get(one.name) == own_public_key]
        for holder in holders:
            if not conf.addresses or set(conf.addresses) == set(holder.addresses):
                return holder.name
        name = make_unique_name(conf.stem, {identity.name for identity in self.fleet.identities})
        if holders:
            # The same key with other tunnel addresses, for another server: share the key file.
            source = holders[0].private_key
        else:
            source = SecretSource(SecretForm.FILE, self.files.write(name, ".key", conf.private_key))
        identity = Identity(name, source, conf.addresses)
        self.owners[name] = own_public_key
        self.fleet = replace(self.fleet, identities=(*self.fleet.identities, identity))
        self.lines.append(f'{conf.source}: identity "{name}" added (public key {own_public_key})')
        return name


def _server(conf: WgQuickFile, peer: WgQuickPeer, identity: str, used_names: Container[str]) -> Server:
    return Server(
        name=make_unique_name(conf.suggested_name(peer), used_names),
        endpoint=peer.endpoint,
        public_key=peer.public_key,
        identity=identity,
        protocol=conf.protocol,
    )


def _inline(secret: PrivateKey | PresharedKey) -> SecretSource:
    return SecretSource(SecretForm.INLINE, secret.to_text())


def stanza(identity: Identity, public_key: PublicKey) -> str:
    """The [Peer] stanza for the server. Addresses become single hosts, whatever their prefix."""
    alone = ", ".join(f"{address.ip}/{address.max_prefixlen}" for address in identity.addresses)
    allowed = f"AllowedIPs = {alone}" if alone else _NO_ADDRESS
    return f"# {identity.name}, for wgmon-tui\n[Peer]\nPublicKey = {public_key}\n{allowed}\n"


def read_conf(path: Path) -> WgQuickFile:
    """Read a .conf from a file or a pipe. Raises ConfigurationError."""
    try:
        content, status = read_regular_or_pipe(path, _LONGEST_CONF)
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{shown(path)}: expected UTF-8 text; byte {error.start + 1} is not valid"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{shown(path)}: cannot be read: {error.strerror}") from None
    conf = parse_conf(text, path)
    if stat.S_ISREG(status.st_mode) and is_open_to_others(status):
        # Only a notice, as in wg-quick: wgmon-tui does not own the file, and it is often freshly copied.
        notice = f"{conf.source}: contains a private key, and {chmod_advice(path)}"
        return replace(conf, notices=(*conf.notices, notice))
    return conf
