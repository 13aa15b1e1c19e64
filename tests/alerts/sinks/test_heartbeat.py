"""Heartbeat sink: Healthchecks pings for wgmon-tui and for each server."""

from __future__ import annotations

import threading
import time

import pytest

from tests.alerts.http_receiver import HANG, Receiver, answer
from tests.alerts.sample_announcements import NOON, announcement_without_incident
from wgmon_tui.alerts.models import Announcement, AnnouncementKind, RetryError, ServerHeartbeat
from wgmon_tui.alerts.sinks.heartbeat import send
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.alerting import Heartbeat, Sink

SINK = Sink("hc", Heartbeat(), timeout=30)
UUID = "/d1665499-e827-441f-bf13-8f15e8f4c0b9"
EACH = "/s3cr3t-ping-key/{server}?create=1"


def beat(*heartbeats: ServerHeartbeat, kind: AnnouncementKind = AnnouncementKind.BEAT) -> Announcement:
    return Announcement("beat-1", kind, NOON, vantage="bastion1", heartbeats=heartbeats)


FLEET = (
    ServerHeartbeat("fra1", Severity.UP),
    ServerHeartbeat("fra2", Severity.DOWN),
    ServerHeartbeat("fra3", Severity.DEGRADED),
    ServerHeartbeat("fra4", Severity.UNKNOWN),
    ServerHeartbeat("fra5", Severity.PAUSED),
    ServerHeartbeat("a b/ü", Severity.UP),
)


def paths(said: Announcement, url: str) -> list[str]:
    with Receiver(answer(200, "OK")) as receiver:
        send(SINK, said, {"url": receiver.url + url})
    return sorted(heard.path for heard in receiver.heard)


@pytest.mark.parametrize("kind", [AnnouncementKind.BEAT, AnnouncementKind.TEST])
def test_while_we_check_there_is_one_ping(kind: AnnouncementKind) -> None:
    assert paths(beat(*FLEET, kind=kind), UUID) == [UUID]


def test_a_ping_says_what_is_checked() -> None:
    with Receiver(answer(200, "OK")) as receiver:
        send(SINK, beat(*FLEET), {"url": receiver.url + UUID})
    [heard] = receiver.heard
    assert (heard.method, heard.body) == ("POST", b"wgmon-tui on bastion1 checks 6 servers")


def test_an_orderly_end_is_told_at_once() -> None:
    assert paths(announcement_without_incident(AnnouncementKind.STOPPED), UUID) == [f"{UUID}/fail"]
    assert paths(announcement_without_incident(AnnouncementKind.STOPPED), "/key/wgmon?create=1") == [
        "/key/wgmon/fail?create=1"
    ]


def test_an_absence_that_is_over_is_no_failure() -> None:
    assert paths(announcement_without_incident(AnnouncementKind.STOPPED, "from 11:00 to 12:00"), UUID) == []


def test_each_server_is_pinged_by_its_own_name_and_fails_only_when_it_is_down() -> None:
    assert paths(beat(*FLEET), EACH) == [
        "/s3cr3t-ping-key/a%20b%2F%C3%BC?create=1",
        "/s3cr3t-ping-key/fra1?create=1",
        "/s3cr3t-ping-key/fra2/fail?create=1",
        "/s3cr3t-ping-key/fra3?create=1",
    ]


def test_a_hundred_servers_are_pinged_several_at_a_time() -> None:
    servers = [ServerHeartbeat(f"s{number}", Severity.UP) for number in range(100)]
    assert len(paths(beat(*servers), EACH)) == 100


def test_a_server_whose_ping_fails_does_not_hold_back_the_others() -> None:
    with Receiver(answer(409), answer(200, "OK")) as receiver, pytest.raises(RetryError) as raised:
        send(SINK, beat(*FLEET), {"url": receiver.url + EACH})
    assert len(receiver.heard) == 4
    assert raised.value.reason == "1 of 4 pings failed; one of them: HTTP 409 Conflict"


def test_a_check_that_is_not_there_is_a_failure_though_the_status_says_ok() -> None:
    with Receiver(answer(200, "OK (not found)")) as receiver, pytest.raises(RetryError) as raised:
        send(SINK, beat(), {"url": receiver.url + UUID})
    assert raised.value.reason == "the service has no such check; create it, or correct url"


def test_what_hangs_is_left_at_the_time_limit_for_all_of_them_together() -> None:
    servers = [ServerHeartbeat(f"s{number}", Severity.UP) for number in range(800)]
    with Receiver(HANG) as receiver:
        begun = time.monotonic()
        with pytest.raises(RetryError) as raised:
            send(Sink("hc", Heartbeat(), timeout=0.3), beat(*servers), {"url": receiver.url + EACH})
        assert time.monotonic() - begun < 20
    assert raised.value.reason == "800 of 800 pings failed; one of them: no answer within 300 ms"
    assert not [each for each in threading.enumerate() if each.name == "heartbeat"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://[s3cr3t/{server}", beat(ServerHeartbeat("fra1", Severity.DOWN))),
        ("http://[s3cr3t", announcement_without_incident(AnnouncementKind.STOPPED)),
        ("s3cr3t", beat()),
    ],
)
def test_what_is_no_url_is_not_repeated(url: str, said: Announcement) -> None:
    with pytest.raises(RetryError) as raised:
        send(SINK, said, {"url": url})
    assert raised.value.reason.endswith("url is not a valid URL; expected https://…")
