"""Tests of correlated failures: each group is reported once, and only if all its servers are down."""

from __future__ import annotations

from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.correlation import CorrelationInput, FailureGroup, find_correlated_failures
from wgmon_tui.net.addresses import Endpoint

KEY = PrivateKey(bytes(range(32))).public


def server_input(
    name: str,
    address: str | None,
    *,
    identity: str = "",
    tags: tuple[str, ...] = (),
) -> CorrelationInput:
    """Return a server, with a separate identity unless one is named."""
    server = Server(name, Endpoint("example.net", 51820), KEY, identity or f"of {name}", tags=tags)
    return CorrelationInput(server, ip_address(address) if address else None)


ELSEWHERE = server_input("elsewhere", "203.0.113.1")


def test_servers_behind_one_address() -> None:
    pair = server_input("b", "192.0.2.7"), server_input("a", "192.0.2.7")
    assert find_correlated_failures(pair, [ELSEWHERE]) == (FailureGroup("the address 192.0.2.7", ("a", "b")),)


def test_servers_in_one_network() -> None:
    pair = server_input("a", "192.0.2.7"), server_input("b", "192.0.2.200")
    assert find_correlated_failures(pair, [ELSEWHERE]) == (
        FailureGroup("the network 192.0.2.0/24", ("a", "b")),
    )


def test_servers_in_one_ipv6_site() -> None:
    pair = server_input("a", "2001:db8:1:1::1"), server_input("b", "2001:db8:1:2::1")
    assert find_correlated_failures(pair, [ELSEWHERE]) == (
        FailureGroup("the network 2001:db8:1::/48", ("a", "b")),
    )


def test_servers_of_one_identity() -> None:
    pair = server_input("a", "192.0.2.7", identity="old"), server_input("b", "198.51.100.7", identity="old")
    assert find_correlated_failures(pair, [ELSEWHERE]) == (FailureGroup('the identity "old"', ("a", "b")),)


def test_servers_of_one_tag() -> None:
    three = (
        server_input("a", "192.0.2.7", tags=("eu", "edge")),
        server_input("b", None, tags=("eu", "core")),
        server_input("c", "198.51.100.7", tags=("eu",)),
    )
    assert find_correlated_failures(three, [ELSEWHERE]) == (FailureGroup('the tag "eu"', ("a", "b", "c")),)
    assert find_correlated_failures(three[:2], [ELSEWHERE]) == ()


def test_one_that_is_up_breaks_the_group() -> None:
    down = [server_input(name, "192.0.2.7", identity="one", tags=("eu",)) for name in "ab"]
    up = server_input("c", "192.0.2.7", identity="one", tags=("eu",))
    assert find_correlated_failures(down, [up]) == ()


def test_servers_that_are_up_are_read_only_while_a_group_is_left() -> None:
    down = [server_input(name, f"192.0.{number}.7", identity="one") for number, name in enumerate("ab")]
    others = iter([server_input("c", "203.0.113.1", identity="one"), ELSEWHERE])
    assert find_correlated_failures(down, others) == ()
    assert next(others) is ELSEWHERE


def test_one_server_is_no_group_even_if_its_tag_is_repeated() -> None:
    assert find_correlated_failures([server_input("a", "192.0.2.7", tags=("eu", "eu"))], [ELSEWHERE]) == ()


def test_the_narrowest_cause_is_named_and_wider_ones_with_the_same_members_are_not() -> None:
    pair = [server_input(name, "192.0.2.7", identity="one", tags=("eu",)) for name in "ab"]
    assert find_correlated_failures(pair, [ELSEWHERE]) == (FailureGroup("the address 192.0.2.7", ("a", "b")),)


def test_a_wider_cause_with_more_members_is_named_as_well() -> None:
    site = [server_input("a", "192.0.2.7"), server_input("b", "192.0.2.7"), server_input("c", "192.0.2.8")]
    assert find_correlated_failures(site, [ELSEWHERE]) == (
        FailureGroup("the address 192.0.2.7", ("a", "b")),
        FailureGroup("the network 192.0.2.0/24", ("a", "b", "c")),
    )


def test_a_whole_fleet_that_is_down_is_no_group() -> None:
    fleet = [server_input(name, f"192.0.2.{number}", identity="one") for number, name in enumerate("abc")]
    assert find_correlated_failures(fleet, []) == ()


def test_unless_all_of_it_is_one_machine() -> None:
    machine = [server_input(name, "192.0.2.7", identity="one") for name in "abc"]
    assert find_correlated_failures(machine, []) == (FailureGroup("the address 192.0.2.7", ("a", "b", "c")),)


def test_nothing_fails_together_in_an_empty_fleet() -> None:
    assert find_correlated_failures([], []) == ()


def test_a_group_is_one_sentence() -> None:
    together = FailureGroup("the address 192.0.2.7", ("fra1", "fra2"))
    assert together.sentence == "2 servers with the address 192.0.2.7 are all down: fra1, fra2"


some_address = st.sampled_from(["192.0.2.7", "192.0.2.8", "198.51.100.7", "2001:db8::1", None])
some_tags = st.lists(st.sampled_from(["eu", "edge", "core"]), max_size=2).map(tuple)
some_standing = st.builds(
    lambda address, identity, tags, down: (address, identity, tags, down),
    some_address,
    st.sampled_from(["one", "two"]),
    some_tags,
    st.booleans(),
)


@given(st.lists(some_standing, max_size=8))
def test_who_is_named_is_down_has_company_and_is_not_named_for_less(
    drawn: list[tuple[str | None, str, tuple[str, ...], bool]],
) -> None:
    failing: list[CorrelationInput] = []
    others: list[CorrelationInput] = []
    for number, (address, identity, tags, down) in enumerate(drawn):
        each = server_input(f"server-{number}", address, identity=identity, tags=tags)
        (failing if down else others).append(each)
    down_names = {each.server.name for each in failing}
    groups = [set(together.names) for together in find_correlated_failures(failing, others)]
    for number, group in enumerate(groups):
        assert len(group) >= 2
        assert group <= down_names
        assert not any(group <= earlier for earlier in groups[:number])
