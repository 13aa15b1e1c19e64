"""Tests of addresses as text, and of their caches."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.net import addresses
from wgmon_tui.net.addresses import address_text, parse_address


@given(st.ip_addresses())
def test_an_address_and_its_text_are_the_same_from_the_cache_and_without_it(address: object) -> None:
    for _ in range(2):
        assert parse_address(str(address)) == address
        assert address_text(ip_address(str(address))) == str(address)


@pytest.mark.parametrize("text", ["", "fra1.example.net", "192.0.2.256", "192.0.2.07", "192.0.2.7:51820"])
def test_a_text_that_is_no_address_gives_none(text: str) -> None:
    assert parse_address(text) is None
    assert parse_address(text) is None


def test_more_addresses_than_a_cache_holds_are_still_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "_MOST_CACHED", 3)
    cache = addresses._Cache(ip_address)
    for number in range(10):
        assert cache[f"192.0.2.{number}"] == ip_address(f"192.0.2.{number}")
        assert len(cache) <= 3
