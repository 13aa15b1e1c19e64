"""How each verdict is told from the others, and what to do first: what a screen says to who asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wgmon_tui.checks.verdict import Verdict


@dataclass(frozen=True, slots=True)
class VerdictHelp:
    """`explanation` the evidence leads to a verdict, and what to `first_step` first."""

    explanation: str
    first_step: str


VERDICT_HELP: Mapping[Verdict, VerdictHelp] = {
    Verdict.HEALTHY: VerdictHelp(
        "The response authenticated under the server's key and our preshared key, and data came back through "
        "the session, or the server acknowledged ours.",
        "Nothing. Without a tunnel_ping only the first hop inside the tunnel is asked: give the server one.",
    ),
    Verdict.UNDER_LOAD: VerdictHelp(
        "An authentic cookie reply came, and the initiation that carried the cookie was answered.",
        "On the server, see who floods it: top, then tcpdump on its UDP port.",
    ),
    Verdict.SLOW: VerdictHelp(
        "The handshake's round-trip time is above `slow` in servers.toml.",
        "Ping the same address: as slow, it is the way; only the handshake slow, it is the server.",
    ),
    Verdict.LOSSY: VerdictHelp(
        "At least three of the last 20 checks were lost, apart from each other: one long gap is an outage.",
        "Run mtr to the address, and look at the RTT tab for when it began.",
    ),
    Verdict.UNPROVEN: VerdictHelp(
        "The handshake completed; no tunnel_ping is set, the first hop inside did not answer, and nothing "
        "acknowledged our data.",
        "Set tunnel_ping to an inner address that must answer; compare AllowedIPs on the server.",
    ),
    Verdict.INNER_DEAD: VerdictHelp(
        "Some inner addresses or services answer through the tunnel, and one that should answer does not.",
        "Look at the machine behind that inner address, and at the routes between the server and it.",
    ),
    Verdict.MTU_BLACKHOLE: VerdictHelp(
        "Small inner packets came back; those of the size wanted vanished, more than once.",
        "Set the tunnel's MTU to the size that passes, or let ICMP \u201cfragmentation needed\u201d through.",
    ),
    Verdict.STUCK_FLOW: VerdictHelp(
        "The same initiation is answered when it comes from a fresh source port, and not from the usual one.",
        "A NAT or firewall on the way holds an old entry for our port: clear it there.",
    ),
    Verdict.DATA_DEAD: VerdictHelp(
        "The handshake completed, and nothing of what we sent through the tunnel came back.",
        "On the server: AllowedIPs of our peer, its forwarding and its firewall on the tunnel interface.",
    ),
    Verdict.WRONG_SERVER_KEY: VerdictHelp(
        "An initiation sealed for another key in known_keys was answered, one for public_key was not.",
        "If the change was meant, write the new key into servers.toml; if not, find out who made it.",
    ),
    Verdict.PEER_MISSING: VerdictHelp(
        "The server answered another identity of ours at the same address, and not this one.",
        "Add this identity as a peer on the server; K shows the section to paste.",
    ),
    Verdict.PSK_MISMATCH: VerdictHelp(
        "A response to our initiation came, but its seal does not open under our preshared key.",
        "Compare the preshared key of our peer on the server with the one that servers.toml names.",
    ),
    Verdict.PORT_CLOSED: VerdictHelp(
        "An ICMP \u201cport unreachable\u201d came from the server's own address, quoting our initiation.",
        "On the server: is WireGuard up, and on this port? wg show; ss -lun.",
    ),
    Verdict.UNREACHABLE: VerdictHelp(
        "An ICMP error other than a closed port came, quoting our initiation; the evidence names its sender.",
        "Ask whoever runs the hop that sent it; a firewall that rejects looks like this as well.",
    ),
    Verdict.SILENT: VerdictHelp(
        "No packet, no ICMP error and no error of our own came within the timeout, for any initiation.",
        "Go through the causes in their order: WireGuard says nothing to who it does not know.",
    ),
    Verdict.REGIONAL: VerdictHelp(
        "As many vantages as the quorum asks for have settled on down, while others that see it have not.",
        "The server itself is up: look at the path, at firewalls and limits by source address in between.",
    ),
    Verdict.NOT_WIREGUARD: VerdictHelp(
        "Datagrams came from the address and port that are in no form of WireGuard's, or that do not "
        "authenticate.",
        "See what listens there, ss -lunp on the server, and whether the port in servers.toml is right.",
    ),
    Verdict.DNS_FAILURE: VerdictHelp(
        "The resolver of this machine gave an error, or no address, for the endpoint's name.",
        "Ask another resolver: dig @1.1.1.1 NAME. Until it resolves, an address may stand as endpoint.",
    ),
    Verdict.LOCAL_FAULT: VerdictHelp(
        "Our own system refused to send, or every server that was well fell silent at once.",
        "Type wgmon-tui doctor here: route, firewall, clock and uplink of this machine.",
    ),
    Verdict.MISCONFIGURED: VerdictHelp(
        "A key file is missing or unreadable, or the identity does not exist: nothing was sent.",
        "The evidence names the file and what is wrong with it; e edits the server.",
    ),
}
