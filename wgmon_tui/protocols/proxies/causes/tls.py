"""Causes of a failure in TLS, WebSocket or gRPC, below the proxy protocol."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.evidence import Evidence
from wgmon_tui.checks.verdict import Cause
from wgmon_tui.config.models import Server
from wgmon_tui.protocols.proxies import findings
from wgmon_tui.protocols.proxies.causes.secret import of_other_protocol
from wgmon_tui.protocols.proxies.findings import first_of
from wgmon_tui.protocols.proxies.grpc_layer import NAME as GRPC
from wgmon_tui.protocols.proxies.words import describe_own


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


def of_upgrade(server: Server, layer_fault: str, evidence: Sequence[Evidence]) -> list[Cause]:
    """WebSocket or gRPC fails."""
    connection = first_of(findings.CONNECTION, evidence)
    is_grpc = connection is not None and GRPC in connection.values
    what, place = ("gRPC", "service name") if is_grpc else ("WebSocket", "path")
    if layer_fault == "status":
        return [
            Cause(
                f"the {place} or the host of the link is wrong",
                f"the server answers, but accepts no {what} there",
                f"compare {place} and host of the link with the server's configuration",
            ),
            Cause(
                f"the web server in front of the proxy does not pass {what} on, or the proxy is stopped",
                "the status comes from a web server",
                "on the server: read the log of the web server",
            ),
        ]
    return of_other_protocol(server)
