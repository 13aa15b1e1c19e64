"""Recorded responses: the begin of an answer without its secrets, however long or deep the answer is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from wgmon_tui.control_planes.exchange_record import LONGEST_RECORDED_BODY, record_response

NODE = {
    "id": "1",
    "nodeKey": "nodekey:secret",
    "name": "web1",
    "tags": ["tag:web"],
    "preAuthKey": {"key": "x"},
}


class CountedList(list[Any]):
    """Counts how many of its items are read."""

    read = 0

    def __iter__(self) -> Iterator[Any]:
        for each in super().__iter__():
            self.read += 1
            yield each


def recorded(value: object) -> str:
    body = json.dumps(value).encode()
    return record_response(200, body, value).decode().partition("\r\n\r\n")[2]


def test_a_short_answer_is_recorded_whole_and_masked() -> None:
    assert json.loads(recorded({"nodes": [NODE, NODE]})) == {
        "nodes": [{**NODE, "nodeKey": "***", "preAuthKey": {"key": "***"}}] * 2
    }


def test_a_long_answer_is_recorded_as_far_as_there_is_room() -> None:
    masked = {**NODE, "nodeKey": "***", "preAuthKey": {"key": "***"}}
    whole = json.dumps({"nodes": [masked] * 1000}, indent=1)
    text = recorded({"nodes": [NODE] * 1000})
    begin, _, rest = text.rpartition("\n")
    assert begin == whole[:LONGEST_RECORDED_BODY]
    assert rest.endswith(" bytes in all]")


def test_the_rest_of_a_long_answer_is_not_even_read() -> None:
    nodes = CountedList([NODE] * 10_000)
    record_response(200, b"", {"nodes": nodes})
    assert 0 < nodes.read < LONGEST_RECORDED_BODY


def test_an_answer_that_is_nested_too_deep_is_cut() -> None:
    value: object = "bottom"
    for _ in range(900):
        value = [value]
    assert "bottom" not in recorded(value)
    assert "…" in recorded(value)
