from __future__ import annotations

from pathlib import Path

import pytest

from tests.protocols.openvpn.profile_directories import FILES, WITH_FILES, archive, write_files
from tests.protocols.openvpn.profile_texts import STAND_IN, STAND_IN_KEY, inline, profile, static_key
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.protocols.openvpn.profile import WrapperKind
from wgmon_tui.protocols.openvpn.profile_files import complete_profile
from wgmon_tui.protocols.openvpn.profile_parser import parse_profile


def completed(path: Path) -> bytes:
    return complete_profile(path.read_bytes(), path)


def error_of(path: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        completed(path)
    return str(caught.value)


def test_a_profile_without_files_stays_as_it_is() -> None:
    text = profile().encode()
    assert complete_profile(text, None) == text


def test_files_beside_the_profile_become_part_of_it(tmp_path: Path) -> None:
    found = parse_profile(completed(write_files(tmp_path)))
    assert (found.ca, found.certificate, found.private_key) == (STAND_IN, STAND_IN, STAND_IN_KEY)
    (remote,) = found.remotes
    assert (remote.wrapper.kind, remote.wrapper.direction) == (WrapperKind.TLS_AUTH, 1)
    assert remote.wrapper.key == bytes(range(256))


def test_numbers_of_lines_stay_the_same(tmp_path: Path) -> None:
    path = write_files(tmp_path, WITH_FILES + "frobnicate\n")
    (notice,) = parse_profile(completed(path)).notices
    assert notice == 'line 7: unknown directive "frobnicate"; it is ignored'


def test_a_file_that_a_connection_names_stays_with_it(tmp_path: Path) -> None:
    text = WITH_FILES.replace("remote a 1194\n", "").replace("tls-auth ta.key 1\n", "")
    blocks = (
        "<connection>\nremote a\ntls-auth ta.key 0\n</connection>\n<connection>\nremote b\n</connection>\n"
    )
    first, second = parse_profile(completed(write_files(tmp_path, text + blocks))).remotes
    assert (first.wrapper.kind, second.wrapper.kind) == (WrapperKind.TLS_AUTH, WrapperKind.PLAIN)


def test_user_and_password_come_from_their_file(tmp_path: Path) -> None:
    found = parse_profile(completed(write_files(tmp_path, WITH_FILES + "auth-user-pass pass.txt\n")))
    assert found.credentials is not None
    assert (found.credentials.username, found.credentials.password) == ("ada", "enigma")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = write_files(tmp_path)
    (tmp_path / "ca.crt").unlink()
    expected = f"client.ovpn: line 3: ca: cannot read {tmp_path}/ca.crt: No such file or directory"
    assert error_of(path) == expected


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = write_files(tmp_path)
    (tmp_path / "client.key").chmod(0o644)
    assert error_of(path).startswith("client.ovpn: line 5: key: others can read")


def test_a_certificate_may_be_readable_for_others(tmp_path: Path) -> None:
    path = write_files(tmp_path)
    (tmp_path / "ca.crt").chmod(0o644)
    assert parse_profile(completed(path)).ca == STAND_IN


def test_a_profile_from_a_command_cannot_name_files() -> None:
    with pytest.raises(ConfigurationError) as caught:
        complete_profile(WITH_FILES.encode(), None)
    expected = 'line 3: ca: it names the file "ca.crt", and the profile is not in a file; put it inline'
    assert str(caught.value) == expected


def test_an_archive_has_the_profile_and_its_files() -> None:
    content = archive(
        {"vpn/client.ovpn": WITH_FILES, **{f"vpn/{name}": text for name, text in FILES.items()}}
    )
    assert parse_profile(complete_profile(content, Path("x.zip"))).private_key == STAND_IN_KEY


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (
            {"a.ovpn": "", "b.ovpn": ""},
            "x.zip: the archive has 2 profiles; import it, which makes a server of each",
        ),
        ({"a.txt": ""}, "x.zip: the archive has no profiles; expected a .ovpn file in it"),
        ({"a.ovpn": WITH_FILES}, 'x.zip: line 3: ca: there is no file "ca.crt" in the archive'),
    ],
)
def test_an_archive_that_is_not_one_profile(members: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        complete_profile(archive(members), Path("x.zip"))
    assert str(caught.value) == message


def test_a_damaged_archive_is_one_line() -> None:
    with pytest.raises(ConfigurationError, match="the archive is damaged; copy it again"):
        complete_profile(b"PK\x03\x04" + bytes(40), Path("x.zip"))


def test_a_block_is_not_taken_for_a_file(tmp_path: Path) -> None:
    text = profile(inline("tls-crypt", static_key()))
    path = write_files(tmp_path, text)
    assert completed(path) == text.encode()
