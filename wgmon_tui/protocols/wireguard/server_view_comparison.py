"""Comparison of the server's own view with servers.toml. Pure functions: view and clock are parameters.

Most fixes are commands for the server. A finding is `ok` only if both sides agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from wgmon_tui.checks.comparison import ComparisonResult, Finding
from wgmon_tui.checks.inspection import ConfiguredSide, ServerView, ViewUnavailable
from wgmon_tui.checks.prober_verdict import ProberVerdict
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.imports.wg_dump_parser import InterfaceDump, Network, PeerEntry
from wgmon_tui.config.inspect_command import interface_of
from wgmon_tui.config.models import AMNEZIAWG, Server
from wgmon_tui.net.addresses import Address
from wgmon_tui.protocols.wireguard.framing_causes import name_awg, write_parameter
from wgmon_tui.protocols.wireguard.server_parameters import find_differences
from wgmon_tui.protocols.wireguard.session import SESSION_LIFETIME_S
from wgmon_tui.protocols.wireguard.stored_interface_comparison import compare_stored, count_peers
from wgmon_tui.text import format_age, format_elapsed

_MAX_RETYPED_NETWORKS = 8
"""How many networks a command repeats at most."""

_CLOCK_SLACK_S = 2.0


def compare(
    configured: ConfiguredSide, view: ServerView, now: float, found: ProberVerdict | None = None
) -> tuple[Finding, ...]:
    """Compare both sides, in the order in which a handshake depends on them. `now` is Unix seconds."""
    interface = interface_of(configured.server)
    findings: list[Finding] = []
    if isinstance(view.running, ViewUnavailable):
        findings.append(Finding(ComparisonResult.UNKNOWN, "running", view.running.reason))
    else:
        findings += _compare_running(configured, view.running, interface, now)
        findings += _compare_other_peers(configured, view.running, now, found)
        findings += _check_responder(configured, view.running, now, found)
    if isinstance(view.stored, ViewUnavailable):
        findings.append(Finding(ComparisonResult.UNKNOWN, "file", view.stored.reason))
    elif view.stored and isinstance(view.running, InterfaceDump):
        findings += compare_stored(configured, view.running, view.stored, interface)
    if configured.server.protocol == AMNEZIAWG:
        findings = [replace(each, fix=name_awg(each.fix)) for each in findings]
    return tuple(findings)


# The running interface against servers.toml


def _compare_running(
    configured: ConfiguredSide, running: InterfaceDump, interface: str, now: float
) -> Iterator[Finding]:
    yield _compare_server_key(configured.server, running, interface)
    yield _compare_listen_port(configured.server, running, interface)
    yield from _compare_parameters(configured.server, running)
    if configured.public_key is None:
        yield Finding(
            ComparisonResult.UNKNOWN,
            "our peer",
            "the private key of this identity cannot be read",
            "wgmon-tui doctor — shows why",
        )
        return
    own_peer = next((peer for peer in running.peers if peer.public_key == configured.public_key), None)
    if own_peer is None:
        hosts = ",".join(f"{each.ip}/{each.max_prefixlen}" for each in configured.addresses)
        allowed = f" allowed-ips {hosts}" if hosts else ""
        yield Finding(
            ComparisonResult.DIFFERS,
            "our peer",
            f'identity "{configured.server.identity}" is not among its {count_peers(running.peers)}: '
            "the server silently drops its initiations",
            f"on the server: wg set {interface} peer {configured.public_key}{allowed}",
        )
        return
    yield Finding(
        ComparisonResult.OK,
        "our peer",
        f'it lists the public key of identity "{configured.server.identity}"',
    )
    yield _compare_preshared_key(configured, own_peer, interface)
    yield from _compare_addresses(configured, own_peer, running, interface)
    yield _compare_handshake(own_peer, now)


def _compare_parameters(server: Server, running: InterfaceDump) -> Iterator[Finding]:
    """The parameters of AmneziaWG, if either side has them."""
    if not running.parameters and server.protocol != AMNEZIAWG:
        return
    differences = tuple(find_differences(server, running.parameters))
    for key, here, there in differences:
        yield Finding(
            ComparisonResult.DIFFERS,
            key,
            f"{there} on the server, {here} in servers.toml: such packets are dropped in silence",
            f'in servers.toml, server "{server.name}": {key} = {write_parameter(there)} '
            "— in [server.amneziawg]",
        )
    if not differences:
        yield Finding(ComparisonResult.OK, "parameters", "S1 to S4 and H1 to H4 are the same on both sides")


def _compare_server_key(server: Server, running: InterfaceDump, interface: str) -> Finding:
    if running.public_key is None:
        return Finding(
            ComparisonResult.DIFFERS,
            "server key",
            "the interface has no private key: it answers no peer",
            f"on the server: wg set {interface} private-key FILE",
        )
    if running.public_key == server.public_key:
        return Finding(ComparisonResult.OK, "server key", "it runs with the key in servers.toml")
    known = " (one of its known_keys)" if running.public_key in server.known_keys else ""
    return Finding(
        ComparisonResult.DIFFERS,
        "server key",
        f"it runs with {running.public_key}{known}; servers.toml has {server.public_key}",
        f'in servers.toml, server "{server.name}": public_key = "{running.public_key}", '
        "and the same for its clients; or put the old private key back",
    )


def _compare_listen_port(server: Server, running: InterfaceDump, interface: str) -> Finding:
    port = server.endpoint.port
    if running.listen_port == port:
        return Finding(ComparisonResult.OK, "listen port", f"it listens on {port}")
    has = f"listens on {running.listen_port}" if running.listen_port else "has no port: it is down"
    return Finding(
        ComparisonResult.DIFFERS,
        "listen port",
        f"it {has}; servers.toml has {server.endpoint} (correct only if {port} is forwarded to it)",
        f"on the server: wg set {interface} listen-port {port}"
        if running.listen_port
        else f"on the server: ip link set up dev {interface}",
    )


def _compare_preshared_key(configured: ConfiguredSide, own_peer: PeerEntry, interface: str) -> Finding:
    setting = f'in servers.toml, server "{configured.server.name}": preshared_key_file = "FILE"'
    command = f"on the server: wg set {interface} peer {own_peer.public_key} preshared-key"
    match own_peer.has_preshared_key, configured.has_preshared_key:
        case there, None:
            has = "one" if there else "none"
            return Finding(
                ComparisonResult.UNKNOWN,
                "preshared key",
                f"it has {has} for this peer; the one here cannot be read",
                "wgmon-tui doctor — shows why",
            )
        case True, True:
            return Finding(
                ComparisonResult.OK,
                "preshared key",
                "both sides have one; a check shows whether they match (psk-mismatch)",
            )
        case True, False:
            return Finding(
                ComparisonResult.DIFFERS,
                "preshared key",
                "it has one for this peer; servers.toml has none",
                f"{setting} — or {command} /dev/null",
            )
        case False, True:
            return Finding(
                ComparisonResult.DIFFERS,
                "preshared key",
                "it has none for this peer; servers.toml has one",
                f"{command} FILE — or remove the key from servers.toml",
            )
    return Finding(ComparisonResult.OK, "preshared key", "neither side has one")


def _compare_addresses(
    configured: ConfiguredSide, own_peer: PeerEntry, running: InterfaceDump, interface: str
) -> Iterator[Finding]:
    if not configured.addresses:
        yield Finding(
            ComparisonResult.UNKNOWN,
            "allowed ips",
            f'identity "{configured.server.identity}" has no tunnel address, so it can send no data',
            f'in servers.toml, identity "{configured.server.identity}": addresses = ["ADDRESS/32"]',
        )
    for own in configured.addresses:
        address = own.ip
        host = f"{address}/{address.max_prefixlen}"
        address_owner = _find_address_owner(running.peers, address)
        if address_owner is own_peer:
            yield Finding(ComparisonResult.OK, "allowed ips", f"{address} belongs to this peer")
            continue
        # `wg set … allowed-ips` replaces the list, so the command repeats the present networks.
        wanted = ",".join([*_sorted(own_peer.allowed_ips), host])
        fix = f"on the server: wg set {interface} peer {own_peer.public_key} allowed-ips {wanted}"
        if len(own_peer.allowed_ips) > _MAX_RETYPED_NETWORKS:
            fix = f"on the server: add {host} to the AllowedIPs of peer {own_peer.public_key}"
        if address_owner is None:
            sentence = f"{address} belongs to no peer: the server drops data from it"
        else:
            sentence = f"{address} belongs to peer {address_owner.public_key}, which gets the answers"
            if host in _sorted(address_owner.allowed_ips):
                fix += " — this takes it from that peer; or give this identity another address"
        yield Finding(ComparisonResult.DIFFERS, "allowed ips", sentence, fix)


def _find_address_owner(peers: Sequence[PeerEntry], address: Address) -> PeerEntry | None:
    """Find the peer that owns an address: the longest prefix among all peers wins (whitepaper §2)."""
    holding: list[tuple[Network, PeerEntry]] = [
        (network, peer)
        for peer in peers
        for network in peer.allowed_ips
        if network.version == address.version and address in network
    ]
    return max(holding, key=lambda each: each[0].prefixlen)[1] if holding else None


def _compare_handshake(own_peer: PeerEntry, now: float) -> Finding:
    if own_peer.latest_handshake is None:
        return Finding(
            ComparisonResult.UNKNOWN,
            "handshake",
            "none with this peer yet; a check without data through the tunnel does not show here",
        )
    age = now - own_peer.latest_handshake
    where = f" from {own_peer.endpoint}" if own_peer.endpoint else ""
    if age < -_CLOCK_SLACK_S:
        return Finding(
            ComparisonResult.DIFFERS,
            "handshake",
            f"the last one with this peer{where} is, by its clock, {format_elapsed(-age)} in the future: "
            "one clock is wrong",
            "here and on the server: timedatectl",
        )
    return Finding(
        ComparisonResult.OK, "handshake", f"the last one with this peer{where} was {format_age(age)}"
    )


# Its latest handshakes against the prober's verdict


def _compare_other_peers(
    configured: ConfiguredSide, running: InterfaceDump, now: float, found: ProberVerdict | None
) -> Iterator[Finding]:
    """If the prober finds the server down: whether the server answers other peers."""
    if found is None or found.verdict.severity is not Severity.DOWN:
        return
    others = [
        now - peer.latest_handshake
        for peer in running.peers
        if peer.public_key != configured.public_key and peer.latest_handshake
    ]
    if not others:
        return
    latest = max(min(others), 0.0)
    count = sum(age <= SESSION_LIFETIME_S for age in others)
    if count:
        doubt = "" if now - latest >= found.since else ", unless it went down since"
        sentence = (
            f"checks find it {found.verdict.slug}, but {count} of its other peers made a handshake in the "
            f"last 3 min, the latest {format_age(latest)}: it works{doubt}; the fault is in this identity or "
            "the path from here"
        )
        yield Finding(ComparisonResult.DIFFERS, "other peers", sentence)
    else:
        sentence = f"no handshake in the last 3 min, the latest {format_age(latest)}: all peers are affected"
        yield Finding(ComparisonResult.OK, "other peers", sentence)


def _check_responder(
    configured: ConfiguredSide, running: InterfaceDump, now: float, found: ProberVerdict | None
) -> Iterator[Finding]:
    """If checks succeed and data passes: whether this interface is the one that answers."""
    own_peer = next((peer for peer in running.peers if peer.public_key == configured.public_key), None)
    well = found and found.verdict.severity in (Severity.UP, Severity.DEGRADED)
    if (
        own_peer is None
        or not well
        or not configured.server.tunnel
        or running.public_key != configured.server.public_key
    ):
        return
    if (
        own_peer.latest_handshake
        and now - own_peer.latest_handshake <= SESSION_LIFETIME_S + configured.server.interval
    ):
        return
    last = format_age(now - own_peer.latest_handshake) if own_peer.latest_handshake else "none"
    yield Finding(
        ComparisonResult.DIFFERS,
        "who answers",
        f"checks succeed, but the last handshake of this interface with this peer: {last}. Another machine "
        f"answers at {configured.server.endpoint} with the same key, or `inspect` asks the wrong one",
        f"on the server: wg show {interface_of(configured.server)} latest-handshakes — compare with the "
        "address that was checked",
    )


def _sorted(networks: frozenset[Network]) -> list[str]:
    return sorted(map(str, networks))
