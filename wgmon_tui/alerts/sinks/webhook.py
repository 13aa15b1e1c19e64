"""Sink for webhooks: POST the JSON of docs/alerts.md to any URL, signed according to Standard Webhooks.

With a `secret`, a signature over id, time and body lets the receiver verify the sender and reject replays
(github.com/standard-webhooks; most languages have a library for it).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import time
from collections.abc import Mapping

from wgmon_tui.alerts.http_client import JSON_HEADERS, json_body, post, refusal
from wgmon_tui.alerts.models import Announcement, RetryError
from wgmon_tui.alerts.rendering import as_json
from wgmon_tui.config.alerting import Sink, Webhook, options_of

_ENCODED = "whsec_"


def send(sink: Sink, announcement: Announcement, secrets: Mapping[str, str]) -> None:
    """Post the announcement. Raises RetryError, GiveUpError."""
    options = options_of(sink, Webhook)
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
    """Return the HMAC-SHA256 over "id.time.body", prefixed with the scheme's version."""
    signed = f"{announcement_id}.{at}.".encode() + body
    return f"v1,{base64.b64encode(hmac.digest(key, signed, 'sha256')).decode()}"


def _key(secret: str) -> bytes:
    """Decode the signing key: base64 after whsec_; any other secret is the key itself."""
    if not secret.startswith(_ENCODED):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_ENCODED), validate=True)
    except binascii.Error:
        raise RetryError("secret: the text after whsec_ is not valid base64") from None
