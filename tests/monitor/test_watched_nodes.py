"""Which nodes rules select, and as which servers."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.checks.control_plane_report import ControlPlaneReport, Node
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.config.models import SYSTEM_PATH, WIREGUARD, Fleet, Server
from wgmon_tui.config.node_rules import exact_pattern, fits
from wgmon_tui.config.servers_toml import parse
from wgmon_tui.monitor import watched_nodes
from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.monitor.node_reports import NodeReport, node_key
from wgmon_tui.monitor.watched_nodes import MISSED_REPORTS, WatchedNodes, find_match, rules_of, select_nodes

KEY = str(PrivateKey.generate().public)
PLANE = """
[[identity]]
name = "monitor"
private_key_env = "KEY"
addresses = ["10.7.0.250/32"]

[[control_plane]]
name = "office"
type = "netmaker"
url = "https://192.0.2.1"
token_env = "TOKEN"
interval = "1m"
"""
WEB1 = Node("1", "web1", (ip_address("100.64.0.1"),), tags=("tag:web",))
WEB2 = Node("2", "web2", (ip_address("100.64.0.2"),), tags=("tag:web", "tag:prod"))
DB1 = Node("3", "db1", (ip_address("fd7a::3"),))


def fleet_of(rules: str = 'watch_names = ["*"]', servers: str = "") -> Fleet:
    return parse(f"{PLANE}{rules}\n{servers}")


def select(fleet: Fleet, *nodes: Node, known: tuple[Server, ...] = (), missed: int = 0) -> WatchedNodes:
    counts = {node_key(each): missed for each in known}
    return select_nodes(fleet, {"office": ControlPlaneReport(nodes)}, known, counts)


def names(found: WatchedNodes) -> list[str]:
    return [each.name for each in found.servers]


@pytest.mark.parametrize(
    ("rules", "selected"),
    [
        ("", []),
        ('watch_tags = ["tag:prod"]', ["office/web2"]),
        ('watch_tags = ["tag:w*"]', ["office/web1", "office/web2"]),
        ('watch_names = ["web?"]', ["office/web1", "office/web2"]),
        ('watch_names = ["db1"]\nwatch_tags = ["tag:prod"]', ["office/web2", "office/db1"]),
        ('watch_names = ["*"]', ["office/web1", "office/web2", "office/db1"]),
    ],
)
def test_rules_select_by_name_or_tag_and_without_rules_nothing_is_watched(
    rules: str, selected: list[str]
) -> None:
    assert names(select(fleet_of(rules), WEB1, WEB2, DB1)) == selected


def test_brackets_in_a_pattern_are_no_pattern() -> None:
    fleet = fleet_of('watch_names = ["web[12]"]')
    assert names(select(fleet, WEB1, WEB2)) == []
    assert names(select(fleet, replace(WEB1, name="web[12]"))) == ["office/web[12]"]


@given(st.text(alphabet="ab*?[]\\\\!", min_size=1), st.text(alphabet="ab*?[]\\\\!", min_size=1))
def test_the_exact_pattern_of_a_name_fits_it_and_no_other(name: str, other: str) -> None:
    assert fits(name, exact_pattern(name))
    assert fits(other, exact_pattern(name)) == (other == name)


def test_a_node_is_checked_at_its_mesh_address_in_the_interval_of_its_rule() -> None:
    fleet = fleet_of('watch_names = ["*"]\nnode_interval = "3s"\nnode_tags = ["mesh"]\nnode_port = 22')
    [server] = select(fleet, WEB1).servers
    assert (server.protocol, str(server.endpoint)) == (SYSTEM_PATH, "100.64.0.1:22")
    assert (server.interval, server.timeout, server.tags) == (3.0, 3.0, ("mesh", "tag:web"))
    assert server.protocol_settings.echo
    assert server.protocol_settings.tcp
    assert (server.control_plane, server.node_id) == ("office", "1")


def test_without_a_ping_the_port_alone_must_answer_or_the_client_of_the_mesh() -> None:
    rules = 'watch_names = ["*"]\nnode_ping = false\n'
    [server] = select(fleet_of(f"{rules}node_port = 22"), WEB1).servers
    assert (server.protocol_settings.echo, server.protocol_settings.tcp) == (False, True)
    fleet = parse(f"{PLANE.replace('netmaker', 'headscale')}{rules}")
    [server] = select(fleet, WEB1).servers
    assert server.protocol_settings.asks_client_alone
    assert server.protocol_settings.client == "tailscale"


def test_without_a_port_a_ping_is_enough_and_the_interval_is_that_of_the_control_plane() -> None:
    [server] = select(fleet_of(), WEB1).servers
    assert not server.protocol_settings.tcp
    assert server.interval == 60.0


def test_a_node_with_key_and_endpoint_is_a_wireguard_server_with_the_monitoring_identity() -> None:
    node = Node(
        "1", "gw", (ip_address("10.7.0.1"), ip_address("fd00::1")), public_key=KEY, endpoint="192.0.2.7:51820"
    )
    [server] = select(fleet_of(), node).servers
    assert (server.protocol, str(server.endpoint), str(server.public_key)) == (
        WIREGUARD,
        "192.0.2.7:51820",
        KEY,
    )
    assert server.identity == "monitor"
    assert server.tunnel
    assert server.tunnel_ping == (ip_address("10.7.0.1"),)


def test_without_an_identity_such_a_node_is_checked_at_its_mesh_address() -> None:
    fleet = replace(fleet_of(), identities=())
    node = Node("1", "gw", (ip_address("10.7.0.1"),), public_key=KEY, endpoint="192.0.2.7:51820")
    assert select(fleet, node).servers[0].protocol == SYSTEM_PATH


def test_a_server_of_servers_toml_with_the_same_key_or_address_is_not_watched_twice() -> None:
    same_address = '[[server]]\nname = "w"\nprotocol = "system-path"\nendpoint = "100.64.0.1:22"\n'
    same_key = f'[[server]]\nname = "g"\nendpoint = "192.0.2.8:1"\npublic_key = "{KEY}"\n'
    gateway = Node("9", "gw", (ip_address("10.7.0.1"),), public_key=KEY, endpoint="192.0.2.7:51820")
    found = select(fleet_of(servers=same_address + same_key), WEB1, gateway, DB1)
    assert names(found) == ["office/db1"]
    assert found.notices == ()


def test_a_clash_of_names_is_one_line_that_says_what_to_do() -> None:
    taken = '[[server]]\nname = "office/{}"\nprotocol = "system-path"\nendpoint = "192.0.2.{}:22"\n'
    found = select(fleet_of(servers=taken.format("web1", 1) + taken.format("web2", 2)), WEB1, WEB2)
    assert names(found) == []
    [line] = found.notices
    assert line == (
        'control plane "office": a node is not watched, because servers.toml has a server named '
        '"office/web1"; rename that server (and 1 more like it)'
    )


def test_two_nodes_of_one_name_have_their_ids_in_the_second_name() -> None:
    assert names(select(fleet_of(), WEB1, replace(WEB2, name="web1"))) == ["office/web1", "office/web1 (2)"]


def test_a_node_without_an_address_is_counted_in_a_line() -> None:
    found = select(fleet_of(), replace(WEB1, addresses=()))
    assert found.servers == ()
    assert "1 node not watched: it reports no address" in found.notices[0]


def test_more_nodes_than_the_limit_are_left_out_with_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched_nodes, "MOST_NODES", 2)
    found = select(fleet_of(), WEB1, WEB2, DB1)
    assert len(found.servers) == 2
    assert "1 node not watched: at most 2 are" in found.notices[0]


def test_a_node_that_reports_do_not_list_stays_for_some_reports() -> None:
    known = select(fleet_of(), WEB1, WEB2).servers
    assert names(select(fleet_of(), WEB2, known=known, missed=MISSED_REPORTS - 1)) == [
        "office/web2",
        "office/web1",
    ]
    assert names(select(fleet_of(), WEB2, known=known, missed=MISSED_REPORTS)) == ["office/web2"]


def test_a_node_that_no_rule_selects_any_more_goes_at_once() -> None:
    known = select(fleet_of(), WEB1, WEB2).servers
    assert names(select(fleet_of('watch_tags = ["tag:prod"]'), WEB1, WEB2, known=known)) == ["office/web2"]


def test_a_node_that_came_anew_takes_the_name_of_the_one_it_replaces() -> None:
    known = select(fleet_of(), WEB1).servers
    [server] = select(fleet_of(), replace(WEB1, id="7"), known=known).servers
    assert (server.name, server.node_id) == ("office/web1", "7")


def test_the_name_and_tags_of_a_node_are_safe_on_a_terminal() -> None:
    [server] = select(fleet_of(), replace(WEB1, name="a\x1b]0;b\x07", tags=("ok", "b\x1b"))).servers
    assert server.name == "office/a\\x1b]0;b\\x07"
    assert server.tags == ("ok",)


def test_the_part_of_a_rule_that_matches_is_named() -> None:
    rules = rules_of(fleet_of('watch_names = ["web1"]\nwatch_tags = ["tag:p*"]').servers[0])
    assert rules is not None
    assert find_match(WEB1, rules) == 'watch_names = "web1"'
    assert find_match(WEB2, rules) == 'watch_tags = "tag:p*"'
    assert find_match(DB1, rules) == ""


def test_an_identity_that_the_file_does_not_have_is_an_error() -> None:
    with pytest.raises(Exception, match=r'key node_identity: no .*"monitr"; did you mean "monitor"'):
        fleet_of('watch_names = ["*"]\nnode_identity = "monitr"')


def test_a_node_that_goes_offline_is_drawn_again_and_one_that_stays_online_is_not() -> None:
    fleet = fleet_of()
    state = FleetState((*fleet.servers, *select(fleet, WEB1).servers))
    drawn: list[int] = []
    for at, online in enumerate((True, True, False)):
        report = ControlPlaneReport((replace(WEB1, online=online),))
        state.record_node_report("office", NodeReport(float(at), report))
        drawn.append(state.states["office/web1"].version)
    first, unchanged, offline = drawn
    assert first == unchanged < offline
