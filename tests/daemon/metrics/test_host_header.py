from __future__ import annotations

from socket import gethostname

import pytest

from wgmon_tui.daemon.metrics.host_header import AllowedHosts

LOCAL = ["127.0.0.1:9586", "127.0.0.1", "[::1]:9586", "[::1]", "localhost:9586", "LOCALHOST", "app.localhost"]
LOCAL += ["10.0.0.7:9586", "wgmon:9586", "wgmon", "", f"{gethostname()}:9586"]
FOREIGN = [
    "evil.example",
    "evil.example:9586",
    "EVIL.EXAMPLE.",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
]
NONSENSE = ["a b", "user@127.0.0.1", "127.0.0.1/", "[::1", "::1", "evil.example:port", "[evil.example]"]


@pytest.mark.parametrize("host", LOCAL)
@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "192.0.2.1"])
def test_an_address_or_a_name_of_no_domain_is_allowed(host: str, address: str) -> None:
    assert AllowedHosts(address).allows(host)


@pytest.mark.parametrize("host", FOREIGN)
@pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3", "::1"])
def test_on_loopback_a_name_of_another_domain_is_refused(host: str, address: str) -> None:
    assert not AllowedHosts(address).allows(host)


@pytest.mark.parametrize("host", FOREIGN)
@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.1"])
def test_elsewhere_every_name_is_allowed_until_the_operator_names_some(host: str, address: str) -> None:
    assert AllowedHosts(address).allows(host)
    assert not AllowedHosts(address, ["mon1.example.net"]).allows(host)


@pytest.mark.parametrize("address", ["127.0.0.1", "192.0.2.1"])
def test_a_name_that_the_operator_allows_is_allowed(address: str) -> None:
    hosts = AllowedHosts(address, ["mon1.example.net", "Mon2.example.net."])
    assert hosts.allows("mon1.example.net:9586")
    assert hosts.allows("MON2.EXAMPLE.NET")


@pytest.mark.parametrize("host", NONSENSE)
def test_what_is_no_host_is_refused(host: str) -> None:
    assert not AllowedHosts("0.0.0.0").allows(host)
