"""The lines of the preview pane for one server or group."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.text import Text

from tests.tui import sample_exchanges
from tests.tui.sample_fleet import NOW, bad_night
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.monitor.damping import Damping
from wgmon_tui.monitor.freshness import LastCheck
from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.monitor.server_state import ServerState
from wgmon_tui.store.models import PeriodSummary, TimeBucket
from wgmon_tui.tui.fleet.preview_queries import CELL_S, CELLS, PreviewHistory
from wgmon_tui.tui.fleet.preview_text import empty_preview, group_preview, server_preview, strip_cells
from wgmon_tui.tui.fleet.tag_groups import TagGroup
from wgmon_tui.tui.theme.glyphs import ASCII, UNICODE
from wgmon_tui.tui.theme.palette import load_palette
from wgmon_tui.tui.theme.text_style import TextStyle

NIGHT = load_palette("night")
WIDE = TextStyle(NIGHT, UNICODE, 80)
START = (NOW // CELL_S - CELLS + 1) * CELL_S
SILENT = ServerState(
    sample_exchanges.server("fra1"),
    severity=Severity.DOWN,
    since=NOW - 720,
    last=sample_exchanges.round_of(sample_exchanges.silent("fra1")),
)
INCIDENT = Incident("7", "fra1", "here", NOW - 7200, Verdict.SILENT, Severity.DOWN, "No answer.")
CLOSED = replace(INCIDENT, closed_at=NOW - 6480)


def bucket(at: int, length: int = 1, **seen: float) -> TimeBucket:
    return TimeBucket(START + at * CELL_S, length * CELL_S, PeriodSummary(**seen))  # type: ignore[arg-type]


PAST = PreviewHistory(
    START,
    (bucket(0, 46, checks=9, up=9.0), bucket(46, checks=9, lost=9, down=9.0), bucket(47, checks=9, up=9.0)),
    CLOSED,
)


def preview(
    server_state: ServerState = SILENT,
    history: PreviewHistory | None = PAST,
    text_style: TextStyle = WIDE,
    height: int = 40,
) -> list[str]:
    return [
        line.plain.rstrip() for line in server_preview(server_state, history, (), text_style, NOW, height)
    ]


def line_of(lines: list[str], label: str) -> str:
    return next(line for line in lines if line.startswith(f" {label} "))


def test_the_title_names_server_state_and_endpoint() -> None:
    title = preview()[0]
    assert title.startswith(" fra1  ✖ down since ")
    assert title.endswith(str(SILENT.server.endpoint))


def test_the_summary_sentence_follows_the_title() -> None:
    assert SILENT.diagnosis is not None
    assert preview()[1].strip() in SILENT.diagnosis.summary


def test_the_likeliest_causes_are_ranked() -> None:
    assert SILENT.diagnosis is not None
    lines, causes = preview(), SILENT.diagnosis.causes
    assert f"likely 1 of {len(causes)}: {causes[0].cause}" in line_of(lines, "cause")
    assert causes[1].cause in line_of(lines, "or")


def test_the_command_stands_alone_on_its_line() -> None:
    assert line_of(preview(), "on server") == " on server wg show wg0 peers"


def test_a_word_to_replace_and_what_to_look_for_have_a_line_each_below_the_command() -> None:
    lines = preview()
    command = lines.index(" on server wg show wg0 peers")
    assert lines[command + 1].strip() == "replace wg0"
    assert lines[command + 2].strip().startswith("must list")


def test_the_last_incident_says_when_and_how_long() -> None:
    assert "last: silent" in line_of(preview(), "incident")
    assert "lasted 12 min" in line_of(preview(), "incident")


def test_an_open_incident_says_since_when() -> None:
    open_one = replace(SILENT, incident=INCIDENT)
    assert "silent since" in line_of(preview(open_one), "incident")
    assert "for 2 h 00 min" in line_of(preview(open_one), "incident")


def test_an_incident_of_the_first_minute_has_not_lasted_0_seconds() -> None:
    open_one = replace(SILENT, incident=replace(INCIDENT, opened_at=NOW - 20))
    assert line_of(preview(open_one), "incident").endswith("for under 1 min")


def test_the_stages_of_the_last_check_end_at_the_one_that_failed() -> None:
    assert line_of(preview(), "stages").endswith("resolve ✓ 2.1 ms → reach ? → handshake ✖")


def test_a_paused_server_shows_no_stages() -> None:
    paused = replace(SILENT, paused=True)

    assert not any(line.startswith(" stages ") for line in preview(paused))


def stale() -> ServerState:
    server_state = replace(SILENT, last_check=LastCheck(NOW - 300, 0.0))
    server_state.mark_stale(300.0)
    return server_state


def test_a_stale_server_says_since_when_it_is_not_checked_and_what_it_was() -> None:
    lines = preview(stale())
    assert lines[0].startswith(" fra1  ? unknown, no check since 19:25 (was down)")
    assert lines[1].startswith(" 5 min old: ")


def test_stored_causes_are_shown_while_the_diagnosis_has_none() -> None:
    of_journal = replace(SILENT, last=None, verdict=Verdict.SILENT)
    stored = replace(PAST, diagnosis=SILENT.diagnosis)
    assert line_of(preview(of_journal, stored), "cause") == line_of(preview(), "cause")
    other = preview(replace(of_journal, verdict=Verdict.PORT_CLOSED), stored)
    assert not any(line.startswith(" cause ") for line in other)


@pytest.mark.parametrize(
    ("flapping", "said"), [(True, ", flapping"), (False, ", up again, 1 more check to count")]
)
def test_flapping_and_the_way_back_up_are_in_the_title(flapping: bool, said: str) -> None:
    up = replace(
        SILENT,
        server=replace(SILENT.server, recover_after=2),
        last=sample_exchanges.round_of(sample_exchanges.healthy("fra1")),
        damping=Damping(Severity.DOWN, (Severity.UP,), flapping=flapping),
    )
    assert said in preview(up, text_style=replace(WIDE, width=120))[0]


def test_a_server_without_stored_incidents_says_so() -> None:
    assert line_of(preview(history=replace(PAST, incident=None)), "incident").endswith("none stored")


def test_the_strip_shows_the_last_24_hours_newest_on_the_right() -> None:
    strip = line_of(preview(), "last 24 h").removeprefix(" last 24 h ")
    assert len(strip) == CELLS
    assert strip[46] == "✖"
    assert strip[47] != "✖"


def test_a_narrow_strip_keeps_the_worst_of_each_hour() -> None:
    strip = line_of(preview(text_style=replace(WIDE, width=44)), "last 24 h").removeprefix(" last 24 h ")
    assert len(strip) == CELLS // 2
    assert strip[23] == "✖"


def test_the_times_under_the_strip_end_with_now() -> None:
    lines = preview()
    ticks = lines[lines.index(line_of(lines, "last 24 h")) + 1]
    assert len(ticks) == len(" last 24 h ") + CELLS
    assert ticks.endswith("now")
    assert ticks.count(":") == 4


def test_time_without_checks_is_not_shown_as_up() -> None:
    cells = strip_cells(PreviewHistory(START, (bucket(40, checks=3, up=3.0),)))
    assert [at for at, cell in enumerate(cells) if cell.worst is not None] == [40]


def test_an_hourly_bucket_covers_two_marks() -> None:
    cells = strip_cells(PreviewHistory(START, (bucket(10, 2, checks=3, down=3.0),)))
    assert [at for at, cell in enumerate(cells) if cell.worst is Severity.DOWN] == [10, 11]


@pytest.mark.parametrize("height", range(1, 30))
@pytest.mark.parametrize("width", [43, 60, 80])
def test_the_text_fits_the_pane(height: int, width: int) -> None:
    text_style = replace(WIDE, width=width)
    lines = server_preview(replace(SILENT, incident=INCIDENT), PAST, (), text_style, NOW, height)
    assert len(lines) <= height
    assert all(cell_len(line.plain.rstrip()) <= width for line in lines)


def test_a_small_pane_keeps_cause_command_incident_and_strip() -> None:
    lines = preview(height=7)
    for label in ("cause", "on server", "incident", "last 24 h"):
        assert line_of(lines, label)


@pytest.mark.parametrize("width", [60, 80])
def test_no_sentence_is_cut_above_an_empty_line(width: int) -> None:
    for height in range(6, 16):
        lines = preview(text_style=replace(WIDE, width=width), height=height)
        assert len(lines) == height or not any(line.endswith("…") for line in lines), height


def test_nothing_stored_leaves_incident_and_strip_out() -> None:
    assert not any("incident" in line or "24 h" in line for line in preview(history=None))


def test_a_store_that_cannot_be_read_says_why() -> None:
    lines = preview(history=PreviewHistory(error="the store is damaged"))
    assert line_of(lines, "last 24 h").endswith("the store is damaged")


def test_a_timed_pause_says_when_it_ends() -> None:
    paused = replace(SILENT, paused=True, severity=Severity.PAUSED, paused_by="anna", paused_until=NOW + 900)
    assert any("Paused by anna until 19:45: nothing is sent." in line for line in preview(paused))


def test_a_paused_server_has_no_command() -> None:
    lines = preview(replace(SILENT, paused=True, severity=Severity.PAUSED))
    assert "Paused: nothing is sent." in lines[1]
    assert not any("wg show" in line for line in lines)


def test_a_server_that_was_never_checked_says_so() -> None:
    assert "Not checked yet." in preview(ServerState(sample_exchanges.server("fra1")))[1]


def test_ascii_draws_only_ascii() -> None:
    text_style = TextStyle(NIGHT, ASCII, 80)
    for lines in (preview(text_style=text_style), preview(text_style=text_style, height=7)):
        assert all(line.isascii() for line in lines)


def test_control_characters_in_a_name_are_replaced() -> None:
    hostile = replace(SILENT, server=replace(SILENT.server, name="fra1\x1b]0;owned\x07"))
    assert all(char.isprintable() for line in preview(hostile) for char in line)


def group(*names: str, folded: bool = False) -> list[str]:
    states = bad_night().fleet_state.states
    lines = group_preview(TagGroup("eu", list(names), folded=folded), states, WIDE, "enter", 20)
    return [line.plain.rstrip() for line in lines]


def test_a_group_names_the_servers_that_are_not_up() -> None:
    lines = group("ams1", "fra1", "mad1")
    assert lines[0] == " Group eu: 3 servers"
    assert "2: fra1, mad1" in line_of(lines, "✖ down")
    assert lines[-1].strip() == "enter: fold this group"


def test_a_group_that_is_up_says_so() -> None:
    assert "All of them are up." in group("ams1", "ams2")[1]


def test_a_folded_group_says_how_to_unfold_it() -> None:
    assert group("ams1", folded=True)[-1].strip() == "enter: unfold this group"


def test_an_empty_table_has_a_title() -> None:
    assert empty_preview(WIDE)[0].plain.strip() == "No server under the cursor"
    assert isinstance(empty_preview(WIDE)[0], Text)
