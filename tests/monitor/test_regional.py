"""Tests of the regional diagnosis: its sentences, and the order of its causes."""

from __future__ import annotations

from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.checks.verdict import Cause, Diagnosis, Severity, Verdict
from wgmon_tui.config.keys import PrivateKey, PublicKey
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.regional import (
    VantageView,
    add_view_evidence,
    describe_views,
    diagnose_outvoted,
    diagnose_regional,
)
from wgmon_tui.net.addresses import Address, Endpoint

KEY = PrivateKey(bytes(range(32))).public
SERVER = Server("fra1", Endpoint("vpn.example.net", 51820), KEY, "bastion")
HERE, THERE = ip_address("192.0.2.7"), ip_address("192.0.2.8")


def up(vantage: str) -> VantageView:
    return VantageView(vantage, Severity.UP, Diagnosis(Verdict.HEALTHY, "Answers."), address=HERE)


def down(
    vantage: str,
    verdict: Verdict = Verdict.SILENT,
    *,
    flapping: bool = False,
    address: Address | None = HERE,
    public_key: PublicKey | None = None,
    has_answered: bool = True,
) -> VantageView:
    diagnosis = Diagnosis(verdict, verdict.meaning, (), (Cause("their own key", "why", "fix"),))
    return VantageView(vantage, Severity.DOWN, diagnosis, flapping, address, public_key, has_answered)


def causes(*views: VantageView) -> list[str]:
    return [each.cause for each in diagnose_regional(views, SERVER).causes]


def test_views_are_listed_the_worst_first() -> None:
    degraded = VantageView("ams", Severity.DEGRADED, Diagnosis(Verdict.SLOW, "Slow."))
    text = describe_views([up("local"), down("nyc"), degraded, down("fra")])
    assert text == "down from nyc, fra; degraded from ams; up from local"


def test_a_regional_outage_lists_the_result_of_each_vantage() -> None:
    diagnosis = diagnose_regional([up("local"), down("nyc")], SERVER)
    assert diagnosis.summary == "Down from nyc (silent), not from local: the server itself answers."
    assert diagnosis.evidence[0] == "down from nyc; up from local"
    assert diagnosis.evidence[1:] == ("local: Answers.", f"nyc: {Verdict.SILENT.meaning}")


def test_silence_from_one_place_is_first_of_all_the_path() -> None:
    path, filtered, limited = causes(up("local"), down("nyc"))
    assert path == "the path between nyc and the server"
    assert filtered.startswith("a firewall that allows only some source addresses")
    assert limited.startswith("a rate limiter")


def test_a_refusal_is_first_of_all_a_firewall() -> None:
    assert causes(up("local"), down("nyc", Verdict.PORT_CLOSED))[0].startswith("a firewall")


def test_what_comes_and_goes_is_first_of_all_a_rate_limiter() -> None:
    assert causes(up("local"), down("nyc", flapping=True))[0].startswith("a rate limiter")


def test_a_vantage_that_was_never_answered_may_not_be_enrolled() -> None:
    first = diagnose_regional([up("local"), down("nyc", has_answered=False, public_key=KEY)], SERVER).causes[
        0
    ]
    assert first.cause == "the server does not know the key of nyc"
    assert str(KEY) in first.fix


def test_another_address_of_the_same_name_is_reported() -> None:
    assert causes(up("local"), down("nyc", address=THERE))[0] == "nyc checks another address than the others"


def test_a_name_that_resolves_elsewhere_is_the_resolver_of_that_vantage() -> None:
    unresolved = down("nyc", Verdict.DNS_FAILURE, address=None)
    assert causes(up("local"), unresolved) == ["the resolver of nyc"]


def test_a_cause_that_no_path_explains_is_at_the_vantage() -> None:
    assert causes(up("local"), down("nyc", Verdict.PSK_MISMATCH)) == ["at nyc: their own key"]


def test_where_all_are_down_the_diagnosis_is_one_of_theirs_and_names_them() -> None:
    views = [down("local"), down("nyc")]
    diagnosis = add_view_evidence(views[0].diagnosis, views)
    assert diagnosis.verdict is Verdict.SILENT
    assert diagnosis.evidence == ("down from all 2: local, nyc",)
    assert diagnosis.causes == views[0].diagnosis.causes


def test_an_outvoted_failure_names_how_many_must_agree() -> None:
    views = [up("local"), up("fra"), down("nyc"), down("ams")]
    diagnosis = diagnose_outvoted(views[0].diagnosis, views, 3, SERVER)
    assert diagnosis.summary == "Down from nyc (silent), ams (silent); 3 must agree. Answers."
    assert diagnosis.verdict is Verdict.HEALTHY


def test_views_that_differ_below_down_are_listed_too() -> None:
    degraded = VantageView("ams", Severity.DEGRADED, Diagnosis(Verdict.SLOW, "Slow."))
    assert add_view_evidence(degraded.diagnosis, [up("local"), degraded]).evidence == (
        "degraded from ams; up from local",
    )


_DOWN = st.builds(
    down,
    st.sampled_from(["ams", "nyc"]),
    st.sampled_from([each for each in Verdict if each.severity is Severity.DOWN]),
    address=st.sampled_from([HERE, THERE, None]),
    flapping=st.booleans(),
    has_answered=st.booleans(),
    public_key=st.sampled_from([KEY, None]),
)


@given(st.lists(_DOWN, min_size=1, max_size=3), st.integers(1, 3))
def test_every_regional_outage_has_a_cause_and_what_to_type(failing: list[VantageView], well: int) -> None:
    views = [*(up(f"up{number}") for number in range(well)), *failing]
    diagnosis = diagnose_regional(views, SERVER)
    assert diagnosis.verdict is Verdict.REGIONAL
    assert diagnosis.causes
    assert all(each.cause and each.why and each.fix for each in diagnosis.causes)
