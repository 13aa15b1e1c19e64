import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.config.sample_fleets import OWN_KEY, durations, endpoints
from wgmon_tui.config.value_parsers import (
    InvalidValueError,
    format_duration,
    parse_address,
    parse_duration,
    parse_endpoint,
    parse_interface,
    parse_name,
    parse_public_key,
    parse_tunnel_endpoint,
)
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.text import quoted


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10.0),
        ("500ms", 0.5),
        ("2m", 120.0),
        ("1h", 3600.0),
        ("1.5s", 1.5),
        ("700ms", 0.7),
        ("90d", 7_776_000.0),
        ("0s", 0.0),
    ],
)
def test_a_duration_is_a_number_with_its_unit(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "s", "-1s", "1 s", "1w", "1e3s", "٣s", "10s\n", "1.s", ".5s"])
def test_a_duration_without_number_or_unit_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError, match="expected a duration such as"):
        parse_duration(text)


def test_a_duration_finer_than_a_millisecond_is_refused() -> None:
    with pytest.raises(InvalidValueError, match=r'expected "0s", or at least "1ms", got "0\.9ms"'):
        parse_duration("0.9ms")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((10.0, "10s"), (0.5, "500ms"), (120.0, "2m"), (90.0, "90s"), (3600.0, "1h"), (172800.0, "2d")),
        *((1.5, "1.5s"), (0.0, "0s")),
    ],
)
def test_a_duration_is_written_as_people_write_it(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(durations((0.001, 86400.0)))
def test_a_written_duration_is_read_as_exactly_the_same(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("fra1.example.net:51820", "fra1.example.net", 51820),
        ("192.0.2.1:1", "192.0.2.1", 1),
        ("[2001:db8::1]:65535", "2001:db8::1", 65535),
        ("[fe80::1%eth0]:51820", "fe80::1%eth0", 51820),
        ("wg_1.internal.:51820", "wg_1.internal.", 51820),
        ("bücher.example:51820", "bücher.example", 51820),
    ],
)
def test_an_endpoint_is_a_host_and_a_port(text: str, host: str, port: int) -> None:
    assert parse_endpoint(text) == Endpoint(host, port)


@given(endpoints)
def test_a_written_endpoint_is_read_as_the_same(endpoint: Endpoint) -> None:
    assert parse_endpoint(str(endpoint)) == endpoint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fra1", 'expected "host:port"'),
        ("fra1:", 'expected "host:port"'),
        (":51820", 'expected "host:port"'),
        ("2001:db8::1:51820", "expected brackets around an IPv6 address"),
        ("fra1:0", "expected a port from 1 to 65535, got 0"),
        ("fra1:65536", "expected a port from 1 to 65535, got 65536"),
        ("10.8.0.256:51820", "expected a host name or an address"),
        ("fra 1:51820", "expected a host name or an address"),
        ("-fra1:51820", "expected a host name or an address"),
        ("fra1..net:51820", "expected a host name or an address"),
        ("[fra1]:51820", 'expected brackets only around an IPv6 address; type "fra1:51820"'),
        ("[2001:db8::x]:51820", 'expected an IPv6 address in the brackets, got "2001:db8::x"'),
        ("http://fra1:51820", 'expected "host:port" without "http://"; type "fra1:51820"'),
        ("https://fra1/", 'expected "host:port" without "https://"; type "fra1:51820"'),
        ("fra1:51820/tunnel", 'expected "host:port" without "/tunnel"; type "fra1:51820"'),
        ("fra1:1, ams1:2", 'expected one endpoint, got several in "fra1:1, ams1:2"'),
        ("fra1:8000:51820", 'expected one port, as in "fra1.example.net:51820", got "fra1:8000:51820"'),
        ("2001:db8::1", 'expected "[address]:port" such as "[2001:db8::1]:51820", got no port'),
        ("[fe80::1%\x1b[31m]:51820", 'expected "host:port"'),
        ("\x1b[31mfra1:51820", "expected a host name or an address"),
        ("a" * 64 + ":51820", "expected a host name or an address"),
        ("ü" * 60 + ":51820", "expected a host name or an address"),
    ],
)
def test_an_endpoint_that_cannot_be_one_is_refused(text: str, expected: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        parse_endpoint(text)
    assert str(refused.value).startswith(expected)


@given(st.text(max_size=40))
def test_whatever_stands_for_an_endpoint_the_resolver_can_encode_it(text: str) -> None:
    try:
        endpoint = parse_endpoint(text)
    except InvalidValueError:
        return
    assert endpoint.host.encode("idna")


@pytest.mark.parametrize("text", ["10.8.0", "10.8.0.1/24", "fra1", "fd00::1%eth0", ""])
def test_an_address_is_one_host_in_the_tunnel(text: str) -> None:
    with pytest.raises(InvalidValueError, match=r"expected an address such as \"10\.8\.0\.1\""):
        parse_address(text)


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [("10.8.0.1:443", "10.8.0.1", 443), ("[fd00::1]:65535", "fd00::1", 65535)],
)
def test_a_tunnel_endpoint_is_an_address_and_a_port(text: str, address: str, port: int) -> None:
    assert parse_tunnel_endpoint(text) == Endpoint(address, port)


@pytest.mark.parametrize(
    "text",
    [
        *("10.8.0.1", "10.8.0.1:", "10.8.0.1:0", "10.8.0.1:65536", "fd00::1:443", "[10.8.0.1]:443"),
        *("[fd00::1%eth0]:443", "intranet:443", "10.8.0.1/32:443", "", "\x1b[2J:443"),
    ],
)
def test_a_tunnel_endpoint_with_a_name_or_without_a_port_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        parse_tunnel_endpoint(text)
    assert str(refused.value).startswith(
        'expected an address and a port from 1 to 65535, such as "10.8.0.1:443" or "[fd00::1]:443", got "'
    )
    assert str(refused.value).isprintable()


def test_an_interface_without_a_prefix_is_a_single_host() -> None:
    assert str(parse_interface("10.8.0.250")) == "10.8.0.250/32"
    assert str(parse_interface("fd00::250")) == "fd00::250/128"


@pytest.mark.parametrize("text", ["10.8.0.250/33", "10.8.0.250/", "fd00::250%eth0/64"])
def test_an_interface_that_cannot_be_one_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError, match="expected an address such as"):
        parse_interface(text)


@pytest.mark.parametrize("name", ["fra1", "Frankfurt 1", "köln", "a" * 63, "10.8.0.1"])
def test_a_name_is_what_can_be_shown_on_one_line(name: str) -> None:
    assert parse_name(name) == name


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "not empty"),
        (" fra1", "no space at either end"),
        ("a" * 64, "at most 63 characters, got 64"),
        ("fra1\x1b[2J", r"U\+001B"),
        ("fra1\x9b2J", r"U\+009B"),
        ("fra\n1", r"U\+000A"),
        ("fra\u202e1", r"U\+202E"),
    ],
)
def test_a_name_that_could_act_on_a_terminal_is_refused(name: str, why: str) -> None:
    with pytest.raises(InvalidValueError, match=why):
        parse_name(name)


def test_a_key_that_strayed_into_another_place_is_not_quoted() -> None:
    with pytest.raises(InvalidValueError) as refused:
        parse_endpoint(OWN_KEY.to_text())
    assert OWN_KEY.to_text()[:8] not in str(refused.value)
    assert quoted(OWN_KEY.to_text()) == "a key"


def test_a_public_key_of_low_order_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="low order"):
        parse_public_key("A" * 43 + "=")
