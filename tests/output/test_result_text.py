from __future__ import annotations

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from tests.output.sample_rounds import check, healthy, round_of, server, silent, with_summary
from wgmon_tui.checks.check import Handshake, Tunnel
from wgmon_tui.checks.evidence import Silence, Soak
from wgmon_tui.checks.stage import Stage, StageOutcome
from wgmon_tui.monitor.fleet_state import Round
from wgmon_tui.output.advice_lines import advice_lines
from wgmon_tui.output.result_text import format_brief, format_result, format_verbose
from wgmon_tui.output.styled_text import TextFormat

PLAIN = TextFormat()


def two_addresses() -> Round:
    of = server()
    return round_of(of, check(of, Silence(5.0), address="2001:db8::7"), check(of, handshake=Handshake(0.02)))


def test_a_server_that_is_well_is_one_line() -> None:
    of = server()
    assert format_result(round_of(of, check(of, handshake=Handshake(0.0123456))), PLAIN) == (
        "● up        fra1  healthy  12.3 ms  fra1.example.net:51820 (192.0.2.7)"
    )


def test_a_lost_initiation_of_a_server_that_is_well_has_a_line() -> None:
    assert format_result(healthy(), PLAIN).splitlines()[1:] == [
        "    · 1 initiation got no answer: a client waits 5 s before it sends another"
    ]


def test_a_server_that_is_not_well_says_why_and_what_to_type() -> None:
    outcome = silent()
    lines = format_result(outcome, PLAIN).split("\n")
    assert lines[0].startswith("✖ down      fra1  silent  lost")
    assert lines[1].strip() == outcome.diagnosis.summary
    assert lines[2].strip() == "· no authentic answer within 5.00 s"
    for number, cause in enumerate(outcome.diagnosis.causes):
        known_as = "" if number else "likely 1 of 5: "
        title = lines.index(f"    {number + 1}. {known_as}{cause.cause}: {cause.why}")
        place, *more = advice_lines(cause.fix)
        assert lines[title + 1] == f"       → {place.text}"
        assert lines[title + 2 : title + 2 + len(more)] == [f"         {each.text}" for each in more]


def test_causes_can_be_left_to_a_list_for_several_servers() -> None:
    lines = format_result(silent(), PLAIN, with_causes=False).split("\n")
    assert lines[2:] == ["    · no authentic answer within 5.00 s"]


def test_every_address_has_a_line() -> None:
    lines = format_result(two_addresses(), PLAIN).split("\n")
    assert lines[0].endswith("(2001:db8::7)")
    assert lines[1].endswith("(192.0.2.7)")


def test_evidence_that_is_there_twice_is_one_line() -> None:
    of = server()
    lines = format_result(round_of(of, check(of, Silence(5.0), Silence(5.0))), PLAIN).split("\n")
    assert lines[2] == "    · no authentic answer within 5.00 s, 2 times"


def test_brief_is_one_line_whatever_the_width_and_the_number_of_addresses() -> None:
    line = format_brief(two_addresses(), TextFormat(width=20))
    assert line == (
        "✖ down      fra1  silent  lost  fra1.example.net:51820 (2001:db8::7), worst of 2 addresses"
    )


def test_verbose_shows_stages_evidence_and_packets_also_of_a_server_that_is_up() -> None:
    of = server()
    tested = check(of, handshake=Handshake(0.0123), packets=healthy().check.exchange)
    outcome = round_of(of, dataclasses.replace(tested, tunnel=Tunnel(3, 3, 0.021, 1420, passive=False)))
    assert format_verbose(outcome, PLAIN).split("\n")[2:] == [
        "    name          fra1.example.net is 192.0.2.7",
        "    handshake     12.3 ms",
        "    tunnel        3 of 3 answers (echoes and services), 21.0 ms, packets of 1420 bytes pass",
        "    · the response authenticated after 12.3 ms",
        "    packets       sent      +0.000 ms  handshake initiation, 148 bytes",
        "                  received  +12.35 ms  handshake response, 92 bytes",
        "                  sent      +12.50 ms  keepalive, 32 bytes",
    ]


def test_verbose_shows_how_far_the_check_came() -> None:
    stages = (
        Stage("resolve", StageOutcome.PASSED, 0.002),
        Stage("reach", StageOutcome.NOT_KNOWN, detail="nothing answered"),
        Stage("handshake", StageOutcome.FAILED, detail="no answer within 5 s"),
    )
    outcome = silent()
    outcome = dataclasses.replace(outcome, checks=(dataclasses.replace(outcome.check, stages=stages),))

    assert format_verbose(outcome, PLAIN).split("\n")[2:4] == [
        "    stages        resolve ✓ 2.0 ms → reach ? → handshake ✖",
        "                  reach not known: nothing answered",
    ]


def test_verbose_says_what_did_not_happen() -> None:
    lines = format_verbose(silent(), PLAIN).split("\n")
    assert "    handshake     none after 0 initiations" in lines
    assert "    tunnel        not tested" in lines


def test_verbose_names_no_initiation_of_a_protocol_that_has_none() -> None:
    outcome = silent()
    of_the_system = dataclasses.replace(outcome.check, protocol="system-path")

    said = format_verbose(dataclasses.replace(outcome, checks=(of_the_system,)), PLAIN)

    assert "none after" not in said
    assert "not tested" not in said
    assert "packets       none was sent" not in said


def test_for_a_terminal_that_has_only_ascii_there_is_only_ascii() -> None:
    ascii_only = TextFormat(ascii_only=True)
    for outcome in (silent(), healthy(), two_addresses(), with_summary("東京")):
        assert format_result(outcome, ascii_only).isascii()
        assert format_verbose(outcome, ascii_only).isascii()
        assert format_brief(outcome, ascii_only).isascii()


STEERING = st.text(
    st.sampled_from("\x1b[2J\x07\r\n\t\x00\x7f\x9b\u202e\u2028\u200b\ud800") | st.characters(), max_size=30
)


@given(STEERING)
def test_nothing_that_comes_from_outside_steers_the_terminal(text: str) -> None:
    outcome = with_summary(text)
    for shown in (
        format_result(outcome, PLAIN),
        format_verbose(outcome, PLAIN),
        format_brief(outcome, PLAIN),
    ):
        assert [line for line in shown.split("\n") if not line.isprintable()] == []
    assert len(format_result(outcome, PLAIN).split("\n")) == 3 + sum(
        1 + len(advice_lines(each.fix)) for each in outcome.diagnosis.causes
    )


def test_not_even_the_zone_of_an_address_does() -> None:
    of = server(host="fe80::1")
    lost = check(of, Silence(5.0), address="fe80::1%\x1b[2J")
    assert all(line.isprintable() for line in format_result(round_of(of, lost), PLAIN).split("\n"))


def test_a_soak_is_told_in_the_words_of_its_protocol() -> None:
    of = server()
    plain = round_of(of, check(of, Soak(3, 3, 300, 1.0), handshake=Handshake(0.02)))
    assert "soak: 3 of 3 echoes" in format_result(plain, PLAIN)
    words = "soak: 3 requests answered on one connection"
    own = dataclasses.replace(plain.diagnosis, evidence=(words,))
    told = format_result(dataclasses.replace(plain, diagnoses=(own,)), PLAIN)
    assert words in told
    assert "echoes" not in told
