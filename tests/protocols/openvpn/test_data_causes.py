"""Causes of data that does not pass through OpenVPN."""

from __future__ import annotations

import pytest

from tests.protocols.openvpn.sample_checks import ANSWERED, DATA, NO_DATA, PATH_WORKS, PUSHED, SERVER, check
from wgmon_tui.checks.check import Tunnel
from wgmon_tui.checks.evidence import (
    Evidence,
    PathMtu,
)
from wgmon_tui.checks.stage import (
    TUNNEL,
)
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.protocols.openvpn import observations as seen
from wgmon_tui.protocols.openvpn.diagnose import diagnose
from wgmon_tui.protocols.openvpn.observations import observe


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        (("100", "3", "3", "0.02"), Verdict.HEALTHY),
        (("100", "3", "3", "9.0"), Verdict.SLOW),
        (("100", "3", "1", "0.02"), Verdict.LOSSY),
        (("100", "0", "0", ""), Verdict.UNPROVEN),
        (("100",), Verdict.UNPROVEN),
        (("100", "x", "³", "9" * 50), Verdict.UNPROVEN),
    ],
)
def test_the_echoes_of_the_last_full_check_count(values: tuple[str, ...], verdict: Verdict) -> None:
    made = check(ANSWERED, PUSHED, observe(seen.FULL_CHECK, *values))

    assert diagnose(made, SERVER, ()).verdict is verdict


STOPPED = observe(seen.DATA_STOPPED)


@pytest.mark.parametrize(
    ("evidence", "verdict", "hypotheses"),
    [
        ((STOPPED, PATH_WORKS), Verdict.SESSION_REFUSED, ["duplicate-cn", "restarted"]),
        ((observe(seen.ENDED, "RESTART"),), Verdict.SESSION_REFUSED, ["duplicate-cn", "restarted"]),
        ((STOPPED,), Verdict.DATA_DEAD, ["inner-firewall", "path"]),
    ],
    ids=["answers others", "said so", "silent"],
)
def test_a_session_that_ends_while_data_is_tested_is_told(
    evidence: tuple[Evidence, ...], verdict: Verdict, hypotheses: list[str]
) -> None:
    found = diagnose(check(ANSWERED, PUSHED, *evidence, failed=TUNNEL, tunnel=DATA), SERVER, ())

    assert found.verdict is verdict
    assert [each.hypothesis for each in found.causes] == hypotheses


def test_a_cipher_that_is_missing_here_is_no_fault_of_the_server() -> None:
    found = diagnose(check(ANSWERED, PUSHED, observe(seen.UNKNOWN_CIPHER, "BF-CBC")), SERVER, ())

    assert found.verdict is Verdict.UNPROVEN
    assert "BF-CBC" in found.causes[0].why


@pytest.mark.parametrize(
    ("fault", "cipher", "cause"),
    [
        ("forged", "AES-256-CBC", "auth"),
        ("forged", "AES-256-GCM", "framing"),
        ("framing", "AES-256-CBC", "framing"),
        ("compressed", "AES-256-GCM", "framing"),
    ],
)
def test_data_that_came_and_is_not_accepted_names_its_cause_first(
    fault: str, cipher: str, cause: str
) -> None:
    pushed = observe(seen.PUSHED, "10.8.0.2/24", cipher, "7")
    rejected = observe(seen.DATA_REJECTED, fault, "3")

    found = diagnose(check(ANSWERED, pushed, rejected, failed=TUNNEL, tunnel=NO_DATA), SERVER, ())

    assert found.verdict is Verdict.DATA_DEAD
    assert found.causes[0].hypothesis == cause


def test_small_packets_that_pass_do_not_hide_that_others_are_not_understood() -> None:
    framing, compressed = (observe(seen.DATA_REJECTED, each, "1") for each in ("framing", "compressed"))

    unread = diagnose(check(ANSWERED, PUSHED, framing, PathMtu(1280, 1500, None), tunnel=DATA), SERVER, ())
    # A client of a profile with compression does read what this one does not.
    read = diagnose(check(ANSWERED, PUSHED, compressed, PathMtu(1280, 1500, None), tunnel=DATA), SERVER, ())

    assert (unread.verdict, read.verdict) == (Verdict.LOSSY, Verdict.HEALTHY)
    assert "compress" in unread.causes[0].cause


def test_behind_a_bridge_no_setting_is_advised_that_changes_nothing() -> None:
    nothing = Tunnel(0, 0, None, None, passive=True)
    bridge, alive = observe(seen.BRIDGE), observe(seen.KEEPALIVE_ARRIVED, "1.0")

    found = diagnose(check(ANSWERED, PUSHED, bridge, alive, tunnel=nothing), SERVER, ())

    assert found.verdict is Verdict.UNPROVEN
    assert "bridge" in found.causes[0].cause
    assert "tunnel_ping" not in found.causes[0].fix
