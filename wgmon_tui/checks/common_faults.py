"""The diagnosis of what is no matter of one protocol: the name, this machine, a closed port."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import (
    AllSilent,
    Evidence,
    GatewaySilent,
    IcmpError,
    NameUnresolved,
    SocketError,
)
from wgmon_tui.checks.evidence_selection import first_of_kind
from wgmon_tui.checks.evidence_text import describe_evidence
from wgmon_tui.checks.icmp_errors import is_port_closed
from wgmon_tui.checks.starvation import blame_starvation, find_starvation
from wgmon_tui.checks.verdict import Cause, Diagnosis, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.net.platforms import PLATFORM
from wgmon_tui.text import format_count

Meaning = tuple[Verdict, str, Cause]


def diagnose_common_fault(
    check: Check, server: Server, standing: Sequence[Evidence] = ()
) -> Diagnosis | None:
    """Diagnose a check that got no answer, if the reason does not depend on the protocol."""
    evidence = (*check.evidence, *standing)
    found = None if check.handshake else _find_fault(evidence, server)
    if found is None:
        return None
    verdict, summary, cause = found
    failed = check.failed_stage
    texts = tuple(describe_evidence(each) for each in evidence)
    return Diagnosis(verdict, summary, texts, (cause,), failed.name if failed else "")


def _find_fault(evidence: Sequence[Evidence], server: Server) -> Meaning | None:
    if name := first_of_kind(NameUnresolved, evidence):
        summary = f"{name.host} does not resolve: {name.error}."
        if starved := find_starvation(evidence):  # stands beside it only if nothing answered in time
            return blame_starvation(starved, summary)
        return Verdict.DNS_FAILURE, summary, _name(server)
    if fault := first_of_kind(SocketError, evidence):
        return Verdict.LOCAL_FAULT, f"This machine could not send: {fault.name}.", _uplink(fault.name)
    if gateway := first_of_kind(GatewaySilent, evidence):
        summary = f"The gateway {gateway.gateway} of this machine does not answer."
        return Verdict.LOCAL_FAULT, summary, _uplink("no packet leaves this machine's network")
    if silent := first_of_kind(AllSilent, evidence):
        summary = f"{format_count(silent.servers, 'server')} fell silent at once: this machine's uplink."
        return Verdict.LOCAL_FAULT, summary, _uplink("all servers fell silent at the same time")
    return _find_icmp_error([each for each in evidence if isinstance(each, IcmpError)], server)


def _find_icmp_error(errors: Sequence[IcmpError], server: Server) -> Meaning | None:
    if any(is_port_closed(each) for each in errors):
        summary = f"Nothing listens on port {server.endpoint.port}: the server itself reports it."
        return Verdict.PORT_CLOSED, summary, _closed(server)
    if errors:
        cause = Cause(
            "a route or a firewall on the path",
            describe_evidence(errors[0]),
            f"ping {server.endpoint.host}; traceroute {server.endpoint.host}",
        )
        return Verdict.UNREACHABLE, "The network reports that the server cannot be reached.", cause
    return None


def _name(server: Server) -> Cause:
    host = server.endpoint.host
    return Cause("the DNS record, or the resolver of this machine", f"{host} has no address", f"dig {host}")


def _uplink(why: str) -> Cause:
    commands = PLATFORM.commands
    return Cause("this machine or its uplink", why, f"{commands.route_table}; {commands.firewall}")


def _closed(server: Server) -> Cause:
    return Cause(
        "the service is stopped, or listens on another port",
        f"the server answers that nothing listens on port {server.endpoint.port}",
        f"on the server: ss -lntup | grep {server.endpoint.port}",
        proven=True,
    )
