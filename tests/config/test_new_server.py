"""Adding a server with a name, an endpoint and a public key."""

import stat
from ipaddress import ip_interface
from pathlib import Path

import pytest

from wgmon_tui.config.imports.new_identity import keygen
from wgmon_tui.config.keys import PresharedKey, PrivateKey
from wgmon_tui.config.models import ConfigurationError, Fleet
from wgmon_tui.config.new_server import (
    AddedServer,
    NewServer,
    NewServerError,
    add_server,
    find_new_server_problems,
)
from wgmon_tui.config.secrets.keyring import open_keyring
from wgmon_tui.config.servers_file import read

KEY = str(PrivateKey(bytes([1]) * 32).public)
OTHER_KEY = str(PrivateKey(bytes([2]) * 32).public)
ADDRESS = ip_interface("10.8.0.250/24")


def add(directory: Path, name: str = "fra1", **fields: object) -> AddedServer:
    values = {"endpoint": "fra1.example.net:51820", "public_key": KEY, **fields}
    return add_server(directory, NewServer(name, **values))  # type: ignore[arg-type]


def test_the_first_server_brings_an_identity_with_a_key_file_of_mode_0600(tmp_path: Path) -> None:
    added = add(tmp_path)
    fleet = read(tmp_path).fleet
    assert [each.name for each in fleet.servers] == ["fra1"]
    assert added.has_new_key
    assert fleet.servers[0].identity == added.identity.name
    [key_file] = added.key_files
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert PrivateKey.from_text(key_file.read_text()).public == added.identity_key


def test_the_second_server_gets_the_same_identity(tmp_path: Path) -> None:
    first = add(tmp_path)
    second = add(tmp_path, "ams1", endpoint="192.0.2.7:51820")
    assert not second.has_new_key
    assert second.identity_key == first.identity_key
    assert len(read(tmp_path).fleet.identities) == 1


def test_the_identity_of_the_defaults_is_used(tmp_path: Path) -> None:
    keygen("one", tmp_path)
    keygen("two", tmp_path)
    file = tmp_path / "servers.toml"
    file.write_text('[defaults]\nidentity = "two"\n' + file.read_text())
    assert add(tmp_path).identity.name == "two"


def test_an_unknown_identity_is_created_under_its_name(tmp_path: Path) -> None:
    keygen("one", tmp_path)
    added = add(tmp_path, identity="two")
    assert (added.identity.name, added.has_new_key) == ("two", True)


def test_the_command_for_the_server_admits_the_single_tunnel_address(tmp_path: Path) -> None:
    added = add(tmp_path, tunnel_addresses=(ADDRESS,))
    assert added.peer_command().line == f"wg set wg0 peer {added.identity_key} allowed-ips 10.8.0.250/32"


def test_without_a_tunnel_address_the_command_takes_no_address_from_another_peer(tmp_path: Path) -> None:
    added = add(tmp_path)
    assert added.peer_command("wg-eu").line == f"wg set wg-eu peer {added.identity_key}"


def test_an_identity_in_use_keeps_its_addresses_and_its_key_gets_another_name(tmp_path: Path) -> None:
    first = add(tmp_path, tunnel_addresses=(ADDRESS,))
    other = ip_interface("10.9.0.250/32")
    second = add(tmp_path, "ams1", endpoint="192.0.2.7:51820", tunnel_addresses=(other,))
    fleet = read(tmp_path).fleet
    assert second.identity.name == "ams1"
    assert second.identity_key == first.identity_key
    assert fleet.identities[0].addresses == (ADDRESS,)
    assert len(list(tmp_path.glob("*.key"))) == 1


def test_an_identity_that_no_server_uses_gets_the_tunnel_address(tmp_path: Path) -> None:
    keygen("bastion", tmp_path)
    assert add(tmp_path, tunnel_addresses=(ADDRESS,)).identity.addresses == (ADDRESS,)
    assert len(read(tmp_path).fleet.identities) == 1


def test_the_preshared_key_is_read_by_the_command_and_not_part_of_it(tmp_path: Path) -> None:
    secret = PresharedKey(bytes([7]) * 32)
    added = add(tmp_path, preshared_key=secret)
    line = added.peer_command().line
    assert line.endswith(" preshared-key /dev/stdin")
    assert secret.to_text() not in line + (tmp_path / "servers.toml").read_text()
    fleet = read(tmp_path).fleet
    assert open_keyring(fleet, tmp_path).preshared_key("fra1") == secret


def test_the_same_server_again_changes_nothing(tmp_path: Path) -> None:
    add(tmp_path)
    before = (tmp_path / "servers.toml").read_bytes()
    again = add(tmp_path, endpoint="FRA1.example.net:51820")
    assert not again.is_new
    assert (tmp_path / "servers.toml").read_bytes() == before


@pytest.mark.parametrize(
    ("fields", "key", "phrase"),
    [
        ({"endpoint": "fra1.example.net"}, "endpoint", "expected"),
        ({"public_key": "abc"}, "public_key", "base64"),
        ({"public_key": ""}, "public_key", "cannot be empty"),
        ({"endpoint": KEY, "public_key": "fra1.example.net:51820"}, "endpoint", "this is a key"),
        ({"name": "", "endpoint": "192.0.2.9:1"}, "name", ""),
        ({"endpoint": "192.0.2.9:1", "public_key": OTHER_KEY}, "name", "another server has this name"),
        ({"name": "x"}, "endpoint", 'server "fra1" already has'),
        ({"name": "x", "endpoint": "192.0.2.9:1", "identity": " a"}, "identity", "expected a name"),
    ],
)
def test_a_problem_is_named_by_its_field_and_nothing_is_written(
    tmp_path: Path, fields: dict[str, str], key: str, phrase: str
) -> None:
    add(tmp_path)
    before = (tmp_path / "servers.toml").read_bytes()
    new = NewServer(**{"name": "fra1", "endpoint": "fra1.example.net:51820", "public_key": KEY, **fields})  # type: ignore[arg-type]
    assert phrase in find_new_server_problems(read(tmp_path).fleet, new)[key]
    with pytest.raises(NewServerError) as raised:
        add_server(tmp_path, new)
    assert key in raised.value.problems
    assert (tmp_path / "servers.toml").read_bytes() == before


def test_all_problems_are_named_at_once() -> None:
    assert set(find_new_server_problems(Fleet(), NewServer("a\x1b", "b", "c"))) == {
        "name",
        "endpoint",
        "public_key",
    }


def test_the_key_of_this_machine_is_refused_as_that_of_the_server(tmp_path: Path) -> None:
    own = keygen("bastion", tmp_path)
    with pytest.raises(NewServerError, match="this is the key of identity"):
        add(tmp_path, public_key=str(own.public_key))


def test_a_failure_leaves_no_key_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        add(tmp_path, endpoint="nothing")
    assert not list(tmp_path.glob("*.key"))


def test_the_same_server_again_with_a_tunnel_address_gets_that_address(tmp_path: Path) -> None:
    first = add(tmp_path)
    assert first.is_handshake_only
    again = add(tmp_path, tunnel_addresses=(ADDRESS,))
    assert (again.is_new, again.is_changed, again.is_handshake_only) == (False, True, False)
    assert again.identity.addresses == (ADDRESS,)
    assert again.identity_key == first.identity_key
    assert len(read(tmp_path).fleet.identities) == 1


def test_a_tunnel_address_leaves_the_other_servers_of_the_identity_alone(tmp_path: Path) -> None:
    first = add(tmp_path)
    add(tmp_path, "ams1", endpoint="192.0.2.7:51820")
    add(tmp_path, "ams1", endpoint="192.0.2.7:51820", tunnel_addresses=(ADDRESS,))
    fleet = read(tmp_path).fleet
    assert fleet.identities[0].addresses == ()
    assert [each.identity for each in fleet.servers] == [first.identity.name, "ams1"]


def test_a_preshared_key_for_a_server_that_has_none_is_refused_with_what_to_type(tmp_path: Path) -> None:
    add(tmp_path)
    with pytest.raises(NewServerError, match="wgmon-tui remove fra1"):
        add(tmp_path, preshared_key=PresharedKey(bytes([7]) * 32))


def test_a_tunnel_address_that_another_identity_has_moves_the_server_to_that_identity(tmp_path: Path) -> None:
    add(tmp_path, "ams1", endpoint="192.0.2.7:51820")
    add(tmp_path)
    add(tmp_path, "ams1", endpoint="192.0.2.7:51820", tunnel_addresses=(ADDRESS,))
    again = add(tmp_path, tunnel_addresses=(ADDRESS,))
    fleet = read(tmp_path).fleet
    assert (again.is_changed, again.identity.name) == (True, "ams1")
    assert [(each.identity, each.tunnel) for each in fleet.servers] == [("ams1", True), ("ams1", True)]


def test_a_private_key_that_no_file_holds_has_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONITORING_KEY", PrivateKey.generate().to_text())
    (tmp_path / "servers.toml").write_text(
        '[[identity]]\nname = "here"\nprivate_key_env = "MONITORING_KEY"\n'
    )
    added = add(tmp_path, preshared_key=PresharedKey(bytes([7]) * 32))
    assert added.private_key_file is None
    assert added.key_files == (tmp_path / "fra1.psk",)
