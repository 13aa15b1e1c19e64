"""Rendering in every markup: without keys, within the limits, and safe against text from outside."""

from __future__ import annotations

import html
import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.alerts.sample_announcements import (
    NOON,
    PUBLIC_KEY,
    announcement,
    announcement_without_incident,
    incident,
    recovered,
    snapshot,
)
from wgmon_tui.alerts.markup import DISCORD, PLAIN, SLACK, TELEGRAM, Markup, units
from wgmon_tui.alerts.models import Announcement, AnnouncementKind
from wgmon_tui.alerts.rendering import as_json, message, plain, title, without_keys
from wgmon_tui.checks.verdict import Cause, Severity, Verdict
from wgmon_tui.store.formats.incident_snapshot import VantageVerdict

BOND = "the address 203.0.113.7"


@pytest.fixture(autouse=True)
def in_utc() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def acknowledged() -> Announcement:
    seen = incident(acknowledged_at=NOON, acknowledged_by="ada")
    return announcement(AnnouncementKind.ACKNOWLEDGED, snapshot(incident=seen, who="ada", note="on it"))


def flapping() -> Announcement:
    return announcement(AnnouncementKind.CAUSE_CHANGED, snapshot(incident=incident(flapping=True)))


def several(kind: AnnouncementKind, servers: int = 20, common_cause: str = BOND) -> Announcement:
    return announcement(
        kind, *(snapshot(f"fra{number}") for number in range(servers)), common_cause=common_cause
    )


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (announcement(), "✖ fra1 is down: silent"),
        (announcement(AnnouncementKind.OPENED, snapshot(verdict=Verdict.SLOW)), "▲ fra1 is degraded: slow"),
        (announcement(AnnouncementKind.CAUSE_CHANGED), "✖ fra1 is still down, now: silent"),
        (flapping(), "✖ fra1 alternates between down and up (flapping): silent"),
        (
            announcement(AnnouncementKind.REMINDER, at=NOON + 7200),
            "✖ fra1 is still down after 2 h 00 min: silent",
        ),
        (
            announcement(AnnouncementKind.ESCALATION, at=NOON + 600),
            "✖ fra1 has been down for 10 min without acknowledgement: silent",
        ),
        (acknowledged(), "✖ fra1 is down: acknowledged by ada"),
        (recovered(), "● fra1 is up again after 12 min"),
        (recovered(note="paused"), "? fra1: the incident is over after 12 min (paused)"),
        (several(AnnouncementKind.OPENED), "✖ 20 servers: 20 down, all with the address 203.0.113.7"),
        (
            announcement(AnnouncementKind.OPENED, snapshot("a"), snapshot("b", Verdict.SLOW)),
            "✖ 2 servers: 1 down, 1 degraded",
        ),
        (several(AnnouncementKind.REMINDER, 2, ""), "✖ 2 servers: 2 down; still not up"),
        (several(AnnouncementKind.ESCALATION, 2, ""), "✖ 2 servers: 2 down; not acknowledged"),
        (several(AnnouncementKind.RECOVERED, 2), "● 2 servers up again, all with the address 203.0.113.7"),
        (announcement_without_incident(AnnouncementKind.TEST), "wgmon-tui: test message; alerts arrive here"),
        (
            announcement_without_incident(AnnouncementKind.STOPPED),
            "wgmon-tui on bastion1 has stopped: servers are not being checked",
        ),
        (
            announcement_without_incident(AnnouncementKind.STOPPED, "from 11:00 to 12:00"),
            "wgmon-tui did not check for a while: from 11:00 to 12:00",
        ),
    ],
)
def test_the_title_says_who_what_and_why(said: Announcement, line: str) -> None:
    assert title(said) == line


def test_a_message_has_the_sentence_since_when_the_evidence_and_what_to_type_next() -> None:
    assert plain(announcement()) == (
        "✖ fra1 is down: silent\n"
        "\n"
        "fra1 gives no answer.\n"
        "since 2026-11-22 11:59:30 UTC\n"
        "fra1.example.net:51820 (203.0.113.7)\n"
        "· no authentic answer within 5.00 s\n"
        "cause (likely): the server does not know our key; next:\n"
        "on the server:\n"
        "wg show wg0 peers\n"
        "must list qRCwZSKI…\n"
        "\n"
        "seen from bastion1"
    )


def test_a_recovery_says_how_long_it_lasted_and_gives_no_advice() -> None:
    assert plain(recovered()) == (
        "● fra1 is up again after 12 min\n"
        "\n"
        "was down: fra1 gives no answer.\n"
        "from 2026-11-22 11:59:30 UTC, for 12 min\n"
        "fra1.example.net:51820 (203.0.113.7)\n"
        "\n"
        "seen from bastion1"
    )


def test_of_many_servers_the_worst_three_are_told_in_full_and_the_others_on_a_line() -> None:
    text = plain(several(AnnouncementKind.OPENED))
    assert text.count("gives no answer") == 3
    assert "✖ fra3: silent, since 2026-11-22 11:59:30 UTC" in text
    assert "✖ fra19: silent" in text


def test_servers_that_find_no_room_are_counted() -> None:
    text = message(several(AnnouncementKind.OPENED, 1000), DISCORD, 2000)
    assert units(text) <= 2000
    more = re.search(r"and ([0-9]+) servers more", text)
    assert more
    assert text.count("✖ fra") == 1000 - int(more[1])


def test_what_was_held_back_or_is_late_says_so() -> None:
    told = announcement(
        AnnouncementKind.OPENED, snapshot(suppressed_by="quiet hours 22:00-07:00"), late_s=3700.0
    )
    assert "delayed: quiet hours 22:00-07:00\n" in plain(told)
    assert plain(told).endswith("this message is 1 h 01 min late")


def test_who_acknowledged_and_what_they_said_is_told() -> None:
    assert "note from ada: on it" in plain(acknowledged())


def test_no_key_goes_out_in_any_form() -> None:
    assert without_keys(f"x {PUBLIC_KEY}, y") == "x qRCwZSKI…, y"
    leaky = announcement(
        AnnouncementKind.OPENED,
        snapshot(
            incident=incident(summary=f"holds {PUBLIC_KEY}"),
            evidence=(f"the server answered its other known key {PUBLIC_KEY}",),
            note=PUBLIC_KEY,
            suppressed_by=PUBLIC_KEY,
            who=PUBLIC_KEY,
        ),
        common_cause=PUBLIC_KEY,
        note=PUBLIC_KEY,
    )
    for kind in AnnouncementKind:
        said = replace(leaky, kind=kind)
        everything = [message(said, markup, 100_000) for markup in MARKUPS.values()]
        everything.append(json.dumps(as_json(said)))
        assert not any(PUBLIC_KEY[10:] in text for text in everything)


MARKUPS = {"plain": PLAIN, "slack": SLACK, "telegram": TELEGRAM, "discord": DISCORD}

NASTY = (
    "<!channel> <@U1> & <b>x</b> @everyone `tick` *bold* _slant_ ~gone~ ||s|| [a](http://b) \\ \x1b[31m\n> #"
)


def nasty() -> Announcement:
    bad = snapshot(
        incident=incident(NASTY, summary=NASTY), evidence=(NASTY,), causes=(Cause(NASTY, NASTY, NASTY),),
        endpoint=NASTY, note=NASTY, who=NASTY, suppressed_by=NASTY,
    )  # fmt: skip
    return announcement(AnnouncementKind.OPENED, bad, common_cause=NASTY, vantage=NASTY, note=NASTY)


@pytest.mark.parametrize("markup", MARKUPS.values(), ids=MARKUPS)
@pytest.mark.parametrize("kind", AnnouncementKind)
def test_nothing_that_moves_a_cursor_or_breaks_a_line_survives(
    kind: AnnouncementKind, markup: Markup
) -> None:
    text = message(replace(nasty(), kind=kind), markup, 100_000)
    assert all(character.isprintable() or character == "\n" for character in text)


def test_slack_sees_no_mention_no_link_and_no_style_but_ours() -> None:
    text = message(nasty(), SLACK, 3000)
    assert "<" not in text
    assert ">" not in text
    assert re.sub(r"&(amp|lt|gt);", "", text).count("&") == 0
    first, *lines = text.split("\n")
    assert (first[0], first[-1]) == ("*", "*")
    for line in (first[1:-1], *(each for each in lines if not each.startswith("`"))):
        assert not re.search(r"(^|[^A-Za-z0-9])[*_~`]|[*_~`]($|[^A-Za-z0-9])", line)


def test_slack_shows_what_to_type_as_it_is_typed() -> None:
    typed = snapshot(causes=(Cause("c", "w", "on the server: ping ~/*_x* && true"),))
    assert "\n`ping ~/*_x* &amp;&amp; true`" in message(
        announcement(AnnouncementKind.OPENED, typed), SLACK, 3000
    )


def test_telegram_gets_html_that_reads_as_what_was_meant() -> None:
    text = message(nasty(), TELEGRAM, 4096)
    bare = re.sub(r"</?(b|code)>", "", text)
    assert "<" not in bare
    assert ">" not in bare
    assert "<b>x</b>" in html.unescape(bare)
    assert text.count("<b>") == text.count("</b>")
    assert text.count("<code>") == text.count("</code>")


def test_discord_gets_each_mark_escaped_outside_of_code() -> None:
    text = message(nasty(), DISCORD, 100_000)
    first, *lines = text.split("\n")
    for line in (first[2:-2], *(each for each in lines if each and each[0] != "`")):
        assert not re.search(r"(?<!\\)[*_~`|<>\[\]()#@]", line.replace("\\\\", ""))


texts = st.text(st.characters(codec="utf-8"), max_size=900)
verdicts = st.sampled_from([each for each in Verdict if each.severity in (Severity.DOWN, Severity.DEGRADED)])
matters = st.builds(
    lambda name, text, fix, verdict: snapshot(
        incident=incident(name[:63] or "x", verdict, summary=text, severity=verdict.severity),
        evidence=(text, fix), causes=(Cause(text, text, fix),), endpoint=text, note=text,
    ),
    texts, texts, texts, verdicts,
)  # fmt: skip
announcements = st.builds(
    lambda kind, about, common_cause, note: announcement(
        kind, *about, common_cause=common_cause, note=note, vantage=common_cause[:63], late_s=99.0
    ),
    st.sampled_from(AnnouncementKind), st.lists(matters, max_size=6), texts, texts,
)  # fmt: skip


@given(announcements, st.sampled_from([(SLACK, 3000), (TELEGRAM, 4096), (DISCORD, 2000)]))
def test_whatever_is_said_fits_the_service_and_begins_with_the_title(
    said: Announcement, service: tuple[Markup, int]
) -> None:
    markup, most = service
    text = message(said, markup, most)
    assert markup.length(text) <= most
    assert text.startswith(markup.strong(title(said)))


@given(announcements)
def test_whatever_is_said_is_json_with_one_line_texts(said: Announcement) -> None:
    value = json.loads(json.dumps(as_json(said)))
    assert value["version"] == 1
    assert len(value["incidents"]) == len(said.about)
    assert "\n" not in value["title"]


def test_the_json_is_the_one_that_others_script_against() -> None:
    closed = recovered()
    value = as_json(replace(closed, common_cause=BOND, late_s=61.5))
    assert value == {
        "version": 1,
        "id": "announcement-1",
        "kind": "recovered",
        "at": "2026-11-22T12:12:00.000+00:00",
        "severity": "down",
        "title": "● fra1 is up again after 12 min",
        "text": plain(replace(closed, late_s=61.5)),
        "vantage": "bastion1",
        "bond": BOND,
        "late_s": 61.5,
        "note": None,
        "incidents": [
            {
                "id": "id-of-fra1",
                "server": "fra1",
                "endpoint": "fra1.example.net:51820",
                "address": "203.0.113.7",
                "tags": ["eu", "edge"],
                "vantage": "local",
                "seen_from": None,
                "verdict": "silent",
                "severity": "down",
                "summary": "fra1 gives no answer.",
                "verdict_now": "silent",
                "verdicts": [],
                "verdicts_omitted": 0,
                "opened_at": "2026-11-22T11:59:30.000+00:00",
                "closed_at": "2026-11-22T12:12:00.000+00:00",
                "duration_s": 750.0,
                "flapping": False,
                "acknowledged_at": None,
                "acknowledged_by": None,
                "evidence": ["no authentic answer within 5.00 s"],
                "causes": [
                    {
                        "cause": "the server does not know our key",
                        "why": "WireGuard drops an unknown peer without a word",
                        "fix": "on the server: wg show wg0 peers — must list qRCwZSKI…",
                        "hypothesis": None,
                        "proven": False,
                    }
                ],
                "possible_causes": 1,
                "who": None,
                "note": None,
                "held_back": None,
            }
        ],
        "expiries": [],
    }


# From several vantages


def test_a_message_about_a_server_that_others_see_too_says_who_tells_it_and_what_each_says() -> None:
    vantage_verdicts = (
        VantageVerdict("local", Severity.UP, Verdict.HEALTHY),
        VantageVerdict("nyc", Severity.DOWN, Verdict.SILENT),
    )
    said = announcement(
        AnnouncementKind.OPENED, snapshot(incident=incident(vantage="nyc"), vantage_verdicts=vantage_verdicts)
    )
    assert plain(said).endswith("sent by bastion1")
    [about] = json.loads(json.dumps(as_json(said)))["incidents"]
    assert about["seen_from"] == {"local": "healthy", "nyc": "silent"}
    assert about["vantage"] == "nyc"
