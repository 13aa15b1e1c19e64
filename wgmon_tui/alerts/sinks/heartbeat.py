"""Sink for heartbeat pings in the form of Healthchecks: the service raises the alarm if they stop.

A URL without {server} is a dead-man's switch for wgmon-tui: pinged while it checks, /fail at a clean
shutdown. With {server} in the URL, each server has its own check there: pinged while it is not down, /fail
while it is down.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from queue import Empty, SimpleQueue
from threading import Thread
from urllib.parse import quote, urlsplit, urlunsplit

from wgmon_tui.alerts.http_client import post, refusal
from wgmon_tui.alerts.models import Announcement, AnnouncementKind, GiveUpError, RetryError, ServerHeartbeat
from wgmon_tui.alerts.rendering import title
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.alerting import Heartbeat, Sink, options_of

PLACE = "{server}"
_AT_ONCE = 8
_HEADERS = {"Content-Type": "text/plain; charset=utf-8"}
_FAILING = {Severity.UP: False, Severity.DEGRADED: False, Severity.DOWN: True}
_UNKNOWN_THERE = b"OK (not found)"

Ping = tuple[str, str]
"""A URL, and the text that the service stores with the ping."""


def send(sink: Sink, announcement: Announcement, secrets: Mapping[str, str]) -> None:
    """Send the pings. Raises RetryError, GiveUpError."""
    url = secrets["url"]
    if PLACE in url:
        _send_each(sink, list(_of_servers(url, announcement.heartbeats)))
    elif announcement.kind is AnnouncementKind.STOPPED:
        if not announcement.note:  # else checks have resumed: the next ping reports it
            _send(sink, (_failing(url), title(announcement)))
    else:
        _send(sink, (url, title(announcement)))


def _of_servers(url: str, heartbeats: Iterable[ServerHeartbeat]) -> Iterator[Ping]:
    """Yield one ping per server. An unknown state gets no ping: the fault may be on this machine."""
    for beat in heartbeats:
        failing = _FAILING.get(beat.severity)
        if failing is not None:
            its_own = url.replace(PLACE, quote(beat.server, safe=""))
            yield _failing(its_own) if failing else its_own, f"{beat.server} is {beat.severity.word}"


def _failing(url: str) -> str:
    """Return the URL for failures: /fail after the path, before a ?create=1."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url  # the HTTP client reports the error
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/fail"))


def _send(sink: Sink, ping: Ping) -> None:
    url, text = ping
    ca_file = options_of(sink, Heartbeat).ca_file or None
    answer = post(url, text.encode(), _HEADERS, limit_s=sink.timeout, ca_file=ca_file)
    if not answer.is_accepted:
        raise refusal(answer, mendable=True)
    if answer.body.startswith(_UNKNOWN_THERE):
        raise RetryError("the service has no such check; create it, or correct url")


def _send_each(sink: Sink, pings: list[Ping]) -> None:
    """Send several pings at a time: one after another, a hundred would exceed the timeout.

    No ping starts after the timeout: if the first ones hang, all others would too.
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
        reason = "no time left" if reasons.empty() else reasons.get()
        raise RetryError(f"{failed} of {len(pings)} pings failed; one of them: {reason}")
