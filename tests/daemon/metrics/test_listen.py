"""Tests of the listen address of the metrics."""

from __future__ import annotations

import pytest

from wgmon_tui.config.value_parsers import InvalidValueError
from wgmon_tui.daemon.metrics.listen import ListenError, listen, parse_listen_address


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("127.0.0.1:9586", "127.0.0.1:9586"),
        ("localhost:1", "127.0.0.1:1"),
        ("[::1]:9586", "[::1]:9586"),
        ("0.0.0.0:65535", "0.0.0.0:65535"),
        ("127.0.0.1:0", "127.0.0.1:0"),
    ],
)
def test_an_address_and_a_port(text: str, meant: str) -> None:
    assert str(parse_listen_address(text)) == meant


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("9586", "expected an address and a port such as 127.0.0.1:9586, or 0.0.0.0:9586 for all addresses"),
        (":9586", "expected an address and a port such as 127.0.0.1:9586"),
        ("127.0.0.1:", 'expected a port from 0 to 65535 after the colon, got ""'),
        ("127.0.0.1:65536", 'expected a port from 0 to 65535 after the colon, got "65536"'),
        ("127.0.0.1:http", 'expected a port from 0 to 65535 after the colon, got "http"'),
        ("::1:9586", "expected brackets around an IPv6 address, as in [::1]:9586"),
        ("example.net:9586", 'expected an address of this machine such as 127.0.0.1, or localhost, got "exa'),
    ],
)
def test_what_is_none_is_refused_with_what_was_expected(text: str, said: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        parse_listen_address(text)
    assert str(refused.value).startswith(said)


def test_a_port_that_is_taken_is_said_in_one_line() -> None:
    first = listen(parse_listen_address("127.0.0.1:0"))
    with first.socket, pytest.raises(ListenError) as refused:
        listen(first.listen_address)
    assert str(refused.value) == f"metrics: cannot listen on {first.listen_address}: Address already in use"
