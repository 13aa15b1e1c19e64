"""Addresses of relays as the operator writes them, and DERP maps."""

from __future__ import annotations

import pytest

from tests.control_planes.sample_derp_map import MAP
from wgmon_tui.config.relay_addresses import RelayAddress, RelayKind, parse_relay
from wgmon_tui.config.value_parsers import InvalidValueError
from wgmon_tui.control_planes.derp_map import missing_regions, read_derp_map


@pytest.mark.parametrize(
    ("text", "relay"),
    [
        ("derps://derp.example.net", RelayAddress(RelayKind.DERP, "derp.example.net", 443)),
        ("https://derp.example.net/", RelayAddress(RelayKind.DERP, "derp.example.net", 443)),
        ("derp://[2001:db8::1]:8080", RelayAddress(RelayKind.PLAIN_DERP, "2001:db8::1", 8080)),
        ("stun:derp.example.net", RelayAddress(RelayKind.STUN, "derp.example.net", 3478)),
        ("rels://relay.example.net:33080", RelayAddress(RelayKind.NETBIRD, "relay.example.net", 33080)),
        ("tls://signal.example.net", RelayAddress(RelayKind.TLS, "signal.example.net", 443)),
    ],
)
def test_an_address_says_how_it_is_asked(text: str, relay: RelayAddress) -> None:
    assert parse_relay(text) == relay
    assert parse_relay(str(relay)) == relay


@pytest.mark.parametrize(
    "text", ["", "derp.example.net", "stun://a", "derps:a", "ftp://a", "tls://a:0", "a b"]
)
def test_another_form_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError):
        parse_relay(text)


def test_a_map_gives_the_relays_of_the_regions_that_are_asked_for() -> None:
    found = read_derp_map(MAP, ("own",))
    assert list(map(str, found)) == [
        "derps://a.example.net:8443",
        "stun:a.example.net:3479",
        "derps://b.example.net:443",
        "stun:c.example.net:3478",
    ]
    assert {each.name for each in found} == {"own"}
    assert str(read_derp_map(MAP, ("1",))[0]) == "derps://derp1.example.net:443"
    assert missing_regions(found, ("own", "fra")) == ("fra",)


@pytest.mark.parametrize("damaged", [None, [], {"Regions": 5}, {"Regions": {"1": None}}, {"Regions": None}])
def test_a_damaged_map_has_no_relays(damaged: object) -> None:
    assert read_derp_map(damaged, ("nyc", "1")) == ()
