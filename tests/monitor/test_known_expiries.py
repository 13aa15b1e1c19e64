"""What is known of the ends of certificates and keys stays with the checks until it is seen again."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from wgmon_tui.checks.check import Check, Handshake
from wgmon_tui.checks.evidence import ProtocolEvidence, Silence
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.monitor.carried_evidence import carried_after, with_known_expiries
from wgmon_tui.monitor.expiries import expiries_after
from wgmon_tui.monitor.models import Round
from wgmon_tui.net.addresses import Endpoint

CHECK = Check("vpn", "local", Endpoint("vpn", 1194), ip_address("192.0.2.1"), 0.0, None)
SERVER = Expires("server certificate", "vpn.example.net", 5000.0)
CLIENT = Expires("client certificate", "monitor", 6000.0)


def test_a_check_that_saw_no_certificate_has_those_of_the_last_one_that_did() -> None:
    deep = replace(CHECK, evidence=(SERVER, CLIENT))
    shallow = with_known_expiries(CHECK, carried_after((), deep))
    assert set(shallow.evidence) == {SERVER, CLIENT}


def test_they_stay_through_checks_that_fail() -> None:
    carried = carried_after((), replace(CHECK, evidence=(SERVER,)))
    for _ in range(3):
        failed = with_known_expiries(replace(CHECK, evidence=(Silence(5.0),)), carried)
        carried = carried_after(carried, failed)
    assert SERVER in carried


def test_a_new_certificate_replaces_the_one_of_its_kind_only() -> None:
    renewed = replace(SERVER, name="new.example.net", at=9000.0)
    carried = carried_after((), replace(CHECK, evidence=(SERVER, CLIENT)))
    seen = with_known_expiries(replace(CHECK, evidence=(renewed,)), carried)
    assert set(seen.evidence) == {renewed, CLIENT}
    assert set(carried_after(carried, seen)) == {renewed, CLIENT}


def test_a_check_that_succeeded_has_seen_all_that_are_left() -> None:
    carried = carried_after((), replace(CHECK, evidence=(SERVER, CLIENT)))
    seen = with_known_expiries(replace(CHECK, handshake=Handshake(0.1), evidence=(SERVER,)), carried)
    assert seen.evidence == (SERVER,)


def test_a_control_plane_that_answered_has_told_all_that_are_left() -> None:
    nodes = ProtocolEvidence("headscale", "nodes", ("1", "1", "0"))
    answered = replace(CHECK, handshake=Handshake(0.1), evidence=(nodes,))
    assert with_known_expiries(answered, [CLIENT]).evidence == (nodes, CLIENT)
    assert with_known_expiries(replace(answered, protocol="headscale"), [CLIENT]).evidence == (nodes,)


def test_a_control_plane_of_which_a_part_could_not_be_read_may_have_more() -> None:
    nodes = ProtocolEvidence("headscale", "nodes", ("1", "1", "0"))
    for kind in ("unread", "drift"):
        evidence = (nodes, ProtocolEvidence("headscale", kind, ()))
        part = replace(CHECK, handshake=Handshake(0.1), evidence=evidence, protocol="headscale")
        assert CLIENT in with_known_expiries(part, [CLIENT]).evidence


def test_a_refused_token_loses_no_end_but_that_of_the_certificate_that_was_seen() -> None:
    renewed = replace(SERVER, at=9000.0)
    refused = replace(CHECK, protocol="headscale", evidence=(renewed,))
    outcome = Round((refused,), (Diagnosis(Verdict.API_FAILED, ""),))
    assert expiries_after([SERVER, CLIENT], outcome) == (CLIENT, renewed)


def test_the_old_certificate_of_one_address_is_not_hidden_by_the_new_one_of_another() -> None:
    renewed = replace(SERVER, at=9000.0)
    outcome = Round(
        (replace(CHECK, evidence=(renewed,)), replace(CHECK, evidence=(SERVER,))),
        (Diagnosis(Verdict.HEALTHY, ""), Diagnosis(Verdict.HEALTHY, "")),
    )
    assert expiries_after((), outcome) == (SERVER,)


def test_a_check_of_which_nothing_is_known_stays_as_it_is() -> None:
    assert with_known_expiries(CHECK, ()) is CHECK
