"""Interactive edits of servers.toml while other programs change it too."""

from dataclasses import replace
from ipaddress import ip_interface
from pathlib import Path

import pytest
from hypothesis import given

from tests.config.sample_fleets import BASTION, OTHER_SERVER_KEY, OWN_KEY, SERVER_KEY, fleets, server
from wgmon_tui.config.imports.wg_quick_parser import parse_pasted_conf
from wgmon_tui.config.keys import PresharedKey
from wgmon_tui.config.models import ConfigurationError, Fleet, SecretForm, SecretSource
from wgmon_tui.config.secrets.keyring import open_keyring
from wgmon_tui.config.server_edits import (
    ConflictError,
    ServerChange,
    delete_identity,
    delete_servers,
    find_problems,
    restore,
    save_identity,
    save_server,
)
from wgmon_tui.config.servers_file import read, update
from wgmon_tui.config.servers_toml import server_entries
from wgmon_tui.config.tunnel_targets import find_unaddressed_targets

PSK = PresharedKey(b"\x07" * 32)
FLEET = Fleet((server("ams1"), server("fra1"), server("lon1")), (BASTION,))
FRA1 = server_entries(FLEET, server("fra1"))


@pytest.fixture
def config_dir(tmp_path: Path) -> Path:
    update(tmp_path, lambda _: FLEET)
    return tmp_path


def key_files(config_dir: Path) -> set[str]:
    return {path.name for path in config_dir.iterdir() if path.suffix in (".key", ".psk")}


def names(config_dir: Path) -> list[str]:
    return [each.name for each in read(config_dir).fleet.servers]


def meanwhile(config_dir: Path, **changes: object) -> None:
    """Change fra1 as another program would."""
    changed = replace(server("fra1"), **changes)  # type: ignore[arg-type]
    update(config_dir, lambda fleet: replace(fleet, servers=(server("ams1"), changed, server("lon1"))))


def test_a_new_server_comes_last(config_dir: Path) -> None:
    after = {"name": "par1", "endpoint": "par1.example.net:51820", "public_key": str(SERVER_KEY)}
    changed = save_server(config_dir, ServerChange(None, after))
    assert changed.server == server("par1")
    assert names(config_dir) == ["ams1", "fra1", "lon1", "par1"]


def test_a_new_server_needs_a_name_of_its_own(config_dir: Path) -> None:
    with pytest.raises(ConfigurationError, match='server "fra1": already exists; choose another name'):
        save_server(config_dir, ServerChange(None, FRA1))


def test_a_changed_server_keeps_its_place(config_dir: Path) -> None:
    save_server(config_dir, ServerChange(FRA1, {**FRA1, "name": "fra2", "tags": ["eu"]}))
    assert names(config_dir) == ["ams1", "fra2", "lon1"]
    assert read(config_dir).fleet.servers[1].tags == ("eu",)


def test_a_change_does_not_take_the_name_of_another_server(config_dir: Path) -> None:
    with pytest.raises(ConfigurationError, match='server "lon1": already exists'):
        save_server(config_dir, ServerChange(FRA1, {**FRA1, "name": "lon1"}))


def test_what_another_program_changed_meanwhile_stays_and_is_said(config_dir: Path) -> None:
    meanwhile(config_dir, tags=("edge",))
    changed = save_server(config_dir, ServerChange(FRA1, {**FRA1, "interval": "30s"}))
    assert (changed.server.tags, changed.server.interval) == (("edge",), 30.0)
    assert changed.lines == ('servers.toml: server "fra1": kept the changes of another program: tags',)


def test_where_both_changed_the_same_key_nothing_is_written(config_dir: Path) -> None:
    meanwhile(config_dir, interval=60.0)
    with pytest.raises(ConflictError) as refused:
        save_server(config_dir, ServerChange(FRA1, {**FRA1, "interval": "30s"}, PSK))
    assert refused.value.keys == ("interval",)
    assert str(refused.value) == (
        'servers.toml: server "fra1": another program changed its interval meanwhile'
    )
    assert read(config_dir).fleet.servers[1].interval == 60.0
    assert key_files(config_dir) == set()


def test_where_both_made_the_same_change_there_is_no_conflict(config_dir: Path) -> None:
    meanwhile(config_dir, interval=30.0)
    assert save_server(config_dir, ServerChange(FRA1, {**FRA1, "interval": "30s"})).server.interval == 30.0


def test_a_person_may_overrule_the_other_program(config_dir: Path) -> None:
    meanwhile(config_dir, interval=60.0, tags=("edge",))
    change = ServerChange(FRA1, {**FRA1, "interval": "30s"}, overwrite=True)
    changed = save_server(config_dir, change)
    assert (changed.server.interval, changed.server.tags) == (30.0, ("edge",))


def test_a_server_that_was_deleted_meanwhile_is_a_conflict_that_may_be_overruled(config_dir: Path) -> None:
    delete_servers(config_dir, ["fra1"])
    change = ServerChange(FRA1, {**FRA1, "interval": "30s"})
    with pytest.raises(ConflictError, match="another program deleted it meanwhile"):
        save_server(config_dir, change)
    save_server(config_dir, replace(change, overwrite=True))
    assert names(config_dir) == ["ams1", "lon1", "fra1"]


def test_a_preshared_key_goes_into_a_file_and_never_into_servers_toml(config_dir: Path) -> None:
    changed = save_server(config_dir, ServerChange(FRA1, FRA1, PSK))
    assert changed.server.preshared_key == SecretSource(SecretForm.FILE, "fra1.psk")
    assert (config_dir / "fra1.psk").stat().st_mode & 0o777 == 0o600
    assert PSK.to_text() not in (config_dir / "servers.toml").read_text()
    assert PSK.to_text() not in repr(ServerChange(FRA1, FRA1, PSK))


def test_a_preshared_key_that_replaces_another_leaves_the_old_file(config_dir: Path) -> None:
    first = save_server(config_dir, ServerChange(FRA1, FRA1, PSK)).server
    before = server_entries(FLEET, first)
    second = save_server(config_dir, ServerChange(before, before, PresharedKey(b"\x08" * 32))).server
    assert second.preshared_key == SecretSource(SecretForm.FILE, "fra1-2.psk")
    assert key_files(config_dir) == {"fra1.psk", "fra1-2.psk"}


def test_a_pasted_config_brings_its_key_as_an_identity_of_its_own(config_dir: Path) -> None:
    conf = parse_pasted_conf(
        f"[Interface]\rPrivateKey = {OWN_KEY.to_text()}\rAddress = 10.8.0.9/32\r"
        f"[Peer]\rPublicKey = {OTHER_SERVER_KEY}\rEndpoint = par1.example.net:51820\r"
    )
    assert conf.stem == "par1"
    after = {
        "name": "par1",
        "endpoint": "par1.example.net:51820",
        "public_key": str(OTHER_SERVER_KEY),
        "identity": "mine",
    }
    save_server(config_dir, ServerChange(None, after, conf=conf))
    fleet = read(config_dir).fleet
    identity = fleet.identity("mine")
    assert identity is not None
    assert identity.addresses == (ip_interface("10.8.0.9/32"),)
    assert open_keyring(fleet, config_dir).private_key("mine") == OWN_KEY
    assert OWN_KEY.to_text() not in repr(conf)


def test_deleted_servers_come_back_where_they_stood(config_dir: Path) -> None:
    deleted = delete_servers(config_dir, ["ams1", "lon1"])
    assert names(config_dir) == ["fra1"]
    assert deleted.names == "ams1 and lon1"
    restore(config_dir, deleted)
    assert read(config_dir).fleet == FLEET


def test_a_deletion_leaves_the_key_file_and_says_so(config_dir: Path) -> None:
    save_server(config_dir, ServerChange(FRA1, FRA1, PSK))
    deleted = delete_servers(config_dir, ["fra1"])
    assert deleted.lines == ("Not deleted: fra1.psk, which may be the only copy of a key",)
    assert key_files(config_dir) == {"fra1.psk"}


def test_a_deleted_server_does_not_come_back_under_a_name_that_is_taken_again(config_dir: Path) -> None:
    deleted = delete_servers(config_dir, ["fra1"])
    save_server(config_dir, ServerChange(None, FRA1))
    with pytest.raises(ConfigurationError, match='server "fra1": already exists'):
        restore(config_dir, deleted)


def test_a_deleted_server_does_not_come_back_without_its_identity(config_dir: Path) -> None:
    deleted = delete_servers(config_dir, ["ams1", "fra1", "lon1"])
    delete_identity(config_dir, "bastion")
    with pytest.raises(
        ConfigurationError, match='its identity "bastion" no longer exists; restore that first'
    ):
        restore(config_dir, deleted)


def test_an_identity_in_use_is_not_deleted(config_dir: Path) -> None:
    with pytest.raises(ConfigurationError, match="used by ams1, fra1 and lon1; choose another"):
        delete_identity(config_dir, "bastion")


def test_an_identity_that_the_defaults_name_is_not_deleted(tmp_path: Path) -> None:
    update(tmp_path, lambda _: Fleet((), (BASTION,), {"identity": "bastion"}))
    with pytest.raises(ConfigurationError, match=r"\[defaults\] uses it; change that first"):
        delete_identity(tmp_path, "bastion")


def test_a_deleted_identity_comes_back(tmp_path: Path) -> None:
    fleet = Fleet((), (BASTION, replace(BASTION, name="office")))
    update(tmp_path, lambda _: fleet)
    deleted = delete_identity(tmp_path, "bastion")
    assert deleted.lines == ("Not deleted: bastion.key, which may be the only copy of a key",)
    restore(tmp_path, deleted)
    assert read(tmp_path).fleet == fleet


def test_the_addresses_of_an_identity_can_be_changed(config_dir: Path) -> None:
    after = replace(BASTION, addresses=(ip_interface("10.8.0.250/32"),))
    save_identity(config_dir, BASTION, after)
    assert read(config_dir).fleet.identities == (after,)
    with pytest.raises(ConflictError):
        save_identity(config_dir, BASTION, replace(BASTION, addresses=(ip_interface("10.9.0.1/32"),)))


def test_every_problem_of_a_table_is_found_at_once() -> None:
    problems = find_problems(
        {"endpoint": "fra1", "public_key": "x", "interval": "soon", "timeout": "9h", "tunnel_count": 0}, FLEET
    )
    assert set(problems) == {"name", "endpoint", "public_key", "interval", "timeout", "tunnel_count"}
    assert problems["name"] == "cannot be empty"
    assert problems["endpoint"].startswith('expected "host:port"')


def test_what_two_keys_say_together_is_a_problem_of_one_of_them() -> None:
    assert set(find_problems({**FRA1, "interval": "2s", "timeout": "3s"}, FLEET)) == {"timeout"}
    assert set(find_problems({**FRA1, "fail_after": 5, "fail_window": 4}, FLEET)) == {"fail_window"}


def test_a_name_that_is_taken_is_a_problem() -> None:
    assert find_problems(FRA1, FLEET, used_names={"fra1"}) == {
        "name": "another server has this name (fra1.example.net:51820)"
    }


def test_without_an_identity_that_alone_is_the_problem() -> None:
    assert set(find_problems(FRA1, Fleet())) == {"identity"}


@given(fleets())
def test_what_the_file_says_of_a_server_has_no_problem(fleet: Fleet) -> None:
    for each in fleet.servers:
        unaddressed = find_unaddressed_targets(each, fleet.identity(each.identity))
        problems = find_problems(server_entries(fleet, each), fleet)
        assert set(problems) == {target.key for target in unaddressed}


def test_a_target_that_the_identity_cannot_probe_is_a_problem_of_its_key() -> None:
    [only_v4] = (replace(BASTION, addresses=(ip_interface("10.8.0.250/32"),)),)
    entries = {**FRA1, "tunnel_ping": ["10.8.0.1", "fd07::1"]}
    problems = find_problems(entries, replace(FLEET, identities=(only_v4,)))
    assert set(problems) == {"tunnel_ping"}
    assert problems["tunnel_ping"].startswith('"fd07::1" cannot be probed')
    assert find_problems({**entries, "tunnel": False}, replace(FLEET, identities=(only_v4,))) == {}
