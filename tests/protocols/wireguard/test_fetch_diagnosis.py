"""The diagnosis of fetches through the tunnel."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from tests.protocols.wireguard.sample_evidence import SERVER, check
from wgmon_tui.checks.check import Handshake, Tunnel
from wgmon_tui.checks.evidence import Evidence, InnerEcho, PathMtu
from wgmon_tui.checks.fetch_evidence import FetchFault, InnerFetch
from wgmon_tui.checks.stage import FETCH, TUNNEL
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.config.http_targets import parse_http_target
from wgmon_tui.protocols.wireguard.diagnose import diagnose

URL = "http://10.8.0.5/health"
WITH_URL = replace(SERVER, tunnel_http=(parse_http_target(URL),))
FETCHED = InnerFetch(URL, ip_address("10.8.0.5"), None, None, 0.01, None, 0.02, 0.03, 200, 17)
WIDE = PathMtu(1420, 1420, None)


def diagnosis_of(*evidence: Evidence, standing: tuple[Evidence, ...] = ()) -> Diagnosis:
    echo = InnerEcho("10.8.0.1", 3, 3, 0.02)
    answered = check(echo, *evidence, handshake=Handshake(0.02))
    found = replace(answered, tunnel=Tunnel(3, 3, 0.02, 1420, passive=False))
    return diagnose(found, WITH_URL, (), standing)


def faulty(fault: FetchFault, **changes: object) -> InnerFetch:
    return replace(FETCHED, fault=fault, **changes)  # type: ignore[arg-type]


def test_a_url_that_was_fetched_is_named_in_the_proof() -> None:
    found = diagnosis_of(WIDE, FETCHED)
    assert found.verdict is Verdict.HEALTHY
    assert f"{URL} could be fetched" in found.summary


def test_a_url_that_no_check_has_fetched_makes_healthy_impossible() -> None:
    found = diagnosis_of(WIDE)
    assert found.verdict is Verdict.UNPROVEN
    assert f"{URL} was not fetched yet" in found.summary


def test_a_fetch_of_an_earlier_deep_check_counts() -> None:
    assert diagnosis_of(standing=(WIDE, FETCHED)).verdict is Verdict.HEALTHY
    assert diagnosis_of(standing=(WIDE, faulty("closed"))).verdict is Verdict.INNER_DEAD


def test_of_two_fetches_of_a_url_that_of_the_latest_check_counts() -> None:
    assert diagnosis_of(WIDE, FETCHED, standing=(faulty("closed"),)).verdict is Verdict.HEALTHY
    assert diagnosis_of(WIDE, faulty("closed"), standing=(FETCHED,)).verdict is Verdict.INNER_DEAD


@pytest.mark.parametrize(
    "fault", [faulty("closed"), faulty("slow"), faulty("stalled"), faulty("stalled", small_pass=True)]
)
def test_a_fetch_that_an_earlier_check_found_faulty_is_the_stage_that_failed(fault: InnerFetch) -> None:
    assert diagnosis_of(standing=(WIDE, fault)).failed_stage == FETCH
    assert diagnosis_of(standing=(PathMtu(1280, 1200, 1201), fault)).failed_stage == TUNNEL


def test_a_fetch_of_a_url_that_is_no_longer_set_says_nothing() -> None:
    other = replace(FETCHED, target="http://10.8.0.9/", fault="status", status=500)
    assert diagnosis_of(WIDE, FETCHED, other).verdict is Verdict.HEALTHY


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        *((each, Verdict.INNER_DEAD) for each in ("unresolved", "silent", "refused", "reset", "closed")),
        *((each, Verdict.INNER_DEAD) for each in ("tls", "not-http", "no-response", "status", "text")),
        ("slow", Verdict.SLOW),
        ("stalled", Verdict.TCP_STALLS),
    ],
)
def test_each_fault_has_its_verdict_and_a_cause(fault: FetchFault, verdict: Verdict) -> None:
    found = diagnosis_of(WIDE, faulty(fault))
    assert found.verdict is verdict
    assert found.causes
    assert URL in found.summary


def test_small_segments_tell_an_mtu_blackhole_from_a_stall() -> None:
    passing = diagnosis_of(WIDE, faulty("stalled", small_pass=True))
    assert passing.verdict is Verdict.MTU_BLACKHOLE
    assert [each.hypothesis for each in passing.causes] == ["segment-size"]
    failing = diagnosis_of(WIDE, faulty("stalled", small_pass=False))
    assert failing.verdict is Verdict.TCP_STALLS
    assert [each.hypothesis for each in failing.causes] == ["service-hung", "tcp-dropped"]
