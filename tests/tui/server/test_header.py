"""Text of the server screen: the header at every size, and the full diagnosis."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from tests.tui import sample_exchanges
from tests.tui.sample_fleet import NOW
from tests.tui.server_screen_harness import fleet
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import NameMoved
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.monitor.correlation import FailureGroup
from wgmon_tui.monitor.damping import Damping
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.net.naive_port_check import OPEN_OR_FILTERED
from wgmon_tui.tui.server.diagnosis_text import full_diagnosis
from wgmon_tui.tui.server.exchange_layout import CursorStop, explain
from wgmon_tui.tui.server.header import HeaderDetail, server_header
from wgmon_tui.tui.server.packets_text import field_panel, no_packets
from wgmon_tui.tui.theme.glyphs import ASCII, UNICODE
from wgmon_tui.tui.theme.palette import load_palette
from wgmon_tui.tui.theme.text_style import TextStyle

NIGHT = load_palette("night")
BRANCH = FailureGroup('the tag "branch"', ("fra1", "mad1"))


def row_after(*checks: Check, port_monitor: str | None = OPEN_OR_FILTERED) -> ServerState:
    fleet_state = fleet().fleet_state
    name = checks[0].server
    fleet_state.record(name, replace(sample_exchanges.round_of(*checks), port_monitor=port_monitor), NOW)
    return fleet_state.states[name]


def text_style(width: int = 78, ascii_only: bool = False) -> TextStyle:
    return TextStyle(NIGHT, ASCII if ascii_only else UNICODE, width)


def head(
    server_state: ServerState,
    detail: HeaderDetail = HeaderDetail.COMPACT,
    *,
    of: int = 0,
    together: tuple[FailureGroup, ...] = (),
    text_style: TextStyle = text_style(),  # noqa: B008  # frozen
) -> list[str]:
    assert server_state.last
    text = server_header(
        server_state,
        server_state.last.diagnoses[of],
        server_state.last.checks[of],
        together,
        text_style,
        detail,
        NOW,
    )
    return text.plain.splitlines()


def diagnosis(
    server_state: ServerState,
    *,
    together: tuple[FailureGroup, ...] = (),
    style: TextStyle | None = None,
) -> list[str]:
    assert server_state.last
    text = full_diagnosis(
        server_state, server_state.last.check, server_state.last.diagnosis, together, style or text_style()
    )
    return text.plain.splitlines()


def prose(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())


def test_the_head_names_state_verdict_server_and_place() -> None:
    first = head(row_after(sample_exchanges.psk_mismatch()))[0]
    assert first.split("  ")[:3] == ["✖ down", "psk-mismatch", "fra1"]
    assert first.endswith("fra1.example.net:51820 → 203.0.113.7")


def test_the_head_says_that_the_name_moved() -> None:
    moved = NameMoved("fra1.example.net", (ip_address("203.0.113.6"),), (ip_address("203.0.113.7"),), NOW)
    broken = sample_exchanges.psk_mismatch()
    server_state = row_after(replace(broken, evidence=(*broken.evidence, moved)))
    assert "name fra1.example.net moved from 203.0.113.6 to 203.0.113.7 on " in prose(head(server_state))


def test_the_head_says_how_many_checks_speak_for_another_state_and_that_it_flaps() -> None:
    server_state = row_after(sample_exchanges.psk_mismatch())
    server_state.damping = Damping(Severity.UP, (Severity.UP, Severity.DOWN))
    server_state.server, server_state.severity = replace(server_state.server, fail_after=2), Severity.UP
    assert head(server_state)[0].startswith("● up  psk-mismatch 1/2  fra1 ")
    server_state.damping, server_state.severity = Damping(Severity.DOWN, flapping=True), Severity.DOWN
    assert head(server_state)[0].startswith("✖ down  psk-mismatch  fra1  flapping ")


def test_the_head_gives_the_summary_the_likeliest_cause_and_the_next_step() -> None:
    said = prose(head(row_after(sample_exchanges.psk_mismatch())))
    assert "It answers, but with another preshared key" in said
    assert "cause likely 1 of 2: the preshared key differs between this machine and the server" in said
    assert 'next wg show wg0 preshared-keys on the server: must match the key of server "fra1" here' in said


def test_a_tall_terminal_has_evidence_and_why_as_well() -> None:
    said = prose(head(row_after(sample_exchanges.psk_mismatch()), HeaderDetail.FULL))
    assert "seen handshake response after 13.8 ms, but authentication failed" in said
    assert "why the answer matches the attempt" in said


def test_the_head_gives_the_figures() -> None:
    last = head(row_after(sample_exchanges.healthy()))[-1]
    assert last.startswith("rtt    12.4 ms  p50 12.4 ms  p95 12.4 ms  loss 0%  since 19:30  ")


def test_the_head_says_how_far_data_passes() -> None:
    assert "tunnel 1 of 1 echoes, 11.0 ms" in head(row_after(sample_exchanges.data_passes()))
    assert "tunnel 0 of 1 echoes" in head(row_after(sample_exchanges.data_dead()))


def test_the_port_monitor_s_false_green_is_told_at_every_size_but_the_lowest() -> None:
    server_state = row_after(sample_exchanges.psk_mismatch())
    contradiction = "port   a port monitor reports UP (open|filtered), but the server is down"
    assert contradiction in head(server_state, HeaderDetail.FULL)
    assert contradiction in head(server_state, HeaderDetail.COMPACT)
    assert contradiction not in head(server_state, HeaderDetail.TERSE)


def test_a_port_monitor_that_is_right_is_told_only_where_there_is_room() -> None:
    server_state = row_after(sample_exchanges.healthy())
    assert "port   a port monitor reports UP (open|filtered)" in head(server_state, HeaderDetail.FULL)
    assert not any(line.startswith("port") for line in head(server_state, HeaderDetail.COMPACT))


def test_the_head_names_who_fails_with_it() -> None:
    lines = head(row_after(sample_exchanges.psk_mismatch()), HeaderDetail.FULL, together=(BRANCH,))
    assert 'with   fails together with mad1: all with the tag "branch" are down' in lines


def test_over_the_diagnosis_the_head_is_only_state_summary_and_figures() -> None:
    lines = head(row_after(sample_exchanges.silent()), HeaderDetail.BARE)
    assert [line.split()[0] for line in lines] == ["✖", "No", "rtt"]


@pytest.mark.parametrize("width", [60, 80, 100, 140])
@pytest.mark.parametrize("detail", HeaderDetail)
def test_no_line_is_wider_than_the_terminal(width: int, detail: HeaderDetail) -> None:
    for check in (
        sample_exchanges.psk_mismatch(),
        sample_exchanges.under_load(),
        sample_exchanges.silent(),
        sample_exchanges.unresolved(),
        sample_exchanges.data_dead(),
    ):
        server_state = row_after(check)
        lines = [
            *head(server_state, detail, text_style=text_style(width)),
            *diagnosis(server_state, together=(BRANCH,), style=text_style(width)),
        ]
        assert max(map(len, lines)) <= width


def test_the_diagnosis_gives_all_evidence_and_every_cause_with_why_and_what_to_type() -> None:
    said = prose(diagnosis(row_after(sample_exchanges.psk_mismatch())))
    assert "· handshake response after 13.8 ms, but authentication failed" in said
    assert "· no authentic answer within 5.00 s" in said
    first, second = said.index("1 the preshared key differs"), said.index("2 a machine on the path forges")
    assert "why the answer matches the attempt" in said[first:second]
    assert "next on the server: wg show wg0 preshared-keys" in said[first:second]
    assert "next on the server: tcpdump" in said[second:]


def test_the_diagnosis_has_the_data_path_the_port_and_who_fails_with_it() -> None:
    lines = diagnosis(row_after(sample_exchanges.data_dead()), together=(BRANCH,))
    assert "tunnel 0 of 1 echoes" in lines
    assert "port   a port monitor reports UP (open|filtered), but the server is down" in lines
    assert 'with   fails together with mad1: all with the tag "branch" are down' in lines


def test_the_diagnosis_lists_several_addresses_each_with_its_verdict() -> None:
    lines = diagnosis(
        row_after(sample_exchanges.psk_mismatch(), sample_exchanges.healthy(address=sample_exchanges.V6))
    )
    assert "✖  203.0.113.7  psk-mismatch  lost" in lines
    assert "●  2001:db8::7  healthy  12.4 ms" in lines
    alone = diagnosis(row_after(sample_exchanges.psk_mismatch()))
    assert not any("203.0.113.7" in line for line in alone)


def test_in_ascii_a_dash_is_a_dash_and_nothing_is_a_question_mark() -> None:
    server_state = row_after(
        sample_exchanges.psk_mismatch(), sample_exchanges.healthy(address=sample_exchanges.V6)
    )
    lines = [
        *head(server_state, HeaderDetail.FULL, text_style=text_style(ascii_only=True)),
        *diagnosis(server_state, style=text_style(ascii_only=True)),
    ]
    assert all(line.isascii() for line in lines)
    assert "wg show wg0 preshared-keys must match the key" in prose(lines)


def test_a_field_s_place_goes_below_its_name_where_it_has_no_room_beside_it() -> None:
    found = explain(sample_exchanges.healthy(), CursorStop(0, 0))
    assert field_panel(found, text_style(60)).plain.startswith(
        "type  handshake initiation, byte 0, length 1\n"
    )
    assert field_panel(found, text_style(30)).plain.startswith(
        "type  handshake initiation\nbyte 0, length 1\n"
    )


def test_a_check_without_stored_packets_does_not_count_as_unsent() -> None:
    server_state = row_after(sample_exchanges.silent("fra1"))
    assert server_state.last
    shown = no_packets(server_state, server_state.last.diagnosis, text_style()).plain
    assert "The packets of this check are not stored" in shown
    assert "nothing was sent" not in shown


def test_no_check_is_promised_while_nobody_checks() -> None:
    outage = "Nobody is checking since 18:30. T: check from here"
    shown = no_packets(fleet().fleet_state.states["fra1"], None, text_style(), outage=outage).plain
    assert outage in shown
    assert "Waiting" not in shown
    assert "Press r" not in shown


def test_a_server_of_another_protocol_is_not_said_to_have_a_tunnel() -> None:
    server_state = row_after(sample_exchanges.silent("fra1"))
    server_state.server = replace(server_state.server, protocol="system-path")
    assert server_state.last
    dead = replace(server_state.last.diagnosis, verdict=Verdict.INNER_DEAD)
    said = full_diagnosis(server_state, server_state.last.check, dead, (), text_style()).plain
    assert "something that should answer there does not" in said
    assert "tunnel" not in said.split("Evidence")[0]


def test_a_check_without_packets_of_its_own_does_not_count_as_not_stored() -> None:
    server_state = row_after(sample_exchanges.silent("fra1"))
    server_state.server = replace(server_state.server, protocol="system-path")
    assert server_state.last
    shown = no_packets(server_state, server_state.last.diagnosis, text_style()).plain
    assert "Only the packets of a ping are shown" in shown


def test_each_protocol_says_itself_why_it_may_have_no_packets() -> None:
    server_state = row_after(sample_exchanges.silent("fra1"))
    assert server_state.last
    for protocol, said in (
        ("wireguard", "The packets of this check are not stored."),
        ("openvpn", "The packets of this check are not stored."),
        ("headscale", "Requests and answers are shown."),
    ):
        server_state.server = replace(server_state.server, protocol=protocol)
        shown = no_packets(server_state, server_state.last.diagnosis, text_style()).plain
        assert said in " ".join(shown.split())


def test_evidence_that_is_there_twice_is_one_line() -> None:
    server_state = row_after(sample_exchanges.silent("fra1"))
    assert server_state.last
    found = replace(server_state.last.diagnosis, evidence=("port unreachable", "port unreachable"))
    said = full_diagnosis(server_state, server_state.last.check, found, (), text_style()).plain
    assert said.count("port unreachable") == 1
    assert "port unreachable, 2 times" in said
