"""Comparison of a running interface with the server's own configuration file. Pure functions.

What differs changes at the next start of the interface.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from wgmon_tui.checks.comparison import ComparisonResult, Finding
from wgmon_tui.checks.inspection import ConfiguredSide, StoredInterface
from wgmon_tui.config.imports.wg_dump_parser import InterfaceDump, Network, PeerEntry
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.config.models import Server
from wgmon_tui.text import format_count, format_list

_MAX_NAMED_PEERS = 3
"""How many peers a sentence names; it counts the others."""


def compare_stored(
    configured: ConfiguredSide, running: InterfaceDump, stored: StoredInterface, interface: str
) -> list[Finding]:
    """Find what the next start of the interface would change."""
    findings = [
        *_compare_stored_peers(configured, running, stored, interface),
        *_compare_stored_port(configured.server, running, stored),
    ]
    if not findings:
        sentence = f"file and running interface agree on {count_peers(running.peers)} and the port"
        findings.append(Finding(ComparisonResult.OK, "file", sentence))
    if not stored.has_private_key:
        sentence = "the file has no PrivateKey; the next start has one only if PostUp sets it"
        findings.append(Finding(ComparisonResult.UNKNOWN, "file: private key", sentence))
    return findings


def _compare_stored_peers(
    configured: ConfiguredSide, running: InterfaceDump, stored: StoredInterface, interface: str
) -> Iterator[Finding]:
    runs = {peer.public_key: peer for peer in running.peers}
    written = {peer.public_key: peer for peer in stored.peers}
    both = _sort_own_first(configured, written.keys() & runs.keys())
    applies = "applies the file; or save the running state into the file"
    saves = "saves the running state into the file; or apply the file"
    load = f"on the server: wg syncconf {interface} <(wg-quick strip {interface}) — {applies}"
    save = f"on the server: wg-quick save {interface} — {saves}"
    if dead := _sort_own_first(configured, written.keys() - runs.keys()):
        sentence = f"in the file, but not running: {_named(configured, dead)}; silently dropped"
        yield Finding(ComparisonResult.DIFFERS, "file: peers", sentence, load)
    if passing := _sort_own_first(configured, runs.keys() - written.keys()):
        sentence = f"running, but not in the file: {_named(configured, passing)}; lost at the next start"
        yield Finding(ComparisonResult.DIFFERS, "file: peers", sentence, save)
    if moved := [key for key in both if runs[key].allowed_ips != written[key].allowed_ips]:
        file, live = written[moved[0]].allowed_ips, runs[moved[0]].allowed_ips
        sentence = (
            f"AllowedIPs differ for {_named(configured, moved)}; the first has {_listed(file)} in the file, "
            f"but runs with {_listed(live)}"
        )
        yield Finding(ComparisonResult.DIFFERS, "file: allowed ips", sentence, load)
    if sealed := [key for key in both if runs[key].has_preshared_key != written[key].has_preshared_key]:
        sentence = (
            f"only one of file and running interface has a preshared key for {_named(configured, sealed)}"
        )
        yield Finding(ComparisonResult.DIFFERS, "file: preshared key", sentence, load)


def _compare_stored_port(
    server: Server, running: InterfaceDump, stored: StoredInterface
) -> Iterator[Finding]:
    if stored.listen_port == running.listen_port:
        return
    has = f"has ListenPort {stored.listen_port}" if stored.listen_port else "has no ListenPort"
    yield Finding(
        ComparisonResult.DIFFERS,
        "file: listen port",
        f"the file {has}, but it runs on {running.listen_port}: the next start changes the port",
        f"on the server: ListenPort = {server.endpoint.port} — under [Interface] in the file",
    )


def _sort_own_first(configured: ConfiguredSide, keys: Iterable[PublicKey]) -> list[PublicKey]:
    return sorted(keys, key=lambda key: (key != configured.public_key, str(key)))


def _named(configured: ConfiguredSide, keys: Sequence[PublicKey]) -> str:
    names = (f"{key} (this identity)" if key == configured.public_key else str(key) for key in keys)
    return format_list(names, most=_MAX_NAMED_PEERS)


def count_peers(peers: Sequence[PeerEntry]) -> str:
    """Count peers in words."""
    return format_count(len(peers), "peer")


def _listed(networks: frozenset[Network]) -> str:
    return format_list(sorted(map(str, networks)), most=_MAX_NAMED_PEERS) or "none"
