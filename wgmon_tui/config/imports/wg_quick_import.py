"""Import of servers and identities from wg-quick files.

Each key is written to a separate file next to servers.toml, readable only by its owner. Nothing here prints.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import field, replace
from ipaddress import ip_address
from pathlib import Path

from wgmon_tui.config.imports.conf_reading import ReadConfs, read_conf
from wgmon_tui.config.imports.import_report import (
    MAX_LISTED,
    SHARED_KEY_WARNING,
    ImportReport,
    describe_next_steps,
)
from wgmon_tui.config.imports.new_identity import default_identity, public_keys, require_identity
from wgmon_tui.config.imports.protocol_import import KnownServers, ProtocolImport
from wgmon_tui.config.imports.remarks import Remark, grouped_lines
from wgmon_tui.config.imports.unique_names import UniqueNames
from wgmon_tui.config.imports.wg_quick_parser import WgQuickFile, WgQuickPeer, make_unique_name
from wgmon_tui.config.keys import NO_PRESHARED_KEY, PresharedKey, PrivateKey, PublicKey
from wgmon_tui.config.models import ConfigurationError, Fleet, Identity, SecretForm, SecretSource, Server
from wgmon_tui.config.secrets.key_files import DryRunKeyFiles, KeyFileStore, open_key_file_writer
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.config.servers_file import update
from wgmon_tui.config.value_parsers import InvalidValueError
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.records import dataclass
from wgmon_tui.text import format_count, format_list


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How to import: with which identity, and under which names.

    Without `identity`, each file's own key is used. `renames` replaces names that the import would choose.
    Without `with_next_steps`, the report leaves out what to type on the servers. With `allow_handshake_only`,
    a server whose identity has no tunnel address is checked without data.
    """

    identity: str | None = None
    renames: Mapping[str, str] = field(default_factory=dict)
    with_next_steps: bool = True
    allow_handshake_only: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    """The preview of an import: servers and identities to add, and servers that already exist.

    `public_keys` are the public keys of the identities, by name. With `uses_file_keys`, a server is checked
    with the key of its file.
    """

    servers: tuple[Server, ...]
    identities: tuple[Identity, ...]
    existing: tuple[str, ...]
    public_keys: Mapping[str, PublicKey] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    next_steps: tuple[str, ...] = ()
    uses_file_keys: bool = True


@dataclass(frozen=True, slots=True)
class ConfFleet:
    """A .conf as a separate fleet, with its keys only in memory, and lines to print."""

    fleet: Fleet
    keyring: Keyring
    notices: tuple[str, ...] = ()


def load_conf(path: Path) -> ConfFleet:
    """Load the servers of a wg-quick file without writing anything. Raises ConfigurationError."""
    conf = read_conf(path)
    private_key = conf.require_private_key()
    identity = Identity(conf.stem, _inline(private_key), conf.addresses)
    servers: dict[str, Server] = {}
    preshared_keys: dict[str, PresharedKey] = {}
    for peer in conf.peers:
        server = _server(conf, peer, identity.name, make_unique_name(conf.suggested_name(peer), servers))
        secret = _inline(peer.preshared_key) if peer.preshared_key else None
        servers[server.name] = replace(server, preshared_key=secret)
        preshared_keys[server.name] = peer.preshared_key or NO_PRESHARED_KEY
    fleet = Fleet(tuple(servers.values()), (identity,))
    key = conf.amneziawg.header_protection_key if conf.amneziawg else None
    protocol_secrets = {name: {"header_protection_key": key.raw} for name in servers} if key else {}
    keyring = Keyring({identity.name: private_key}, preshared_keys, protocol_secrets=protocol_secrets)
    return ConfFleet(fleet, keyring, tuple(map(str, conf.notices)))


def import_confs(
    read: ReadConfs,
    config_dir: Path,
    options: ImportOptions | None = None,
    on_added: Callable[[int], None] = lambda _: None,
) -> ImportReport:
    """Import all that is good; the report names what is not.

    The private key of a file becomes the key file of an identity, unless an identity already has that key.
    Preshared keys become files too. A server with the same key and endpoint is not changed. `on_added` gets
    the number of servers after each. Raises ConfigurationError if nothing could be written.
    """
    with open_key_file_writer(config_dir, in_bulk=True) as files:
        importing = _WgQuickImport(files, options or ImportOptions(), on_added)

        def add(fleet: Fleet) -> Fleet:
            after = importing.run(fleet, read, public_keys(fleet, config_dir))
            files.sync()
            return after

        if any(not isinstance(each, Remark) for each in read.items):
            saved = update(config_dir, add)
            last = [saved.notice] if saved.notice else []
        else:
            importing.take_faults(read)
            last = []
    return ImportReport(
        added=tuple(importing.added),
        lines=(*importing.report_lines(read.file_count), *last),
        warning=_warning(importing) if importing.file_keys else None,
        faults=tuple(importing.faults),
        existing=tuple(importing.existing),
    )


def preview(
    read: ReadConfs,
    config_dir: Path,
    fleet: Fleet,
    owners: Mapping[str, PublicKey],
    options: ImportOptions | None = None,
) -> Preview:
    """What `import_confs` would add to this fleet. Writes nothing. `owners` are its `public_keys`."""
    importing = _WgQuickImport(DryRunKeyFiles(config_dir), options or ImportOptions())
    after = importing.run(fleet, read, owners)
    return Preview(
        servers=tuple(importing.added),
        identities=after.identities[len(fleet.identities) :],
        existing=tuple(importing.existing),
        public_keys=importing.owners,
        notices=tuple(grouped_lines(importing.notices)),
        faults=tuple(map(str, importing.faults)),
        next_steps=importing.next_steps(),
        uses_file_keys=bool(importing.file_keys),
    )


def _warning(importing: _WgQuickImport) -> str:
    if importing.default is None or importing.owners.get(importing.default.name) in importing.file_keys:
        return SHARED_KEY_WARNING
    name = importing.default.name
    return f"{SHARED_KEY_WARNING}, or check with one that is there: --identity {shlex.quote(name)}"


class _WgQuickImport:
    """One import in progress: new servers and identities, and lines to print."""

    def __init__(
        self, files: KeyFileStore, options: ImportOptions, on_added: Callable[[int], None] = lambda _: None
    ) -> None:
        self._files = files
        self._on_added = on_added
        self._options = options
        self._chosen: Identity | None = None
        self.owners: dict[str, PublicKey] = {}
        self.added: list[Server] = []
        self.existing: list[str] = []
        self.notices: list[Remark] = []
        self.faults: list[Remark] = []
        self.default: Identity | None = None
        self.file_keys: set[PublicKey] = set()
        """Keys of files with which added servers are checked."""
        self._needs_peers = False
        """Whether a server must learn the key of the chosen identity first."""
        self._sources: dict[tuple[PublicKey, str, int], str] = {}
        """The file of each added server."""
        self._added_lines: list[str] = []
        self._existing_lines: list[str] = []

    def run(self, fleet: Fleet, read: ReadConfs, owners: Mapping[str, PublicKey]) -> Fleet:
        """The fleet with everything good in `read`; `owners` has the public keys of its identities."""
        self.default = default_identity(fleet)
        if self._options.identity is not None:
            self._chosen = require_identity(fleet, self._options.identity)
        self.owners = dict(owners)
        self._holders: dict[PublicKey, list[Identity]] = {}
        for identity in fleet.identities:
            if identity.name in owners:
                self._holders.setdefault(owners[identity.name], []).append(identity)
        self._identities = list(fleet.identities)
        self._identity_names = UniqueNames(each.name for each in fleet.identities)
        self._server_names = UniqueNames(each.name for each in fleet.servers)
        self._known = {_place(each.public_key, each.endpoint): each for each in fleet.servers}
        known = KnownServers(fleet.servers, self._files.directory)
        for item in read.items:
            if isinstance(item, Remark):
                self.faults.append(item)
            elif isinstance(item, ProtocolImport):
                self._add_of_protocol(item, fleet, known)
            else:
                self._add_conf(item)
        return replace(fleet, servers=(*fleet.servers, *self.added), identities=tuple(self._identities))

    def _add_of_protocol(self, item: ProtocolImport, fleet: Fleet, known: KnownServers) -> None:
        """Add a server of another protocol, which needs no identity."""
        try:
            if there := known.find(item):
                already = f'server "{there.name}" already exists with this endpoint; not changed'
                self._existing_lines.append(f"{item.source}: {already}")
                self.existing.append(there.name)
                return
            name = self._server_names.take(item.server.name)
            server = item.make_server(fleet, self._options.renames.get(name, name), self._files)
            known.add(item, server)
        except (ConfigurationError, InvalidValueError) as error:
            self.faults.append(Remark(item.source, str(error)))
            return
        self.added.append(server)
        self.notices += (Remark(item.source, each, kind=each) for each in item.server.notices)
        self._on_added(len(self.added))
        self._added_lines.append(f'{item.source}: server "{server.name}" added ({server.endpoint})')

    def take_faults(self, read: ReadConfs) -> None:
        """Report faults only: there is nothing to add."""
        self.faults += [each for each in read.items if isinstance(each, Remark)]

    def _add_conf(self, conf: WgQuickFile) -> None:
        self.notices += conf.notices
        self.faults += conf.faults
        if self._chosen is None and conf.interface_faults:
            first, *others = conf.interface_faults
            if conf.peers or first.line is not None:
                self.faults += (self._with_advice(conf, first), *others)
            return
        for peer in conf.peers:
            self._add(conf, peer)

    def _with_advice(self, conf: WgQuickFile, fault: Remark) -> Remark:
        if conf.private_key is not None:
            return fault
        name = self.default.name if self.default else "NAME"
        make = "" if self.default else "type: wgmon-tui keygen NAME; then "
        return replace(
            fault, text=f"{fault.text}. To check with your own key, {make}add: --identity {shlex.quote(name)}"
        )

    def _add(self, conf: WgQuickFile, peer: WgQuickPeer) -> None:
        place = _place(peer.public_key, peer.endpoint)
        if first := self._sources.get(place):
            again = (
                "the same server is in this file twice" if first == conf.source else f"same server as {first}"
            )
            self.notices.append(Remark(conf.source, again, kind="same server as another file"))
            return
        if there := self._known.get(place):
            self._existing_lines.append(
                f'{conf.source}: server "{there.name}" already exists with this key and endpoint; not changed'
            )
            self.existing.append(there.name)
            return
        identity = self._chosen or self._identity(conf, conf.require_private_key())
        name = self._server_names.take(conf.suggested_name(peer))
        server = _server(conf, peer, identity.name, self._options.renames.get(name, name))
        if conf.amneziawg and conf.amneziawg.header_protection_key:
            key_file = self._files.write(server.name, ".hpk", conf.amneziawg.header_protection_key)
            server = _with_protection_key_file(server, key_file)
        if self._options.allow_handshake_only and not identity.addresses:
            server = replace(server, tunnel=False)
        if peer.preshared_key and (conf.private_key is None or self._is_key_of(conf, identity)):
            # A file without a private key is a template for whoever imports it.
            file = self._files.write(server.name, ".psk", peer.preshared_key)
            server = replace(server, preshared_key=SecretSource(SecretForm.FILE, file))
        elif peer.preshared_key:
            text = (
                "preshared key not imported: it belongs to the key of the file; if the server has one for "
                f'identity "{identity.name}", add preshared_key_file'
            )
            self.notices.append(Remark(conf.source, text, peer.line))
        if self._chosen is None:
            self.file_keys.add(self.owners[identity.name])
        self._needs_peers |= not self._is_key_of(conf, identity)
        self._sources[place] = conf.source
        self.added.append(server)
        self._on_added(len(self.added))
        self._added_lines.append(f'{conf.source}: server "{server.name}" added ({server.endpoint})')

    def _is_key_of(self, conf: WgQuickFile, identity: Identity) -> bool:
        return conf.private_key is not None and self.owners.get(identity.name) == conf.private_key.public

    def _identity(self, conf: WgQuickFile, private_key: PrivateKey) -> Identity:
        """The identity with this key and the file's addresses. Creates it if needed."""
        holders = self._holders.setdefault(private_key.public, [])
        for holder in holders:
            if not conf.addresses or set(conf.addresses) == set(holder.addresses):
                return holder
        name = self._identity_names.take(conf.stem)
        if holders:
            # The same key with other tunnel addresses, for another server: share the key file.
            source = holders[0].private_key
        else:
            source = SecretSource(SecretForm.FILE, self._files.write(name, ".key", private_key))
        identity = Identity(name, source, conf.addresses)
        self.owners[name] = private_key.public
        holders.append(identity)
        self._identities.append(identity)
        self._added_lines.append(f'{conf.source}: identity "{name}" added (public key {private_key.public})')
        return identity

    def report_lines(self, count: int) -> list[str]:
        """The lines to print after an import of so many files."""
        lines = grouped_lines(self.notices)
        for each in (self._added_lines, self._existing_lines):
            lines += each if len(each) <= MAX_LISTED else []
        is_long = max(len(self._added_lines), len(self._existing_lines)) > MAX_LISTED
        if count > 1 or is_long or (self.faults and self.added):
            lines.append(self._summary(count))
        return [*lines, *(self.next_steps() if self._options.with_next_steps else ())]

    def next_steps(self) -> tuple[str, ...]:
        """What to type on the servers, if they do not know the chosen identity yet."""
        key = self.owners.get(self._chosen.name) if self._chosen and self._needs_peers else None
        return describe_next_steps(self._chosen, key, "a file") if self._chosen and key else ()

    def _summary(self, count: int) -> str:
        parts = [f"{format_count(len(self.added), 'server')} added"]
        if self.existing:
            parts.append(f"{len(self.existing):,} already there")
        if self.faults:
            parts.append(format_count(len(self.faults), "fault"))
        return f"{format_count(count, 'file')}: {format_list(parts)}"


def _place(public_key: PublicKey, endpoint: Endpoint) -> tuple[PublicKey, str, int]:
    """What makes two servers the same: key, host in any spelling, and port."""
    host = endpoint.host.lower().removesuffix(".")
    with suppress(ValueError):
        host = str(ip_address(host))
    return public_key, host, endpoint.port


def _server(conf: WgQuickFile, peer: WgQuickPeer, identity: str, name: str) -> Server:
    """The server of a peer. A key of header protection is inline in it."""
    return Server(
        name=name,
        endpoint=peer.endpoint,
        public_key=peer.public_key,
        identity=identity,
        protocol=conf.protocol,
        protocol_settings=conf.amneziawg.settings if conf.amneziawg else None,
    )


def _with_protection_key_file(server: Server, name: str) -> Server:
    source = SecretSource(SecretForm.FILE, name)
    return replace(server, protocol_settings=replace(server.protocol_settings, header_protection_key=source))


def _inline(secret: PrivateKey | PresharedKey) -> SecretSource:
    return SecretSource(SecretForm.INLINE, secret.to_text())
