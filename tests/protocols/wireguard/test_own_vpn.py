"""A server that fails for this identity while an address inside its tunnel answers by another way."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from tests.protocols.wireguard.sample_evidence import SERVER, SILENCE, check
from wgmon_tui.checks.check import Check, Handshake, Tunnel
from wgmon_tui.checks.context_evidence import InnerAddressAnswered, ServerOnInterface
from wgmon_tui.checks.evidence import Evidence, InnerEcho
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.protocols.wireguard.contradictions import Hypothesis
from wgmon_tui.protocols.wireguard.diagnose import diagnose

INNER = ip_address("10.8.0.1")
BY_WG0 = InnerAddressAnswered(INNER, "inside", "wg0")


def lost_data(*evidence: Evidence) -> Check:
    tunnel = Tunnel(1, 0, None, None, passive=False)
    found = check(InnerEcho(str(INNER), 1, 0, None), *evidence, handshake=Handshake(0.02))
    return replace(found, tunnel=tunnel)


def test_silence_to_this_identity_is_a_missing_peer_if_an_interface_to_the_same_server_works() -> None:
    found = diagnose(check(SILENCE, ServerOnInterface("wg0")), SERVER, (), (BY_WG0,))
    assert found.verdict is Verdict.PEER_MISSING
    assert found.summary.startswith("wg0 of this machine is up: 10.8.0.1 answers through it.")
    assert Hypothesis.SERVER_DOWN not in [each.hypothesis for each in found.causes]


@pytest.mark.parametrize(
    "evidence",
    [
        (),
        (ServerOnInterface("wg1"),),
    ],
    ids=["no-interface", "another-interface"],
)
def test_an_address_that_answers_by_an_unknown_way_does_not_prove_that_the_server_works(
    evidence: tuple[Evidence, ...],
) -> None:
    found = diagnose(check(SILENCE, *evidence), SERVER, (), (BY_WG0,))
    assert found.verdict is Verdict.SILENT
    assert found.summary.endswith("10.8.0.1 inside its tunnel answers through wg0 of this machine.")


def test_an_interface_to_the_server_proves_nothing_while_nothing_answers_through_it() -> None:
    found = diagnose(check(SILENCE, ServerOnInterface("wg0")), SERVER)
    assert found.verdict is Verdict.SILENT


def test_lost_data_is_of_this_identity_alone_if_the_address_answers_by_another_way() -> None:
    found = diagnose(lost_data(), SERVER, (), (BY_WG0,))
    assert found.verdict is Verdict.DATA_DEAD
    assert found.summary.endswith("10.8.0.1 inside its tunnel answers through wg0 of this machine.")
    assert found.causes[0].cause.startswith("the server drops the data of this identity alone")
    assert "answers through" not in diagnose(lost_data(), SERVER).summary
