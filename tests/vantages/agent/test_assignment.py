"""Tests of the assignment: which keys an agent uses for a server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given

from tests.config.sample_fleets import fleets
from tests.daemon.harness import CLIENT, IDENTITY, quick_server, write_config
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.config.models import Fleet, SecretForm, SecretSource, Server
from wgmon_tui.config.servers_file import update
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.wireguard.targets import require_wireguard
from wgmon_tui.store.formats.server_entry import server_from_entry, server_to_entry
from wgmon_tui.vantages.agent.assignment import NO_IDENTITY, assign, find_server_problem

OTHER = PrivateKey.generate()
OTHERS = replace(IDENTITY, name="second", private_key=SecretSource(SecretForm.INLINE, OTHER.to_text()))


def probed_as(config: Path, server: Server) -> PrivateKey:
    return require_wireguard(assign([server], config).targets.ready[server.name]).private_key


def test_the_only_identity_here_asks_whatever_the_writer_calls_its_own(tmp_path: Path) -> None:
    write_config(tmp_path)
    server = replace(quick_server("fra1"), identity="of the writer")
    assert probed_as(tmp_path, server) == CLIENT


def test_of_several_the_one_of_the_same_name_asks_else_the_first(tmp_path: Path) -> None:
    write_config(tmp_path)
    (tmp_path / "servers.toml").chmod(0o600)
    update(tmp_path, lambda fleet: replace(fleet, identities=(*fleet.identities, OTHERS)))
    (tmp_path / "servers.toml").chmod(0o600)
    assert probed_as(tmp_path, replace(quick_server("fra1"), identity="second")) == OTHER
    assert probed_as(tmp_path, replace(quick_server("fra1"), identity="third")) == CLIENT


def test_a_preshared_key_stands_here_under_the_server_s_name_and_all_else_is_the_writer_s(
    tmp_path: Path,
) -> None:
    psk = PrivateKey.generate().to_text()
    file = tmp_path / "fra1.psk"
    file.touch(0o600)
    file.write_text(psk)
    here = replace(quick_server("fra1"), preshared_key=SecretSource(SecretForm.FILE, "fra1.psk"))
    write_config(tmp_path, here)
    told = replace(quick_server("fra1", Endpoint("192.0.2.1", 5)), interval=7.0)
    target = require_wireguard(assign([told], tmp_path).targets.ready["fra1"])
    assert target.preshared_key.to_text() == psk
    assert (target.server.endpoint, target.server.interval) == (told.endpoint, 7.0)


def test_without_an_identity_every_server_says_what_to_type(tmp_path: Path) -> None:
    enrolled = assign([quick_server("fra1"), quick_server("ams1")], tmp_path)
    assert enrolled.trouble == NO_IDENTITY
    assert enrolled.targets.problems == {"fra1": NO_IDENTITY, "ams1": NO_IDENTITY}
    assert enrolled.public_key == ""


def test_a_servers_toml_that_cannot_stand_is_told_as_it_is_everywhere(tmp_path: Path) -> None:
    (tmp_path / "servers.toml").write_text("[[serve]]")
    assert assign([quick_server("fra1")], tmp_path).trouble.startswith(
        'servers.toml: line 1: unknown setting "serve"'
    )


@given(fleets())
def test_every_server_that_a_servers_toml_can_say_is_sound_after_its_way_over_the_line(fleet: Fleet) -> None:
    for server in fleet.servers:
        arrived = server_from_entry(server.name, server_to_entry(server))
        assert arrived
        assert find_server_problem(arrived) == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"interval": -1.0}, "key interval"),
        ({"interval": 1e-9}, "key interval"),
        ({"timeout": 1e9}, "key timeout"),
        ({"timeout": 20.0, "interval": 10.0}, "key timeout"),
        ({"tunnel_count": 10**9}, "key tunnel_count"),
        ({"endpoint": Endpoint("a b", 1)}, "key endpoint"),
        ({"endpoint": Endpoint("fra1", 0)}, "key endpoint"),
        ({"tags": ("\x1b[2J",)}, "key tags"),
        ({"identity": ""}, "identity"),
    ],
)
def test_a_server_that_would_be_refused_in_a_file_is_refused_here(
    change: dict[str, object], words: str
) -> None:
    server = replace(quick_server("fra1"), **change)  # type: ignore[arg-type]  # of any field, that is the point
    assert words in find_server_problem(server)
    assert find_server_problem(server).isprintable()
