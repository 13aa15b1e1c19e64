"""The evidence of a check of a proxy in words."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.evidence import Evidence, FlowCut, ProtocolEvidence, Soak
from wgmon_tui.checks.evidence_text import describe_evidence
from wgmon_tui.checks.fetch_evidence import InnerFetch
from wgmon_tui.checks.fetch_text import describe_fault, describe_fetch, url_of
from wgmon_tui.protocols.proxies import findings
from wgmon_tui.protocols.proxies.findings import OK, SAME, UNVERIFIED
from wgmon_tui.text import format_count, format_elapsed, format_list, format_rtt, printable

_BEFORE_THE_PAGE = {
    "unresolved": "its name does not resolve",
    "unreachable": "the path reports that it cannot be reached",
    "refused": "the port refuses connections",
    "silent": "no connection within the timeout",
    "reset": "the connection is reset before an answer",
    "closed": "the connection is closed before an answer",
    "no-response": "the connection stays silent",
}
_LONG_SHIFT_S = 600.0
"""Shifts from here on are told in whole minutes."""

FLOW_BYTES = 32 * 1024
"""Bytes of a soak that exclude a path which freezes after 16 to 20 kB."""

_CHANGES = {
    "method": "the method",
    "clock": "the clock",
    "server-name": "the name in TLS",
    findings.OTHER_NAME: "another name in TLS,",
    "short-id": "the short id",
    "path": "the path",
    "flow": "the flow",
    "transport": "the transport",
    "client-version": "the client version",
    "key-share": "the key share",
}


def describe(evidence: Evidence) -> str:
    """Say in one line what evidence of a proxy is."""
    match evidence:
        case InnerFetch(fault=None):
            return f"through the proxy {describe_fetch(evidence)}"
        case InnerFetch():
            return f"through the proxy {url_of(evidence)} {_describe_fault(evidence)}"
        case FlowCut(packets, size, _, unanswered):
            return (
                f"{format_count(packets, 'message')} passed on one connection ({size} bytes), "
                f"then {format_count(unanswered, 'request')} got no answer"
            )
        case Soak():
            return _describe_soak(evidence)
        case _:
            return describe_evidence(evidence)


def _describe_soak(soak: Soak) -> str:
    if not soak.received:
        return "the soak could not run: no page came on a connection that stays open"
    passed = f"soak: {format_count(soak.received, 'request')} answered on one connection, {soak.size} bytes"
    if soak.size < FLOW_BYTES:
        return f"{passed}; then the page ended it, so longer flows are not tested"
    return f"{passed} in {format_elapsed(soak.lasted)}"


def _describe_fault(fetch: InnerFetch) -> str:
    if fetch.fault in _BEFORE_THE_PAGE and fetch.status is None:
        return f"does not arrive: {_BEFORE_THE_PAGE[fetch.fault]}"
    if fetch.fault == "tls" and fetch.connected is not None and fetch.encrypted is None:
        return f"does not arrive: {fetch.reason}"
    return describe_fault(fetch)


def describe_own(evidence: ProtocolEvidence) -> str:
    """Say in one line what evidence that only proxies have is. Values may come from another machine."""
    values = [*map(printable, evidence.values), *[""] * 6]
    took = f" in {format_rtt(evidence.at)}" if evidence.at is not None else ""
    match evidence.kind:
        case findings.CONNECTION:
            return f"the proxy: {describe_connection(evidence)}{took and ' after' + took[3:]}"
        case findings.CERTIFICATE:
            names = format_list(values[2].split(", "))
            unverified = ", not verified, as the link says" if values[5] == UNVERIFIED else ""
            return f"{values[0]}; its certificate is for {names}{unverified}"
        case findings.NO_MLDSA:
            return "the link asks for a signature of ML-DSA-65 (pqv), which a check does not verify"
        case findings.DIRECT:
            return f"without the proxy {values[0].partition(' ')[0]} {_describe_direct(values)}"
        case findings.WRONG_SECRET:
            return _describe_wrong_secret(values)
        case findings.EXIT:
            return f"the proxy sends from {values[0]}" if values[0] else "no page tells the exit address"
        case findings.UDP:
            answer = f"answered{took}" if values[1] == OK else f"did not answer: {values[1]}"
            return f"over UDP through the proxy the name server {values[0]} {answer}"
        case findings.CLOCK:
            return _describe_clock(values[0], "this machine's clock", "the pages that it fetched")
        case findings.ELSEWHERE:
            return "the link names another host or port than servers.toml"
        case findings.SERVER_CLOCK:
            return _describe_clock(values[0], "the server's clock", "this machine's")
        case _:
            return _describe_experiment(evidence.kind, values)


def describe_connection(evidence: ProtocolEvidence) -> str:
    """Say how the first fetch ended, if no page came."""
    fault, _, _, reason = (*map(printable, evidence.values), "", "", "", "")[:4]
    return reason or _BEFORE_THE_PAGE.get(fault, fault)


def describe_change(values: Sequence[str]) -> str:
    """What an experiment changed to get an answer: its kind and its value."""
    kind, value = (*map(printable, values), "", "")[:2]
    if kind == "clock":
        return f"with timestamps {describe_shift(value)}"
    return f"with {_CHANGES.get(kind, kind)} {value}"


def describe_shift(seconds: str) -> str:
    """Say how far a clock is shifted: `1 h ahead`."""
    try:
        shift = float(seconds)
    except ValueError:
        return seconds
    rounded = round(shift / 60) * 60 if abs(shift) >= _LONG_SHIFT_S else shift
    return f"{format_elapsed(abs(rounded))} {'ahead' if shift > 0 else 'behind'}"


def _describe_direct(values: list[str]) -> str:
    if values[1] == OK:
        return f"answers {values[2]}" if values[2] else "answers"
    if values[1] == "status":
        return f"answers {values[2]}, which is not expected"
    return _BEFORE_THE_PAGE.get(values[1], f"fails: {values[1]}")


def _describe_wrong_secret(values: list[str]) -> str:
    if values[0] == SAME:
        return "a request with a wrong secret ends in the same way"
    return f"a request with a wrong secret ends in another way: {values[1]}"


def _describe_clock(seconds: str, whose: str, than: str) -> str:
    if seconds in ("0", "-0"):
        return f"{whose} agrees with {than}"
    return f"{whose} is {describe_shift(seconds)} of {than}"


def _describe_experiment(kind: str, values: list[str]) -> str:
    match kind:
        case findings.FOUND:
            return f"the same request {describe_change(values)} gets an answer"
        case findings.TRIED:
            what, count = _CHANGES.get(values[0], values[0]), values[1]
            number = int(count) if count.isdecimal() else 0
            return f"changing {what} did not help: {format_count(number, 'other value')} tried"
        case findings.REPEATED:
            return f"{values[0]} of {values[1]} further connections succeeded"
        case findings.NO_MLKEM:
            return "the library cryptography of this machine has no ML-KEM, so no X25519MLKEM768 is offered"
        case findings.TLS_SERVER:
            return "the port answers a ClientHello, as a server of TLS does"
        case findings.WEB_SERVER:
            return f"the port answers {values[0]} to a plain request of HTTP, as a web server does"
        case findings.NAMES:
            return f"the certificate of the server is for {format_list([each for each in values if each])}"
        case _:
            return f"{kind}: {', '.join(each for each in values if each)}"
