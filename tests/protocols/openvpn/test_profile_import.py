from __future__ import annotations

from pathlib import Path

import pytest

from tests.protocols.openvpn.profile_directories import FILES, WITH_FILES, archive, write_files
from tests.protocols.openvpn.profile_texts import STAND_IN_KEY, inline, profile
from wgmon_tui.config.imports.conf_reading import read_confs
from wgmon_tui.config.imports.import_report import ImportReport
from wgmon_tui.config.imports.wg_quick_import import import_confs
from wgmon_tui.config.secrets.keyring import open_keyring
from wgmon_tui.config.servers_file import read
from wgmon_tui.protocols.openvpn.profile_import import RESET_ONLY
from wgmon_tui.protocols.openvpn.targets import OpenVpnTarget, join_servers


@pytest.fixture
def config(tmp_path: Path) -> Path:
    directory = tmp_path / "config"
    directory.mkdir()
    return directory


@pytest.fixture
def source(tmp_path: Path) -> Path:
    directory = tmp_path / "source"
    directory.mkdir()
    return directory


def imported(config: Path, word: str | Path, given: bytes = b"") -> ImportReport:
    return import_confs(read_confs([word], lambda _: given), config)


def targets(config: Path) -> dict[str, OpenVpnTarget]:
    fleet = read(config).fleet
    found = join_servers(fleet.servers, open_keyring(fleet, config))
    assert not found.problems
    return {name: each for name, each in found.ready.items() if isinstance(each, OpenVpnTarget)}


def test_a_profile_becomes_a_server_with_a_private_file(config: Path, source: Path) -> None:
    path = write_files(source)
    report = imported(config, path)
    assert report.lines == (
        f"client.ovpn: {RESET_ONLY}",
        'client.ovpn: server "client" added (a:1194)',
    )
    made = targets(config)["client"]
    assert made.profile.private_key == STAND_IN_KEY
    (file,) = config.glob("client.profile")
    assert file.stat().st_mode & 0o777 == 0o600


def test_each_remote_becomes_a_server(config: Path, source: Path) -> None:
    path = write_files(source, profile(remote="remote a.example 1194\nremote b.example 443 tcp"))
    imported(config, path)
    found = targets(config)
    assert {name: str(each.server.endpoint) for name, each in found.items()} == {
        "client-a.example": "a.example:1194",
        "client-b.example": "b.example:443",
    }


def test_a_directory_and_an_archive_are_read_with_the_files_in_them(config: Path, source: Path) -> None:
    write_files(source)
    assert [each.name for each in imported(config, source).added] == ["client"]
    zipped = source / "profiles.zip"
    members = {"eu/fra1.ovpn": WITH_FILES.replace("remote a", "remote fra1"), **FILES}
    zipped.write_bytes(archive(members))
    assert [each.name for each in imported(config, zipped).added] == ["fra1"]
    assert targets(config)["fra1"].profile.private_key == STAND_IN_KEY


def test_standard_input_has_no_files_beside_it(config: Path) -> None:
    assert [each.name for each in imported(config, "-", profile().encode()).added] == ["vpn.example.net"]
    report = imported(config, "-", WITH_FILES.encode())
    assert [str(each) for each in report.faults] == [
        'standard input: line 3: ca: it names the file "ca.crt", and no file is beside it; put it inline'
    ]


@pytest.mark.parametrize("name", ["/etc/shadow", "../secret"])
def test_a_profile_fetches_no_file_from_elsewhere(name: str, config: Path, source: Path) -> None:
    path = write_files(source, WITH_FILES.replace("ca.crt", name))
    report = imported(config, path)
    assert [str(each) for each in report.faults] == [
        f'client.ovpn: line 3: ca: it names "{name}"; only files beside it are imported: copy it there'
    ]
    assert not report.added


def test_a_second_import_changes_nothing(config: Path, source: Path) -> None:
    path = write_files(source)
    imported(config, path)
    report = imported(config, path)
    assert report.existing == ("client",)
    assert not report.added


def test_a_profile_that_asks_for_a_password_says_so(config: Path, source: Path) -> None:
    path = write_files(source, profile("auth-user-pass"))
    assert any("add username and password_file" in line for line in imported(config, path).lines)
    path = write_files(
        source, profile(inline("auth-user-pass", "ada\nenigma")).replace("net 1194", "net 1195")
    )
    assert not any("password_file" in line for line in imported(config, path).lines)


def test_bad_input_is_one_line_and_adds_nothing(config: Path, source: Path) -> None:
    path = write_files(source, "client\nremote a 99999\n")
    report = imported(config, path)
    assert [str(each) for each in report.faults] == [
        'client.ovpn: line 2: remote: expected a number from 1 to 65535, got "99999"'
    ]
    assert list(config.iterdir()) == []


def test_a_wg_quick_file_stays_one(source: Path) -> None:
    path = source / "wg0.conf"
    path.write_text("[Interface]\nPrivateKey = x\n# remote a 1194\n[Peer]\nEndpoint = remote:1\n")
    assert len(read_confs([path]).confs) == 1
