"""Pings as Healthchecks takes them: whoever misses them raises the alarm, when we no longer can.

A URL without {server} is the switch for ourselves: pinged while we check, and told /fail when we end in
order. With {server} in it each server has a check of its own over there: pinged while it is not down, and
told /fail when it is.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from queue import Empty, SimpleQueue
from threading import Thread
from typing import cast
from urllib.parse import quote, urlsplit, urlunsplit

from wgmon_tui.alerts.http_client import post, refusal
from wgmon_tui.alerts.models import Announcement, AnnouncementKind, GiveUpError, RetryError, ServerHeartbeat
from wgmon_tui.alerts.rendering import title
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.alerting import Heartbeat, Sink

PLACE = "{server}"
_AT_ONCE = 8
_HEADERS = {"Content-Type": "text/plain; charset=utf-8"}
_FAILING = {Severity.UP: False, Severity.DEGRADED: False, Severity.DOWN: True}
_UNKNOWN_THERE = b"OK (not found)"

Ping = tuple[str, str]
"""A URL, and the text that is kept with the ping."""


def send(sink: Sink, announcement: Announcement, secrets: Mapping[str, str]) -> None:
    """Raises RetryError, GiveUpError."""
    url = secrets["url"]
    if PLACE in url:
        _send_each(sink, list(_of_servers(url, announcement.heartbeats)))
    elif announcement.kind is AnnouncementKind.STOPPED:
        if not announcement.note:  # else it is over: the next ping says so
            _send(sink, (_failing(url), title(announcement)))
    else:
        _send(sink, (url, title(announcement)))


def _of_servers(url: str, heartbeats: Iterable[ServerHeartbeat]) -> Iterator[Ping]:
    """What is unknown is not told: our own side may be at fault, and then nobody knows how the server is."""
    for beat in heartbeats:
        failing = _FAILING.get(beat.severity)
        if failing is not None:
            its_own = url.replace(PLACE, quote(beat.server, safe=""))
            yield _failing(its_own) if failing else its_own, f"{beat.server} is {beat.severity.word}"


def _failing(url: str) -> str:
    """The address that takes failures: /fail behind the path, before a ?create=1."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url  # the client says what is wrong with it
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/fail"))


def _send(sink: Sink, ping: Ping) -> None:
    url, text = ping
    ca_file = cast("Heartbeat", sink.options).ca_file or None
    answer = post(url, text.encode(), _HEADERS, limit_s=sink.timeout, ca_file=ca_file)
    if not answer.is_accepted:
        raise refusal(answer, mendable=True)
    if answer.body.startswith(_UNKNOWN_THERE):
        raise RetryError("there is no such check over there: make it, or mend the url")


def _send_each(sink: Sink, pings: list[Ping]) -> None:
    """Several at a time: one after another, a hundred would take longer than there is time for.

    No ping begins when the time is over: where the first ones hang, all others would too.
    """
    deadline = time.monotonic() + sink.timeout
    waiting: SimpleQueue[Ping] = SimpleQueue()
    for ping in pings:
        waiting.put(ping)
    reasons: SimpleQueue[str] = SimpleQueue()

    def work() -> None:
        while time.monotonic() < deadline:
            try:
                _send(sink, waiting.get_nowait())
            except Empty:
                return
            except (RetryError, GiveUpError) as error:
                reasons.put(error.reason)

    threads = [Thread(target=work, name="heartbeat", daemon=True) for _ in pings[:_AT_ONCE]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed := reasons.qsize() + waiting.qsize():
        reason = "there was no time left for it" if reasons.empty() else reasons.get()
        raise RetryError(f"{failed} of {len(pings)} pings failed; one of them: {reason}")
