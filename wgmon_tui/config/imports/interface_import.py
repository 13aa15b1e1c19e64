"""Import of servers from running interfaces: every peer with an endpoint, checked with a separate identity.

The key of the interface is not imported. A server moves a peer's endpoint to the sender of the last handshake
initiation with its key. Two clients that use one key cut each other off.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from wgmon_tui.config.imports.import_report import MAX_LISTED, ImportReport, describe_next_steps
from wgmon_tui.config.imports.unique_names import UniqueNames
from wgmon_tui.config.imports.wg_dump_parser import InterfaceDumps, PeerEntry
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.config.models import ConfigurationError, Fleet, Identity, Server
from wgmon_tui.config.secrets.keyring import read_private_key
from wgmon_tui.config.servers_file import read, update
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.text import format_count, quoted


def import_interfaces(dumps: InterfaceDumps, config_dir: Path, identity: str | None = None) -> ImportReport:
    """Add peers that have an endpoint to servers.toml. A peer whose key a server already has is skipped.

    The checks use `identity`; by default that of `[defaults]`, or the only one in the file. Raises
    ConfigurationError, also if that identity has the key of an interface.
    """
    own = _own_identity(read(config_dir).fleet, identity)
    public_key = read_private_key(own, config_dir).public
    for interface, running in dumps.items():
        if running.public_key == public_key:
            raise ConfigurationError(
                f'identity "{own.name}" has the key of interface {interface}: each check would cut that '
                "interface off; make a separate one: wgmon-tui keygen NAME, then import with --identity NAME"
            )
    importing = _InterfaceImport(own.name)
    saved = update(config_dir, lambda fleet: importing.run(fleet, dumps))
    next_steps = describe_next_steps(own, public_key, "an interface") if importing.added else ()
    last = [saved.notice] if saved.notice else []
    return ImportReport(tuple(importing.added), (*importing.report_lines(), *next_steps, *last))


@dataclass(slots=True)
class _InterfaceImport:
    """One import in progress: added servers and lines to print."""

    identity: str
    added: list[Server] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    existing: int = 0
    preshared_keys: int = 0
    """How many were not imported."""

    _names: UniqueNames = field(default_factory=lambda: UniqueNames(()))
    _known: dict[PublicKey, Server] = field(default_factory=dict)

    def run(self, fleet: Fleet, dumps: InterfaceDumps) -> Fleet:
        """The fleet with the peers of the interfaces added."""
        self._names = UniqueNames(each.name for each in fleet.servers)
        # The first server with a key is the one to name.
        self._known = {each.public_key: each for each in reversed(fleet.servers)}
        for interface, running in dumps.items():
            checkable = [(peer, peer.endpoint) for peer in running.peers if peer.endpoint]
            for peer, endpoint in checkable:
                suggestion = interface if len(checkable) == 1 else f"{interface}-{endpoint.host}"
                self._add(interface, suggestion, peer, endpoint)
            if without := len(running.peers) - len(checkable):
                self.lines.append(f"{interface}: peers without an endpoint, skipped: {without}")
        return replace(fleet, servers=(*fleet.servers, *self.added))

    def _add(self, interface: str, suggestion: str, peer: PeerEntry, endpoint: Endpoint) -> None:
        if there := self._known.get(peer.public_key):
            self.lines.append(f'{interface}: server "{there.name}" already exists; not changed')
            self.existing += 1
            return
        name = self._names.take(suggestion)
        server = Server(name, endpoint, peer.public_key, self.identity)
        self.added.append(server)
        self._known[peer.public_key] = server
        self.lines.append(f'{interface}: server "{name}" added ({endpoint})')
        if peer.has_preshared_key:
            self.preshared_keys += 1
            self.lines.append(
                f"{interface}: preshared key not imported: it belongs to the interface's own key; "
                f'if the server has one for identity "{self.identity}", add preshared_key_file'
            )

    def report_lines(self) -> list[str]:
        """The lines to print; counts in place of long lists."""
        if len(self.added) + self.existing <= MAX_LISTED:
            return self.lines
        counted = f"{format_count(len(self.added), 'server')} added, {self.existing} already there"
        if not self.preshared_keys:
            return [counted]
        return [
            counted,
            f"preshared keys not imported, as they belong to the interface's own key: {self.preshared_keys}",
        ]


def _own_identity(fleet: Fleet, requested: str | None) -> Identity:
    """The identity to check with. Raises ConfigurationError."""
    by_default = fleet.defaults.get("identity")
    name = requested or (by_default if isinstance(by_default, str) else None)
    if name is not None:
        found = fleet.identity(name)
        if found is None:
            raise ConfigurationError(f"import: --identity: there is no identity {quoted(name)}")
        return found
    if not fleet.identities:
        raise ConfigurationError(
            "import: there is no identity to check with yet, and the interface's own key must not be used "
            "twice; type: wgmon-tui keygen NAME --address ADDRESS/LENGTH"
        )
    if len(fleet.identities) > 1:
        names = ", ".join(each.name for each in fleet.identities)
        raise ConfigurationError(f"import: several identities ({names}); choose one: --identity NAME")
    return fleet.identities[0]
