"""Sections of strongswan.conf(5), and what they inherit."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.protocols.ikev2.imports.connection import ConnectionImportError, ForeignConnection
from wgmon_tui.protocols.ikev2.imports.strongswan_conf import parse
from wgmon_tui.protocols.ikev2.imports.swanctl import read_connections

MAN_PAGE = """\
conn-defaults {
  remote_addrs = fra1.example.net
  proposals = aes256-sha256-ecp256
  local { id = monitor
    auth = eap-mschapv2 }
}
connections {
  conn-a : conn-defaults, eap-defaults {
    local { eap_id = ada }
    children { child-a : child-defaults { mode = tunnel } }
  }
  conn-b : connections.conn-a {
    remote_addrs = ams1.example.net
    proposals =
  }
}
eap-defaults { remote { id = the-server }
  proposals = 3des-sha1-modp1024 }
child-defaults { esp_proposals = aes128gcm16 }
"""


def test_values_and_sections_are_inherited_by_absolute_names_wherever_these_stand() -> None:
    connection = parse(MAN_PAGE).sections["connections"].sections["conn-a"]
    assert connection.get("remote_addrs") == "fra1.example.net"
    assert connection.get("proposals") == "aes256-sha256-ecp256"
    local = connection.sections["local"]
    assert (local.get("eap_id"), local.get("id"), local.get("auth")) == ("ada", "monitor", "eap-mschapv2")
    assert connection.sections["remote"].get("id") == "the-server"
    child = connection.sections["children"].sections["child-a"]
    assert (child.get("mode"), child.get("esp_proposals")) == ("tunnel", "aes128gcm16")


def test_what_is_inherited_is_passed_on_and_an_empty_value_clears_it() -> None:
    connection = parse(MAN_PAGE).sections["connections"].sections["conn-b"]
    assert connection.get("remote_addrs") == "ams1.example.net"
    assert connection.get("proposals", "its own") == "its own"
    assert connection.sections["local"].get("eap_id") == "ada"
    assert connection.sections["remote"].get("id") == "the-server"


def test_a_neighbour_is_not_inherited_by_its_short_name() -> None:
    [_, found] = read_connections(
        "connections {\n a { remote_addrs = a.example.net }\n b : a { remote_addrs = b.example.net }\n}"
    )
    assert isinstance(found, ConnectionImportError)
    assert str(found) == (
        "line 3: connection b inherits from a, which this file does not have; import one file with both"
    )


def test_a_connection_needs_what_only_another_connection_lacks() -> None:
    [good, bad] = read_connections(
        "connections {\n a { remote_addrs = a.example.net }\n"
        " b { remote_addrs = b.example.net\n local : gone { } }\n}"
    )
    assert isinstance(good, ForeignConnection)
    assert isinstance(bad, ConnectionImportError)


def test_sections_that_inherit_from_each_other_and_from_one_around_them_come_to_an_end() -> None:
    root = parse("a : b { x = 1\n c : a { z = 3 } }\nb : a { y = 2 }\n")
    inner = root.sections["b"].sections["c"].sections["c"].sections["c"]
    assert [inner.get(key) for key in "xyz"] == ["1", "2", "3"]


def test_sections_that_inherit_without_end_are_refused() -> None:
    # A section of this text is a set of its 40 sections: there are 2 to the power of 40.
    many = 40
    states = [f"s{each} {{ a : s{each + 1} {{ }}\n b : s0, s{each + 1} {{ }} }}" for each in range(many)]
    with pytest.raises(ConnectionImportError, match="inherit too much from each other"):
        parse("\n".join(states))


@given(st.lists(st.sampled_from(["a", "b", ":", ",", ".", "{", "}", "=", " x ", "\n", " "]), max_size=40))
def test_no_text_raises_anything_else(words: list[str]) -> None:
    with suppress(ConnectionImportError):
        parse("".join(words))
