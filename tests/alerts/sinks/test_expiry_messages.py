"""What each sink says of certificates and keys that end: what, of which server, until when, what to type."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.alerts.http_receiver import Receiver, answer
from tests.alerts.sample_announcements import NOON
from tests.alerts.sinks.mail_server import Postbox, post_office, to
from wgmon_tui.alerts.markup import PLAIN
from wgmon_tui.alerts.models import Announcement, AnnouncementKind, ExpiryNotice
from wgmon_tui.alerts.rendering import message, plain, title
from wgmon_tui.alerts.sinks import sender
from wgmon_tui.config.alerting import (
    DAY_S,
    Alertmanager,
    Apprise,
    Command,
    Discord,
    Options,
    Sink,
    Slack,
    Telegram,
    Webhook,
)

CERTIFICATE = ExpiryNotice("fra1", "server certificate", "vpn.example.net", NOON + 6.5 * DAY_S)
KEY = ExpiryNotice("office mesh", "API key", "", NOON - 3600.0)

SOON = Announcement("expiry-1", AnnouncementKind.EXPIRY, NOON, vantage="bastion1", expiries=(CERTIFICATE,))
MANY = replace(SOON, expiries=(KEY, CERTIFICATE))


@pytest.fixture(autouse=True)
def in_utc() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def test_the_title_says_what_ends_of_which_server_and_when() -> None:
    assert title(SOON) == (
        "▲ fra1: server certificate vpn.example.net ends 2026-11-29 00:00 UTC, in 6 d 12 h"
    )


def test_what_has_ended_is_said_to_have_ended() -> None:
    assert title(replace(SOON, expiries=(KEY,))) == (
        "▲ office mesh: API key ended 2026-11-22 11:00 UTC, 1 h 00 min ago"
    )


def test_several_are_one_title_and_a_line_each() -> None:
    assert plain(MANY) == (
        "▲ 2 certificates and keys of 2 servers end soon; first: "
        "office mesh: API key ended 2026-11-22 11:00 UTC, 1 h 00 min ago\n\n"
        "· office mesh: API key ended 2026-11-22 11:00 UTC, 1 h 00 min ago\n"
        "· fra1: server certificate vpn.example.net ends 2026-11-29 00:00 UTC, in 6 d 12 h\n\n"
        "to list the dates, type:\nwgmon-tui expiry\nseen from bastion1"
    )


def test_the_command_is_quoted_for_a_shell() -> None:
    assert "\nwgmon-tui expiry 'office mesh'\n" in plain(replace(SOON, expiries=(KEY,)))


def test_those_that_find_no_room_are_counted() -> None:
    many = replace(SOON, expiries=tuple(replace(CERTIFICATE, name=f"{each}.net") for each in range(200)))
    text = message(many, PLAIN, 2000)
    assert len(text) <= 2000
    assert " more\n" in text
    assert "wgmon-tui expiry fra1" in text


def test_no_control_character_and_no_key_of_a_certificate_goes_out() -> None:
    nasty = replace(CERTIFICATE, name="\x1b]0;x\x07 qRCwZSKInrMAq5sepfCdaCsRJaoLe5jhtzfiw7CjbwM=")
    text = plain(replace(SOON, expiries=(nasty,)))
    assert "\x1b" not in text
    assert "qRCwZSKInrMAq5sepf" not in text


@pytest.mark.parametrize(
    ("options", "secrets"),
    [
        (Slack(), {"url": "{url}/services/x"}),
        (Discord(), {"url": "{url}/api/webhooks/x"}),
        (Telegram("1"), {"token": "123456:AAxx"}),
        (Webhook(), {"url": "{url}"}),
        (Alertmanager(), {"url": "{url}"}),
        (Apprise(), {"url": "json://127.0.0.1:{port}/x"}),
    ],
    ids=lambda each: type(each).__name__ if not isinstance(each, dict) else "",
)
@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_every_service_gets_server_thing_date_and_command(options: Options, secrets: dict[str, str]) -> None:
    with Receiver(answer(200, "ok")) as receiver:
        if isinstance(options, Telegram):
            options = replace(options, api=receiver.url)
        there = {key: value.format(url=receiver.url, port=receiver.port) for key, value in secrets.items()}
        sink = Sink("there", options, timeout=30)
        sender(sink.type)(sink, SOON, there)
    said = json.dumps(json.loads(receiver.heard[0].body)).replace("\\\\", "")
    for part in ("fra1", "server certificate", "2026-11-29", "wgmon-tui expiry fra1"):
        assert part in said, part
    assert "vpn.example.net" in said.replace("\\", "")


def test_a_letter_says_it_in_the_subject_and_the_command_in_the_text() -> None:
    postbox = Postbox()
    with post_office(postbox) as port:
        sink = to(port, security="none")
        sender(sink.type)(sink, SOON, {})
    [letter] = postbox.letters
    assert letter["Subject"] == title(SOON)
    assert "\nwgmon-tui expiry fra1\n" in letter.get_content().replace("\r", "")


def test_a_program_gets_each_with_its_date(tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    sink = Sink("page", Command(("/bin/sh", "-c", 'cat > "$1"', "sh", str(heard))))
    sender(sink.type)(sink, MANY, {})
    said = json.loads(heard.read_text())
    assert (said["kind"], said["severity"], said["incidents"]) == ("expiry", None, [])
    assert said["expiries"][1] == {
        "server": "fra1",
        "what": "server certificate",
        "name": "vpn.example.net",
        "ends_at": "2026-11-29T00:00:00.000+00:00",
        "left_s": 561_600,
        "next": "wgmon-tui expiry fra1",
    }


def test_the_alertmanager_gets_an_alert_for_each_with_labels_that_stay() -> None:
    with Receiver() as receiver:
        sink = Sink("am", Alertmanager(), timeout=30)
        sender(sink.type)(sink, MANY, {"url": receiver.url})
    alerts = json.loads(receiver.heard[0].body)
    assert [set(alert["labels"]) for alert in alerts] == [
        {"alertname", "server", "what", "name", "vantage"}
    ] * 2
    assert alerts[1]["labels"] == {
        "alertname": "WgmonExpiry",
        "server": "fra1",
        "what": "server certificate",
        "name": "vpn.example.net",
        "vantage": "bastion1",
    }
