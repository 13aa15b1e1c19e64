"""Apprise sink: the real apprise against a loopback server."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time

import pytest

from tests.alerts.http_receiver import HANG, Receiver, answer
from tests.alerts.sample_announcements import announcement, recovered
from wgmon_tui.alerts.models import GiveUpError, RetryError
from wgmon_tui.alerts.sinks.apprise import send
from wgmon_tui.config.alerting import Apprise, Sink

SINK = Sink("other", Apprise(), timeout=30)

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
"""Warnings of apprise itself, from its search for optional libraries."""


def url(receiver: Receiver, path: str = "s3cr3t-topic") -> str:
    return f"json://127.0.0.1:{receiver.port}/{path}"


def test_title_body_and_type_arrive() -> None:
    with Receiver(answer(200)) as receiver:
        send(SINK, announcement(), {"url": url(receiver)})
        send(SINK, recovered(), {"url": url(receiver)})
    first, second = receiver.heard
    assert first.json["title"] == "✖ fra1 is down: silent"
    assert str(first.json["message"]).startswith("fra1 gives no answer.\n")
    assert first.json["type"] == "failure"
    assert second.json["type"] == "success"


def test_one_message_after_another_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second message on one object of Apprise would wait 5.5 s."""
    waits: list[float] = []
    with Receiver(answer(200)) as receiver:
        there = f"ntfy://127.0.0.1:{receiver.port}/s3cr3t-topic"
        send(SINK, announcement(), {"url": there})
        monkeypatch.setattr(time, "sleep", waits.append)
        send(SINK, announcement(), {"url": there})
    assert waits == []
    assert len(receiver.heard) == 2


def test_a_service_that_does_not_take_it_is_tried_again_and_nothing_is_logged(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with Receiver(answer(500, "s3cr3t")) as receiver, pytest.raises(RetryError) as raised:
        send(SINK, announcement(), {"url": url(receiver)})
    assert (
        raised.value.reason == "apprise could not deliver it; for the reason, type `apprise -vv -b test URL`"
    )
    assert "s3cr3t" not in caplog.text + "".join(capfd.readouterr())


def test_a_service_that_hangs_is_left(caplog: pytest.LogCaptureFixture) -> None:
    with Receiver(HANG) as receiver, pytest.raises(RetryError):
        send(SINK, announcement(), {"url": url(receiver) + "?rto=0.3"})
    assert "s3cr3t" not in caplog.text


@pytest.mark.parametrize("wrong", ["", "s3cr3t", "nosuchservice://s3cr3t"])
def test_a_url_that_apprise_does_not_know_is_not_repeated(
    wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(GiveUpError) as raised:
        send(SINK, announcement(), {"url": wrong})
    assert "s3cr3t" not in raised.value.reason + caplog.text


def test_it_is_loaded_only_when_it_is_used() -> None:
    look = (
        "import sys\nfrom wgmon_tui.alerts.sinks import sender\n"
        "from wgmon_tui.config.alerting import SinkType\n"
        "sender(SinkType.APPRISE); print('apprise' in sys.modules, 'smtplib' in sys.modules)"
    )
    child = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, timeout=60)
    assert child.stdout == "False False\n", child.stderr


@pytest.mark.thorough
def test_while_it_is_imported_no_other_sink_waits_nor_does_the_event_loop() -> None:
    child = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.alerts.apprise_first_import"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert child.returncode == 0, child.stderr
    took = json.loads(child.stdout)
    # Compared in parallel, because this machine may be busy: most of apprise's time is its import.
    assert took["held_up"] < took["apprise"] / 3
    assert took["webhook"] < took["apprise"] / 1.5


def test_where_it_is_not_installed_the_reason_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(RetryError) as raised:
        send(SINK, announcement(), {"url": "json://127.0.0.1"})
    assert raised.value.reason == ("apprise is not installed: pip install 'wgmon-tui[alerts]', then restart")
