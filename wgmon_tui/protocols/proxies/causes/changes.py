"""Causes of what an experiment changed to get an answer: most of them are proven by it."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.evidence import Evidence, ProtocolEvidence
from wgmon_tui.checks.verdict import Cause
from wgmon_tui.protocols.proxies import findings
from wgmon_tui.protocols.proxies.causes.clock import of_found_clock
from wgmon_tui.protocols.proxies.findings import first_of
from wgmon_tui.protocols.proxies.words import describe_own


def of_found(found: ProtocolEvidence, evidence: Sequence[Evidence]) -> list[Cause]:
    """What an experiment changed is the cause."""
    kind, value = (*found.values, "", "")[:2]
    why = describe_own(found)
    match kind:
        case "method":
            fix = f"write the method {value} into the link"
            return [Cause(f"the method is wrong: the server uses {value}", why, fix, proven=True)]
        case "clock":
            return [of_found_clock(value, why, evidence)]
        case "short-id":
            fix = "remove sid from the link, or compare it with shortIds"
            return [Cause("the short id of the link (sid) is wrong: none is accepted", why, fix, proven=True)]
        case "server-name":
            fix = f"write sni={value} into the link"
            return [Cause(f"the name in TLS is wrong: {value} is accepted", why, fix, proven=True)]
        case findings.OTHER_NAME:
            return _of_other_name(why, evidence)
        case "client-version":
            cause = f"the server refuses the version that clients claim, and accepts {value}"
            fix = "compare minClientVer and maxClientVer of the server with its clients"
            return [Cause(cause, why, fix, proven=True)]
        case "key-share":
            cause = "the server cannot follow its site to X25519MLKEM768, as Xray before 25.5.16 cannot"
            return [Cause(cause, why, "update the server, or imitate another site", proven=True)]
        case "flow":
            return [_of_flow(value, why)]
        case "transport":
            cause = "the link has WebSocket, HTTP Upgrade or gRPC, and the server has no such transport"
            return [
                Cause(
                    cause,
                    why,
                    "remove type from the link, or compare it with network of the server",
                    proven=True,
                )
            ]
        case _:
            return [
                Cause("the path is wrong", why, "write the path of the server into the link", proven=True)
            ]


def _of_flow(value: str, why: str) -> Cause:
    """Servers refuse a user with another flow than they have for it."""
    if value == "none":
        cause, fix = "the link has a flow, and this user of the server has none", "remove flow from the link"
    else:
        cause, fix = f"this user of the server has the flow {value}", f"write flow={value} into the link"
    return Cause(cause, why, fix, proven=True)


def _of_other_name(why: str, evidence: Sequence[Evidence]) -> list[Cause]:
    """One name gets an answer of TLS, and that of the link does not. Censors mostly reset connections."""
    blocked = Cause(
        "the path blocks the name in TLS (sni) of the link",
        why,
        "use another name, or compare from another network",
    )
    routed = Cause(
        "the server passes that name on to a proxy that is stopped",
        "a router of names (nginx, HAProxy) answers other names itself",
        "on the server: read the log of what listens on the port, and start the proxy behind it",
    )
    connection = first_of(findings.CONNECTION, evidence)
    is_closed = connection is not None and connection.values[0] == "closed"
    return [routed, blocked] if is_closed else [blocked, routed]
