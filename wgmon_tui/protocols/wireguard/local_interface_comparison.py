"""This machine's own WireGuard interface beside our verdict: where kernel and prober disagree, and why.

The interface is a second client of the same server, with a key of its own. An established session makes a
new handshake every two minutes while it is used, and is dead after three; so its last handshake tells when
that client last got through. Pure: the dump was read before, the clock is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.config.imports.wg_dump_parser import InterfaceDump, PeerEntry
from wgmon_tui.config.models import Server
from wgmon_tui.protocols.wireguard.keys import PublicKey
from wgmon_tui.protocols.wireguard.prober_verdict import SESSION_LIFETIME_S, ProberVerdict
from wgmon_tui.protocols.wireguard.server_view_comparison import (
    ComparisonResult,
    ConfiguredSide,
    Finding,
    interface_of,
)
from wgmon_tui.text import format_age, format_elapsed, format_list

_RETRIES_S = 15.0
"""Three attempts at a new handshake; one alone may be lost on any path."""

_CLOCK_SLACK_S = 2.0


@dataclass(frozen=True, slots=True)
class LocalPeer:
    """A peer of an interface here that is a server of ours. `own_key` is what the server knows it by."""

    interface: str
    own_key: PublicKey | None
    entry: PeerEntry


def local_peers(dumps: Mapping[str, InterfaceDump], server: Server) -> tuple[LocalPeer, ...]:
    """The interfaces here that have this server for a peer, under its key or one of its known keys."""
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
    """What an interface here says of the same server. `now` is Unix time in seconds."""
    subject, server = f"{peer.interface} here", configured.server
    if peer.own_key is not None and peer.own_key == configured.public_key:
        sentence = f'identity "{server.identity}" has the key of this interface: each check cuts it off'
        return Finding(
            ComparisonResult.DIFFERS,
            subject,
            sentence,
            "wgmon-tui keygen NAME makes a key for monitoring alone",
        )
    if peer.entry.public_key != server.public_key:
        sentence = f"has the server under {peer.entry.public_key}, which servers.toml has among known_keys"
        return Finding(
            ComparisonResult.DIFFERS,
            subject,
            sentence,
            f"wgmon-tui probe {server.name} says which one it holds",
        )
    return _handshakes(peer, configured, prober_verdict, now)


def _handshakes(
    peer: LocalPeer, configured: ConfiguredSide, prober_verdict: ProberVerdict | None, now: float
) -> Finding:
    subject, entry = f"{peer.interface} here", peer.entry
    age = None if entry.latest_handshake is None else now - entry.latest_handshake
    if age is not None and age < -_CLOCK_SLACK_S:
        sentence = f"its last handshake lies {format_elapsed(-age)} ahead of our clock, which was set back"
        return Finding(ComparisonResult.UNKNOWN, subject, sentence)
    when = (
        "it has had no handshake with it"
        if age is None
        else f"its last handshake with it was {format_age(age)}"
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
        return Finding(ComparisonResult.OK, subject, f"{when}: to it the server is gone too")
    if is_overdue:
        return Finding(ComparisonResult.UNKNOWN, subject, f"{when}, although it has {_keepalive(entry)}")
    if fresh or entry.keepalive_s:
        return Finding(ComparisonResult.OK, subject, when)
    return Finding(ComparisonResult.UNKNOWN, subject, f"{when}; without a keepalive it may just be idle")


def _is_overdue(entry: PeerEntry, age: float | None) -> bool:
    """Whether a handshake is missing: an interface with a keepalive never rests longer than this."""
    if entry.keepalive_s is None or entry.endpoint is None:
        return False
    return age is None or age > max(SESSION_LIFETIME_S, entry.keepalive_s) + entry.keepalive_s + _RETRIES_S


def _keepalive(entry: PeerEntry) -> str:
    return f"a keepalive every {entry.keepalive_s} s"


def _explain_prober_cut_off(
    peer: LocalPeer, configured: ConfiguredSide, prober_verdict: ProberVerdict, verdict: Verdict, when: str
) -> Finding:
    """The server and a path to it are well, or were so a moment ago."""
    subject, server, endpoint = f"{peer.interface} here", configured.server, peer.entry.endpoint
    setting = f'in servers.toml, server "{server.name}": endpoint = "{endpoint}"'
    if endpoint and verdict is Verdict.DNS_FAILURE:
        sentence = f"{when}, at {endpoint}: the server is well, only its name does not resolve"
        return Finding(ComparisonResult.DIFFERS, subject, sentence, f"mend the name; or {setting}")
    if endpoint and prober_verdict.was_checked_only_elsewhere(endpoint):
        sentence = f"{when}, at {endpoint}; we ask {format_list(prober_verdict.checked_endpoints)}: the server has moved"
        return Finding(ComparisonResult.DIFFERS, subject, sentence, f"{setting}; or mend its name in the DNS")
    meanwhile = (peer.entry.latest_handshake or 0) >= prober_verdict.since
    doubt = "" if meanwhile else " (unless it went down since: look again in two minutes)"
    sentence = (
        f"{when}, and we find it {verdict.slug}{doubt}: it answers this machine under the key of "
        f"{peer.interface}, so what is wrong is about our identity, or our source port"
    )
    return Finding(ComparisonResult.DIFFERS, subject, sentence, _allow_peer_command(configured, verdict))


def _allow_peer_command(configured: ConfiguredSide, verdict: Verdict) -> str:
    command = f"on the server: wg set {interface_of(configured.server)} peer {configured.public_key or 'OUR_PUBLIC_KEY'}"
    if verdict is Verdict.PSK_MISMATCH:
        return f"{command} preshared-key FILE"
    hosts = ",".join(f"{each.ip}/{each.max_prefixlen}" for each in configured.addresses)
    return command + (f" allowed-ips {hosts}" if hosts else "")


def _explain_interface_cut_off(
    peer: LocalPeer, configured: ConfiguredSide, prober_verdict: ProberVerdict, verdict: Verdict, when: str
) -> Finding:
    """The server and the path to it are well; the interface here is not, and its users notice."""
    subject, entry = f"{peer.interface} here", peer.entry
    although = f"{when}, although it has {_keepalive(entry)}"
    if entry.endpoint and prober_verdict.was_checked_only_elsewhere(entry.endpoint):
        # wg resolves a name once, when the interface comes up.
        sentence = f"{although}: it sends to {entry.endpoint}, and the server is at {format_list(prober_verdict.checked_endpoints)}"
        fix = f"here: wg set {peer.interface} peer {entry.public_key} endpoint {configured.server.endpoint}"
        return Finding(ComparisonResult.DIFFERS, subject, sentence, fix)
    sentence = (
        f"{although}; we find it {verdict.slug}: what is wrong is this interface's own: its key unknown to "
        "the server, its preshared key, a route or fwmark of its own, a firewall before its port"
    )
    fix = f"on the server: wg show {interface_of(configured.server)} | grep -A 5 {peer.own_key or 'ITS_PUBLIC_KEY'}"
    return Finding(ComparisonResult.DIFFERS, subject, sentence, fix)
