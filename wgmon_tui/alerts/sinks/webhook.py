"""A POST of JSON to any URL: the form that docs/alerts.md describes, signed as Standard Webhooks says.

With a `secret` there is a signature over id, time and body, by which the receiver knows that it comes from
us and is not an old one sent again (github.com/standard-webhooks; most languages have a library for it).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import time
from collections.abc import Mapping
from typing import cast

from wgmon_tui.alerts.http_client import JSON_HEADERS, json_body, post, refusal
from wgmon_tui.alerts.models import Announcement, RetryError
from wgmon_tui.alerts.rendering import as_json
from wgmon_tui.config.alerting import Sink, Webhook

_ENCODED = "whsec_"


def send(sink: Sink, announcement: Announcement, secrets: Mapping[str, str]) -> None:
    """Raises RetryError, GiveUpError."""
    options = cast("Webhook", sink.options)
    body, now = json_body(as_json(announcement)), int(time.time())
    headers = {**JSON_HEADERS, "Webhook-Id": announcement.id, "Webhook-Timestamp": str(now)}
    if "secret" in secrets:
        headers["Webhook-Signature"] = signature(_key(secrets["secret"]), announcement.id, now, body)
    if "token" in secrets:
        headers["Authorization"] = f"Bearer {secrets['token']}"
    answer = post(secrets["url"], body, headers, limit_s=sink.timeout, ca_file=options.ca_file or None)
    if not answer.is_accepted:
        raise refusal(answer)


def signature(key: bytes, announcement_id: str, at: int, body: bytes) -> str:
    """HMAC-SHA256 over "id.time.body", with the name of the scheme before it."""
    signed = f"{announcement_id}.{at}.".encode() + body
    return f"v1,{base64.b64encode(hmac.digest(key, signed, 'sha256')).decode()}"


def _key(secret: str) -> bytes:
    """What stands behind whsec_ is base64; anything else is the key as it stands."""
    if not secret.startswith(_ENCODED):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_ENCODED), validate=True)
    except binascii.Error:
        raise RetryError("its secret is not base64 behind whsec_") from None
