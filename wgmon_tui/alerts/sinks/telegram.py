"""Sink for Telegram, by sendMessage of the Bot API. The URL contains the token, so it is never shown."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from wgmon_tui.alerts.http_client import (
    JSON_HEADERS,
    SinkResponse,
    json_body,
    number,
    post,
    refusal,
    service_reason,
)
from wgmon_tui.alerts.markup import TELEGRAM
from wgmon_tui.alerts.models import Announcement, GiveUpError, RetryError
from wgmon_tui.alerts.rendering import message
from wgmon_tui.config.alerting import Sink, Telegram, options_of

_LONGEST = 4096
_OF_THE_MESSAGE = ("can't parse", "too long", "empty")
"""Texts of a 400 that blame the message. All other 400s concern the chat: not found, moved …"""


def send(sink: Sink, announcement: Announcement, secrets: Mapping[str, str]) -> None:
    """Send the message. Raises RetryError, GiveUpError."""
    options, token = options_of(sink, Telegram), secrets["token"]
    sent: dict[str, object] = {
        "chat_id": options.chat,
        "text": message(announcement, TELEGRAM, _LONGEST),
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": True},
    }
    if options.thread is not None:
        sent["message_thread_id"] = options.thread
    url = f"{options.api.rstrip('/')}/bot{quote(token, safe=':')}/sendMessage"
    answer = post(url, json_body(sent), JSON_HEADERS, limit_s=sink.timeout)
    if not answer.is_accepted:
        raise _refusal(answer, token)


def _refusal(answer: SinkResponse, token: str) -> RetryError | GiveUpError:
    reply = answer.json()
    said = service_reason(reply.get("description"), *token.split(":"))
    parameters = reply.get("parameters")
    more: Mapping[str, object] = parameters if isinstance(parameters, dict) else {}
    if moved := number(more.get("migrate_to_chat_id")):
        return RetryError(f'the chat has moved; set chat = "{moved:.0f}" in config.toml')
    if answer.status == 404:
        return RetryError("HTTP 404 Not Found: Telegram does not know the token; get it from @BotFather")
    mendable = not any(each in said for each in _OF_THE_MESSAGE)
    return refusal(answer, said, number(more.get("retry_after")), mendable=mendable)
