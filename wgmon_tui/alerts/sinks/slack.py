"""Sink for Slack, by an incoming webhook: one mrkdwn section without mentions or links."""

from __future__ import annotations

import re
from collections.abc import Mapping

from wgmon_tui.alerts.http_client import JSON_HEADERS, json_body, post, refusal
from wgmon_tui.alerts.markup import SLACK
from wgmon_tui.alerts.models import Announcement
from wgmon_tui.alerts.rendering import message, title
from wgmon_tui.config.alerting import Sink

_LONGEST_SECTION = 3000
_ERROR_WORD = re.compile(rb"[a-z]{2,12}(?:_[a-z]{2,12}){1,4}")


def send(sink: Sink, announcement: Announcement, secrets: Mapping[str, str]) -> None:
    """Post the message. Raises RetryError, GiveUpError."""
    section = {"type": "mrkdwn", "text": message(announcement, SLACK, _LONGEST_SECTION), "verbatim": True}
    body = json_body(
        {
            "text": SLACK.escape(title(announcement)),  # the text of the notification
            "blocks": [{"type": "section", "text": section}],
            "unfurl_links": False,
            "unfurl_media": False,
        }
    )
    answer = post(secrets["url"], body, JSON_HEADERS, limit_s=sink.timeout)
    if not answer.is_accepted:
        raise refusal(answer, answer.body.decode() if _ERROR_WORD.fullmatch(answer.body) else "")
