"""What sections of swanctl.conf inherit: the import reads it as strongSwan does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.protocols.ikev2.imports.test_strongswan_conf import MAN_PAGE
from tests.real.ikev2.strongswan import charon
from wgmon_tui.protocols.ikev2.imports.connection import ForeignConnection
from wgmon_tui.protocols.ikev2.imports.swanctl import read_connections

SHORT_NAME = "connections {\n a { remote_addrs = a.example.net }\n b : a { version = 2 }\n}\n"


@pytest.mark.thorough
def test_inherited_settings_are_those_that_strongswan_loads(isolated_namespace: str, tmp_path: Path) -> None:
    read = {each.name: each for each in read_connections(MAN_PAGE) if isinstance(each, ForeignConnection)}
    with charon(isolated_namespace, tmp_path, MAN_PAGE) as server:
        loaded = server.run("--list-conns").stdout
    listed = {each.partition(":")[0]: each for each in re.split(r"^(?=\S)", loaded, flags=re.MULTILINE)}
    for name in ("conn-a", "conn-b"):
        assert "child-a: TUNNEL" in listed[name]
        assert f"remote: {read[name].host}" in listed[name]
        assert f"id: {read[name].local_id}" in listed[name]
        assert f"eap_id: {read[name].eap_user}" in listed[name]
        assert f"id: {read[name].remote_id}" in listed[name]


@pytest.mark.thorough
def test_strongswan_knows_no_short_name_of_a_neighbour(isolated_namespace: str, tmp_path: Path) -> None:
    with charon(isolated_namespace, tmp_path, SHORT_NAME) as server:
        loaded = server.run("--list-conns").stdout
    assert loaded.count("a.example.net") == 1
