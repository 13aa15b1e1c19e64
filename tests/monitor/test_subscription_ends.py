"""The end of a subscription stands at one server of it."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.expiries import SUBSCRIPTION, expiries_of
from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.monitor.models import Round
from wgmon_tui.monitor.subscription_ends import SubscriptionEnds
from wgmon_tui.net.addresses import Endpoint

NOW, TAG = 1_700_000_000.0, "subscription:provider"
END = Expires(SUBSCRIPTION, "provider", NOW + 100.0)
CERTIFICATE = Expires("server certificate", "a.example", NOW + 50.0)


def server(name: str, *tags: str) -> Server:
    return Server(name, Endpoint("a.example", 443), tags=tags)


def fleet(*servers: Server) -> tuple[FleetState, SubscriptionEnds]:
    state = FleetState(servers)
    ends = SubscriptionEnds(state)
    ends.read = lambda: {TAG: END}
    return state, ends


def found(
    state: FleetState, ends: SubscriptionEnds, name: str, evidence: Sequence[Expires] = ()
) -> tuple[Expires, ...]:
    check = Check(name, "local", Endpoint("a.example", 443), None, NOW, None, tuple(evidence))
    outcome = Round((check,), (Diagnosis(Verdict.SILENT, "Nothing."),))
    return expiries_of(ends.add(state.states[name], outcome))


def test_the_first_server_of_a_subscription_has_its_end_and_no_other_one() -> None:
    state, ends = fleet(server("b", TAG), server("a", TAG), server("0"))
    assert found(state, ends, "a", [CERTIFICATE]) == (CERTIFICATE, END)
    assert found(state, ends, "b", [CERTIFICATE]) == (CERTIFICATE,)
    assert found(state, ends, "0") == ()


def test_a_later_end_replaces_the_one_of_earlier_rounds() -> None:
    state, ends = fleet(server("a", TAG))
    later = Expires(SUBSCRIPTION, "provider", NOW + 900.0)
    ends.read = lambda: {TAG: later}
    assert found(state, ends, "a", [END]) == (later,)


def test_the_next_server_takes_over_when_the_first_has_gone() -> None:
    state, ends = fleet(server("a", TAG), server("b", TAG))
    assert found(state, ends, "b") == ()
    state.replace((server("b", TAG),))
    assert found(state, ends, "b") == (END,)


def test_the_next_server_takes_over_from_a_paused_one() -> None:
    state, ends = fleet(server("a", TAG), server("b", TAG))
    state.show_expiries({"a": (CERTIFICATE, END)})
    state.pause("a", True, NOW)
    assert state.states["a"].expiries == (CERTIFICATE,)
    assert found(state, ends, "b") == (END,)
    state.pause("a", False, NOW)
    assert found(state, ends, "a") == (END,)
    assert found(state, ends, "b") == ()


def test_until_the_ends_are_read_those_of_an_earlier_run_stay() -> None:
    state, ends = fleet(server("a", TAG))
    state.show_expiries({"a": (END,)})
    ends.read = lambda: None
    assert found(state, ends, "a") == (END,)
    ends.read = dict
    assert found(state, ends, "a") == ()


def test_without_subscriptions_a_round_stays_as_it_is() -> None:
    state, ends = fleet(server("a", TAG))
    ends.read = dict
    check = Check("a", "local", Endpoint("a.example", 443), None, NOW, None)
    outcome = Round((check,), (Diagnosis(Verdict.SILENT, "Nothing."),))
    assert ends.add(state.states["a"], outcome) is outcome
