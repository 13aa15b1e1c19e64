"""Tests of incident text: colours, truncation, details and filters."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.tui import sample_exchanges
from tests.tui.sample_fleet import NOW
from tests.tui.sample_histories import DAY, HOUR, MINUTE, incident
from tests.tui.text_styles import text_style
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.monitor.incidents import MAX_VERDICTS, VerdictChange
from wgmon_tui.store.models import Note
from wgmon_tui.tui.filter.parser import parse_filter
from wgmon_tui.tui.lists.incident_text import (
    INCIDENT_VALUES,
    IncidentEntry,
    columns_for,
    detail,
    heading,
    line,
    passes,
)

OPEN = IncidentEntry(incident(opened=12 * MINUTE, verdict=Verdict.PSK_MISMATCH))
OVER = IncidentEntry(
    incident(opened=2 * DAY, closed=2 * DAY - HOUR, by="anna"),
    (Note(NOW, "anna", "a power cut"), Note(NOW, "ben", "it is back")),
    replace(sample_exchanges.server("fra1"), tags=("EU", "edge")),
)
FLAPPING = IncidentEntry(
    incident("lon3", opened=DAY, closed=HOUR, verdict=Verdict.SLOW, severity=Severity.DEGRADED, flapping=True)
)


CHANGED = IncidentEntry(
    replace(
        OVER.incident,
        verdicts=tuple(
            VerdictChange(OVER.incident.opened_at + number * MINUTE, each, "")
            for number, each in enumerate((Verdict.SLOW, Verdict.SILENT, Verdict.HEALTHY))
        ),
    )
)


def drawn(entry: IncidentEntry, width: int = 120, *, with_server: bool = True) -> str:
    columns = columns_for(width, with_server=with_server)
    return line(entry, NOW, columns, text_style(width)).plain


def test_an_open_incident_says_so_and_how_long_it_has_lasted() -> None:
    words = drawn(OPEN).split()
    assert words == ["✖", "down", "fra1", "psk-mismatch", "19:18", "12", "min", "open"]


@pytest.mark.parametrize("width", [57, 77])
def test_without_notes_the_state_tells_open_from_closed(width: int) -> None:
    assert drawn(OPEN, width).split()[:2] == ["✖", "down"]
    assert drawn(OVER, width).split()[:2] == ["✖", "closed"]
    assert drawn(OVER, 160).split()[:2] == ["✖", "down"]


def test_one_that_is_over_says_how_long_it_lasted_who_knew_and_the_last_note() -> None:
    words = " ".join(drawn(OVER, 160).split())
    assert words == ("✖ down ✓ fra1 silent Nov 20 19:30 1 h 00 min ✓ anna Nov 20 19:31 it is back")


def test_one_that_others_saw_says_from_where() -> None:
    regional = IncidentEntry(incident(opened=12 * MINUTE, vantage="local,nyc"))
    assert drawn(regional).endswith("open  from local, nyc")
    assert "from" not in drawn(OPEN)


def test_the_sequence_of_verdicts_stands_in_the_line_and_with_its_times_in_the_details() -> None:
    assert "slow, then silent, then healthy" in drawn(CHANGED, 160)
    words = " ".join(detail(CHANGED, NOW, text_style(120)).plain.split())
    assert "verdicts: slow Nov 20 19:30, then silent Nov 20 19:31, then healthy Nov 20 19:32" in words


def test_a_sequence_of_one_verdict_is_only_the_headline() -> None:
    single = replace(CHANGED, incident=replace(CHANGED.incident, verdicts=CHANGED.incident.verdicts[:1]))
    assert "verdicts" not in detail(single, NOW, text_style(120)).plain
    assert "slow" not in drawn(single, 160)


def test_verdicts_that_were_left_out_are_counted_in_their_place() -> None:
    changes = (CHANGED.incident.verdicts * MAX_VERDICTS)[:MAX_VERDICTS]
    long = replace(CHANGED, incident=replace(CHANGED.incident, verdicts=changes, omitted_verdicts=5))
    words = detail(long, NOW, text_style(120)).plain.replace("\n", " ")
    before, after = words.split("then 5 more, then")
    assert before.count("Nov 20") - 3 == after.count("Nov 20") == MAX_VERDICTS // 2


@pytest.mark.parametrize("chosen", ["verdict:slow", "slow", "verdict:silent"])
def test_every_verdict_that_it_had_finds_it(chosen: str) -> None:
    assert passes(CHANGED, parse_filter(chosen, values=INCIDENT_VALUES), NOW)
    assert not passes(CHANGED, parse_filter("verdict:lossy"), NOW)


def test_the_verdict_has_its_own_colour() -> None:
    flapping = replace(FLAPPING.incident, closed_at=None, severity=Severity.DOWN)
    columns, style = columns_for(120, with_server=True), text_style()
    found = line(IncidentEntry(flapping), NOW, columns, style)
    at = found.plain.index("slow")
    [colour] = [span.style for span in found.spans if span.start <= at < span.end]
    assert colour == style.palette.severity[Severity.DEGRADED]


def test_only_an_open_one_is_loud() -> None:
    down = text_style().palette.severity[Severity.DOWN]

    def is_loud(entry: IncidentEntry) -> bool:
        columns = columns_for(120, with_server=True)
        return any(span.style == down for span in line(entry, NOW, columns, text_style()).spans)

    assert is_loud(OPEN)
    assert not is_loud(OVER)


@pytest.mark.parametrize("width", [76, 77, 100, 140, 200])
@pytest.mark.parametrize("with_server", [True, False])
@pytest.mark.parametrize("entry", [OPEN, OVER, FLAPPING])
def test_a_line_fits_and_stands_under_its_heading(
    width: int, with_server: bool, entry: IncidentEntry
) -> None:
    columns = columns_for(width, with_server=with_server)
    text = drawn(entry, width, with_server=with_server)
    titles = heading(columns)
    assert len(text) <= width
    assert text[titles.index("cause") :].startswith(entry.incident.verdict.slug)
    assert text[: titles.index("opened") + len("opened")].endswith(("19:18", "19:30"))


def test_a_name_from_outside_does_not_reach_the_terminal_as_it_is() -> None:
    evil = IncidentEntry(
        replace(OPEN.incident, server="a\x1b[2J", summary="b\x07", acknowledged_by="\x1b", acknowledged_at=1),
        (Note(NOW, "c\x1b", "d\x07"),),
    )
    told = drawn(evil, 200) + detail(evil, NOW, text_style()).plain
    assert "\x1b" not in told
    assert "\x07" not in told


def test_the_detail_tells_everything_and_every_note() -> None:
    words = " ".join(detail(OVER, NOW, text_style(80)).plain.split())
    assert words == (
        "No answer. Silence alone does not show the cause. "
        "from Nov 20 19:30 to Nov 20 20:30, 1 h 00 min, acknowledged by anna Nov 20 19:31 "
        "note anna, 19:30: a power cut note ben, 19:30: it is back"
    )


def test_the_detail_of_one_nobody_knows_of_says_so() -> None:
    assert "to now, 12 min, not acknowledged" in detail(OPEN, NOW, text_style()).plain


@pytest.mark.parametrize(
    ("typed", "passing"),
    [
        ("", [OPEN, OVER, FLAPPING]),
        ("open", [OPEN]),
        ("!open", [OVER, FLAPPING]),
        ("closed", [OVER, FLAPPING]),
        ("acknowledged", [OVER]),
        ("!acknowledged open", [OPEN]),
        ("flapping", [FLAPPING]),
        ("state:down", [OPEN, OVER]),
        ("down", [OPEN, OVER]),
        ("degraded", [FLAPPING]),
        ("state:op", [OPEN]),
        ("state:deg", [FLAPPING]),
        ("verdict:psk", [OPEN]),
        ("tag:eu", [OVER]),
        ("name:lon", [FLAPPING]),
        ("endpoint:fra1.ex", [OVER]),
        ("power", [OVER]),
        ("ANNA", [OVER]),
        ("fra1 !silent", [OPEN]),
        ("nothing-like-it", []),
    ],
)
def test_a_filter_lets_through_what_it_says(typed: str, passing: list[IncidentEntry]) -> None:
    chosen = parse_filter(typed, values=INCIDENT_VALUES)
    assert [entry for entry in (OPEN, OVER, FLAPPING) if passes(entry, chosen, NOW)] == passing
