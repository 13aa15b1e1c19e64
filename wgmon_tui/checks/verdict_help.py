"""Help for each verdict: how wgmon-tui decides it, and what to do first."""

from __future__ import annotations

from collections.abc import Mapping

from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.records import dataclass


@dataclass(frozen=True, slots=True)
class VerdictHelp:
    """`explanation`: which evidence leads to the verdict. `first_step`: what to do first.

    `meaning` replaces that of the verdict, where a protocol needs other words; "" if not.
    """

    explanation: str
    first_step: str
    meaning: str = ""


VERDICT_HELP: Mapping[Verdict, VerdictHelp] = {
    Verdict.HEALTHY: VerdictHelp(
        "The response authenticated with the server's key and the preshared key. Data came back through "
        "the session, or the server acknowledged the data sent.",
        "Nothing. Without tunnel_ping only the first hop inside the tunnel is tested: set tunnel_ping.",
    ),
    Verdict.UNDER_LOAD: VerdictHelp(
        "An authentic cookie reply arrived, and the server answered the initiation with that cookie.",
        "On the server, find the source of the load: top, then tcpdump on its UDP port.",
    ),
    Verdict.SLOW: VerdictHelp(
        "The round-trip time of the handshake or of data in the tunnel is above `slow` in servers.toml; the "
        "summary says which. An authentic answer later than `timeout` is slow too.",
        "Ping the same address. Ping slow too: the path. Only data slow: a queue or a rate limit.",
    ),
    Verdict.LOSSY: VerdictHelp(
        "At least three separate losses in the last 20 checks, of 5 % of the initiations and echoes or more; "
        "one long gap counts as an outage. Silence of such a server counts as loss while loss explains it.",
        "Run `wgmon-tui trace` to see where on the path. The RTT tab shows when it began.",
    ),
    Verdict.UNPROVEN: VerdictHelp(
        "The handshake completed, but an IP version of the tunnel, a configured target or a required packet "
        "size could not be tested, or nothing inside answered. Or answers came from another address or port "
        "than the one probed.",
        "Set tunnel_ping to an inner address that must answer. Compare AllowedIPs on the server.",
    ),
    Verdict.INNER_DEAD: VerdictHelp(
        "The tunnel carries data, but a configured inner address or service does not answer, or refuses.",
        "Check the machine at that inner address, and the routes between it and the server.",
    ),
    Verdict.MTU_BLACKHOLE: VerdictHelp(
        "Small inner packets came back; packets of 1280 bytes, or of tunnel_mtu, were lost several times.",
        "Set the tunnel's MTU to the size that passes, or let ICMP \u201cfragmentation needed\u201d through.",
    ),
    Verdict.TCP_STALLS: VerdictHelp(
        "A fetch of tunnel_http got some data and then none, although TCP sends it again. Small segments do "
        "not help, so it is not the packet size: that would be mtu-blackhole.",
        "On the inner server: tcpdump -ni any tcp. Look for data that is sent again and again.",
    ),
    Verdict.FORGOTTEN: VerdictHelp(
        "The check of the node's data path succeeded, and the API lists the node as offline.",
        "On the node, read the log of its client: it cannot reach the control plane, or its key expired.",
    ),
    Verdict.TARGET_DOWN: VerdictHelp(
        "A second target answered through the proxy. The URL failed through the proxy and without it.",
        "Fetch the URL yourself with curl. Choose another URL for the check if it is gone.",
    ),
    Verdict.STUCK_FLOW: VerdictHelp(
        "The server answers an initiation from a fresh source port, but not from the usual one.",
        "A NAT or firewall on the path holds an old entry for the usual port: clear it there.",
    ),
    Verdict.ADDRESS_DEAD: VerdictHelp(
        "The summary gives the verdict of each address; the causes are those of the dead one.",
        "Repair the dead address, or remove it from the DNS: clients use the first one that they are given.",
    ),
    Verdict.DATA_DEAD: VerdictHelp(
        "The handshake completed, but no answer to the data sent came back through the tunnel.",
        "On the server, check AllowedIPs of this peer, forwarding, and the firewall on the tunnel interface.",
    ),
    Verdict.DIES_AFTER: VerdictHelp(
        "Echoes came back at first; then all were lost, although a new handshake works. The summary gives "
        "packets, bytes and seconds.",
        "Ask who runs the path for limits per flow: packet inspection, NAT, rate limits.",
    ),
    Verdict.WRONG_SERVER_KEY: VerdictHelp(
        "The server answered an initiation for another key in known_keys, but not one for public_key.",
        "If the change was planned, write the new key into servers.toml. If not, find out who made it.",
    ),
    Verdict.PEER_MISSING: VerdictHelp(
        "The server answered another identity from servers.toml at the same address, but not this one.",
        "Add this identity as a peer on the server; K on the fleet screen lists the identities; y "
        "there copies the section to paste.",
    ),
    Verdict.WRONG_PARAMETERS: VerdictHelp(
        "An experiment: the server answered when one parameter, or all of them, were others.",
        "In servers.toml, set the parameters that the summary names, or those on the server.",
    ),
    Verdict.PSK_MISMATCH: VerdictHelp(
        "A response to the initiation arrived, but does not authenticate with the preshared key.",
        "Compare the preshared key of this peer on the server with the one that servers.toml names.",
    ),
    Verdict.AUTH_FAILED: VerdictHelp(
        "The server answered that it refuses the user, password, certificate or identity. Silence is never "
        "this verdict.",
        "On the server, read its log of that moment: it names the credential that it refused.",
    ),
    Verdict.BAD_CERTIFICATE: VerdictHelp(
        "The certificate of the server did not verify, or the server refused that of this client with a TLS "
        "alert or an error of its own.",
        "Run: openssl x509 -noout -dates -subject -issuer -in FILE. Look for the dates and the issuer.",
    ),
    Verdict.CIPHER_MISMATCH: VerdictHelp(
        "The server answered that it accepts no proposal of this client, or a TLS alert said so.",
        "Compare the ciphers of both configurations. The evidence lists what the server accepts, if known.",
    ),
    Verdict.SESSION_REFUSED: VerdictHelp(
        "Authentication succeeded, but the server refused the session or never sent its addresses.",
        "On the server, count the sessions and the free addresses of its pool.",
    ),
    Verdict.PROXY_DOWN: VerdictHelp(
        "The fetch through the proxy failed, and the same fetch from this machine without it succeeded.",
        "On the server, read the proxy's log of that moment. Check that it may reach the URL.",
    ),
    Verdict.API_FAILED: VerdictHelp(
        "A request that every release answers got an error of the server, a redirect, or no valid JSON.",
        "On the control plane, read its log of that moment. Compare the URL with the one in its documents.",
    ),
    Verdict.BACKEND_DOWN: VerdictHelp(
        "A health request of the API answered that its database, its broker or its licence does not work.",
        "On the control plane, look at the part that the summary names. Nodes keep their tunnels meanwhile.",
    ),
    Verdict.SAYS_CONNECTED: VerdictHelp(
        "The API lists the node as online, and the check of its data path from here failed.",
        "On the node, look at its firewall: nft list ruleset. Then compare the ACL of the control plane.",
    ),
    Verdict.PORT_CLOSED: VerdictHelp(
        "An ICMP \u201cport unreachable\u201d came from the server's own address, and no authentic answer "
        "within the timeout. Anybody can forge ICMP, so it never ends the wait.",
        "On the server: is WireGuard up, and on this port? wg show; ss -lun.",
    ),
    Verdict.UNREACHABLE: VerdictHelp(
        "An ICMP error other than port unreachable came, and no authentic answer within the timeout; the "
        "evidence names its sender. Anybody can forge ICMP, so it never ends the wait.",
        "Run `wgmon-tui trace`: it names the hop. Ask its operator, or look for a REJECT rule there.",
    ),
    Verdict.SILENT: VerdictHelp(
        "No packet, no ICMP error and no local error within the timeout, for any initiation.",
        "Check the causes in order. WireGuard never answers peers that it does not know. "
        "`wgmon-tui trace` shows how far packets get.",
    ),
    Verdict.REGIONAL: VerdictHelp(
        "Enough vantages for the quorum find it down, while others that can check it do not.",
        "The server itself is up. Check the path: firewalls and limits per source address.",
    ),
    Verdict.NOT_WIREGUARD: VerdictHelp(
        "Datagrams arrived from that address and port, but they are not WireGuard messages or do not "
        "authenticate.",
        "On the server, find what listens there: ss -lunp. Check the port in servers.toml.",
    ),
    Verdict.WRONG_PROTOCOL: VerdictHelp(
        "Bytes arrived from that address and port, but they are no messages of the protocol in servers.toml.",
        "On the server, find what listens there: ss -lntup. Check port and protocol in servers.toml.",
    ),
    Verdict.DNS_FAILURE: VerdictHelp(
        "The resolver of this machine gave an error, or no address, for the endpoint's name.",
        "Ask another resolver: dig @1.1.1.1 NAME. Until it resolves, set an IP address as endpoint.",
    ),
    Verdict.LOCAL_FAULT: VerdictHelp(
        "This machine refused to send, its gateway or the witness does not answer, all servers that were up "
        "stopped answering at once, or something did not come in time while this machine was overloaded.",
        "Run wgmon-tui doctor here: it checks route, firewall, clock and uplink of this machine.",
    ),
    Verdict.MISCONFIGURED: VerdictHelp(
        "A key file is missing or unreadable, the identity does not exist, or the protocol is not supported "
        "yet: nothing was sent.",
        "The evidence names the file and what is wrong with it; e edits the server.",
    ),
}
