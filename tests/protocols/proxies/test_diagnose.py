"""The diagnosis of proxies: a row for each verdict, and for each cause that evidence disproves."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from wgmon_tui.checks.check import Check, Handshake
from wgmon_tui.checks.context_evidence import NeighboursFailed
from wgmon_tui.checks.evidence import Evidence, FlowCut, NameUnresolved, ProtocolEvidence, Soak, WitnessProbed
from wgmon_tui.checks.fetch_evidence import FetchFault, InnerFetch
from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.checks.stage import REACH, TLS, WEBSOCKET, Stage, StageOutcome
from wgmon_tui.checks.verdict import Diagnosis, Severity, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.proxies import findings

FIRST, SECOND = "http://one.example/ status=204", "http://two.example/ status=204"
ENDPOINT = Endpoint("proxy.example", 8388)


def server_of(protocol: str = "shadowsocks") -> Server:
    return Server(name="p", endpoint=ENDPOINT, protocol=protocol)


def own(kind: str, *values: str) -> ProtocolEvidence:
    return ProtocolEvidence("shadowsocks", kind, values)


def page(target: str = FIRST, fault: FetchFault | None = None, status: int | None = None) -> InnerFetch:
    return InnerFetch(target, None, fault, connected=0.01, status=status, ended=0.2)


def connection(fault: str, layer: str = "", layer_fault: str = "", reason: str = "") -> ProtocolEvidence:
    return own(findings.CONNECTION, fault, layer, layer_fault, reason)


def direct(*words: str) -> list[ProtocolEvidence]:
    targets = (FIRST, SECOND)
    return [
        own(findings.DIRECT, target, word, "204" if word == findings.OK else "", "")
        for target, word in zip(targets, words, strict=True)
    ]


def diagnose(
    *evidence: Evidence,
    rtt: float | None = None,
    protocol: str = "shadowsocks",
    recent: tuple[float | None, ...] = (),
) -> Diagnosis:
    address = ip_address("192.0.2.1")
    check = Check("p", "local", ENDPOINT, address, 0.0, Handshake(rtt) if rtt else None, protocol=protocol)
    check = replace(check, evidence=evidence)
    return find_protocol(protocol).diagnose(check, server_of(protocol), recent)


RESET = (page(fault="reset"), connection("reset"))
CLOSED = (page(fault="closed"), connection("closed"))
SILENT = (page(fault="no-response"), connection("no-response"))
WELL, DEAD = direct("ok", "ok"), direct("silent", "silent")


@pytest.mark.parametrize(
    ("expected", "evidence", "rtt"),
    [
        (Verdict.HEALTHY, (page(status=204),), 0.1),
        (Verdict.SLOW, (page(status=204),), 30.0),
        (Verdict.DIES_AFTER, (page(status=204), FlowCut(8, 16000, 1.0, 4)), 0.1),
        (Verdict.INNER_DEAD, (page(status=204), own(findings.UDP, "9.9.9.9", "silent")), 0.1),
        (Verdict.WRONG_PROTOCOL, (page(status=200), own(findings.WRONG_SECRET, "same", "ok")), None),
        (Verdict.DNS_FAILURE, (NameUnresolved("proxy.example", "no such name"),), None),
        (Verdict.TARGET_DOWN, (*RESET, *direct("silent", "ok"), page(SECOND, None, 204)), 0.1),
        (Verdict.INNER_DEAD, (*RESET, *WELL, page(SECOND, None, 204)), 0.1),
        (Verdict.LOSSY, (*RESET, *WELL, page(SECOND, None, 204), own(findings.REPEATED, "5", "5")), 0.1),
        (Verdict.INNER_DEAD, (*RESET, *WELL, page(SECOND, None, 204), own(findings.REPEATED, "0", "5")), 0.1),
        (Verdict.PROXY_DOWN, (*RESET, *WELL, page(SECOND, "reset")), None),
        (Verdict.PROXY_DOWN, (*SILENT, *WELL, page(SECOND, "no-response")), None),
        (Verdict.PROXY_DOWN, (*RESET, *WELL), 0.1),
        (Verdict.TARGET_DOWN, (*RESET, *DEAD), 0.1),
        (Verdict.SILENT, (*SILENT, *DEAD), None),
        (Verdict.LOCAL_FAULT, (page(fault="silent"), connection("silent"), *DEAD), None),
        (Verdict.SILENT, (page(fault="silent"), connection("silent"), *WELL), None),
        (Verdict.UNREACHABLE, (page(fault="silent"), connection("unreachable"), *WELL), None),
        (Verdict.PORT_CLOSED, (page(fault="refused"), connection("refused"), *WELL), None),
        (
            Verdict.WRONG_PROTOCOL,
            (page(fault="not-http"), connection("layer", "x", "not-authentic", "no")),
            None,
        ),
        (Verdict.WRONG_PROTOCOL, (page(fault="not-http"), connection("layer", "x", "malformed", "no")), None),
        (Verdict.WRONG_PROTOCOL, (page(fault="not-http"), connection("not-http")), None),
        (
            Verdict.BAD_CERTIFICATE,
            (page(fault="tls"), connection("layer", "tls", "certificate", "certificate has expired")),
            None,
        ),
        (
            Verdict.WRONG_PROTOCOL,
            (page(fault="not-http"), connection("layer", "websocket", "status", "404")),
            None,
        ),
        (Verdict.CIPHER_MISMATCH, (*RESET, *WELL, own(findings.FOUND, "method", "aes-256-gcm")), None),
        (Verdict.AUTH_FAILED, (*RESET, *WELL, own(findings.FOUND, "clock", "3600")), None),
        (Verdict.LOSSY, (*RESET, *WELL, own(findings.REPEATED, "2", "5")), None),
        (Verdict.DIES_AFTER, (replace(page(fault="stalled"), size=16000, status=200), *WELL), 0.1),
    ],
)
def test_each_verdict(expected: Verdict, evidence: tuple[Evidence, ...], rtt: float | None) -> None:
    found = diagnose(*evidence, rtt=rtt)
    assert found.verdict is expected
    assert found.causes or found.verdict is Verdict.HEALTHY
    assert len(found.evidence) == len(evidence)


@pytest.mark.parametrize("evidence", [RESET, SILENT, (page(fault="status", status=200),), (page(),)])
def test_nothing_is_green_without_a_proof(evidence: tuple[Evidence, ...]) -> None:
    same = own(findings.WRONG_SECRET, "same", "ok")
    assert diagnose(*evidence, *WELL, same).verdict.severity is not Severity.UP


def test_a_clock_that_differs_from_the_pages_too_is_a_fault_of_this_machine() -> None:
    found = diagnose(*RESET, *WELL, own(findings.CLOCK, "-7200"), own(findings.FOUND, "clock", "7200"))
    assert found.verdict is Verdict.LOCAL_FAULT
    assert found.causes[0].proven
    assert "this machine's clock" in found.causes[0].cause


def test_a_method_that_experiments_tried_in_vain_is_no_cause() -> None:
    assert "the method is wrong" in [each.cause for each in diagnose(*RESET, *WELL).causes]
    tried = diagnose(*RESET, *WELL, own(findings.TRIED, "method", "3"))
    assert "the method is wrong" not in [each.cause for each in tried.causes]


def test_a_secret_is_no_cause_if_a_wrong_one_ends_in_another_way() -> None:
    found = diagnose(*RESET, *WELL, own(findings.WRONG_SECRET, "other", "no-response"))
    assert "cannot reach the page" in found.causes[0].cause
    assert not [each for each in found.causes if "password" in each.cause]


REFUSED = (page(fault="tls"), connection("layer", "reality", "refused", "the server shows a site"))


def causes_of_refusal(*evidence: Evidence) -> list[str]:
    return [each.cause for each in diagnose(*REFUSED, *WELL, *evidence, protocol="vless").causes]


def test_what_experiments_with_reality_tried_in_vain_is_no_cause_and_a_clock_ranks_last() -> None:
    tried = [own(findings.TRIED, kind, "2") for kind in ("client-version", "clock")]
    assert len(causes_of_refusal()) == 5
    assert "the server refuses the version of this client" in causes_of_refusal()
    found = causes_of_refusal(*tried)
    assert "the server refuses the version of this client" not in found
    assert "public key" in found[0]
    assert found[-1] == "the clocks differ by an unusual amount"


def test_a_missing_key_share_is_the_first_cause_where_the_library_cannot_make_it() -> None:
    assert "X25519MLKEM768" not in causes_of_refusal()[0]
    assert "X25519MLKEM768" in causes_of_refusal(own(findings.NO_MLKEM))[0]


@pytest.mark.parametrize(
    ("values", "verdict", "word"),
    [
        (("client-version", "255.255.255"), Verdict.AUTH_FAILED, "refuses the version"),
        (("key-share", "X25519"), Verdict.CIPHER_MISMATCH, "cannot follow its site"),
        (("short-id", "none"), Verdict.AUTH_FAILED, "short id"),
        (("clock", "3600"), Verdict.AUTH_FAILED, "clock"),
    ],
)
def test_a_change_that_reality_accepts_is_the_proven_cause(
    values: tuple[str, str], verdict: Verdict, word: str
) -> None:
    found = diagnose(*REFUSED, *WELL, own(findings.FOUND, *values), protocol="vless")
    assert found.verdict is verdict
    (cause,) = found.causes
    assert cause.proven
    assert word in cause.cause


@pytest.mark.parametrize(
    ("values", "word"),
    [
        (("flow", "none"), "this user of the server has none"),
        (("flow", "xtls-rprx-vision"), "has the flow xtls-rprx-vision"),
        (("transport", "none"), "has no such transport"),
    ],
)
def test_a_change_of_the_link_that_helps_is_the_proven_cause(values: tuple[str, str], word: str) -> None:
    found = diagnose(*SILENT, *WELL, own(findings.FOUND, *values), protocol="vless")
    assert found.verdict is Verdict.WRONG_PROTOCOL
    (cause,) = found.causes
    assert cause.proven
    assert word in cause.cause


def test_a_clock_that_was_shifted_in_vain_stays_the_last_cause_of_a_method_with_timestamps() -> None:
    address = ip_address("192.0.2.1")
    check = Check("p", "local", ENDPOINT, address, 0.0, None, protocol="shadowsocks", framing="timestamped")
    check = replace(check, evidence=(*RESET, *WELL, own(findings.TRIED, "clock", "52")))
    found = find_protocol("shadowsocks").diagnose(check, server_of(), ())
    assert found.causes[-1].cause == "the clocks differ by an unusual amount"
    assert not [each for each in found.causes if each.cause == "the clocks differ too much"]


def test_a_server_of_tls_is_not_that_of_a_link_without_tls() -> None:
    found = diagnose(*SILENT, *WELL, own(findings.TLS_SERVER), protocol="shadowsocks")
    assert found.verdict is Verdict.WRONG_PROTOCOL
    (cause,) = found.causes
    assert cause.proven
    assert "has TLS" in cause.cause


@pytest.mark.parametrize(("protocol", "count"), [("shadowsocks", 1), ("vmess", 1), ("vless", 2)])
def test_a_web_server_is_not_the_proxy_unless_the_protocol_has_a_fallback(protocol: str, count: int) -> None:
    found = diagnose(*SILENT, *WELL, own(findings.WEB_SERVER, "400"), protocol=protocol)
    assert found.verdict is Verdict.WRONG_PROTOCOL
    assert len(found.causes) == count
    assert found.causes[0].proven is (count == 1)


@pytest.mark.parametrize(("fault", "first"), [(RESET, "the path blocks"), (CLOSED, "passes that name on")])
def test_a_name_alone_without_an_answer_is_blocked_or_goes_to_a_stopped_proxy(
    fault: tuple[Evidence, ...], first: str
) -> None:
    found = diagnose(
        *fault, *WELL, own(findings.FOUND, findings.OTHER_NAME, "www.example.com"), protocol="vless"
    )
    assert found.verdict is Verdict.PROXY_DOWN
    assert first in found.causes[0].cause
    assert len(found.causes) == 2
    assert not any(each.proven for each in found.causes)


@pytest.mark.parametrize("stage", [TLS, WEBSOCKET])
def test_what_ends_before_the_request_is_no_fault_of_the_secret_or_the_page(stage: str) -> None:
    address = ip_address("192.0.2.1")
    check = Check("p", "local", ENDPOINT, address, 0.0, None, protocol="vless")
    stages = (Stage(REACH, StageOutcome.PASSED), Stage(stage, StageOutcome.FAILED))
    check = replace(check, evidence=(*RESET, *WELL), stages=stages)
    found = find_protocol("vless").diagnose(check, server_of("vless"), ())
    assert found.verdict is Verdict.PROXY_DOWN
    assert "on the path" in found.causes[0].cause
    assert not [each for each in found.causes if "user id" in each.cause or "the page" in each.cause]


def test_three_separate_failures_among_the_recent_checks_are_a_loss() -> None:
    recent = (0.1, None, 0.1, None, None, 0.1, None)
    assert diagnose(page(status=204), rtt=0.1, recent=recent).verdict is Verdict.LOSSY
    assert diagnose(page(status=204), rtt=0.1, recent=recent[:4]).verdict is Verdict.HEALTHY


@pytest.mark.parametrize("protocol", ["shadowsocks", "vmess", "vless", "trojan"])
def test_all_evidence_has_words(protocol: str) -> None:
    kinds = [value for name, value in vars(findings).items() if name.isupper() and isinstance(value, str)]
    for kind in kinds:
        for values in ((), ("1",), ("clock", "x"), ("a", "b", "c", "d", "e"), ("\x1b[31m",) * 5):
            text = find_protocol(protocol).describe_evidence(ProtocolEvidence(protocol, kind, values))
            assert text
            assert "\x1b" not in text


def test_a_certificate_that_the_link_does_not_verify_is_named_beside_healthy() -> None:
    facts = own(findings.CERTIFICATE, "TLSv1.3", "", "proxy.example", "2000000000", "CN=x", "unverified")
    found = diagnose(page(status=204), facts, rtt=0.1)
    assert found.verdict is Verdict.HEALTHY
    assert "the link accepts any certificate" in found.summary


def test_a_signature_that_the_link_asks_for_and_no_check_verifies_is_named_beside_healthy() -> None:
    found = diagnose(page(status=204), own(findings.NO_MLDSA), rtt=0.1)
    assert found.verdict is Verdict.HEALTHY
    assert "ML-DSA-65" in found.summary


def test_a_reset_is_not_called_swallowed() -> None:
    swallowed = "something on the path or on the server swallows the traffic of strangers"
    assert swallowed in [each.cause for each in diagnose(*SILENT, *WELL).causes]
    assert swallowed not in [each.cause for each in diagnose(*RESET, *WELL).causes]


def test_one_silent_page_beside_a_silent_proxy_does_not_prove_that_the_uplink_is_down() -> None:
    found = diagnose(page(fault="silent"), connection("silent"), DEAD[0])
    assert found.verdict is Verdict.SILENT
    assert "this machine or its uplink" in [each.cause for each in found.causes]


def test_a_link_that_names_another_endpoint_is_a_cause_unless_another_one_is_proven() -> None:
    moved, elsewhere = "the server moved, and the entry has its old endpoint", own(findings.ELSEWHERE)
    closed: tuple[Evidence, ...] = (page(fault="refused"), connection("refused"), *WELL)
    assert moved in [each.cause for each in diagnose(*closed, elsewhere).causes]
    assert moved not in [each.cause for each in diagnose(*closed).causes]
    proven = own(findings.FOUND, "path", "/")
    assert moved not in [each.cause for each in diagnose(*RESET, *WELL, proven, elsewhere).causes]


@pytest.mark.parametrize("fault", ["reset", "closed"])
def test_a_page_that_is_cut_in_the_middle_is_no_strange_page(fault: FetchFault) -> None:
    cut = replace(page(fault=fault), size=18000, status=200)
    found = diagnose(cut, *WELL, own(findings.WRONG_SECRET, "other", "reset"))
    assert found.verdict is Verdict.DIES_AFTER
    assert f"the connection is {fault} after 18000 bytes" in found.summary
    assert found.causes[0].cause == "the path ends connections after some kilobytes"


def test_a_soak_says_how_far_it_came_and_what_it_did_not_test() -> None:
    text = " ".join(diagnose(page(status=204), Soak(400, 400, 130_000, 2.0), rtt=0.1).evidence)
    assert "400 requests answered on one connection, 130000 bytes in 2 s" in text
    text = " ".join(diagnose(page(status=204), Soak(1, 1, 300, 0.1), rtt=0.1).evidence)
    assert "the page ended it, so longer flows are not tested" in text
    assert "echo" not in text


def test_a_service_of_grpc_that_accepts_the_call_is_no_other_service() -> None:
    other = "another service listens there, or the link is of another protocol"
    ended = connection("layer", "grpc", "ended", "the server ends the call")
    accepted = connection("layer", "grpc", "ended", "the service is there, but the server ends the call")
    assert other in [each.cause for each in diagnose(RESET[0], ended, *WELL).causes]
    assert other not in [each.cause for each in diagnose(RESET[0], accepted, *WELL).causes]
    refused = diagnose(RESET[0], connection("layer", "grpc", "status", "the server answers 404"), *WELL)
    assert "WebSocket" not in " ".join(f"{each.cause} {each.why}" for each in refused.causes)
    assert "does not accept the call" in refused.summary


@pytest.mark.parametrize(
    ("proof", "verdict"),
    [
        (WitnessProbed("192.0.2.254", answered=True), Verdict.SILENT),
        (WitnessProbed("192.0.2.254", answered=False), Verdict.LOCAL_FAULT),
        (NeighboursFailed(ip_address("192.0.2.1"), 1, 2), Verdict.SILENT),
        (NeighboursFailed(ip_address("192.0.2.1"), 2, 2), Verdict.LOCAL_FAULT),
    ],
)
def test_an_uplink_through_which_something_answered_is_not_down(proof: Evidence, verdict: Verdict) -> None:
    found = diagnose(page(fault="silent"), connection("silent"), *DEAD, proof)
    assert found.verdict is verdict
    is_named = "this machine or its uplink" in [each.cause for each in found.causes]
    assert is_named is (verdict is Verdict.LOCAL_FAULT)


def test_a_web_site_is_not_said_to_answer_through_the_proxy() -> None:
    strange = page(fault="status", status=200)
    assert "through the proxy" in diagnose(strange, *WELL).summary
    found = diagnose(strange, *WELL, own(findings.WRONG_SECRET, "same", "status"))
    assert found.summary == "The server answers 200, also to a wrong secret: it is a web site, not the proxy."


def test_a_web_site_behind_the_tls_of_vless_gets_those_with_a_wrong_user_id() -> None:
    connection = own(findings.CONNECTION, "layer", "vless", "http", "the answer is one of HTTP")
    found = diagnose(RESET[0], connection, *WELL, protocol="vless")
    assert found.verdict is Verdict.WRONG_PROTOCOL
    named = [each.cause for each in found.causes]
    assert "user id is wrong" in named[0]
    assert any("expects WebSocket or gRPC" in each for each in named)
