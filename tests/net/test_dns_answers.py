"""Answers of name servers: their addresses, and bytes that are no answer."""

from __future__ import annotations

from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.net.dns_answers import AddressAnswer, parse_address_answer

HEADER = b"\x12\x34\x81\x80\0\1\0\3\0\0\0\0"
QUESTION = b"\x03www\x07example\x03net\0\0\1\0\1"
ALIAS = b"\xc0\x0c\0\5\0\1\0\0\0\x3c\0\6\3cdn\xc0\x10"
V4 = b"\3cdn\xc0\x10\0\1\0\1\0\0\0\x3c\0\4\x0a\x08\0\5"
V6 = b"\xc0\x0c\0\x1c\0\1\0\0\0\x3c\0\x10" + ip_address("fd00::5").packed
ANSWER = HEADER + QUESTION + ALIAS + V4 + V6


def test_the_addresses_behind_an_alias_are_found() -> None:
    expected = AddressAnswer(0x1234, 0, (ip_address("10.8.0.5"), ip_address("fd00::5")))
    assert parse_address_answer(ANSWER) == expected


def test_a_name_that_does_not_exist_has_its_code() -> None:
    assert parse_address_answer(b"\x12\x34\x81\x83\0\1" + bytes(6) + QUESTION) == AddressAnswer(0x1234, 3, ())


@given(st.integers(0, len(ANSWER) - 1))
def test_an_answer_that_was_cut_off_is_none(size: int) -> None:
    assert parse_address_answer(ANSWER[:size] if size < len(ANSWER) - len(V6) else ANSWER[:-17]) is None


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_no_bytes_make_it_raise(head: bytes, tail: bytes) -> None:
    parse_address_answer(head)
    parse_address_answer(HEADER + QUESTION + tail)
