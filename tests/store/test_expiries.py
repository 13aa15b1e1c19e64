"""The ends of certificates and keys in the store: written when they change, read by viewers and commands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.store.engine_updates import START, answered
from tests.store.recorder_harness import Desk, recording
from tests.store.test_resume import next_life
from wgmon_tui.checks.evidence import Evidence, ProtocolEvidence
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.daemon.store_follower import StoreFollower, apply_first_states, apply_store_changes
from wgmon_tui.monitor.expiries import SUBSCRIPTION
from wgmon_tui.monitor.fleet_state import FleetState, Round
from wgmon_tui.monitor.round_intake import take_round
from wgmon_tui.store.history import History
from wgmon_tui.store.store_version import STORE

CERTIFICATE = Expires("server certificate", "fra1.example.net", START + 1000.0)
KEY = Expires("API key", "abc", START + 500.0)


def with_expiries(*expiries: Expires) -> Round:
    outcome = answered("fra1", START)
    return replace(outcome, checks=(replace(outcome.check, evidence=expiries),))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with recording(Desk(tmp_path)) as made:
        made.recorder.watch(made.states.values())
        yield made


def record(desk: Desk, *expiries: Expires, protocol: str = "openvpn") -> None:
    outcome = with_expiries(*expiries)
    evidence: tuple[Evidence, ...] = (*expiries, ProtocolEvidence(protocol, "nodes", ("1", "1", "0")))
    outcome = replace(outcome, checks=(replace(outcome.check, protocol=protocol, evidence=evidence),))
    take_round(desk.states["fra1"], outcome)
    desk.recorder(desk.states["fra1"], outcome, ())
    desk.written()


def stored(desk: Desk) -> dict[str, tuple[Expires, ...]]:
    with History(desk.state_dir / STORE) as history:
        return history.expiries()


def test_they_are_read_back_with_the_first_to_end_first(desk: Desk) -> None:
    record(desk, CERTIFICATE, KEY)
    assert stored(desk) == {"fra1": (KEY, CERTIFICATE)}


def test_a_renewed_certificate_replaces_the_old_one(desk: Desk) -> None:
    record(desk, CERTIFICATE, KEY)
    renewed = replace(CERTIFICATE, at=START + 9000.0)
    record(desk, renewed)
    assert stored(desk) == {"fra1": (renewed,)}


def test_a_check_that_saw_none_leaves_them(desk: Desk) -> None:
    record(desk, CERTIFICATE)
    record(desk)
    assert stored(desk) == {"fra1": (CERTIFICATE,)}


def test_what_a_control_plane_no_longer_reports_is_forgotten(desk: Desk) -> None:
    record(desk, KEY, protocol="headscale")
    record(desk, protocol="headscale")
    assert stored(desk) == {}
    assert desk.states["fra1"].expiries == ()


def test_the_end_of_a_subscription_goes_with_it(desk: Desk) -> None:
    record(desk, Expires(SUBSCRIPTION, "provider", START + 100.0))
    record(desk)
    assert stored(desk) == {}


def test_the_end_of_a_subscription_leaves_a_server_that_is_paused(desk: Desk) -> None:
    record(desk, KEY, Expires(SUBSCRIPTION, "provider", START + 100.0))
    desk.states["fra1"].expiries = (KEY,)
    desk.recorder(desk.states["fra1"], None, ())
    desk.written()
    assert stored(desk) == {"fra1": (KEY,)}


def test_what_an_earlier_run_stored_is_deleted_too(tmp_path: Path) -> None:
    with recording(Desk(tmp_path)) as first:
        first.recorder.watch(first.states.values())
        record(first, KEY)
    _, second = next_life(tmp_path, "fra1")
    try:
        assert second.states["fra1"].expiries == (KEY,)
        record(second, protocol="headscale")
        assert stored(second) == {}
    finally:
        second.recorder.stop()


def test_they_are_written_again_only_when_they_change(desk: Desk) -> None:
    record(desk, CERTIFICATE)
    version = desk.value("SELECT value FROM facts WHERE name = 'fleet_version'")
    record(desk, CERTIFICATE)
    assert desk.value("SELECT value FROM facts WHERE name = 'fleet_version'") == version


def test_those_of_a_removed_server_go(desk: Desk) -> None:
    record(desk, CERTIFICATE)
    desk.recorder.watch(())
    desk.written()
    assert desk.value("SELECT count(*) FROM expiries") == 0


def test_a_viewer_has_them_at_its_start_and_follows_their_changes(desk: Desk) -> None:
    record(desk, CERTIFICATE)
    shown = FleetState(())
    follower = StoreFollower(desk.state_dir)
    try:
        first = follower.read_first(lambda servers, known, _: apply_first_states(shown, servers, known))
        apply_store_changes(shown, first, None)
        assert shown.states["fra1"].expiries == (CERTIFICATE,)
        record(desk, KEY)
        apply_store_changes(shown, follower.read_changes(), None)
        assert shown.states["fra1"].expiries == (KEY,)
    finally:
        follower.close()


def test_the_state_of_a_server_keeps_those_of_the_last_round_that_knew_any(desk: Desk) -> None:
    take_round(desk.states["fra1"], with_expiries(CERTIFICATE))
    take_round(desk.states["fra1"], with_expiries())
    assert desk.states["fra1"].expiries == (CERTIFICATE,)
