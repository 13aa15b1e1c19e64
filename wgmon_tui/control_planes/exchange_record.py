"""Requests and responses as they are recorded: without the token, and without keys in the answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

LONGEST_RECORDED_BODY = 4096
"""Bytes: the exchange shows the form of an answer; the list of nodes is shown elsewhere."""

MASK = "***"
_DEEPEST = 32
"""Levels of nested values that are recorded: a record shows the form of an answer."""

_Item = TypeVar("_Item")
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
        text = json.dumps(_Excerpt().copy(value), ensure_ascii=False, indent=1)
    data = text.encode("utf-8", "replace")
    if len(data) > LONGEST_RECORDED_BODY:
        data = data[:LONGEST_RECORDED_BODY] + f"\n[{len(body)} bytes in all]".encode()
    return f"HTTP/1.1 {status}\r\n\r\n".encode() + data


class _Excerpt:
    """Copies the begin of a JSON value without its secrets: no more than a record has room for.

    A list of ten thousand nodes has megabytes of text, and takes a second to write.
    """

    def __init__(self) -> None:
        self._left = LONGEST_RECORDED_BODY
        """How many more values are copied: each takes a byte of the record at least."""

    def copy(self, value: object, depth: int = 0) -> object:
        """Copy a value that is so deep inside of others."""
        self._left -= 1
        if depth > _DEEPEST and isinstance(value, dict | list):
            return "…"
        if isinstance(value, dict):
            return {name: self._copy_field(name, each, depth) for name, each in self._first(value.items())}
        if isinstance(value, list):
            return [self.copy(each, depth + 1) for each in self._first(value)]
        return value

    def _copy_field(self, name: str, value: object, depth: int) -> object:
        if isinstance(value, str) and _SECRET.search(name):
            self._left -= 1
            return MASK if value else value
        return self.copy(value, depth + 1)

    def _first(self, items: Iterable[_Item]) -> Iterator[_Item]:
        for each in items:
            if self._left <= 0:
                return
            yield each
