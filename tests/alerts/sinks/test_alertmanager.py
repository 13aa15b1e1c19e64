"""Alertmanager sink: against Debian's Alertmanager, which receives, groups and resolves; and its requests."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.alerts.http_receiver import Receiver, answer
from tests.alerts.sample_announcements import announcement, announcement_without_incident, incident, snapshot
from tests.real.bound_ports import bound_port
from tests.real.prerequisites import require
from wgmon_tui.alerts.models import Announcement, AnnouncementKind, GiveUpError, IncidentSnapshot, RetryError
from wgmon_tui.alerts.sinks.alertmanager import send
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.alerting import Alertmanager, Sink

PROGRAM = "prometheus-alertmanager"
DEADLINE_S = 60.0
SINK = Sink("am", Alertmanager(every=60.0), timeout=30)


@dataclass(frozen=True, slots=True)
class Running:
    """A running Alertmanager, and the webhook that receives its notifications."""

    url: str
    webhook: Receiver

    def alerts(self) -> list[dict[str, Any]]:
        with urlopen(f"{self.url}/api/v2/alerts", timeout=30) as response:
            return list(json.load(response))

    def passed_on(self, status: str, server: str) -> dict[str, object] | None:
        """Return the last notification with this status about a server."""
        for heard in reversed(self.webhook.heard):
            notification = heard.json
            labels = json.loads(heard.body)["commonLabels"]
            if notification["status"] == status and labels.get("server", server) == server:
                return notification
        return None


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    require(PROGRAM)
    directory = tmp_path_factory.mktemp("alertmanager")
    with Receiver() as webhook:
        (directory / "alertmanager.yml").write_text(
            "route: {receiver: hook, group_by: [tags], group_wait: 0s, group_interval: 1s}\n"
            f"receivers: [{{name: hook, webhook_configs: [{{url: '{webhook.url}'}}]}}]\n"
        )
        arguments = [
            f"--config.file={directory / 'alertmanager.yml'}",
            f"--storage.path={directory}",
            "--web.listen-address=127.0.0.1:0",
            "--cluster.listen-address=",
        ]
        with Path(directory / "log").open("wb") as log:
            process = subprocess.Popen([PROGRAM, *arguments], stdout=log, stderr=log)
        try:
            running = Running(f"http://127.0.0.1:{bound_port(process)}", webhook)
            wait_for(lambda: ready(running.url) or process.poll() is not None)
            assert process.poll() is None, (directory / "log").read_text()
            yield running
        finally:
            process.kill()
            process.wait()


def ready(url: str) -> bool:
    try:
        with urlopen(f"{url}/-/ready", timeout=30) as response:
            return bool(response.status == 200)
    except HTTPError as refused:
        refused.close()
        return False
    except OSError:
        return False


def of(server: str, tags: tuple[str, ...] = (), **changed: object) -> IncidentSnapshot:
    return snapshot(server, incident=incident(server, **changed), tags=tags)  # type: ignore[arg-type]  # by name


def now_open(kind: AnnouncementKind, *about: IncidentSnapshot) -> Announcement:
    """Return an announcement about incidents that opened a moment ago, by this machine's clock."""
    begun = time.time() - 5
    return announcement(
        kind, *(replace(each, incident=replace(each.incident, opened_at=begun)) for each in about)
    )


def test_it_receives_an_incident_and_resolves_it(alertmanager: Running) -> None:
    group = ("resolves",)  # one with an alert of another test in it would go on firing
    opened = now_open(AnnouncementKind.OPENED, of("received", group))
    send(SINK, opened, {"url": alertmanager.url})
    wait_for(lambda: alertmanager.passed_on("firing", "received"))
    over = replace(opened.about[0].incident, closed_at=time.time())
    closed = announcement(AnnouncementKind.RECOVERED, snapshot(incident=over, tags=group))
    send(SINK, closed, {"url": alertmanager.url})
    wait_for(lambda: alertmanager.passed_on("resolved", "received"))


def test_it_stays_one_alert_through_another_cause_and_being_said_again(alertmanager: Running) -> None:
    first = now_open(
        AnnouncementKind.OPENED, of("steady", verdict=Verdict.SLOW, severity=Verdict.SLOW.severity)
    )
    begun = first.about[0].incident.opened_at
    send(SINK, first, {"url": alertmanager.url + "/"})
    [held] = [each for each in alertmanager.alerts() if each["labels"]["server"] == "steady"]
    ends_at = held["endsAt"]
    worse = of("steady", opened_at=begun, verdict=Verdict.SILENT)
    for kind in (AnnouncementKind.CAUSE_CHANGED, AnnouncementKind.FIRING, AnnouncementKind.ACKNOWLEDGED):
        send(SINK, announcement(kind, worse), {"url": alertmanager.url})
    [held] = [each for each in alertmanager.alerts() if each["labels"]["server"] == "steady"]
    assert held["annotations"]["verdict"] == "silent"
    assert held["endsAt"] > ends_at, "moved on each time that it is said again"


def test_it_groups_by_what_the_servers_share(alertmanager: Running) -> None:
    about = [of(f"grouped{number}", ("one-uplink",)) for number in range(20)]
    send(SINK, now_open(AnnouncementKind.OPENED, *about), {"url": alertmanager.url})

    def together() -> bool:
        return any(len(json.loads(heard.body)["alerts"]) == 20 for heard in alertmanager.webhook.heard)

    wait_for(together)


def test_a_test_arrives(alertmanager: Running) -> None:
    send(
        SINK,
        replace(announcement_without_incident(AnnouncementKind.TEST), at=time.time()),
        {"url": alertmanager.url},
    )
    assert "WgmonTest" in {each["labels"]["alertname"] for each in alertmanager.alerts()}


def test_whatever_stands_in_a_text_is_taken(alertmanager: Running) -> None:
    odd = of('o"dd\\ {name}\u2028', ('a="b"', "ä"), summary="line\nline \x00 ☃")
    send(SINK, now_open(AnnouncementKind.OPENED, odd), {"url": alertmanager.url})


def sent(said: Announcement, sink: Sink = SINK, **secrets: str) -> list[dict[str, Any]]:
    with Receiver() as receiver:
        send(sink, said, {"url": receiver.url, **secrets})
    [heard] = receiver.heard
    assert (heard.method, heard.path) == ("POST", "/api/v2/alerts")
    return list(json.loads(heard.body))


def seconds_ahead(alert: dict[str, Any]) -> float:
    return datetime.fromisoformat(alert["endsAt"]).timestamp() - time.time()


def test_an_alert_has_labels_annotations_and_times_field_by_field() -> None:
    [alert] = sent(announcement())
    assert set(alert) == {"labels", "annotations", "startsAt", "endsAt"}
    assert alert["labels"] == {
        "alertname": "WireGuardServer",
        "server": "fra1",
        "vantage": "local",
        "tags": ",eu,edge,",
    }
    assert alert["annotations"] == {
        "summary": "fra1 is down: silent",
        "description": "fra1 gives no answer.",
        "verdict": "silent",
        "severity": "down",
        "incident": "id-of-fra1",
        "endpoint": "fra1.example.net:51820",
        "evidence": "no authentic answer within 5.00 s",
        "next": "on the server: wg show wg0 peers — must list qRCwZSKI…",
    }
    assert alert["startsAt"] == "2026-11-22T11:59:30.000+00:00"


@pytest.mark.parametrize(("every", "least"), [(10.0, 290), (60.0, 290), (180.0, 710)])
def test_an_open_incident_ends_well_after_the_next_time_that_it_is_said(every: float, least: float) -> None:
    [alert] = sent(announcement(), replace(SINK, options=Alertmanager(every=every)))
    assert seconds_ahead(alert) > least


def test_a_closed_incident_ends_when_it_did_and_never_before_it_began() -> None:
    over = incident(closed_at=1_795_348_900.0)
    [alert] = sent(announcement(AnnouncementKind.RECOVERED, snapshot(incident=over)))
    assert alert["endsAt"] == "2026-11-22T12:01:40.000+00:00"
    [alert] = sent(announcement(AnnouncementKind.RECOVERED, snapshot(incident=replace(over, closed_at=1.0))))
    assert alert["endsAt"] == alert["startsAt"]


def test_labels_of_the_operators_stand_beside_ours() -> None:
    sink = replace(SINK, options=Alertmanager(labels=(("severity", "critical"), ("vantage", "fra"))))
    [alert] = sent(announcement(), sink)
    assert alert["labels"]["severity"] == "critical"
    assert alert["labels"]["vantage"] == "fra"


def test_the_end_of_the_writer_is_an_alert_of_its_own() -> None:
    [alert] = sent(announcement_without_incident(AnnouncementKind.STOPPED))
    assert alert["labels"] == {"alertname": "WgmonStopped", "vantage": "bastion1"}
    assert seconds_ahead(alert) > 290


def test_nothing_open_is_nothing_to_say() -> None:
    with Receiver() as receiver:
        send(SINK, announcement_without_incident(AnnouncementKind.FIRING), {"url": receiver.url})
    assert receiver.heard == []


@pytest.mark.parametrize(
    ("options", "secrets", "header"),
    [
        (Alertmanager(), {"token": "t0k3n"}, "Bearer t0k3n"),
        (Alertmanager(username="ada"), {"password": "p"}, "Basic YWRhOnA="),
    ],
)
def test_it_is_told_who_we_are(options: Alertmanager, secrets: dict[str, str], header: str) -> None:
    with Receiver() as receiver:
        send(replace(SINK, options=options), announcement(), {"url": receiver.url, **secrets})
    assert receiver.heard[0].headers["authorization"] == header


@pytest.mark.parametrize(("status", "error"), [(400, GiveUpError), (503, RetryError)])
def test_a_refusal_says_its_status(status: int, error: type[Exception]) -> None:
    with Receiver(answer(status)) as receiver, pytest.raises(error) as raised:
        send(SINK, announcement(), {"url": receiver.url})
    assert str(raised.value).startswith(f"HTTP {status} ")
