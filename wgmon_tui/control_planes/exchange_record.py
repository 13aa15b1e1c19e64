"""Requests and responses as they are recorded: without the token, and without keys in the answers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

LONGEST_RECORDED_BODY = 4096
"""Bytes: the exchange shows the form of an answer; the list of nodes is shown elsewhere."""

MASK = "***"
_SECRET = re.compile(r"key|token|secret|password|invite", re.IGNORECASE)
"""Names of fields whose values are not recorded. Lists of nodes carry whole preauth keys."""


def record_request(authority: str, path: str, headers: Mapping[str, str]) -> bytes:
    """A request with its headers, whose values are masked."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {authority}", *(f"{name}: {MASK}" for name in headers)]
    return "\r\n".join((*lines, "", "")).encode("utf-8", "replace")


def record_response(status: int, body: bytes, value: object) -> bytes:
    """A response. `value` is its body as JSON; None if it is none, and then only its length is recorded."""
    if value is None:
        text = f"[{len(body)} bytes that are no JSON]" if body else ""
    else:
        text = json.dumps(_masked(value), ensure_ascii=False, indent=1)
    data = text.encode("utf-8", "replace")
    if len(data) > LONGEST_RECORDED_BODY:
        data = data[:LONGEST_RECORDED_BODY] + f"\n[{len(body)} bytes in all]".encode()
    return f"HTTP/1.1 {status}\r\n\r\n".encode() + data


def _masked(value: object) -> object:
    if isinstance(value, dict):
        return {name: _masked_field(name, each) for name, each in value.items()}
    if isinstance(value, list):
        return [_masked(each) for each in value]
    return value


def _masked_field(name: str, value: object) -> object:
    if isinstance(value, str) and _SECRET.search(name):
        return MASK if value else value
    return _masked(value)
