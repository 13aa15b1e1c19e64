"""Webhook sink: stable JSON, signed according to Standard Webhooks."""

from __future__ import annotations

import base64
import hmac
import time

import pytest

from tests.alerts.certificates import Certificates
from tests.alerts.http_receiver import Receiver, answer
from tests.alerts.sample_announcements import announcement
from wgmon_tui.alerts.models import GiveUpError, RetryError
from wgmon_tui.alerts.rendering import as_json
from wgmon_tui.alerts.sinks.webhook import send, signature
from wgmon_tui.config.alerting import Sink, Webhook

SINK = Sink("hook", Webhook(), timeout=30)


def test_the_body_is_the_documented_json_and_the_id_stands_in_a_header_too() -> None:
    said = announcement()
    with Receiver() as receiver:
        send(SINK, said, {"url": receiver.url + "/hook?team=net"})
    [heard] = receiver.heard
    assert heard.path == "/hook?team=net"
    assert heard.json == as_json(said)
    assert heard.headers["content-type"] == "application/json"
    assert heard.headers["webhook-id"] == "announcement-1"
    assert "webhook-signature" not in heard.headers
    assert "authorization" not in heard.headers


def test_the_second_attempt_has_the_id_and_the_body_of_the_first() -> None:
    with Receiver(answer(503), answer(200)) as receiver:
        with pytest.raises(RetryError):
            send(SINK, announcement(), {"url": receiver.url})
        send(SINK, announcement(), {"url": receiver.url})
    first, second = receiver.heard
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


def test_a_signature_is_over_id_time_and_body() -> None:
    with Receiver() as receiver:
        send(SINK, announcement(), {"url": receiver.url, "secret": "a secret of ours"})
    [heard] = receiver.heard
    at = heard.headers["webhook-timestamp"]
    assert abs(time.time() - int(at)) < 60
    signed = b".".join([b"announcement-1", at.encode(), heard.body])
    expected = base64.b64encode(hmac.digest(b"a secret of ours", signed, "sha256")).decode()
    assert heard.headers["webhook-signature"] == f"v1,{expected}"


def test_signatures_are_those_that_the_libraries_of_standard_webhooks_check() -> None:
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_secret_in_their_form_is_decoded() -> None:
    with Receiver() as receiver:
        send(SINK, announcement(), {"url": receiver.url, "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})
    [heard] = receiver.heard
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = int(heard.headers["webhook-timestamp"])
    assert heard.headers["webhook-signature"] == signature(key, "announcement-1", at, heard.body)


def test_a_secret_that_is_none_in_that_form_is_not_repeated() -> None:
    with pytest.raises(RetryError) as raised:
        send(SINK, announcement(), {"url": "http://127.0.0.1:1", "secret": "whsec_not-base64!"})
    assert raised.value.reason == "secret: the text after whsec_ is not valid base64"


def test_a_token_is_sent_as_a_bearer() -> None:
    with Receiver() as receiver:
        send(SINK, announcement(), {"url": receiver.url, "token": "t0k3n"})
    assert receiver.heard[0].headers["authorization"] == "Bearer t0k3n"


@pytest.mark.parametrize("token", ["a\r\nX-Injected: yes", "snowman ☃"])
def test_a_token_that_cannot_stand_in_a_header_is_not_sent_and_not_repeated(token: str) -> None:
    with Receiver() as receiver, pytest.raises(RetryError) as raised:
        send(SINK, announcement(), {"url": receiver.url, "token": token})
    assert receiver.heard == []
    assert token not in raised.value.reason


def test_its_own_authority_is_trusted(certificates: Certificates) -> None:
    sink = Sink("hook", Webhook(str(certificates.authority)), timeout=30)
    with Receiver(tls=certificates.server()) as receiver:
        send(sink, announcement(), {"url": receiver.url})
        assert len(receiver.heard) == 1


def test_a_refusal_says_its_status() -> None:
    with Receiver(answer(422, "secret things")) as receiver, pytest.raises(GiveUpError) as raised:
        send(SINK, announcement(), {"url": receiver.url})
    assert raised.value.reason == "HTTP 422 Unprocessable Content"
