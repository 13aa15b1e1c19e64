"""Causes of an answer that proves nothing: the secret, the clock, or another service."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import Evidence, ProtocolEvidence
from wgmon_tui.checks.stage import TLS, WEBSOCKET, StageOutcome
from wgmon_tui.checks.verdict import Cause
from wgmon_tui.config.models import Server
from wgmon_tui.protocols.proxies import findings
from wgmon_tui.protocols.proxies.causes.clock import is_clock_tried, of_untried_clock
from wgmon_tui.protocols.proxies.findings import OTHER, SAME, first_of, of_kind
from wgmon_tui.protocols.proxies.grpc_layer import ACCEPTED
from wgmon_tui.protocols.proxies.reality.words import VERIFIED
from wgmon_tui.protocols.proxies.words import describe_own

_SECRETS = {
    "shadowsocks": "password",
    "trojan": "password",
    "vmess": "user id",
    "vless": "user id",
}
_WITH_METHOD = "shadowsocks"
_WITH_REALITY = _WITH_FALLBACK = "vless"
_COMPARE_CLOCKS = "on both machines: timedatectl"


def secret_word(server: Server) -> str:
    """What the secret of this protocol is called."""
    return _SECRETS.get(server.protocol, "secret")


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


def of_web_site(server: Server) -> list[Cause]:
    """A web site answers behind the TLS of the proxy: it gets strangers, and links without a type."""
    first, *others = of_fallback(server)
    fix = "compare type of the link with network of the server"
    why = "a web server there passes WebSocket and gRPC on to the proxy, and answers everything else itself"
    return [first, Cause("the server expects WebSocket or gRPC, and the link has neither", why, fix), *others]


def of_web_server(server: Server, found: ProtocolEvidence) -> list[Cause]:
    """A web server answers a plain request. Only VLESS passes strangers on to one without TLS."""
    if server.protocol == _WITH_FALLBACK:
        return of_fallback(server)
    fix = f"on the server: ss -ltnp | grep {server.endpoint.port}"
    why = describe_own(found)
    cause = "a web server listens on that port, or a proxy behind WebSocket or gRPC, which the link has not"
    return [Cause(cause, why, fix, proven=True)]


def of_tls_server(server: Server, found: ProtocolEvidence) -> list[Cause]:
    """A server of TLS answers, and the link has no TLS."""
    if server.protocol == _WITH_FALLBACK:
        return of_fallback(server)
    fix = f"on the server: ss -ltnp | grep {server.endpoint.port}"
    cause = "the server there has TLS, and the link has none: it is a link of another server, or damaged"
    return [Cause(cause, describe_own(found), fix, proven=True)]


def of_other_protocol(
    server: Server, why: str = "the server's first bytes are none of this protocol"
) -> list[Cause]:
    """The answer is of another protocol, or there is none."""
    return [
        Cause(
            "another service listens there, or the link is of another protocol",
            why,
            f"on the server: ss -ltnp | grep {server.endpoint.port}",
        )
    ]


def of_secret(check: Check, server: Server, evidence: Sequence[Evidence]) -> list[Cause]:
    """The answer does not decrypt."""
    return _secret_causes(check, server, evidence, "the answer does not decrypt with it")


def of_silence(check: Check, server: Server, evidence: Sequence[Evidence]) -> list[Cause]:
    """A connection, and nothing through it."""
    connection = first_of(findings.CONNECTION, check.evidence)
    how = describe_own(connection) if connection else "nothing came back"
    failed = check.failed_stage
    if failed and failed.name in (TLS, WEBSOCKET):
        return _before_the_secret(server, connection, failed.name, how)
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
        found += of_other_protocol(server, "nothing authentic came back")
    if check.framing == findings.TIMESTAMPED and is_clock_tried(evidence):
        found.append(of_untried_clock(evidence, how, _COMPARE_CLOCKS))
    if wrong and wrong.values[0] == OTHER:
        found.sort(key=lambda each: "cannot reach" not in each.cause)
    return found


def _before_the_secret(
    server: Server, connection: ProtocolEvidence | None, stage: str, how: str
) -> list[Cause]:
    """The connection ends before the request was sent: neither the secret nor the page has a part in it."""
    found = [_of_the_path(server, connection)]
    if stage == TLS and server.protocol == _WITH_REALITY:
        fix = "on the server: curl -sI https://NAME"
        found.append(Cause("with REALITY: the server cannot reach the site that it imitates", how, fix))
    return [*found, *of_other_protocol(server, "nothing came back before the request was sent")]


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
    if check.framing == findings.TIMESTAMPED and not is_clock_tried(evidence):
        found.append(of_untried_clock(evidence, why, _COMPARE_CLOCKS))
    return found
