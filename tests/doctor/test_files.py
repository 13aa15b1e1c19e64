from __future__ import annotations

import os
import time
from dataclasses import replace
from ipaddress import ip_address, ip_interface
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.config.sample_fleets import MINIMAL_TOML, OWN_KEY
from wgmon_tui.checks import tai64n
from wgmon_tui.config.models import Fleet
from wgmon_tui.config.secrets.keyring import open_keyring
from wgmon_tui.doctor.files import (
    check_data_path,
    check_held_timestamps,
    check_permissions,
    check_secrets,
    check_servers_file,
    check_state_directory,
    check_timestamps,
)
from wgmon_tui.doctor.models import ExaminedItem, ItemStatus
from wgmon_tui.store.identity_lock import identity_digest
from wgmon_tui.store.timestamp_ledger import TimestampLedger

SECOND_NS = 10**9


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration without faults."""
    directory = tmp_path / "config"
    directory.mkdir(mode=0o700)
    for name, text in (("servers.toml", MINIMAL_TOML), ("bastion.key", OWN_KEY.to_text())):
        (directory / name).write_text(text)
        (directory / name).chmod(0o600)
    return directory


def secret_items(config: Path) -> list[ExaminedItem]:
    fleet, _ = check_servers_file(config)
    return check_secrets(open_keyring(fleet, config), config)


def conditions(items: list[ExaminedItem]) -> list[ItemStatus]:
    return [item.status for item in items]


def test_a_configuration_with_which_nothing_is_wrong_is_fine(config: Path) -> None:
    fleet, [item] = check_servers_file(config)
    assert [server.name for server in fleet.servers] == ["fra1"]
    items = [item, *check_permissions(config), *secret_items(config)]
    assert conditions(items) == [ItemStatus.FINE] * 3


def test_an_identity_from_which_nothing_can_be_asked_inside_is_told(config: Path) -> None:
    fleet, _ = check_servers_file(config)
    homeless = replace(fleet, identities=(replace(fleet.identities[0], addresses=()),))
    [item] = check_data_path(homeless)
    assert item.status is ItemStatus.LOOK
    assert 'identity "bastion" has no tunnel address' in item.fact
    assert "addresses = [" in item.advice
    by_handshake_alone = replace(homeless, servers=(replace(fleet.servers[0], tunnel=False),))
    assert conditions(check_data_path(by_handshake_alone)) == [ItemStatus.FINE]


def test_a_target_without_a_tunnel_address_of_its_version_is_to_be_fixed(config: Path) -> None:
    fleet, _ = check_servers_file(config)
    only_v4 = replace(fleet.identities[0], addresses=(ip_interface("10.8.0.250/32"),))
    asked = replace(fleet.servers[0], tunnel_ping=(ip_address("10.8.0.1"), ip_address("fd07::1")))
    [item] = check_data_path(replace(fleet, identities=(only_v4,), servers=(asked,)))
    assert item.status is ItemStatus.FIX
    assert item.fact.startswith('server "fra1": tunnel_ping: "fd07::1" cannot be probed')


def test_a_data_path_that_can_be_seen_is_fine_and_says_what_is_asked(config: Path) -> None:
    fleet, _ = check_servers_file(config)
    at_home = replace(fleet.identities[0], addresses=(ip_interface("10.8.0.250/32"),))
    fleet = replace(fleet, identities=(at_home,))
    [item] = check_data_path(fleet)
    assert item.status is ItemStatus.FINE
    assert item.fact == "the first hop is pinged where tunnel_ping is missing: fra1"
    named = replace(fleet, servers=(replace(fleet.servers[0], tunnel_ping=(ip_address("10.8.0.1"),)),))
    assert "every server has inner addresses" in check_data_path(named)[0].fact
    assert check_data_path(Fleet()) == []


def test_a_servers_toml_that_cannot_stand_is_told_with_the_loaders_line(config: Path) -> None:
    (config / "servers.toml").write_text(MINIMAL_TOML + 'intervall = "5s"\n')
    fleet, [item] = check_servers_file(config)
    assert fleet.servers == ()
    assert item.status is ItemStatus.FIX
    assert 'server "fra1": unknown setting "intervall"; did you mean "interval"?' in item.fact


def test_each_error_of_servers_toml_is_an_item(config: Path) -> None:
    (config / "servers.toml").write_text(MINIMAL_TOML + 'intervall = "5s"\npaused = 1\n')
    _, items = check_servers_file(config)
    assert [item.status for item in items] == [ItemStatus.FIX] * 2
    assert [item.fact.split(":")[1].split()[0] for item in items] == ["line", "line"]


def test_no_servers_yet_says_how_to_get_some(tmp_path: Path) -> None:
    _, [item] = check_servers_file(tmp_path / "nowhere")
    advice = "type: wgmon-tui add NAME ENDPOINT PUBLIC_KEY, or: wgmon-tui add FILE.conf"
    assert (item.status, item.advice) == (ItemStatus.LOOK, advice)


@pytest.mark.parametrize("name", [".", "servers.toml"])
def test_what_others_can_write_must_be_fixed(config: Path, name: str) -> None:
    (config / name).chmod(0o770)
    [item] = check_permissions(config)
    assert item.status is ItemStatus.FIX
    assert item.advice == f"type: chmod go-w {config / name}"


def test_a_configuration_that_others_can_only_read_is_fine(config: Path) -> None:
    config.chmod(0o755)
    (config / "servers.toml").chmod(0o644)
    assert conditions(check_permissions(config)) == [ItemStatus.FINE]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_configuration_of_another_user_must_be_fixed(config: Path) -> None:
    os.chown(config / "servers.toml", 12345, -1)
    [item] = check_permissions(config)
    assert item.status is ItemStatus.FIX
    assert "belongs to another user" in item.fact


def test_where_there_is_no_configuration_there_are_no_permissions_to_judge(tmp_path: Path) -> None:
    assert check_permissions(tmp_path / "nowhere") == []


def test_a_secret_that_others_can_read_is_told_once_with_the_loaders_line(config: Path) -> None:
    (config / "bastion.key").chmod(0o644)
    [item] = secret_items(config)
    assert item.status is ItemStatus.FIX
    assert 'identity "bastion": key private_key_file' in item.fact
    assert f"chmod 600 {config / 'bastion.key'}" in item.fact


@pytest.mark.parametrize("name", ["old.psk", "old.hpk"])
def test_a_secret_that_nothing_uses_must_not_be_open_to_others_either(config: Path, name: str) -> None:
    (config / name).touch(mode=0o600)
    assert conditions(secret_items(config)) == [ItemStatus.FINE]
    (config / name).chmod(0o640)
    [item] = secret_items(config)
    assert f"chmod 600 {config / name}" in item.fact


def test_a_preshared_key_that_cannot_be_had_is_told_for_its_server(config: Path) -> None:
    (config / "servers.toml").write_text(MINIMAL_TOML + 'preshared_key_env = "NOT_SET_ANYWHERE"\n')
    [item] = secret_items(config)
    assert 'server "fra1": key preshared_key_env: the variable NOT_SET_ANYWHERE is not set' in item.fact


def test_a_state_directory_that_is_not_there_yet_is_left_so(tmp_path: Path) -> None:
    state = tmp_path / "a" / "b"
    item = check_state_directory(state)
    assert (item.status, "will be created" in item.fact) == (ItemStatus.FINE, True)
    assert not (tmp_path / "a").exists()


def test_a_state_directory_is_written_to_and_left_empty(tmp_path: Path) -> None:
    item = check_state_directory(tmp_path)
    assert (item.status, "is writable" in item.fact) == (ItemStatus.FINE, True)
    assert list(tmp_path.iterdir()) == []


def test_a_state_directory_that_cannot_be_written_must_be_fixed(tmp_path: Path) -> None:
    state = tmp_path / "file"
    state.touch()
    for place in (state, state / "below"):
        item = check_state_directory(place)
        assert item.status is ItemStatus.FIX
        assert "--state DIR" in item.advice


def test_a_read_only_file_system_is_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_flag=os.ST_RDONLY))
    item = check_state_directory(tmp_path / "state")
    assert item.status is ItemStatus.FIX
    assert item.fact.endswith(f"cannot be created in {tmp_path}: the file system is read-only")


def test_stamps_of_now_are_fine_and_looking_takes_none(tmp_path: Path) -> None:
    with TimestampLedger(tmp_path) as ledger:
        now_ns = tai64n.decode(ledger.next(OWN_KEY.public))
    before = [path.read_bytes() for path in (tmp_path / "stamps").iterdir()]
    assert conditions(check_timestamps(tmp_path, {"bastion": OWN_KEY.public}, now_ns)) == [ItemStatus.FINE]
    assert [path.read_bytes() for path in (tmp_path / "stamps").iterdir()] == before


def test_an_identity_whose_stamps_lie_ahead_of_the_clock_is_named(tmp_path: Path) -> None:
    with TimestampLedger(tmp_path) as ledger:
        last_ns = tai64n.decode(ledger.next(OWN_KEY.public))
    [item] = check_timestamps(tmp_path, {"bastion": OWN_KEY.public}, last_ns - 3600 * SECOND_NS)
    assert item.status is ItemStatus.LOOK
    assert 'identity "bastion" is 1 h 00 min ahead' in item.fact


def test_spoiled_stamps_and_none_at_all_are_fine(tmp_path: Path) -> None:
    assert conditions(check_timestamps(tmp_path, {"bastion": OWN_KEY.public}, 0)) == [ItemStatus.FINE]
    with TimestampLedger(tmp_path) as ledger:
        ledger.next(OWN_KEY.public)
    for path in (tmp_path / "stamps").iterdir():
        path.write_bytes(b"half")
    assert conditions(check_timestamps(tmp_path, {"bastion": OWN_KEY.public}, 0)) == [ItemStatus.FINE]


def test_checks_that_are_held_are_named_with_what_to_type(tmp_path: Path) -> None:
    identities = {"bastion": OWN_KEY.public}
    assert check_held_timestamps(tmp_path, identities) == []
    stamps = tmp_path / "stamps"
    stamps.mkdir()
    last_ns = time.time_ns() - 3650 * 86_400 * SECOND_NS
    (stamps / identity_digest(OWN_KEY.public).hex()).write_bytes(tai64n.encode(last_ns))
    [item] = check_held_timestamps(tmp_path, identities)
    assert item.status is ItemStatus.FIX
    assert "3650 d later" in item.fact
    assert item.advice.endswith(f"type: wgmon-tui doctor --trust-clock --state {tmp_path}")


def test_a_pipe_in_the_place_of_a_stamp_does_not_hang(tmp_path: Path) -> None:
    (tmp_path / "stamps").mkdir()
    os.mkfifo(tmp_path / "stamps" / identity_digest(OWN_KEY.public).hex())
    assert conditions(check_timestamps(tmp_path, {"bastion": OWN_KEY.public}, 0)) == [ItemStatus.FINE]


def test_a_file_of_another_user_in_the_own_state_directory_must_be_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stamps").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    item = check_state_directory(tmp_path)
    assert (item.status, item.advice) == (ItemStatus.FIX, f"type: sudo chown -R 12345 {tmp_path}")
    assert item.fact == f"{tmp_path / 'stamps'} belongs to another user: this account cannot write it"
