"""Possible causes of a verdict, each with a reason and a command that confirms it.

Commands for the server begin with "on the server:". `wg0` is a placeholder for its interface, whose name
wgmon-tui does not know. What to look for follows after a dash, as output/next_command.py expects it.
"""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.check import ProbedAs
from wgmon_tui.checks.context_evidence import NeighboursFailed, WorkedUntil
from wgmon_tui.checks.evidence import (
    IDENTITY_BUSY,
    TIMESTAMP_FAR_AHEAD,
    WORKER_ENDED,
    Evidence,
    PresharedKeyFound,
    RecentLoss,
)
from wgmon_tui.checks.evidence_selection import all_of_kind, first_of_kind
from wgmon_tui.checks.evidence_text import describe_evidence
from wgmon_tui.checks.verdict import Cause
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Address
from wgmon_tui.net.platforms import PLATFORM
from wgmon_tui.protocols.wireguard import context_causes
from wgmon_tui.protocols.wireguard.contradictions import Hypothesis, without_contradicted
from wgmon_tui.text import format_elapsed, format_list


def silence(server: Server, probed_as: ProbedAs | None, evidence: Sequence[Evidence] = ()) -> list[Cause]:
    """Possible causes of silence that no evidence disproves, likeliest first. None of them is proven."""
    key_causes = _wrong_keys(server, probed_as, first_of_kind(WorkedUntil, evidence) is not None)
    network_causes = _no_way_to_the_server(server)
    worked = first_of_kind(WorkedUntil, evidence) is not None
    together = any(0 < each.failed == each.watched for each in all_of_kind(NeighboursFailed, evidence))
    usual = [*network_causes, *key_causes] if worked or together else _interleave(key_causes, network_causes)
    return without_contradicted([*context_causes.from_context(server, evidence), *usual], evidence)


def _interleave(key_causes: list[Cause], network_causes: list[Cause]) -> list[Cause]:
    """Rank the causes if nothing else is known: a wrong key is the commonest mistake."""
    *keys, timestamp = key_causes
    return [*keys, *network_causes, timestamp]


def _wrong_keys(server: Server, probed_as: ProbedAs | None, worked: bool) -> list[Cause]:
    own_public_key = probed_as.public_key if probed_as else "OUR-PUBLIC-KEY"
    must_list = f"on the server: wg show wg0 peers — must list {own_public_key}"
    must_print = f"on the server: wg show wg0 public-key — must print {server.public_key}"
    peer = (
        Cause(
            "this identity was removed from the server's peers",
            "the same keys worked before; WireGuard never answers unknown peers",
            must_list,
            Hypothesis.KEY_REMOVED,
        )
        if worked
        else Cause(
            "the server does not know this identity's public key",
            "WireGuard never answers unknown peers; a removed or never added peer looks like this",
            must_list,
            Hypothesis.KEY_UNKNOWN,
        )
    )
    key = (
        Cause(
            "the server got another key",
            "the same keys worked before; it silently drops an initiation for a key that it no longer has",
            must_print,
            Hypothesis.SERVER_KEY_WRONG,
        )
        if worked
        else Cause(
            "the server's key is not the one in servers.toml",
            "the server silently drops an initiation for another key",
            must_print,
            Hypothesis.SERVER_KEY_WRONG,
        )
    )
    return [peer, key, _timestamp_ahead(own_public_key)]


def _timestamp_ahead(own_public_key: PublicKey | str) -> Cause:
    return Cause(
        "this identity's clock once ran ahead",
        "a server drops timestamps that are not later than the last one from the same key",
        f"on the server: wg set wg0 peer {own_public_key} remove — then add it again, "
        "which clears the stored timestamp",
        Hypothesis.TIMESTAMP_AHEAD,
    )


def _no_way_to_the_server(server: Server) -> list[Cause]:
    port = server.endpoint.port
    return [
        Cause(
            "a firewall drops the packets or the answers",
            "a DROP rule, or a missing route for the answers, is as silent as WireGuard itself",
            f"on the server: nft list ruleset | grep -e policy -e {port}; tcpdump -ni any udp port {port} "
            f"— if packets arrive and answers leave, look here too: {PLATFORM.commands.firewall}",
            Hypothesis.FIREWALL,
        ),
        Cause(
            "the server or its WireGuard process is down or hung",
            "a machine that is off does not answer, nor does a stopped process whose socket is still bound",
            "on the server: wg show wg0; systemctl status wg-quick@wg0",
            Hypothesis.SERVER_DOWN,
        ),
    ]


def clock_ran_ahead(probed_as: ProbedAs | None) -> Cause:
    """For silence towards timestamps that may not be later than an earlier one."""
    return _timestamp_ahead(probed_as.public_key if probed_as else "OUR-PUBLIC-KEY")


def under_load(server: Server) -> Cause:
    """For a server that demands cookies."""
    return Cause(
        "the server is flooded with handshakes, or short of CPU",
        "WireGuard demands cookies only while handshakes queue up",
        f"on the server: top; tcpdump -ni any -c 1000 udp port {server.endpoint.port} "
        "— from which addresses do most packets come?",
    )


def slow(server: Server) -> Cause:
    """For a server that answers above its limit `slow`."""
    return Cause(
        "the path or the server is slow",
        "the kernel timestamps the answer, so load on this machine does not count",
        f"mtr -u -P {server.endpoint.port} {server.endpoint.host}",
    )


def slow_data(server: Server) -> Cause:
    """For data that takes longer than `slow` while the handshake is quick."""
    return Cause(
        "a queue or a rate limit on the path delays data, or the server is short of CPU",
        "handshakes are few and small; data waits behind other data",
        f"mtr -u -P {server.endpoint.port} {server.endpoint.host} — if no hop is slow, look at the "
        "queues and the CPU load of the server",
    )


def other_source(server: Server, sources: Sequence[str]) -> Cause:
    """For authentic packets that came from another address or port than the one probed."""
    return Cause(
        "the server has several addresses, or a NAT on its side rewrites its answers",
        f"answers came from {format_list(sources)}; a NAT or stateful firewall before a client drops them",
        f"on the server: ip route get CLIENT-ADDRESS — must name the source address {server.endpoint.host}; "
        "if it does, look for a NAT rule",
    )


def lossy(server: Server) -> Cause:
    """For a server that answers only some checks."""
    return Cause(
        "packets are lost on the path, or a rate limit drops some",
        "the answers that arrive are authentic; the others never arrived",
        context_causes.trace_command(server),
    )


def path_loss(server: Server, loss: RecentLoss) -> Cause:
    """For a path that lost packets in the checks before."""
    return Cause(
        lossy(server).cause,
        describe_evidence(loss),
        context_causes.trace_command(server),
    )


def first_packets(server: Server) -> Cause:
    """For a path on which the first initiation of each check is lost, and hardly anything else."""
    return Cause(
        "something on the path drops the first packet of each flow",
        "retransmitted initiations and data pass; clients wait 5 s before they retransmit theirs",
        f"on the server: tcpdump -ni any udp port {server.endpoint.port} — does the first packet arrive?",
    )


def hung() -> Cause:
    """For a server whose answers arrive long after the request."""
    return Cause(
        "the server hangs for seconds at a time",
        "it answered an earlier check authentically, but late: the keys are right on both sides",
        "on the server: uptime; dmesg -T | tail; top",
        Hypothesis.SERVER_HUNG,
    )


def preshared_key(server: Server, found: PresharedKeyFound | None) -> list[Cause]:
    """For an answer that does not authenticate; `found` names the preshared key under which it does."""
    if found:
        # An answer that authenticates comes from the server: no one else can make it.
        which = (
            "without a preshared key"
            if found.server_name is None
            else f'with the preshared key of server "{found.server_name}"'
        )
        return [
            Cause(
                "the preshared key in servers.toml is not the one on the server",
                f"the answer authenticates {which}, so the server itself sent it",
                _compare_psk(server),
                proven=True,
            )
        ]
    here = "sets a preshared key" if server.preshared_key else "sets no preshared key"
    return [
        Cause(
            "the preshared key differs between this machine and the server",
            f"the answer matches the attempt, but authentication failed; servers.toml {here}",
            _compare_psk(server),
        ),
        Cause(
            "a machine on the path forges answers",
            "such an answer needs no secret: it proves that something answers, not who",
            f"on the server: tcpdump -ni any udp port {server.endpoint.port} — did it send the 92 bytes?",
        ),
    ]


def _compare_psk(server: Server) -> str:
    return f'on the server: wg show wg0 preshared-keys — must match the key of server "{server.name}" here'


def local(server: Server, error: str) -> Cause:
    """For a send that this machine refused, or that wgmon-tui left out."""
    if error == IDENTITY_BUSY:
        return Cause(
            "another wgmon-tui on this machine uses this identity",
            "two at once would lose each other's packets, so this check was not sent",
            "pgrep -a wgmon",
            proven=True,
        )
    if error == TIMESTAMP_FAR_AHEAD:
        return Cause(
            "the clock of this machine, or its last timestamp, is far ahead",
            "servers that see such a timestamp ignore this identity until that time, so nothing was sent",
            "timedatectl — if the clock is right: wgmon-tui doctor --trust-clock",
            proven=True,
        )
    if error == WORKER_ENDED:
        return Cause(
            "worker processes of wgmon-tui end while they check this server",
            "the check has no result; the log of wgmon-tui run says how each of them ended",
            "journalctl --unit wgmon-tui --grep worker",
            proven=True,
        )
    commands = PLATFORM.commands
    route = f"{commands.route_to} {server.endpoint.host}"
    # Linux gives EACCES for a prohibit route and for a broadcast address, other systems for a firewall.
    fixes = {"EPERM": commands.firewall, "EACCES": f"{route}; {commands.firewall}"}
    fix = fixes.get(error, route)
    return Cause("a fault of this machine", f"its kernel refused to send: {error}", fix, proven=True)


def overflow() -> Cause:
    """For a receive buffer that overflowed."""
    return Cause(
        "this machine is too busy for this many checks",
        "the kernel dropped datagrams before wgmon-tui could read them",
        f"here: {PLATFORM.commands.enlarge_buffer} — or longer intervals in servers.toml",
        proven=True,
    )


def name(server: Server) -> Cause:
    """For a name without an address."""
    return Cause(
        "the DNS record is gone, a DNS filter hides it, or the resolver of this machine does not answer",
        "clients that start now cannot find the server; connected clients keep the old address",
        f"dig {server.endpoint.host} A {server.endpoint.host} AAAA",
    )


def not_wireguard(server: Server) -> Cause:
    """For answers that are not WireGuard, or not from this server."""
    return Cause(
        "another service uses this port, or a machine on the path answers instead or changes the answers",
        "the holder of this server's key did not send what arrived",
        f"on the server: ss -ulpn sport = :{server.endpoint.port}",
    )


def uplink(servers: int) -> Cause:
    """For a fleet that stops answering all at once."""
    return Cause(
        "the uplink or firewall of this machine",
        f"{servers} servers that were up a moment ago do not all fail in the same second",
        f"{PLATFORM.commands.route_table}; {PLATFORM.commands.firewall} — and ping your gateway",
    )


def rotated(server: Server, answered: PublicKey) -> Cause:
    """For a server that answered to another of its `known_keys`."""
    return Cause(
        "the server's key was rotated, but not at its clients",
        f"silent to {server.public_key}, it answered an initiation for {answered}",
        f'in servers.toml, server "{server.name}": public_key = "{answered}" — and the same for its clients',
        proven=True,
    )


def peer_missing(server: Server, probed_as: ProbedAs | None, evidence: Sequence[Evidence]) -> list[Cause]:
    """For a server that answered another identity. A stored timestamp in the future is as silent."""
    missing = Cause(
        "this identity was removed from the server's peers, or never added",
        "the same server, with the same address and key, answers another identity of servers.toml",
        f'on the server: wg show wg0 peers — then add identity "{server.identity}" with the section that '
        "`wgmon-tui keygen` printed",
        Hypothesis.KEY_REMOVED,
    )
    return without_contradicted([missing, clock_ran_ahead(probed_as)], evidence)


def flows_to(server: Server, address: Address | None) -> str:
    """The options of conntrack(8) that select the flows to a server. Without a family it means IPv4."""
    family = "-f ipv6 " if address and address.version == 6 else ""
    return f"{family}-p udp --dport {server.endpoint.port}"


def stuck_flow(server: Server, address: Address | None) -> Cause:
    """For a server that answers only a fresh source port."""
    return Cause(
        "a NAT or stateful firewall on the path holds a stale entry for this source port",
        "the server answered an initiation from another source port",
        f"on the NAT: conntrack -D {flows_to(server, address)}",
        Hypothesis.STALE_FLOW,
        proven=True,
    )


def clock(seconds: float) -> Cause:
    """For a clock that was set back."""
    return Cause(
        "this machine's clock was set back, or another prober with a faster clock uses this key",
        f"the last timestamp of this identity is {format_elapsed(seconds)} ahead of this machine's clock",
        "timedatectl; use one key per prober: `wgmon-tui keygen NAME` on each machine",
        Hypothesis.TIMESTAMP_AHEAD,
    )
