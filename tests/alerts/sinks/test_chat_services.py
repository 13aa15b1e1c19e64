"""Slack, Telegram and Discord sinks: their requests as documented, field by field."""

from __future__ import annotations

import json
import traceback

import pytest

from tests.alerts.http_receiver import CLOSE, HANG, Receiver, answer
from tests.alerts.sample_announcements import announcement, incident, snapshot
from wgmon_tui.alerts.models import Announcement, AnnouncementKind, GiveUpError, RetryError
from wgmon_tui.alerts.sinks import sender
from wgmon_tui.config.alerting import Discord, Options, Sink, Slack, Telegram

SLACK_PATH = "/services/T0AAAAAAA/B0BBBBBBB/s3cr3tXXXXXXXXXXXXXXXXXX"
DISCORD_PATH = "/api/webhooks/1234567890/s3cr3t-discord-t0k3n"
TOKEN = "123456:AAs3cr3t-telegram-t0k3n"


def sink(options: Options, timeout: float = 5.0) -> Sink:
    return Sink("chat", options, timeout=timeout)


def tell(to: Options, receiver: Receiver, said: Announcement | None = None, timeout: float = 5.0) -> None:
    """Send with this service; its secret points to the receiver."""
    secrets = {
        Slack: {"url": receiver.url + SLACK_PATH},
        Discord: {"url": receiver.url + DISCORD_PATH},
        Telegram: {"token": TOKEN},
    }[type(to)]
    there = sink(to, timeout)
    sender(there.type)(there, said or announcement(), secrets)


def telegram(receiver: Receiver, thread: int | None = None) -> Telegram:
    return Telegram("-1001234567890", thread, receiver.url)


def mentioning() -> Announcement:
    return announcement(
        AnnouncementKind.OPENED, snapshot(incident=incident("@everyone", summary="<!here> <@U1> @here"))
    )


def test_slack_gets_a_section_of_mrkdwn_and_a_text_for_the_notification() -> None:
    with Receiver(answer(200, "ok")) as receiver:
        tell(Slack(), receiver)
    [heard] = receiver.heard
    assert (heard.method, heard.path) == ("POST", SLACK_PATH)
    assert heard.headers["content-type"] == "application/json"
    body = heard.json
    assert set(body) == {"text", "blocks", "unfurl_links", "unfurl_media"}
    assert body["text"] == "✖ fra1 is down: silent"
    assert body["unfurl_links"] is False
    assert body["unfurl_media"] is False
    [block] = json.loads(heard.body)["blocks"]
    assert set(block) == {"type", "text"}
    assert block["type"] == "section"
    assert set(block["text"]) == {"type", "text", "verbatim"}
    assert block["text"]["type"] == "mrkdwn"
    assert block["text"]["verbatim"] is True
    assert block["text"]["text"].startswith("*✖ fra1 is down: silent*\n\nfra1 gives no answer.\n")


def test_slack_mentions_nobody() -> None:
    with Receiver() as receiver:
        tell(Slack(), receiver, mentioning())
    text = json.loads(receiver.heard[0].body)["blocks"][0]["text"]["text"]
    assert "&lt;!here&gt; &lt;@U1&gt;" in text
    assert "<" not in receiver.heard[0].body.decode()


@pytest.mark.parametrize(
    ("status", "word", "error"),
    [
        (400, "invalid_payload", GiveUpError),
        (403, "action_prohibited", RetryError),
        (404, "channel_not_found", RetryError),
        (410, "channel_is_archived", RetryError),
        (500, "rollup_error", RetryError),
    ],
)
def test_slacks_word_for_what_is_wrong_is_told(status: int, word: str, error: type[Exception]) -> None:
    with Receiver(answer(status, word)) as receiver, pytest.raises(error) as raised:
        tell(Slack(), receiver)
    assert str(raised.value).endswith(f": {word}")


def test_what_answers_in_slacks_place_is_not_quoted() -> None:
    with Receiver(answer(404, f"no route {SLACK_PATH}")) as receiver, pytest.raises(RetryError) as raised:
        tell(Slack(), receiver)
    assert raised.value.reason == "HTTP 404 Not Found"


def test_telegram_gets_html_for_a_chat_and_no_preview() -> None:
    with Receiver(answer(200, '{"ok":true,"result":{"message_id":1}}')) as receiver:
        tell(telegram(receiver), receiver)
    [heard] = receiver.heard
    assert (heard.method, heard.path) == ("POST", f"/bot{TOKEN}/sendMessage")
    assert heard.headers["content-type"] == "application/json"
    body = heard.json
    assert set(body) == {"chat_id", "text", "parse_mode", "link_preview_options"}
    assert body["chat_id"] == "-1001234567890"
    assert body["parse_mode"] == "HTML"
    assert body["link_preview_options"] == {"is_disabled": True}
    assert str(body["text"]).startswith("<b>✖ fra1 is down: silent</b>\n\nfra1 gives no answer.\n")
    assert "<code>wg show wg0 peers</code>" in str(body["text"])


def test_telegram_gets_the_thread_where_there_is_one() -> None:
    with Receiver() as receiver:
        tell(telegram(receiver, thread=17), receiver)
    assert receiver.heard[0].json["message_thread_id"] == 17


def test_telegram_gets_what_looks_like_html_escaped() -> None:
    with Receiver() as receiver:
        tell(telegram(receiver), receiver, mentioning())
    assert "&lt;!here&gt;" in str(receiver.heard[0].json["text"])


@pytest.mark.parametrize(
    ("status", "told", "error", "reason"),
    [
        (400, {"description": "Bad Request: can't parse entities"}, GiveUpError,
         "HTTP 400 Bad Request: Bad Request: can't parse entities"),
        (400, {"description": "Bad Request: chat not found"}, RetryError,
         "HTTP 400 Bad Request: Bad Request: chat not found"),
        (400, {"description": "Bad Request: group chat was upgraded",
               "parameters": {"migrate_to_chat_id": -1009}}, RetryError,
         'the chat has moved; set chat = "-1009" in config.toml'),
        (401, {"description": "Unauthorized"}, RetryError, "HTTP 401 Unauthorized: Unauthorized"),
        (403, {"description": "Forbidden: bot was kicked"}, RetryError,
         "HTTP 403 Forbidden: Forbidden: bot was kicked"),
        (404, {"description": "Not Found"}, RetryError,
         "HTTP 404 Not Found: Telegram does not know the token; get it from @BotFather"),
        (502, {"description": f"no route for bot{TOKEN}"}, RetryError, "HTTP 502 Bad Gateway"),
    ],
)  # fmt: skip
def test_telegrams_reason_is_told(
    status: int, told: dict[str, object], error: type[Exception], reason: str
) -> None:
    body = json.dumps({"ok": False, "error_code": status, **told})
    with Receiver(answer(status, body)) as receiver, pytest.raises(error) as raised:
        tell(telegram(receiver), receiver)
    assert str(raised.value) == reason


def test_telegram_says_in_its_json_how_long_to_wait() -> None:
    body = json.dumps({"ok": False, "description": "Too Many Requests", "parameters": {"retry_after": 31}})
    with Receiver(answer(429, body)) as receiver, pytest.raises(RetryError) as raised:
        tell(telegram(receiver), receiver)
    assert raised.value.after == 31


@pytest.mark.parametrize("wait", ["NaN", "1e999", f"1{'0' * 400}"], ids=["no number", "infinite", "huge"])
def test_a_wait_of_telegram_that_nobody_can_wait_is_left_out(wait: str) -> None:
    body = f'{{"ok": false, "description": "Too Many Requests", "parameters": {{"retry_after": {wait}}}}}'
    with Receiver(answer(429, body)) as receiver, pytest.raises(RetryError) as raised:
        tell(telegram(receiver), receiver)
    assert raised.value.after is None


def test_discord_gets_markdown_that_mentions_nobody_and_is_awaited() -> None:
    with Receiver(answer(200, '{"id":"1"}')) as receiver:
        tell(Discord(), receiver, mentioning())
    [heard] = receiver.heard
    assert (heard.method, heard.path) == ("POST", f"{DISCORD_PATH}?wait=true")
    assert heard.headers["content-type"] == "application/json"
    body = heard.json
    assert set(body) == {"content", "allowed_mentions", "flags"}
    assert body["allowed_mentions"] == {"parse": []}
    assert body["flags"] == 4, "SUPPRESS_EMBEDS"
    assert str(body["content"]).startswith("**✖ \\@everyone is down: silent**\n\n\\<!here\\> ")


def test_discord_keeps_the_thread_of_its_url() -> None:
    with Receiver(answer(204)) as receiver:
        there = sink(Discord())
        url = f"{receiver.url}{DISCORD_PATH}?thread_id=42"
        sender(there.type)(there, announcement(), {"url": url})
    assert receiver.heard[0].path == f"{DISCORD_PATH}?thread_id=42&wait=true"


@pytest.mark.parametrize(
    ("status", "message", "error", "reason"),
    [
        (400, "Invalid Form Body", GiveUpError, "HTTP 400 Bad Request: Invalid Form Body"),
        (401, "Invalid Webhook Token", RetryError, "HTTP 401 Unauthorized: Invalid Webhook Token"),
        (404, "Unknown Webhook", RetryError, "HTTP 404 Not Found: Unknown Webhook"),
        (404, "no s3cr3t-discord-t0k3n here", RetryError, "HTTP 404 Not Found"),
    ],
)
def test_discords_reason_is_told(status: int, message: str, error: type[Exception], reason: str) -> None:
    body = json.dumps({"message": message, "code": 10015})
    with Receiver(answer(status, body)) as receiver, pytest.raises(error) as raised:
        tell(Discord(), receiver)
    assert str(raised.value) == reason


def test_discord_says_in_its_json_how_long_to_wait() -> None:
    body = json.dumps({"message": "You are being rate limited.", "retry_after": 0.65, "global": False})
    with Receiver(answer(429, body, Retry_After="1")) as receiver, pytest.raises(RetryError) as raised:
        tell(Discord(), receiver)
    assert raised.value.after == 0.65


@pytest.mark.parametrize("service", ["slack", "telegram", "discord"])
@pytest.mark.parametrize(
    "given",
    [HANG, CLOSE, answer(302, Location="/s3cr3t"), answer(500, "s3cr3t"), answer(429, "[1]"), b"nonsense"],
)
def test_no_failure_tells_a_secret(service: str, given: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with Receiver(given) as receiver:
        services: dict[str, Options] = {
            "slack": Slack(),
            "telegram": telegram(receiver),
            "discord": Discord(),
        }
        with pytest.raises(RetryError) as raised:
            tell(services[service], receiver, timeout=0.3)
    told = repr(raised.value) + raised.value.reason + "".join(traceback.format_exception_only(raised.value))
    assert "s3cr3t" not in told
    assert raised.value.__suppress_context__ or raised.value.__context__ is None
    assert "s3cr3t" not in "".join(capfd.readouterr())
