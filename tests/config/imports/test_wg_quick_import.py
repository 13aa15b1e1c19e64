"""Imports of wg-quick files."""

from __future__ import annotations

import cProfile
from dataclasses import replace
from ipaddress import ip_interface
from pathlib import Path

import pytest

from tests.config.imports.conf_files import ADDRESS, PSK, bring_in, import_conf, secret_files, write_conf
from tests.config.sample_fleets import OTHER_SERVER_KEY, OWN_KEY, SERVER_KEY
from wgmon_tui.config.imports.conf_reading import ReadConfs, read_conf
from wgmon_tui.config.imports.import_report import SHARED_KEY_WARNING, ImportReport
from wgmon_tui.config.imports.new_identity import keygen, public_keys
from wgmon_tui.config.imports.wg_quick_import import (
    ImportOptions,
    import_confs,
    load_conf,
    preview,
)
from wgmon_tui.config.keys import NO_PRESHARED_KEY, PrivateKey
from wgmon_tui.config.models import AMNEZIAWG, ConfigurationError, Fleet, SecretForm, SecretSource
from wgmon_tui.config.secrets.keyring import open_keyring
from wgmon_tui.config.servers_file import read
from wgmon_tui.net.addresses import Endpoint


def test_an_import_makes_an_identity_and_a_server_that_can_be_checked(confs: Path, config_dir: Path) -> None:
    bring_in(write_conf(confs, psk=PSK), config_dir)
    fleet = read(config_dir).fleet
    (identity,) = fleet.identities
    (server,) = fleet.servers
    assert identity.name == "wg0"
    assert identity.addresses == (ip_interface(ADDRESS),)
    assert (server.name, server.endpoint) == ("wg0", Endpoint("fra1.example.net", 51820))
    assert server.tunnel_ping == ()
    keyring = open_keyring(fleet, config_dir)
    assert keyring.private_key(server.identity) == OWN_KEY
    assert keyring.preshared_key("wg0") == PSK


def test_imported_keys_stand_in_files_of_their_own_that_nobody_else_can_read(
    confs: Path, config_dir: Path
) -> None:
    bring_in(write_conf(confs, psk=PSK), config_dir)
    text = (config_dir / "servers.toml").read_text()
    assert OWN_KEY.to_text() not in text
    assert PSK.to_text() not in text
    assert secret_files(config_dir) == {"wg0.key", "wg0.psk"}
    assert {(config_dir / name).stat().st_mode & 0o777 for name in secret_files(config_dir)} == {0o600}


def test_an_import_says_what_it_added_and_warns_of_a_borrowed_key(confs: Path, config_dir: Path) -> None:
    report = bring_in(write_conf(confs), config_dir)
    assert report.lines == (
        f'wg0.conf: identity "wg0" added (public key {OWN_KEY.public})',
        'wg0.conf: server "wg0" added (fra1.example.net:51820)',
    )
    assert [server.name for server in report.added] == ["wg0"]
    assert report.warning == SHARED_KEY_WARNING


def test_the_warning_gives_the_reason_and_what_to_type() -> None:
    assert "do not monitor with a key that a real client uses" in SHARED_KEY_WARNING
    assert "about 15 s" in SHARED_KEY_WARNING
    assert "wgmon-tui keygen NAME" in SHARED_KEY_WARNING


def test_the_same_file_again_adds_nothing_and_says_so(confs: Path, config_dir: Path) -> None:
    path = write_conf(confs, psk=PSK)
    bring_in(path, config_dir)
    before = (config_dir / "servers.toml").read_text(), secret_files(config_dir)
    report = bring_in(path, config_dir)
    assert ((config_dir / "servers.toml").read_text(), secret_files(config_dir)) == before
    assert report == ImportReport(
        (),
        ('wg0.conf: server "wg0" already exists with this key and endpoint; not changed',),
        existing=("wg0",),
    )


def test_the_same_file_twice_in_one_import_is_one_server(confs: Path, config_dir: Path) -> None:
    path = write_conf(confs)
    assert len(import_conf([path, path], config_dir).added) == 1


def test_another_key_from_a_file_of_the_same_name_gets_names_of_its_own(
    confs: Path, config_dir: Path
) -> None:
    bring_in(write_conf(confs), config_dir)
    other = PrivateKey(b"\x09" * 32)
    bring_in(write_conf(confs, key=other, server=OTHER_SERVER_KEY), config_dir)
    fleet = read(config_dir).fleet
    assert [(server.name, server.identity) for server in fleet.servers] == [
        ("wg0", "wg0"),
        ("wg0-2", "wg0-2"),
    ]
    assert open_keyring(fleet, config_dir).private_key("wg0-2") == other


def test_a_file_that_is_in_the_way_is_never_overwritten(confs: Path, config_dir: Path) -> None:
    config_dir.mkdir()
    (config_dir / "wg0.key").write_text("precious")
    bring_in(write_conf(confs), config_dir)
    assert (config_dir / "wg0.key").read_text() == "precious"
    assert read(config_dir).fleet.identities[0].private_key == SecretSource(SecretForm.FILE, "wg0-2.key")


def test_what_is_good_is_imported_and_each_fault_of_the_others_is_reported(
    confs: Path, config_dir: Path
) -> None:
    good = write_conf(confs)
    bad = write_conf(confs, "bad.conf")
    bad.write_text(bad.read_text().replace("fra1.example.net:51820", "http://fra1:51820") + "Psk\n[Peer]\n")
    bad.write_text(bad.read_text().replace("Psk\n", "") + "Endpoint = fra1:1\n")
    report = import_conf([bad, confs / "gone.conf", good], config_dir)
    assert [server.name for server in report.added] == ["wg0"]
    assert [str(fault) for fault in report.faults] == [
        'bad.conf: line 6: Endpoint: expected "host:port" without "http://"; type "fra1:51820"',
        "bad.conf: line 7: this [Peer] has no PublicKey; add it below",
        f"{confs}/gone.conf: cannot be read: No such file or directory",
    ]
    assert report.lines[-1] == "3 files: 1 server added and 3 faults"


def test_the_good_peers_of_a_file_with_a_bad_one_are_imported(confs: Path, config_dir: Path) -> None:
    path = write_conf(confs)
    path.write_text(path.read_text() + f"[Peer]\nPublicKey = {OTHER_SERVER_KEY}\nEndpoint = fra1\n")
    report = bring_in(path, config_dir)
    assert [server.public_key for server in report.added] == [SERVER_KEY]
    [fault] = report.faults
    assert (fault.source, fault.line) == ("wg0.conf", 9)


def test_without_anything_good_nothing_is_written(confs: Path, config_dir: Path) -> None:
    assert import_conf([confs / "gone.conf"], config_dir).faults
    assert not config_dir.exists()


def test_where_servers_toml_cannot_be_written_no_key_file_stays(confs: Path, config_dir: Path) -> None:
    write_conf(confs, psk=PSK)
    config_dir.mkdir()
    # Nothing can be created at the target of this link. The error comes after the key files are written.
    (config_dir / "servers.toml").symlink_to("missing/servers.toml")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        bring_in(confs / "wg0.conf", config_dir)
    assert secret_files(config_dir) == set()


def test_a_file_that_others_can_read_is_imported_with_a_notice(confs: Path, config_dir: Path) -> None:
    path = write_conf(confs)
    path.chmod(0o644)
    report = bring_in(path, config_dir)
    assert report.lines[0] == (
        f"wg0.conf: contains a private key, and others can read {path}; type: chmod 600 {path}"
    )


def test_comments_that_an_import_drops_are_told(confs: Path, config_dir: Path) -> None:
    config_dir.mkdir()
    (config_dir / "servers.toml").write_text("# mine\n")
    assert "servers.toml.bak" in bring_in(write_conf(confs), config_dir).lines[-1]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("../../etc/passwd", "_.._etc_passwd.key"),
        (".hidden", "hidden.key"),
        ("-rf", "rf.key"),
        ("köln 1", "k_ln_1.key"),
        ("..", "key.key"),
    ],
)
def test_a_name_that_is_no_file_name_still_gets_its_file_in_the_directory(
    config_dir: Path, name: str, file: str
) -> None:
    assert keygen(name, config_dir).identity.private_key == SecretSource(SecretForm.FILE, file)
    assert secret_files(config_dir) == {file}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff", "line 1: expected [Interface] before the first key"),
        (None, "cannot be read: No such file or directory"),
    ],
)
def test_a_file_that_is_no_text_is_refused_on_one_line(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    path = tmp_path / "wg0.conf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError) as refused:
        load_conf(path)
    assert str(refused.value).endswith(f"wg0.conf: {said}")


def test_a_file_can_be_checked_without_writing_anything(confs: Path) -> None:
    loaded = load_conf(write_conf(confs, psk=PSK))
    (server,) = loaded.fleet.servers
    assert loaded.keyring.private_key(server.identity) == OWN_KEY
    assert loaded.keyring.preshared_key(server.name) == PSK
    assert loaded.keyring == open_keyring(loaded.fleet, confs)
    assert [path.name for path in confs.iterdir()] == ["wg0.conf"]
    assert OWN_KEY.to_text() not in repr(loaded)
    assert PSK.to_text() not in repr(loaded)


def test_servers_of_one_loaded_file_have_names_of_their_own(confs: Path) -> None:
    path = write_conf(confs)
    path.write_text(
        path.read_text() + f"[Peer]\nPublicKey = {OTHER_SERVER_KEY}\nEndpoint = fra1.example.net:51821\n"
    )
    loaded = load_conf(path)
    assert [server.name for server in loaded.fleet.servers] == [
        "wg0-fra1.example.net",
        "wg0-fra1.example.net-2",
    ]
    assert loaded.keyring.preshared_key("wg0-fra1.example.net-2") == NO_PRESHARED_KEY


def test_a_preview_says_what_an_import_does_then(confs: Path, config_dir: Path) -> None:
    bring_in(write_conf(confs), config_dir)
    new = [
        read_conf(
            write_conf(confs, "wg1.conf", server=OTHER_SERVER_KEY, key=PrivateKey(b"\x05" * 32), psk=PSK)
        ),
        read_conf(write_conf(confs)),
    ]
    before = read(config_dir).fleet
    files = secret_files(config_dir)
    found = preview(ReadConfs(tuple(new)), config_dir, before, public_keys(before, config_dir))
    assert found.existing == ("wg0",)
    assert (read(config_dir).fleet, secret_files(config_dir)) == (before, files)
    import_confs(ReadConfs(tuple(new)), config_dir)
    after = read(config_dir).fleet
    assert found.servers == after.servers[1:]
    assert found.identities == after.identities[1:]
    assert found.public_keys == public_keys(after, config_dir)


def test_a_preview_gives_each_key_a_file_of_its_own(confs: Path, config_dir: Path) -> None:
    new = [
        read_conf(write_conf(confs, f"{place}.conf", server=key, psk=PSK))
        for place, key in (("a", SERVER_KEY), ("b", OTHER_SERVER_KEY))
    ]
    new = [replace(conf, stem="same") for conf in new]
    found = preview(ReadConfs(tuple(new)), config_dir, Fleet(), {})
    assert [each.preshared_key for each in found.servers] == [
        SecretSource(SecretForm.FILE, "same.psk"),
        SecretSource(SecretForm.FILE, "same-2.psk"),
    ]


def test_a_server_of_amneziawg_is_imported_as_one_with_all_its_secrets(config_dir: Path, confs: Path) -> None:
    path = write_conf(confs, psk=PSK)
    path.write_text(path.read_text().replace("Address", "jc = 4\nH1 = 1148276353\nAddress"))
    bring_in(path, config_dir)
    fleet = read(config_dir).fleet
    [server] = fleet.servers
    assert server.protocol == AMNEZIAWG
    assert 'protocol = "amneziawg"' in (config_dir / "servers.toml").read_text()
    keyring = open_keyring(fleet, config_dir)
    assert (keyring.private_key(server.identity), keyring.preshared_key(server.name)) == (OWN_KEY, PSK)
    assert load_conf(path).fleet.servers[0].protocol == AMNEZIAWG


def test_the_parameters_of_amneziawg_are_imported_and_their_key_becomes_a_file(
    config_dir: Path, confs: Path
) -> None:
    path = write_conf(confs)
    settings = "Jc = 4\nJmax = 70\nS1 = 12\nS2 = 13\nS3 = 14\nS4 = 15\nH1 = 5-9\nI1 = <b 0xc7><t>\n"
    path.write_text(
        path.read_text().replace("Address", f"{settings}HeaderProtectionKey = {PSK.to_text()}\nAddress")
    )
    bring_in(path, config_dir)
    text = (config_dir / "servers.toml").read_text()
    assert "[server.amneziawg]" in text
    assert 'h1 = "5-9"' in text
    assert PSK.to_text() not in text
    fleet = read(config_dir).fleet
    [server] = fleet.servers
    secrets = open_keyring(fleet, config_dir).protocol_secrets
    assert secrets[server.name] == {"header_protection_key": PSK.raw}
    assert (config_dir / "wg0.hpk").stat().st_mode & 0o077 == 0
    loaded = load_conf(path)
    assert loaded.keyring.protocol_secrets[loaded.fleet.servers[0].name] == secrets[server.name]


@pytest.mark.parametrize(
    "endpoint", ["fra1.example.net:51820", "FRA1.Example.net:51820", "fra1.example.net.:51820"]
)
def test_a_server_with_the_same_key_and_endpoint_is_reported_and_skipped(
    endpoint: str, confs: Path, config_dir: Path
) -> None:
    bring_in(write_conf(confs), config_dir)
    other = write_conf(confs, "bob.conf", key=PrivateKey(b"\x09" * 32))
    other.write_text(other.read_text().replace("fra1.example.net:51820", endpoint))
    report = bring_in(other, config_dir)
    assert report.added == ()
    assert report.lines == ('bob.conf: server "wg0" already exists with this key and endpoint; not changed',)
    assert secret_files(config_dir) == {"wg0.key"}


def test_the_same_key_at_another_endpoint_is_another_server(confs: Path, config_dir: Path) -> None:
    bring_in(write_conf(confs), config_dir)
    other = write_conf(confs, "bob.conf")
    other.write_text(other.read_text().replace(":51820", ":51821"))
    assert [server.name for server in bring_in(other, config_dir).added] == ["bob"]


def test_many_files_are_reported_in_a_few_lines(confs: Path, config_dir: Path) -> None:
    for number in range(30):
        path = write_conf(confs, f"{number:02}.conf")
        path.write_text(path.read_text().replace(":51820", f":{number + 1}"))
        path.chmod(0o644)
    report = import_conf([confs], config_dir)
    assert len(report.added) == 30
    [notice, summary] = report.lines
    assert notice.startswith("confs/00.conf, confs/01.conf, confs/02.conf and 27 more: contain a private key")
    assert summary == "30 files: 30 servers added"


def test_the_cost_of_an_import_grows_with_the_number_of_files_and_not_faster(tmp_path: Path) -> None:
    def calls(count: int) -> int:
        files = [
            replace(conf, peers=(replace(conf.peers[0], endpoint=Endpoint("fra1", number + 1)),))
            for number in range(count)
        ]
        profile = cProfile.Profile()
        profile.runcall(preview, ReadConfs(tuple(files)), tmp_path, Fleet(), {})
        return sum(entry.callcount for entry in profile.getstats())

    conf = read_conf(write_conf(tmp_path / "confs"))
    assert calls(800) < 4.4 * calls(200)


def test_a_preview_and_an_import_use_the_new_names(confs: Path, config_dir: Path) -> None:
    found = ReadConfs((read_conf(write_conf(confs, psk=PSK)),))
    options = ImportOptions(renames={"wg0": "Frankfurt"})
    assert [each.name for each in preview(found, config_dir, Fleet(), {}, options).servers] == ["Frankfurt"]
    import_confs(found, config_dir, options)
    assert [each.name for each in read(config_dir).fleet.servers] == ["Frankfurt"]
    assert secret_files(config_dir) == {"wg0.key", "Frankfurt.psk"}
