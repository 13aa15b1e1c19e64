"""Causes of what is wrong with a proxy. A cause that evidence disproves is not listed. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import Evidence, FlowCut, ProtocolEvidence
from wgmon_tui.checks.fetch_evidence import InnerFetch
from wgmon_tui.checks.stage import WEBSOCKET, StageOutcome
from wgmon_tui.checks.verdict import Cause
from wgmon_tui.config.models import Server
from wgmon_tui.net.platforms import PLATFORM
from wgmon_tui.protocols.proxies import findings
from wgmon_tui.protocols.proxies.findings import OTHER, SAME, first_of, of_kind
from wgmon_tui.protocols.proxies.grpc_layer import ACCEPTED
from wgmon_tui.protocols.proxies.grpc_layer import NAME as GRPC
from wgmon_tui.protocols.proxies.reality.words import VERIFIED
from wgmon_tui.protocols.proxies.words import describe_own, describe_shift

_SECRETS = {
    "shadowsocks": "password",
    "trojan": "password",
    "vmess": "user id",
    "vless": "user id",
}
_WITH_METHOD = "shadowsocks"


def secret_word(server: Server) -> str:
    """What the secret of this protocol is called."""
    return _SECRETS.get(server.protocol, "secret")


def of_closed_port(server: Server) -> list[Cause]:
    """The port refuses connections."""
    return [
        Cause(
            "the proxy is stopped, or listens on another port",
            f"port {server.endpoint.port} refuses connections",
            f"on the server: ss -ltnp | grep {server.endpoint.port}",
        ),
        Cause(
            "a firewall rejects connections from here",
            "a reset from a firewall looks the same",
            "on the server: nft list ruleset",
        ),
    ]


def of_path(server: Server) -> list[Cause]:
    """No connection."""
    endpoint = server.endpoint
    return [
        Cause(
            "the server is down, or its address is wrong",
            "no connection within the timeout",
            f"ping {endpoint.host}",
        ),
        Cause(
            "a firewall on the path drops packets to that port",
            "this looks like a dead server",
            f"traceroute -T -p {endpoint.port} {endpoint.host}",
        ),
    ]


def with_other_endpoint(ranked: Sequence[Cause]) -> Sequence[Cause]:
    """These causes, and that the server moved: the link names another place than the entry."""
    if any(each.proven for each in ranked):
        return ranked
    why = "the link names another host or port than servers.toml"
    return (
        *ranked,
        Cause("the server moved, and the entry has its old endpoint", why, "import the link again"),
    )


def of_uplink() -> list[Cause]:
    """Nothing answers from here."""
    commands = PLATFORM.commands
    why = "the proxy and every page are silent at the same time"
    return [
        Cause("this machine or its uplink", why, f"{commands.route_table}; {commands.firewall}"),
        Cause(
            "the proxy is down, and this machine reaches pages through it only",
            "no page has answered from here",
            "set fetch_second to a page that answers from here, or witness in config.toml",
        ),
    ]


def of_dead_page(url: str) -> list[Cause]:
    """The page is down, the proxy is not."""
    return [Cause("the page is down, or expects something else", "it fails directly, too", f"curl -si {url}")]


def of_blocked_page(server: Server, url: str) -> list[Cause]:
    """The proxy brings one page and not the other."""
    return [
        Cause(
            "the proxy may not reach the page: a rule, its DNS or its own network",
            "the page answers without the proxy, and another one comes through it",
            f"on the server: curl -si {url}",
        ),
        Cause(
            "the page refuses the address of the proxy",
            "pages often block the addresses of data centres",
            f"on the server: curl -si {url}",
        ),
    ]


def of_dead_exit(server: Server) -> list[Cause]:
    """The proxy accepts the secret, but brings nothing."""
    return [
        Cause(
            "the proxy has no connection to the outside: its DNS, its route or its outbound",
            "its answer is authentic, and the pages answer without it",
            "on the server: curl -si http://www.gstatic.com/generate_204",
            proven=True,
        )
    ]


def of_fallback(server: Server) -> list[Cause]:
    """A web site answers."""
    word = secret_word(server)
    return [
        Cause(
            f"the {word} is wrong, and the server shows its web site to strangers",
            f"a server that does not know the {word} passes the request on to its fallback site",
            f"compare the {word} of the link with that of the server's configuration",
        ),
        Cause(
            "the port is that of a web server, not of the proxy",
            "nothing in the answer comes from a proxy",
            f"on the server: ss -ltnp | grep {server.endpoint.port}",
        ),
    ]


def of_other_protocol(server: Server) -> list[Cause]:
    """The answer is of another protocol."""
    return [
        Cause(
            "another service listens there, or the link is of another protocol",
            "the server's first bytes are none of this protocol",
            f"on the server: ss -ltnp | grep {server.endpoint.port}",
        )
    ]


def of_tls(server: Server, layer_fault: str, reason: str, evidence: Sequence[Evidence]) -> list[Cause]:
    """TLS fails. `reason` is what OpenSSL says of a certificate."""
    endpoint = server.endpoint
    command = f"openssl s_client -connect {endpoint.host}:{endpoint.port} -servername NAME"
    if layer_fault == "certificate":
        return [_of_certificate(reason, command, evidence)]
    if is_unknown_name(reason):
        why = "it answers with the alert unrecognized_name (RFC 6066 §3)"
        return [Cause("the server does not know the name in the link (sni)", why, command, proven=True)]
    if layer_fault == "alert":
        why = f"it answers with an alert: {reason}"
        return [
            Cause("the server allows no version or cipher of TLS that is offered", why, command),
            Cause("the server does not know the name in the link (sni)", why, command),
            Cause("the server asks for a certificate of this client", why, command),
        ]
    return [
        Cause(
            "the server speaks no TLS on that port",
            "its answer is none of TLS",
            command,
        )
    ]


def is_unknown_name(reason: str) -> bool:
    """Whether a TLS alert says that the server does not know the name."""
    return "unrecognized name" in reason


def _of_certificate(reason: str, command: str, evidence: Sequence[Evidence]) -> Cause:
    names = first_of(findings.NAMES, evidence)
    text = reason.lower()
    if "mismatch" in text or "doesn't match" in text:
        why = describe_own(names) if names else reason
        return Cause("the certificate is not for the name in the link (sni)", why, command, proven=True)
    if "expired" in text or "not yet valid" in text:
        fix = f"{command} | openssl x509 -noout -dates"
        return Cause("the certificate is not valid at this time", reason, fix, proven=True)
    if "pinned" in text:
        return Cause("the server has another certificate than the link names", reason, command, proven=True)
    fix = "set ca in servers.toml to the certificate of that authority, if you trust it"
    return Cause("no trusted authority signed the certificate", reason, fix, proven=True)


def of_reality(server: Server, layer_fault: str) -> list[Cause]:
    """REALITY fails."""
    if layer_fault != "refused":
        return of_other_protocol(server)
    why = "the server answers with the certificate of another site, as it does to strangers"
    return [
        Cause(
            "the public key of the link (pbk) is not that of the server",
            why,
            "on the server: xray x25519 -i PRIVATE_KEY",
        ),
        Cause("the server does not know the short id of the link (sid)", why, "compare shortIds"),
        Cause("the server does not know the name of the link (sni)", why, "compare serverNames"),
        Cause("the clocks differ more than the server allows", why, "compare maxTimeDiff; timedatectl"),
    ]


def of_upgrade(server: Server, layer_fault: str, evidence: Sequence[Evidence]) -> list[Cause]:
    """WebSocket or gRPC fails."""
    connection = first_of(findings.CONNECTION, evidence)
    what = "gRPC" if connection and GRPC in connection.values else "WebSocket"
    if layer_fault == "status":
        return [
            Cause(
                "the path or the host of the link is wrong",
                f"the server answers, but accepts no {what} there",
                "compare path and host of the link with the server's configuration",
            ),
            Cause(
                f"the web server in front of the proxy does not pass {what} on, or the proxy is stopped",
                "the status comes from a web server",
                "on the server: read the log of the web server",
            ),
        ]
    return of_other_protocol(server)


def of_secret(check: Check, server: Server, evidence: Sequence[Evidence]) -> list[Cause]:
    """The answer does not decrypt."""
    return _secret_causes(check, server, evidence, "the answer does not decrypt with it")


def of_silence(check: Check, server: Server, evidence: Sequence[Evidence]) -> list[Cause]:
    """A connection, and nothing through it."""
    connection = first_of(findings.CONNECTION, check.evidence)
    how = describe_own(connection) if connection else "nothing came back"
    wrong = first_of(findings.WRONG_SECRET, evidence)
    found: list[Cause] = []
    if wrong is None or wrong.values[0] == SAME:
        why = describe_own(wrong) if wrong else how
        found += _secret_causes(check, server, evidence, why)
    found.append(
        Cause(
            "the proxy cannot reach the page: its DNS, its route or its outbound",
            describe_own(wrong) if wrong and wrong.values[0] == OTHER else how,
            "on the server: curl -si http://www.gstatic.com/generate_204",
        )
    )
    found.append(_of_the_path(server, connection))
    passed = [each for each in check.stages if each.outcome is StageOutcome.PASSED]
    is_known = connection is not None and ACCEPTED in connection.values
    if not is_known and not any(each.name == WEBSOCKET or each.detail == VERIFIED for each in passed):
        found.append(
            Cause(
                "another service listens there, or the link is of another protocol",
                "nothing authentic came back",
                f"on the server: ss -ltnp | grep {server.endpoint.port}",
            )
        )
    if wrong and wrong.values[0] == OTHER:
        found.sort(key=lambda each: "cannot reach" not in each.cause)
    return found


def _of_the_path(server: Server, connection: ProtocolEvidence | None) -> Cause:
    """Censors and defences against active probing: what was reset was not swallowed."""
    fix = f"on the server: tcpdump -ni any tcp port {server.endpoint.port}"
    if connection and connection.values[0] in ("reset", "closed", "layer"):
        why = "firewalls and censors that recognise a protocol end its connections"
        return Cause("something on the path ends such connections", why, fix)
    why = "defences against active probing and censors look like this"
    return Cause("something on the path or on the server swallows the traffic of strangers", why, fix)


def _secret_causes(check: Check, server: Server, evidence: Sequence[Evidence], why: str) -> list[Cause]:
    """What must agree on both sides, without what experiments tried in vain."""
    word = secret_word(server)
    tried = {each.values[0] for each in of_kind(findings.TRIED, evidence)}
    found = [
        Cause(
            f"the {word} is wrong, or the user was removed",
            why,
            f"compare the {word} of the link with that of the server's configuration",
        )
    ]
    if server.protocol == _WITH_METHOD and "method" not in tried:
        found.append(
            Cause("the method is wrong", why, "compare the method of the link with that of the server")
        )
    if check.framing == findings.TIMESTAMPED and "clock" not in tried:
        found.append(Cause("the clocks differ too much", why, "on both machines: timedatectl"))
    return found


def of_found(server: Server, found: ProtocolEvidence, evidence: Sequence[Evidence]) -> list[Cause]:
    """What an experiment changed is the cause."""
    kind, value = (*found.values, "", "")[:2]
    why = describe_own(found)
    match kind:
        case "method":
            fix = f"write the method {value} into the link"
            return [Cause(f"the method is wrong: the server uses {value}", why, fix, proven=True)]
        case "clock":
            return [_clock_cause(value, why, evidence)]
        case "short-id":
            fix = "remove sid from the link, or compare it with shortIds"
            return [Cause("the short id of the link (sid) is wrong: none is accepted", why, fix, proven=True)]
        case "server-name":
            fix = f"write sni={value} into the link"
            return [Cause(f"the name in TLS is wrong: {value} is accepted", why, fix, proven=True)]
        case _:
            return [
                Cause("the path is wrong", why, "write the path of the server into the link", proven=True)
            ]


def _clock_cause(value: str, why: str, evidence: Sequence[Evidence]) -> Cause:
    offset = first_of(findings.CLOCK, evidence)
    whose = "the server's clock"
    fix = "on the server: timedatectl"
    shift = value
    if offset and offset.values[0] not in ("0", "-0"):
        whose, fix, shift = "this machine's clock", "timedatectl", offset.values[0]
    elif offset is None:
        whose, fix = "the clock of the server, or of this machine,", "on both machines: timedatectl"
    about = describe_shift(shift)
    return Cause(f"{whose} is wrong, about {about}", why, fix, proven=True)


def of_some_connections(server: Server) -> list[Cause]:
    """Some connections pass."""
    return [
        Cause(
            "the path blocks or loses some connections",
            "censors block a share of the connections that look random",
            f"wgmon-tui probe --count 20 {server.name}",
        ),
        Cause(
            "the server is overloaded, or limits connections of one address",
            "some connections pass and some do not",
            "on the server: ss -s; ulimit -n",
        ),
    ]


def of_stall(server: Server, fetch: InnerFetch) -> list[Cause]:
    """A page begins to come, then stops."""
    is_cut = fetch.fault in ("closed", "reset")
    return [
        Cause(
            f"the path {'ends' if is_cut else 'freezes'} connections after some kilobytes",
            f"the page begins to come, then {'the connection ends' if is_cut else 'nothing does'}",
            f"on the server: tcpdump -ni any tcp port {server.endpoint.port}",
        ),
        Cause(
            "the page itself stops in the middle",
            "a page that hangs looks the same",
            "fetch the page without the proxy",
        ),
    ]


def of_cut(server: Server, cut: FlowCut) -> list[Cause]:
    """A soak found that the flow stops."""
    return [
        Cause(
            "the path freezes connections after some kilobytes",
            f"{cut.size} bytes passed, then {cut.unanswered} requests got no answer",
            f"on the server: tcpdump -ni any tcp port {server.endpoint.port}",
        )
    ]


def of_udp(server: Server, found: ProtocolEvidence) -> list[Cause]:
    """TCP passes and UDP does not."""
    return [
        Cause(
            "the server does not relay UDP, or a firewall drops it",
            describe_own(found),
            "on the server: look for its option of UDP (ss-server -u)",
        ),
        Cause(
            "the name server does not answer the proxy",
            describe_own(found),
            f"on the server: dig @{found.values[0]} .",
        ),
    ]


def of_slowness(server: Server) -> list[Cause]:
    """The page came late."""
    return [
        Cause(
            "the proxy, the path to it or the page is slow",
            "the stages say which step took long",
            f"ping {server.endpoint.host}",
        )
    ]
