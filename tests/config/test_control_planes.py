"""`[[control_plane]]` in servers.toml: read, written, and refused."""

from __future__ import annotations

import re

import pytest

from wgmon_tui.config.control_planes import ControlPlaneSettings, is_control_plane
from wgmon_tui.config.models import ConfigurationError, Fleet
from wgmon_tui.config.servers_toml import parse, read_server, render, server_entries

PLANE = """
[[control_plane]]
name = "mesh"
type = "headscale"
url = "https://hs.example.net/base"
token_file = "hs.token"
interval = "1m"
"""
NODE = """
[[server]]
name = "node"
protocol = "system-path"
endpoint = "100.64.0.7:22"
"""


def refusal(text: str) -> str:
    with pytest.raises(ConfigurationError) as refused:
        parse(text)
    return str(refused.value)


def test_a_control_plane_is_a_server_whose_endpoint_is_that_of_its_url() -> None:
    [plane] = parse(PLANE).servers
    assert is_control_plane(plane)
    assert (plane.name, plane.protocol, str(plane.endpoint)) == ("mesh", "headscale", "hs.example.net:443")
    assert plane.interval == 60.0
    assert isinstance(plane.protocol_settings, ControlPlaneSettings)
    assert str(plane.protocol_settings.url) == "https://hs.example.net/base"


def test_a_url_may_have_an_address_of_version_6() -> None:
    [plane] = parse(PLANE.replace("hs.example.net", "[2001:db8::1]:8443")).servers
    assert str(plane.endpoint) == "[2001:db8::1]:8443"


def test_control_planes_are_written_as_they_were_read_and_before_the_servers() -> None:
    fleet = parse(NODE + PLANE)
    text = render(fleet)
    assert text.index("[[control_plane]]") < text.index("[[server]]")
    assert parse(text) == fleet
    assert 'type = "headscale"' in text
    assert "protocol" not in text.split("[[server]]")[0]
    assert "endpoint" not in text.split("[[server]]")[0]


def test_a_control_plane_shares_the_defaults() -> None:
    [plane] = parse('[defaults]\ninterval = "2m"\n' + PLANE.replace('interval = "1m"\n', "")).servers
    assert plane.interval == 120.0


def test_the_table_of_a_form_is_read_as_the_same_control_plane() -> None:
    fleet = parse(PLANE)
    assert read_server(fleet, server_entries(fleet, fleet.servers[0])) == fleet.servers[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('type = "headscale"\n', ""), r'line 2: control_plane "mesh": key type: missing'),
        (('"headscale"', '"nonsense"'), r'line 4: control_plane "mesh": key type: expected one of tailscale'),
        (("https://hs", "hs"), r'line 5: control_plane "mesh": key url: expected a URL such as'),
        (("token_file", "tokn_file"), r'line 6: .*: unknown setting "tokn_file"; did you mean "token_file"'),
        (("interval =", "tunnel_ping ="), r'line 7: control_plane "mesh": unknown setting "tunnel_ping"'),
        (("interval =", "endpoint ="), r'line 7: control_plane "mesh": unknown setting "endpoint"'),
        (('interval = "1m"', 'interval = "no"'), r'line 7: control_plane "mesh": key interval: '),
    ],
)
def test_a_mistake_is_one_line_with_its_place(change: tuple[str, str], said: str) -> None:
    assert re.search(said, refusal(PLANE.replace(*change))), refusal(PLANE.replace(*change))


def test_a_rule_leaves_something_to_check() -> None:
    netbird = PLANE.replace("headscale", "netbird") + "node_ping = false\n"
    said = r'line 8: control_plane "mesh": key node_ping: nothing of a node is left to check'
    assert re.search(said, refusal(netbird))
    [plane] = parse(netbird + "node_port = 22\n").servers
    assert isinstance(plane.protocol_settings, ControlPlaneSettings)
    assert not plane.protocol_settings.node_ping
    assert parse(render(parse(netbird + "node_port = 22\n"))).servers == (plane,)


def test_a_control_plane_as_a_server_is_refused_with_the_form_to_write() -> None:
    said = refusal(NODE.replace("system-path", "headscale"))
    assert '[[control_plane]] with type = "headscale"' in said


def test_a_server_may_not_have_the_name_of_a_control_plane() -> None:
    assert "this name is used twice" in refusal(PLANE + NODE.replace('"node"', '"mesh"'))


def test_the_token_is_nowhere_in_a_record() -> None:
    inline = PLANE.replace('token_file = "hs.token"', 'token = "hskey-0123456789"')
    fleet: Fleet = parse(inline)
    assert "hskey" not in repr(fleet)
