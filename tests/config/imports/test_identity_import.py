"""The identity that an import of wg-quick files takes or makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.imports.conf_files import PSK, bastion, bring_in, import_conf, secret_files, write_conf
from tests.config.sample_fleets import OTHER_SERVER_KEY, OWN_KEY
from wgmon_tui.config.imports.import_report import SHARED_KEY_WARNING
from wgmon_tui.config.imports.new_identity import keygen
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.config.models import ConfigurationError, SecretForm, SecretSource
from wgmon_tui.config.secrets.keyring import open_keyring
from wgmon_tui.config.servers_file import read


def test_another_server_with_the_same_key_shares_the_identity(confs: Path, config_dir: Path) -> None:
    bring_in(write_conf(confs), config_dir)
    bring_in(write_conf(confs, "ams1.conf", server=OTHER_SERVER_KEY), config_dir)
    fleet = read(config_dir).fleet
    assert [identity.name for identity in fleet.identities] == ["wg0"]
    assert [(server.name, server.identity) for server in fleet.servers] == [("wg0", "wg0"), ("ams1", "wg0")]
    assert secret_files(config_dir) == {"wg0.key"}


def test_the_same_key_with_another_tunnel_address_is_another_identity_on_the_same_file(
    confs: Path, config_dir: Path
) -> None:
    bring_in(write_conf(confs), config_dir)
    bring_in(write_conf(confs, "ams1.conf", server=OTHER_SERVER_KEY, address="10.9.0.250/32"), config_dir)
    fleet = read(config_dir).fleet
    assert {identity.name: identity.private_key for identity in fleet.identities} == {
        "wg0": SecretSource(SecretForm.FILE, "wg0.key"),
        "ams1": SecretSource(SecretForm.FILE, "wg0.key"),
    }
    assert secret_files(config_dir) == {"wg0.key"}


def test_an_identity_whose_key_cannot_be_read_does_not_stop_an_import(confs: Path, config_dir: Path) -> None:
    bring_in(write_conf(confs), config_dir)
    (config_dir / "wg0.key").unlink()
    bring_in(write_conf(confs, "ams1.conf", server=OTHER_SERVER_KEY), config_dir)
    assert [identity.name for identity in read(config_dir).fleet.identities] == ["wg0", "ams1"]


def test_with_an_identity_the_key_of_the_file_is_not_copied(confs: Path, config_dir: Path) -> None:
    key = bastion(config_dir)
    report = import_conf([write_conf(confs, psk=PSK)], config_dir, "bastion")
    [server] = read(config_dir).fleet.servers
    assert (server.identity, server.preshared_key) == ("bastion", None)
    assert [identity.name for identity in read(config_dir).fleet.identities] == ["bastion"]
    assert secret_files(config_dir) == {"bastion.key"}
    assert report.warning is None
    assert report.lines[0].startswith(
        "wg0.conf: line 4: preshared key not imported: it belongs to the key of"
    )
    assert report.lines[-1] == f"wg set wg0 peer {key} allowed-ips 10.8.0.9/32"


def without_private_key(path: Path) -> Path:
    path.write_text(path.read_text().replace(f"PrivateKey = {OWN_KEY.to_text()}\n", ""))
    return path


def test_a_file_without_a_private_key_is_imported_with_an_identity_and_its_preshared_key(
    confs: Path, config_dir: Path
) -> None:
    bastion(config_dir)
    report = import_conf([without_private_key(write_conf(confs, psk=PSK))], config_dir, "bastion")
    assert report.faults == ()
    fleet = read(config_dir).fleet
    assert open_keyring(fleet, config_dir).preshared_key("wg0") == PSK


def test_a_file_with_the_key_of_the_identity_brings_its_preshared_key(confs: Path, config_dir: Path) -> None:
    keygen("bastion", config_dir, private_key=OWN_KEY)
    report = import_conf([write_conf(confs, psk=PSK)], config_dir, "bastion")
    assert open_keyring(read(config_dir).fleet, config_dir).preshared_key("wg0") == PSK
    assert not any("wg set" in line for line in report.lines)


@pytest.mark.parametrize(
    ("has_identity", "advice"),
    [(True, "add: --identity bastion"), (False, "type: wgmon-tui keygen NAME; then add: --identity NAME")],
)
def test_without_a_private_key_and_without_an_identity_the_report_names_the_option(
    has_identity: bool, advice: str, confs: Path, config_dir: Path
) -> None:
    if has_identity:
        bastion(config_dir)
    report = import_conf([without_private_key(write_conf(confs))], config_dir)
    assert report.added == ()
    [fault] = report.faults
    assert str(fault).startswith("wg0.conf: [Interface] has no PrivateKey")
    assert str(fault).endswith(advice)


def test_a_bad_private_key_does_not_matter_with_an_identity(confs: Path, config_dir: Path) -> None:
    bastion(config_dir)
    path = write_conf(confs)
    path.write_text(path.read_text().replace(OWN_KEY.to_text(), "x"))
    [fault] = bring_in(path, config_dir).faults
    assert str(fault).startswith("wg0.conf: line 2: PrivateKey: not base64")
    assert len(import_conf([path], config_dir, "bastion").added) == 1


def test_an_identity_that_does_not_exist_is_refused_with_those_that_do(confs: Path, config_dir: Path) -> None:
    bastion(config_dir)
    with pytest.raises(ConfigurationError, match='no identity "bastoin"; there is bastion'):
        import_conf([write_conf(confs)], config_dir, "bastoin")


def test_the_warning_names_an_identity_that_exists_but_never_the_borrowed_one(
    confs: Path, config_dir: Path
) -> None:
    assert bring_in(write_conf(confs), config_dir).warning == SHARED_KEY_WARNING
    bastion(config_dir)
    again = bring_in(write_conf(confs, "ams1.conf", server=OTHER_SERVER_KEY), config_dir)
    assert again.warning == SHARED_KEY_WARNING
    other = write_conf(
        confs, "lon1.conf", key=PrivateKey(b"\x08" * 32), server=PrivateKey(b"\x04" * 32).public
    )
    warning = bring_in(other, config_dir).warning
    assert warning
    assert warning.endswith("--identity wg0")
