"""Incident report: complete, without keys, and safe to paste."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.tui import sample_exchanges
from tests.tui.sample_fleet import NOW
from wgmon_tui.checks.verdict import Cause, Diagnosis, Severity, Verdict
from wgmon_tui.monitor.fleet_state import FleetState, Round
from wgmon_tui.monitor.incidents import Incident, VerdictChange
from wgmon_tui.output.incident_report import (
    IncidentReport,
    as_markdown,
    as_text,
    report_of,
    report_of_incident,
)
from wgmon_tui.store.models import Note

MINUTE = 60.0


def psk_mismatch() -> IncidentReport:
    fleet_state = FleetState([sample_exchanges.server("fra1")])
    fleet_state.record("fra1", sample_exchanges.round_of(sample_exchanges.psk_mismatch()), NOW)
    return replace(
        report_of(fleet_state.states["fra1"]),
        port_up=True,
        port_at=NOW - 65,
        together=("fails together with lon3",),
    )


def test_the_text_tells_all_that_one_needs_to_act() -> None:
    lines = as_text(psk_mismatch(), NOW + 12 * MINUTE).splitlines()
    assert lines[:2] == [
        "✖ fra1 is down: psk-mismatch",
        "It answers, but with another preshared key: a client with this key cannot connect.",
    ]
    facts = {line[:10].strip(): line[10:] for line in lines[3:9]}
    assert facts["endpoint"] == "fra1.example.net:51820 (203.0.113.7)"
    assert facts["seen from"] == "here"
    assert facts["since"] == "2026-11-22 19:30 UTC, 12 min"
    assert facts["incident"].endswith(", opened 2026-11-22 19:30 UTC")
    assert (
        facts["port"]
        == "a port monitor reports UP (open|filtered), asked 2026-11-22 19:28:55 UTC, but the server is down"
    )
    assert facts["with"] == "fails together with lon3"
    assert "stages    resolve ✓ 2.1 ms → reach ✓ → handshake ✓ 13.8 ms → authenticate ✖" in lines
    assert "- no authentic answer within 5.00 s" in lines
    place = lines.index("   next: on the server:")
    assert lines[place + 1] == "         wg show wg0 preshared-keys"
    assert lines[-4:] == [
        "Packets of 2026-11-22 19:30:00 UTC",
        "  sent      +0.000 ms  handshake initiation, 148 bytes",
        "  received  +13.80 ms  handshake response, 92 bytes",
        "  no authentic answer",
    ]


def test_a_port_monitor_over_tcp_never_says_filtered() -> None:
    text = as_text(replace(psk_mismatch(), port_answer="open"), NOW)
    assert "a port monitor reports UP (open), asked" in text


def test_the_markdown_tells_the_same() -> None:
    text = as_markdown(psk_mismatch(), NOW + 12 * MINUTE)
    assert text.startswith("### ✖ fra1 is down: psk-mismatch\n")
    assert "- **since:** 2026-11-22 19:30 UTC, 12 min\n" in text
    assert "- **stages:** resolve ✓ 2.1 ms → reach ✓ → handshake ✓ 13.8 ms → authenticate ✖\n" in text
    assert "   - next: on the server:\n     `wg show wg0 preshared-keys`\n     must match" in text
    assert "```\nsent      +0.000 ms  handshake initiation, 148 bytes\n" in text


def test_a_past_incident_says_how_long_it_lasted_and_what_was_noted() -> None:
    incident = Incident(
        "ab12",
        "lon3",
        "here",
        NOW - 90 * MINUTE,
        Verdict.SILENT,
        Severity.DOWN,
        "Nothing came back.",
        closed_at=NOW - 30 * MINUTE,
        flapping=True,
        acknowledged_at=NOW - 80 * MINUTE,
        acknowledged_by="anna",
    )
    told = report_of_incident(incident, "lon3.example.net:51820", [Note(NOW, "ben", "a power cut")])
    text = as_text(told, NOW)
    assert text.startswith("✖ lon3 was down: silent\n")
    assert "from      2026-11-22 18:00 UTC to 2026-11-22 19:00 UTC, 1 h 00 min\n" in text
    assert "ab12, opened 2026-11-22 18:00 UTC, flapping, acknowledged by anna 2026-11-22 18:10 UTC\n" in text
    assert text.endswith("Notes\n- ben, 2026-11-22 19:30 UTC: a power cut\n")


def test_what_nobody_checks_any_more_is_told_as_past() -> None:
    incident = Incident(
        "ab12", "lon3", "here", NOW - 90 * MINUTE, Verdict.SILENT, Severity.DOWN, "Nothing came back."
    )
    told = replace(report_of_incident(incident), last_checked=NOW - 87 * MINUTE)
    text = as_text(told, NOW)
    assert text.startswith("✖ lon3 was down: silent, when last checked at 2026-11-22 18:03 UTC\n")
    assert "since     2026-11-22 18:00 UTC, 3 min\n" in text
    assert "checked   2026-11-22 18:03:00 UTC; nobody has checked since\n" in text


def test_the_verdicts_of_an_incident_stand_in_their_order_with_their_times() -> None:
    verdicts = (
        VerdictChange(NOW - 90, Verdict.SLOW, "It takes 2 s."),
        VerdictChange(NOW - 60, Verdict.SILENT, "Nothing came *back*."),
    )
    incident = Incident(
        "ab12",
        "lon3",
        "here",
        NOW - 90,
        Verdict.SILENT,
        Severity.DOWN,
        "Nothing came *back*.",
        verdicts=verdicts,
        omitted_verdicts=3,
    )
    told = report_of_incident(incident)
    assert as_text(told, NOW).endswith(
        "Verdicts\n- 2026-11-22 19:28:30 UTC, slow: It takes 2 s.\n"
        "- 2026-11-22 19:29:00 UTC, silent: Nothing came *back*.\n- 3 more\n"
    )
    assert "\n**Verdicts**\n\n- 2026-11-22 19:28:30 UTC, slow" in as_markdown(told, NOW)
    assert "silent: Nothing came \\*back\\*." in as_markdown(told, NOW)
    only_one = replace(incident, verdicts=verdicts[:1], omitted_verdicts=0)
    assert "Verdicts\n- 2026-11-22 19:28:30 UTC, slow" in as_text(report_of_incident(only_one), NOW)


def test_an_incident_of_which_nobody_was_notified_says_so() -> None:
    told = replace(psk_mismatch(), notifications=())
    assert "Notified\n- nobody: no alert about it is stored\n" in as_text(told, NOW)
    assert "**Notified**\n\n- nobody" in as_markdown(told, NOW)
    assert "Notified" not in as_text(replace(told, notifications=None), NOW)


def test_a_server_that_is_well_is_told_in_short() -> None:
    fleet_state = FleetState([sample_exchanges.server("fra1")])
    fleet_state.record("fra1", sample_exchanges.round_of(sample_exchanges.healthy()), NOW)
    text = as_text(report_of(fleet_state.states["fra1"]), NOW)
    assert text.startswith("● fra1 is up: healthy\n")
    assert "Possible causes" not in text


def test_of_a_long_exchange_the_first_packets_stand_for_all() -> None:
    check = sample_exchanges.healthy()
    check = replace(check, exchange=check.exchange * 10)
    told = replace(psk_mismatch(), outcome=sample_exchanges.round_of(check))
    assert "  and 18 more\n" in as_text(told, NOW)


def test_no_secret_key_is_in_it() -> None:
    for text in (as_text(psk_mismatch(), NOW), as_markdown(psk_mismatch(), NOW)):
        assert sample_exchanges.OTHER_PSK.raw.hex() not in text
        assert str(sample_exchanges.CLIENT.public) not in text or "wg show" in text
        assert all(packet.data.hex() not in text for packet in sample_exchanges.psk_mismatch().exchange)


def outcome_saying(words: str) -> Round:
    round_ = sample_exchanges.round_of(sample_exchanges.psk_mismatch())
    said = Diagnosis(Verdict.PSK_MISMATCH, words, (words,), (Cause(words, words, f"ping {words}"),))
    return Round(round_.checks, (said,))


@given(st.text(min_size=1))
def test_nothing_from_outside_moves_a_cursor_or_begins_a_line(words: str) -> None:
    told = replace(psk_mismatch(), server=words, sentence=words, outcome=outcome_saying(words))
    plain = replace(psk_mismatch(), server="x", sentence="x", outcome=outcome_saying("x"))
    for write in (as_text, as_markdown):
        text = write(told, NOW)
        assert text.replace("\n", "").isprintable()
        assert text.count("\n") == write(plain, NOW).count("\n")


@given(st.text(alphabet="`a\\[](<#*_!", min_size=1))
def test_in_markdown_a_name_stays_text_and_what_to_type_stays_whole(words: str) -> None:
    told = replace(psk_mismatch(), server=words, outcome=outcome_saying(words))
    text = as_markdown(told, NOW)
    heading = text.splitlines()[0]
    for special in "`[<*_!":
        bare = heading.replace("\\\\", "")
        assert bare.count(special) == bare.count(f"\\{special}")
    lines = text.splitlines()
    assert f"ping {words}" in lines[lines.index("   - next: here:") + 1]


def test_in_markdown_a_key_stays_as_it_is_and_a_plus_sign_begins_no_list() -> None:
    key = "CA3Z/S0vo2bn8NGf+Rhn9T/c4fvrRWpS94+WAiYeMwI="
    told = replace(psk_mismatch(), sentence=f"The server has {key}", outcome=outcome_saying("+ x"))
    text = as_markdown(told, NOW)
    assert f"\nThe server has {key}\n" in text
    assert "\n- \\+ x\n" in text
