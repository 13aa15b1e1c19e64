"""Sink for Discord, by a channel's webhook. Texts never mention anyone, and links show no preview."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from wgmon_tui.alerts.http_client import JSON_HEADERS, json_body, number, post, refusal, service_reason
from wgmon_tui.alerts.markup import DISCORD
from wgmon_tui.alerts.models import Announcement
from wgmon_tui.alerts.rendering import message
from wgmon_tui.config.alerting import Sink

_LONGEST = 2000
_SUPPRESS_EMBEDS = 1 << 2


def send(sink: Sink, announcement: Announcement, secrets: Mapping[str, str]) -> None:
    """Post the message. Raises RetryError, GiveUpError."""
    body = json_body(
        {
            "content": message(announcement, DISCORD, _LONGEST),
            "allowed_mentions": {"parse": []},
            "flags": _SUPPRESS_EMBEDS,
        }
    )
    url = secrets["url"]
    answer = post(_with_wait(url), body, JSON_HEADERS, limit_s=sink.timeout)
    if not answer.is_accepted:
        reply = answer.json()
        said = service_reason(reply.get("message"), *url.split("/"))
        raise refusal(answer, said, number(reply.get("retry_after")))


def _with_wait(url: str) -> str:
    """Add `wait` to the URL: without it, Discord accepts a message before it has checked it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url  # the HTTP client reports the error
    query = {**dict(parse_qsl(parts.query)), "wait": "true"}
    return urlunsplit(parts._replace(query=urlencode(query)))
