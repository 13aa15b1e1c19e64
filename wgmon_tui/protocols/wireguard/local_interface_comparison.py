"""Comparison of this machine's WireGuard interfaces with the prober's verdict.

An interface is a second client of the same server, with its own key. A session in use makes a new handshake
every two minutes and expires after three. So the last handshake shows when that client last reached the
server. Pure functions: dump and clock are parameters.
"""

from __future__ import annotations

from collections.abc import Mapping

from wgmon_tui.checks.comparison import ComparisonResult, Finding
from wgmon_tui.checks.inspection import ConfiguredSide, LocalPeer
from wgmon_tui.checks.prober_verdict import ProberVerdict
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.config.imports.wg_dump_parser import InterfaceDump, PeerEntry
from wgmon_tui.config.inspect_command import interface_of
from wgmon_tui.config.models import Server
from wgmon_tui.protocols.wireguard.session import SESSION_LIFETIME_S
from wgmon_tui.text import format_age, format_elapsed, format_list

_RETRIES_S = 15.0
"""Three attempts at a new handshake; a single one may be lost on any path."""

_CLOCK_SLACK_S = 2.0


def local_peers(dumps: Mapping[str, InterfaceDump], server: Server) -> tuple[LocalPeer, ...]:
    """Find local interfaces with this server as peer, under its key or one of its known keys."""
    keys = (server.public_key, *server.known_keys)
    return tuple(
        LocalPeer(interface, running.public_key, peer)
        for interface, running in dumps.items()
        for peer in running.peers
        if peer.public_key in keys
    )


def compare_local_peer(
    peer: LocalPeer, configured: ConfiguredSide, prober_verdict: ProberVerdict | None, now: float
) -> Finding:
    """Compare a local interface with the prober's verdict. `now` is Unix time in seconds."""
    subject, server = f"{peer.interface} here", configured.server
    if peer.own_key is not None and peer.own_key == configured.public_key:
        sentence = (
            f'identity "{server.identity}" uses the key of this interface: each check breaks its session'
        )
        return Finding(
            ComparisonResult.DIFFERS,
            subject,
            sentence,
            "wgmon-tui keygen NAME — makes a key for monitoring alone",
        )
    if peer.entry.public_key != server.public_key:
        sentence = f"has the server under {peer.entry.public_key}, which servers.toml lists in known_keys"
        return Finding(
            ComparisonResult.DIFFERS,
            subject,
            sentence,
            f"wgmon-tui probe {server.name} — shows which key it holds",
        )
    return _handshakes(peer, configured, prober_verdict, now)


def _handshakes(
    peer: LocalPeer, configured: ConfiguredSide, prober_verdict: ProberVerdict | None, now: float
) -> Finding:
    subject, entry = f"{peer.interface} here", peer.entry
    age = None if entry.latest_handshake is None else now - entry.latest_handshake
    if age is not None and age < -_CLOCK_SLACK_S:
        sentence = (
            f"its last handshake is {format_elapsed(-age)} ahead of this machine's clock, which was set back"
        )
        return Finding(ComparisonResult.UNKNOWN, subject, sentence)
    when = (
        "it has had no handshake with the server"
        if age is None
        else f"its last handshake with the server was {format_age(age)}"
    )
    fresh = age is not None and age <= SESSION_LIFETIME_S
    is_overdue = _is_overdue(entry, age)
    verdict = prober_verdict.verdict_at(entry.endpoint) if prober_verdict else None
    severity = verdict.severity if verdict else Severity.UNKNOWN
    if prober_verdict and verdict and severity is Severity.DOWN and fresh:
        return _explain_prober_cut_off(peer, configured, prober_verdict, verdict, when)
    if prober_verdict and verdict and severity in (Severity.UP, Severity.DEGRADED) and is_overdue:
        return _explain_interface_cut_off(peer, configured, prober_verdict, verdict, when)
    if severity is Severity.DOWN and is_overdue:
        return Finding(ComparisonResult.OK, subject, f"{when}: it cannot reach the server either")
    if is_overdue:
        return Finding(ComparisonResult.UNKNOWN, subject, f"{when}, although it has {_keepalive(entry)}")
    if fresh or entry.keepalive_s:
        return Finding(ComparisonResult.OK, subject, when)
    return Finding(ComparisonResult.UNKNOWN, subject, f"{when}; without a keepalive it may be idle")


def _is_overdue(entry: PeerEntry, age: float | None) -> bool:
    """Whether a handshake is overdue: an interface with a keepalive is never idle longer than this."""
    if entry.keepalive_s is None or entry.endpoint is None:
        return False
    return age is None or age > max(SESSION_LIFETIME_S, entry.keepalive_s) + entry.keepalive_s + _RETRIES_S


def _keepalive(entry: PeerEntry) -> str:
    return f"a keepalive every {entry.keepalive_s} s"


def _explain_prober_cut_off(
    peer: LocalPeer, configured: ConfiguredSide, prober_verdict: ProberVerdict, verdict: Verdict, when: str
) -> Finding:
    """Explain a server that works for the interface but not for the prober."""
    subject, server, endpoint = f"{peer.interface} here", configured.server, peer.entry.endpoint
    setting = f'in servers.toml, server "{server.name}": endpoint = "{endpoint}"'
    if endpoint and verdict is Verdict.DNS_FAILURE:
        sentence = f"{when}, at {endpoint}: the server works, only its name does not resolve"
        return Finding(ComparisonResult.DIFFERS, subject, sentence, f"{setting} — or fix the DNS name")
    if endpoint and prober_verdict.was_checked_only_elsewhere(endpoint):
        checked = format_list(prober_verdict.checked_endpoints)
        sentence = f"{when}, at {endpoint}; checks go to {checked}: the server has moved"
        return Finding(ComparisonResult.DIFFERS, subject, sentence, f"{setting} — or fix its DNS name")
    meanwhile = (peer.entry.latest_handshake or 0) >= prober_verdict.since
    doubt = "" if meanwhile else " (unless it went down since: check again in two minutes)"
    sentence = (
        f"{when}, but checks find it {verdict.slug}{doubt}: it answers this machine under the key of "
        f"{peer.interface}, so the fault is in this identity or its source port"
    )
    return Finding(ComparisonResult.DIFFERS, subject, sentence, _allow_peer_command(configured, verdict))


def _allow_peer_command(configured: ConfiguredSide, verdict: Verdict) -> str:
    interface, key = interface_of(configured.server), configured.public_key or "OUR_PUBLIC_KEY"
    command = f"on the server: wg set {interface} peer {key}"
    if verdict is Verdict.PSK_MISMATCH:
        return f"{command} preshared-key FILE"
    hosts = ",".join(f"{each.ip}/{each.max_prefixlen}" for each in configured.addresses)
    return command + (f" allowed-ips {hosts}" if hosts else "")


def _explain_interface_cut_off(
    peer: LocalPeer, configured: ConfiguredSide, prober_verdict: ProberVerdict, verdict: Verdict, when: str
) -> Finding:
    """Explain a server that works for the prober but not for the interface, whose users notice."""
    subject, entry = f"{peer.interface} here", peer.entry
    although = f"{when}, although it has {_keepalive(entry)}"
    if entry.endpoint and prober_verdict.was_checked_only_elsewhere(entry.endpoint):
        # wg resolves a name only once, when the interface comes up.
        checked = format_list(prober_verdict.checked_endpoints)
        sentence = f"{although}: it sends to {entry.endpoint}, but the server is at {checked}"
        fix = f"here: wg set {peer.interface} peer {entry.public_key} endpoint {configured.server.endpoint}"
        return Finding(ComparisonResult.DIFFERS, subject, sentence, fix)
    sentence = (
        f"{although}; checks find it {verdict.slug}: the fault is in this interface: its key unknown to the "
        "server, its preshared key, its route or fwmark, or a firewall on its port"
    )
    own_key = peer.own_key or "ITS_PUBLIC_KEY"
    fix = f"on the server: wg show {interface_of(configured.server)} | grep -A 5 {own_key}"
    return Finding(ComparisonResult.DIFFERS, subject, sentence, fix)
